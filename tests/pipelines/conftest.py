"""Small real notebooks and pipelines made in a temporary folder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest


def notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    """Write a notebook: code cells, `# md` cells as markdown, and a cell tagged parameters in front."""
    document = nbformat.v4.new_notebook()
    if parameters:
        cell = nbformat.v4.new_code_cell(textwrap.dedent(parameters).strip())
        cell.metadata["tags"] = ["parameters"]
        document.cells.append(cell)
    for source in map(textwrap.dedent, cells):
        text = source.strip()
        document.cells.append(
            nbformat.v4.new_markdown_cell(text.removeprefix("# md").strip())
            if text.startswith("# md")
            else nbformat.v4.new_code_cell(text)
        )
    nbformat.write(document, path)
    return path


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook into the test's folder: name, cells, parameters."""

    def write(name: str, *cells: str, parameters: str = "") -> Path:
        return notebook(tmp_path / f"{name}.ipynb", *cells, parameters=parameters)

    return write


NUMBERS = """
from pathlib import Path
Path(output, "numbers.txt").write_text(" ".join(str(seed + i) for i in range(n)))
"""
SUM = """
from pathlib import Path
text = Path(inputs, "numbers", "numbers.txt").read_text()
Path(output, "sum.txt").write_text(str(factor * sum(map(int, text.split()))))
"""
TELL = """
from pathlib import Path
print("the sum is", Path(inputs, "sum", "sum.txt").read_text())
"""
PLACES = 'inputs: str = "runs/scratch"\noutput: str = "runs/scratch/own"\n'


SMALL = """
title = "A small pipeline"
report = "tell"
[smallest]
n = 1
[stages.numbers]
notebook = "numbers.ipynb"
[stages.sum]
notebook = "sum.ipynb"
needs = ["numbers"]
[stages.aside]
notebook = "aside.ipynb"
[stages.tell]
notebook = "tell.ipynb"
needs = ["sum"]
"""


@pytest.fixture(scope="session")
def make_small_pipeline() -> Callable[[Path], Path]:
    """Write a pipeline of four stages into a folder: numbers -> sum -> tell, and aside, which needs nothing."""

    def make(folder: Path) -> Path:
        notebook(folder / "numbers.ipynb", NUMBERS, parameters=PLACES + "n: int = 3  # how many\nseed: int = 0")
        notebook(folder / "sum.ipynb", SUM, parameters=PLACES + "factor: int = 1")
        notebook(folder / "aside.ipynb", "x = 1")
        notebook(folder / "tell.ipynb", "# md # The answer", TELL, parameters=PLACES)
        (folder / "small.toml").write_text(SMALL, encoding="utf-8")
        return folder / "small.toml"

    return make


@pytest.fixture
def small_pipeline(tmp_path: Path, make_small_pipeline: Callable[[Path], Path]) -> Path:
    """The small pipeline in the test's own folder."""
    return make_small_pipeline(tmp_path)
