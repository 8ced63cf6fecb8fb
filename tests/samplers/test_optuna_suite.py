"""Optuna's own sampler test-suite, for every sampler of ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from workbench.samplers import StrategySampler, catalogue
from workbench.samplers import sampler as named

OURS = [name for name in catalogue.names() if isinstance(named(name, 0), StrategySampler)]
FOR_ONE = [name for name in OURS if catalogue.find(name).objectives == "one"]
FOR_SEVERAL = [name for name in OURS if catalogue.find(name).objectives != "one"]


class _Ours(BasicSamplerTestCase, RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return partial(named, request.param, 0)


@pytest.mark.parametrize("sampler", FOR_ONE, indirect=True)
class TestForOneObjective(_Ours, SingleOnlySamplerTestCase):
    """Samplers that refuse several objectives."""


@pytest.mark.parametrize("sampler", FOR_SEVERAL, indirect=True)
class TestForSeveralObjectives(_Ours, MultiObjectiveSamplerTestCase):
    """Samplers that take them."""
