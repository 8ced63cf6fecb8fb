"""The NAS-Bench-Macro network: eight blocks in three stages between a stem and a classifier (Su et al., CVPR 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks.layers import InvertedBottleneck, conv_bn_relu
from workbench.networks.nasbench_macro_counts import BOTTLENECKS, FEATURES, IDENTITY, STEM
from workbench.networks.operations import operation

if TYPE_CHECKING:
    import networkx as nx


class Network(nn.Module):
    """The official network of a chain of blocks.

    `graph` is the chain: its nodes of role "op" in order, each with `op`, `channels` (those it puts out) and `stride`.
    Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`). Weights are torch's default
    initialisation, from the global generator: `space.build` seeds it.
    """

    def __init__(self, graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        self.stem = conv_bn_relu(shape[0], STEM, 3)
        self.blocks = nn.Sequential()
        channels = STEM
        for _, data in graph.nodes(data=True):
            if data["role"] == "op":
                self.blocks.append(block(data["op"], channels, data["channels"], data["stride"]))
                channels = data["channels"]
        self.head = nn.Sequential(conv_bn_relu(channels, FEATURES, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(FEATURES, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        logits: torch.Tensor = self.classifier(self.head(self.blocks(self.stem(x))))
        return logits


def block(op: str, c_in: int, c_out: int, stride: int) -> nn.Module:
    """The module of an operation: an inverted bottleneck, or the identity, which is a 1x1 convolution between stages.

    Other operations, with which the space has been extended, are found in the catalogue of operations.
    """
    if op in BOTTLENECKS:
        expansion, kernel = BOTTLENECKS[op]
        return InvertedBottleneck(c_in, c_out, expansion * c_in, kernel, stride, activation=nn.ReLU)
    if op != IDENTITY:
        return operation(op, c_in, c_out, stride)
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return conv_bn_relu(c_in, c_out, 1, stride, activation=None)
