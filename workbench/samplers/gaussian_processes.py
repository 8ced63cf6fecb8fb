"""Searches by Gaussian processes on answers: the Hamming kernel, GP-NAS and its ensemble."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.candidates import Candidates
from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.predictor_guided import Features, predictor_guided

TRANSFORMS = ("one_hot", "path", "wl")  # encodings that the ensemble of GP-NAS is made over


@strategy("gp", paper="Kandasamy et al., NeurIPS 2018 (on Hamming distance); Jones et al., 1998 (on the improvement)")
def gp(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 10,
    batch: int = 5,
    candidates: str | Candidates = "mutation",
    features: Features | None = None,
) -> Iterator[Params]:
    """Expected improvement under a Gaussian process whose kernel counts the answers that differ.

    The cheapest of the good models, and the one to start with: mutants of the best ten and random points, five a round.
    """
    return predictor_guided(
        domain, history, rng, initial=initial, batch=batch, candidates=candidates, features=features
    )


@strategy("gp_nas", paper="Li et al., CVPR 2020")
def gp_nas(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 20,
    batch: int = 10,
    candidates: str | Candidates = "mutation",
) -> Iterator[Params]:
    """Expected improvement under GP-NAS, a Bayesian linear trend and a Gaussian process, on the one-hot encoding."""
    return predictor_guided(
        domain, history, rng, predictor="gp_nas", initial=initial, batch=batch, candidates=candidates
    )


@strategy("gp_nas_ensemble", paper="Li et al., CVPR 2020, averaged over transforms and kernels (CVPR Workshops 2022)")
def gp_nas_ensemble(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 20,
    batch: int = 10,
    candidates: str | Candidates = "mutation",
) -> Iterator[Params]:
    """Expected improvement under the mean of GP-NAS on one-hot, path and motif encodings with two kernels each."""
    return predictor_guided(
        domain,
        history,
        rng,
        predictor="gp_nas_ensemble",
        encoding=transforms,
        initial=initial,
        batch=batch,
        candidates=candidates,
    )


def transforms(domain: Domain, points: Sequence[Point]) -> NDArray[np.float32]:
    """Several encodings side by side, equally wide, as `gp_nas_ensemble` takes them; columns of zeros are left out."""
    found = [domain.encode(points, kind) for kind in TRANSFORMS]
    used = [part[:, part.any(axis=0)] for part in found]
    width = max(part.shape[1] for part in used)
    return np.hstack([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in used])
