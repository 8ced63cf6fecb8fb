"""Plackett and Luce's model of rankings: the worth of systems from tasks of which each ranks only some of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PRIOR = 0.1  # precision of a normal prior on the log worth: systems that nothing connects stay near the mean


def plackett_luce(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log worth of each system, (n,) with mean 0, from (n, tasks) scores, higher is better, NaN where missing.

    A task's ranking has the probability prod_i w_i / sum_{j not before i} w_j (Plackett, 1975); tied systems each
    choose against the same rest (Breslow's way). The sum of the tasks' weighted log likelihoods and of a weak normal
    prior, which is concave, is maximised. Entries that are missing at random do not bias it.
    """
    from scipy.optimize import minimize

    stages = [_stages(column) for column in values.T]
    used = [(stage, weight) for stage, weight in zip(stages, weights, strict=True) if len(stage[0]) > 1 and weight > 0]

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = 0.5 * _PRIOR * theta @ theta, _PRIOR * theta
        for (order, last), weight in used:
            ranked = theta[order]
            shift = ranked.max()
            worth = np.exp(ranked - shift)
            rest = np.cumsum(worth[::-1])[::-1][last]  # the worth of what is not before each
            total -= weight * float((ranked - shift - np.log(rest)).sum())
            # each system is among the rest of every stage up to the last that it is tied with or stands before
            share = np.cumsum(np.bincount(last, 1 / rest, len(order)))
            slope[order] -= weight * (1 - worth * share)
        return float(total), slope

    found = minimize(loss, np.zeros(len(values)), jac=True, method="L-BFGS-B", options={"maxiter": 2000, "gtol": 1e-7})
    return np.asarray(found.x - found.x.mean())


def _stages(column: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The systems a task has, best first, and for each the place where those that it is tied with begin."""
    known = np.flatnonzero(np.isfinite(column))
    order = known[np.argsort(-column[known], kind="stable")]
    ranked = column[order]
    begins = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(order) else np.array([], dtype=int)
    sizes = np.diff(np.r_[begins, len(order)])
    return order, np.repeat(begins, sizes)
