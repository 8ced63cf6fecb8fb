"""The elastic AutoFormer: vision transformers of every width, depth, heads and ratio (Chen et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from workbench.networks.autoformer import patch_of, relative_positions
from workbench.networks.elastic.attention import ElasticEncoderLayer, ElasticPositions
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.layers import ElasticEmbedding, ElasticLayerNorm, ElasticLinear
from workbench.networks.elastic.network import ElasticNetwork, Options
from workbench.networks.elastic.stack import ElasticStack


class Network(ElasticNetwork):
    """The network of `networks.autoformer`, of elastic sizes, relative positions included.

    "embed_dim" is every layer's, "depth" the number of layers that run, the first ones; "l1.heads" and "l1.mlp_ratio"
    are a layer's. The leading features and heads are used; all heads share their relative positions, as in the paper.
    Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`).
    """

    def __init__(self, options: Options, shape: tuple[int, int, int], n_classes: int, *, head_dim: int = 64) -> None:
        super().__init__(options)
        channels, height, width = shape
        dim, depth = self.size("embed_dim"), self.size("depth")
        self.patch = patch_of(shape)
        self.grid = height // self.patch, width // self.patch
        self.patches = ElasticLinear(channels * self.patch**2, dim)
        self.class_token = ElasticEmbedding(1, dim)
        self.positions = ElasticPositions(self.grid[0] * self.grid[1] + 1, dim)
        self.layers = ElasticStack(depth, [self._layer(layer, dim, head_dim) for layer in range(1, depth.largest + 1)])
        self.norm = ElasticLayerNorm(dim)
        self.classifier = ElasticLinear(dim, n_classes)

    def features(self, x: torch.Tensor, gates: Gates) -> list[torch.Tensor]:
        """The embedded patches and the outputs of the layers, (n, 1 + patches, embed_dim), a class token first."""
        height, width = (side * self.patch for side in self.grid)
        patches = F.unfold(x[..., :height, :width], self.patch, stride=self.patch).transpose(1, 2)
        first = self.class_token(torch.zeros(len(x), 1, dtype=torch.int64, device=x.device), gates)
        sequence = self.positions(torch.cat([first, self.patches(patches, gates)], dim=1), gates)
        return [sequence, *self.layers.outputs(sequence, gates)]

    def classified(self, features: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The mean over the normalised patches, without the class token."""
        logits: torch.Tensor = self.classifier(self.norm(features, gates)[:, 1:].mean(dim=1), gates)
        return logits

    def _layer(self, number: int, dim: Size, head_dim: int) -> ElasticEncoderLayer:
        dims, ratios = self.options["embed_dim"], self.options[f"l{number}.mlp_ratio"]
        width = Size(
            torch.tensor([[int(d * ratio) for ratio in ratios] for d in dims]), "embed_dim", f"l{number}.mlp_ratio"
        )
        scores, relative = relative_positions(self.grid, head_dim)
        return ElasticEncoderLayer(
            dim, self.size(f"l{number}.heads"), width, head_dim, scores=scores, relative=relative
        )
