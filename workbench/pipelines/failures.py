"""What failed in a run, as cells of a notebook for its report: the error, its cell, what was skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def with_failures(document: nbformat.NotebookNode | None, made: Mapping[str, Any], folder: Path) -> Any:
    """Return the notebook of a report, with what failed in front; what failed alone where this run did not make it.

    `made` is the record of the run in `folder`. A notebook of a run without failures is returned as it is.
    """
    cells = list(_cells(made, folder))
    if not cells:
        return document
    states = {stage["name"]: stage["state"] for stage in made["stages"]}
    if document is None or states.get(made["report_stage"]) not in ("done", "kept"):
        title = new_markdown_cell(f"# {made['title'] or made['pipeline']}")  # type: ignore[no-untyped-call]
        return new_notebook(cells=[title, *cells])  # type: ignore[no-untyped-call]
    document.cells[1:1] = cells  # below the title
    return document


def _cells(made: Mapping[str, Any], folder: Path) -> Iterator[Any]:
    failed = [stage for stage in made["stages"] if stage["state"] == "failed"]
    if not failed:
        return
    skipped = [stage["name"] for stage in made["stages"] if stage["state"] == "skipped"]
    words = f"\n\nSkipped, because they need it: {', '.join(f'`{name}`' for name in skipped)}." if skipped else ""
    yield new_markdown_cell(f"## What failed{words}")  # type: ignore[no-untyped-call]
    for stage in failed:
        yield new_markdown_cell(f"### Stage `{stage['name']}`")  # type: ignore[no-untyped-call]
        error = new_output("stream", name="stderr", text=stage["error"] + "\n")  # type: ignore[no-untyped-call]
        yield _failing_cell(folder / f"{Path(stage['name']).name}.partial" / "notebook.ipynb", error)


def _failing_cell(notebook: Path, error: Any) -> Any:
    """The cell that raised with its traceback, as far as its notebook was saved; else the error alone."""
    try:
        cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError):
        cells = []
    for cell in cells:
        raised = [output for output in cell.get("outputs", ()) if output.get("output_type") == "error"]
        if raised:
            return new_code_cell(cell.source, outputs=[error, *raised])  # type: ignore[no-untyped-call]
    return new_code_cell("", outputs=[error])  # type: ignore[no-untyped-call]
