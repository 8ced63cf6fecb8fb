"""The front of points with several objectives: what nothing beats, where it bends, and what of it meets limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def non_dominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Which of `points`, shape (n, k) and larger is better, no other one beats: (n,) of truths.

    A point beats another that it equals or exceeds everywhere and exceeds somewhere; equal points stay together. A
    point with a NaN is not compared: it is not on the front, and beats nothing.
    """
    array = np.asarray(points, dtype=np.float64)
    known = ~np.isnan(array).any(axis=1)
    kept = np.zeros(len(array), dtype=bool)
    if not known.any():
        return kept
    different, which = np.unique(array[known], axis=0, return_inverse=True)
    kept[known] = _front(different)[which.reshape(-1)]
    return kept


def _front(points: Floats) -> NDArray[np.bool_]:
    """`non_dominated` for different points without NaN."""
    # What beats a point is better placed in no column worse and in one better: its places have a larger sum.
    places = np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in points.T], axis=1)
    waiting = np.argsort(-places.sum(axis=1), kind="stable")
    kept = np.zeros(len(points), dtype=bool)
    while len(waiting):
        first, rest = waiting[0], waiting[1:]
        kept[first] = True
        waiting = rest[(places[rest] > places[first]).any(axis=1)]
    return kept


def knee(loss: Floats) -> int | None:
    """The row of `loss`, shape (m, k), where the front bends most; None where it bends towards the ideal nowhere.

    That is the point farthest from the hyperplane through the extremes, the best of each objective, on the side of the
    ideal point (Das, Structural Optimization 1999, whose plane joins the individual minima; for two objectives the
    maximum distance to the line between the ends of the front). Where the extremes span no plane, because one point
    is the best in two objectives, the plane is that on which the losses sum to 1.
    """
    if len(loss) <= 2:
        return None
    extremes = np.stack([loss[np.lexsort((loss.sum(axis=1), column))[0]] for column in loss.T])
    ones = np.ones(loss.shape[1])
    normal = ones
    if abs(np.linalg.det(extremes)) > 1e-9:
        solved = np.linalg.solve(extremes, ones)
        normal = solved if (solved > 0).all() else ones
    towards = (1.0 - loss @ normal) / np.linalg.norm(normal)
    best = int(np.argmax(towards))
    return best if towards[best] > 1e-9 else None


def within(front: Floats, signs: Sequence[int], limits: Sequence[float | None]) -> NDArray[np.bool_]:
    """Which rows of a front, shape (m, k), meet the limits: at least so much where +1, at most where -1.

    The front of what meets such limits is what of the front meets them: whatever beats a point meets them too.
    """
    met = np.ones(len(front), dtype=bool)
    for column, sign, limit in zip(front.T, signs, limits, strict=True):
        if limit is not None:
            met &= sign * column >= sign * limit
    return met
