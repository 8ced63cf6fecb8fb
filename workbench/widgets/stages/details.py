"""What is behind a stage of a run: its notebook, the cell that failed, its parameters, files, and its log's end."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from workbench.pipelines.parameters import source_of, tags_of
from workbench.pipelines.records import DONE, read_json
from workbench.pipelines.worker import from_here
from workbench.widgets.stages.facts import beside, listed

LOG_LINES = 200
_LOG_BYTES, _FILES, _LONGEST = 64_000, 60, 400  # the end of a log that is read; files that are named; letters of a line
_NOTEBOOK = 40_000_000  # bytes of a notebook that is still read for the cell that failed
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}")
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OURS = ("notebook.ipynb", "stage.log", DONE, ".private")


def details_of(folder: Path, name: str, state: str) -> dict[str, Any]:
    """What the stage's folder holds, that of its last attempt where it is not finished; nothing without a folder."""
    if not _FOLDER.fullmatch(name):
        return {}  # no run calls a stage so: it would name a place outside of the run's folder
    place = folder / name
    partial = folder / f"{name}.partial"
    if state not in ("done", "kept") and partial.is_dir():
        place = partial
    if not place.is_dir():
        return {}
    notebook = place / "notebook.ipynb"
    marker = read_json(place / DONE)
    cells = _cells(notebook) if state in ("failed", "stopped") or not marker else []
    log, cut = log_of(place / "stage.log")
    files = _files(place)
    parameters = listed(marker.get("parameters")) or _given(cells)
    return {
        "folder": from_here(place),
        "notebook": beside(notebook) if notebook.is_file() else "",
        "finished": str(marker.get("finished", "")),
        "parameters": [[key, value] for key, value in parameters if key not in ("inputs", "output")],
        "files": files[:_FILES],
        "more_files": max(0, len(files) - _FILES),
        "failure": _failure(cells) if state == "failed" else {},
        "log": log,
        "log_cut": cut,
    }


def log_of(path: Path) -> tuple[list[str], bool]:
    """The last lines of a log as a terminal would show them, and whether there are more before them."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return [], False
    lines = [_CODES.sub("", line.rstrip("\r").rpartition("\r")[2])[:_LONGEST] for line in text.rstrip().split("\n")]
    if size > _LOG_BYTES:
        lines = lines[1:]
    kept = [line for line in lines if line.strip()][-LOG_LINES:]
    return kept, size > _LOG_BYTES or len(kept) < sum(1 for line in lines if line.strip())


def _files(place: Path) -> list[list[Any]]:
    """Name and size of each file that the stage wrote itself."""
    found = []
    try:
        for path in sorted(place.rglob("*")):
            name = path.relative_to(place).as_posix()
            if name not in _OURS and path.is_file():
                found.append([name, path.stat().st_size])
    except OSError:  # the folder gets its final name at this moment
        pass
    return found


def _cells(notebook: Path) -> list[dict[str, Any]]:
    try:
        if notebook.stat().st_size > _NOTEBOOK:
            return []
        cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells")
    except (OSError, ValueError, AttributeError):
        return []
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _given(cells: list[dict[str, Any]]) -> list[list[str]]:
    """The parameters that papermill wrote into a notebook that did not come to its end."""
    for cell in cells:
        if "injected-parameters" in tags_of(cell):
            try:
                body = ast.parse(source_of(cell)).body
                pairs = [(one.targets[0], one.value) for one in body if isinstance(one, ast.Assign)]
                return listed({a.id: ast.literal_eval(b) for a, b in pairs if isinstance(a, ast.Name)})
            except (SyntaxError, ValueError, TypeError):
                return []
    return []


def _failure(cells: list[dict[str, Any]]) -> dict[str, str]:
    """The cell that failed: which it is, its source, and its error with the traceback."""
    for cell in cells:
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            if isinstance(output, dict) and output.get("output_type") == "error":
                lines = output.get("traceback")
                words = "\n".join(map(str, lines)) if isinstance(lines, list) else ""
                count = cell.get("execution_count")
                return {
                    "cell": f"cell {count}" if isinstance(count, int) else "",
                    "source": source_of(cell)[:4000],
                    "error": f"{output.get('ename', '')}: {output.get('evalue', '')}"[:2000],
                    "traceback": _CODES.sub("", words)[-6000:],
                }
    return {}
