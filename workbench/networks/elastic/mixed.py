"""The mixed operation: every operation an edge or a block may become, of which gates run one or a weighted sum."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import nn

from workbench.networks.counting import count_module
from workbench.networks.elastic.gates import Gates
from workbench.networks.elastic.module import ElasticModule, run
from workbench.networks.layers import ChannelShuffle


class MixedOp(ElasticModule):
    """y = sum_k w_k op_k(x), w the gate of `question` (Liu, Simonyan & Yang, DARTS, ICLR 2019, equation 2).

    An int runs one operation, as the plain network would. Operations of weight 0 are not run. Weights (B, K) run each
    operation on the examples that want it. `operations` maps the options, in their order, to modules of one output
    shape; those that are elastic get the gates.
    """

    def __init__(self, question: str, operations: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.question = question
        self.operations = nn.ModuleDict(dict(operations))
        self._list = list(self.operations.values())
        self._counts: dict[tuple[int, ...], list[tuple[float, float] | None]] = {}

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The chosen operation's output, or the weighted sum."""
        gate = gates[self.question]
        if isinstance(gate, int):
            if gates.counting:
                self._count(x, gates, gate, 1.0)
            return run(self._list[gate], x, gates)
        if gate.ndim == 2:
            return self._by_example(x, gates, gate)
        total: torch.Tensor | None = None
        for number, (weight, share) in enumerate(zip(gate, gate.tolist(), strict=True)):
            if share != 0:
                if gates.counting:
                    self._count(x, gates, number, weight)
                with gates.share(weight):
                    term = weight * run(self._list[number], x, gates)
                total = term if total is None else total + term
        # Where nothing is chosen the output is zero, of the shape that any operation gives.
        return 0.0 * run(self._list[0], x, gates) if total is None else total

    def _by_example(self, x: torch.Tensor, gates: Gates, gate: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor | None = None
        for number, column in enumerate(gate.unbind(1)):
            (wanted,) = torch.nonzero(column, as_tuple=True)
            if len(wanted):
                if gates.counting:
                    self._count(x, gates, number, column.mean())
                with gates.share(column.mean()):
                    part = run(self._list[number], x[wanted], gates)
                part = part * column[wanted].reshape(-1, *[1] * (part.ndim - 1))
                total = part.new_zeros(len(x), *part.shape[1:]) if total is None else total
                total = total.index_add(0, wanted, part)
        assert total is not None
        return total

    def _count(self, x: torch.Tensor, gates: Gates, number: int, share: float | torch.Tensor) -> None:
        """Count an operation that is not elastic; elastic ones count themselves."""
        shape = tuple(x.shape[1:])
        if shape not in self._counts:
            self._counts[shape] = [None if isinstance(op, ElasticModule) else _counted(op, shape) for op in self._list]
        counts = self._counts[shape][number]
        if counts is not None:
            gates.count(share * counts[0], share * counts[1])


class PartialChannels(ElasticModule):
    """A mixed operation on one of `parts` parts of the channels, the others pass by (Xu et al., PC-DARTS, ICLR 2020).

    What passes by is max-pooled where `stride` is 2, and the channels are shuffled, so that the parts take turns.
    """

    def __init__(self, mixed: MixedOp, parts: int, stride: int) -> None:
        super().__init__()
        self.mixed = mixed
        self.parts = parts
        self.passing = nn.Identity() if stride == 1 else nn.MaxPool2d(2, 2, ceil_mode=True)
        self.shuffle = ChannelShuffle(parts)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, C, H, W) to (n, C, ceil(H/stride), ceil(W/stride))."""
        n = x.shape[1] // self.parts
        out: torch.Tensor = self.shuffle(torch.cat([self.mixed(x[:, :n], gates), self.passing(x[:, n:])], dim=1))
        return out


def _counted(operation: nn.Module, shape: tuple[int, ...]) -> tuple[float, float]:
    # On a copy: counting puts buffers back in place, which a backward pass that is still to come would not forgive.
    counts = count_module(deepcopy(operation), shape)
    return float(counts.macs), float(counts.params)
