"""Elastic self-attention and feed-forward layers, for images cut into patches and for texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from workbench.networks.elastic.gates import Gates, Size, masked
from workbench.networks.elastic.layers import ElasticEmbedding, ElasticLayerNorm, ElasticLinear
from workbench.networks.elastic.module import ElasticModule, run
from workbench.networks.elastic.optional import optional, present
from workbench.networks.transformers import PlanePositions, RelativePositions


class ElasticAttention(ElasticModule):
    """Self-attention with elastic heads of `head_dim` features, from (n, L, dim) to (n, L, dim).

    The leading heads are used. With `shared_keys` one head of keys and values serves all queries: the multi-query
    attention of MobileNetV4 (Qin et al., ECCV 2024; Shazeer, 2019). `scores` and `relative` are those of
    `networks.transformers.AttentionHeads`, the same for all heads; without them scores are scaled dot products.
    """

    def __init__(
        self,
        dim: int | Size,
        heads: int | Size,
        head_dim: int,
        *,
        shared_keys: bool = False,
        bias: bool = True,
        scores: nn.Module | None = None,
        relative: RelativePositions | PlanePositions | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.head_dim = Size.of(heads), head_dim
        wide = self.heads * head_dim
        self.queries = ElasticLinear(dim, wide, bias=bias)
        self.keys = ElasticLinear(dim, head_dim if shared_keys else wide, bias=bias)
        self.values = ElasticLinear(dim, head_dim if shared_keys else wide, bias=bias)
        self.scores, self.relative = scores, relative
        self.out = ElasticLinear(wide, dim, bias=bias)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """What each place gathers from all others."""
        queries, keys, values = (self._apart(layer(x, gates)) for layer in (self.queries, self.keys, self.values))
        if self.scores is None:
            gathered = F.scaled_dot_product_attention(queries, keys, values)
        else:
            weights = self.scores(queries, keys).softmax(dim=-1)
            gathered = weights @ values
            if self.relative is not None:
                gathered = gathered + self.relative.values(weights)
        if gates.counting:
            self._count(x.shape[1], gates)
        together = gathered.transpose(1, 2).flatten(2)
        out: torch.Tensor = self.out(masked(together, self.queries.n_out, gates, axis=-1), gates)
        return out

    def _count(self, length: int, gates: Gates) -> None:
        """Scores and weighted values, and the products with relative positions, which belong to no layer."""
        parts = [part for part in self.modules() if isinstance(part, RelativePositions)]
        places = 2 * length + sum(len(part.vectors) for part in parts)
        params = sum(part.vectors.numel() for part in parts)
        gates.count(self.heads.expected(gates) * self.head_dim * length * places, float(params))

    def _apart(self, x: torch.Tensor) -> torch.Tensor:
        """(n, L, heads * head_dim) to (n, heads, L, head_dim)."""
        return x.reshape(*x.shape[:2], -1, self.head_dim).transpose(1, 2)


class ElasticFeedForward(ElasticModule):
    """Two linear layers with GELU between them, (n, L, dim) to (n, L, dim), of elastic width."""

    def __init__(self, dim: int | Size, width: int | Size) -> None:
        super().__init__()
        self.widen = ElasticLinear(dim, width)
        self.narrow = ElasticLinear(width, dim)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """Place by place."""
        # The widened features are masked before GELU, which keeps zeros.
        out: torch.Tensor = self.narrow(F.gelu(self.widen(x, gates)), gates)
        return out


class ElasticGatedFeedForward(ElasticModule):
    """Features multiplied by a smooth gate of themselves, between two linear layers (SwiGLU, Shazeer, 2020)."""

    def __init__(self, dim: int | Size, width: int | Size) -> None:
        super().__init__()
        self.gate = ElasticLinear(dim, width, bias=False, mask=False)
        self.up = ElasticLinear(dim, width, bias=False)
        self.down = ElasticLinear(width, dim, bias=False)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, L, dim) to the same shape, place by place."""
        out: torch.Tensor = self.down(F.silu(self.gate(x, gates)) * self.up(x, gates), gates)
        return out


class ElasticResidual(ElasticModule):
    """x + body(norm(x)), or norm(x + body(x)) unless `norm_first`; where the `size` is 0, x itself.

    Both are made from the sizes that are not 0.
    """

    def __init__(
        self,
        size: int | Size,
        body: Callable[[Size], ElasticModule],
        norm: Callable[[], nn.Module],
        *,
        norm_first: bool = True,
    ) -> None:
        super().__init__()
        self.size, self.norm_first = Size.of(size), norm_first
        there = self.size.largest > 0
        self.body = body(present(self.size)) if there else None
        self.norm = norm() if there else None

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, L, dim) to the same shape."""
        return x if self.body is None else optional(self.size, x, gates, lambda inside: self._added(x, inside))

    def _added(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        assert self.body is not None and self.norm is not None  # noqa: PT018
        if self.norm_first:
            changed: torch.Tensor = self.body(run(self.norm, x, gates), gates)
            return x + changed
        return run(self.norm, x + self.body(x, gates), gates)


class ElasticEncoderLayer(ElasticModule):
    """A transformer layer: attention, then feed-forward, both added to what they are given.

    No heads leave out the attention, no width the feed-forward. `attention` is what `ElasticAttention` takes beside
    its sizes; with `norm_first=False` normalisation comes after the sums, as in BERT.
    """

    def __init__(
        self,
        dim: int | Size,
        heads: int | Size,
        width: int | Size,
        head_dim: int,
        *,
        norm_first: bool = True,
        eps: float = 1e-5,
        **attention: Any,
    ) -> None:
        super().__init__()

        def norm() -> ElasticLayerNorm:
            return ElasticLayerNorm(dim, eps=eps)

        self.attention = ElasticResidual(
            heads, lambda heads: ElasticAttention(dim, heads, head_dim, **attention), norm, norm_first=norm_first
        )
        self.feeding = ElasticResidual(width, lambda wide: ElasticFeedForward(dim, wide), norm, norm_first=norm_first)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, L, dim) to the same shape."""
        out: torch.Tensor = self.feeding(self.attention(x, gates), gates)
        return out


class ElasticSequence(ElasticModule):
    """What makes a sequence (n, L, dim) of an input: tokens embedded, or the rows of an image projected.

    Tokens are below `vocabulary` and of `shape` (L,); without a vocabulary `shape` is an image's (C, H, W).
    """

    def __init__(self, shape: tuple[int, ...], vocabulary: int | None, dim: int | Size) -> None:
        super().__init__()
        self.length = shape[0] if vocabulary is not None else shape[1]
        self.tokens = None if vocabulary is None else ElasticEmbedding(vocabulary, dim)
        self.rows = None if vocabulary is not None else ElasticLinear(shape[0] * shape[2], dim)

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, L), int64, or (n, C, H, W) to (n, L, dim)."""
        out: torch.Tensor
        if self.tokens is not None:
            out = self.tokens(x, gates)
        else:
            assert self.rows is not None
            out = self.rows(x.transpose(1, 2).flatten(2), gates)
        return out


class ElasticPositions(ElasticEmbedding):
    """A learned vector added to each of `n` places."""

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """(n, L, features) to the same shape."""
        return x + super().forward(torch.arange(x.shape[1], device=x.device)[None], gates)
