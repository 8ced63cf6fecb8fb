"""LaNAS: a tree of linear splits cuts the space into good and bad regions, and is searched by UCT (TPAMI 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import History

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
_LISTED = 20_000  # points up to which a region is known exactly
_STEPS = 1  # moves through a region for every question, before a point is taken from it
_RIDGE = 1.0


@dataclass(frozen=True)
class Split:
    """A half-space: what a linear regression predicts to be at least the mean is `good`."""

    weights: tuple[Floats, ...]  # by question, one number for each answer
    threshold: float
    good: bool

    def holds(self, codes: Codes) -> NDArray[np.bool_]:
        """Which points, (n, questions), lie in the half-space; a question that is not asked adds nothing."""
        inside: NDArray[np.bool_] = (self.predicted(codes) >= self.threshold) == self.good
        return inside

    def predicted(self, codes: Codes) -> Floats:
        """What the regression says of points, (n,)."""
        parts = [np.where(column >= 0, w[column], 0.0) for w, column in zip(self.weights, codes.T, strict=True)]
        total: Floats = np.sum(parts, axis=0)
        return total


@dataclass(frozen=True)
class Leaf:
    """A region: the splits that lead to it, and the trials that lie in it."""

    path: tuple[Split, ...]
    members: NDArray[np.int64]

    def holds(self, codes: Codes) -> NDArray[np.bool_]:
        """Which points lie in the region."""
        inside = np.ones(len(codes), bool)
        for split in self.path:
            inside[inside] = split.holds(codes[inside])
        return inside


@strategy("lanas", paper="Wang et al., Sample-Efficient NAS by Learning Actions for MCTS (LaNAS), TPAMI 2021")
class LaNAS:
    """Points of the region that UCT chooses in a tree of linear splits, learnt anew in every round.

    A tree of `height` levels is grown over all trials: in every node a ridge regression on one-hot answers is fitted to
    the node's trials, and what it predicts to be at least their mean goes to the good child. From the root, the child
    with the higher mean + 2 cp span sqrt(2 ln n(parent) / n(child)) is followed (UCT; span: best less worst value) down
    to a leaf, whose region is sampled uniformly. The first `initial` points are random, a round has `batch` points.
    In a domain of up to 20,000 points the region is known exactly; in a larger one it is walked through from the leaf's
    own trials, one answer at a time drawn from those that stay inside (hit-and-run on coordinates), or, where not every
    combination of answers is an architecture, one mutation at a time.
    """

    def __init__(self, *, initial: int = 10, height: int = 5, cp: float = 0.05, batch: int = 5) -> None:
        self.initial, self.height, self.cp, self.batch = initial, height, cp, batch
        self._grid: tuple[Domain | None, Codes | None] = (None, None)

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """The chosen region's points; then those of the region beside it, as long as there are any."""
        if len(history) < self.initial:
            yield from domain.samples(rng)
        codes = domain.codes(history.points)
        sizes = [len(domain.answers[name]) for name in domain.names]
        every = self._everything(domain)
        for leaf, region in self.leaves(codes, history.values, sizes, every):
            if every is None:
                yield from _walk(domain, leaf, [history.points[i] for i in leaf.members], rng)
            else:
                for i in rng.permutation(region):
                    yield domain.point(every[i])

    def leaves(
        self, codes: Codes, values: Floats, sizes: list[int], every: Codes | None = None
    ) -> Iterator[tuple[Leaf, NDArray[np.int64]]]:
        """The tree's leaves, the one that UCT chooses first, each with the rows of `every` point that lie in it."""
        explore = 2 * self.cp * float(np.ptp(values))
        among = np.empty((0, codes.shape[1]), int) if every is None else every

        def descend(node: Leaf, region: NDArray[np.int64]) -> Iterator[tuple[Leaf, NDArray[np.int64]]]:
            children = _children(node, codes, values, sizes) if len(node.path) < self.height else []
            if not children:
                yield node, region
            log_n = log(len(node.members))
            bounds = [values[c.members].mean() + explore * sqrt(2 * log_n / len(c.members)) for c in children]
            for i in sorted(range(len(children)), key=lambda i: -bounds[i]):
                inside = children[i].path[-1].holds(among[region])
                yield from descend(children[i], region[inside])

        yield from descend(Leaf((), np.arange(len(codes))), np.arange(len(among)))

    def _everything(self, domain: Domain) -> Codes | None:
        if self._grid[0] is not domain:
            points = domain.everything(_LISTED)
            self._grid = (domain, None if points is None else domain.codes(points))
        return self._grid[1]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_grid": (None, None)}


def _children(node: Leaf, codes: Codes, values: Floats, sizes: list[int]) -> list[Leaf]:
    """The good and the bad half of a node; none where its trials cannot be told apart."""
    own, y = codes[node.members], values[node.members]
    if np.ptp(y) == 0:
        return []
    good = Split(_regression(own, y, sizes), float(y.mean()), good=True)
    above = good.holds(own)
    if above.all() or not above.any():
        return []
    bad = Split(good.weights, good.threshold, good=False)
    return [Leaf((*node.path, split), node.members[kept]) for split, kept in ((good, above), (bad, ~above))]


def _regression(codes: Codes, y: Floats, sizes: list[int]) -> tuple[Floats, ...]:
    """Ridge regression on one-hot answers, the mean of `y` shared out among the questions."""
    x = np.hstack([codes[:, [i]] == np.arange(size) for i, size in enumerate(sizes)]).astype(float)
    gram = x.T @ x + _RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (y - y.mean()))
    parts = np.split(weights, np.cumsum(sizes)[:-1])
    return tuple(part + y.mean() / len(sizes) for part in parts)


def _walk(domain: Domain, leaf: Leaf, told: Sequence[Point], rng: np.random.Generator) -> Iterator[Params]:
    """Points of a region, each some steps away from one of its trials."""
    step = _free_step if domain.space is None or domain.space.flat else _bound_step
    while True:
        at = domain.fitted(dict(told[int(rng.integers(len(told)))]), rng)
        for _ in range(_STEPS * len(domain.names)):
            at = step(domain, leaf, at, rng)
        yield at


def _free_step(domain: Domain, leaf: Leaf, at: Params, rng: np.random.Generator) -> Params:
    """One answer drawn from those that stay in the region, where any combination of answers is a point."""
    name = domain.names[int(rng.integers(len(domain.names)))]
    moved: list[Params] = [{**at, name: answer} for answer in domain.answers[name]]
    inside = np.flatnonzero(leaf.holds(domain.codes(moved)))
    return moved[int(rng.choice(inside))] if len(inside) else at


def _bound_step(domain: Domain, leaf: Leaf, at: Params, rng: np.random.Generator) -> Params:
    """One mutation, which the space keeps feasible, unless it leads out of the region."""
    moved = domain.mutate(at, rng)
    return moved if leaf.holds(domain.codes([moved]))[0] else at
