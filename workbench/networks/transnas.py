"""The TransNAS-Bench-101 networks: a stem and modules of two blocks each (Duan et al., CVPR 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.copies import original
from workbench.networks.layers import relu_conv_bn
from workbench.networks.operations import operation
from workbench.networks.transnas_counts import BLOCKS, CHANNELS, MODULES

if TYPE_CHECKING:
    import networkx as nx

Block = Callable[[int, int, int], nn.Module]  # input channels, output channels, stride


class Network(nn.Module):
    """The official backbone with the classification head of the benchmark.

    `modules` names the module types in order, which are in `MODULES`; each is two blocks, of which the first changes
    the channels and the size. Input (n, C, H, W) of the given `shape` (C, H, W), output (n, `n_classes`). The stem
    divides the size by four; `channels` leave it. Weights are torch's default initialisation.
    """

    def __init__(
        self,
        modules: Sequence[str],
        block: Block,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        channels: int = CHANNELS,
    ) -> None:
        super().__init__()
        if channels < 2:
            raise InvalidInput(f"A network of {channels} channels: 2 are the least.")
        half = channels // 2
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], half, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(half),
            relu_conv_bn(half, channels, 3, stride=2),
        )
        self.stages = nn.ModuleList()
        for name in modules:
            growth, stride = MODULES[name]
            wide = growth * channels
            self.stages.append(
                nn.Sequential(block(channels, wide, stride), *(block(wide, wide, 1) for _ in range(1, BLOCKS)))
            )
            channels = wide
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        logits: torch.Tensor = self.classifier(self.head(x))
        return logits


class MicroCell(nn.Module):
    """A cell of the micro space: every node is the sum of its edges' operations; those from the input have the stride.

    `graph` is the cell: nodes in topological order, the first its input and the last its output, operations as `op`
    on the edges. A node that nothing reaches is zero, and its own operations still run on it, as in the benchmark.
    """

    def __init__(self, graph: nx.DiGraph, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        nodes = list(graph)
        self.c_out = c_out
        self.stride = stride
        self.last = len(nodes) - 1
        self.wires: list[tuple[int, int]] = []
        self.operations = nn.ModuleList()
        for target, node in enumerate(nodes):
            for source, earlier in enumerate(nodes[:target]):
                op = graph.edges[earlier, node]["op"] if graph.has_edge(earlier, node) else "none"
                if original(op) != "none":
                    from_input = source == 0
                    self.wires.append((source, target))
                    self.operations.append(
                        operation(op, c_in if from_input else c_out, c_out, stride if from_input else 1)
                    )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride))."""
        nodes = {0: x}
        for (source, target), module in zip(self.wires, self.operations, strict=True):
            term = module(nodes[source] if source in nodes else self._zero(x))
            nodes[target] = nodes[target] + term if target in nodes else term
        return nodes[self.last] if self.last in nodes else self._zero(x)

    def _zero(self, x: torch.Tensor) -> torch.Tensor:
        n, _, height, width = x.shape
        return x.new_zeros(n, self.c_out, -(-height // self.stride), -(-width // self.stride))


class ResidualBlock(nn.Module):
    """The block of the macro space: two 3x3 convolutions beside a shortcut, convolved where shapes differ."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(relu_conv_bn(c_in, c_out, 3, stride), relu_conv_bn(c_out, c_out, 3))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or c_in != c_out:
            # The official code passes two flags, both true, where these two numbers stand: the benchmark's networks
            # were trained with them.
            norm = nn.BatchNorm2d(c_out, eps=1.0, momentum=1.0)
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride))."""
        out: torch.Tensor = self.shortcut(x) + self.body(x)
        return out
