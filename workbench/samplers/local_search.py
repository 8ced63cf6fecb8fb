"""Local search: ask the neighbours of the best, in three ways (White et al., UAI 2021)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import takewhile

import numpy as np

from workbench.errors import InvalidInput
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History, Told
from workbench.samplers.strategy import Offspring

VARIANTS = ("best_visited", "first_improvement", "whole_neighborhood")
NEIGHBOR = "neighbor"
_RECENT = 16  # trials that may have been told after the last one was asked for, where several are measured at once


@strategy("local_search", paper="White et al., UAI 2021, Algorithm 1")
class LocalSearch:
    """Random points first, then neighbours: architectures one answer away from a good one.

    - "best_visited" always asks for a new neighbour of the best point that still has one, and so never restarts.
    - "first_improvement" moves to the first neighbour that is better.
    - "whole_neighborhood" asks for every neighbour, then moves to the best of them, the algorithm of the paper.

    The last two begin again from `initial` random points where no neighbour is better. An enqueued point counts as a
    random one: it begins a new start.
    """

    def __init__(self, *, variant: str = "best_visited", initial: int = 10) -> None:
        if variant not in VARIANTS:
            raise InvalidInput(f"variant must be one of {', '.join(map(repr, VARIANTS))}; got {variant!r}.")
        self.variant = variant
        self.initial = initial

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Neighbours, in the order of the variant; random points at the start, and where neighbours run out."""
        if len(history) >= self.initial:
            if self.variant == "best_visited":
                yield from around_the_best(domain, history, rng, NEIGHBOR)
            else:
                yield from self._around_here(domain, history, rng)
        yield from domain.samples(rng)

    def _around_here(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Neighbours of the point where the search stands; of what it then moves to; nothing where it restarts."""
        here, children = _standing(history, self.initial)
        if self.variant == "first_improvement":
            here, children = next((child for child in children if here and child.value > here.value), here), []
        while here is not None:
            yield from (Offspring(point, here.number, NEIGHBOR) for point in domain.neighbors(here.params, rng))
            best = _best([here, *children])
            here, children = (None if best is here else best), []


def _standing(history: History, initial: int) -> tuple[Told | None, list[Told]]:
    """The point whose neighbours were asked for last, and those of them that are told; None to draw at random."""
    latest = reversed(history)
    last = history[-1]
    if last.operator != NEIGHBOR or last.parent is None:
        starts = list(takewhile(lambda told: told.operator != NEIGHBOR, latest))
        return (_best(starts[::-1]) if len(starts) >= initial else None), []
    children = list(takewhile(lambda told: told.operator == NEIGHBOR and told.parent == last.parent, latest))
    place = _place(history, last.parent)
    return (None if place is None else history[place]), children[::-1]


def around_the_best(domain: Domain, history: History, rng: np.random.Generator, operator: str) -> Iterator[Params]:
    """The neighbours of the best trial in random order, then those of the next best, and so on.

    The last trial that was made so tells that those better than its parent had no new neighbour left: they are passed
    over, which keeps the time of a proposal from growing with their number.
    """
    recent = range(max(0, len(history) - _RECENT), len(history))
    last = next((told for told in (history[i] for i in reversed(recent)) if told.operator == operator), None)
    place = None if last is None or last.parent is None else _place(history, last.parent)
    spent = 0 if place is None else int(np.flatnonzero(history.ranked == place)[0])
    for rank, place in enumerate(history.ranked.tolist()):
        if rank >= spent or place in recent:
            told = history[place]
            yield from (Offspring(point, told.number, operator) for point in domain.neighbors(told.params, rng))


def _place(history: History, number: int) -> int | None:
    """Where in the history the trial of that number is."""
    place = bisect_left(history, number, key=lambda told: told.number)
    return place if place < len(history) and history[place].number == number else None


def _best(told: Sequence[Told]) -> Told:
    return max(told, key=lambda one: one.value)
