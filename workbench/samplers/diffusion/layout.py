"""Points of a domain as one-hot tensors: a row for each question, a column for each answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import Infeasible
from workbench.samplers.domain import Domain, Params, Point

_HARMONICS = 4  # waves that tell where a question stands
_LANDMARKS = 16  # architectures in which the ends of a question's edge are looked up


class Layout:
    """The tensors of a domain, (questions, width).

    They are as wide as the longest list of answers, and one column more where questions may go unasked.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.conditional = domain.space is not None and not domain.space.flat
        self.counts = tuple(len(domain.answers[name]) for name in domain.names)
        self.width = max(self.counts, default=0) + self.conditional

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Which columns a question has, (questions, width); the last is "unasked" in a conditional space."""
        columns = np.arange(self.width)
        found: NDArray[np.bool_] = columns < np.array(self.counts, int)[:, None]
        if self.conditional:
            found[:, -1] = True
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Equal for domains of the same questions, answers and space."""
        space = self.domain.space.name if self.domain.space is not None else ""
        asked = [(name, [f"{type(a).__name__} {a!r}" for a in self.domain.answers[name]]) for name in self.domain.names]
        return hashlib.sha256(repr((space, asked)).encode()).hexdigest()

    def codes(self, points: Sequence[Point]) -> NDArray[np.int64]:
        """The column of each answer, (n, questions)."""
        codes = self.domain.codes(points)
        found: NDArray[np.int64] = np.where(codes < 0, self.width - 1 if self.conditional else 0, codes)
        return found

    def one_hot(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Codes as tensors, (n, questions, width)."""
        found: NDArray[np.float32] = (codes[..., None] == np.arange(self.width)).astype(np.float32)
        return found

    def is_whole(self, tensors: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which tensors are one-hot when they are rounded, (n,)."""
        found: NDArray[np.bool_] = ((tensors > 0.5).sum(axis=2) == 1).all(axis=1)
        return found

    def points(self, tensors: NDArray[np.float32]) -> list[Params | None]:
        """The point with the largest value in each row; None where these answers make no architecture."""
        asked = np.where(np.arange(self.width) < np.array(self.counts, int)[:, None], tensors, -np.inf)
        return [self._point(row) for row in asked.argmax(axis=2)] if self.counts else [{} for _ in tensors]

    def _point(self, codes: NDArray[np.int64]) -> Params | None:
        point = self.domain.point(codes)
        if not self.conditional:
            return point
        try:
            return dict(self.domain.architecture(point).decisions)
        except Infeasible:
            return None

    def examples(self, n: int, rng: np.random.Generator) -> list[Params]:
        """Up to `n` different uniform points: all of them, where there are no more."""
        everything = self.domain.everything(n)
        if everything is not None:
            return everything
        found: dict[Any, Params] = {}
        for _, point in zip(range(2 * n), self.domain.samples(rng), strict=False):
            found.setdefault(self.domain.key(point), point)
            if len(found) == n:
                break
        return list(found.values())

    @cached_property
    def places(self) -> NDArray[np.float32]:
        """Where each question stands, as waves (questions, 24): its order, and the ends of its edge in the graph."""
        order = np.linspace(0, 1, max(len(self.counts), 1))[: len(self.counts)]
        ends = self._ends()
        start = [ends.get(name, (at, at))[0] for name, at in zip(self.domain.names, order, strict=True)]
        stop = [ends.get(name, (at, at))[1] for name, at in zip(self.domain.names, order, strict=True)]
        angles = np.array([order, start, stop]).T[..., None] * np.pi * 2.0 ** np.arange(_HARMONICS)
        waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
        return waves.reshape(len(self.counts), -1).astype(np.float32)

    def _ends(self) -> Mapping[str, tuple[float, float]]:
        """Where the edge that a question is about begins and ends in its graph's order, from 0 to 1."""
        if self.domain.space is None:
            return {}
        rng = np.random.default_rng(0)
        found: dict[str, tuple[float, float]] = {}
        for _ in range(_LANDMARKS):
            graph = self.domain.architecture(self.domain.sample(rng)).graph
            rank = {node: i / max(len(graph) - 1, 1) for i, node in enumerate(graph)}
            shown = [(rank[node], rank[node], data) for node, data in graph.nodes(data=True)]
            shown += [(rank[a], rank[b], data) for a, b, data in graph.edges(data=True)]
            for start, stop, data in shown:
                for name in data.get("questions", (data.get("question"),)):
                    found.setdefault(name, (start, stop))
            if found.keys() >= set(self.domain.names):
                break
        return found
