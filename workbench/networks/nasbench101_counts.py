"""The size of a NAS-Bench-101 network and its vertices by arithmetic, without torch (Ying et al., ICML 2019)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.errors import InvalidInput, nearest
from workbench.networks.counts import Counts

if TYPE_CHECKING:
    import networkx as nx

After = Mapping[Hashable, Sequence[Hashable]]  # every vertex of a pruned cell in order -> those its edges lead to

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
    after = {vertex: list(graph.successors(vertex)) for vertex in graph}
    areas = [_area(graph.nodes[vertex]["op"]) for vertex in [*graph][1:-1]]
    c_image, height, width = shape
    params, macs = 9 * c_image * channels + 2 * channels, 9 * c_image * channels * height * width
    c_in = c_out = channels
    for stack in range(STACKS):
        if stack:
            height, width, c_out = (height + 1) // 2, (width + 1) // 2, 2 * c_out
        for n, c_first in ((1, c_in), (n_modules - 1, c_out)):
            weights, normalised = _module(after, areas, c_first, c_out)
            params += n * (weights + 2 * normalised)
            macs += n * weights * height * width
        c_in = c_out
    return Counts(params + (c_in + 1) * n_classes, macs + c_in * n_classes)


def vertex_channels(graph: nx.DiGraph, c_in: int, c_out: int) -> dict[Hashable, int]:
    """Output channels of every vertex of a pruned cell (Ying et al., 2019, appendix S3).

    The vertices before the output share its channels evenly, the first of them taking what is left over; every other
    vertex has as many as the widest it feeds.
    """
    return _channels({vertex: list(graph.successors(vertex)) for vertex in graph}, c_in, c_out)


def _channels(after: After, c_in: int, c_out: int) -> dict[Hashable, int]:
    source, *inner, sink = after
    last = [vertex for vertex in inner if sink in after[vertex]]
    share, left_over = divmod(c_out, len(last)) if last else (0, 0)
    found = {source: c_in, sink: c_out}
    found |= {vertex: share + (i < left_over) for i, vertex in enumerate(last)}
    for vertex in reversed(inner):
        if vertex not in found:
            found[vertex] = max(found[target] for target in after[vertex])
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


def _module(after: After, areas: Sequence[int], c_in: int, c_out: int) -> tuple[int, int]:
    """Weights of a module's convolutions, and how many channels its batch normalisations have."""
    source, *inner, _ = after
    channels = _channels(after, c_in, c_out)
    projected = [channels[target] for target in after[source]]
    operated = [(channels[vertex], area) for vertex, area in zip(inner, areas, strict=True)]
    weights = sum(c_in * c for c in projected) + sum(area * c * c for c, area in operated)
    return weights, sum(projected) + sum(c for c, area in operated if area)


def _area(op: str) -> int:
    if op not in AREAS:
        raise InvalidInput(f"The NAS-Bench-101 network has no operation {op!r}. {nearest(op, AREAS)}")
    return AREAS[op]
