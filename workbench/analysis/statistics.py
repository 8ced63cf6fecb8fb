"""Rank statistics: how well one list of numbers puts architectures in the order of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput

Statistic = Callable[[np.ndarray, np.ndarray], float]
MakeStatistic = Callable[[float], Statistic]

# Each member makes its statistic of (scores, truth), higher being better in both, from the fraction that counts as top.
catalogue: Catalogue[MakeStatistic] = Catalogue("statistic")


class Interval(NamedTuple):
    """An estimate and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def statistic(name: str, top: float = 0.1) -> Statistic:
    """The statistic called `name`; `top` is the fraction of architectures that counts as best where one is needed."""
    if not 0 < top < 1:
        raise InvalidInput(f"top is the fraction of architectures that counts as best, between 0 and 1; got {top!r}.")
    return catalogue.find(name)(top)


def bootstrap(function: Statistic, x: np.ndarray, y: np.ndarray, n_boot: int, rng: np.random.Generator) -> Interval:
    """The statistic of (x, y) with its 95 % percentile interval over resampled pairs; NaN where no resample has one."""
    drawn = []
    for _ in range(n_boot):
        chosen = rng.integers(len(x), size=len(x))
        drawn.append(function(x[chosen], y[chosen]))
    known = np.array(drawn)[np.isfinite(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Interval(function(x, y), float(low), float(high))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN where one side is constant."""
    return correlation(stats.rankdata(x), stats.rankdata(y))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; NaN where one side is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau b; NaN where one side is constant."""
    return float(stats.kendalltau(x, y).statistic)


def weighted_kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Vigna's weighted tau (WWW 2015): exchanges among the best of either list weigh more, hyperbolically."""
    return float(stats.weightedtau(x, y).statistic)


def ndcg(top: float) -> Statistic:
    """Normalised discounted cumulative gain over the first `top` of the ranking (Järvelin & Kekäläinen, 2002).

    An architecture's gain is 2^r - 1, r its truth scaled to 0..1; the j-th place is discounted by log2(1 + j). 1 is
    the truth's own order. VKDNW (CVPR 2025) ranks proxies by it, as a search asks for the top and not for the bulk.
    """

    def gain(x: np.ndarray, y: np.ndarray) -> float:
        spread = y.max() - y.min()
        if spread == 0:
            return float("nan")
        relevance = 2 ** ((y - y.min()) / spread) - 1
        k = max(1, round(top * len(x)))
        discount = 1 / np.log2(np.arange(2, k + 2))
        found = relevance[np.argsort(-x, kind="stable")[:k]] @ discount
        return float(found / (np.sort(relevance)[::-1][:k] @ discount))

    return gain


def top_share(top: float) -> Statistic:
    """The share of the truly best `top` fraction that the scores rank among their own best."""

    def share(x: np.ndarray, y: np.ndarray) -> float:
        k = max(1, round(top * len(x)))
        best = set(np.argsort(-y, kind="stable")[:k].tolist())
        return len(best & set(np.argsort(-x, kind="stable")[:k].tolist())) / k

    return share


def top_hit(top: float) -> Statistic:
    """1 where the scores' own first choice is truly among the best `top` fraction, else 0."""

    def hit(x: np.ndarray, y: np.ndarray) -> float:
        k = max(1, round(top * len(x)))
        return float(int(np.argmax(x)) in np.argsort(-y, kind="stable")[:k])

    return hit


catalogue.enter("spearman", lambda _: spearman)
catalogue.enter("kendall", lambda _: kendall)
catalogue.enter("weighted_kendall", lambda _: weighted_kendall)
catalogue.enter("ndcg", ndcg)
catalogue.enter("top", top_share)
catalogue.enter("top_hit", top_hit)
catalogue.enter("best_quartile", lambda _: top_share(0.25))
