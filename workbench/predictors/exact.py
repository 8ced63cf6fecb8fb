"""Exact Gaussian-process regression with a given matrix of kernels, and the settings that make labels likeliest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from workbench.predictors.normal_scores import Numbers

NOISES = (0.003, 0.01, 0.03, 0.1, 0.3)  # of the labels, as shares of the variance that the kernel explains
_ROUNDS = 2  # in which each setting is looked for in turn


class Posterior(NamedTuple):
    """What n labels say, for a kernel whose scale is that which makes them likeliest (eq. 2.30 of the book).

    Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006, algorithm 2.1.
    """

    factor: Numbers  # (n, n), lower triangular: of the kernels and the noise
    weights: Numbers  # (n,), of the kernels with the labels in the mean
    scale: float  # of the kernel, a variance
    evidence: float  # log marginal likelihood, less what all kernels share

    def __call__(self, across: Numbers, own: Numbers) -> tuple[Numbers, Numbers]:
        """Means and standard deviations (m,) without noise, of rows with the kernels `across` (m, n) and `own` (m,)."""
        solved = solve_triangular(self.factor, across.T, lower=True, check_finite=False)
        variance = self.scale * (own - (solved**2).sum(axis=0))
        return across @ self.weights, np.sqrt(np.maximum(variance, 0.0))


def posterior(kernels: Numbers, labels: Numbers, noise: float) -> Posterior:
    """The posterior of labels (n,) under the kernels (n, n) of a process around 0, with noise on their diagonal."""
    n = len(labels)
    noisy = kernels.copy()
    noisy.flat[:: n + 1] += noise
    factor = np.asarray(np.linalg.cholesky(noisy), dtype=float)
    half = solve_triangular(factor, labels, lower=True, check_finite=False)
    scale = float(half @ half) / n
    evidence = -n / 2 * np.log(scale) - float(np.log(factor.diagonal()).sum())
    weights = solve_triangular(factor, half, lower=True, trans="T", check_finite=False)
    return Posterior(factor, weights, scale, evidence)


def likeliest(fitted: Callable[..., Posterior], grids: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """The settings, one of each grid, with the highest evidence: each in turn, from the middle of its grid, twice."""
    found: dict[tuple[Any, ...], float] = {}

    def evidence(settings: tuple[Any, ...]) -> float:
        if settings not in found:
            found[settings] = fitted(*settings).evidence
        return found[settings]

    best = tuple(grid[len(grid) // 2] for grid in grids)
    for _ in range(_ROUNDS):
        for at, grid in enumerate(grids):
            best = max(((*best[:at], value, *best[at + 1 :]) for value in grid), key=evidence)
    return best


def squared_distances(a: Numbers, b: Numbers) -> Numbers:
    """Of the rows of `a` from those of `b`, (len(a), len(b))."""
    found: Numbers = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(found, 0.0)
