"""Several objectives as one number: weights kept in a study, and the Chebyshev distance that they weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from optuna import Study

Floats = NDArray[np.float64]

WEIGHTS = "weights"
"""The user attribute of a study that keeps what `wb.steer(study, weights=...)` set: objective -> weight."""

AUGMENTATION = 0.001
"""The share of the weighted sum in `chebyshev`, small enough to decide between ties alone."""


def scalarised(objectives: ArrayLike, weights: Sequence[float]) -> Floats:
    """One value for each row of `objectives`, shape (n, k), larger is better everywhere: (n,), from 0 downwards.

    Each objective is scaled from the best (0) to the worst (1) of the finite values in `objectives`, so that neither
    units nor spread count, and the rows are compared by their weighted Chebyshev distance from the ideal point, as in
    ParEGO (Knowles, IEEE TEC 2006, equation 2). What is infinitely good or bad counts as the best or worst that is
    finite; a row with a NaN gets NaN. Only the ratio of the weights matters; all 0 count as equal.
    """
    array = np.asarray(objectives, dtype=np.float64)
    values = np.full(len(array), np.nan)
    known = ~np.isnan(array).any(axis=1)
    if known.any():
        finite = np.isfinite(array[known])
        some = finite.any(axis=0)
        best = np.where(some, np.where(finite, array[known], -np.inf).max(axis=0), 0.0)
        worst = np.where(some, np.where(finite, array[known], np.inf).min(axis=0), 0.0)
        values[known] = -chebyshev(losses(np.clip(array[known], worst, best), [1] * array.shape[1]), weights)
    return values


def losses(points: Floats, signs: Sequence[int]) -> Floats:
    """Points, shape (m, k), on the scale from the best of them (0) to the worst (1) in each objective.

    `signs` say which objectives are to be large (+1) or small (-1). An objective that is the same everywhere is 0.
    """
    worse = -points * np.asarray(signs, dtype=np.float64)
    least, span = worse.min(axis=0), np.ptp(worse, axis=0)
    found: Floats = np.divide(worse - least, span, out=np.zeros_like(worse), where=span > 0)
    return found


def chebyshev(loss: Floats, weights: Sequence[float]) -> Floats:
    """The augmented weighted Chebyshev distance of each row of `loss`, (m, k), from the ideal point: (m,).

    max_i w_i l_i + rho sum_i w_i l_i, with weights that sum to one (Steuer and Choo, Mathematical Programming 1983);
    weights that are all 0 count as equal. Unlike a weighted sum it can reach every point of a front, in its dents too.
    """
    total = float(sum(weights))
    shares = [weight / total for weight in weights] if total > 0 else [1.0 / len(weights)] * len(weights)
    parts = [share * column for share, column in zip(shares, loss.T, strict=True)]
    # Added one after the other, as the browser does, so that both find the same among near ties.
    summed = parts[0].copy()
    for part in parts[1:]:
        summed += part
    largest: Floats = np.max(parts, axis=0) + AUGMENTATION * summed
    return largest


def objective_names(study: Study) -> list[str]:
    """The names of a study's objectives: its measures, or "value_0", "value_1", ... where it was not made by search."""
    attrs = study._storage.get_study_user_attrs(study._study_id)  # study.user_attrs copies them all
    return list(attrs.get("measures") or [f"value_{i}" for i in range(len(study.directions))])


def weights_of(study: Study) -> tuple[float, ...] | None:
    """The weights that a study was given, in the order of its objectives; None where it has none."""
    kept = study._storage.get_study_user_attrs(study._study_id).get(WEIGHTS)
    return tuple(float(kept.get(name, 1.0)) for name in objective_names(study)) if kept else None
