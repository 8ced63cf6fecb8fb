"""A small decoder in the manner of LLaMA: causal layers, each with a feed-forward width of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks.transformers import AttentionHeads, Residual, sequence_of

if TYPE_CHECKING:
    import networkx as nx

_WAVELENGTH = 10_000.0  # of the slowest rotation, in places per radian (Su et al., 2021)


class Network(nn.Module):
    """The decoder of `graph`, whose last place is classified: what comes after the sequence.

    Layers are the nodes with a feed-forward `width`, in order; `graph.graph` holds their features `dim` and `heads`.
    Each layer normalises by the root mean square, turns queries and keys by their places, looks back only, and has no
    biases (Touvron et al., LLaMA, 2023, section 2.2). Tokens (n, L) below `vocabulary`, or, without one, the rows of
    images (n, C, H, W), are the sequence.
    """

    def __init__(self, graph: nx.DiGraph, shape: tuple[int, ...], vocabulary: int | None, n_classes: int) -> None:
        super().__init__()
        dim, n_heads = graph.graph["dim"], graph.graph["heads"]
        head_dim = dim // n_heads
        self.embedding, length = sequence_of(shape, vocabulary, dim)
        self.layers = nn.Sequential()
        for _, data in graph.nodes(data=True):
            if "width" in data:
                heads = AttentionHeads(dim, n_heads, head_dim, LookBack(length, head_dim), bias=False)
                attention = nn.Sequential(heads, nn.Linear(dim, dim, bias=False))
                self.layers.append(Residual(attention, before=nn.RMSNorm(dim)))
                self.layers.append(Residual(GatedFeedForward(dim, data["width"]), before=nn.RMSNorm(dim)))
        self.norm = nn.RMSNorm(dim)
        self.classifier = nn.Linear(dim, n_classes, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of tokens (n, L), int64, or of images (n, C, H, W)."""
        last = self.layers(self.embedding(x))[:, -1]
        logits: torch.Tensor = self.classifier(self.norm(last))
        return logits


class LookBack(nn.Module):
    """Scores between places turned by their positions (rotary embedding, Su et al., 2021), later places left out."""

    turn: torch.Tensor
    later: torch.Tensor

    def __init__(self, length: int, head_dim: int) -> None:
        super().__init__()
        self.scale: float = head_dim**-0.5
        half = head_dim // 2
        speed = _WAVELENGTH ** (-torch.arange(half) / half)
        angle = torch.arange(length)[:, None] * speed
        self.register_buffer("turn", torch.stack([angle.cos(), angle.sin()]), persistent=False)
        self.register_buffer("later", torch.ones(length, length, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """(n, heads, L, head_dim) twice to (n, heads, L, L)."""
        scores = self.turned(queries) @ self.turned(keys).transpose(-2, -1) * self.scale
        return scores.masked_fill(self.later, float("-inf"))

    def turned(self, x: torch.Tensor) -> torch.Tensor:
        """Feature i and feature i + half, as a point in the plane, turned by place times speed i."""
        first, second = x.chunk(2, dim=-1)
        cos, sin = self.turn
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class GatedFeedForward(nn.Module):
    """Features multiplied by a smooth gate of themselves, between two linear layers (SwiGLU, Shazeer, 2020)."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(dim, width, bias=False)
        self.up = nn.Linear(dim, width, bias=False)
        self.down = nn.Linear(width, dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, L, dim) to the same shape."""
        out: torch.Tensor = self.down(nn.functional.silu(self.gate(x)) * self.up(x))
        return out
