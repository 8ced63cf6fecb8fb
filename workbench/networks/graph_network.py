"""The network of NAS-Bench-Graph, which classifies the nodes of a graph (Qin et al., NeurIPS 2022 D&B)."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks.copies import original
from workbench.networks.graph_operations import Neighbours, graph_operation, neighbours

if TYPE_CHECKING:
    import networkx as nx

NEAREST = 8


class GraphNetwork(nn.Module):
    """One cell of graph operations between linear layers; a batch is a graph, an example one of its nodes.

    The features of a node are its flattened pixels; its neighbours are the `NEAREST` other examples of the batch by
    Euclidean distance (all others in a smaller batch), joined both ways. `graph` names the operations; each takes its
    input from one node, and what reaches "out" is laid side by side. `n_before` and `n_after` linear layers stand
    around the cell: the benchmark's settings are in its card.
    Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`).
    """

    def __init__(
        self,
        graph: nx.DiGraph,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        channels: int = 64,
        n_before: int = 0,
        n_after: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_features = prod(shape)
        self.before = _linear_layers([n_features, *[channels] * n_before])
        self.dropout = nn.Dropout(dropout)
        self.cell = GraphCell(graph, channels if n_before else n_features, channels, dropout, resized=n_before > 0)
        width = channels if n_after else n_classes
        self.joined = nn.Linear(channels * max(1, self.cell.n_outputs), width)
        self.after = _linear_layers([*[channels] * n_after, n_classes])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W), the nodes of one graph."""
        x = x.flatten(1)
        graph = neighbours(nearest_neighbours(x))
        x = self.cell(self.before(self.dropout(x)), graph)
        logits: torch.Tensor = self.after(self.joined(torch.relu(x)))
        return logits


class GraphCell(nn.Module):
    """The operations of an architecture, each after normalisation, ReLU and dropout; the outputs side by side.

    Where the input has not been `resized` to the cell's `channels`, operations on it take it as it is, and a skip of
    it is no output.
    """

    def __init__(self, graph: nx.DiGraph, c_in: int, channels: int, dropout: float, *, resized: bool) -> None:
        super().__init__()
        self.channels = channels
        self.dropout = nn.Dropout(dropout)
        self.operations = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        (source,) = [node for node, role in graph.nodes(data="role") if role == "input"]
        as_it_came = set() if resized else {source}  # nodes that hold the input, of its own width
        self._source, self._wires = str(source), list[tuple[str, str, bool]]()
        for node, op in graph.nodes(data="op"):
            if op is None:
                continue
            (before,) = graph.predecessors(node)
            fresh = before in as_it_came
            if fresh and original(op) == "skip":
                as_it_came.add(node)
            self.operations[str(node)] = graph_operation(op, c_in if fresh else channels, channels)
            # The benchmark gives every node its normalisation, also those whose input is not normalised.
            self.norms[str(node)] = NodeNorm(channels)
            self._wires.append((str(before), str(node), fresh))
        ends = [node for node in graph for end in graph.successors(node) if graph.nodes[end].get("role") == "output"]
        self._outputs = [str(node) for node in ends if node not in as_it_came]

    @property
    def n_outputs(self) -> int:
        """How many nodes are laid side by side."""
        return len(self._outputs)

    def forward(self, x: torch.Tensor, graph: Neighbours) -> torch.Tensor:
        """(n, c_in) to (n, n_outputs x channels); zeros (n, channels) where nothing reaches the output."""
        nodes = {self._source: x}
        for before, node, fresh in self._wires:
            features = nodes[before]
            if not fresh:
                features = self.dropout(torch.relu(self.norms[node](features)))
            nodes[node] = self.operations[node](features, graph)
        if not self._outputs:
            return x.new_zeros(len(x), self.channels)
        return torch.cat([nodes[name] for name in self._outputs], dim=1)


class NodeNorm(nn.BatchNorm1d):
    """Batch normalisation over the nodes; a graph of one node has no statistics and takes the running ones."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channels) to the same shape."""
        if len(x) > 1:
            return super().forward(x)
        return nn.functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def nearest_neighbours(x: torch.Tensor, k: int = NEAREST) -> torch.Tensor:
    """The symmetric adjacency matrix (n, n) of the points `x` (n, d): 1 where one is among the other's `k` nearest."""
    n = len(x)
    adjacency = torch.zeros(n, n, dtype=x.dtype, device=x.device)
    if n < 2:
        return adjacency
    with torch.no_grad():
        squares = x.square().sum(1)
        distances = squares[:, None] + squares - 2 * x @ x.T
        distances = distances + torch.diag(torch.full((n,), float("inf"), dtype=x.dtype, device=x.device))
        nearest = distances.topk(min(k, n - 1), largest=False).indices
        adjacency = adjacency.scatter(1, nearest, 1.0)
    return torch.maximum(adjacency, adjacency.T)


def _linear_layers(widths: list[int]) -> nn.Sequential:
    """Linear layers from each width to the next, an ELU before the last, as in the benchmark."""
    layers: list[nn.Module] = []
    for i, (c_in, c_out) in enumerate(pairwise(widths)):
        if i and i == len(widths) - 2:
            layers.append(nn.ELU())
        layers.append(nn.Linear(c_in, c_out))
    return nn.Sequential(*layers)
