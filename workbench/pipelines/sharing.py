"""Results that another run has already: found by their key, copied instead of made again."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path

from workbench.pipelines.fingerprint import Fingerprint
from workbench.pipelines.records import DONE, put_in_place, read_json, why_not_done
from workbench.pipelines.worker import discard


class Others:
    """The finished stages of the runs that lie beside a run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def having(self, fingerprint: Fingerprint) -> Path | None:
        """Return the folder of a stage with exactly this result, None where there is none."""
        return next(
            (path for path in self._places.get(fingerprint.key, ()) if not why_not_done(path, fingerprint)), None
        )

    @cached_property
    def _places(self) -> dict[str, list[Path]]:
        """Key of a result -> the folders that hold it."""
        found: dict[str, list[Path]] = {}
        for record in sorted(self.folder.parent.glob("*/run.json")):
            if record.parent.name == self.folder.name:
                continue
            for stage in read_json(record).get("stages", ()):
                if isinstance(stage, dict) and stage.get("key") and isinstance(stage.get("name"), str):
                    found.setdefault(stage["key"], []).append(record.parent / Path(stage["name"]).name)
        return found


def take(source: Path, folder: Path, fingerprint: Fingerprint) -> bool:
    """Copy a finished stage's folder to `folder`, which is replaced; return whether it came whole."""
    unfinished = folder.with_name(f"{folder.name}.partial")
    discard(unfinished)  # of a run that was ended
    try:
        shutil.copytree(source, unfinished, symlinks=True)
    except (OSError, shutil.Error):  # the other run may be replacing it just now
        shutil.rmtree(unfinished, ignore_errors=True)
        return False
    if why_not_done(unfinished, fingerprint) or not (unfinished / DONE).is_file():
        shutil.rmtree(unfinished, ignore_errors=True)
        return False
    put_in_place(unfinished, folder)
    return True
