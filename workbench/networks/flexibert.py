"""The FlexiBERT network: an encoder whose layers differ in operation, size and depth (Tuli et al., JAIR 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench.networks.transformers import (
    AttentionHeads,
    DotProduct,
    LearnedPositions,
    RelativePositions,
    Residual,
    apart,
    feed_forward,
    joined,
    sequence_of,
)

if TYPE_CHECKING:
    import networkx as nx


class Network(nn.Module):
    """The encoder of `graph`, its last layer averaged over the sequence and classified.

    A layer is a node with `kind` ("sa", "l" or "c"), `parameter`, `hidden` and `heads`, followed by a node with the
    `widths` of its feed-forward stack. Where two layers differ in `hidden`, a linear layer stands between them. Tokens
    (n, L) below `vocabulary`, or, without one, the rows of images (n, C, H, W), are embedded with learned positions.
    The official encoder is pretrained on masked words and classifies its first token; dropout belongs to the recipe.
    """

    def __init__(self, graph: nx.DiGraph, shape: tuple[int, ...], vocabulary: int | None, n_classes: int) -> None:
        super().__init__()
        operations = [data for _, data in graph.nodes(data=True) if "hidden" in data]
        stacks = [data["widths"] for _, data in graph.nodes(data=True) if "widths" in data]
        dim = operations[0]["hidden"]
        self.embedding, length = sequence_of(shape, vocabulary, dim)
        self.positions = LearnedPositions(length, dim)
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.Sequential()
        for operation, widths in zip(operations, stacks, strict=True):
            hidden = operation["hidden"]
            if hidden != dim:
                self.layers.append(nn.Linear(dim, hidden))
            mixing = _mixing(operation["kind"], operation["parameter"], hidden, operation["heads"], length)
            self.layers.append(Residual(mixing, after=nn.LayerNorm(hidden)))
            self.layers.append(Residual(feed_forward(hidden, *widths), after=nn.LayerNorm(hidden)))
            dim = hidden
        self.classifier = nn.Linear(dim, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of tokens (n, L), int64, or of images (n, C, H, W)."""
        sequence = self.norm(self.positions(self.embedding(x)))
        logits: torch.Tensor = self.classifier(self.layers(sequence).mean(dim=1))
        return logits


class Distances(nn.Module):
    """Scores by relative position alone, the part of attention that the linear transforms keep."""

    def __init__(self, head_dim: int, relative: RelativePositions) -> None:
        super().__init__()
        self.scale: float = head_dim**-0.5
        self.relative = relative

    def forward(self, queries: torch.Tensor, _keys: torch.Tensor) -> torch.Tensor:
        """(n, heads, L, head_dim) twice to (n, heads, L, L)."""
        return self.relative.scores(queries) * self.scale


class Transformed(nn.Module):
    """A Fourier or cosine transform over features and places (Lee-Thorp et al., NAACL 2022) beside `heads`."""

    def __init__(self, heads: AttentionHeads, transform: str) -> None:
        super().__init__()
        self.heads = heads
        self.transform = {"dft": fourier, "dct": cosine}[transform]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, L, hidden) to the same shape."""
        out: torch.Tensor = self.heads(x) + self.transform(x)
        return out


class SpanConvolution(nn.Module):
    """Half the heads attend, half convolve with kernels that each span of text makes (Jiang et al., NeurIPS 2020)."""

    def __init__(self, heads: AttentionHeads, dim: int, head_dim: int, kernel: int) -> None:
        super().__init__()
        width = heads.n_heads * head_dim
        self.heads = heads
        self.kernel = kernel
        self.spans = nn.Sequential(
            nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim, bias=False),
            nn.Conv1d(dim, width, 1),
        )
        self.kernels = nn.Linear(width, heads.n_heads * kernel)
        self.values = nn.Linear(dim, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, L, dim) to (n, L, 2 * heads * head_dim)."""
        queries, keys, values = self.heads.project(x)
        attended = self.heads.attend(queries, keys, values)
        spans = self.spans(x.transpose(1, 2)).transpose(1, 2) * joined(queries)
        kernels = apart(self.kernels(spans), self.heads.n_heads).softmax(dim=-1)
        padded = nn.functional.pad(self.values(x), (0, 0, self.kernel // 2, self.kernel // 2))
        windows = apart(padded, self.heads.n_heads).unfold(2, self.kernel, 1)
        convolved = (windows @ kernels.unsqueeze(-1)).squeeze(-1)
        return joined(torch.cat([attended, convolved], dim=1))


def fourier(x: torch.Tensor) -> torch.Tensor:
    """The real part of the discrete Fourier transform over places and features."""
    transformed: torch.Tensor = torch.fft.fft2(x)
    return transformed.real


def cosine(x: torch.Tensor) -> torch.Tensor:
    """The discrete cosine transform, type II and not normalised, over places and features."""
    return _cosine_of_rows(_cosine_of_rows(x).transpose(-2, -1)).transpose(-2, -1)


def _cosine_of_rows(x: torch.Tensor) -> torch.Tensor:
    """By one Fourier transform of the row's even entries and its odd ones backwards (Makhoul, 1980)."""
    n = x.shape[-1]
    folded = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1)
    angle = torch.arange(n, device=x.device, dtype=x.dtype) * (torch.pi / (2 * n))
    spectrum: torch.Tensor = torch.fft.fft(folded)
    return 2 * (spectrum.real * angle.cos() + spectrum.imag * angle.sin())


def _mixing(kind: str, parameter: str | int, hidden: int, n_heads: int, length: int) -> nn.Sequential:
    head_dim = hidden // n_heads
    place = torch.arange(length)
    # Whole distances, from -(length - 1) on; the official tables reach as far as the longest text it may be given.
    relative = RelativePositions(place[None, :] - place[:, None] + length - 1, 2 * length - 1, head_dim)
    mixing: nn.Module
    if kind == "sa":
        mixing = AttentionHeads(hidden, n_heads, head_dim, DotProduct(head_dim, relative, weighted=parameter == "wma"))
    elif kind == "l":
        mixing = Transformed(AttentionHeads(hidden, n_heads, head_dim, Distances(head_dim, relative)), str(parameter))
    else:
        heads = AttentionHeads(hidden, n_heads // 2, head_dim, DotProduct(head_dim, relative))
        mixing = SpanConvolution(heads, hidden, head_dim, int(parameter))
    return nn.Sequential(mixing, nn.Linear(hidden, hidden))
