"""Hierarchical NAS-Bench-201: a grammar from a network's stages down to its convolutions (Schrodi et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import Infeasible
from workbench.spaces.combined.grammar import Grammar, Tree
from workbench.spaces.combined.grammar_space import GrammarSpace

if TYPE_CHECKING:
    import torch

    from workbench.tasks.task import Task

Wires = Sequence[tuple[int, int]]

# Stages (D), repeated blocks (C) and their ends (DOWN) with topologies of cells; every cell and every convolution of a
# cell for itself. The convolution block is written twice, so that it is drawn as often as two kernels would be.
GRAMMAR = """
D2 -> "Linear3" D1 D1 D0 | "Linear3" D0 D1 D1 | "Linear4" D1 D1 D0 D0
D1 -> "Linear3" C C DOWN | "Linear4" C C C DOWN | "Residual3" C C DOWN DOWN
D0 -> "Linear3" C C CELL | "Linear4" C C C CELL | "Residual3" C C CELL CELL
DOWN -> "Linear2" CELL "resBlock" | "Linear3" CELL CELL "resBlock" | "Residual2" CELL "resBlock" "resBlock"
C -> "Linear2" CELL CELL | "Linear3" CELL CELL CELL | "Residual2" CELL CELL CELL
CELL -> "Cell" OPS OPS OPS OPS OPS OPS
OPS -> "id" | "zero" | "Linear1" CONVBLOCK | "Linear1" CONVBLOCK | "avg_pool"
CONVBLOCK -> "Linear3" ACT CONV NORM
CONV -> "conv3x3o" | "conv1x1o" | "dconv3x3o"
NORM -> "batch" | "instance" | "layer"
ACT -> "relu" | "hardswish" | "mish"
"""
# Which nodes the children of a topology connect; the first node is its input, the last its output.
CELL_WIRES: Wires = ((1, 2), (1, 3), (2, 3), (1, 4), (2, 4), (3, 4))
TOPOLOGIES: Mapping[str, Wires] = {
    "Linear2": ((1, 2), (2, 3)),
    "Linear3": ((1, 2), (2, 3), (3, 4)),
    "Linear4": ((1, 2), (2, 3), (3, 4), (4, 5)),
    "Residual2": ((1, 2), (1, 3), (2, 3)),
    "Residual3": ((1, 2), (2, 3), (1, 4), (3, 4)),
    "Cell": CELL_WIRES,
}
ZERO, IDENTITY = "zero", "id"


class HierarchicalNASBench201(GrammarSpace):
    """The networks of the grammar whose every cell passes something on: about 10^446.

    The published grammar, sampler's constraint included: no cell may be cut in two by zeros. An edge of the graph is
    an operation of a cell, with a convolution block's activation, convolution and norm in one, or a fixed block that
    halves the size. `canonical` compares networks node by node from the input, which is exact for these graphs up to
    the order of sums; "functional" leaves out zeros and contracts identities.
    """

    name = "hierarchical_nasbench201"
    grammar = Grammar(GRAMMAR)

    def picture(self, tree: Tree) -> nx.DiGraph:
        """Edges put in the place of edges, down to single operations; nodes are numbered from the input, 0."""
        graph = nx.DiGraph()
        graph.add_node(0, label="in", role="input")
        graph.add_node(1, label="out", role="output")
        _wire(graph, tree, 0, 1)
        for number, node in enumerate(nx.lexicographical_topological_sort(graph)):
            graph.nodes[node]["number"] = number
        order = dict(graph.nodes(data="number"))
        picture = nx.DiGraph()
        for node, number in sorted(order.items(), key=lambda item: item[1]):
            picture.add_node(number, **{"label": str(number), "role": "state", **_without(graph.nodes[node], "number")})
        for a, b, data in graph.edges(data=True):
            picture.add_edge(order[a], order[b], **data)
        return picture

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official network: a stem of 16 channels, the graph, batch normalisation, ReLU, pooled to a classifier."""
        from workbench.networks.hierarchical_nasbench201 import Network

        return Network(graph, task.shape, task.n_classes)

    def check(self, tree: Tree) -> None:
        """Raises `Infeasible` where the zeros of a cell leave no way through it."""
        for child in tree.children:
            self.check(child)
        if tree.symbol == "CELL":
            passing = [operation.answer != ZERO for operation in tree.children[1:]]
            if not passes(passing):
                raise Infeasible(f"The zeros of a cell ({self.grammar.write(tree)}) let nothing through.")

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """A digest of what every node computes from the input; under "functional" of the output alone."""
        self._check_rule(rule)
        graph = self.graph(arch)
        exact = rule == "isomorphic"
        values: dict[Any, str] = {}
        for node in graph:
            terms = [_term(data["op"], values[a], exact) for a, _, data in graph.in_edges(node, data=True)]
            terms = [term for term in terms if term]
            alone = len(terms) == 1 and not exact
            values[node] = terms[0] if alone else _digest(*sorted(terms)) if terms else "" if node else "in"
        return _digest(*sorted(values.values())) if exact else values[max(graph)]

    @property
    def size(self) -> int:
        """The derivations whose every cell passes something on, exactly."""
        return self._size

    @cached_property
    def _size(self) -> int:
        convolutions = prod(len(self.grammar.productions[symbol]) for symbol in ("ACT", "CONV", "NORM"))
        others = sum(convolutions if len(p.items) > 1 else 1 for p in self.grammar.productions["OPS"]) - 1
        patterns = product((False, True), repeat=len(CELL_WIRES))
        cells = sum(others ** sum(passing) for passing in patterns if passes(passing))
        return self.grammar.size({"CELL": cells})


