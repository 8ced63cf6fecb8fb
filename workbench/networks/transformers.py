"""The blocks that transformers of images and of texts are made of, each written once."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class AttentionHeads(nn.Module):
    """Multi-head self-attention without its output projection (Vaswani et al., NeurIPS 2017, section 3.2.2).

    `scores` says how much each place wants of each other one: queries and keys, both (n, heads, L, head_dim), to
    (n, heads, L, L), before the softmax. `relative` adds vectors of relative positions to the values.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        head_dim: int,
        scores: nn.Module,
        relative: RelativePositions | PlanePositions | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(dim, 3 * n_heads * head_dim, bias=bias)
        self.scores = scores
        self.relative = relative

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, L, dim) to (n, L, heads * head_dim)."""
        return joined(self.attend(*self.project(x)))

    def project(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Queries, keys and values, each (n, heads, L, head_dim)."""
        return [apart(part, self.n_heads) for part in self.qkv(x).chunk(3, dim=-1)]

    def attend(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """What each place gathers, (n, heads, L, head_dim)."""
        weights = self.scores(queries, keys).softmax(dim=-1)
        gathered: torch.Tensor = weights @ values
        return gathered if self.relative is None else gathered + self.relative.values(weights)


class DotProduct(nn.Module):
    """Scaled dot products of queries with keys, and with `relative` positions where there are some.

    With `weighted`, a learned matrix stands between queries and keys: multiplicative attention (Luong, Pham & Manning,
    EMNLP 2015), one matrix for all heads.
    """

    def __init__(
        self, head_dim: int, relative: RelativePositions | PlanePositions | None = None, *, weighted: bool = False
    ) -> None:
        super().__init__()
        self.scale: float = head_dim**-0.5
        self.relative = relative
        self.weight = nn.Parameter(torch.empty(head_dim, head_dim).uniform_(-0.1, 0.1)) if weighted else None

    def forward(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """(n, heads, L, head_dim) twice to (n, heads, L, L)."""
        asked = queries if self.weight is None else queries @ self.weight
        scores: torch.Tensor = asked @ keys.transpose(-2, -1)
        if self.relative is not None:
            scores = scores + self.relative.scores(queries)
        return scores * self.scale


class RelativePositions(nn.Module):
    """A learned vector for each way in which two places can lie to one another (Shaw, Uszkoreit & Vaswani, 2018).

    `index` (L, L) holds whole numbers below `n_vectors`: which vector stands between a query's place and a key's.
    """

    index: torch.Tensor

    def __init__(self, index: torch.Tensor, n_vectors: int, head_dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.empty(n_vectors, head_dim))
        nn.init.trunc_normal_(self.vectors, std=0.02)
        self.register_buffer("index", index, persistent=False)

    # Each place meets n_vectors vectors, not L: products with them come first, the choice by index afterwards.
    def scores(self, queries: torch.Tensor) -> torch.Tensor:
        """The product of each query with the vectors between it and every key: (n, heads, L, d) to (n, heads, L, L)."""
        products = queries @ self.vectors.t()
        return products.gather(-1, self.index.expand(*products.shape[:2], -1, -1))

    def values(self, weights: torch.Tensor) -> torch.Tensor:
        """The sum of the vectors by attention weight: (n, heads, L, L) to (n, heads, L, d)."""
        collected = weights.new_zeros(*weights.shape[:-1], len(self.vectors))
        return collected.scatter_add(-1, self.index.expand_as(weights), weights) @ self.vectors


class PlanePositions(nn.Module):
    """Relative positions in a plane: one vector for the distance in rows and one for that in columns, added up."""

    def __init__(self, rows: torch.Tensor, columns: torch.Tensor, n_vectors: int, head_dim: int) -> None:
        super().__init__()
        self.rows = RelativePositions(rows, n_vectors, head_dim)
        self.columns = RelativePositions(columns, n_vectors, head_dim)

    def scores(self, queries: torch.Tensor) -> torch.Tensor:
        """As `RelativePositions.scores`."""
        return self.rows.scores(queries) + self.columns.scores(queries)

    def values(self, weights: torch.Tensor) -> torch.Tensor:
        """As `RelativePositions.values`."""
        return self.rows.values(weights) + self.columns.values(weights)


class Residual(nn.Module):
    """`after(x + body(before(x)))`: normalise `before` the body, or `after` the sum as the first transformers did."""

    def __init__(self, body: nn.Module, *, before: nn.Module | None = None, after: nn.Module | None = None) -> None:
        super().__init__()
        self.before = before or nn.Identity()
        self.body = body
        self.after = after or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, L, dim) to the same shape."""
        out: torch.Tensor = self.after(x + self.body(self.before(x)))
        return out


class LearnedPositions(nn.Module):
    """A learned vector added to each of `length` places."""

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.empty(length, dim))
        nn.init.trunc_normal_(self.vectors, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, length, dim) to the same shape."""
        return x + self.vectors


class Rows(nn.Module):
    """An image read as a sequence of its rows, each projected to `dim` features."""

    def __init__(self, channels: int, width: int, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels * width, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, H, W) to (n, H, dim)."""
        out: torch.Tensor = self.project(x.transpose(1, 2).flatten(2))
        return out


def sequence_of(shape: tuple[int, ...], vocabulary: int | None, dim: int) -> tuple[nn.Module, int]:
    """What makes a sequence (n, L, dim) of an input, and its length L.

    Tokens below `vocabulary`, of `shape` (L,), are embedded; without a vocabulary `shape` is an image's (C, H, W) and
    its rows are the sequence.
    """
    if vocabulary is not None:
        return nn.Embedding(vocabulary, dim), shape[0]
    channels, height, width = shape
    return Rows(channels, width, dim), height


def feed_forward(dim: int, *widths: int) -> nn.Sequential:
    """Linear layers from `dim` through `widths` features back to `dim`, a GELU between each two."""
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise((dim, *widths)):
        layers += [nn.Linear(c_in, c_out), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], dim))


def apart(x: torch.Tensor, n_heads: int) -> torch.Tensor:
    """Features split among heads: (n, L, heads * d) to (n, heads, L, d)."""
    n, length, features = x.shape
    return x.reshape(n, length, n_heads, features // n_heads).transpose(1, 2)


def joined(x: torch.Tensor) -> torch.Tensor:
    """Heads side by side again: (n, heads, L, d) to (n, L, heads * d)."""
    return x.transpose(1, 2).flatten(2)
