"""The values of one Optuna distribution: drawn, listed, and laid on the unit interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

FINEST = 16  # values that a numerical distribution is cut into, at most


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether `value` is one of the distribution's."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if not isinstance(distribution, IntDistribution | FloatDistribution) or isinstance(value, str | None):
        return False
    return bool(distribution.low <= value <= distribution.high)


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """A uniform value, a plain Python one; uniform in the logarithm where the distribution says so."""
    return from_unit(distribution, float(rng.random()))


def draw_other(distribution: BaseDistribution, value: Any, rng: np.random.Generator) -> Any:
    """A value that is not `value`, which comes back only where there is no other."""
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return others[int(rng.integers(len(others)))] if others else value
    for _ in range(20):  # a continuous value differs at once, a stepped one after a few draws
        drawn = draw(distribution, rng)
        if drawn != value:
            return drawn
    return value


def listed(distribution: BaseDistribution) -> tuple[Any, ...]:
    """Every value where there are no more than 16, else, of a numerical distribution, 16 from low to high."""
    if isinstance(distribution, CategoricalDistribution):
        return tuple(distribution.choices)
    if distribution.single():
        return (from_unit(distribution, 0.5),)
    steps = _steps(distribution)
    if steps is not None and steps < FINEST:
        low, step = distribution.low, distribution.step  # type: ignore[attr-defined]  # has steps: is numerical
        return tuple(_plain(distribution, low + i * step) for i in range(steps + 1))
    cut = (from_unit(distribution, (i + 0.5) / FINEST) for i in range(FINEST))
    return tuple(dict.fromkeys(cut))


def is_listed_whole(distribution: BaseDistribution) -> bool:
    """Whether `listed` leaves no value out."""
    steps = _steps(distribution)
    return isinstance(distribution, CategoricalDistribution) or (steps is not None and steps < FINEST)


def from_unit(distribution: BaseDistribution, at: float) -> Any:
    """The value at a place between 0 and 1: the interval is shared out evenly among separate values."""
    at = min(max(at, 0.0), 1.0)
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[min(int(at * len(distribution.choices)), len(distribution.choices) - 1)]
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        raise TypeError(f"Cannot draw from a {type(distribution).__name__}.")
    steps = _steps(distribution)
    if steps is not None:
        return _plain(distribution, distribution.low + (distribution.step or 0) * min(int(at * (steps + 1)), steps))
    low, high = _ends(distribution)
    value = np.exp(low + at * (high - low)) if distribution.log else low + at * (high - low)
    return _plain(distribution, min(max(float(value), distribution.low), distribution.high))


def to_unit(distribution: BaseDistribution, value: Any) -> float:
    """The place of `value` between 0 and 1, the middle of its share; 0.5 for a value the distribution has not."""
    if isinstance(distribution, CategoricalDistribution):
        found = distribution.choices.index(value) if value in distribution.choices else None
        return 0.5 if found is None else (found + 0.5) / len(distribution.choices)
    if not isinstance(distribution, IntDistribution | FloatDistribution) or not contains(distribution, value):
        return 0.5
    steps = _steps(distribution)
    if steps is not None:
        return float(round((value - distribution.low) / (distribution.step or 1)) + 0.5) / (steps + 1)
    low, high = _ends(distribution)
    at = (np.log(value) if distribution.log else value) - low
    return float(at / (high - low)) if high > low else 0.5


def _steps(distribution: BaseDistribution) -> int | None:
    """Steps from low to high of a stepped distribution; None for any other."""
    if isinstance(distribution, IntDistribution | FloatDistribution) and distribution.step and not distribution.log:
        return round((distribution.high - distribution.low) / distribution.step)
    return None


def _ends(distribution: IntDistribution | FloatDistribution) -> tuple[float, float]:
    """Both ends on the scale that is cut evenly; an integer's logarithm has half a step around it."""
    low, high = float(distribution.low), float(distribution.high)
    if not distribution.log:
        return low, high
    around = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    return float(np.log(low - around)), float(np.log(high + around))


def _plain(distribution: BaseDistribution, value: float) -> Any:
    if isinstance(distribution, IntDistribution):
        return round(value)
    assert isinstance(distribution, FloatDistribution)
    return float(min(value, distribution.high))
