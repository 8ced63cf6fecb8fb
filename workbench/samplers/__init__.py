"""The catalogue of samplers: each is made from a seed and is an `optuna.samplers.BaseSampler`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from workbench.catalogue import Catalogue
from workbench.samplers.regularized_evolution import regularized_evolution
from workbench.samplers.strategy import StrategySampler

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SamplerEntry:
    """How a sampler is made, and what a user should know before choosing it."""

    make: Callable[[int | None], BaseSampler]
    objectives: str
    paper: str


catalogue: Catalogue[SamplerEntry] = Catalogue("sampler")
catalogue.enter(
    "random", SamplerEntry(lambda seed: RandomSampler(seed=seed), "any", "Li & Talwalkar, UAI 2019 (as a baseline)")
)
catalogue.enter(
    "tpe", SamplerEntry(lambda seed: TPESampler(seed=seed), "any", "Bergstra et al., NeurIPS 2011; Optuna's own")
)
catalogue.enter(
    "nsgaii",
    SamplerEntry(lambda seed: NSGAIISampler(population_size=20, seed=seed), "any", "Deb et al., 2002; Optuna's own"),
)
catalogue.enter(
    "regularized_evolution",
    SamplerEntry(lambda seed: StrategySampler(regularized_evolution, seed), "one", "Real et al., AAAI 2019"),
)


def samplers() -> pd.DataFrame:
    """The samplers there are: how many objectives each takes, and where it comes from."""
    return catalogue.table(lambda entry: {"objectives": entry.objectives, "paper": entry.paper})


def sampler(name: str, seed: int | None = None) -> BaseSampler:
    """The sampler called `name`, ready for any Optuna study; raises `UnknownName` with the nearest names."""
    return catalogue.find(name).make(seed)
