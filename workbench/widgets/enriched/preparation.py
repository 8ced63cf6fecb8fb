"""The features of a table's architectures, worked out a little at a time."""

from __future__ import annotations

from time import perf_counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis.enrichment import Features
from workbench.analysis.features import Feature, Word, Wording, features_of
from workbench.architecture import Architecture
from workbench.spaces.space import SearchSpace

_MOST = 20_000  # architectures that are looked at; of more than these, so many drawn at random


class Prepared(NamedTuple):
    """The features of the population with their words, and the place in it of each row of the table (-1 for none)."""

    features: Features
    words: tuple[Word, ...]
    places: NDArray[np.intp]


class Preparation:
    """From strings to features; `rows` are those of the table that are looked at, `result` is None until it is done.

    Raises `InvalidInput` where the space cannot read the first string.
    """

    def __init__(self, index: pd.Index, space: SearchSpace, depth: int) -> None:
        n = len(index)
        self.rows = np.arange(n) if n <= _MOST else np.sort(np.random.default_rng(0).choice(n, _MOST, replace=False))
        self.result: Prepared | None = None
        self._index, self._space, self._depth = index, space, depth
        self._archs: list[Architecture] = []
        self._had: list[set[Feature]] = []
        if n:
            space.parse(str(index[0]))

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return len(self._archs) / max(len(self.rows), 1)

    def go_on(self, seconds: float) -> None:
        """Work for about so long."""
        end = perf_counter() + seconds
        while self.result is None and perf_counter() < end:
            if len(self._archs) == len(self.rows):
                self.result = self._put_together()
                return
            arch = self._space.parse(str(self._index[self.rows[len(self._archs)]]))
            self._had.append(features_of(arch, self._depth))
            self._archs.append(arch)

    def finished(self) -> Prepared:
        """The result, worked out now as far as it is not there yet."""
        while self.result is None:
            self.go_on(np.inf)
        return self.result

    def _put_together(self) -> Prepared:
        features = Features(self._archs, had=self._had)
        wording = Wording(self._archs)
        places = np.full(len(self._index), -1, dtype=np.intp)
        places[self.rows] = np.arange(len(self.rows))
        self._had = []
        return Prepared(features, tuple(wording.of(feature) for feature in features.names), places)
