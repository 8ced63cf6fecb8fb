"""The size of an LHD network by arithmetic, without torch (Zhang & Ding, ICML 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.networks.counts import Counts
from workbench.networks.darts_counts import LARGE, STEM_FACTOR, stem_counts

if TYPE_CHECKING:
    import networkx as nx

# Operation -> kernel of its one depthwise convolution, 0 where it has none.
KERNELS = {
    "skip_connect": 0,
    "max_pool_3x3": 0,
    "avg_pool_3x3": 0,
    "dil_conv_3x3": 3,
    "dil_conv_5x5": 5,
    "sep_conv_3x3": 3,
    "sep_conv_5x5": 5,
}


class Wire(NamedTuple):
    """An operation from one node of a cell to a later one; nodes 0 and 1 are the outputs of the cell before."""

    source: int
    target: int
    op: str


class CellPlan(NamedTuple):
    """The operations of a cell in topological order, and the nodes that its two outputs add up and concatenate."""

    wires: list[Wire]
    summed: list[int]
    joined: list[int]


def read_cell(graph: nx.DiGraph, cell: str) -> CellPlan:
    """The plan of a cell: operations are nodes with `source`, `target` and `op`, `<cell>.sum` and `.concat` outputs."""
    wires = [
        Wire(data["source"], data["target"], data["op"])
        for _, data in graph.nodes(data=True)
        if data["role"] == "op" and data["cell"] == cell
    ]
    summed, joined = (
        sorted(graph.nodes[node]["place"] for node in graph.predecessors(f"{cell}.{output}"))
        for output in ("sum", "concat")
    )
    return CellPlan(sorted(wires, key=lambda wire: wire.target), summed, joined)


def counts(graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int, *, n_cells: int, channels: int) -> Counts:
    """Parameters and multiply-adds of `networks.lhd.Network` with the same arguments."""
    plans = {cell: read_cell(graph, cell) for cell in ("normal", "reduce")}
    params, macs, (height, width) = stem_counts(shape, channels, 1 + STEM_FACTOR)
    added = channels
    joined = channels if shape[1] >= LARGE else STEM_FACTOR * channels
    for number in range(n_cells):
        reducing = number in (n_cells // 3, 2 * n_cells // 3)
        plan = plans["reduce" if reducing else "normal"]
        channels = 2 * channels if reducing else channels
        inputs = (joined + added * reducing) * channels
        params += inputs + (1 + reducing) * 2 * channels
        macs += inputs * height * width
        if reducing:
            height, width = (height + 1) // 2, (width + 1) // 2
        for wire in plan.wires:
            weights, norms = _weights(wire, channels, reducing)
            params += weights + norms
            macs += weights * height * width
        added, joined = channels, len(plan.joined) * channels
    return Counts(params + (added + joined + 1) * n_classes, macs + (added + joined) * n_classes)


def _weights(wire: Wire, c: int, reducing: bool) -> tuple[int, int]:
    """The weights of an operation's convolution, each used once for every output pixel, and of its normalisation."""
    kernel = KERNELS[wire.op]
    if kernel:
        return kernel * kernel * c, 2 * c
    return (c * c, 2 * c) if wire.op == "skip_connect" and reducing and wire.source < 2 else (0, 0)
