"""The records of a training as a monitor keeps them: curves, what the options of the gates are worth, and what won."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import Infeasible, InvalidInput
from workbench.widgets.gates.looks import ordered

PROBABILITY, SHARE = "probability", "share of the runs"
CURVES = ("loss", "accuracy", "cost")


class Records:
    """What is kept of the records, epoch by epoch; `take` adds those that are new.

    `flow` has a row for each epoch and in it the options of all gates with several one after the other; NaN where a
    record says nothing of them. `best` are the architectures of the largest ones, `[number of the epoch from 0, its
    string]` whenever it is another one than before.
    """

    def __init__(self, net: Any, cost: str) -> None:
        self.net, self.cost = net, cost
        self.sizes = {name: len(allowed) for name, allowed in ordered(net.options).items() if len(allowed) > 1}
        self.curves: dict[str, list[float | None]] = {name: [] for name in CURVES}
        self.flow: list[np.ndarray] = []
        self.best: list[list[Any]] = []
        self.said = PROBABILITY

    def __len__(self) -> int:
        return len(self.flow)

    def take(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Add the records that come after those which are known."""
        for record in history[len(self) :]:
            for name in CURVES:
                self.curves[name].append(_finite(record.get(self.cost if name == "cost" else name)))
            worth = record.get("probabilities") or record.get("shares") or {}
            if record.get("shares") and not record.get("probabilities"):
                self.said = SHARE
            row = np.concatenate([_row(worth.get(name), size) for name, size in self.sizes.items()] or [np.empty(0)])
            self.flow.append(row.astype("<f4"))
            self._note_best(len(self.flow) - 1, row)

    @property
    def bytes(self) -> bytes:
        """The flow, float32, row after row."""
        return b"".join(row.tobytes() for row in self.flow)

    def worth(self, epoch: int) -> list[np.ndarray]:
        """For each gate with several options what they were worth after an epoch, counted from 0."""
        return np.split(self.flow[epoch], np.cumsum(list(self.sizes.values()))[:-1]) if self.sizes else []

    def name(self, epoch: int) -> str:
        """The architecture of the largest options after an epoch; "" where they make none."""
        return next((str(name) for since, name in reversed(self.best) if since <= epoch), "")

    def _note_best(self, epoch: int, row: np.ndarray) -> None:
        name = ""
        if self.said == PROBABILITY and self.sizes and np.isfinite(row).all():
            largest = {gate: int(worth.argmax()) for gate, worth in zip(self.sizes, self.worth(epoch), strict=True)}
            try:
                name = str(self.net.architecture(dict.fromkeys(self.net.options, 0) | largest))
            except (InvalidInput, Infeasible):  # such as a node of DARTS with three inputs: chosen in another way
                name = ""
        if name != self.name(epoch):
            self.best.append([epoch, name])


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _row(worth: Sequence[float] | None, size: int) -> np.ndarray:
    found = np.full(size, np.nan) if worth is None else np.asarray(worth, float)
    return found if found.shape == (size,) else np.full(size, np.nan)
