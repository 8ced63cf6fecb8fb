"""A run's folder, read again and again while its run goes on, in this process or in another."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.pipelines.execution import PROGRESS, RECORD
from workbench.pipelines.lock import is_held
from workbench.pipelines.records import read_json
from workbench.studies.processes import is_alive
from workbench.widgets.stages.facts import WORDS, Facts, facts_of_record, number

_PATIENCE = 3.0  # seconds that a run's files may be older than the process that is gone: one may be taking it over

Stamp = tuple[int, int, int]


class RunFolder:
    """The files of a run as they are now; what is missing or half written leaves the last state as it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[Stamp | None, dict[str, Any]]] = {}

    @property
    def stamp(self) -> Stamp | None:
        """What changes whenever the run's record does; None without one."""
        return _stamp(self.folder / RECORD)

    @property
    def known(self) -> bool:
        """Whether a record could ever be read."""
        return bool(self._last(RECORD))

    def look(self) -> tuple[Facts, dict[str, list[float]]]:
        """What the record says of the run now, and cell, cells and seconds of the stages at work."""
        record, progress = self._last(RECORD), self._last(PROGRESS)
        facts = facts_of_record(record, self.folder)
        if facts.head["state"] != "running":
            return facts, {}
        pid, age = self._pid(progress)
        if pid is not None and not _lives(pid) and age > _PATIENCE and not is_held(self.folder):
            facts.head.update(state="killed", words=WORDS["killed"])
            for stage in facts.stages:
                if stage["state"] == "running":
                    stage.update(state="stopped", why="the run's process is gone")
            return facts, {}
        if pid is not None and pid != os.getpid():
            facts.head["words"] += f" in another process ({pid})"
        if pid is None and age > 60:
            facts.head["words"] = f"running when last heard of, {age / 60:.0f} min ago"
        else:
            facts.head["seconds"] += self._since()
        stages = progress.get("stages")
        return facts, _cells(stages if isinstance(stages, dict) else {})

    def _last(self, name: str) -> dict[str, Any]:
        """A file's content, read when it has changed; the last whole one while it is being replaced."""
        path = self.folder / name
        stamp = _stamp(path)
        before, content = self._read.get(path, (None, {}))
        if stamp is None and name == PROGRESS:
            content = {}  # nothing is at work
        elif stamp != before and (fresh := read_json(path)):
            content = fresh
        else:
            return content
        self._read[path] = (stamp, content)
        return content

    def _pid(self, progress: Mapping[str, Any]) -> tuple[int | None, float]:
        """The process that is at work, None where nobody says so, and seconds since a file has changed."""
        said = [progress.get("pid"), _number_in(self.folder / "run.lock")]
        pids = [pid for pid in said if isinstance(pid, int) and pid > 0]
        stamps = [stamp for name in (RECORD, PROGRESS) if (stamp := _stamp(self.folder / name))]
        age = time.time() - max((stamp[0] for stamp in stamps), default=0) / 1e9
        return next((pid for pid in pids if _lives(pid)), pids[0] if pids else None), age

    def _since(self) -> float:
        stamp = self.stamp
        return max(0.0, time.time() - stamp[0] / 1e9) if stamp else 0.0


def _cells(stages: Mapping[str, Any]) -> dict[str, list[float]]:
    return {
        str(name): [number(one.get(key)) for key in ("cell", "of", "seconds")]
        for name, one in stages.items()
        if isinstance(one, dict)
    }


def _lives(pid: int) -> bool:
    return pid == os.getpid() or is_alive({"process": f"{socket.gethostname()}:{pid}"})


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
