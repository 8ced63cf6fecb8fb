"""The elastic stack: blocks one after another, of which gates run the first few."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.module import ElasticModule, run


class ElasticStack(ElasticModule):
    """The first d of the blocks; under a mixture of depths the weighted sum of what comes after each of them.

    The blocks after the smallest depth must keep the shape of what they are given (Cai et al., Once-for-All, ICLR 2020;
    as a relaxation: Nayman et al., HardCoRe-NAS, ICML 2021).
    """

    def __init__(self, depth: int | Size, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.depth = Size.of(depth)
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """`x` through the blocks."""
        return [x, *self.outputs(x, gates)][-1]

    def outputs(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """What comes after each of the blocks that run; under a mixture of depths the last is the weighted sum."""
        outputs: list[torch.Tensor] = []
        if not self.depth.mixed(gates):
            for block in self.blocks[: self.depth.at(gates)]:
                x = run(block, x, gates)
                outputs.append(x)
            return outputs
        weights = self.depth.weights(gates)
        share_of = dict(zip(self.depth.table.tolist(), weights.unbind(-1), strict=True))
        left: torch.Tensor = weights.sum(-1)  # of what goes as far as this
        total: torch.Tensor | None = None
        for done in range(max(share_of) + 1):
            if done in share_of:
                share = share_of[done]
                term = share.reshape(-1, *[1] * (x.ndim - 1)) * x
                total = term if total is None else total + term
                left = left - share
            if done < max(share_of):
                with gates.share(left.mean()):
                    x = run(self.blocks[done], x, gates)
                outputs.append(x)
        assert total is not None
        return [*outputs[:-1], total]
