"""The contract of a sampler, beside Optuna's own suite in `optuna.testing.pytest_samplers`."""

from __future__ import annotations

import pickle
from collections.abc import Callable

from optuna.samplers import BaseSampler

from workbench.architecture import Architecture
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.studies.search import search

MakeSampler = Callable[[int], BaseSampler]
SamplerCheck = Callable[[MakeSampler], None]


def _ones(arch: Architecture) -> float:
    """How many edges carry a 3x3 convolution: a landscape with one best cell."""
    return float(sum(answer == "nor_conv_3x3" for answer in arch.decisions.values()))


_MEASURE = Measure("convolutions", "higher", _ones)


def equal_seeds_give_equal_searches(make: MakeSampler) -> None:
    """Two samplers of one seed propose the same architectures; another seed does not."""
    assert _tried(make(0)) == _tried(make(0))
    assert _tried(make(0)) != _tried(make(1))


def no_function_is_tried_twice(make: MakeSampler) -> None:
    """120 trials are 120 functionally different cells."""
    space = search_space("nasbench201")
    tried = _tried(make(2), n_trials=120)
    assert len(tried) == 120
    assert len({space.canonical(space.parse(text), "functional") for text in tried}) == 120


def it_can_be_pickled(make: MakeSampler) -> None:
    """A sampler travels to another process."""
    assert isinstance(pickle.loads(pickle.dumps(make(3))), BaseSampler)  # noqa: S301  # our own bytes


def _tried(sampler: BaseSampler, n_trials: int = 40) -> list[str]:
    study = search(search_space("nasbench201"), _MEASURE, sampler, n_trials, progress=False)
    return [trial.user_attrs["architecture"] for trial in study.trials]


sampler_contract: list[SamplerCheck] = [
    equal_seeds_give_equal_searches,
    no_function_is_tried_twice,
    it_can_be_pickled,
]
