"""NSGA-II whose initial population leaves out large networks (Termritthikun et al., Eng. Appl. Artif. Intell. 2021)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.nsga2 import children

_SAMPLE = 101  # random architectures whose median is the threshold by default
_PATIENCE = 1_000  # candidates in vain before a threshold is said to be too low


@strategy("nsga2_early_exit", objectives="any", paper="Termritthikun et al., Eng. Appl. Artif. Intell. 2021 (EEEA-Net)")
class EarlyExit:
    """NSGA-II that draws an initial point again while a free `measure` of it is at or over a `threshold`.

    `measure` is the name of a free proxy, counted for `task`, or any `Measure`; `threshold` is in its unit, by default
    the median of 101 random architectures. Small networks train faster, and evolution starts from there. Only the
    initial population is filtered, as in the authors' code, or with `throughout` every child too. Without a search
    space there is nothing to measure, and this is `nsga2`. Raises `InvalidInput` where 1,000 candidates in a row are at
    or over the threshold.
    """

    def __init__(
        self,
        *,
        measure: str | Measure = "params",
        threshold: float | None = None,
        throughout: bool = False,
        task: str = "cifar10",
        population: int = 20,
        crossover: float = 0.9,
        mutation: float = 0.9,
        batch: int = 20,
        seed: int = 0,
    ) -> None:
        self.measure = measure if isinstance(measure, Measure) else _free(measure, task)
        self.threshold = threshold
        self.throughout = throughout
        self.population = population
        self.crossover = crossover
        self.mutation = mutation
        self.seed = seed
        self._medians: tuple[Domain | None, float] = (None, 0.0)  # of the domain seen last

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """Small random points first, then the children that `nsga2` makes."""
        initial = len(history) < self.population
        offered = (
            domain.samples(rng)
            if initial
            else children(domain, history, rng, self.population, self.crossover, self.mutation)
        )
        filtered = domain.space is not None and (initial or self.throughout)
        yield from self._small(domain, offered) if filtered else offered

    def _small(self, domain: Domain, offered: Iterable[Params]) -> Iterator[Params]:
        threshold = self._median(domain) if self.threshold is None else self.threshold
        refused: list[float] = []
        for point in offered:
            value = self.measure(domain.architecture(point))
            if value < threshold:
                refused = []
                yield point
                continue
            refused.append(value)
            if len(refused) >= _PATIENCE:
                raise InvalidInput(
                    f"None of {_PATIENCE:,} candidates has {self.measure.label} under {threshold:,.6g}; "
                    f"the least was {min(refused):,.6g}. Give a higher threshold=."
                )

    def _median(self, domain: Domain) -> float:
        if self._medians[0] is not domain:
            drawn = islice(domain.samples(np.random.default_rng([self.seed, _SAMPLE])), _SAMPLE)
            values = [self.measure(domain.architecture(point)) for point in drawn]
            middle = float(np.median(values))
            self._medians = (domain, middle if min(values) < middle else np.inf)  # where most are equal, none is small
        return self._medians[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_medians": (None, 0.0)}


def _free(name: str, task: str) -> Measure:
    from workbench.proxies import catalogue  # loads torch

    proxy = catalogue.find(name)
    if proxy.cost != "free":
        free = ", ".join(sorted(repr(p.name) for p in catalogue if p.cost == "free"))
        raise InvalidInput(f"The measure of an initial point must cost nothing; {name!r} does. Free are {free}.")
    return proxy.measure(task)
