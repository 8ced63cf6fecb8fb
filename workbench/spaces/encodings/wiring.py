"""An architecture's wiring: its graph with every operation on a node, whether it stood on a node or on an edge."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import networkx as nx


class Wiring(NamedTuple):
    """Operations in topological order, and which of them feeds which.

    `slots` are their places (the name of a graph's node, or the pair of nodes that an edge joins), the same in all
    architectures of a space; `labels` the operations there, or the role of an input or output without one;
    `questions` those that chose them; `sources` the numbers of those that feed each, all smaller than its own.
    """

    slots: tuple[Hashable, ...]
    labels: tuple[str, ...]
    roles: tuple[str, ...]
    questions: tuple[tuple[str, ...], ...]
    sources: tuple[tuple[int, ...], ...]

    def edges(self) -> Iterable[tuple[int, int]]:
        """Pairs of numbers, source first."""
        return ((source, target) for target, sources in enumerate(self.sources) for source in sources)


def wiring(graph: nx.DiGraph) -> Wiring:
    """The wiring of an architecture's `graph`.

    An operation on an edge becomes a node between the edge's ends; a state, which does nothing, is left out and what
    feeds it feeds what it feeds. The cell of NAS-Bench-201 becomes the eight nodes of White, Neiswanger & Savani
    (2021), with six operations between input and output.
    """
    found: list[tuple[Hashable, str, str, tuple[str, ...], tuple[int, ...]]] = []
    carried: dict[Hashable, tuple[int, ...]] = {}  # node of the graph -> the operations whose output it holds

    def enter(slot: Hashable, data: dict[str, Any], role: str, sources: Iterable[int]) -> tuple[int]:
        op = data.get("op")
        found.append((slot, role if op is None else str(op), role, _questions(data), tuple(dict.fromkeys(sources))))
        return (len(found) - 1,)

    order = _order(graph)
    place = {node: i for i, node in enumerate(order)}
    for node in order:
        incoming: list[int] = []
        for before in sorted(graph.pred[node], key=place.__getitem__):
            data = graph.pred[node][before]
            through = carried[before]
            incoming += through if data.get("op") is None else enter((before, node), data, "op", through)
        data = graph.nodes[node]
        role = str(data.get("role", "state"))
        passes = role == "state" and data.get("op") is None
        carried[node] = tuple(dict.fromkeys(incoming)) if passes else enter(node, data, role, incoming)
    return Wiring(*zip(*found, strict=True)) if found else Wiring((), (), (), (), ())


def _questions(data: dict[str, Any]) -> tuple[str, ...]:
    single = data.get("question")
    return tuple(data.get("questions", ())) if single is None else (single,)


def _order(graph: nx.DiGraph) -> list[Hashable]:
    """Topological; the order in which the graph was built wherever that is topological too."""
    place: dict[Hashable, int] = {node: i for i, node in enumerate(graph)}
    if all(place[a] < place[b] for a, b in graph.edges):
        return list(place)
    return list(nx.lexicographical_topological_sort(graph, key=place.__getitem__))
