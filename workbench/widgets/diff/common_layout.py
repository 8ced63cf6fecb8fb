"""One layout for several architectures: what stands for the same is drawn at the same place in each of them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.drawing import Edge, label_width, lay_out
from workbench.layouts import Point, arrow_head
from workbench.palette import Look, look
from workbench.spaces.alignment import Alignment
from workbench.widgets.diff.words import node_name

ABSENT = -1
_GROWTH = {"arc": 1.45}  # how much larger labels may be drawn than they are laid out before they meet
_NUMBERS = re.compile(r"(-?[\d.]+(?:e-?\d+)?),(-?[\d.]+(?:e-?\d+)?)")


class Looks:
    """The operations of several drawings, each with all that is needed to draw it, numbered as they come."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._numbers: dict[tuple[str | None, bool, bool], int] = {}

    def number(self, op: object, *, zero: bool, live: bool) -> int:
        """The number of an operation; None is a node or an edge without one."""
        key = (None if op is None else str(op), zero, live)
        if key not in self._numbers:
            shown = look(op) if op is not None else Look("", "", "")
            width = label_width(shown.label) if shown.label else 0.0
            self._numbers[key] = len(self.all)
            self.all.append({**shown._asdict(), "op": key[0] or "", "width": width, "zero": zero, "live": live})
        return self._numbers[key]


class Side(NamedTuple):
    """One architecture: the graph to draw, its live part, and the slot of each of its nodes."""

    graph: nx.DiGraph
    live: nx.DiGraph
    slots: dict[Hashable, int]


def common_layout(archs: Sequence[Architecture], found: Sequence[Alignment], looks: Looks) -> dict[str, Any]:
    """Where everything stands that any of `archs` has, and what each of them has there, ready for JSON.

    `found[i]` aligns the first of them with number i. `growth` is how much larger labels may be drawn where
    the drawing is shown small; `nodes` and `edges` are the places, a node's `name` the one
    it has in the first; `seats`, one for each architecture, give the number in `looks` of what it has at each of
    them, `ABSENT` where it has nothing.
    """
    graphs = [found[0].first, *(alignment.second for alignment in found[1:])]
    matched = [{node: node for node in graphs[0]}, *(alignment.matched for alignment in found[1:])]
    sides = _seated(archs, graphs, matched)
    nodes = _slot_data(sides)
    edges = list(dict.fromkeys((side.slots[a], side.slots[b]) for side in sides for a, b in side.graph.edges))
    union, turned = _drawable(sides, nodes, edges)
    drawing = lay_out(union)
    names = {slot: node_name(graphs[0], node) for node, slot in sides[0].slots.items()}
    at = {node.name: node for node in drawing.nodes}
    routes = {(edge.source, edge.target): edge for edge in drawing.edges}
    return {
        "width": drawing.width,
        "height": drawing.height,
        "growth": _GROWTH.get(graphs[0].graph.get("layout", ""), 1.1),
        "nodes": [
            {name: getattr(at[str(slot)], name) for name in ("x", "y", "width", "height", "role")}
            | {"label": "" if data.get("op") is not None else at[str(slot)].label, "name": names.get(slot, "")}
            for slot, data in nodes.items()
        ],
        "edges": [_route(routes, edge, turned) for edge in edges],
        "seats": [_seats(side, nodes, edges, looks) for side in sides],
    }


# -- who sits where --------------------------------------------------------------------------------------------


def _seated(
    archs: Sequence[Architecture], graphs: Sequence[nx.DiGraph], matched: Sequence[Mapping[Hashable, Hashable]]
) -> list[Side]:
    """A slot for every node: that of the reference's where it stands for one, else one shared with its like."""
    first = {node: slot for slot, node in enumerate(graphs[0])}
    extra: list[tuple[str, str]] = []  # what the slots beyond the reference's are for
    sides = []
    for arch, graph, pairs in zip(archs, graphs, matched, strict=True):
        slots = {there: first[here] for here, there in pairs.items()}
        for node, data in graph.nodes(data=True):
            if node in slots:
                continue
            kind = (str(data.get("role", "")), str(data.get("op", "")))
            taken = set(slots.values())
            free = [len(first) + i for i, known in enumerate(extra) if known == kind]
            slot = next((slot for slot in free if slot not in taken), len(first) + len(extra))
            if slot == len(first) + len(extra):
                extra.append(kind)
            slots[node] = slot
        sides.append(Side(graph, arch.space.live(graph), slots))
    return sides


