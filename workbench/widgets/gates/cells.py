"""Where gates are drawn: as the edges of cells, where their names say between which nodes each of them stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx

from workbench.drawing import lay_out
from workbench.widgets.gates.looks import looks_of

_EDGE = re.compile(r"(?:(?P<cell>[^>]+)\.)?(?P<source>[^.>]+)->(?P<target>[^.>]+)")
_ROOM = "skip_connect"  # every edge is laid out with room for a short label


def cells_of(options: Mapping[str, Sequence[Any]], space: Any) -> list[dict[str, Any]]:
    """A drawing for each cell of gates named "source->target" or "cell.source->target"; none where any is not.

    A cell has `title`, `width`, `height`, `nodes` `[x, y, width, height, label, role]` and `edges` `[path, x, y, name,
    number of the gate, look]`: the number among the gates with several options, or -1 with the look of the only one.
    """
    found = {name: _EDGE.fullmatch(name) for name in options}
    if not found or not all(found.values()):
        return []
    numbers = {name: k for k, name in enumerate(name for name, allowed in options.items() if len(allowed) > 1)}
    if not numbers:
        return []
    known = _known(space)
    graphs: dict[str, nx.DiGraph] = {}
    for name, match in found.items():
        assert match is not None
        cell = match["cell"] or ""
        graph = graphs.setdefault(cell, nx.DiGraph(layout="arc"))
        for end in (match["source"], match["target"]):
            data = known.get(f"{cell}.{end}" if cell else end, {})
            graph.add_node(end, label=data.get("label", end), role=data.get("role", "state"))
        graph.add_edge(match["source"], match["target"], op=_ROOM, question=name)
    if not all(nx.is_directed_acyclic_graph(graph) for graph in graphs.values()):
        return []
    return [_cell(title, _ordered(graph), numbers, options) for title, graph in graphs.items()]


def _known(space: Any) -> dict[str, dict[str, Any]]:
    """The nodes of one of the space's graphs by their names as text."""
    (arch,) = space.sample(1, seed=0)
    return {str(node): data for node, data in arch.graph.nodes(data=True)}


def _ordered(graph: nx.DiGraph) -> nx.DiGraph:
    """The graph with its nodes in the order of their names, which settles ties of the layout."""
    ordered = nx.DiGraph(**graph.graph)
    ordered.add_nodes_from(sorted(graph.nodes(data=True), key=lambda node: (len(node[0]), node[0])))
    ordered.add_edges_from(graph.edges(data=True))
    return ordered


def _cell(
    title: str, graph: nx.DiGraph, numbers: Mapping[str, int], options: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    drawing = lay_out(graph)
    return {
        "title": title,
        "width": drawing.width,
        "height": drawing.height,
        "nodes": [[n.x, n.y, n.width, n.height, n.label, n.role] for n in drawing.nodes],
        "edges": [
            [e.path, e.label_x, e.label_y, e.question, numbers.get(e.question, -1), looks_of(options[e.question])[0]]
            for e in drawing.edges
        ],
    }
