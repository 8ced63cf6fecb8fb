"""What a benchmark records: its columns, and the numbers of one architecture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, final

import numpy as np

from workbench.errors import InvalidInput, MissingData
from workbench.measure import Better

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Column:
    """One recorded quantity.

    `seeds` says how training runs become one number: "mean" over them, the "first" run's, or "none" where
    every run has the same.
    """

    name: str
    better: Better
    unit: str
    meaning: str
    seeds: Literal["mean", "first", "none"] = "none"


class Number(NamedTuple):
    """A recorded quantity of one architecture: the number shown, and one for every seed where they differ."""

    shown: float
    per_seed: tuple[float, ...] = ()


class Record(NamedTuple):
    """Everything recorded about one architecture: its seeds, and a `Number` for every column."""

    seeds: tuple[int, ...]
    numbers: Mapping[str, Number]


class Records(Protocol):
    """Where a benchmark's numbers come from.

    Row i is about `architectures[i]`, or, where that is None, about the i-th architecture of `space.enumerate()`.
    `keys` are the rows' canonical strings where the source has them.
    """

    @property
    def architectures(self) -> Sequence[str] | None:
        """The strings of the architectures, row by row; None where every one of the space has its row."""
        ...

    @property
    def keys(self) -> Sequence[str] | None:
        """The canonical strings of the architectures, where the source has them."""
        ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """The recorded quantities."""
        ...

    @property
    def size(self) -> int:
        """How many architectures are recorded."""
        ...

    @property
    def at_hand(self) -> bool:
        """Whether `shown` and `arrays` answer at once, without reading many files."""
        ...

    def check_epoch(self, epoch: int) -> None:
        """Raise `InvalidInput` unless there are numbers after `epoch` epochs."""
        ...

    def read(self, row: int, epoch: int | None = None) -> Record:
        """The record of a row at the end of training, or after `epoch` epochs."""
        ...

    def value(self, row: int, column: str) -> float:
        """The number shown for one row; raises `MissingData` where the row is not recorded."""
        ...

    def curve(self, row: int, column: str, seed: int | None = None) -> Floats:
        """The quantity after each epoch, shape (epochs,): the number shown, or one seed's."""
        ...

    def shown(self, column: str) -> Floats:
        """The numbers shown of every row, NaN where a row is not recorded."""
        ...

    def arrays(self) -> dict[str, Floats]:
        """Every number shown and, as `<column>_seed<seed>`, of every seed: arrays over all rows."""
        ...


@final
class ColumnTable:
    """Records held in memory, one array for each column: (rows,) or (rows, seeds) padded with NaN.

    `architectures` are the strings of the rows where they are not all architectures of a flat space in its order;
    `keys` their canonical strings, where the source has them.
    """

    at_hand = True

    def __init__(
        self,
        name: str,
        columns: tuple[Column, ...],
        arrays: Mapping[str, Floats],
        architectures: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.columns = columns
        self.architectures = architectures
        self.keys = keys
        self._per_seed = {c.name: arrays[c.name] for c in columns if c.seeds != "none"}
        self._shown = {c.name: _over_seeds(arrays[c.name], c) for c in columns}

    @property
    def size(self) -> int:
        """How many rows have a number."""
        return int(np.count_nonzero(np.any([~np.isnan(array) for array in self._shown.values()], axis=0)))

    def read(self, row: int, epoch: int | None = None) -> Record:
        """The record of a row; seeds are numbered 0, 1, 2 in the order of the source."""
        if epoch is not None:
            self.check_epoch(epoch)
        if all(np.isnan(array[row]) for array in self._shown.values()):
            raise self._not_recorded(row)
        runs = {name: _recorded(array[row]) for name, array in self._per_seed.items()}
        numbers = {name: Number(float(array[row]), runs.get(name, ())) for name, array in self._shown.items()}
        return Record(tuple(range(max(map(len, runs.values()), default=0))), numbers)

    def check_epoch(self, epoch: int) -> None:
        """Raises `InvalidInput`: a table holds no learning curves."""
        raise InvalidInput(self._no_curves(f"epoch={epoch!r}"))

    def value(self, row: int, column: str) -> float:
        """The number shown for one row."""
        value = float(self._shown[column][row])
        if math.isnan(value):
            raise self._not_recorded(row)
        return value

    def curve(self, row: int, column: str, seed: int | None = None) -> Floats:
        """Raises `InvalidInput`: a table holds no learning curves."""
        raise InvalidInput(self._no_curves(f"A curve of {column!r}"))

    def shown(self, column: str) -> Floats:
        """The numbers shown of every row."""
        return self._shown[column]

    def arrays(self) -> dict[str, Floats]:
        """Every number shown, then those of every seed."""
        runs = {f"{name}_seed{k}": x for name, a in self._per_seed.items() for k, x in enumerate(a.T)}
        return {**self._shown, **runs}

    def _not_recorded(self, row: int) -> MissingData:
        return MissingData(f"Architecture {row:,} of the search space is not recorded in {self.name!r}.")

    def _no_curves(self, asked: str) -> str:
        return (
            f"{asked} was asked for, but benchmark {self.name!r} holds only the end of training. "
            "Learning curves are in natsbench_tss, natsbench_sss, nasbench301 and transnasbench101_micro and _macro."
        )


def _recorded(runs: Floats) -> tuple[float, ...]:
    """The runs there are: rows with fewer than others end in NaN."""
    return tuple(runs[~np.isnan(runs)].tolist())


def _over_seeds(array: Floats, column: Column) -> Floats:
    if column.seeds == "none":
        return array
    if column.seeds == "first":
        return np.ascontiguousarray(array[:, 0])
    runs = np.count_nonzero(~np.isnan(array), axis=1)
    mean: Floats = np.nansum(array, axis=1) / np.where(runs > 0, runs, np.nan)
    return mean
