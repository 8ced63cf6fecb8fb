"""The catalogue of samplers: each is made from a seed and is an `optuna.samplers.BaseSampler`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler

from workbench.errors import refuse_unknown
from workbench.samplers.entries import SamplerEntry, catalogue, strategy

# Each of these files enters its strategies into the catalogue.
from workbench.samplers import (  # isort: skip
    auto,
    bananas,
    boshnas,
    differential_evolution,
    diffusion,
    gaussian_processes,
    gbdt_nas,
    genetic,
    grid,
    joint_recipe,
    lanas,
    language_model,
    linas,
    local_search,
    mutation_only,
    nas_bowl,
    nested_monte_carlo,
    nsga2,
    nsga2_early_exit,
    policies,
    predictor_guided,
    random_search,
    regularized_evolution,
    robot,
)
from workbench.samplers.strategy import Offspring, StrategySampler
from workbench.samplers.without_repeats import WithoutRepeats

if TYPE_CHECKING:
    import pandas as pd

    from workbench.spaces.space import SearchSpace

__all__ = [
    "Offspring",
    "SamplerEntry",
    "StrategySampler",
    "WithoutRepeats",
    "auto",
    "bananas",
    "boshnas",
    "catalogue",
    "differential_evolution",
    "diffusion",
    "gaussian_processes",
    "gbdt_nas",
    "genetic",
    "grid",
    "joint_recipe",
    "lanas",
    "language_model",
    "linas",
    "local_search",
    "mutation_only",
    "nas_bowl",
    "nested_monte_carlo",
    "nsga2",
    "nsga2_early_exit",
    "policies",
    "predictor_guided",
    "random_search",
    "regularized_evolution",
    "robot",
    "sampler",
    "samplers",
    "strategy",
]

catalogue.enter(
    "tpe", SamplerEntry(lambda seed: TPESampler(seed=seed), "any", "Bergstra et al., NeurIPS 2011; Optuna's own")
)
catalogue.enter(
    "nsgaii",
    SamplerEntry(lambda seed: NSGAIISampler(population_size=20, seed=seed), "any", "Deb et al., 2002; Optuna's own"),
)


def samplers() -> pd.DataFrame:
    """The samplers there are: how many objectives each takes, what it does and can be set to, where it comes from."""
    return catalogue.table(
        lambda entry: {
            "objectives": entry.objectives,
            "summary": entry.summary,
            "settings": dict(entry.settings),
            "paper": entry.paper,
        }
    )


def sampler(name: str, seed: int | None = None, *, space: SearchSpace | None = None, **settings: Any) -> BaseSampler:
    """The sampler called `name` with these settings, for `wb.search` or any Optuna study.

    In a plain Optuna study give it the `space`: it then sees architectures, and proposes none that computes the same
    as one that was tried (`wb.search` does so itself). Raises `UnknownName` for a name or setting that is not there.
    """
    entry = catalogue.find(name)
    refuse_unknown(settings, [key for key, _ in entry.settings], f"The sampler {name}")
    made = entry.make(seed, **settings)
    return made if space is None else WithoutRepeats(made, space)
