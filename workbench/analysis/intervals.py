"""Bootstrap intervals of statistics of one or more samples, each resampled by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.statistics import Interval
from workbench.errors import InvalidInput

Sample = NDArray[np.float64]
_AT_ONCE = 2_000_000  # numbers resampled at a time, which bounds the memory


def interval(
    function: Callable[..., NDArray[np.float64]], *samples: Sample, n_boot: int = 1000, seed: int = 0
) -> Interval:
    """A statistic with its 95 % percentile-bootstrap interval (Efron, 1979).

    `function` takes each sample with resamples in front, (..., n), and returns a number for each, (...,). NaN where a
    sample is empty, or where the statistic is undefined in every resample. Raises `InvalidInput` for `n_boot` below 1.
    """
    if n_boot < 1:
        raise InvalidInput(f"n_boot must be at least 1; got {n_boot!r}.")
    if any(len(sample) == 0 for sample in samples):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    each = max(1, _AT_ONCE // sum(map(len, samples)))
    drawn = []
    for start in range(0, n_boot, each):
        rows = min(each, n_boot - start)
        drawn.append(function(*(s[rng.integers(len(s), size=(rows, len(s)))] for s in samples)))
    found = np.concatenate(drawn)
    found = found[np.isfinite(found)]
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
    return Interval(float(function(*samples)), float(low), float(high))


def surpassing(a: Sample, b: Sample, n_boot: int = 1000, seed: int = 0) -> Interval:
    """The probability that one of `a` (n,) is higher than one of `b` (m,), equals counting half, with its interval.

    Vargha and Delaney's A (2000), which is the Mann-Whitney statistic over the number of pairs. NaN where a side is
    empty.
    """
    if not len(a) or not len(b):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    wins = (np.sign(a[:, None] - b[None, :]) + 1) / 2
    shares = [rng.multinomial(len(side), np.full(len(side), 1 / len(side)), n_boot) / len(side) for side in (a, b)]
    low, high = np.percentile(((shares[0] @ wins) * shares[1]).sum(axis=1), [2.5, 97.5])
    return Interval(float(wins.mean()), float(low), float(high))
