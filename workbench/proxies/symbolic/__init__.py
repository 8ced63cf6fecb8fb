"""Symbolic proxies: expressions over statistics of layers, written by hand or found by evolution."""

from workbench.proxies.symbolic.evolution import Evolution, Found, evolve_proxy
from workbench.proxies.symbolic.examples import Examples, proxy_examples
from workbench.proxies.symbolic.expressions import Expression, parse
from workbench.proxies.symbolic.found import KNOWN, symbolic_proxy
from workbench.proxies.symbolic.statistics import NAMES

__all__ = [
    "KNOWN",
    "NAMES",
    "Evolution",
    "Examples",
    "Expression",
    "Found",
    "evolve_proxy",
    "parse",
    "proxy_examples",
    "symbolic_proxy",
]
