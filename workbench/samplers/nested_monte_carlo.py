"""Nested Monte-Carlo search with naive sampling: architectures as macro-arms of a bandit, found answer by answer."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import count
from math import inf

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Infeasible, InvalidInput
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.strategy import Offspring

Codes = tuple[int, ...]  # the numbers of the answers to the first questions, or to all; -1 where one is not asked
Playout = tuple[float, Codes]  # what a point was worth, and the point
Playouts = Generator[Codes, Playout, Playout]  # asks for a playout from a prefix, is told one, returns the best
_TRIES = 20  # completions of the prefix that is due, before those of a shorter one
_REDRAWS = 30  # of completions that are no architecture
_LEVELS = 4


@strategy("nested_monte_carlo", paper="Huang et al., NAS via Combinatorial Multi-Armed Bandit (CMAB-NAS), IJCNN 2021")
class NestedMonteCarlo:
    """Nested Monte-Carlo search over the questions in order; a playout is one trial, completed by naive sampling.

    A search of level 1 tries, at every question, each answer by a playout, and commits itself to the answer of the best
    sequence it has met; one of level n tries each answer by a search of level n - 1. (Cazenave, IJCAI 2009.) When all
    questions are answered it begins again, with what the bandits have learnt: 1 + 30 trials in a NAS-Bench-201 cell at
    level 1, some 380 at level 2. Nothing is evaluated on the side: what is due, and what is committed to, is replayed
    from the finished trials alone, each of which counts as the playout that was due.

    A playout answers the open questions by naive sampling (Ontanon, AIIDE 2013): with probability `explore` each by its
    local bandit, the answer of the highest mean value or with probability `local` any one; else by the global bandit
    over the macro-arms tried so far, as the best of them answers. The first point of a run is a playout from nothing.
    """

    def __init__(self, *, level: int = 1, explore: float = 0.5, local: float = 0.3) -> None:
        if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= _LEVELS:
            raise InvalidInput(f"level must be a whole number from 1 to {_LEVELS}; got {level!r}.")
        self.level, self.explore, self.local = level, explore, local
        self._search: _Search | None = None

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Completions of the prefix that is due; then of ever shorter ones, should all of those have been tried."""
        search = self._search
        if search is None or not search.is_continued_by(domain, history):
            search = self._search = _Search(domain, self.level)
        search.follow(history)
        prefix = search.due
        for length in range(len(prefix), -1, -1):
            for _ in range(_TRIES) if length else count():
                yield search.completed(prefix[:length], self.explore, self.local, rng)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_search": None}


class _Search:
    """Where the nested search stands after some trials, and what the bandits have learnt from them."""

    def __init__(self, domain: Domain, level: int) -> None:
        self._domain = domain
        self._is_flat = domain.space is None or domain.space.flat
        self._sizes = [len(domain.answers[name]) for name in domain.names]
        self._values: NDArray[np.float64] = np.empty(0)
        self._worth: dict[Codes, float] = {}
        self._best: tuple[float, Codes, int] = (-inf, (), -1)  # the value, point and number of the best trial
        self._sums = [np.zeros(size) for size in self._sizes]
        self._counts = [np.zeros(size, int) for size in self._sizes]
        self._playouts = self._runs(level)
        self.due: Codes = next(self._playouts)

    def is_continued_by(self, domain: Domain, history: History) -> bool:
        """Whether `history` begins with the trials that were followed; a value changes where ranks are recomputed."""
        n = len(self._values)
        same = domain is self._domain and len(history) >= n
        return same and bool(np.array_equal(history.values[:n], self._values))

    def follow(self, history: History) -> None:
        """Take the trials that have come since as the playouts that were due."""
        n = len(self._values)
        fresh = history[n:]
        values = history.values
        for told, row, value in zip(fresh, self._domain.codes(fresh.points), values[n:], strict=True):
            codes = tuple(row.tolist())
            self._worth[codes] = float(value)
            self._best = max(self._best, (float(value), codes, told.number), key=lambda best: best[0])
            for i, code in enumerate(codes):
                if code >= 0:
                    self._sums[i][code] += value
                    self._counts[i][code] += 1
            self.due = self._playouts.send((float(value), codes))
        self._values = values.copy()

    def completed(self, prefix: Codes, explore: float, local: float, rng: np.random.Generator) -> Params:
        """A point that begins with `prefix`, its other answers drawn by naive sampling.

        Where not every combination of answers is an architecture, it is drawn again, and in the end the best trial is
        mutated instead.
        """
        _, best, number = self._best
        for _ in range(1 if self._is_flat else _REDRAWS):
            if best and rng.random() >= explore:
                codes = [max(code, 0) for code in (*prefix, *best[len(prefix) :])]
                point: Params = Offspring(self._domain.point(codes), number, "playout")
            else:
                drawn = [self._local(i, local, rng) for i in range(len(prefix), len(self._sizes))]
                point = self._domain.point([*prefix, *drawn])
            if self._is_flat or _is_architecture(self._domain, point):
                return point
        if not best:
            return self._domain.sample(rng)
        start = self._domain.point([max(code, 0) for code in best])
        return Offspring(self._domain.mutate(start, rng), number, "mutation")

    def _local(self, i: int, local: float, rng: np.random.Generator) -> int:
        """The answer of a local bandit, epsilon-greedy; one never tried comes before all others."""
        counts = self._counts[i]
        if rng.random() < local or not counts.any():
            return int(rng.integers(len(counts)))
        means = np.where(counts > 0, self._sums[i] / np.maximum(counts, 1), inf)
        return int(rng.choice(np.flatnonzero(means == means.max())))

    # -- the nested search: a coroutine that is sent the playouts it asks for --------------------------------------

    def _runs(self, level: int) -> Playouts:
        while True:
            first = yield ()
            yield from self._nested(level, (), first)

    def _nested(self, level: int, prefix: Codes, best: Playout = (-inf, ())) -> Playouts:
        """The best of the playouts of a search of this level from `prefix`."""
        if level == 0 or len(prefix) == len(self._sizes):
            return (yield from self._played(prefix))
        while len(prefix) < len(self._sizes):
            i = len(prefix)
            if self._sizes[i] > 1 and not (best[1] and best[1][i] < 0):  # else there is nothing to decide
                for answer in range(self._sizes[i]):
                    found = yield from self._nested(level - 1, (*prefix, answer))
                    best = max(best, found, key=lambda playout: playout[0])
            chosen = (best[1] or self._best[1])[i]
            prefix = (*prefix, max(chosen, 0))
        return best

    def _played(self, prefix: Codes) -> Playouts:
        """One playout from `prefix`; nothing is tried again that is known, and what lies elsewhere does not count."""
        if prefix in self._worth:
            return self._worth[prefix], prefix
        value, codes = yield prefix
        agrees = all(code in (own, -1) for own, code in zip(prefix, codes, strict=False))
        return (value, codes) if agrees else (-inf, ())


def _is_architecture(domain: Domain, point: Params) -> bool:
    try:
        domain.architecture(point)
    except Infeasible:
        return False
    return True
