"""Drawings of every search space: each label readable, each line whole, whatever was sampled."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pytest

from workbench.collapsing import collapsed
from workbench.drawing import Drawing, lay_out
from workbench.layouts import LABEL_HEIGHT
from workbench.spaces import search_space, search_spaces

SAMPLES = 3
Box = tuple[float, float, float, float]


def boxes(drawing: Drawing) -> list[tuple[str, Box]]:
    """What may not be covered: every node and every label of an edge, as left, top, right, bottom."""
    nodes = [
        (n.name, (n.x - n.width / 2, n.y - n.height / 2, n.x + n.width / 2, n.y + n.height / 2)) for n in drawing.nodes
    ]
    half = LABEL_HEIGHT / 2
    return nodes + [
        (
            f"{e.source} to {e.target}",
            (e.label_x - e.label_width / 2, e.label_y - half, e.label_x + e.label_width / 2, e.label_y + half),
        )
        for e in drawing.edges
        if e.label
    ]


def covered(drawing: Drawing) -> list[tuple[str, str]]:
    """Pairs that lie on each other by more than the rounding."""
    return [
        (one, other)
        for (one, a), (other, b) in combinations(boxes(drawing), 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > 0.2 and min(a[3], b[3]) - max(a[1], b[1]) > 0.2
    ]


def curve(path: str, steps: int = 24) -> list[tuple[float, float]]:
    """Points along an SVG path of cubic pieces."""
    numbers = [tuple(map(float, pair.split(","))) for pair in path[1:].replace("C", " ").split()]
    points = []
    for i in range(0, len(numbers) - 1, 3):
        a, b, c, d = numbers[i : i + 4]
        for k in range(steps + 1):
            t = k / steps
            w = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            points.append(tuple(w[0] * a[j] + w[1] * b[j] + w[2] * c[j] + w[3] * d[j] for j in (0, 1)))
    return points  # type: ignore[return-value]


def graphs(name: str) -> list[tuple[nx.DiGraph, nx.DiGraph]]:
    """Samples of a space with what is live in them, and the same with their repeats folded."""
    space = search_space(name)
    found = []
    for arch in space.sample(SAMPLES, seed=0):
        graph = arch.graph
        found.append((graph, space.live(graph)))
        small = collapsed(graph, space.live(graph))
        if small.folded:
            assert small.live is not None
            found.append((small.graph, small.live))
    return found


@pytest.mark.parametrize("name", search_spaces())
def test_no_label_of_a_sample_covers_another_label_or_a_node(name: str) -> None:
    for graph, live in graphs(name):
        assert covered(lay_out(graph, live)) == []


@pytest.mark.parametrize("name", search_spaces())
def test_no_line_arrow_or_label_of_a_sample_is_clipped(name: str) -> None:
    for graph, live in graphs(name):
        drawing = lay_out(graph, live)
        corners = [
            corner for _, (left, top, right, bottom) in boxes(drawing) for corner in ((left, top), (right, bottom))
        ]
        corners += [point for edge in drawing.edges for point in curve(edge.path)]
        assert all(1 <= x <= drawing.width - 1 and 1 <= y <= drawing.height - 1 for x, y in corners)


def test_what_covers_is_found() -> None:
    drawing = lay_out(search_space("nasbench201").sample(1, seed=0)[0].graph)
    edge, other = drawing.edges[:2]
    moved = edge._replace(label_x=other.label_x + 5, label_y=other.label_y)
    assert covered(drawing._replace(edges=(moved, *drawing.edges[1:])))
