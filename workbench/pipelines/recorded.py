"""Reading the record of a run back: whole, of a format that is known, or one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench import __version__
from workbench.errors import InvalidInput
from workbench.pipelines.files import text_of
from workbench.pipelines.outcome import Run
from workbench.pipelines.provenance import FORMAT

RECORD = "run.json"
MOST_BYTES = 256 * 1024**2
#: What every record has, with its type, and what stands for it in one that an older workbench wrote.
NEEDED = {"pipeline": str, "report_stage": str, "parameters": dict, "stages": list}
OPTIONAL: dict[str, Any] = {
    "title": "", "state": "", "started": "", "updated": "", "help": {}, "seeds": {}, "software": {}, "platform": "",
    "cores": 0, "machine": {}, "git": {}, "seconds": 0.0, "workbench": "", "report": {},
}  # fmt: skip
OF_A_STAGE: dict[str, Any] = {
    "file": "", "needs": [], "state": "", "seconds": 0.0, "why": "", "error": "", "started": "", "finished": "",
    "notebook": "", "parameters": {}, "inputs": {}, "files": {}, "result": "", "software": {},
}  # fmt: skip


def folder_of(run: Run | str | Path) -> Path:
    """Return the folder of a run that is given as itself or by its folder."""
    if isinstance(run, Run):
        return run.folder
    if not isinstance(run, str | Path):
        raise InvalidInput(f"A run is given by its folder or as the Run that wb.run returns, not as {run!r}.")
    return Path(run)


def recorded(run: Run | str | Path) -> dict[str, Any]:
    """Return the record of a run, with everything in it that its readers use; stages by name in their order.

    Raises:
        InvalidInput: for a folder without a record, and for a record that is damaged or of a newer format.
    """
    path = folder_of(run) / RECORD
    if not path.exists():
        raise InvalidInput(
            f"{path.parent} is not the folder of a run: it has no {RECORD}. Give the folder that a run says it uses."
        )
    try:
        record = json.loads(text_of(path, "record", MOST_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise _damaged(path, "it is no JSON") from None
    if not isinstance(record, dict):
        raise _damaged(path, "it is no table")
    version = record.get("format", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise InvalidInput(
            f"{path} has the format {version}; this workbench ({__version__}) reads up to {FORMAT}. "
            "Update nas-workbench to the version that made the run, or a later one."
        )
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _damaged(path, f"its format is {version!r}")
    for name, kind in NEEDED.items():
        if not isinstance(record.get(name), kind):
            raise _damaged(path, f"{name} is {'not a ' + kind.__name__ if name in record else 'missing'}")
    stages = [_stage(stage, path) for stage in record["stages"]]
    return {**_completed(record, OPTIONAL, path), "stages": stages}


def _stage(stage: object, path: Path) -> dict[str, Any]:
    if not isinstance(stage, dict) or not isinstance(stage.get("name"), str):
        raise _damaged(path, "a stage has no name")
    return _completed(stage, OF_A_STAGE, path)


def _completed(found: dict[str, Any], defaults: dict[str, Any], path: Path) -> dict[str, Any]:
    """A table with the defaults for what it lacks; what it has is of the default's type."""
    for name, default in defaults.items():
        kinds = (int, float) if isinstance(default, int | float) else type(default)
        if found.get(name) is not None and not isinstance(found[name], kinds):
            raise _damaged(path, f"{name} is not a {type(default).__name__}")
    return {**defaults, **{name: value for name, value in found.items() if value is not None}}


def _damaged(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"The record {path} is damaged: {why}. Run its pipeline with this folder once more: what is finished is kept, "
        "and the record is written anew."
    )
