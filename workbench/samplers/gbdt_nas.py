"""GBDT-NAS: boosted trees rank the whole space, and its best are measured next (Luo et al., 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from workbench.samplers.candidates import exhaustive
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.inner_evolution import Codes, ones
from workbench.samplers.predictor_guided import predictor_guided


@strategy("gbdt_nas", paper="Luo et al., GBDT-NAS and, with prune, GBDT-NAS-3S, 2020")
def gbdt_nas(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 20,
    batch: int = 10,
    acquisition: str = "greedy",
    pool: int = 2_000,
    prune: int = 0,
    most: int = 1_000,
) -> Iterator[Params]:
    """What LightGBM, learning a one-hot encoding of the trials so far, predicts to be best of everything there is.

    Up to 20,000 points all are ranked; of a larger space mutants of the best and `pool` random points. The first
    `initial` trials are random, then `batch` are taken of each ranking (the paper: 1,000 random ones, then 1,000 of a
    ranking). With `prune` that many answers are left out of what is ranked: those whose mean Shapley values are the
    lowest, as GBDT-NAS-3S prunes its space (section 3.3; 20 of them a round). `acquisition` and `most` are those of
    predictor_guided, and so is what happens where there is nothing to learn.
    """
    yield from predictor_guided(
        domain,
        history,
        rng,
        predictor="gbdt",
        acquisition=acquisition,
        candidates=partial(_kept, prune=prune, pool=pool),
        initial=initial,
        batch=batch,
        most=most,
    )


def _kept(domain: Domain, history: History, rng: np.random.Generator, *, prune: int, pool: int) -> list[Params]:
    """Candidates without the answers that are pruned."""
    points = exhaustive(domain, history, rng, fresh=pool)
    if not prune or not points:
        return points
    gone = _pruned(domain, history, rng, prune)
    out = ones(domain.codes(points), _sizes(domain))[:, gone].any(axis=1) > 0
    return [points[i] for i in np.flatnonzero(~out)]


def _pruned(domain: Domain, history: History, rng: np.random.Generator, prune: int) -> list[int]:
    from workbench.predictors.gbdt import GBDT
    from workbench.predictors.shapley import answer_values, worst_answers

    given = ones(domain.codes(history.points), _sizes(domain))
    model = GBDT(seed=int(rng.integers(2**31))).fit(given, history.values)
    owners = np.repeat(np.arange(len(domain.names)), _sizes(domain))
    return worst_answers(answer_values(model, given), owners, prune)


def _sizes(domain: Domain) -> Codes:
    return np.array([len(domain.answers[name]) for name in domain.names])
