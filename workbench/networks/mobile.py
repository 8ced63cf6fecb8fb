"""Networks of the mobile search spaces: a chain of blocks between an image and a linear classifier."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.networks.layers import InvertedBottleneck, conv_bn_relu
from workbench.networks.mobile_counts import blocks, resolution
from workbench.networks.operations import operation

if TYPE_CHECKING:
    import networkx as nx

ACTIVATIONS: Mapping[str, type[nn.Module]] = {"relu": nn.ReLU, "hswish": nn.Hardswish}


class Network(nn.Module):
    """The network of a chain of blocks.

    `graph` is the chain: its nodes of role "op" in order, each with the `kind` of its block and what that kind takes
    (see `block`). Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`).

    Images of more than 64 pixels get the strides in the graph and, where `graph.graph["resolution"]` says so, are
    first resized to that many pixels a side. Smaller ones keep their size, also in the first two blocks that would
    halve it, as in the networks for CIFAR of HW-NAS-Bench (Li et al., ICLR 2021). Weights are torch's default
    initialisation, from the global generator: `space.build` seeds it. Dropout belongs to the recipe and is left out.
    """

    def __init__(self, graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        self.resolution = resolution(graph, shape)
        channels = shape[0]
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        for name, data, stride in blocks(graph, shape):
            modules[name.replace(".", "_")] = block(channels, data, stride)
            channels = data.get("channels", channels)
        self.blocks = nn.Sequential(modules)
        self.classifier = nn.Linear(channels, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        if self.resolution is not None:
            x = nn.functional.interpolate(x, (self.resolution, self.resolution), mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.classifier(self.blocks(x).flatten(1))
        return logits


def block(c_in: int, data: Mapping[str, Any], stride: int) -> nn.Module:
    """The module of a node's attributes, from (n, c_in, H, W) to (n, channels, ceil(H/stride), ceil(W/stride)).

    Kinds are "convolution", "pooling", "skip", "bottleneck" and "inverted" (the universal one); "operation" is
    anything in the catalogue of operations, with which a space has been extended.
    """
    match data["kind"]:
        case "convolution":
            return _convolution(c_in, data, stride)
        case "pooling":
            return nn.AdaptiveAvgPool2d(1)
        case "skip":
            if stride == 1 and c_in == data["channels"]:
                return nn.Identity()
            return conv_bn_relu(c_in, data["channels"], 1, stride)
        case "bottleneck":
            return InvertedBottleneck(
                c_in,
                data["channels"],
                data["hidden"],
                data["kernel"],
                stride,
                squeeze=data["squeeze"],
                activation=ACTIVATIONS[data["activation"]],
                groups=data["groups"],
                always_expand=data["always_expand"],
            )
        case "inverted":
            return UniversalBottleneck(c_in, data["channels"], data["hidden"], data["start"], data["middle"], stride)
        case _:
            return operation(data["op"], c_in, data["channels"], stride)


def _convolution(c_in: int, data: Mapping[str, Any], stride: int) -> nn.Module:
    activation = ACTIVATIONS[data["activation"]]
    if data["norm"]:
        return conv_bn_relu(c_in, data["channels"], data["kernel"], stride, activation=activation)
    kernel = data["kernel"]
    return nn.Sequential(
        nn.Conv2d(c_in, data["channels"], kernel, stride, padding=kernel // 2, bias=False), activation()
    )


class UniversalBottleneck(nn.Module):
    """The universal inverted bottleneck: depthwise convolutions before and inside the expansion, each of them optional.

    `start` and `middle` are their kernels, 0 for none; the stride is the middle one's, or where there is none the
    first one's. Without a middle one it is a ConvNeXt-like block, without the first an inverted bottleneck, without
    both a feed-forward block (Qin et al., MobileNetV4, ECCV 2024).
    """

    def __init__(self, c_in: int, c_out: int, hidden: int, start: int, middle: int, stride: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if start:
            first = 1 if middle else stride
            layers.append(conv_bn_relu(c_in, c_in, start, first, groups=c_in, activation=None))
        layers.append(conv_bn_relu(c_in, hidden, 1))
        if middle:
            layers.append(conv_bn_relu(hidden, hidden, middle, stride, groups=hidden))
        layers.append(conv_bn_relu(hidden, c_out, 1, activation=None))
        self.body = nn.Sequential(*layers)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride))."""
        out: torch.Tensor = self.body(x)
        return x + out if self.residual else out
