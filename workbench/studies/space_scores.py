"""The score of a search space: how good the architectures are that can be found in it under a limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.measure import Measure
from workbench.spaces.space import SearchSpace


@dataclass(frozen=True)
class QTScore:
    """The score of SpaceEvo, called on a space; made by `qt_score`."""

    measure: Measure
    limits: tuple[tuple[Measure, float], ...]
    n: int
    top: float
    target: float
    exponent: float
    perfect: float
    seed: int
    _known: dict[Architecture, tuple[float, ...]] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, space: SearchSpace) -> float:
        """The sum over the limits of 1 / (max(1, (target / p)^exponent) L); a limit nobody keeps adds 0."""
        numbers = np.array([self._numbers(arch) for arch in looked_at(space, self.n, self.seed)])
        losses = numbers[:, 0]
        total = 0.0
        for (cost, limit), spent in zip(self.limits, numbers[:, 1:].T, strict=True):
            feasible = cost.sign * spent >= cost.sign * limit
            if feasible.any():
                best = np.sort(losses[feasible])
                loss = best[: max(1, round(self.top * len(best))) if self.top < 1 else int(self.top)].mean()
                penalty = max(1.0, float(self.target / feasible.mean()) ** self.exponent)
                total += 1 / (penalty * max(float(loss), 1e-12))
        return total

    def _numbers(self, arch: Architecture) -> tuple[float, ...]:
        """The loss and the costs of an architecture, each measured once."""
        if arch not in self._known:
            costs = {cost: float(cost(arch)) for cost in dict.fromkeys(cost for cost, _ in self.limits)}
            loss = abs(self.perfect - self.measure(arch))
            self._known[arch] = (loss, *(costs[cost] for cost, _ in self.limits))
            if not np.isfinite(self._known[arch]).all():
                raise InvalidInput(f"{arch} has no {self.measure.name} or no cost; qt_score needs both of all.")
        return self._known[arch]


def qt_score(
    measure: Measure,
    limits: Mapping[Measure, float | Sequence[float]],
    *,
    n: int = 1000,
    top: float = 50,
    target: float = 0.1,
    exponent: float = 0.01,
    perfect: float | None = None,
    seed: int = 0,
) -> QTScore:
    """The Q-T score of a space, higher is better: how good its best architectures under a latency limit are.

    `n` architectures of the space are drawn (all of them where there are no more). For every limit T of a cost, p is
    the share of them that keeps it and L the mean loss of the best `top` of these, a number or, below 1, a share; the
    score is the sum over limits of 1 / (max(1, (target / p)^exponent) L) (Wang et al., SpaceEvo, ICCV 2023; their code
    draws 100,000 from a look-up table and takes the best 50; target and exponent are its). The loss is the distance of
    `measure` to `perfect`: 100 for percentages where higher is better, 0 where lower is, else it has to be said. With a
    share as `top`, spaces win in which very few architectures keep the limit. No architecture is measured twice.
    """
    if perfect is None:
        if measure.better == "higher" and measure.unit != "%":
            raise InvalidInput(f"Say what a perfect {measure.name!r} is, as in perfect=1.0: the loss is the way to it.")
        perfect = 100.0 if measure.better == "higher" else 0.0
    pairs = [
        (cost, float(limit))
        for cost, given in limits.items()
        for limit in (given if isinstance(given, Sequence) else [given])
    ]
    if not pairs or n < 1 or top <= 0 or not 0 < target <= 1 or exponent < 0:
        raise InvalidInput(
            "qt_score needs a limit, n from 1, top above 0, a target above 0 up to 1 and an exponent from 0; "
            f"got {len(pairs)} limits, n={n!r}, top={top!r}, target={target!r}, exponent={exponent!r}."
        )
    return QTScore(measure, tuple(pairs), n, top, target, exponent, perfect, seed)


def looked_at(space: SearchSpace, n: int, seed: int = 0) -> list[Architecture]:
    """`n` different architectures of a space, or all of them where there are no more."""
    if math.prod(len(question.answers) for question in space.questions()) > n:
        try:
            return space.sample(n, seed)
        except Infeasible:
            raise
        except InvalidInput:
            pass  # it has fewer
    every = list(islice(space.enumerate(), n))
    if not every:
        raise Infeasible(f"No combination of the answers kept is an architecture of {space.name}.")
    return every
