"""TransNAS-Bench-101's cells: four nodes whose six edges choose one of four operations (Duan et al., CVPR 2021)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import no_architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.nasbench201 import EDGES, question, suggest_cell
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

# In the order of the official string's digits 0, 1, 2, 3.
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
SKELETON = ("double_halve", "normal", "double_halve", "normal", "double_halve")
_STRING = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")
_EXAMPLE = "64-41414-1_02_333"


class TransNASMicro(SearchSpace):
    """The 4,096 cells of TransNAS-Bench-101, in the backbone that halves and widens at modules 1, 3 and 5."""

    name = "transnas_micro"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Six questions, one operation for every edge."""
        return suggest_cell(choices, OPERATIONS)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official backbone of 64 channels, five modules of two cells, with the classification head."""
        from workbench.networks.transnas import MicroCell, Network

        def cell(c_in: int, c_out: int, stride: int) -> torch.nn.Module:
            return MicroCell(graph, c_in, c_out, stride)

        return Network(SKELETON, cell, task.shape, task.n_classes)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic; networks of operations beyond the benchmark's are built."""
        from workbench.networks.transnas_counts import KNOWN, cell_weights, counts
        from workbench.tasks import task as find_task

        graph = self.live(self.graph(arch)) if live else self.graph(arch)
        if not {op for _, _, op in graph.edges(data="op")} <= KNOWN:
            return super().counts(arch, task, live)
        task = find_task(task)
        return counts(SKELETON, cell_weights(graph), task.shape, task.n_classes)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official string such as `64-41414-1_02_333`."""
        match = _STRING.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 100 else None
        if match is None:
            expected = f"it is written like {_EXAMPLE}, the last six digits from 0 to 3"
            raise no_architecture(text, self.name, expected)
        digits = zip(EDGES, match.groups(), strict=True)
        return Architecture(self, {question(*edge): OPERATIONS[int(digit)] for edge, digit in digits})

    def format(self, arch: Architecture) -> str:
        """The official string."""
        ops = self._own(arch).decisions
        d = [OPERATIONS.index(str(ops[question(*edge)])) for edge in EDGES]
        return f"64-41414-{d[0]}_{d[1]}{d[2]}_{d[3]}{d[4]}{d[5]}"

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """Under "isomorphic" the cell itself, whose nodes are ordered by its six edges; every cell is its own class.

        "functional" removes zero and dead edges and makes one of two nodes that an identity joins. A skip from the
        input is no identity: in a cell with a stride it has weights.
        """
        self._check_rule(rule)
        if rule == "isomorphic":
            return self.format(arch)
        return _function({edge: str(self._own(arch).decisions[question(*edge)]) for edge in EDGES})


def _function(ops: Mapping[tuple[int, int], Answer]) -> str:
    """What a cell computes: each node as its terms, the inner nodes numbered so that the text is the first in order."""
    terms: dict[int, list[tuple[int, str]]] = {0: [], 1: [], 2: [], 3: []}
    same = {0: 0}  # node -> the node whose value it is; no entry where its value is zero
    for node in (1, 2, 3):
        arriving = [(same[source], str(ops[source, node])) for source in range(node) if source in same]
        arriving = [(source, op) for source, op in arriving if op != "none"]
        if len(arriving) == 1 and arriving[0][0] != 0 and arriving[0][1] == "skip_connect":
            same[node] = arriving[0][0]
        elif arriving:
            same[node] = node
            terms[node] = arriving
    if 3 not in same:
        return "zero"
    out = same[3]
    used = _before(out, terms)
    texts = []
    for first, second in ((1, 2), (2, 1)):
        new = {0: 0, 1: first, 2: second, 3: 3} | {out: 3}
        lists = {new[node]: sorted((new[source], op) for source, op in terms[node]) for node in used}
        texts.append(repr(sorted(lists.items())))
    return min(texts)


def _before(node: int, terms: Mapping[int, list[tuple[int, str]]]) -> set[int]:
    """`node` and every node that it is computed from, without the input."""
    found = {node} if node else set()
    for source, _ in terms[node]:
        found |= _before(source, terms)
    return found
