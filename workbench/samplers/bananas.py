"""BANANAS: an ensemble of networks on the path encoding, and a draw for each mutant (White et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.samplers.candidates import Candidates
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.predictor_guided import predictor_guided


@strategy("bananas", paper="White, Neiswanger & Savani, AAAI 2021")
def bananas(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    encoding: str = "path",
    candidates: str | Candidates = "neighbors",
    initial: int = 10,
    batch: int = 10,
) -> Iterator[Params]:
    """Independent Thompson sampling among mutants of the best five, by an ensemble of five networks.

    The networks see the path encoding (without a search space: the answers). The paper starts from 10 points and
    trains again after each round of 10.
    """
    return predictor_guided(
        domain,
        history,
        rng,
        predictor="mlp_ensemble",
        encoding=encoding,
        acquisition="thompson",
        candidates=candidates,
        initial=initial,
        batch=batch,
    )
