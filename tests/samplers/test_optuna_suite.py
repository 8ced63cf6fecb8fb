"""Optuna's own sampler test-suite, for every sampler of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from workbench.samplers import sampler


@pytest.fixture
def regularized_evolution() -> Callable[[], BaseSampler]:
    return lambda: sampler("regularized_evolution", 0)


class TestRegularizedEvolution(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self, regularized_evolution: Callable[[], BaseSampler]) -> Callable[[], BaseSampler]:
        return regularized_evolution
