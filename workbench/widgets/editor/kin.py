"""An architecture's kin: its twins in the space, and the nearest ones of which a table knows something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, MissingData
from workbench.spaces.nearest import Answers, Recorded, answers_of

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.benchmarks.records import Column
    from workbench.spaces.space import SearchSpace

NEAREST = 8  # recorded architectures that are shown
_TWINS = 40  # twins that are listed; the others are counted
_PART = 2_000  # strings that are read at a time: about a second of the dearest
_QUALITY = ("valid_accuracy", "test_accuracy")


class Part(NamedTuple):
    """Some strings of a table, to be read in another process."""

    space: SearchSpace
    texts: Sequence[str]


def read(part: Part) -> Answers:
    """The answers of the part's architectures."""
    return answers_of(part.space, part.texts)


@final
class Kin:
    """Twins by the space's two canonical rules; nearest by edits, where the table does not know the whole space."""

    def __init__(self, space: SearchSpace, benchmark: Benchmark | None) -> None:
        self._space = space
        self._benchmark = benchmark
        self._column = _first_column(benchmark) if benchmark is not None else None
        self._recorded = Recorded()
        self._names: list[str] | None = None
        self._values = np.zeros(0)

    def of(self, arch: Architecture) -> dict[str, Any]:
        """Both lists as plain data: entries, how many are not listed, and words where there is something to say."""
        return {"twins": self._twins(arch), "nearest": self._nearest(arch)}

    def unread(self, arch: Architecture) -> Part | None:
        """The next strings that have to be read before `of` knows the nearest; None where it does, or never will."""
        if not self._helps(arch):
            return None
        names = self._listed()
        start = self._recorded.size
        return Part(self._space, names[start : start + _PART]) if start < len(names) else None

    def add(self, answers: Answers) -> None:
        """Take in what was read of the part that `unread` gave."""
        self._recorded.add(answers)

    def _twins(self, arch: Architecture) -> dict[str, Any]:
        try:
            isomorphic = [twin for twin in self._space.twins(arch) if twin != arch]
            alike = [twin for twin in self._space.twins(arch, "functional") if twin != arch]
        except InvalidInput as error:
            return _list([], words=f"Its twins are not known. {error}")
        written = set(isomorphic)
        entries = [self._entry(twin, "isomorphic") for twin in isomorphic]
        entries += [self._entry(twin, "same function") for twin in alike if twin not in written]
        shown = _list(entries[:_TWINS], len(entries) - _TWINS)
        return shown if entries else shown | {"words": "No other architecture of the space computes the same."}

    def _nearest(self, arch: Architecture) -> dict[str, Any]:
        if self._benchmark is None:
            return _list([], words="No table of this space is open.")
        if not self._helps(arch):
            return _list([], words="The table knows every architecture of the space.")
        names = self._listed()
        if self._recorded.size < len(names):
            return _list([], words=f"Reading {len(names):,} recorded architectures: {self._done():.0%}.")
        found = self._recorded.nearest(arch, NEAREST, among=np.isfinite(self._values))
        return _list(
            [
                {"name": names[row], "value": self._shown(self._values[row]), "note": _edits(edits)}
                for row, edits in found
            ],
            words="" if found else "Nothing else is recorded.",
        )

    def _helps(self, arch: Architecture) -> bool:
        """Whether there is something in the table, and not everything."""
        return self._benchmark is not None and (not self._covers() or self._value(arch) is None)

    def _covers(self) -> bool:
        try:
            return self._benchmark is not None and self._benchmark.size >= self._space.size
        except InvalidInput:
            return False  # too large to be counted, and no table is as large

    def _listed(self) -> list[str]:
        """The strings of the table's rows; its values beside them."""
        if self._names is None:
            assert self._benchmark is not None
            assert self._column is not None
            table = self._benchmark.table()
            self._values = table[self._column.name].to_numpy(float)
            self._names = table.index.tolist()
        return self._names

    def _done(self) -> float:
        return self._recorded.size / max(len(self._listed()), 1)

    def _entry(self, arch: Architecture, note: str) -> dict[str, Any]:
        value = self._value(arch)
        return {"name": str(arch), "value": "" if value is None else self._shown(value), "note": note}

    def _value(self, arch: Architecture) -> float | None:
        """The recorded number, None where there is none."""
        if self._benchmark is None or self._column is None:
            return None
        try:
            value = self._benchmark.value(arch, self._column.name)
        except MissingData:
            return None
        return value if np.isfinite(value) else None

    def _shown(self, value: float) -> str:
        assert self._column is not None
        return f"{value:.2f}" if self._column.unit == "%" else f"{value:.3g}"


def _first_column(benchmark: Benchmark) -> Column:
    """An accuracy where there is one, else the table's first column."""
    columns = {column.name: column for column in benchmark.columns()}
    return next((columns[name] for name in _QUALITY if name in columns), benchmark.columns()[0])


def _list(entries: list[dict[str, Any]], more: int = 0, words: str = "") -> dict[str, Any]:
    return {"entries": entries, "more": max(more, 0), "words": words}


def _edits(number: int) -> str:
    return "1 edit" if number == 1 else f"{number} edits"
