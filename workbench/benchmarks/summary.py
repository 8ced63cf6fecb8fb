"""A summary: the final numbers of every architecture of an archive, read once and remembered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, final

import numpy as np

from workbench.benchmarks.files.table_cache import cache_folder, load, store
from workbench.benchmarks.records import Floats
from workbench.progress import progress

_DONE = "__row_done__"
_STEP = 500  # rows between two savings: about ten seconds of reading


class Rows(Protocol):
    """A folder of records, one file for every row."""

    def rows(self) -> list[int]:
        """The rows that have a file."""
        ...

    def fingerprint(self) -> str:
        """A checksum that changes when the folder does."""
        ...


@final
class Summary:
    """The numbers of every row as arrays; an interrupted reading is taken up where it was left."""

    def __init__(self, name: str, archive: Rows, numbers: Callable[[int], dict[str, float]], rows: int) -> None:
        self._name = name
        self._archive = archive
        self._numbers = numbers
        self._rows = rows
        self._complete: dict[str, Floats] | None = None

    @property
    def made(self) -> bool:
        """Whether every row has been read, in this process or an earlier one."""
        if self._complete is None:
            arrays = self._saved(self._archive.fingerprint())
            done = arrays.pop(_DONE)
            if done[self._archive.rows()].all():
                self._complete = arrays
        return self._complete is not None

    def arrays(self) -> dict[str, Floats]:
        """One array of shape (rows,) for every number, NaN in rows without a file."""
        if not self.made or self._complete is None:
            self._complete = self._read_all()
        return self._complete

    def _read_all(self) -> dict[str, Floats]:
        source = self._archive.fingerprint()
        arrays = self._saved(source)
        done = arrays.pop(_DONE)
        every = self._archive.rows()
        waiting = [row for row in every if not done[row]]
        unsaved = 0
        try:
            bar = progress(waiting, len(every), "reading the archive", len(every) - len(waiting))
            for row in bar:
                for name, value in self._numbers(row).items():
                    arrays.setdefault(name, np.full(self._rows, np.nan))[row] = value
                done[row] = 1.0
                unsaved += 1
                if unsaved == _STEP:
                    store(self._path, source, {**arrays, _DONE: done})
                    unsaved = 0
        finally:
            if unsaved:
                store(self._path, source, {**arrays, _DONE: done})
        return arrays

    def _saved(self, source: str) -> dict[str, Floats]:
        """What an earlier reading of the same files has saved, or nothing."""
        stored, _ = load(self._path, source)
        if stored is None:
            return {_DONE: np.zeros(self._rows)}
        return {name: np.array(array, dtype=np.float64) for name, array in stored.items()}

    @property
    def _path(self) -> Path:
        return cache_folder() / "tables" / f"{self._name}.npz"
