"""What widgets cost where they are kept: in a saved notebook, in its plain export, on a page, and as bundles."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.widgets.page import bundles

# Bytes. The first two are promised; the others are what they need now and a little more.
LARGEST = {"cell_editor": 500_000, "space_map": 60_000}
OTHERS = 80_000
SEARCH_SPACES = ("nasbench201", "nasbench101", "darts", "mobilenetv4_uib", "nasbench_macro")


def saved(path: Path, *widgets: object) -> nbformat.NotebookNode:
    """A notebook with widgets, as it is saved without their states."""
    cells = []
    for widget in widgets:
        data, metadata = widget._repr_mimebundle_()  # type: ignore[attr-defined]
        cells.append(new_code_cell("editor", outputs=[new_output("display_data", data, metadata=metadata)]))
    nbformat.write(new_notebook(cells=cells), path)
    return nbformat.read(path, as_version=4)


def test_five_editors_take_under_100_kb_and_are_pictures_in_a_plain_export(tmp_path: Path, bench: Benchmark) -> None:
    editors = [wb.CellEditor(arch, bench) for arch in bench.space.sample(5, seed=0)]
    book = saved(tmp_path / "n.ipynb", *editors)
    assert (tmp_path / "n.ipynb").stat().st_size < 100_000
    html, _ = HTMLExporter().from_notebook_node(book)
    pictures = [b64decode(found).decode() for found in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", html)]
    drawings = [picture for picture in pictures if "nasbench201" in picture]  # the others are the export's own icons
    assert all(editor.facts[0]["value"] in drawing for editor, drawing in zip(editors, drawings, strict=True))


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_five_editors_of_any_space_take_under_100_kb(tmp_path: Path, name: str) -> None:
    space = wb.search_space(name)
    saved(tmp_path / "n.ipynb", *(wb.CellEditor(arch, []) for arch in space.sample(5, seed=0)))
    assert (tmp_path / "n.ipynb").stat().st_size < 100_000


def test_the_still_of_a_map_of_15_625_points_is_under_100_kb(bench: Benchmark) -> None:
    assert len(wb.SpaceMap(bench).still().encode()) < 100_000


def test_a_page_with_a_linked_editor_and_map_of_nasbench201_is_under_2_mb(tmp_path: Path, bench: Benchmark) -> None:
    editor = wb.CellEditor(bench.best("valid_accuracy")[0], bench)
    assert wb.page([editor, wb.SpaceMap(bench, editor=editor)], tmp_path / "p.html").size < 2_000_000


def test_bundles_are_no_larger_than_promised() -> None:
    sizes = {name: path.stat().st_size for name, path in bundles().items()}
    assert {name: size for name, size in sizes.items() if size > LARGEST.get(name, OTHERS)} == {}
