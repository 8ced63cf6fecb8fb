"""The size of a mobile network by arithmetic, without torch: quick enough to bound a search by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.networks.counts import Counts
from workbench.networks.layer_counts import LayerCounts

if TYPE_CHECKING:
    import networkx as nx

SMALL = 64  # pixels: the longest side of a small image
KEPT = 2  # reductions that small images are spared
KINDS = ("convolution", "pooling", "skip", "bottleneck", "inverted")


def resolution(graph: nx.DiGraph, shape: tuple[int, int, int]) -> int | None:
    """The side in pixels to which the network resizes images of `shape` (C, H, W), None where it does not."""
    side: int | None = graph.graph.get("resolution")
    return None if max(shape[1:]) <= SMALL else side


def blocks(graph: nx.DiGraph, shape: tuple[int, int, int]) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """The name, the attributes and the stride of every block of a chain, in order."""
    found = [(str(name), data) for name, data in graph.nodes(data=True) if data["role"] == "op"]
    strides = kept_strides([data.get("stride", 1) for _, data in found], shape)
    for (name, data), stride in zip(found, strides, strict=True):
        yield name, data, stride


def kept_strides(strides: Iterable[int], shape: tuple[int, int, int]) -> list[int]:
    """The strides that images of `shape` (C, H, W) get in blocks of these `strides`.

    Small images, of at most 64 pixels, keep their size in the first two blocks that would halve it.
    """
    spared = KEPT if max(shape[1:]) <= SMALL else 0
    found = []
    for stride in strides:
        spares = stride > 1 and spared > 0
        spared -= spares
        found.append(1 if spares else stride)
    return found


def counts(graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int) -> Counts | None:
    """Parameters and multiply-adds of `networks.mobile.Network` with the same arguments, by arithmetic alone.

    None for a chain with blocks of another kind, with which a space has been extended.
    """
    side = resolution(graph, shape)
    layers = LayerCounts(shape if side is None else (shape[0], side, side))
    for _, data, stride in blocks(graph, shape):
        if data["kind"] not in KINDS:
            return None
        _add(layers, data, stride)
    return layers.classified(n_classes)


def _add(layers: LayerCounts, data: Mapping[str, Any], stride: int) -> None:
    match data["kind"]:
        case "convolution":
            layers.convolution(data["channels"], data["kernel"], stride, norm=data["norm"])
        case "pooling":
            layers.height = layers.width = 1
        case "skip":
            if stride > 1 or layers.channels != data["channels"]:
                layers.convolution(data["channels"], 1, stride)
        case "bottleneck":
            _add_bottleneck(layers, data, stride)
        case "inverted":
            if data["start"]:
                first = 1 if data["middle"] else stride
                layers.convolution(layers.channels, data["start"], first, depthwise=True)
            layers.convolution(data["hidden"], 1)
            if data["middle"]:
                layers.convolution(data["hidden"], data["middle"], stride, depthwise=True)
            layers.convolution(data["channels"], 1)


def _add_bottleneck(layers: LayerCounts, data: Mapping[str, Any], stride: int) -> None:
    hidden, squeezed, groups = data["hidden"], data["squeeze"], data["groups"]
    if hidden != layers.channels or data["always_expand"]:
        _add_grouped(layers, hidden, groups)
    layers.convolution(hidden, data["kernel"], stride, depthwise=True)
    if squeezed:
        layers.params += 2 * hidden * squeezed + hidden + squeezed  # two convolutions of one pixel, with biases
        layers.macs += 2 * hidden * squeezed
    _add_grouped(layers, data["channels"], groups)


def _add_grouped(layers: LayerCounts, c_out: int, groups: int) -> None:
    """A 1x1 convolution in groups."""
    c_in = layers.channels
    layers.channels = c_in // groups
    layers.convolution(c_out, 1)
