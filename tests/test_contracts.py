"""Every catalogue member passes the contract of its kind; a new member needs no new test file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from workbench.benchmarks import benchmark, for_space
from workbench.predictors import catalogue as predictors
from workbench.proxies import catalogue as proxies
from workbench.samplers import catalogue as samplers
from workbench.spaces import catalogue as spaces
from workbench.testing import benchmark_contract, predictor_contract, proxy_contract, sampler_contract, space_contract


def checks(contract: list[Callable[..., None]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("check", contract, ids=lambda check: check.__name__)


@checks(space_contract)
@pytest.mark.parametrize("name", spaces.names())
def test_every_space_passes_its_contract(name: str, check: Callable[[Any], None]) -> None:
    check(spaces.find(name))


@checks(sampler_contract)
@pytest.mark.parametrize("name", samplers.names())
def test_every_sampler_passes_its_contract(name: str, check: Callable[[Any], None]) -> None:
    check(samplers.find(name).make)


@checks(proxy_contract)
@pytest.mark.parametrize("name", proxies.names())
def test_every_proxy_passes_its_contract(name: str, check: Callable[[Any], None]) -> None:
    check(proxies.find(name))


@checks(predictor_contract)
@pytest.mark.parametrize("name", predictors.names())
def test_every_predictor_passes_its_contract(name: str, check: Callable[[Any], None]) -> None:
    check(predictors.find(name))


@checks(benchmark_contract)
@pytest.mark.parametrize(("name", "dataset"), [table for name in spaces.names() for table in for_space(name)])
def test_every_benchmark_at_hand_passes_its_contract(name: str, dataset: str, check: Callable[[Any], None]) -> None:
    check(benchmark(name, dataset))
