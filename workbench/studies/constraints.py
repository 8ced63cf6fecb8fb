"""Constraints of a search: bounds on measures, given by name or as measures, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.ledger import Entry
from workbench.measure import Measure

Constraints = Mapping[str | Measure, float]
HANDLINGS = ("native", "reject", "penalty")


@dataclass(frozen=True)
class Bound:
    """A limit on a measure: an upper one where lower is better, else a lower one."""

    measure: Measure
    limit: float

    def violation(self, value: float) -> float:
        """How far `value` is on the wrong side; zero or less where the bound is met."""
        return self.measure.sign * (self.limit - value)

    def excess(self, value: float) -> float:
        """The violation as a share of the limit, 0 where the bound is met; infinite for a value that is not known."""
        if math.isnan(value):
            return math.inf
        return max(0.0, self.violation(value)) / (abs(self.limit) or 1.0)

    @property
    def words(self) -> str:
        """The bound as it is written."""
        return f"{self.measure.name} {'>=' if self.measure.sign > 0 else '<='} {self.limit:g}"


class Gate:
    """Looks at the bounds of an architecture before it is measured: how far it is beyond them in all."""

    def __init__(self, bounds: Sequence[Bound], entries: Callable[[Architecture], list[Entry]]) -> None:
        self.bounds = list(bounds)
        self._entries = entries  # of the bounds' measures, in their order
        self._known: dict[Architecture, list[Entry]] = {}

    def __call__(self, arch: Architecture) -> float:
        """The sum of the excesses, 0 where every bound is met."""
        return excess(self.bounds, self.entries(arch))

    def entries(self, arch: Architecture) -> list[Entry]:
        """What the bounds' measures say of `arch`, each asked once."""
        if arch not in self._known:
            self._known[arch] = self._entries(arch)
        return self._known[arch]

    @property
    def asked(self) -> str:
        """The bounds as they are written."""
        return " and ".join(bound.words for bound in self.bounds)

    def words(self, closest: tuple[float, Architecture] | None) -> str:
        """In words, what no architecture was found to meet, and which one came closest."""
        if closest is None:
            return f"No architecture was found with {self.asked}."
        arch = closest[1]
        parts = zip(self.bounds, self.entries(arch), strict=True)
        had = ", ".join(f"{b.measure.name} {e.reason or format(e.value, '.6g')}" for b, e in parts)
        return f"No architecture was found with {self.asked}. The closest is {arch}, with {had}. Loosen a bound."


def excess(bounds: Sequence[Bound], entries: Sequence[Entry]) -> float:
    """By how much in all the bounds are broken, as shares of their limits."""
    return sum(
        bound.excess(math.nan if entry.reason else entry.value) for bound, entry in zip(bounds, entries, strict=True)
    )


def penalised(value: float, sign: int, excess: float, penalty: float) -> float:
    """`value` made worse by `penalty` times its size for every 100 % over the bounds.

    It is a soft limit as in RENA (Zhou et al., 2018) and MnasNet (Tan et al., CVPR 2019), whose reward is a product.
    """
    return value - sign * penalty * abs(value) * excess


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
