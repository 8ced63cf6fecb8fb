"""Agreement of many scores with several truths, made a little at a time: the numbers of `agreement`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workbench.analysis.statistics import Interval, spearman, statistic
from workbench.errors import InvalidInput

Floats = NDArray[np.float64]
Draw = Callable[[NDArray[np.intp]], Floats]

LEAST, MOST = 20, 1000  # resamples
_ROWS = 600_000  # rows drawn in all for one interval: 38 resamples of 15,625 architectures
_ROWS_BY_COUNTING = 3_200_000  # Spearman's: 204 resamples of 15,625
_SHOWN = 10  # resamples below which an interval says nothing


class Progressive:
    """One statistic of every score with every truth, and its 95 % bootstrap intervals, resample by resample.

    `scores` and `truths` are float64 arrays of shape (n,) by name, higher being better, NaN where there is no number;
    a pair is compared on the rows that have both. Resample b of a pair is the one that `workbench.agreement` draws
    with the same `seed`, so that finished intervals are its intervals. `n_boot=None` takes `resamples`. Spearman's
    correlation is resampled for all pairs at once, from how often each row was drawn, without sorting again.

    Raises `UnknownName` for a statistic there is not, `InvalidInput` for `n_boot` below 1 and for a pair that shares
    fewer than 3 rows.
    """

    def __init__(
        self,
        scores: Mapping[str, Floats],
        truths: Mapping[str, Floats],
        name: str = "spearman",
        n_boot: int | None = None,
        *,
        top: float = 0.1,
        seed: int = 0,
    ) -> None:
        self._function = statistic(name, top)
        self._counting = self._function is spearman
        self._n = max((len(values) for values in truths.values()), default=0)
        self.wanted = resamples(name, self._n) if n_boot is None else n_boot
        if self.wanted < 1:
            raise InvalidInput(f"n_boot must be at least 1; got {n_boot!r}.")
        self._truths, self._seed = truths, seed
        self._blocks: list[_Block] = []
        self._places: dict[tuple[str, str], tuple[_Block, int, int]] = {}
        self._enter(scores)

    def turn(self, name: str, scores: Floats) -> None:
        """Take other scores for a name, such as the same ones with their sign turned; what was found is dropped."""
        self._places = {pair: place for pair, place in self._places.items() if pair[0] != name}
        self._enter({name: scores})
        used = {id(block) for block, _, _ in self._places.values()}
        self._blocks = [block for block in self._blocks if id(block) in used]

    def found(self, name: str, truth: str) -> Interval:
        """The statistic and its interval so far: NaN where it is not known yet, or where one side is constant."""
        block, i, j = self._places[name, truth]
        if block.values is None:
            return Interval(np.nan, np.nan, np.nan)
        drawn = np.array([draw[i, j] for draw in block.draws[: self.wanted]])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) >= min(_SHOWN, self.wanted) else (np.nan, np.nan)
        return Interval(float(block.values[i, j]), float(low), float(high))

    def within(self, rows: NDArray[np.intp], truth: str) -> dict[str, float]:
        """The statistic of every score with `truth` on some rows only; NaN where fewer than 3 of them have both."""
        chosen = np.zeros(self._n, bool)
        chosen[rows] = True
        found: dict[str, float] = {}
        values: dict[int, Floats | None] = {}
        for (name, other), (block, i, j) in self._places.items():
            if other == truth:
                if id(block) not in values:
                    values[id(block)] = block.among(chosen)
                shown = values[id(block)]
                found[name] = float("nan") if shown is None else float(shown[i, j])
        return found

    def made(self, truth: str) -> int:
        """How many resamples every interval with this truth has."""
        return max(0, min((len(block.draws) for block in self._blocks if truth in block.truths), default=0))

    def work(self, truth: str, seconds: float) -> bool:
        """Go on for about so many seconds: values first, then intervals with `truth`; whether these are finished."""
        end = perf_counter() + seconds
        while (block := self._next(truth)) is not None and perf_counter() < end:
            block.step()
        return self._next(truth) is None

    def finish(self) -> None:
        """All values and all intervals with all truths."""
        for truth in self._truths:
            self.work(truth, float("inf"))

    def _next(self, truth: str) -> _Block | None:
        """The block to work on: one without values, those of `truth` first, then the one with the fewest draws."""
        own = [block for block in self._blocks if truth in block.truths]
        bare = next((block for block in (*own, *self._blocks) if block.values is None), None)
        least = min(own, key=lambda block: len(block.draws), default=None)
        return bare or (least if least is not None and len(least.draws) < self.wanted else None)

    def _enter(self, scores: Mapping[str, Floats]) -> None:
        """Blocks for every pair: together where they have the same rows and can be resampled together."""
        groups: dict[bytes, dict[tuple[str, ...], list[str]]] = {}
        for name, x in scores.items():
            by_rows: dict[bytes, list[str]] = {}
            for truth, y in self._truths.items():
                both = np.isfinite(x) & np.isfinite(y)
                if both.sum() < 3:
                    raise InvalidInput(f"{name!r} and {truth!r} share {both.sum()} architectures; 3 are needed.")
                by_rows.setdefault(both.tobytes(), []).append(truth)
            for rows, names in by_rows.items():
                for some in [tuple(names)] if self._counting else [(each,) for each in names]:
                    groups.setdefault(rows, {}).setdefault(some, []).append(name)
        for rows, shared in groups.items():
            chosen = np.frombuffer(rows, bool)
            for truths, names in shared.items():
                y = np.stack([self._truths[truth][chosen] for truth in truths])
                for together in [names] if self._counting else [[name] for name in names]:
                    self._add(together, truths, chosen, np.stack([scores[name][chosen] for name in together]), y)

    def _add(self, names: Sequence[str], truths: Sequence[str], rows: NDArray[np.bool_], x: Floats, y: Floats) -> None:
        draw = spearman_by_counting(x, y) if self._counting else _drawn(self._function, x[0], y[0])
        block = _Block(tuple(truths), draw, rows, np.random.default_rng(self._seed))
        self._blocks.append(block)
        self._places |= {(a, b): (block, i, j) for i, a in enumerate(names) for j, b in enumerate(truths)}


def resamples(name: str, n: int) -> int:
    """How many resamples of n architectures an interval is made of where nobody says: from 1,000 down to 20."""
    rows = _ROWS_BY_COUNTING if statistic(name) is spearman else _ROWS
    return min(MOST, max(LEAST, rows // max(n, 1)))


def spearman_by_counting(x: Floats, y: Floats) -> Draw:
    """Spearman's correlations, shape (c, k), of rows drawn with repetition from `x` (c, n) and `y` (k, n).

    A resample is how often each row was drawn. The mean rank of a value in it is the number drawn of smaller values
    plus half of those drawn of the same: running sums over the values in order, which is known beforehand.
    """
    codes = [np.unique(row, return_inverse=True)[1] for row in (*x, *y)]
    sizes = [int(code.max()) + 1 for code in codes]
    n, first = x.shape[1], len(x)

    def draw(chosen: NDArray[np.intp]) -> Floats:
        times = np.bincount(chosen, minlength=n).astype(float)
        ranks = np.empty((len(codes), n))
        for row, code, size in zip(ranks, codes, sizes, strict=True):
            drawn = np.bincount(code, times, size)
            np.take(np.cumsum(drawn) - (drawn + len(chosen)) / 2, code, out=row)  # the mean rank is taken off
        weighed = ranks * times
        spread = np.sqrt(np.einsum("ij,ij->i", ranks, weighed))
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = ranks[:first] @ weighed[first:].T / np.outer(spread[:first], spread[first:])
        return np.where(np.outer(spread[:first], spread[first:]) > 0, found, np.nan)

    return draw


def rank_correlations(columns: Floats) -> Floats:
    """Spearman's correlation of every two of the columns (m, n), each on the rows that have both; shape (m, m)."""
    known = np.isfinite(columns)
    masks: dict[bytes, list[int]] = {}
    for i, row in enumerate(known):
        masks.setdefault(row.tobytes(), []).append(i)
    found = np.full((len(columns), len(columns)), np.nan)
    groups = list(masks.values())
    for a, some in enumerate(groups):
        for others in groups[a:]:
            both = known[some[0]] & known[others[0]]
            if both.sum() < 3:
                continue
            left, right = _standard(columns[some][:, both]), _standard(columns[others][:, both])
            found[np.ix_(some, others)] = left @ right.T
            found[np.ix_(others, some)] = right @ left.T
    return found


