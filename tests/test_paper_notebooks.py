"""Every notebook of a paper says the claim and the mechanism, runs at its smallest, and writes what it measured."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

import workbench as wb
from workbench.rooms import room

PAPERS = sorted(room("notebooks").joinpath("papers").glob("*.ipynb"))


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_a_paper_is_told_in_words(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    first = cells[0].source
    assert first.splitlines()[0].rstrip().endswith("?")  # one question
    assert "**Claim**" in first
    assert "**Mechanism**" in first
    assert "| space | strategy | estimator | cost | objective | recipe |" in first
    # Mechanisms are in the library: what a notebook defines is a shorthand.
    defined = [node for cell in cells if cell.cell_type == "code" for node in ast.walk(ast.parse(cell.source))]
    functions = [node for node in defined if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno > 11] == []


# In this process: each kernel would spend longer on importing torch than on the notebook.
@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::workbench.tasks.NoiseInput")
def test_a_paper_runs_at_its_smallest(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{path.stem}.ipynb", "exec"), names)  # noqa: S102
    assert [left.name for left in tmp_path.iterdir()] == ["runs"]
    effects = wb.read_effects(names["output"])
    assert effects
    # One number a seed, or one for each seed and pair of settings.
    assert {len(found.ours) % names["seeds"] for found in effects} == {0}
    assert len(wb.effects_table(effects)) == len(effects)
    assert list(wb.effects_figure(effects).data)
