"""The elastic DARTS network: every edge between the nodes of a normal and a reduction cell (Liu et al., ICLR 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.darts import check_size, image_stem
from workbench.networks.elastic.cell import ElasticCell
from workbench.networks.elastic.gates import Gates
from workbench.networks.elastic.module import ElasticModule
from workbench.networks.elastic.nasbench201 import mixed_operation
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.layers import FactorizedReduce, relu_conv_bn

NODES = (2, 3, 4, 5)
CELLS = ("normal", "reduce")


def edge(cell: str, source: int, target: int) -> str:
    """The name of an edge's gate, which all cells of one kind share."""
    return f"{cell}.{source}->{target}"


def edges(cell: str) -> dict[str, tuple[int, int]]:
    """Every edge of a cell: the name of its gate -> (source, target)."""
    return {edge(cell, source, target): (source, target) for target in NODES for source in range(target)}


class Network(ElasticNetwork):
    """The search network of DARTS: gates are operations on edges, "none" among them, not the questions of the space.

    An architecture's gates are its operations on the edges that it has and "none" on the others. Input (n, C, H, W) of
    the given `shape` (C, H, W); output (n, `n_classes`). Reduction cells stand at a third and two thirds of the depth.
    `partial` is PC-DARTS' K: 1/K of the channels go through the operations.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        n_cells: int = 3,
        channels: int = 8,
        partial: int = 1,
    ) -> None:
        super().__init__(options)
        check_size(n_cells, channels)
        self.stem = image_stem(shape[0], channels)
        self.cells = nn.ModuleList()
        before = last = 3 * channels
        halved = False
        for number in range(n_cells):
            reduces = n_cells > 1 and number in (n_cells // 3, 2 * n_cells // 3)
            channels *= 2 if reduces else 1
            kind = CELLS[reduces]
            self.cells.append(
                DARTSCell(self.options, kind, (before, last), channels, reduces=reduces, halved=halved, partial=partial)
            )
            before, last, halved = last, len(NODES) * channels, reduces
        self.classifier = nn.Linear(last, n_classes)

    def numbers(self, decisions: Mapping[str, Any]) -> dict[str, int]:
        """The operation on each edge that the architecture has, "none" on each that it has not."""
        ops = dict.fromkeys(self.options, "none")
        for cell in CELLS:
            for node in NODES:
                pair = "0,1" if node == NODES[0] else str(decisions[f"{cell}.{node}.inputs"])
                for source, part in zip(pair.split(","), ("op1", "op2"), strict=True):
                    ops[edge(cell, int(source), node)] = str(decisions[f"{cell}.{node}.{part}"])
        return {name: self._number(name, op) for name, op in ops.items()}

    def answers(self, numbers: Mapping[str, int]) -> dict[str, Any]:
        """The space's decisions; raises `InvalidInput` for a node without exactly two inputs."""
        decisions: dict[str, Any] = {}
        for cell in CELLS:
            for node in NODES:
                ops = {
                    source: self.options[name][numbers[name]]
                    for source, name in ((source, edge(cell, source, node)) for source in range(node))
                }
                inputs = [source for source, op in ops.items() if op != "none"]
                if len(inputs) != 2:
                    raise InvalidInput(
                        f"Node {node} of the {cell} cell has {len(inputs)} inputs; an architecture of DARTS has two "
                        "for each node. `supernets.top_edges` chooses them."
                    )
                if node > NODES[0]:
                    decisions[f"{cell}.{node}.inputs"] = ",".join(map(str, inputs))
                for source, part in zip(inputs, ("op1", "op2"), strict=True):
                    decisions[f"{cell}.{node}.{part}"] = ops[source]
        return decisions

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The outputs of the cells."""
        before = last = self.stem(x)
        outputs = []
        for cell in self.cells:
            assert isinstance(cell, DARTSCell)
            before, last = last, cell.from_two(before, last, gates)
            outputs.append(last)
        return outputs

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The mean over the places to a linear classifier."""
        logits: torch.Tensor = self.classifier(features.mean((2, 3)))
        return logits


class DARTSCell(ElasticModule):
    """One cell: its two inputs brought to its channels, then the graph."""

    def __init__(
        self,
        options: Options,
        kind: str,
        c_in: tuple[int, int],
        channels: int,
        *,
        reduces: bool,
        halved: bool,
        partial: int,
    ) -> None:
        super().__init__()
        self.before = FactorizedReduce(c_in[0], channels) if halved else relu_conv_bn(c_in[0], channels, 1)
        self.last = relu_conv_bn(c_in[1], channels, 1)
        mixed = {
            (source, target): mixed_operation(
                name, options[name], channels, 2 if reduces and source < 2 else 1, partial
            )
            for name, (source, target) in edges(kind).items()
            if name in options
        }
        self.graph = ElasticCell(2, mixed, NODES)

    def from_two(self, before: torch.Tensor, last: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Outputs of the two cells before to (n, 4 C, H, W), H and W halved by a reduction cell."""
        return self.graph.joined_nodes([self.before(before), self.last(last)], gates)
