"""Contracts: what every space, proxy, predictor, sampler, table and supernet holds; a stranger's can be held to them.

Each contract is a list of checks, functions of one member that raise `AssertionError`. In a test:

    @pytest.mark.parametrize("check", space_contract, ids=lambda check: check.__name__)
    def test_my_space_passes_its_contract(check):
        check(MySpace())
"""

from workbench.testing.benchmarks import benchmark_contract
from workbench.testing.predictors import predictor_contract
from workbench.testing.proxies import proxy_contract
from workbench.testing.samplers import sampler_contract
from workbench.testing.spaces import space_contract
from workbench.testing.supernets import supernet_contract

__all__ = [
    "benchmark_contract",
    "predictor_contract",
    "proxy_contract",
    "sampler_contract",
    "space_contract",
    "supernet_contract",
]
