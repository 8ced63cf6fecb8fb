"""A mixer with Bayesian weights: layers of a network as tokens, a distribution over scores as the answer."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class BayesianLinear(nn.Module):
    """A linear map whose weights are drawn anew for each call: w = mu + softplus(rho) e, e standard normal.

    The reparametrisation of Blundell et al., Weight Uncertainty in Neural Networks, ICML 2015. Inputs of shape
    (..., inputs), outputs (..., outputs). rho starts at -3, a standard deviation of 0.05.
    """

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.mu = nn.Parameter(_drawn((outputs, inputs), inputs, generator))
        self.rho = nn.Parameter(torch.full((outputs, inputs), -3.0))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Outputs by one draw of the weights."""
        noise = torch.randn(self.mu.shape, generator=generator)
        return functional.linear(x, self.mu + functional.softplus(self.rho) * noise, self.bias)

    def divergence(self) -> torch.Tensor:
        """The Kullback-Leibler divergence of the weights from normal ones with the variance 1 / inputs."""
        prior = 1 / math.sqrt(self.mu.shape[1])
        std = functional.softplus(self.rho) / prior
        return ((std**2 + (self.mu / prior) ** 2 - 1) / 2 - std.log()).sum()


class MixerBlock(nn.Module):
    """Mixing across the layers of a network, then across the channels of each, both added to what came in.

    As in Tolstikhin et al., MLP-Mixer, NeurIPS 2021, but without layer normalisation: how large a statistic is says
    much of what there is to learn. `kept` (rows, layers, 1) is 0 where a row has no such layer.
    """

    def __init__(self, layers: int, channels: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.across_layers = _Perceptron(layers, max(layers // 2, 1), dropout, generator)
        self.across_channels = _Perceptron(channels, 2 * channels, dropout, generator)

    def forward(self, x: torch.Tensor, kept: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What comes out of (rows, layers, channels), of the same shape."""
        mixed: torch.Tensor = self.across_layers(x.transpose(1, 2), generator).transpose(1, 2)
        x = (x + mixed) * kept
        changed: torch.Tensor = self.across_channels(x, generator)
        return (x + changed) * kept


class BayesianMixer(nn.Module):
    """Scores (rows,) of statistics of layers (rows, layers, statistics), NaN where there is nothing.

    Each layer's statistics become channels by a Bayesian linear map, mixer blocks let layers and channels speak to
    each other, and a Bayesian head reads the sum over the layers there are. `generator` draws the first weights.
    """

    def __init__(
        self,
        layers: int,
        statistics: int,
        channels: int,
        depth: int,
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.entrance = BayesianLinear(2 * statistics, channels, generator)
        self.position = nn.Parameter(_drawn((layers, channels), layers * channels, generator))
        self.blocks = nn.ModuleList([MixerBlock(layers, channels, dropout, generator) for _ in range(depth)])
        self.head = BayesianLinear(channels, 1, generator)

    def forward(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Scores by one draw, from `generator`, of the weights and, while training, of what dropout leaves out."""
        known = ~x.isnan()
        kept = known.any(dim=2, keepdim=True).to(x.dtype)
        told = torch.cat([x.nan_to_num(0.0), known.to(x.dtype)], dim=2)
        out = (self.entrance(told, generator) + self.position) * kept
        for block in self.blocks:
            out = block(out, kept, generator)
        pooled = out.sum(dim=1) / kept.shape[1]
        scores: torch.Tensor = self.head(pooled, generator)[:, 0]
        return scores

    def divergence(self) -> torch.Tensor:
        """The divergence of all Bayesian weights from their prior."""
        return self.entrance.divergence() + self.head.divergence()


class _Perceptron(nn.Module):
    def __init__(self, width: int, hidden: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.wide = nn.Parameter(_drawn((hidden, width), width, generator))
        self.narrow = nn.Parameter(_drawn((width, hidden), hidden, generator))
        self.dropout = dropout

    def forward(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        hidden = functional.gelu(functional.linear(x, self.wide))
        if self.training and self.dropout:
            passed = torch.rand(hidden.shape, generator=generator) >= self.dropout
            hidden = hidden * passed / (1 - self.dropout)
        return functional.linear(hidden, self.narrow)


def _drawn(shape: tuple[int, ...], inputs: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=generator) / math.sqrt(inputs)
