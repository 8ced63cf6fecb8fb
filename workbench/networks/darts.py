"""The DARTS network: two cells stacked with reductions at one and two thirds (Liu, Simonyan & Yang, ICLR 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.darts_counts import LARGE, STEM_FACTOR
from workbench.networks.layers import FactorizedReduce, relu_conv_bn
from workbench.networks.operations import operation

if TYPE_CHECKING:
    import networkx as nx


class Wire(NamedTuple):
    """An operation from one node of a cell to a later one; nodes 0 and 1 are the two cells before."""

    source: int
    target: int
    op: str


class Network(nn.Module):
    """The official evaluation network of a pair of cells, without its auxiliary head.

    `graph` holds two cells, told apart by the node attribute `cell` ("normal" or "reduce"): two inputs, then
    states in topological order with operations as `op` on their edges, then the output they are concatenated in.
    Input (n, C, H, W) of the given `shape` (C, H, W), output (n, `n_classes`). Cells number `n_cells` // 3 and
    2 `n_cells` // 3 halve the size and double the channels, which start as `channels`.
    """

    def __init__(
        self,
        graph: nx.DiGraph,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        n_cells: int = 8,
        channels: int = 16,
    ) -> None:
        super().__init__()
        check_size(n_cells, channels)
        large = shape[1] >= LARGE
        self.stem = nn.ModuleList(imagenet_stems(shape[0], channels) if large else [image_stem(shape[0], channels)])
        before = last = channels if large else STEM_FACTOR * channels
        wiring = {cell: read_cell(graph, cell) for cell in ("normal", "reduce")}
        halved = large  # whether the cell before the last one is twice as large as the last one
        self.cells = nn.ModuleList()
        for number in range(n_cells):
            reducing = number in (n_cells // 3, 2 * n_cells // 3)
            channels = 2 * channels if reducing else channels
            wires, joined = wiring["reduce" if reducing else "normal"]
            cell = Cell(wires, joined, (before, last), channels, stride=2 if reducing else 1, halved=halved)
            self.cells.append(cell)
            before, last, halved = last, len(joined) * channels, reducing
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(last, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        before = last = self.stem[0](x)
        if len(self.stem) > 1:
            last = self.stem[1](before)
        for cell in self.cells:
            before, last = last, cell(before, last)
        logits: torch.Tensor = self.classifier(self.head(last))
        return logits


class Cell(nn.Module):
    """A cell of the last two cells' outputs: every state is a sum of operations, the `joined` states are concatenated.

    `halved` says that the earlier input is twice as high and wide as the later one.
    """

    def __init__(
        self,
        wires: list[Wire],
        joined: list[int],
        c_in: tuple[int, int],
        channels: int,
        *,
        stride: int,
        halved: bool,
    ) -> None:
        super().__init__()
        self.before = FactorizedReduce(c_in[0], channels) if halved else relu_conv_bn(c_in[0], channels, 1)
        self.last = relu_conv_bn(c_in[1], channels, 1)
        self.wires = wires
        self.joined = joined
        self.operations = nn.ModuleList(
            operation(wire.op, channels, channels, stride if wire.source < 2 else 1) for wire in wires
        )

    def forward(self, before: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Outputs of the two cells before to (n, joined states x channels, H/stride, W/stride)."""
        states = {0: self.before(before), 1: self.last(last)}
        for wire, module in zip(self.wires, self.operations, strict=True):
            term = module(states[wire.source])
            states[wire.target] = states[wire.target] + term if wire.target in states else term
        return torch.cat([states[node] for node in self.joined], dim=1)


def read_cell(graph: nx.DiGraph, cell: str) -> tuple[list[Wire], list[int]]:
    """The operations of a cell in topological order, and the nodes that its output joins."""
    nodes = [node for node, name in graph.nodes(data="cell") if name == cell]
    place = {node: number for number, node in enumerate(nodes)}
    output = nodes[-1]
    wires = [
        Wire(place[source], place[node], data["op"])
        for node in nodes[2:-1]
        for source, _, data in sorted(graph.in_edges(node, data=True), key=lambda edge: place[edge[0]])
    ]
    return wires, sorted(place[node] for node in graph.predecessors(output))


def check_size(n_cells: int, channels: int) -> None:
    """Raise `InvalidInput` for a network without cells or with fewer than two channels."""
    if n_cells < 1 or channels < 2:
        raise InvalidInput(f"A network of {n_cells} cells and {channels} channels: 1 and 2 are the least.")


def image_stem(c_image: int, channels: int, factor: int = STEM_FACTOR) -> nn.Sequential:
    """A 3x3 convolution to `factor` x `channels` that keeps the size, batch normalisation."""
    wide = factor * channels
    return nn.Sequential(nn.Conv2d(c_image, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide))


def imagenet_stems(c_image: int, channels: int) -> list[nn.Sequential]:
    """The stems of the paper's ImageNet network: the first divides the size by four, the second by two more."""
    half = channels // 2
    first = nn.Sequential(
        nn.Conv2d(c_image, half, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(half),
        nn.ReLU(),
        nn.Conv2d(half, channels, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )
    return [first, relu_conv_bn(channels, channels, 3, stride=2)]
