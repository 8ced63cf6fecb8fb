"""The curves of a monitor: best so far, median and quartiles over studies, and the front of several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = Sequence[Sequence[Any]]


class Points(NamedTuple):
    """The trials with values: arrays of shape (n,), and (n, k) for k objectives.

    `at` is 1 for a study's first measured trial; `good` says which meet every bound.
    """

    study: NDArray[np.intp]
    at: NDArray[np.intp]
    values: Floats
    good: NDArray[np.bool_]


def points_of(rows: Rows, n_objectives: int) -> Points:
    """The rows of a monitor's trials as arrays; failed trials count, but have no point."""
    counts: dict[int, int] = {}
    study, at, values, good = [], [], [], []
    for row in rows:
        if row[2] == "x":
            continue
        counts[row[0]] = counts.get(row[0], 0) + 1
        if row[3] is not None:
            study.append(row[0])
            at.append(counts[row[0]])
            values.append(row[3])
            good.append(row[2] == "c")
    shaped = np.array(values, float).reshape(-1, n_objectives)
    return Points(np.array(study, np.intp), np.array(at, np.intp), shaped, np.array(good, bool))


def best_so_far(points: Points, sign: int, n_studies: int) -> Floats:
    """Best value after 1, 2, ... trials, of shape (studies, trials): NaN before the first, and after the last one."""
    length = int(points.at.max(initial=0))
    curves = np.full((n_studies, length), np.nan)
    good = points.good
    curves[points.study[good], points.at[good] - 1] = sign * points.values[good, 0]
    curves = sign * np.fmax.accumulate(curves, axis=1)
    for number in range(n_studies):
        last = int(points.at[points.study == number].max(initial=0))
        curves[number, last:] = np.nan
    return curves


def quartiles(curves: Floats) -> Floats:
    """First quartile, median and third quartile over the studies, of shape (3, trials); NaN where none has a value."""
    found = np.full((3, curves.shape[1]), np.nan)
    known = ~np.isnan(curves).all(axis=0)
    found[:, known] = np.nanquantile(curves[:, known], [0.25, 0.5, 0.75], axis=0)
    return found


def pareto(values: Floats, signs: Sequence[int]) -> NDArray[np.intp]:
    """The rows that no other row beats, the first objective's best first; values of shape (n, k)."""
    up = values * np.array(signs)
    order = np.lexsort(-up.T[::-1])
    kept: list[int] = []
    for row in order:
        if not any((up[other] >= up[row]).all() for other in kept):
            kept.append(int(row))
    return np.array(kept, np.intp)
