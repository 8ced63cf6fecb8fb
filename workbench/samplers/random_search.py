"""Random search: what every other strategy has to beat (Li and Talwalkar, UAI 2019)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History


@strategy("random", objectives="any", paper="Li & Talwalkar, UAI 2019 (as a baseline)")
def random_search(domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
    """Points drawn uniformly, whatever was found before; with the guard against repeats, without replacement."""
    yield from domain.samples(rng)
