"""RoBoT: Bayesian optimisation over the weights of proxies, then greedily down the ranking (He et al., ICLR 2024)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np

from workbench.errors import InvalidInput
from workbench.samplers.auto import answer_counts, free_proxies
from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import Floats, History

if TYPE_CHECKING:
    import pandas as pd

_WEIGHTS = 2_000  # random weights among which the process chooses
_DEVIATIONS = 2.576  # of the upper confidence bound


@strategy("robot", paper="He et al., Robustifying and Boosting Training-Free NAS (RoBoT), ICLR 2024")
class RoBoT:
    """The first of a pool by a weighted sum of proxies, whose weights a Gaussian process seeks; then the pool in order.

    Each proxy is scaled to 0..1 over the pool and weighed by a number in [-1, 1], so that its sign need not be known.
    Weights are worth the value of the architecture that they put first (section 4.1); where that one is known they cost
    no trial. After `weighings` of them the best ones' ranking of the pool is gone through from its top (section 4.2).
    The paper has 19 weighings in 20 trials; 40 are safer, since most of them repeat a choice. Between equal worths the
    last weights win, and the process has an upper confidence bound, as in the authors' code; it begins with `first`
    random weights (there one).

    `proxies` is a frame as `wb.score` returns it: a row for each architecture of the pool, higher being better or not.
    Without it the pool is `pool` random points, or everything where there is no more, and the proxies are those that
    cost nothing: parameters and multiply-adds where a formula counts them, and how often each answer was given; in a
    domain without a space its columns. Raises `InvalidInput` for a frame without rows or columns, and for one in a
    domain without a space.
    """

    def __init__(
        self,
        *,
        proxies: pd.DataFrame | None = None,
        weighings: int = 40,
        first: int = 5,
        pool: int = 2_000,
        seed: int = 0,
    ) -> None:
        if proxies is not None and not proxies.size:
            raise InvalidInput(f"RoBoT ranks the rows of a frame by its columns; this one is {proxies.shape}.")
        self.proxies = proxies
        self.weighings = weighings
        self.first = first
        self.pool = pool
        self.seed = seed
        self._pooled: tuple[Domain | None, list[Params], Floats] = (None, [], np.empty((0, 0)))
        self._proposed: dict[tuple[float, ...], Floats] = {}  # number of proxies, worths so far -> the next weights

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """The pool, ranked; after it random points."""
        points, columns = self._pool(domain)
        if points:
            scores = columns @ self.weights(domain, history)
            yield from (points[row] for row in np.argsort(-scores, kind="stable"))
        yield from domain.samples(rng)

    def weights(self, domain: Domain, history: History) -> Floats:
        """The weights whose first choice is to be measured next; the best ones when all weighings are done.

        They follow from the history alone. A trial belongs to the weights that asked for it, also where another
        architecture than their first choice was measured, because that one was not allowed or not new.
        """
        points, columns = self._pool(domain)
        worth: list[float] = []
        tried: list[Floats] = []
        known: dict[Hashable, float] = {}
        told = 0
        for _ in range(self.weighings):
            weights = self._next(tried, worth, columns.shape[1])
            chosen = domain.key(points[int(np.argmax(columns @ weights))])
            if chosen not in known:
                if told == len(history):
                    return weights
                measured = domain.key(history.points[told])
                known[measured] = float(history.values[told])
                chosen = measured
                told += 1
            tried.append(weights)
            worth.append(known[chosen])
        best = np.flatnonzero(np.array(worth) == max(worth, default=0.0))
        return tried[best[-1]] if tried else np.ones(columns.shape[1])

    def _next(self, tried: Sequence[Floats], worth: Sequence[float], n: int) -> Floats:
        """The next weights, (n,), after weights that were `tried` and found `worth` so much."""
        known = (n, *worth)
        if known not in self._proposed:
            self._proposed[known] = _proposal(tried, worth, n, self.first, self.seed)
        return self._proposed[known]

    def _pool(self, domain: Domain) -> tuple[list[Params], Floats]:
        """The points that are ranked, and their proxies between 0 and 1, (points, proxies)."""
        if self._pooled[0] is not domain:
            points, columns = self._drawn(domain) if self.proxies is None else _of(self.proxies, domain)
            self._pooled = (domain, points, scaled(columns))
        return self._pooled[1:]

    def _drawn(self, domain: Domain) -> tuple[list[Params], Floats]:
        points = domain.everything(self.pool)
        if points is None:
            points = list(islice(domain.samples(np.random.default_rng(self.seed)), self.pool))
        if domain.space is None or not points:
            return points, domain.encode(points).astype(float)
        counts = answer_counts(domain, points)
        columns = np.hstack([counts, free_proxies(domain, points)]) if domain.space.counted_by_formula else counts
        return points, columns if columns.shape[1] else domain.encode(points).astype(float)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pooled": (None, [], np.empty((0, 0))), "_proposed": {}}


def scaled(columns: Floats) -> Floats:
    """Each column between 0 and 1 over all rows; what is missing, or constant, is 0."""
    low, high = (np.where(np.isfinite(columns), columns, other) for other in (np.inf, -np.inf))
    low, high = low.min(axis=0, initial=np.inf), high.max(axis=0, initial=-np.inf)
    spread = np.where(high > low, high - low, np.nan)
    found: Floats = np.nan_to_num((columns - low) / spread, nan=0.0, posinf=0.0, neginf=0.0)
    return found


def _of(proxies: pd.DataFrame, domain: Domain) -> tuple[list[Params], Floats]:
    space = domain.space
    if space is None:
        raise InvalidInput(
            "Proxies of architectures need a search space: wb.sampler('robot', space=space, proxies=..)."
        )
    points: list[Point] = [space.parse(str(name)).decisions for name in proxies.index]
    return [dict(point) for point in points], proxies.to_numpy(dtype=float)


def _proposal(tried: Sequence[Floats], worth: Sequence[float], n: int, first: int, seed: int) -> Floats:
    """Weights in [-1, 1], (n,): random ones at first, then those of the highest upper confidence bound."""
    rng = np.random.default_rng([seed, len(tried)])
    if len(tried) < first or n == 0 or np.ptp(worth) == 0:
        return rng.uniform(-1, 1, n)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    process = GaussianProcessRegressor(Matern(nu=2.5, length_scale_bounds=(0.01, 100)), alpha=1e-6, normalize_y=True)
    best = tried[int(np.argmax(worth))]
    near = np.clip(best + rng.normal(0, 0.2, (_WEIGHTS // 4, n)), -1, 1)
    candidates = np.concatenate([rng.uniform(-1, 1, (_WEIGHTS, n)), near])
    with catch_warnings():
        simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound is as good an answer as another
        mean, std = process.fit(np.array(tried), np.array(worth)).predict(candidates, return_std=True)
    chosen: Floats = candidates[int(np.argmax(mean + _DEVIATIONS * std))]
    return chosen
