"""Records held in memory with a learning curve for each quantity that training changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from workbench.benchmarks.records import Column, Floats, Number, Record
from workbench.errors import InvalidInput, MissingData


@final
class CurveTable:
    """One training run of every listed architecture.

    `arrays` hold a number for each row, (rows,), or one for each row and epoch, (rows, epochs). `lengths` are the
    epochs of the rows, (rows,): what a curve has after them is padding, and its number shown is that of the last.
    """

    at_hand = True
    keys = None

    def __init__(
        self,
        name: str,
        columns: tuple[Column, ...],
        arrays: Mapping[str, Floats],
        lengths: Floats,
        architectures: Sequence[str],
    ) -> None:
        self.name = name
        self.columns = columns
        self.architectures: Sequence[str] | None = architectures
        self._curves = {c.name: arrays[c.name] for c in columns if arrays[c.name].ndim == 2}
        self._epochs = max((curve.shape[1] for curve in self._curves.values()), default=0)
        last = np.maximum(lengths.astype(int) - 1, 0)
        self._shown = {
            c.name: self._curves[c.name][np.arange(len(last)), last] if c.name in self._curves else arrays[c.name]
            for c in columns
        }

    @property
    def size(self) -> int:
        """How many rows have a number."""
        return int(np.count_nonzero(np.any([~np.isnan(array) for array in self._shown.values()], axis=0)))

    def check_epoch(self, epoch: int) -> None:
        """Raise `InvalidInput` unless these networks were trained for `epoch` epochs."""
        if type(epoch) is not int or not 1 <= epoch <= self._epochs:
            raise InvalidInput(f"epoch={epoch!r}: these networks were trained for epochs 1 to {self._epochs}.")

    def read(self, row: int, epoch: int | None = None) -> Record:
        """The record of a row after `epoch` epochs, by default the last."""
        if epoch is not None:
            self.check_epoch(epoch)
        numbers = {name: float(array[row]) for name, array in self._shown.items()}
        if all(map(math.isnan, numbers.values())):
            raise self._not_recorded(row)
        if epoch is not None:
            numbers |= {name: float(curve[row, epoch - 1]) for name, curve in self._curves.items()}
        return Record((), {name: Number(number) for name, number in numbers.items()})

    def value(self, row: int, column: str) -> float:
        """The number shown for one row, that of its last epoch."""
        value = float(self._shown[column][row])
        if math.isnan(value):
            raise self._not_recorded(row)
        return value

    def curve(self, row: int, column: str, seed: int | None = None) -> Floats:
        """The quantity after each epoch, shape (epochs,)."""
        if seed is not None:
            raise InvalidInput(f"seed={seed!r}: {self.name!r} records one training run of every architecture.")
        if column not in self._curves:
            raise InvalidInput(f"{column!r} does not change during training: it has no learning curve.")
        curve: Floats = self._curves[column][row].copy()
        return curve

    def shown(self, column: str) -> Floats:
        """The numbers shown of every row."""
        return self._shown[column]

    def arrays(self) -> dict[str, Floats]:
        """Every number shown."""
        return dict(self._shown)

    def _not_recorded(self, row: int) -> MissingData:
        assert self.architectures is not None
        return MissingData(f"{self.architectures[row]} is not recorded in {self.name!r}.")
