"""The elastic decoder: layers that gates skip or narrow, as LLaMA-NAS searches them (Sarah et al., 2024)."""

from __future__ import annotations

import torch
from torch import nn

from workbench.networks.elastic.attention import ElasticAttention, ElasticGatedFeedForward, ElasticResidual
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.module import ElasticModule, run
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.elastic.optional import optional
from workbench.networks.elastic_decoder import LookBack
from workbench.networks.transformers import sequence_of


class Network(ElasticNetwork):
    """The network of `networks.elastic_decoder`, of elastic layers, classifying its last place.

    "l1.skip" says whether a layer is left out, "l1.width" how wide its feed-forward part is. Input are tokens (n, L)
    below `vocabulary`, or, where that is None, the rows of images (n, C, H, W); output (n, `n_classes`).
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, ...],
        vocabulary: int | None,
        n_classes: int,
        *,
        layers: int,
        dim: int,
        heads: int,
    ) -> None:
        super().__init__(options)
        self.embedding, length = sequence_of(shape, vocabulary, dim)
        self.layers = nn.ModuleList(self._layer(n, dim, heads, length) for n in range(1, layers + 1))
        self.norm = nn.RMSNorm(dim)
        self.classifier = nn.Linear(dim, n_classes, bias=False)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The embedded sequence and the outputs of the layers, (n, L, dim)."""
        outputs = [self.embedding(x)]
        for layer in self.layers:
            outputs.append(run(layer, outputs[-1], gates))
        return outputs

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The last place, normalised, to a linear classifier."""
        logits: torch.Tensor = self.classifier(self.norm(features[:, -1]))
        return logits

    def _layer(self, number: int, dim: int, heads: int, length: int) -> Layer:
        there = self.size(f"l{number}.skip", lambda skipped: int(not skipped))
        # Of a layer that is always skipped nobody asks the width.
        width = self.size(f"l{number}.width") if there.largest else Size.of(0)
        return Layer(there, width, dim, heads, length)


class Layer(ElasticModule):
    """Causal attention, then the gated feed-forward part, each after a normalisation; nothing where `there` is 0."""

    def __init__(self, there: Size, width: Size, dim: int, heads: int, length: int) -> None:
        super().__init__()
        self.there = there
        head_dim = dim // heads

        def norm() -> nn.Module:
            return nn.RMSNorm(dim)

        self.attention = ElasticResidual(
            heads if there.largest else 0,
            lambda heads: ElasticAttention(dim, heads, head_dim, bias=False, scores=LookBack(length, head_dim)),
            norm,
        )
        self.feeding = ElasticResidual(width, lambda width: ElasticGatedFeedForward(dim, width), norm)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, L, dim) to the same shape."""
        return optional(self.there, x, gates, lambda inside: self.feeding(self.attention(x, inside), inside))
