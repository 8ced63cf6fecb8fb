"""Nodes in layers from left to right: the layout of every graph that has no layout of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

import networkx as nx

from workbench.layouts import GAP, LABEL_ROOM, Arc, Placement, Point, Route, Size, position

T = TypeVar("T")

_LANE = {"node": 20.0, "label": 12.0, "line": 14.0}  # clear space around each kind of slot
_SWEEPS = 16


def layered_layout(graph: nx.DiGraph, nodes: Mapping[Hashable, Size], labels: Mapping[Arc, Size]) -> Placement:
    """Layers from left to right by longest path (Sugiyama et al., 1981), with a slot of its own for every label.

    Nodes stand on even layers, labels on the odd layers between them; an edge that passes other layers gets a
    slot in each, so that no line runs behind a node and no label lies on another.
    """
    rank = _longest_path_ranks(graph)
    chains = {(a, b): [(a, b, at) for at in range(rank[a] + 1, rank[b])] for a, b in graph.edges}
    slot_of_label = {edge: _middle(chain) for edge, chain in chains.items() if edge in labels}
    label_slots = {slot: edge for edge, slot in slot_of_label.items()}
    links = [pair for (a, b), chain in chains.items() for pair in pairwise([a, *chain, b])]
    layers = _layers(rank, chains, links)

    def size(slot: Hashable) -> Size:
        if slot in nodes:
            return nodes[slot]
        if slot not in label_slots:
            return Size(0.0, 0.0)
        label = labels[label_slots[slot]]
        return Size(max(label.width, LABEL_ROOM), label.height)

    def passed(slot: Hashable) -> list[Point]:
        """A label is passed level, so that its line is seen on both sides of it."""
        half = size(slot).width / 2
        return [(at[slot][0] - half, at[slot][1]), (at[slot][0] + half, at[slot][1])] if half else [at[slot]]

    def lane(slot: Hashable) -> float:
        kind = "node" if slot in nodes else "label" if slot in label_slots else "line"
        return size(slot).height + _LANE[kind]

    xs = _layer_positions([max((size(s).width for s in layer), default=0.0) for layer in layers])
    ys = _slot_heights(layers, links, lane)
    at = {slot: (xs[i], ys[slot]) for i, layer in enumerate(layers) for slot in layer}
    routes = {}
    for (a, b), chain in chains.items():
        start = (at[a][0] + nodes[a].width / 2, at[a][1])
        end = (at[b][0] - nodes[b].width / 2 - GAP, at[b][1])
        points = _through([start, *(point for slot in chain for point in passed(slot)), end])
        routes[a, b] = Route(points, at[slot_of_label.get((a, b), _middle(chain))])
    return Placement({node: at[node] for node in graph}, routes)


def _longest_path_ranks(graph: nx.DiGraph) -> dict[Hashable, int]:
    rank: dict[Hashable, int] = {}
    for node in nx.lexicographical_topological_sort(graph, key=position(graph)):
        rank[node] = 2 + max((rank[p] for p in graph.predecessors(node)), default=-2)
    return rank


def _middle(chain: Sequence[T]) -> T:
    """The odd layer nearest the middle: chains start and end on one."""
    return chain[len(chain) // 2 if len(chain) % 4 == 1 else len(chain) // 2 - 1]


def _layers(
    rank: Mapping[Hashable, int],
    chains: Mapping[Arc, Sequence[Hashable]],
    links: Sequence[tuple[Hashable, Hashable]],
) -> list[list[Hashable]]:
    """Slots layer by layer, ordered by the barycentres of their neighbours in alternating sweeps."""
    layers: list[list[Hashable]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for node, at in rank.items():
        layers[at].append(node)
    for (a, _), chain in chains.items():
        for at, slot in enumerate(chain, start=rank[a] + 1):
            layers[at].append(slot)
    left, right = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _layer_crossings(layers, right)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        place = {slot: i for layer in layers for i, slot in enumerate(layer)}
        for at in range(len(layers)) if forward else reversed(range(len(layers))):
            layer, near = layers[at], left if forward else right
            centre = {s: _mean([place[n] for n in near[s]], place[s]) for s in layer}
            layer.sort(key=centre.__getitem__)
            place |= {slot: i for i, slot in enumerate(layer)}
        crossings = _layer_crossings(layers, right)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _layer_crossings(layers: Sequence[Sequence[Hashable]], right: Mapping[Hashable, Sequence[Hashable]]) -> int:
    total = 0
    for layer, after in pairwise(layers):
        place = {slot: i for i, slot in enumerate(after)}
        ends = [place[n] for slot in layer for n in sorted(right[slot], key=place.__getitem__)]
        total += sum(1 for i, end in enumerate(ends) for other in ends[:i] if other > end)
    return total


def _neighbours(links: Iterable[tuple[Hashable, Hashable]]) -> tuple[Mapping[Hashable, list[Hashable]], ...]:
    left: dict[Hashable, list[Hashable]] = defaultdict(list)
    right: dict[Hashable, list[Hashable]] = defaultdict(list)
    for a, b in links:
        right[a].append(b)
        left[b].append(a)
    return left, right


def _layer_positions(widths: Sequence[float], gap: float = 30.0) -> list[float]:
    xs, x = [], 0.0
    for width in widths:
        xs.append(x + width / 2)
        x += width + gap
    return xs


def _slot_heights(
    layers: Sequence[Sequence[Hashable]],
    links: Sequence[tuple[Hashable, Hashable]],
    lane: Callable[[Hashable], float],
) -> dict[Hashable, float]:
    """Heights that keep the order and the clear space in every layer and otherwise straighten the lines."""
    left, right = _neighbours(links)
    ys: dict[Hashable, float] = {}
    for layer in layers:
        ys |= dict(zip(layer, _spaced([0.0] * len(layer), [lane(s) for s in layer]), strict=True))
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            near = left if sweep % 2 == 0 else right
            wanted = [_mean([ys[n] for n in near[slot]], ys[slot]) for slot in layer]
            ys |= dict(zip(layer, _spaced(wanted, [lane(s) for s in layer]), strict=True))
    return ys


def _spaced(wanted: Sequence[float], lanes: Sequence[float]) -> list[float]:
    """The heights nearest the wanted ones whose lanes do not overlap: isotonic regression by merging neighbours."""
    offsets, offset = [], 0.0
    for i, lane in enumerate(lanes):
        offset += (lanes[i - 1] + lane) / 2 if i else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=True):
        mean, count = height - offset, 1
        while blocks and blocks[-1][0] > mean:
            previous, members = blocks.pop()
            mean, count = (previous * members + mean * count) / (members + count), members + count
        blocks.append((mean, count))
    settled = [mean for mean, count in blocks for _ in range(count)]
    return [base + offset for base, offset in zip(settled, offsets, strict=True)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _through(points: Sequence[Point]) -> tuple[Point, ...]:
    """A smooth route through the points, level at each of them."""
    route = [points[0]]
    for a, b in pairwise(points):
        half = (b[0] - a[0]) / 2
        route += [(a[0] + half, a[1]), (b[0] - half, b[1]), b]
    return tuple(route)