def passes(passing: Sequence[bool]) -> bool:
    """Whether the passing ones of a cell's six operations lead from its input to its output."""
    reached = {CELL_WIRES[0][0]}
    for (source, target), open_ in zip(CELL_WIRES, passing, strict=True):
        if open_ and source in reached:
            reached.add(target)
    return CELL_WIRES[-1][1] in reached


def _wire(graph: nx.DiGraph, tree: Tree, source: int, target: int) -> None:
    """Put a derivation between two nodes: its topology's nodes and wires, or the one operation that it is."""
    if not tree.answer:
        graph.add_edge(source, target, op=tree.symbol, zero=False)
    elif tree.symbol == "OPS":
        graph.add_edge(source, target, **_operation(tree))
    else:
        topology, *parts = tree.children
        wires = TOPOLOGIES[topology.symbol]
        last = max(b for _, b in wires)
        place = {1: source, last: target}
        for inner in range(2, last):
            place[inner] = graph.number_of_nodes()
            graph.add_node(place[inner])
        for (a, b), part in zip(wires, parts, strict=True):
            _wire(graph, part, place[a], place[b])


def _operation(tree: Tree) -> dict[str, Any]:
    if len(tree.children) == 1:
        return {"op": tree.answer, "question": tree.question, "zero": tree.answer == ZERO}
    parts = tree.children[1].children[1:]  # Linear1 (CONVBLOCK Linear3 ACT CONV NORM)
    act, conv, norm = (part.answer for part in parts)
    questions = (tree.question, *(part.question for part in parts))
    return {"op": f"{act}-{conv}-{norm}", "act": act, "conv": conv, "norm": norm, "questions": questions, "zero": False}


def _term(op: str, value: str, exact: bool) -> str:
    """What an edge adds to its target; nothing where it is zero or its source is."""
    if exact:
        return _digest(op, value)
    if op == ZERO or not value:
        return ""
    return value if op == IDENTITY else _digest(op, value)


def _digest(*parts: str) -> str:
    return blake2b(" ".join(parts).encode(), digest_size=12).hexdigest()


def _without(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}
