"""The size of a NAS-Bench-101 network and its vertices by arithmetic, without torch (Ying et al., ICML 2019)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from workbench.errors import InvalidInput, nearest
from workbench.networks.counts import Counts

if TYPE_CHECKING:
    import networkx as nx

STACKS = 3
AREAS = {"conv3x3-bn-relu": 9, "conv1x1-bn-relu": 1, "maxpool3x3": 0}


def counts(
    graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int, *, n_modules: int = 3, channels: int = 128
) -> Counts:
    """Parameters and multiply-adds of `networks.nasbench101.Network` with the same arguments, by arithmetic alone.

    On CIFAR-10 the parameters are the benchmark's `trainable_parameters` for the cell as it is written: an isomorphic
    cell may differ a little, because the first of the vertices that share a division with remainder get one more
    channel.
    """
    check_cell(graph)
    c_image, height, width = shape
    params, macs = 9 * c_image * channels + 2 * channels, 9 * c_image * channels * height * width
    c_in = c_out = channels
    for stack in range(STACKS):
        if stack:
            height, width, c_out = (height + 1) // 2, (width + 1) // 2, 2 * c_out
        for _ in range(n_modules):
            weights, normalised = _module(graph, c_in, c_out)
            params += weights + 2 * normalised
            macs += weights * height * width
            c_in = c_out
    return Counts(params + (c_in + 1) * n_classes, macs + c_in * n_classes)


def vertex_channels(graph: nx.DiGraph, c_in: int, c_out: int) -> dict[Hashable, int]:
    """Output channels of every vertex of a pruned cell (Ying et al., 2019, appendix S3).

    The vertices before the output share its channels evenly, the first of them taking what is left over; every other
    vertex has as many as the widest it feeds.
    """
    source, *inner, sink = graph
    last = [vertex for vertex in inner if graph.has_edge(vertex, sink)]
    share, left_over = divmod(c_out, len(last)) if last else (0, 0)
    found = {source: c_in, sink: c_out}
    found |= {vertex: share + (i < left_over) for i, vertex in enumerate(last)}
    for vertex in reversed(inner):
        if vertex not in found:
            found[vertex] = max(found[target] for target in graph.successors(vertex))
    return found


def check_cell(graph: nx.DiGraph) -> None:
    """Raise `InvalidInput` unless every vertex lies between the first and the last, as in a pruned cell."""
    nodes = list(graph)
    place = {node: i for i, node in enumerate(nodes)}
    forward = all(place[a] < place[b] for a, b in graph.edges)
    used = all(graph.out_degree(n) for n in nodes[:-1]) and all(graph.in_degree(n) for n in nodes[1:])
    if len(nodes) < 2 or not forward or not used:
        raise InvalidInput(
            f"A NAS-Bench-101 network is made of a pruned cell, all of whose vertices lie between the first and the "
            f"last; got edges {sorted(graph.edges)} between vertices {nodes}. Prune it with space.live(graph)."
        )


def _module(graph: nx.DiGraph, c_in: int, c_out: int) -> tuple[int, int]:
    """Weights of a module's convolutions, and how many channels its batch normalisations have."""
    source, *inner, _ = graph
    channels = vertex_channels(graph, c_in, c_out)
    projected = [channels[target] for target in graph.successors(source)]
    operated = [(channels[vertex], _area(graph.nodes[vertex]["op"])) for vertex in inner]
    weights = sum(c_in * c for c in projected) + sum(area * c * c for c, area in operated)
    return weights, sum(projected) + sum(c for c, area in operated if area)


def _area(op: str) -> int:
    if op not in AREAS:
        raise InvalidInput(f"The NAS-Bench-101 network has no operation {op!r}. {nearest(op, AREAS)}")
    return AREAS[op]
