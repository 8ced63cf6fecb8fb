"""The domain of a sampler: Optuna distributions to draw from and to mutate in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Params = dict[str, Any]


class Domain:
    """Named distributions, categorical or numerical, seen as a set of points."""

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = dict(distributions)

    def sample(self, rng: np.random.Generator) -> Params:
        """A uniform point (uniform in the logarithm where a distribution says so)."""
        return {name: draw(distribution, rng) for name, distribution in self.distributions.items()}

    def mutate(self, params: Mapping[str, Any], rng: np.random.Generator) -> Params:
        """`params` with one value redrawn to another one; values that are missing or outside are redrawn too."""
        child = {
            name: params[name] if name in params and contains(distribution, params[name]) else draw(distribution, rng)
            for name, distribution in self.distributions.items()
        }
        free = [name for name, distribution in self.distributions.items() if not distribution.single()]
        if free:
            name = free[int(rng.integers(len(free)))]
            child[name] = _other(self.distributions[name], child[name], rng)
        return child


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether `value` is one of the distribution's."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if not isinstance(distribution, IntDistribution | FloatDistribution) or isinstance(value, str | None):
        return False
    return bool(distribution.low <= value <= distribution.high)


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """A value of `distribution`, a plain Python one."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    if isinstance(distribution, IntDistribution):
        return _draw_int(distribution, rng)
    if isinstance(distribution, FloatDistribution):
        return _draw_float(distribution, rng)
    raise TypeError(f"Cannot draw from a {type(distribution).__name__}.")


def _draw_int(distribution: IntDistribution, rng: np.random.Generator) -> int:
    if distribution.log:
        value = np.exp(rng.uniform(np.log(distribution.low - 0.5), np.log(distribution.high + 0.5)))
        return int(np.clip(round(float(value)), distribution.low, distribution.high))
    steps = (distribution.high - distribution.low) // distribution.step
    return int(distribution.low + distribution.step * int(rng.integers(steps + 1)))


def _draw_float(distribution: FloatDistribution, rng: np.random.Generator) -> float:
    low, high = distribution.low, distribution.high
    if distribution.log:
        return float(np.clip(np.exp(rng.uniform(np.log(low), np.log(high))), low, high))
    if distribution.step is not None:
        steps = round((high - low) / distribution.step)
        return float(min(low + distribution.step * int(rng.integers(steps + 1)), high))
    return float(rng.uniform(low, high))


def _other(distribution: BaseDistribution, value: Any, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return others[int(rng.integers(len(others)))] if others else value
    for _ in range(20):  # a continuous value differs at once, a stepped one after a few draws
        drawn = draw(distribution, rng)
        if drawn != value:
            return drawn
    return value
