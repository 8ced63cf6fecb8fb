"""Nodes on a line joined by arcs: the layout of small dense cells, with the geometry that all layouts share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import hypot
from typing import NamedTuple

import networkx as nx

Point = tuple[float, float]
Arc = tuple[Hashable, Hashable]

TIP = 9.0  # length of an arrow head
LABEL_HEIGHT = 24.0
GAP = 3.0  # between an arrow's tip and the node it points at
_LINE_SPACE = 60.0  # least clear line between two nodes, beside the label
LABEL_ROOM = 84.0  # kept for every label, so that a change of operation does not move the nodes
_ARC_STEP = 56.0  # height of an arc above the one nested in it


class Size(NamedTuple):
    """Width and height of a box."""

    width: float
    height: float


class Route(NamedTuple):
    """An edge on paper: start, then two control points and an end per cubic piece; the label's centre."""

    points: tuple[Point, ...]
    label: Point


class Placement(NamedTuple):
    """Centres of the nodes and routes of the edges, before they are moved onto a page."""

    centres: dict[Hashable, Point]
    routes: dict[Arc, Route]


def arc_layout(
    graph: nx.DiGraph,
    nodes: Mapping[Hashable, Size],
    labels: Mapping[Arc, Size],
    checkpoint: Callable[[], None] = lambda: None,
) -> Placement:
    """Nodes on a line in topological order, neighbours joined straight, other edges as arcs above and below.

    An arc goes to the side where it crosses fewer others, and higher than every arc nested in it, so that labels,
    which sit on top of their arcs, stay apart. `checkpoint` is called all along, and may raise to give up.
    """
    order = list(nx.lexicographical_topological_sort(graph, key=position(graph)))
    place = {node: i for i, node in enumerate(order)}
    widest = max((size.width for size in labels.values()), default=0.0)
    widest = max(widest, LABEL_ROOM if labels else 0.0)
    centres: dict[Hashable, Point] = {}
    x = 0.0
    for node in order:
        x += nodes[node].width / 2
        centres[node] = (x, 0.0)
        x += nodes[node].width / 2 + widest + _LINE_SPACE
    levels = _arc_levels([(place[a], place[b]) for a, b in graph.edges if place[b] - place[a] > 1], checkpoint)
    routes = {}
    for a, b in graph.edges:
        level = levels.get((place[a], place[b]))
        if level is None:
            routes[a, b] = _straight(centres[a], centres[b], nodes[a], nodes[b])
        else:
            routes[a, b] = _arched(centres[a], centres[b], nodes[a].height / 2, nodes[b].height / 2, level)
    return Placement(centres, routes)


def sampled(points: Sequence[Point], per_piece: int = 12) -> list[Point]:
    """Points along a route, from which its bounds are taken."""
    found = [points[0]]
    for i in range(0, len(points) - 1, 3):
        piece = points[i : i + 4]
        found += [_bezier(piece, k / per_piece) for k in range(1, per_piece + 1)]
    return found


def outline(points: Sequence[Point]) -> list[Point]:
    """Points with the same bounds as a route: only pieces that swing out of the box of their ends are sampled."""
    found = [points[0]]
    for i in range(0, len(points) - 1, 3):
        a, b, c, d = points[i : i + 4]
        left, right = (a[0], d[0]) if a[0] < d[0] else (d[0], a[0])
        top, bottom = (a[1], d[1]) if a[1] < d[1] else (d[1], a[1])
        if left <= b[0] <= right and left <= c[0] <= right and top <= b[1] <= bottom and top <= c[1] <= bottom:
            found.append(d)
        else:
            found += sampled((a, b, c, d))[1:]
    return found


def arrow_head(points: Sequence[Point]) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """The route shortened to the foot of its arrow, and the arrow's three corners."""
    tip, before = points[-1], next((p for p in reversed(points[:-1]) if p != points[-1]), points[0])
    length = hypot(tip[0] - before[0], tip[1] - before[1]) or 1.0
    ux, uy = (tip[0] - before[0]) / length, (tip[1] - before[1]) / length
    foot = (tip[0] - ux * TIP, tip[1] - uy * TIP)
    half = TIP * 0.55
    corners = (tip, (foot[0] - uy * half, foot[1] + ux * half), (foot[0] + uy * half, foot[1] - ux * half))
    return (*points[:-1], foot), corners


# -- arcs ------------------------------------------------------------------------------------------------------


def position(graph: nx.DiGraph) -> Callable[[Hashable], int]:
    """The place of a node in the order in which the graph was built, which settles ties."""
    order = {node: i for i, node in enumerate(graph)}
    return lambda node: order[node]


def _arc_levels(arcs: list[tuple[int, int]], checkpoint: Callable[[], None]) -> dict[tuple[int, int], int]:
    """Arc -> its level: positive above the line, negative below, larger over what it spans."""
    above: list[tuple[int, int]] = []
    below: list[tuple[int, int]] = []
    for arc in sorted(arcs, key=lambda arc: (arc[0] - arc[1], arc)):
        checkpoint()
        side = above if _crossings(arc, above) <= _crossings(arc, below) else below
        side.append(arc)
    levels: dict[tuple[int, int], int] = {}
    for sign, side in ((1, above), (-1, below)):
        for arc in reversed(side):  # shortest first: what is nested already has its level
            checkpoint()
            inside = [levels[other] * sign for other in side if other in levels and _overlap(arc, other)]
            levels[arc] = sign * (1 + max(inside, default=0))
    return levels


def _crossings(arc: tuple[int, int], others: Iterable[tuple[int, int]]) -> int:
    return sum(1 for a, b in others if a < arc[0] < b < arc[1] or arc[0] < a < arc[1] < b)


def _overlap(arc: tuple[int, int], other: tuple[int, int]) -> bool:
    return arc[0] < other[1] and other[0] < arc[1]


def _straight(a: Point, b: Point, from_size: Size, to_size: Size) -> Route:
    start, end = a[0] + from_size.width / 2 + GAP, b[0] - to_size.width / 2 - GAP
    third = (end - start) / 3
    points = ((start, a[1]), (start + third, a[1]), (end - third, b[1]), (end, b[1]))
    return Route(points, ((start + end - TIP) / 2, a[1]))


def _arched(a: Point, b: Point, from_radius: float, to_radius: float, level: int) -> Route:
    height = -level * _ARC_STEP - (16 if level > 0 else -16)  # paper's y grows downwards
    reach = (b[0] - a[0]) * 0.14
    lift = height * 4 / 3
    first, second = (a[0] + reach, a[1] + lift), (b[0] - reach, b[1] + lift)
    start, end = _towards(a, first, from_radius + GAP), _towards(b, second, to_radius + GAP)
    points = (start, first, second, end)
    return Route(points, _bezier(points, 0.5))


def _towards(origin: Point, target: Point, distance: float) -> Point:
    length = hypot(target[0] - origin[0], target[1] - origin[1]) or 1.0
    share = distance / length
    return origin[0] + (target[0] - origin[0]) * share, origin[1] + (target[1] - origin[1]) * share


def _bezier(p: Sequence[Point], t: float) -> Point:
    a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
    return (
        a * p[0][0] + b * p[1][0] + c * p[2][0] + d * p[3][0],
        a * p[0][1] + b * p[1][1] + c * p[2][1] + d * p[3][1],
    )
