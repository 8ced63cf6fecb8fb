"""TransNAS-Bench-101's macro space: which of four to six modules widen and which halve (Duan et al., CVPR 2021)."""

from __future__ import annotations

import re
from math import comb
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.spaces.chains import no_architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

# In the order of the official string's digits 1, 2, 3, 4.
MODULES = ("normal", "double", "halve", "double_halve")
DEPTHS = (4, 5, 6)
DOUBLINGS = range(1, 4)  # of the channels
HALVINGS = range(1, 5)  # of the size
_LABELS = {"normal": "normal", "double": "channels x2", "halve": "size / 2", "double_halve": "channels x2, size / 2"}
_STRING = re.compile(r"64-([1-4]{4,6})-basic")
_EXAMPLE = "64-1234-basic"


class TransNASMacro(SearchSpace):
    """The 3,256 networks of residual modules of TransNAS-Bench-101.

    Four to six modules; one to three of them double the channels, one to four halve the size (section 3.1).
    """

    name = "transnas_macro"

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The depth, then what each module does; raises `Infeasible` for numbers that the benchmark does not have."""
        depth = choices.suggest_categorical("depth", DEPTHS)
        assert isinstance(depth, int)
        graph = nx.DiGraph(layout="layered")
        graph.add_node("in", label="in", role="input")
        before = "in"
        for number in range(1, depth + 1):
            name = question(number)
            op = str(choices.suggest_categorical(name, MODULES))
            graph.add_node(name, label=_LABELS.get(op, op), role="op", op=op, question=name)
            graph.add_edge(before, name)
            before = name
        graph.add_node("out", label="out", role="output")
        graph.add_edge(before, "out")
        _check(modules_of(graph))
        return graph

    @property
    def size(self) -> int:
        """The modules that double and those that halve are chosen independently, for every depth."""
        return sum(sum(comb(depth, n) for n in DOUBLINGS) * sum(comb(depth, n) for n in HALVINGS) for depth in DEPTHS)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official backbone of 64 channels and two residual blocks a module, with the classification head."""
        from workbench.networks.transnas import Network, ResidualBlock

        return Network(modules_of(graph), ResidualBlock, task.shape, task.n_classes)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic, without building the network."""
        from workbench.networks.transnas_counts import counts, residual_weights
        from workbench.tasks import task as find_task

        task = find_task(task)
        return counts(modules_of(self.graph(arch)), residual_weights, task.shape, task.n_classes)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official string such as `64-1234-basic`."""
        match = _STRING.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 100 else None
        if match is None:
            expected = f"it is written like {_EXAMPLE}, with four to six digits from 1 to 4"
            raise no_architecture(text, self.name, expected)
        modules = [MODULES[int(digit) - 1] for digit in match[1]]
        try:
            _check(modules)
        except Infeasible as error:
            raise InvalidInput(f"{text!r} is no architecture of {self.name}: {error}") from None
        answers: dict[str, Answer] = {question(number): module for number, module in enumerate(modules, start=1)}
        return Architecture(self, {"depth": len(modules), **answers})

    def format(self, arch: Architecture) -> str:
        """The official string."""
        answers = list(self._own(arch).decisions.values())[1:]
        return f"64-{''.join(str(MODULES.index(str(answer)) + 1) for answer in answers)}-basic"

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The official string: no two chains of modules are the same network, under either rule."""
        self._check_rule(rule)
        return self.format(arch)


def question(number: int) -> str:
    """The name of the question that module `number`, counted from 1, asks."""
    return f"module{number}"


def modules_of(graph: nx.DiGraph) -> list[str]:
    """The modules of a graph in order."""
    return [data["op"] for _, data in graph.nodes(data=True) if data["role"] == "op"]


def _check(modules: list[str]) -> None:
    """Raise `Infeasible` for numbers of doublings and halvings that the benchmark does not have."""
    for what, allowed in (("double", DOUBLINGS), ("halve", HALVINGS)):
        n = sum(what in module.split("_") for module in modules)
        if n not in allowed:
            raise Infeasible(f"{n} modules {what}: {allowed[0]} to {allowed[-1]} do.")
