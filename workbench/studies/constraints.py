"""Constraints of a search: bounds on measures, given by name or as measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure

Constraints = Mapping[str | Measure, float]


@dataclass(frozen=True)
class Bound:
    """A limit on a measure: an upper one where lower is better, else a lower one."""

    measure: Measure
    limit: float

    def violation(self, value: float) -> float:
        """How far `value` is on the wrong side; zero or less where the bound is met."""
        return self.measure.sign * (self.limit - value)


def bounds_of(measures: list[Measure], constraints: Constraints) -> list[Bound]:
    """The bounds that `constraints` put on a search for `measures`; raises `UnknownName` and `InvalidInput`."""
    bounds = []
    for given, limit in constraints.items():
        measure = given if isinstance(given, Measure) else _named(given, measures)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
            raise InvalidInput(f"The bound of {measure.name!r} must be a finite number; got {limit!r}.")
        bounds.append(Bound(measure, float(limit)))
    return bounds


def _named(name: str, measures: list[Measure]) -> Measure:
    """The measure a constraint's name stands for: one searched for, a column beside it, or what a network costs."""
    by_name = {m.name: m for m in measures}
    if name in by_name:
        return by_name[name]
    for measure in measures:
        if measure.related is not None:
            with suppress(UnknownName):
                return measure.related(name)
    from workbench.proxies import catalogue  # loads torch: only where nothing else has the name

    costs = {proxy.name: proxy for proxy in catalogue if proxy.cost == "free"}
    if name in costs:
        return replace(costs[name].measure(measures[0].task or "cifar10"), better="lower")
    error = UnknownName.of("measure in this search", name, [*by_name, *costs])
    raise UnknownName(f"{error} To bound any other measure, give the Measure itself as the key.")