class _Block:
    """Pairs that are resampled together: `draw` gives the statistics of some rows, shape (scores, truths)."""

    def __init__(self, truths: tuple[str, ...], draw: Draw, rows: NDArray[np.bool_], rng: np.random.Generator) -> None:
        self.truths = truths
        self.values: Floats | None = None
        self.draws: list[Floats] = []
        self._draw, self._rows, self._n, self._rng = draw, rows, int(rows.sum()), rng

    def step(self) -> None:
        """The values, the first time; after that one more resample."""
        if self.values is None:
            self.values = self._draw(np.arange(self._n))
        else:
            self.draws.append(self._draw(self._rng.integers(self._n, size=self._n)))

    def among(self, rows: NDArray[np.bool_]) -> Floats | None:
        """The statistics of those of the rows, a mask over all, that the pairs have; None for fewer than 3."""
        chosen = np.flatnonzero(rows[self._rows])
        return self._draw(chosen) if len(chosen) > 2 else None


def _drawn(function: Callable[[Floats, Floats], float], x: Floats, y: Floats) -> Draw:
    def draw(chosen: NDArray[np.intp]) -> Floats:
        return np.array([[function(x[chosen], y[chosen])]])

    return draw


def _standard(columns: Floats) -> Floats:
    """Ranks of each row about their mean, scaled to length 1; NaN for a constant row."""
    ranks = stats.rankdata(columns, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", ranks, ranks))[:, None]
    with np.errstate(invalid="ignore"):
        return np.where(length > 0, ranks / np.where(length > 0, length, 1), np.nan)
