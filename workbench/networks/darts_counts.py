"""The size of a DARTS network by arithmetic, without torch (Liu, Simonyan & Yang, ICLR 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.networks.counts import Counts

if TYPE_CHECKING:
    import networkx as nx

LARGE = 64  # images from this height on get the paper's ImageNet stem, which divides the size by eight
STEM_FACTOR = 3
_WEIGHTLESS = ("none", "max_pool_3x3", "avg_pool_3x3")
# Operation -> kernel and how many depthwise-separable convolutions.
_SEPARABLE = {"sep_conv_3x3": (3, 2), "sep_conv_5x5": (5, 2), "dil_conv_3x3": (3, 1), "dil_conv_5x5": (5, 1)}
KNOWN = frozenset((*_WEIGHTLESS, *_SEPARABLE, "skip_connect"))


def counts(graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int, *, n_cells: int, channels: int) -> Counts:
    """Parameters and multiply-adds of `networks.darts.Network` with the same arguments, of `KNOWN` operations."""
    ops = {cell: _operations(graph, cell) for cell in ("normal", "reduce")}
    joined = {cell: graph.in_degree(f"{cell}.out") for cell in ops}
    height, width = shape[1:]
    large = height >= LARGE
    params, macs, (height, width) = stem_counts(shape, channels, STEM_FACTOR)
    before = last = channels if large else STEM_FACTOR * channels
    for number in range(n_cells):
        reducing = number in (n_cells // 3, 2 * n_cells // 3)
        cell = "reduce" if reducing else "normal"
        channels = 2 * channels if reducing else channels
        inputs = (before + last) * channels
        params += inputs + 4 * channels
        macs += inputs * height * width
        if reducing:
            height, width = (height + 1) // 2, (width + 1) // 2
        for op, from_input in ops[cell]:
            weights, norms = _weights(op, channels, halving=reducing and from_input)
            params += weights + norms
            macs += weights * height * width
        before, last = last, joined[cell] * channels
    return Counts(params + (last + 1) * n_classes, macs + last * n_classes)


def _operations(graph: nx.DiGraph, cell: str) -> list[tuple[str, bool]]:
    """Every operation of a cell, and whether it takes one of the cell's two inputs."""
    inputs = (f"{cell}.0", f"{cell}.1")
    return [
        (data["op"], source in inputs)
        for source, target, data in graph.edges(data=True)
        if graph.nodes[target]["cell"] == cell and "op" in data
    ]


def _weights(op: str, c: int, *, halving: bool) -> tuple[int, int]:
    """The weights of an operation's convolutions, each used once for every output pixel, and of its normalisation."""
    if op in _SEPARABLE:
        kernel, times = _SEPARABLE[op]
        return times * (kernel * kernel * c + c * c), times * 2 * c
    return (c * c, 2 * c) if op == "skip_connect" and halving else (0, 0)


def stem_counts(shape: tuple[int, int, int], c: int, factor: int) -> tuple[int, int, tuple[int, int]]:
    """Parameters, multiply-adds and the size left by the stem: `factor` times `c` wide, or `c` for large images."""
    c_image, height, width = shape
    if height < LARGE:
        wide = factor * c
        return 9 * c_image * wide + 2 * wide, 9 * c_image * wide * height * width, (height, width)
    params = macs = 0
    for c_in, c_out in ((c_image, c // 2), (c // 2, c), (c, c)):
        height, width = (height + 1) // 2, (width + 1) // 2
        params += 9 * c_in * c_out + 2 * c_out
        macs += 9 * c_in * c_out * height * width
    return params, macs, (height, width)
