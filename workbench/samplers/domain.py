"""The domain of a strategy: the points it may propose, how to move among them, and how to see them as vectors."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.samplers.values import contains, draw, draw_other, from_unit, is_listed_whole, listed, to_unit
from workbench.spaces.choices import Answer
from workbench.spaces.space import SearchSpace

Params = dict[str, Any]
Point = Mapping[str, Any]
_BLOCK = 64  # random points that are drawn at once
_KNOWN = 20_000  # architectures of which it is known which questions they ask


class Domain:
    """Points of named distributions, each a dict from a name to its value.

    `answers` holds the values of every name; a numerical distribution that has more than 16 is cut into 16, for
    strategies that count values. A domain has a `space` where it is one of architectures: see `SpaceDomain`.
    """

    space: SearchSpace | None = None

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = dict(distributions)
        self.names = tuple(distributions)

    @cached_property
    def answers(self) -> dict[str, tuple[Any, ...]]:
        """Name -> the values it may have."""
        return {name: listed(distribution) for name, distribution in self.distributions.items()}

    # -- points ------------------------------------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> Params:
        """A uniform point (uniform in the logarithm where a distribution says so)."""
        return {name: draw(distribution, rng) for name, distribution in self.distributions.items()}

    def samples(self, rng: np.random.Generator) -> Iterator[Params]:
        """Uniform points without end."""
        while True:
            yield self.sample(rng)

    def mutate(self, point: Point, rng: np.random.Generator) -> Params:
        """`point` with one value redrawn to another one; values that are missing or outside are redrawn too."""
        child = self._within(point, rng)
        free = [name for name, distribution in self.distributions.items() if not distribution.single()]
        if free:
            name = free[int(rng.integers(len(free)))]
            child[name] = draw_other(self.distributions[name], child[name], rng)
        return child

    def neighbors(self, point: Point, rng: np.random.Generator) -> Iterator[Params]:
        """Every point one changed value away, in random order; a numerical value changes to those in `answers`."""
        start = self._within(point, rng)
        moves = [(name, value) for name in self.names for value in self.answers[name] if value != start[name]]
        for i in rng.permutation(len(moves)):
            name, value = moves[i]
            yield start | {name: value}

    def crossover(self, a: Point, b: Point, rng: np.random.Generator) -> Params:
        """A child that takes each value from `a` or `b` with equal chance (uniform crossover)."""
        first, second = self._within(a, rng), self._within(b, rng)
        chosen = rng.random(len(self.names)) < 0.5
        return {name: (first if take else second)[name] for name, take in zip(self.names, chosen, strict=True)}

    def fitted(self, point: Params, rng: np.random.Generator) -> Params:
        """`point` itself where it has a value for every name, else a copy in which what is lacking is drawn."""
        lacking = {
            name: draw(distribution, rng)
            for name, distribution in self.distributions.items()
            if name not in point or not contains(distribution, point[name])
        }
        if not lacking and len(point) == len(self.distributions):
            return point
        whole = copy(point)  # an offspring stays one
        for name in whole.keys() - self.distributions.keys():
            del whole[name]
        whole.update(lacking)
        return whole

    def everything(self, limit: int = 20_000) -> list[Params] | None:
        """Every point, where there are at most `limit`; None where there are more, or no end."""
        found = self._everything if self._n_points <= limit else None
        return found if found is not None and len(found) <= limit else None

    def key(self, point: Point) -> Hashable:
        """Equal for equal points."""
        return tuple([point.get(name) for name in self.names])

    def architecture(self, point: Point) -> Architecture:
        """The architecture that a point is; raises `InvalidInput` in a domain without a space."""
        raise InvalidInput("This domain has no search space: give one to the sampler, wb.sampler(name, space=space).")

    # -- vectors -----------------------------------------------------------------------------------------------

    def encode(self, points: Sequence[Point], kind: str = "one_hot") -> NDArray[np.float32]:
        """Points as vectors, float32 (n, d): of a space's encoding `kind`, else ones for categories and 0..1."""
        columns = []
        for name, distribution in self.distributions.items():
            values = [point.get(name) for point in points]
            if is_listed_whole(distribution):
                columns.append(self._ones(name, values))
            else:
                columns.append(np.array([[to_unit(distribution, value)] for value in values]).reshape(-1, 1))
        return np.hstack(columns).astype(np.float32) if columns else np.zeros((len(points), 0), np.float32)

    def codes(self, points: Sequence[Point]) -> NDArray[np.int64]:
        """The number of every value in `answers`, (n, names), the nearest for a number; -1 where there is none."""
        return np.array([[self._code(name, point.get(name)) for name in self.names] for point in points], int).reshape(
            len(points), len(self.names)
        )

    def point(self, codes: Sequence[int] | NDArray[np.int64]) -> Params:
        """The point with these numbers of values; the inverse of `codes`."""
        return {name: self.answers[name][code] for name, code in zip(self.names, codes, strict=True) if code >= 0}

    def unit(self, point: Point) -> NDArray[np.float64]:
        """A point in the unit cube, (names,): equal bins for separate values, each at its middle."""
        return np.array([to_unit(distribution, point.get(name)) for name, distribution in self.distributions.items()])

    def from_unit(self, vector: Sequence[float] | NDArray[np.float64]) -> Params:
        """The point at a place in the unit cube."""
        return {
            name: from_unit(distribution, float(at))
            for (name, distribution), at in zip(self.distributions.items(), vector, strict=True)
        }

    # -- inside ------------------------------------------------------------------------------------------------

    def _within(self, point: Point, rng: np.random.Generator) -> Params:
        return {
            name: point[name] if name in point and contains(distribution, point[name]) else draw(distribution, rng)
            for name, distribution in self.distributions.items()
        }

    @cached_property
    def _n_points(self) -> float:
        finite = all(is_listed_whole(distribution) for distribution in self.distributions.values())
        return prod(len(values) for values in self.answers.values()) if finite else float("inf")

    @cached_property
    def _everything(self) -> list[Params] | None:
        grids = np.indices([len(self.answers[name]) for name in self.names]).reshape(len(self.names), -1).T
        return [self.point(row) for row in grids]

    @cached_property
    def _numbers(self) -> dict[str, dict[Any, int]]:
        return {name: {value: i for i, value in enumerate(values)} for name, values in self.answers.items()}

    def _code(self, name: str, value: Any) -> int:
        found = self._numbers[name].get(value)
        if found is not None:
            return found
        if is_listed_whole(self.distributions[name]) or not contains(self.distributions[name], value):
            return -1
        at = to_unit(self.distributions[name], value)
        return min(int(at * len(self.answers[name])), len(self.answers[name]) - 1)

    def _ones(self, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
        codes = np.array([self._code(name, value) for value in values], int)
        ones: NDArray[np.float64] = (codes[:, None] == np.arange(len(self.answers[name]))).astype(np.float64)
        return ones


class SpaceDomain(Domain):
    """The architectures of a search space as points: the decisions of each.

    `allowed` narrows where points are drawn and moved, as when a study is steered; `answers` are those allowed, while
    `encode` sees points as the whole space does, so that what was tried before still has its place.
    """

    space: SearchSpace

    def __init__(self, space: SearchSpace, allowed: Mapping[str, Sequence[Answer]] | None = None) -> None:
        self.space = space
        self.moves = space.restrict(allowed) if allowed else space
        super().__init__(self.moves.distributions())
        self._sizes = np.array([len(self.answers[name]) for name in self.names])
        self._walked = lru_cache(_KNOWN)(self._walk)

    def sample(self, rng: np.random.Generator) -> Params:
        """An architecture, each question answered uniformly."""
        if self.space.flat:
            return self._drawn(1, rng)[0]
        return dict(self.moves.sample(1, seed=rng)[0].decisions)

    def samples(self, rng: np.random.Generator) -> Iterator[Params]:
        """Architectures without end."""
        while True:
            yield from self._drawn(_BLOCK, rng) if self.space.flat else [self.sample(rng)]

    def mutate(self, point: Point, rng: np.random.Generator) -> Params:
        """`SearchSpace.mutate`; in a flat space the same without making an architecture."""
        if self.space.flat:
            return super().mutate(point, rng)
        return dict(self.moves.mutate(self._moved(point, rng), rng).decisions)

    def neighbors(self, point: Point, rng: np.random.Generator) -> Iterator[Params]:
        """`SearchSpace.neighbors` in random order; in a flat space the same without making architectures."""
        if self.space.flat:
            yield from super().neighbors(point, rng)
            return
        around = self.moves.neighbors(self._moved(point, rng))
        for i in rng.permutation(len(around)):
            yield dict(around[i].decisions)

    def crossover(self, a: Point, b: Point, rng: np.random.Generator) -> Params:
        """`SearchSpace.crossover`."""
        if self.space.flat:
            return super().crossover(a, b, rng)
        return dict(self.moves.crossover(self._moved(a, rng), self._moved(b, rng), rng).decisions)

    def architecture(self, point: Point) -> Architecture:
        """The architecture with these decisions; answers to questions that it does not ask are ignored."""
        if self.space.flat:
            return Architecture(self.space, {name: point[name] for name in self._order})
        return self._walked(super().key(point))

    def key(self, point: Point) -> Hashable:
        """Equal for points that are the same architecture."""
        return super().key(point) if self.space.flat else self.architecture(point)

    def codes(self, points: Sequence[Point]) -> NDArray[np.int64]:
        """As in every domain; -1 also for questions that an architecture does not ask."""
        return super().codes(points if self.space.flat else [self.architecture(point).decisions for point in points])

    def encode(self, points: Sequence[Point], kind: str = "one_hot") -> NDArray[np.float32]:
        """`SearchSpace.encode`, float32 (n, d)."""
        found: NDArray[np.float32] = self.space.encode([self.architecture(point) for point in points], kind)
        return found

    def _walk(self, answers: tuple[Answer, ...]) -> Architecture:
        """The architecture with an answer for every name; those to questions that it does not ask are ignored."""
        return self.space.answered_by(Given(dict(zip(self.names, answers, strict=True))))

    @cached_property
    def _order(self) -> tuple[str, ...]:
        return tuple(question.name for question in self.space.questions())

    @cached_property
    def _n_points(self) -> float:
        if self.space.flat:
            return float(self.moves.size)
        combinations = prod(len(answers) for answers in self.answers.values())
        return float(combinations if combinations <= 100_000 else _size(self.moves))

    @cached_property
    def _everything(self) -> list[Params] | None:
        return [dict(arch.decisions) for arch in self.moves.enumerate()]

    def _drawn(self, n: int, rng: np.random.Generator) -> list[Params]:
        codes = (rng.random((n, len(self.names))) * self._sizes).astype(int)
        return [self.point(row) for row in codes.tolist()]

    def _moved(self, point: Point, rng: np.random.Generator) -> Architecture:
        """The architecture of `point`; where something in it is not allowed any more, that is drawn anew."""
        arch = self.architecture(point)
        allowed = self.answers
        if all(answer in allowed[name] for name, answer in arch.decisions.items()):
            return arch
        fresh = self.sample(rng)
        return self.moves.crossover(arch, self.moves.architecture(fresh), rng)


class Given:
    """Choices that are read from a point, or from a trial's parameters."""

    def __init__(self, point: Point) -> None:
        self._point = point

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """What the point says."""
        return self._point[name]


def _size(space: SearchSpace) -> float:
    try:
        return float(space.size)
    except InvalidInput:  # too large to be listed
        return float("inf")
