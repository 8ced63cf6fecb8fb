"""The elastic cell: a graph whose edges are mixed operations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from workbench.networks.elastic.gates import Gates
from workbench.networks.elastic.module import ElasticModule, run


class ElasticCell(ElasticModule):
    """Every node is the sum of its edges' operations on earlier nodes (Liu, Simonyan & Yang, DARTS, ICLR 2019).

    `edges` maps (source, target) to what lies on the edge, in topological order; the first `n_inputs` nodes are given.
    `joined` are the nodes whose outputs are concatenated, along the channels, to the cell's output.
    """

    def __init__(self, n_inputs: int, edges: Mapping[tuple[int, int], nn.Module], joined: tuple[int, ...]) -> None:
        super().__init__()
        self.n_inputs = n_inputs
        self.joined = joined
        self.wires = sorted(edges, key=lambda edge: (edge[1], edge[0]))
        self.edges = nn.ModuleDict({f"{source}->{target}": edges[source, target] for source, target in self.wires})

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """One input, (n, C, H, W), to the joined nodes."""
        return self.joined_nodes([x], gates)

    def joined_nodes(self, inputs: list[torch.Tensor], gates: Gates) -> torch.Tensor:
        """The `inputs` to the joined nodes, (n, joined * C, H, W)."""
        nodes: dict[int, torch.Tensor] = dict(enumerate(inputs))
        for (source, target), edge in zip(self.wires, self.edges.values(), strict=True):
            term = run(edge, nodes[source], gates)
            nodes[target] = nodes[target] + term if target in nodes else term
        return nodes[self.joined[0]] if len(self.joined) == 1 else torch.cat([nodes[n] for n in self.joined], dim=1)
