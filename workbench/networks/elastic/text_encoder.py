"""The elastic text encoder: a bidirectional transformer of elastic depth, heads and feed-forward widths."""

from __future__ import annotations

import torch

from workbench.networks.elastic.attention import ElasticEncoderLayer, ElasticPositions, ElasticSequence
from workbench.networks.elastic.gates import Gates
from workbench.networks.elastic.layers import ElasticLayerNorm, ElasticLinear
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.elastic.stack import ElasticStack


class Network(ElasticNetwork):
    """BERT's encoder (Devlin et al., NAACL 2019) and a linear classifier of the mean over the places.

    Embeddings plus learned positions are normalised; the layers normalise after each sum.
    "depth" is the number of layers that run, the first ones; "l1.heads" and "l1.width" are a layer's heads, of
    `head_dim` features each, and the width of its feed-forward part, 0 for none. Input are tokens (n, L) below
    `vocabulary`, or, where that is None, the rows of images (n, C, H, W); output (n, `n_classes`). `eps` is that of the
    normalisation: 1e-12 in BERT's released weights.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, ...],
        vocabulary: int | None,
        n_classes: int,
        *,
        dim: int,
        head_dim: int,
        eps: float = 1e-5,
    ) -> None:
        super().__init__(options)
        depth = self.size("depth")
        self.embedding = ElasticSequence(shape, vocabulary, dim)
        self.positions = ElasticPositions(self.embedding.length, dim)
        self.norm = ElasticLayerNorm(dim, eps=eps)
        self.layers = ElasticStack(
            depth,
            [
                ElasticEncoderLayer(
                    dim, self.size(f"l{n}.heads"), self.size(f"l{n}.width"), head_dim, norm_first=False, eps=eps
                )
                for n in range(1, depth.largest + 1)
            ],
        )
        self.classifier = ElasticLinear(dim, n_classes)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The embedded sequence and the outputs of the layers, (n, L, dim)."""
        embedded = self.norm(self.positions(self.embedding(x, gates), gates), gates)
        return [embedded, *self.layers.outputs(embedded, gates)]

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The mean over the places to a linear classifier."""
        logits: torch.Tensor = self.classifier(features.mean(dim=1), gates)
        return logits
