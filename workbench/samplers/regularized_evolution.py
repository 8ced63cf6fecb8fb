"""Regularized evolution: tournaments in a population that forgets its oldest (Real et al., AAAI 2019, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.strategy import Offspring


@strategy("regularized_evolution", paper="Real et al., AAAI 2019")
def regularized_evolution(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    initial: int = 10,
    population: int = 30,
    tournament: int = 10,
) -> Iterator[Params]:
    """One mutation of the best of `tournament` members, drawn with replacement from the last `population` trials.

    The first `initial` points are random. The numbers are those of the widely used NAS-Bench comparisons
    (population 30, tournament 10); the paper's own run on a larger space has population 100 and tournament 25.
    """
    if len(history) < initial:
        yield from domain.samples(rng)
    alive = history[-population:]
    while True:
        rivals = rng.integers(len(alive), size=tournament)
        parent = alive[int(max(rivals, key=lambda i: alive.values[i]))]
        yield Offspring(domain.mutate(parent.params, rng), parent.number, "mutation")
