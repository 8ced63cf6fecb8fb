"""The AutoFormer network: a vision transformer whose layers differ in heads and width (Chen et al., ICCV 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks.transformers import (
    AttentionHeads,
    DotProduct,
    LearnedPositions,
    PlanePositions,
    Residual,
    feed_forward,
)

if TYPE_CHECKING:
    import networkx as nx

FARTHEST = 14  # patches; whatever lies farther away has the same relative position


class Network(nn.Module):
    """The network that the authors train with their options `--gp --change_qkv --relative_position`.

    Layers are the nodes of `graph` with `heads` and `width`, in order; `graph.graph["dim"]` are their features and
    "head_dim" those of each head. Patches of `patch_of(shape)` pixels and a class token get learned positions; pre-norm
    layers follow, with relative positions in keys and values; the mean over the patches is classified. Images have the
    given `shape` (C, H, W); what a patch does not fill at the edge is left out. Dropout and stochastic depth belong to
    the recipe and are not here.
    """

    def __init__(self, graph: nx.DiGraph, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        dim, head_dim, patch = graph.graph["dim"], graph.graph["head_dim"], patch_of(shape)
        self.patches = nn.Conv2d(channels, dim, patch, stride=patch)
        self.class_token = nn.Parameter(torch.empty(1, 1, dim))
        nn.init.trunc_normal_(self.class_token, std=0.02)
        grid = height // patch, width // patch
        self.positions = LearnedPositions(grid[0] * grid[1] + 1, dim)
        self.layers = nn.Sequential()
        for _, data in graph.nodes(data=True):
            if "heads" in data:
                scores, values = relative_positions(grid, head_dim)
                heads = AttentionHeads(dim, data["heads"], head_dim, scores, values)
                attention = nn.Sequential(heads, nn.Linear(data["heads"] * head_dim, dim))
                self.layers.append(Residual(attention, before=nn.LayerNorm(dim)))
                self.layers.append(Residual(feed_forward(dim, data["width"]), before=nn.LayerNorm(dim)))
        self.norm = nn.LayerNorm(dim)
        self.classifier = nn.Linear(dim, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        patches = self.patches(x).flatten(2).transpose(1, 2)
        sequence = torch.cat([self.class_token.expand(x.shape[0], -1, -1), patches], dim=1)
        out = self.norm(self.layers(self.positions(sequence)))
        logits: torch.Tensor = self.classifier(out[:, 1:].mean(dim=1))
        return logits


def patch_of(shape: tuple[int, int, int]) -> int:
    """The side of a patch in pixels: 16 for images from 112 pixels on, as in the paper; 4 from 28 on; 2 below."""
    side = min(shape[1:])
    return min(side, 16 if side >= 112 else 4 if side >= 28 else 2)


def distances(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Which vertical and which horizontal position lies between each two tokens, both (L, L) for L = 1 + patches.

    1 to 2 * FARTHEST + 1 are the clipped distances, 0 is whatever has to do with the class token.
    """
    place = torch.arange(height * width)
    between = []
    for along in (place // width, place % width):
        apart = (along[None, :] - along[:, None]).clamp(-FARTHEST, FARTHEST) + FARTHEST + 1
        # The class token stands first.
        between.append(nn.functional.pad(apart, (1, 0, 1, 0)))
    return between[0], between[1]


def relative_positions(grid: tuple[int, int], head_dim: int) -> tuple[DotProduct, PlanePositions]:
    """Scores with relative positions, and those of the values, between a class token and a `grid` of patches."""
    rows, columns = distances(*grid)
    keys, values = (PlanePositions(rows, columns, 2 * FARTHEST + 2, head_dim) for _ in range(2))
    return DotProduct(head_dim, keys), values
