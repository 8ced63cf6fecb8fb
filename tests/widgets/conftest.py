"""What the widgets' tests share: a space made to be awkward, the real table, a browser, and JupyterLab in it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest

from workbench.benchmarks import Benchmark, benchmark
from workbench.errors import Infeasible
from workbench.spaces import SearchSpace
from workbench.spaces.choices import Choices

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"


class Awkward(SearchSpace):
    """Hostile names, a question that only one answer asks, numbers and truths as answers, and a dead end."""

    name = f"awkward {HOSTILE}"

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """A kind on an edge, an op on a node, a width beside the drawing, a depth only where it is wide."""
        graph = nx.DiGraph()
        graph.add_node("a", label=HOSTILE, role="input")
        graph.add_node("b", op=choices.suggest_categorical(f"node {HOSTILE}", ("conv", HOSTILE)), role="op")
        graph.nodes["b"]["question"] = f"node {HOSTILE}"
        kind = choices.suggest_categorical("kind", ("skip", HOSTILE, "impossible"))
        graph.add_edge("a", "b", op=kind, question="kind")
        if kind == "impossible":
            raise Infeasible("this kind fits nothing")
        if choices.suggest_categorical("wide", (False, True)):
            graph.add_node("c", label=str(choices.suggest_categorical("depth", (1.0, 2.0))), role="output")
            graph.add_edge("b", "c")
        return graph

    def network(self, graph: nx.DiGraph, task: Any) -> Any:
        """None: this space is only drawn."""
        raise Infeasible("no network")

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """Everything."""
        return graph


@pytest.fixture
def awkward() -> SearchSpace:
    return Awkward()


@pytest.fixture(scope="session")
def bench() -> Benchmark:
    return benchmark("nasbench201", dataset="cifar10")


@pytest.fixture(scope="session")
def cell() -> str:
    return CELL


@pytest.fixture(scope="session")
def lab_module() -> ModuleType:
    """`lab.py` of this folder; needs playwright."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'nas-workbench[dev]'")
    return _neighbour("lab")


@pytest.fixture(scope="session")
def pages() -> ModuleType:
    """`pages.py` of this folder."""
    return _neighbour("pages")


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    """`hostile.py` of this folder."""
    return _neighbour("hostile")


@pytest.fixture(scope="session")
def runs() -> ModuleType:
    """`runs.py` of this folder."""
    return _neighbour("runs")


# One module at a time: playwright's loop must not be running when another module starts its own.
@pytest.fixture(scope="module")
def browser(lab_module: ModuleType, chromium: str) -> Iterator[Browser]:
    with lab_module.chromium_browser(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def jupyterlab(lab_module: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with lab_module.running_lab(tmp_path_factory.mktemp("lab") / "server") as lab:
        yield lab


def _neighbour(name: str) -> ModuleType:
    """A module beside this file: pytest's importlib mode leaves test folders off the import path."""
    full_name = f"widget_tests_{name}"
    if full_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(full_name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full_name])
    return sys.modules[full_name]
