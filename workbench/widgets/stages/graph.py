"""A run's stages as a graph on paper: those of one matrix are one node, and lines lead from what is needed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import ceil
from typing import Any

import networkx as nx

from workbench.layers import layered_layout
from workbench.layouts import Point, Size, arrow_head

WIDTH, HEIGHT = 168.0, 66.0
FOLDED_WIDTH, FOLDED_HEIGHT = 210.0, 66.0
_CLEAR = 2.0  # pixels kept beside a line at the edge
CELL, ACROSS = 13, 15  # pixels from one small cell to the next, and how many stand in a row
MOST_CELLS = 105  # stages that are shown as cells; of more, their shares are


def graph_of(stages: list[dict[str, Any]]) -> dict[str, Any]:
    """Nodes with their stages and places, lines, and the size of the whole, in pixels."""
    members: dict[str, list[dict[str, Any]]] = {}
    for stage in stages:
        members.setdefault(stage["base"], []).append(stage)
    home = {stage["name"]: stage["base"] for stage in stages}
    graph = nx.DiGraph()
    graph.add_nodes_from(members)
    for stage in stages:
        graph.add_edges_from(
            (home[n], stage["base"]) for n in stage["needs"] if home.get(n, stage["base"]) != stage["base"]
        )
    while not nx.is_directed_acyclic_graph(graph):  # no pipeline has a circle; a file that somebody wrote may
        graph.remove_edge(*nx.find_cycle(graph)[0])
    sizes: dict[Hashable, Size] = {base: _size(len(ones)) for base, ones in members.items()}
    for layer in nx.topological_generations(graph):  # those above each other are equally wide
        widest = max(sizes[base].width for base in layer)
        sizes.update({base: Size(widest, sizes[base].height) for base in layer})
    placement = layered_layout(graph, sizes, {})
    passed = [point for route in placement.routes.values() for point in route.points]
    left = min((x - sizes[n].width / 2 for n, (x, _) in placement.centres.items()), default=0.0)
    top = min((y - sizes[n].height / 2 for n, (_, y) in placement.centres.items()), default=0.0)
    top = min([top, *(y - _CLEAR for _, y in passed)])
    nodes: list[dict[str, Any]] = [
        {
            "id": base,
            "stages": [one["name"] for one in ones],
            "needs": list(graph.predecessors(base)),
            "axes": _axes(ones),
            "x": round(placement.centres[base][0] - sizes[base].width / 2 - left, 1),
            "y": round(placement.centres[base][1] - sizes[base].height / 2 - top, 1),
            "w": sizes[base].width,
            "h": sizes[base].height,
        }
        for base, ones in members.items()
    ]
    lines = []
    for (a, b), route in placement.routes.items():
        points, head = arrow_head([(x - left, y - top) for x, y in route.points])
        lines.append({"from": a, "to": b, "path": _path(points), "head": _path(head, straight=True) + "Z"})
    width = max((node["x"] + node["w"] for node in nodes), default=0.0)
    height = max([node["y"] + node["h"] for node in nodes] + [y - top + _CLEAR for _, y in passed], default=0.0)
    return {"nodes": nodes, "lines": lines, "width": width, "height": height}


def _size(count: int) -> Size:
    if count == 1:
        return Size(WIDTH, HEIGHT)
    rows = ceil(count / ACROSS) if count <= MOST_CELLS else 1
    return Size(FOLDED_WIDTH, FOLDED_HEIGHT + rows * CELL + 5)


def _axes(stages: list[dict[str, Any]]) -> list[list[Any]]:
    """The matrix of a node: each parameter with its values in the order in which they come."""
    names = list(dict.fromkeys(name for one in stages for name in one["matrix"]))
    return [[name, list(dict.fromkeys(one["matrix"].get(name, "") for one in stages))] for name in names]


def _path(points: Sequence[Point], straight: bool = False) -> str:
    (x, y), *rest = points
    pairs = [f"{a:.1f},{b:.1f}" for a, b in rest]
    return f"M{x:.1f},{y:.1f}" + ("L" + "L".join(pairs) if straight else "C" + " ".join(pairs) if pairs else "")
