"""The elastic TDNN: temporal convolutions of elastic depth, kernel and width, and the statistics of what they find."""

from __future__ import annotations

import torch
from torch import nn

from workbench.networks.elastic.bottleneck import ConvNorm
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.layers import ElasticBatchNorm, ElasticConv, ElasticLinear
from workbench.networks.elastic.module import ElasticModule, run
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.elastic.stack import ElasticStack


class Network(ElasticNetwork):
    """EfficientTDNN at its smallest (Wang et al., 2022): stages of temporal convolutions, all of them aggregated.

    "s1.width" is a stage's channels, "s1.depth" its number of blocks, "s1.b1.kernel" a block's. The outputs of all
    stages go through one 1x1 convolution of their concatenation, to `features`, whose mean and standard deviation over
    time are classified. Input (n, C, H, W) of the given `shape` is read as W steps of C * H features; output (n,
    `n_classes`).
    """

    def __init__(
        self, options: Options, shape: tuple[int, int, int], n_classes: int, *, stages: int, features: int
    ) -> None:
        super().__init__(options)
        c_in = Size.of(shape[0] * shape[1])
        self.stages, self.aggregation = nn.ModuleList(), nn.ModuleList()
        for number in range(1, stages + 1):
            width, depth = self.size(f"s{number}.width"), self.size(f"s{number}.depth")
            kernels = [self.size(f"s{number}.b{within}.kernel") for within in range(1, depth.largest + 1)]
            self.stages.append(
                ElasticStack(depth, [TemporalBlock(c_in if n == 0 else width, width, k) for n, k in enumerate(kernels)])
            )
            # A convolution of a concatenation is the sum of one for each part, which leading slices do not disturb.
            self.aggregation.append(ElasticConv(width, features, n_axes=1))
            c_in = width
        self.norm = ElasticBatchNorm(features)
        self.classifier = ElasticLinear(2 * features, n_classes)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The outputs of the stages, (n, width, W), and what they are aggregated to, (n, features, W)."""
        outputs = [x.flatten(1, 2)]
        for stage in self.stages:
            outputs.append(run(stage, outputs[-1], gates))
        parts = [run(part, out, gates) for part, out in zip(self.aggregation, outputs[1:], strict=True)]
        return [*outputs[1:], torch.relu(self.norm(torch.stack(parts).sum(0), gates))]

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Mean and standard deviation over time (statistics pooling; Snyder et al., 2018) to a linear classifier."""
        variance, mean = torch.var_mean(features, dim=-1, correction=0)
        # Where nothing changes over time the square root has no finite slope.
        pooled = torch.cat([mean, (variance + _LEAST).sqrt()], dim=1)
        logits: torch.Tensor = self.classifier(pooled, gates)
        return logits


class TemporalBlock(ElasticModule):
    """A temporal convolution with normalisation and ReLU, added to its input where widths allow."""

    def __init__(self, c_in: Size, c_out: Size, kernel: Size) -> None:
        super().__init__()
        self.body = ConvNorm(c_in, c_out, kernel, n_axes=1)
        self.residual = c_in is c_out

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, in, W) to (n, out, W)."""
        out: torch.Tensor = self.body(x, gates)
        return x + out if self.residual else out


_LEAST = 1e-5  # of a variance
