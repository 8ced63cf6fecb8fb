"""Chains of convolutions and poolings with sums of equal shapes, checked before they are built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.signatures import Shape, check_pooling, check_sum, of_module

if TYPE_CHECKING:
    import networkx as nx

STEM = 16  # channels


class Network(nn.Module):
    """A stem of 16 channels, the chain of `graph`, global average pooling and a linear classifier.

    Nodes of `graph` with a `kind` are the layers in order, with `kernel`, `stride`, `padding`, `dilation`, `channels`
    and `adds`, the earlier point whose value is added (0 for the stem, i for the i-th layer) or None. Input (n, C, H,
    W) of the given `shape`, output (n, `n_classes`). Raises `InvalidInput` that names the layer and the shapes where a
    layer cannot take what the one before it makes, or a sum has unequal terms.
    """

    def __init__(self, graph: nx.DiGraph, shape: Shape, n_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(shape[0], STEM, 3, padding=1, bias=False), nn.BatchNorm2d(STEM), nn.ReLU())
        points: list[tuple[str, Shape]] = [("stem", (STEM, shape[1], shape[2]))]
        self.layers = nn.ModuleList()
        self.adds: list[int | None] = []
        for name, data in graph.nodes(data=True):
            if "kind" not in data:
                continue
            try:
                body = layer(points[-1][1][0], **{key: data[key] for key in _SETTINGS if key in data})
                made = of_module(body)(points[-1][1])
            except InvalidInput as error:
                words = f"Layer {name!r} ({data['op']}) cannot stand behind {points[-1][0]!r}: it {error}."
                raise InvalidInput(words) from None
            if data["adds"] is not None:
                added, there = points[data["adds"]]
                check_sum(name, {name: made, added: there})
            self.layers.append(body)
            self.adds.append(data["adds"])
            points.append((name, made))
        self.classifier = nn.Linear(points[-1][1][0], n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        points = [self.stem(x)]
        for body, adds in zip(self.layers, self.adds, strict=True):
            made = body(points[-1])
            points.append(made if adds is None else made + points[adds])
        logits: torch.Tensor = self.classifier(points[-1].mean(dim=(2, 3)))
        return logits


_SETTINGS = ("kind", "kernel", "stride", "padding", "dilation", "channels")


def layer(
    c_in: int,
    kind: str,
    kernel: int = 1,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    channels: int | None = None,
) -> nn.Sequential:
    """The module of one layer: "conv", "depthwise", "max_pool", "avg_pool" or "identity"; convolutions with norm, ReLU.

    Raises `InvalidInput` for a pooling padded by more than half of its kernel.
    """
    if kind == "identity":
        return nn.Sequential(nn.Identity())
    if kind in ("max_pool", "avg_pool"):
        check_pooling(kernel, padding)
        if kind == "avg_pool":
            return nn.Sequential(nn.AvgPool2d(kernel, stride, padding))
        return nn.Sequential(nn.MaxPool2d(kernel, stride, padding, dilation))
    c_out, groups = (c_in, c_in) if kind == "depthwise" else (channels or c_in, 1)
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out), nn.ReLU())
