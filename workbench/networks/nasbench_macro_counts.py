"""The size of a NAS-Bench-Macro network by arithmetic, without torch: quick enough for all 6,561 (Su et al., 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import InvalidInput, nearest
from workbench.networks.counts import Counts
from workbench.networks.layer_counts import LayerCounts

if TYPE_CHECKING:
    import networkx as nx

STEM = 32
FEATURES = 1280
# Expansion and kernel of the inverted bottlenecks.
BOTTLENECKS = {"mb3_k3": (3, 3), "mb6_k5": (6, 5)}
IDENTITY = "identity"


def counts(graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int) -> Counts:
    """Parameters and multiply-adds of `networks.nasbench_macro.Network` with the same arguments.

    On CIFAR-10 both are the published `params` and `flops`. Raises `InvalidInput` for another operation.
    """
    layers = LayerCounts(shape)
    layers.convolution(STEM, 3)
    for _, data in graph.nodes(data=True):
        if data["role"] == "op":
            _count(layers, data["op"], data["channels"], data["stride"])
    layers.convolution(FEATURES, 1)
    return layers.classified(n_classes)


def _count(layers: LayerCounts, op: str, channels: int, stride: int) -> None:
    if op in BOTTLENECKS:
        expansion, kernel = BOTTLENECKS[op]
        layers.bottleneck(channels, expansion * layers.channels, kernel, stride)
    elif op != IDENTITY:
        known = nearest(op, (IDENTITY, *BOTTLENECKS))
        raise InvalidInput(f"The NAS-Bench-Macro network has no operation {op!r} whose size is known. {known}")
    elif stride != 1 or channels != layers.channels:
        layers.convolution(channels, 1, stride)
