"""The networks of hierarchical NAS-Bench-201: operations on the edges of one large graph (Schrodi et al., 2023)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.networks.nasbench201 import Reduction
from workbench.networks.operations import operation

if TYPE_CHECKING:
    import networkx as nx

CHANNELS = 16
Shape = tuple[int, int, int]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "hardswish": nn.Hardswish, "mish": nn.Mish}


class Network(nn.Module):
    """Stem, graph, and a head that pools to a linear classifier.

    `graph` has nodes in topological order, the first the input and the last the output; a node is the sum of its
    edges' operations (`op`; `act`, `conv` and `norm` where that is a convolution block). Input (n, C, H, W) of the
    given `shape`, with H and W of at least 8; output (n, `n_classes`). Zero edges are not computed.
    """

    def __init__(self, graph: nx.DiGraph, shape: Shape, n_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], CHANNELS, 3, padding=1, bias=False),
            nn.BatchNorm2d(CHANNELS),
        )
        nodes = list(graph)
        self.last = nodes[-1]
        shapes: dict[int, Shape] = {nodes[0]: (CHANNELS, shape[1], shape[2])}
        self.edges = nn.ModuleDict()
        self.wires: list[tuple[int, int, str]] = []
        for node in nodes[1:]:
            for source, _, data in sorted(graph.in_edges(node, data=True), key=lambda edge: edge[0]):
                if source in shapes and not data.get("zero"):
                    name = f"{source}->{node}"
                    self.edges[name], shapes[node] = _operation(data, shapes[source])
                    self.wires.append((source, node, name))
        width = shapes[self.last][0]
        self.head = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, n_classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        values: dict[int, torch.Tensor] = {0: self.stem(x)}
        for source, target, name in self.wires:
            term = self.edges[name](values[source])
            values[target] = values[target] + term if target in values else term
        logits: torch.Tensor = self.head(values[self.last])
        return logits


def _operation(data: dict[str, Any], shape: Shape) -> tuple[nn.Module, Shape]:
    """The module of an edge and the shape of what it makes."""
    channels, height, width = shape
    if data["op"] == "resBlock":
        return Reduction(channels, 2 * channels), (2 * channels, -(-height // 2), -(-width // 2))
    if "conv" in data:
        return _block(data, shape), shape
    return operation({"id": "skip_connect", "avg_pool": "avg_pool_3x3"}[data["op"]], channels, channels), shape


def _block(data: dict[str, Any], shape: Shape) -> nn.Sequential:
    """Activation, convolution without bias, normalisation; the shape is kept."""
    channels = shape[0]
    kernel = 1 if data["conv"] == "conv1x1o" else 3
    groups = channels if data["conv"] == "dconv3x3o" else 1
    norms: dict[str, Callable[[], nn.Module]] = {
        "batch": lambda: nn.BatchNorm2d(channels),
        "instance": lambda: nn.InstanceNorm2d(channels, affine=True),
        "layer": lambda: nn.LayerNorm(list(shape)),
    }
    convolution = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(ACTIVATIONS[data["act"]](), convolution, norms[data["norm"]]())
