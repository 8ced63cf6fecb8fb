"""Normal scores: numbers as the normal quantiles of their ranks, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtri

Numbers = NDArray[np.float64]


class NormalScores:
    """A rising map that gives the `values` it is made from, n of them, the scores of n draws of a normal variable.

    The k-th smallest gets the quantile of (k - 1/2) / n, equal ones that of their mean rank (van der Waerden's scores
    with Hazen's plotting positions). It is linear between them. Beyond them it goes on with the slope from end to end
    and levels off within one unit: what lies outside keeps its order, and one outlier of a heavy tail, of which few
    values say nothing, does not get hundreds of scores. NaN counts for nothing and stays NaN. Of values that are all
    equal the map is 0 everywhere; of none too.
    """

    def __init__(self, values: Numbers) -> None:
        known = np.asarray(values, dtype=float)
        known = known[np.isfinite(known)]
        ranks = stats.rankdata(known)
        self._values, first = np.unique(known, return_index=True)
        self._scores = ndtri((ranks[first] - 0.5) / max(len(known), 1))

    @property
    def constant(self) -> bool:
        """Whether there are no two different values to rank."""
        return len(self._values) < 2

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score."""
        return (0.0, 0.0) if self.constant else (float(self._scores[0]), float(self._scores[-1]))

    def __call__(self, values: Numbers) -> Numbers:
        """The scores of `values`, of any shape."""
        if self.constant:
            return np.where(np.isnan(values), np.nan, 0.0)
        within = np.interp(values, self._values, self._scores)
        found: Numbers = within + np.tanh(_outside(values, self._values, self._scores))
        return found

    def inverse(self, scores: Numbers) -> Numbers:
        """The values of `scores`, along the line from end to end beyond them; the one there is where all were equal."""
        if self.constant:
            return np.full(np.shape(scores), self._values[0] if len(self._values) else np.nan)
        within = np.interp(scores, self._scores, self._values)
        found: Numbers = within + _outside(scores, self._scores, self._values)
        return found


def _outside(x: Numbers, at: Numbers, to: Numbers) -> Numbers:
    """How far `x` leads beyond the ends of rising points, along the line from the first point to the last."""
    slope = (to[-1] - to[0]) / (at[-1] - at[0])
    found: Numbers = slope * (np.minimum(x - at[0], 0) + np.maximum(x - at[-1], 0))
    return found
