"""The NAS-Bench-101 network: three stacks of a cell with operations on its vertices (Ying et al., ICML 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.nasbench101_counts import STACKS, check_cell, vertex_channels
from workbench.networks.operations import nasbench101_convolution as convolution
from workbench.networks.operations import operation

if TYPE_CHECKING:
    import networkx as nx


class Network(nn.Module):
    """The official network of a cell: stem, three stacks of `n_modules` modules, pooled to a linear classifier.

    `graph` is a pruned cell: nodes in topological order, the first its input and the last its output, operations as
    `op` on the nodes between them. Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`). Stacks
    have `channels`, twice and four times as many, with a pooling to half the size between them. Weights are torch's
    default initialisation (the benchmark's was TensorFlow's variance scaling), from the global generator.
    """

    def __init__(
        self,
        graph: nx.DiGraph,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        n_modules: int = 3,
        channels: int = 128,
    ) -> None:
        super().__init__()
        check_cell(graph)
        if n_modules < 1 or channels < len(graph):
            raise InvalidInput(
                f"A NAS-Bench-101 network takes n_modules of at least 1 and channels of at least the cell's "
                f"{len(graph)} vertices; got {n_modules} and {channels}."
            )
        self.stem = convolution(shape[0], channels, 3)
        self.body = nn.Sequential()
        width = channels
        for stack in range(STACKS):
            if stack:
                # Rounding up is what TensorFlow's "same" padding does where the size is odd.
                self.body.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
            for module in range(n_modules):
                c_in, width = width, 2 * width if stack and not module else width
                self.body.append(Module(graph, c_in, width))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        logits: torch.Tensor = self.classifier(self.head(self.body(self.stem(x))))
        return logits


class Module(nn.Module):
    """One cell: vertices add what reaches them, the output concatenates it; the input always comes projected.

    Where a vertex has one channel more than the one it feeds, the last channel is left out of the sum.
    """

    def __init__(self, graph: nx.DiGraph, c_in: int, c_out: int) -> None:
        super().__init__()
        source, *inner, sink = graph
        channels = vertex_channels(graph, c_in, c_out)
        self.names = [str(vertex) for vertex in (*inner, sink)]
        self.widths = {str(vertex): c for vertex, c in channels.items()}
        self.sources = {str(v): [str(w) for w in inner if graph.has_edge(w, v)] for v in (*inner, sink)}
        self.projections = nn.ModuleDict()
        self.operations = nn.ModuleDict()
        for vertex in (*inner, sink):
            if graph.has_edge(source, vertex):
                self.projections[str(vertex)] = convolution(c_in, channels[vertex], 1)
            if vertex != sink:
                width = channels[vertex]
                self.operations[str(vertex)] = operation(graph.nodes[vertex]["op"], width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, H, W)."""
        made: dict[str, torch.Tensor] = {}
        *inner, sink = self.names
        for vertex in inner:
            terms = [made[source][:, : self.widths[vertex]] for source in self.sources[vertex]]
            made[vertex] = self.operations[vertex](self._total(terms, vertex, x))
        last = [made[source] for source in self.sources[sink]]
        return self._total([torch.cat(last, dim=1)] if last else [], sink, x)

    def _total(self, terms: list[torch.Tensor], vertex: str, x: torch.Tensor) -> torch.Tensor:
        """The terms of a vertex, and the projected input where an edge leads there, added up."""
        if vertex in self.projections:
            terms = [*terms, self.projections[vertex](x)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total
