"""The NAS-Bench-201 network: a cell stacked around two reduction blocks (Dong & Yang, ICLR 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks.copies import original
from workbench.networks.layers import relu_conv_bn
from workbench.networks.nasbench201_counts import STAGES, check_size
from workbench.networks.operations import operation

if TYPE_CHECKING:
    import networkx as nx


class Network(nn.Module):
    """The official network of a cell: stem, three stages of `n_cells` cells, pooled to a linear classifier.

    `graph` is the cell: nodes in topological order, the first its input and the last its output, operations
    as `op` on the edges. Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`). Stages
    have `channels`, twice and four times as many. Dead edges are computed too, as in the benchmark. Weights
    are torch's default initialisation, from the global generator: `space.build` seeds it.
    """

    def __init__(
        self,
        graph: nx.DiGraph,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        n_cells: int = 5,
        channels: int = 16,
    ) -> None:
        super().__init__()
        check_size(n_cells, channels)
        widths = [channels * 2**stage for stage in range(STAGES)]
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.cells = nn.ModuleList()
        for stage, width in enumerate(widths):
            if stage:
                self.cells.append(Reduction(widths[stage - 1], width))
            self.cells.extend(Cell(graph, width) for _ in range(n_cells))
        self.head = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(widths[-1], n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        logits: torch.Tensor = self.classifier(self.head(x))
        return logits


class Cell(nn.Module):
    """One cell: every node is the sum of its edges' operations on earlier nodes, all of the input's shape."""

    def __init__(self, graph: nx.DiGraph, channels: int) -> None:
        super().__init__()
        nodes = list(graph)
        self.n_nodes = len(nodes)
        self.edges = nn.ModuleDict()
        self.wires: list[tuple[int, int, str]] = []
        for target, node in enumerate(nodes):
            for source, earlier in enumerate(nodes[:target]):
                op = graph.edges[earlier, node]["op"] if graph.has_edge(earlier, node) else "none"
                if original(op) != "none":
                    name = f"{earlier}->{node}"
                    self.edges[name] = operation(op, channels, channels)
                    self.wires.append((source, target, name))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output node's sum, of the input's shape; zero where nothing but `none` reaches it."""
        nodes: list[torch.Tensor | None] = [x] + [None] * (self.n_nodes - 1)
        for source, target, name in self.wires:
            incoming, before = nodes[source], nodes[target]
            # A node that nothing reaches is zero; its edges still run, as the benchmark runs them.
            term = self.edges[name](torch.zeros_like(x) if incoming is None else incoming)
            nodes[target] = term if before is None else before + term
        out = nodes[-1]
        return torch.zeros_like(x) if out is None else out


class Reduction(nn.Module):
    """The residual block between stages: two convolutions beside a pooled shortcut, at half the size."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv_a = relu_conv_bn(c_in, c_out, 3, stride=2)
        self.conv_b = relu_conv_bn(c_out, c_out, 3)
        # Rounding up changes nothing for the benchmark's even sizes and lets odd ones meet the convolution's.
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, H/2, W/2)."""
        out: torch.Tensor = self.conv_b(self.conv_a(x)) + self.shortcut(x)
        return out
