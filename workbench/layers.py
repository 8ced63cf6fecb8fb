"""Nodes in layers from left to right: the layout of every graph that has no layout of its own."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

import networkx as nx

from workbench.layouts import GAP, LABEL_ROOM, Arc, Placement, Point, Route, Size, position

T = TypeVar("T")

_LANE = {"node": 20.0, "label": 12.0, "line": 14.0}  # clear space around each kind of slot
_SWEEPS = 16


def layered_layout(
    graph: nx.DiGraph,
    nodes: Mapping[Hashable, Size],
    labels: Mapping[Arc, Size],
    checkpoint: Callable[[], None] = lambda: None,
) -> Placement:
    """Layers from left to right by longest path (Sugiyama et al., 1981), with a slot of its own for every label.

    Nodes stand on even layers, labels on the odd layers between them; an edge that passes other layers gets a
    slot in each, so that no line runs behind a node and no label lies on another. `checkpoint` is called all along,
    and may raise to give up.
    """
    rank = _longest_path_ranks(graph)
    chains = {(a, b): [(a, b, at) for at in range(rank[a] + 1, rank[b])] for a, b in graph.edges}
    slot_of_label = {edge: _middle(chain) for edge, chain in chains.items() if edge in labels}
    label_slots = {slot: edge for edge, slot in slot_of_label.items()}
    place = [*rank.items(), *((slot, slot[2]) for chain in chains.values() for slot in chain)]
    slots: list[Hashable] = [slot for slot, _ in place]
    number = {slot: i for i, slot in enumerate(slots)}
    layers: list[list[int]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for i, (_, layer) in enumerate(place):
        layers[layer].append(i)
    left: list[list[int]] = [[] for _ in slots]
    right: list[list[int]] = [[] for _ in slots]
    for (a, b), chain in chains.items():
        for one, other in pairwise(number[slot] for slot in (a, *chain, b)):
            right[one].append(other)
            left[other].append(one)

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

    layers = _ordered(layers, left, right, checkpoint)
    xs = _layer_positions([max((size(slots[i]).width for i in row), default=0.0) for row in layers])
    ys = _slot_heights(layers, left, right, [lane(slot) for slot in slots], checkpoint)
    at: dict[Hashable, Point] = {slots[i]: (x, ys[i]) for x, row in zip(xs, layers, strict=True) for i in row}
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


def _ordered(
    layers: list[list[int]], left: Sequence[list[int]], right: Sequence[list[int]], checkpoint: Callable[[], None]
) -> list[list[int]]:
    """Slots layer by layer, ordered by the barycentres of their neighbours in alternating sweeps."""
    place = [0] * len(left)
    for layer in layers:
        for i, slot in enumerate(layer):
            place[slot] = i
    between = [_layer_crossings(layer, right, place) for layer in layers]
    best, fewest = [list(layer) for layer in layers], sum(between)

    def moved(at: int, near: Sequence[list[int]]) -> bool:
        layer = layers[at]
        centre = {slot: _mean(place, near[slot], place[slot]) for slot in layer}
        layer.sort(key=centre.__getitem__)
        changed = False
        for i, slot in enumerate(layer):
            changed, place[slot] = changed or place[slot] != i, i
        return changed

    for changed in _sweeps(len(layers), left, right, moved, checkpoint):
        for at in {at for touched in changed for at in (touched - 1, touched) if at >= 0}:
            between[at] = _layer_crossings(layers[at], right, place)
        if sum(between) < fewest:
            best, fewest = [list(layer) for layer in layers], sum(between)
        if not fewest:
            break
    return best


def _sweeps(
    count: int,
    left: Sequence[list[int]],
    right: Sequence[list[int]],
    moved: Callable[[int, Sequence[list[int]]], bool],
    checkpoint: Callable[[], None],
) -> Iterator[list[int]]:
    """Have each layer follow the one before it, there and back; after each sweep, the layers that it has changed.

    A layer is passed over while neither it nor the one it follows has changed since it followed it last.
    """
    version = [0] * count
    known: dict[tuple[int, int], tuple[int, int]] = {}
    for sweep in range(_SWEEPS):
        step, near = (1, right) if sweep % 2 else (-1, left)
        changed = []
        for at in range(count) if step < 0 else reversed(range(count)):
            state = (version[at], version[at + step] if 0 <= at + step < count else 0)
            if known.get((step, at)) == state:
                continue
            known[step, at] = state
            checkpoint()
            if moved(at, near):
                version[at] += 1
                changed.append(at)
        yield changed


def _layer_crossings(layer: Sequence[int], right: Sequence[list[int]], place: Sequence[int]) -> int:
    """How many pairs of lines cross between a layer and the next."""
    total = 0
    passed: list[int] = []
    for slot in layer:
        ends = [place[n] for n in right[slot]]
        for end in sorted(ends) if len(ends) > 1 else ends:
            if not passed or end >= passed[-1]:
                passed.append(end)
                continue
            at = bisect_right(passed, end)
            total += len(passed) - at
            passed.insert(at, end)
    return total


def _layer_positions(widths: Sequence[float], gap: float = 30.0) -> list[float]:
    xs, x = [], 0.0
    for width in widths:
        xs.append(x + width / 2)
        x += width + gap
    return xs


def _slot_heights(
    layers: Sequence[list[int]],
    left: Sequence[list[int]],
    right: Sequence[list[int]],
    lanes: Sequence[float],
    checkpoint: Callable[[], None],
) -> list[float]:
    """Heights that keep the order and the clear space in every layer and otherwise straighten the lines."""
    ys = [0.0] * len(left)
    clear = [[lanes[slot] for slot in layer] for layer in layers]

    def placed(at: int, wanted: Sequence[float]) -> bool:
        changed = False
        for slot, y in zip(layers[at], _spaced(wanted, clear[at]), strict=True):
            changed, ys[slot] = changed or ys[slot] != y, y
        return changed

    for at, layer in enumerate(layers):
        placed(at, [0.0] * len(layer))
    follow = _sweeps(
        len(layers),
        left,
        right,
        lambda at, near: placed(at, [_mean(ys, near[slot], ys[slot]) for slot in layers[at]]),
        checkpoint,
    )
    deque(follow, maxlen=0)
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


def _mean(values: Sequence[float], at: Sequence[int], otherwise: float) -> float:
    if len(at) == 1:  # as most slots have it
        return values[at[0]]
    return sum([values[i] for i in at]) / len(at) if at else otherwise


def _through(points: Sequence[Point]) -> tuple[Point, ...]:
    """A smooth route through the points, level at each of them."""
    route = [points[0]]
    for a, b in pairwise(points):
        half = (b[0] - a[0]) / 2
        route += [(a[0] + half, a[1]), (b[0] - half, b[1]), b]
    return tuple(route)
