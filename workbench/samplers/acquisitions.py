"""Acquisitions: how promising a candidate is, from what a predictor says of it and how unsure that is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from workbench.catalogue import Catalogue
from workbench.samplers.history import Floats

# Predicted means and standard deviations (n,), the best label so far, a generator -> scores (n,), higher being better.
Acquisition = Callable[[Floats, Floats, float, np.random.Generator], Floats]

catalogue: Catalogue[Acquisition] = Catalogue("acquisition")
_LEAST = 1e-12  # of a standard deviation that is divided by


@catalogue.entering("ei")
def ei(mean: Floats, std: Floats, best: float, rng: np.random.Generator) -> Floats:
    """Expected improvement on the best label: (m - b) Phi(z) + s phi(z), z = (m - b) / s (Jones et al., 1998, eq. 15).

    Jones, Schonlau & Welch, Efficient Global Optimization of Expensive Black-Box Functions, J. Global Optimization.
    """
    spread = np.maximum(std, _LEAST)
    z = (mean - best) / spread
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    found: Floats = (mean - best) * ndtr(z) + spread * density
    return found


@catalogue.entering("ucb")
def ucb(mean: Floats, std: Floats, best: float, rng: np.random.Generator) -> Floats:
    """The upper confidence bound m + s (Srinivas et al., ICML 2010, with a fixed weight of 1)."""
    return mean + std


@catalogue.entering("thompson")
def thompson(mean: Floats, std: Floats, best: float, rng: np.random.Generator) -> Floats:
    """Independent Thompson sampling, "its": a draw of N(m, s^2) for each candidate (White et al., AAAI 2021, eq. 3)."""
    found: Floats = mean + std * rng.standard_normal(len(mean))
    return found


@catalogue.entering("greedy")
def greedy(mean: Floats, std: Floats, best: float, rng: np.random.Generator) -> Floats:
    """The predicted mean: no exploration, and no need to know how unsure it is."""
    return mean


catalogue.enter("its", thompson)
catalogue.enter("mean", greedy)


def acquisition(which: str | Acquisition) -> Acquisition:
    """The acquisition called so, or the function itself; raises `UnknownName` with the nearest names."""
    return which if callable(which) else catalogue.find(which)
