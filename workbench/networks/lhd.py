"""The LHD network: cells with a summed and a concatenated output, stacked as in DARTS (Zhang & Ding, ICML 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks import operations
from workbench.networks.darts import check_size, image_stem, imagenet_stems
from workbench.networks.darts_counts import LARGE, STEM_FACTOR
from workbench.networks.layers import FactorizedReduce, relu_conv_bn
from workbench.networks.lhd_counts import KERNELS, CellPlan, Wire, read_cell

if TYPE_CHECKING:
    import networkx as nx


class Network(nn.Module):
    """The official evaluation network of a pair of cells, without its auxiliary head.

    `graph` holds two cells as `read_cell` reads them; it must be free of dead operations. Input (n, C, H, W) of the
    given `shape` (C, H, W), output (n, `n_classes`). Every cell gets the two outputs of the cell before; cells number
    `n_cells` // 3 and 2 `n_cells` // 3 halve the size and double the channels, which start as `channels`.
    """

    def __init__(
        self,
        graph: nx.DiGraph,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        n_cells: int,
        channels: int,
    ) -> None:
        super().__init__()
        check_size(n_cells, channels)
        self.stem = _stem(shape, channels)
        added = channels
        joined = channels if shape[1] >= LARGE else STEM_FACTOR * channels
        plans = {cell: read_cell(graph, cell) for cell in ("normal", "reduce")}
        self.cells = nn.ModuleList()
        for number in range(n_cells):
            reducing = number in (n_cells // 3, 2 * n_cells // 3)
            channels = 2 * channels if reducing else channels
            plan = plans["reduce" if reducing else "normal"]
            self.cells.append(Cell(plan, (added, joined), channels, reducing=reducing))
            added, joined = channels, len(plan.joined) * channels
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(added + joined, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        added, joined = self.stem(x)
        for cell in self.cells:
            added, joined = cell(added, joined)
        logits: torch.Tensor = self.classifier(self.head(torch.cat([added, joined], dim=1)))
        return logits


class Cell(nn.Module):
    """A cell of the last cell's two outputs, whose own outputs are a sum of states and a concatenation of states."""

    def __init__(self, plan: CellPlan, c_in: tuple[int, int], channels: int, *, reducing: bool) -> None:
        super().__init__()
        self.added = relu_conv_bn(c_in[0], channels, 1) if reducing else nn.Identity()
        self.joined = relu_conv_bn(c_in[1], channels, 1)
        self.plan = plan
        self.operations = nn.ModuleList(
            operation(wire, channels, stride=2 if reducing and wire.source < 2 else 1) for wire in plan.wires
        )

    def forward(self, added: torch.Tensor, joined: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The cell's sum (n, channels, H/stride, W/stride) and its concatenation, as wide as the states joined."""
        states = {0: self.added(added), 1: self.joined(joined)}
        for wire, module in zip(self.plan.wires, self.operations, strict=True):
            term = module(states[wire.source])
            states[wire.target] = states[wire.target] + term if wire.target in states else term
        first, *others = (states[node] for node in self.plan.summed)
        return sum(others, start=first), torch.cat([states[node] for node in self.plan.joined], dim=1)


def operation(wire: Wire, channels: int, stride: int) -> nn.Module:
    """LHD's own, lighter operations: one depthwise convolution without a pointwise one, pooling with normalisation."""
    if wire.op not in KERNELS:
        return operations.operation(wire.op, channels, channels, stride)
    kernel = KERNELS[wire.op]
    if kernel:
        dilation = 2 if wire.op.startswith("dil") else 1
        padding = dilation * (kernel - 1) // 2
        return nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, stride, padding, dilation=dilation, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
        )
    if wire.op == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False) if wire.op[:3] == "avg" else nn.MaxPool2d(3, stride, 1)
    return nn.Sequential(pool, nn.BatchNorm2d(channels, affine=False))


class _TwoStems(nn.Module):
    """A narrow and a wide convolution of the image."""

    def __init__(self, c_image: int, channels: int) -> None:
        super().__init__()
        self.narrow = image_stem(c_image, channels, factor=1)
        self.wide = image_stem(c_image, channels)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, C, H, W) to (n, channels, H, W) and (n, 3 channels, H, W)."""
        return self.narrow(x), self.wide(x)


class _LargeStem(nn.Module):
    """The stem of large images, given to the first cell twice."""

    def __init__(self, c_image: int, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*imagenet_stems(c_image, channels))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, C, H, W) to (n, channels, H/8, W/8), twice."""
        out = self.convolutions(x)
        return out, out


def _stem(shape: tuple[int, int, int], channels: int) -> nn.Module:
    return (_LargeStem if shape[1] >= LARGE else _TwoStems)(shape[0], channels)
