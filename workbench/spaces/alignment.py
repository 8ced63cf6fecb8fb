"""Two architectures laid on each other: what they share, what was changed, what one of them has alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.correspondence import correspondence, operation
from workbench.spaces.space import SearchSpace

_SAMPLES = 12

Node = Hashable
Edge = tuple[Hashable, Hashable]


class Parts(NamedTuple):
    """Nodes or edges by what became of them: pairs (in the first, in the second), or those of one graph alone."""

    kept: list[tuple[Hashable, Hashable]]
    changed: list[tuple[Hashable, Hashable]]
    added: list[Hashable]
    removed: list[Hashable]

    @property
    def cost(self) -> int:
        """How many of them are edits."""
        return len(self.changed) + len(self.added) + len(self.removed)


@dataclass(frozen=True)
class Alignment:
    """Two graphs and which nodes of the first stand for which of the second.

    `exact` says that no other correspondence takes fewer edits. An edit adds or removes a node or an edge, or changes
    the operation on one, and costs 1 (the edit distance of Ying et al., ICML 2019).
    """

    first: nx.DiGraph
    second: nx.DiGraph
    matched: Mapping[Node, Node]
    exact: bool

    @cached_property
    def nodes(self) -> Parts:
        """What became of the nodes."""
        both = [(a, b) for a, b in self.matched.items()]
        same = [operation(self.first.nodes[a]) == operation(self.second.nodes[b]) for a, b in both]
        reached = set(self.matched.values())
        return Parts(
            [pair for pair, kept in zip(both, same, strict=True) if kept],
            [pair for pair, kept in zip(both, same, strict=True) if not kept],
            [node for node in self.second if node not in reached],
            [node for node in self.first if node not in self.matched],
        )

    @cached_property
    def edges(self) -> Parts:
        """What became of the edges, each given as (source, target)."""
        parts = Parts([], [], [], [])
        reached = set()
        for a, b in self.first.edges:
            edge = (self.matched.get(a), self.matched.get(b))
            if a not in self.matched or b not in self.matched or not self.second.has_edge(*edge):
                parts.removed.append((a, b))
                continue
            reached.add(edge)
            same = operation(self.first.edges[a, b]) == operation(self.second.edges[edge])
            (parts.kept if same else parts.changed).append(((a, b), edge))
        parts.added.extend(edge for edge in self.second.edges if edge not in reached)
        return parts

    @property
    def cost(self) -> int:
        """How many edits lead from the first graph to the second."""
        return self.nodes.cost + self.edges.cost

    def backwards(self) -> Alignment:
        """The same from the second graph to the first."""
        back = {b: a for a, b in self.matched.items()}
        return Alignment(
            self.second, self.first, {node: back[node] for node in self.second if node in back}, self.exact
        )


def align(a: Architecture, b: Architecture) -> Alignment:
    """The graphs of two architectures of one space, aligned; from `b` to `a` it is the same, read backwards.

    Where all architectures of the space have the same nodes and edges, as in NAS-Bench-201, nodes stand for those of
    the same name. Elsewhere the parts through which something flows are compared (what is pruned from a cell of
    NAS-Bench-101 is no difference), and the correspondence with the fewest edits is taken: for certain up to about 8
    nodes that are neither inputs nor outputs, found by search beyond (see `exact`).

    Raises `InvalidInput` for architectures of different spaces.
    """
    if not isinstance(a, Architecture) or not isinstance(b, Architecture):
        raise InvalidInput(f"align takes two Architectures, made by space.parse or space.sample; got {a!r} and {b!r}.")
    if a.space.name != b.space.name:
        raise InvalidInput(
            f"Only architectures of one space can be aligned; {a} belongs to {a.space.name} and {b} to {b.space.name}."
        )
    return align_graphs(compared(a), compared(b), named=fixed_topology(a.space))


def align_graphs(a: nx.DiGraph, b: nx.DiGraph, *, named: bool = False) -> Alignment:
    """Two graphs aligned by the fewest edits, or, with `named`, by the names of their nodes."""
    if named:
        return Alignment(a, b, {node: node for node in a if node in b}, exact=True)
    # In one direction only, so that the way back is the same among several equally short ones.
    if _written(a) <= _written(b):
        matched, exact = correspondence(a, b)
    else:
        back, exact = correspondence(b, a)
        matched = {one: other for other, one in back.items()}
    return Alignment(a, b, {node: matched[node] for node in a if node in matched}, exact)


def compared(arch: Architecture) -> nx.DiGraph:
    """The graph of `arch` that `align` compares: where the topology is not fixed, what something flows through."""
    graph = arch.graph
    return graph if fixed_topology(arch.space) else arch.space.live(graph)


@lru_cache(maxsize=32)
def fixed_topology(space: SearchSpace) -> bool:
    """Whether all architectures have the same nodes and edges; judged by a dozen of them."""
    try:
        archs = space.sample(_SAMPLES, seed=0)
    except InvalidInput:  # there are fewer
        archs = list(space.enumerate())
    return len({_topology(arch.graph) for arch in archs}) == 1


def _topology(graph: nx.DiGraph) -> tuple[frozenset[Node], frozenset[Edge]]:
    return frozenset(graph.nodes), frozenset(graph.edges)


def _written(graph: nx.DiGraph) -> str:
    nodes = sorted((str(node), operation(data)) for node, data in graph.nodes(data=True))
    return repr((nodes, sorted((str(a), str(b), operation(data)) for a, b, data in graph.edges(data=True))))
