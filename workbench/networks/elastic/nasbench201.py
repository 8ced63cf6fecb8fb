"""The elastic NAS-Bench-201 network: all 15,625 cells in one (Dong & Yang, ICLR 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from workbench.networks.elastic.cell import ElasticCell
from workbench.networks.elastic.gates import Gates
from workbench.networks.elastic.mixed import MixedOp, PartialChannels
from workbench.networks.elastic.module import ElasticModule, run
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.nasbench201 import Reduction
from workbench.networks.nasbench201_counts import STAGES, check_size
from workbench.networks.operations import operation


class Network(ElasticNetwork):
    """The official network with a mixed operation on every edge; all cells share the gates "0->1" to "2->3".

    Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`). With `n_cells=5` and `channels=16` it is
    the benchmark's size; a supernet for a laptop is smaller. `partial` is PC-DARTS' K: 1/K of the channels go through
    the operations.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        n_classes: int,
        *,
        n_cells: int = 1,
        channels: int = 16,
        partial: int = 1,
    ) -> None:
        super().__init__(options)
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
            self.cells.extend(cell(self.options, width, partial) for _ in range(n_cells))
        self.head = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(widths[-1], n_classes)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The outputs of the cells and reductions."""
        x = self.stem(x)
        outputs = []
        for part in self.cells:
            x = run(part, x, gates)
            outputs.append(x)
        return outputs

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Pooled to a linear classifier."""
        logits: torch.Tensor = self.classifier(self.head(features))
        return logits


def cell(options: Mapping[str, Sequence[str]], channels: int, partial: int = 1) -> ElasticCell:
    """A cell whose edges, named "source->target", have these options."""
    edges = {}
    for name, allowed in options.items():
        source, target = map(int, name.split("->"))
        edges[source, target] = mixed_operation(name, allowed, channels, partial=partial)
    return ElasticCell(1, edges, (max(target for _, target in edges),))


def mixed_operation(
    question: str, options: Sequence[str], channels: int, stride: int = 1, partial: int = 1
) -> ElasticModule:
    """The mixed operation of an edge: each of the options from the catalogue of operations."""
    made = {str(op): operation(str(op), channels // partial, channels // partial, stride) for op in options}
    mixed = MixedOp(question, made)
    return mixed if partial == 1 else PartialChannels(mixed, partial, stride)
