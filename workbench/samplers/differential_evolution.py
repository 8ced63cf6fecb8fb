"""Differential evolution on architectures as points of the unit cube (DE-NAS: Awad et al., NAS@ICLR 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History, Told
from workbench.samplers.strategy import Offspring

_OPERATOR = "differential"


@strategy("differential_evolution", paper="Storn & Price, 1997; Awad et al., NAS@ICLR 2020 (DE-NAS)")
class DifferentialEvolution:
    """rand/1/bin: a member plus `scale` times the difference of two others, crossed with the one it may replace.

    Every question is a coordinate in [0, 1), cut into as many equal bins as it has answers; an answer's place in its
    bin is drawn anew for every trial. Coordinates that leave the interval are drawn anew; each comes from the mutant
    with the chance `crossover`, and one of them always does. Members take turns, and a child takes its parent's place
    when it is not worse. The population is what the lineage of the trials makes it.
    """

    def __init__(self, *, population: int = 20, scale: float = 0.5, crossover: float = 0.5) -> None:
        if population < 4:
            raise InvalidInput(f"population must be 4 or more, a member and three others; got {population}.")
        self.population = population
        self.scale = scale
        self.crossover = crossover
        self._replayed = _Members(population)

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Children of the member whose turn it is; random points until there is a population."""
        members, turn = self._members(history)
        if len(members) < self.population:
            yield from domain.samples(rng)
        sizes = np.array([len(domain.answers[name]) for name in domain.names])
        codes = domain.codes([told.params for told in members])
        codes = np.where(codes >= 0, codes, rng.integers(sizes, size=codes.shape))
        places = (codes + rng.random(codes.shape)) / sizes
        parent = members[turn]
        others = np.delete(np.arange(len(members)), turn)
        while True:
            child = self._child(places[turn], places[rng.permutation(others)[:3]], rng)
            yield Offspring(domain.point((child * sizes).astype(int)), parent.number, _OPERATOR)

    def _child(self, parent: NDArray[Any], others: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        mutant = others[0] + self.scale * (others[1] - others[2])
        outside = (mutant < 0) | (mutant >= 1)
        mutant[outside] = rng.random(int(outside.sum()))
        taken = rng.random(len(mutant)) < self.crossover
        taken[rng.integers(len(mutant))] = True
        return np.where(taken, mutant, parent)

    def _members(self, history: History) -> tuple[list[Told], int]:
        """The population after `history`, and whose turn it is."""
        if not self._replayed.precedes(history):
            self._replayed = _Members(self.population)
        self._replayed.go_on(history)
        return list(self._replayed.alive), self._replayed.children % self.population

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_replayed": _Members(self.population)}


class _Members:
    """The population as the trials told so far made it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.alive: list[Told] = []
        self.children = 0
        self._places: dict[int, int] = {}  # number of a trial that is or was a member -> its place
        self._told: NDArray[Any] = np.empty(0)  # values of the trials told
        self._last = -1  # number of the last of them

    def precedes(self, history: History) -> bool:
        """Whether `history` begins with what was told, and still values it the same."""
        n = len(self._told)
        known = n == 0 or (n <= len(history) and history[n - 1].number == self._last)
        return known and np.array_equal(history.values[:n], self._told)

    def go_on(self, history: History) -> None:
        """Let the trials in that were not told yet."""
        for i in range(len(self._told), len(history)):
            self._enter(history[i])
            self._last = history[i].number
        self._told = history.values.copy()

    def _enter(self, told: Told) -> None:
        """A child competes with its parent, any other trial with the worst member where there is no room."""
        is_child = told.operator == _OPERATOR and told.parent in self._places
        self.children += is_child
        if not is_child and len(self.alive) < self.size:
            self._places[told.number] = len(self.alive)
            self.alive.append(told)
            return
        worst = min(range(len(self.alive)), key=lambda i: self.alive[i].value)
        place = self._places[told.parent] if is_child and told.parent is not None else worst
        if told.value >= self.alive[place].value:
            self.alive[place] = told
            self._places[told.number] = place
