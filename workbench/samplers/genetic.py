"""A genetic algorithm: tournaments, crossover and mutation among the best (Goldberg and Deb, FOGA 1991)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History, Told
from workbench.samplers.strategy import Offspring


@strategy("genetic", paper="Goldberg & Deb, FOGA 1991; Xie & Yuille, ICCV 2017 (Genetic CNN)")
def genetic(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    population: int = 20,
    tournament: int = 3,
    crossover: float = 0.5,
    mutation: float = 0.9,
    batch: int = 1,
) -> Iterator[Params]:
    """Children of winners of tournaments among the `population` best so far.

    The first `population` points are random. A child is crossed over from two winners with the chance `crossover`, else
    it is a copy of one, and then one of its answers is changed with the chance `mutation`. Each child enters at once
    (steady state); `batch=population` makes generations, whose children compete with their parents (plus-selection).
    Where the population has converged, so that children are known already, more and more of their answers are changed.
    """
    if len(history) < population:
        yield from domain.samples(rng)
    alive = history.top(population)  # the best first: the winner of a tournament is the one with the least rank
    for tries in count():
        first, second = (alive[int(rng.integers(len(alive), size=tournament).min())] for _ in range(2))
        yield child_of(domain, first, second, rng, crossover, mutation, tries // population)


def child_of(
    domain: Domain, first: Told, second: Told, rng: np.random.Generator, crossover: float, mutation: float, more: int
) -> Offspring:
    """`first`, crossed over with `second` and mutated, each by chance and one of them always; then `more` mutations."""
    crossed = first is not second and rng.random() < crossover
    point = domain.crossover(first.params, second.params, rng) if crossed else dict(first.params)
    if not crossed or rng.random() < mutation:
        point = domain.mutate(point, rng)
    for _ in range(more):
        point = domain.mutate(point, rng)
    other = second.number if crossed else None
    return Offspring(point, first.number, "crossover" if crossed else "mutation", other)
