"""Watching over finished results: whether a stage wrote into a folder that is not its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


class Guard:
    """Remembers size and time of every file of the finished stages of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, dict[str, tuple[int, int]]] = {}

    def watch(self, stage: str) -> None:
        """Remember a finished stage's files as they are now."""
        self._known[stage] = dict(_files(self.folder / stage))

    def changed(self) -> str:
        """Return the first file that is another than it was, from the run folder; empty when there is none."""
        for stage, before in self._known.items():
            now = dict(_files(self.folder / stage))
            for name in sorted({*before, *now}):
                if before.get(name) != now.get(name):
                    self._known[stage] = now  # told once
                    return f"{stage}/{name}"
        return ""


def _files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here, name)
            try:
                facts = path.lstat()
            except OSError:
                continue
            yield path.relative_to(folder).as_posix(), (facts.st_size, facts.st_mtime_ns)