def _slot_data(sides: Sequence[Side]) -> dict[int, dict[str, Any]]:
    """What the layout has to know of each slot, from input to output: the widest operation decides about its room."""
    places: dict[int, list[float]] = {}
    data: dict[int, dict[str, Any]] = {}
    for side in sides:
        order = list(nx.lexicographical_topological_sort(side.graph, key=list(side.graph).index))
        for i, node in enumerate(order):
            slot, own = side.slots[node], side.graph.nodes[node]
            places.setdefault(slot, []).append(i / max(len(order) - 1, 1))
            known = data.setdefault(slot, {name: own[name] for name in ("role", "label", "op") if name in own})
            if own.get("op") is not None and _wider(own["op"], known.get("op")):
                known["op"] = own["op"]
    return {slot: data[slot] for slot in sorted(data, key=lambda slot: (sum(places[slot]) / len(places[slot]), slot))}


def _wider(op: object, other: object) -> bool:
    return other is None or len(look(op).label) > len(look(other).label)


def _drawable(
    sides: Sequence[Side], nodes: Mapping[int, dict[str, Any]], edges: Sequence[tuple[int, int]]
) -> tuple[nx.DiGraph, set[tuple[int, int]]]:
    """All edges as a graph without cycles, and which of them had to be turned round for that."""
    union = nx.DiGraph(**{name: side.graph.graph[name] for side in sides[:1] for name in side.graph.graph})
    union.add_nodes_from((str(slot), data) for slot, data in nodes.items())
    ops: dict[tuple[int, int], object] = {}
    for side in sides:
        for a, b, op in side.graph.edges(data="op"):
            edge = (side.slots[a], side.slots[b])
            if op is not None and _wider(op, ops.get(edge)):
                ops[edge] = op
    turned = set()
    for a, b in edges:
        source, target = str(a), str(b)
        if nx.has_path(union, target, source):
            turned.add((a, b))
            source, target = target, source
        if not union.has_edge(source, target) or _wider(ops.get((a, b)) or "", union.edges[source, target].get("op")):
            union.add_edge(source, target, **({"op": ops[a, b]} if (a, b) in ops else {}))
    return union, turned


def _seats(
    side: Side, nodes: Mapping[int, dict[str, Any]], edges: Sequence[tuple[int, int]], looks: Looks
) -> dict[str, list[int]]:
    node_of = {slot: node for node, slot in side.slots.items()}
    there = {(side.slots[a], side.slots[b]): (a, b) for a, b in side.graph.edges}

    def node_look(slot: int) -> int:
        if slot not in node_of:
            return ABSENT
        node = node_of[slot]
        return looks.number(side.graph.nodes[node].get("op"), zero=False, live=node in side.live)

    def edge_look(edge: tuple[int, int]) -> int:
        if edge not in there:
            return ABSENT
        data = side.graph.edges[there[edge]]
        return looks.number(data.get("op"), zero=bool(data.get("zero", False)), live=side.live.has_edge(*there[edge]))

    return {"nodes": [node_look(slot) for slot in nodes], "edges": [edge_look(edge) for edge in edges]}


# -- routes ----------------------------------------------------------------------------------------------------


def _route(
    routes: Mapping[tuple[str, str], Edge], edge: tuple[int, int], turned: set[tuple[int, int]]
) -> dict[str, Any]:
    source, target = str(edge[0]), str(edge[1])
    route = routes[(target, source) if edge in turned else (source, target)]
    path, arrow = _backwards(route) if edge in turned else (route.path, route.arrow)
    return {"path": path, "arrow": arrow, "x": route.label_x, "y": route.label_y}


def _backwards(edge: Edge) -> tuple[str, str]:
    """The path and the arrow head of an edge that leads the other way."""
    points = [(float(x), float(y)) for x, y in _NUMBERS.findall(edge.path)]
    tip = _NUMBERS.findall(edge.arrow)[0]
    line, corners = arrow_head([(float(tip[0]), float(tip[1])), *reversed(points[:-1])])
    pieces = (line[i : i + 3] for i in range(1, len(line), 3))
    path = f"M{_written(line[0])}" + "".join("C" + " ".join(map(_written, piece)) for piece in pieces)
    return path, "M" + "L".join(map(_written, corners)) + "Z"


def _written(point: Point) -> str:
    return f"{round(point[0], 1):g},{round(point[1], 1):g}"
