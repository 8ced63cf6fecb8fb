"""What a view shows of a run, whether it was read from a folder, planned, or is at hand as a value."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workbench.palette import on_dark
from workbench.pipelines.outcome import STATES, Run
from workbench.pipelines.worker import from_here

#: The states of a stage whose work is settled, for better or worse.
FINISHED = ("done", "kept", "left out")
#: What is said of a run in each of its states; `planned` is the view's own.
WORDS = {
    "planned": "planned",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "interrupted": "stopped; the same call takes it up",
    "killed": "its process is gone; the same call takes it up",
}


class Facts(NamedTuple):
    """The head of a view and its stages, as the browser takes them."""

    head: dict[str, Any]
    stages: list[dict[str, Any]]


def looks() -> dict[str, list[str]]:
    """State of a stage -> its colour, its colour on dark paper, its sign."""
    return {state: [colour, on_dark(colour), sign] for state, (colour, sign) in STATES.items()}


def facts_of_record(record: Mapping[str, Any], folder: Path) -> Facts:
    """What a run's record says; whatever in it is not as a run writes it is left out."""
    entries = record.get("stages")
    stages = [stage_of(one) for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    report = record.get("report")
    file = report.get("file") if isinstance(report, dict) else None
    state = str(record.get("state"))
    state = state if state in WORDS else "running"
    head = {
        "pipeline": str(record.get("pipeline", folder.name)),
        "title": str(record.get("title", folder.name)),
        "state": state,
        "words": WORDS[state],
        "started": str(record.get("started", "")),
        "updated": str(record.get("updated", "")),
        "seconds": number(record.get("seconds")),
        "parameters": listed(record.get("parameters")),
        "folder": from_here(folder),
        "report": beside(folder / file) if isinstance(file, str) and (folder / file).is_file() else "",
    }
    return Facts(head, stages)


def facts_of_run(run: Run) -> Facts:
    """What a run knows by itself, for one whose folder is gone, or has no record yet."""
    record = {
        "pipeline": run.pipeline,
        "title": run.pipeline,
        "state": "running" if run.running else "done" if run.ok else "failed",
        "seconds": run.seconds,
        "parameters": run.parameters,
        "stages": [{"name": s.name, "state": s.state, "seconds": s.seconds, "why": s.why, "error": s.error}
                   for s in run.stages],
    }  # fmt: skip
    return facts_of_record(record, run.folder)


def stage_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One stage as the browser takes it."""
    name = str(entry.get("name"))
    needs, matrix = entry.get("needs"), entry.get("matrix")
    attempt = entry.get("attempt")
    return {
        "name": name,
        "base": str(entry.get("base") or name),
        "matrix": {str(key): shown(value) for key, value in matrix.items()} if isinstance(matrix, dict) else {},
        "needs": [str(need) for need in needs] if isinstance(needs, list) else [],
        "state": str(entry.get("state")) if entry.get("state") in STATES else "waiting",
        "seconds": number(entry.get("seconds")),
        "why": str(entry.get("why") or ""),
        "error": str(entry.get("error") or ""),
        "file": str(entry.get("file") or ""),
        "attempt": attempt if isinstance(attempt, int) else 1,
    }


def listed(parameters: object) -> list[list[str]]:
    """Parameters as pairs of texts."""
    if not isinstance(parameters, Mapping):
        return []
    return [[str(name), shown(value)] for name, value in parameters.items()]


def beside(path: Path) -> str:
    """A file's path from the folder of the notebook that is open, from where JupyterLab finds it."""
    home = Path(os.environ.get("JPY_SESSION_NAME") or "x").parent.resolve()
    if not home.is_dir():
        home = Path.cwd()
    try:
        return Path(os.path.relpath(path, home)).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()


def shown(value: object) -> str:
    """A parameter's value as a text: words as they are, everything else as Python writes it."""
    return value if isinstance(value, str) else repr(value)


def number(value: object) -> float:
    """A finite number of seconds, 0 for anything else."""
    ours = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if ours else 0.0  # type: ignore[arg-type]
