"""NSGA-II: evolution towards the front of several objectives (Deb et al., IEEE Trans. Evol. Comp. 2002)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.genetic import child_of
from workbench.samplers.history import Floats, History

Places = NDArray[np.int64]


@strategy("nsga2", objectives="any", paper="Deb et al., IEEE Trans. Evol. Comp. 2002")
def nsga2(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    population: int = 20,
    crossover: float = 0.9,
    mutation: float = 0.9,
    batch: int = 20,
) -> Iterator[Params]:
    """Children of binary tournaments by rank and crowding, a generation of `batch` at a time.

    The first `population` points are random. Survivors are chosen from everything measured, not from the last two
    generations alone. Of two points the one that breaks constraints less is the better (constrained domination).
    """
    if len(history) < population:
        yield from domain.samples(rng)
    yield from children(domain, history, rng, population, crossover, mutation)


def children(
    domain: Domain, history: History, rng: np.random.Generator, population: int, crossover: float, mutation: float
) -> Iterator[Params]:
    """Without end, the children of pairs that won a tournament among the survivors, more and more changed ones."""
    alive = [history[int(place)] for place in survivors(history.objectives, history.violations, population)]
    for tries in count():  # the survivors are ordered by rank and crowding: the winner is the one that comes first
        first, second = (alive[int(rng.integers(len(alive), size=2).min())] for _ in range(2))
        yield child_of(domain, first, second, rng, crossover, mutation, tries // (2 * population))


def survivors(objectives: Floats, violations: Floats, size: int) -> Places:
    """The `size` best rows of `objectives`, (n, k) and higher is better, the best first.

    Rows with a smaller violation come first, then those of a better front, then those in a less crowded part of it.
    """
    chosen: list[Places] = []
    missing = min(size, len(objectives))
    for level in np.unique(np.maximum(violations, 0.0)):
        waiting = np.flatnonzero(np.maximum(violations, 0.0) == level)
        while missing > 0 and len(waiting):
            first = non_dominated(objectives[waiting])
            front, waiting = waiting[first], waiting[~first]
            order = np.argsort(-crowding(objectives[front]), kind="stable")
            chosen.append(front[order][:missing])
            missing -= len(chosen[-1])
    return np.concatenate(chosen) if chosen else np.empty(0, np.int64)


def non_dominated(objectives: Floats) -> NDArray[np.bool_]:
    """Which rows of `objectives`, (n, k) and higher is better, no other row beats: (n,)."""
    order = np.lexsort(-objectives.T[::-1])  # a row is beaten only by rows before it, or equals them
    kept = np.zeros(len(objectives), dtype=bool)
    while len(order):
        best = objectives[order[0]]
        equal = (objectives[order] == best).all(axis=1)
        kept[order[equal]] = True
        order = order[~equal & (objectives[order] > best).any(axis=1)]
    return kept


def crowding(front: Floats) -> Floats:
    """How far apart the neighbours of each row of a front, (n, k), are, over all objectives: (n,), inf at its ends."""
    distance = np.zeros(len(front))
    for column in front.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        span = ordered[-1] - ordered[0]
        if span > 0:
            distance[order[1:-1]] += (ordered[2:] - ordered[:-2]) / span
            distance[order[[0, -1]]] = np.inf
    return distance
