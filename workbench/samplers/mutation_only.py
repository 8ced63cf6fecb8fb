"""Mutation only: batches of mutants of the incumbent, without any predictor (Schneider et al., AutoML@ICML 2021)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.local_search import around_the_best


@strategy("mutation_only", paper='Schneider et al., "Mutation is all you need", AutoML@ICML 2021')
def mutation_only(
    domain: Domain, history: History, rng: np.random.Generator, *, initial: int = 10, batch: int = 10
) -> Iterator[Params]:
    """New one-answer mutants of the best point, `batch` of them before the best is looked for again.

    The first `initial` points are random. Where the best has no new mutant left, those of the next best follow. This is
    the ablation of BANANAS (White et al., AAAI 2021) that keeps its acquisition optimiser and drops its predictor.
    """
    if len(history) >= initial:
        yield from around_the_best(domain, history, rng, "mutation")
    yield from domain.samples(rng)
