"""Finished and unfinished runs in a folder: listed, looked at, and removed when no longer wanted."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.errors import InvalidInput, UnknownName
from workbench.pipelines.lock import is_held
from workbench.pipelines.records import read_json
from workbench.rooms import runs_folder

if TYPE_CHECKING:
    import pandas as pd

#: The states of a run: at work, finished, with a failed stage, stopped by someone, ended without a word.
STATES = ("running", "done", "failed", "interrupted", "killed")


class Kept(NamedTuple):
    """A run folder: its pipeline and parameters, state, when it was last at work, its stages and its size in MB."""

    folder: Path
    pipeline: str
    state: str
    updated: datetime
    seconds: float
    finished: int
    stages: int
    megabytes: float
    report: Path | None
    parameters: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values of JSON."""
        return {
            **self._asdict(),
            "folder": self.folder.as_posix(),
            "updated": self.updated.isoformat(),
            "report": self.report.as_posix() if self.report else None,
        }


def runs(folder: str | Path | None = None) -> pd.DataFrame:
    """Return the runs in a folder (by default where `wb.run` puts them), the latest first, a row for each."""
    import pandas as pd

    found = list(kept_runs(folder))
    frame = pd.DataFrame([one.to_dict() for one in found], columns=[*Kept._fields])
    return frame.set_index("folder")


def kept_runs(folder: str | Path | None = None) -> Iterator[Kept]:
    """Yield the runs in a folder, the latest first; folders that no run made are passed over."""
    place = runs_folder() if folder is None else Path(folder)
    if folder is not None and not place.is_dir():
        raise InvalidInput(f"There is no folder {place} with runs in it.")
    found = (_looked_at(record.parent) for record in place.glob("*/run.json"))
    yield from sorted((one for one in found if one is not None), key=lambda one: one.updated, reverse=True)


def prune_runs(
    folder: str | Path | None = None,
    *,
    older_than: float | None = None,
    keep: int | None = None,
    states: Collection[str] | None = None,
    dry_run: bool = False,
) -> list[Kept]:
    """Remove runs and return them; those at work are never removed.

    Args:
        folder: where the runs are, by default where `wb.run` puts them.
        older_than: only runs that were last at work longer ago than so many days.
        keep: of each pipeline keep the so many latest runs.
        states: only runs in these states, of `STATES`.
        dry_run: only say which ones.

    Raises:
        InvalidInput: when nothing limits what would be removed, and for limits that make no sense.
        UnknownName: for an unknown state.
    """
    if older_than is None and keep is None and states is None:
        raise InvalidInput("prune_runs removes by age, number or state: say older_than=, keep= or states=.")
    if (older_than is not None and not older_than >= 0) or (keep is not None and keep < 0):
        raise InvalidInput(f"older_than is a number of days and keep one of runs; got {older_than!r} and {keep!r}.")
    for state in states or ():
        if state not in STATES:
            raise UnknownName.of("state of a run", state, STATES)
    before = None if older_than is None else datetime.now(UTC) - timedelta(days=older_than)
    removed, seen = [], dict[str, int]()
    for one in kept_runs(folder):
        seen[one.pipeline] = seen.get(one.pipeline, 0) + 1
        if (
            one.state == "running"
            or (before is not None and one.updated > before)
            or (keep is not None and seen[one.pipeline] <= keep)
            or (states is not None and one.state not in states)
        ):
            continue
        removed.append(one)
        if not dry_run:
            shutil.rmtree(one.folder)
    return removed


def _looked_at(folder: Path) -> Kept | None:
    record = read_json(folder / "run.json")
    if "pipeline" not in record or folder.is_symlink():
        return None
    state = str(record.get("state", ""))
    held = is_held(folder)
    if held:
        state = "running"
    elif state not in STATES or state == "running":
        state = "killed"
    stages = [stage for stage in record.get("stages", ()) if isinstance(stage, dict)]
    report = folder / "report.html"
    return Kept(
        folder,
        str(record["pipeline"]),
        state,
        _when(record.get("updated"), folder),
        float(record.get("seconds", 0.0)),
        sum(stage.get("state") in ("done", "kept", "left out") for stage in stages),
        len(stages),
        sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6,
        report if report.is_file() else None,
        dict(record.get("parameters", {})),
    )


def _when(text: object, folder: Path) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
