"""The score network: what a noisy tensor of answers was before the noise, and so the way back to it."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_FREQUENCIES = 8  # of the embedding of a noise level
_MOST_MIXED = 256  # hidden units across questions


class ScoreNetwork(nn.Module):
    """The probabilities of every answer, given a tensor x = x0 + sigma z with x0 one-hot and z normal.

    log p(x0 | x) = x / sigma^2 + F(x, sigma), normalised over the answers of each question. The first term is the
    likelihood of the noise, which is known; the network F, an MLP-mixer (Tolstikhin et al., NeurIPS 2021) across
    questions and channels, learns what the space adds to it: which answers are frequent and which go together. It
    starts at 0, and stays there where every combination of answers is an architecture. Questions are told apart by a
    learned vector beside their `places` (questions, features). As E[x0 | x] = p, the score is (p - x) / sigma^2
    (Tweedie's formula; Dieleman et al., Continuous Diffusion for Categorical Data, 2022, eq. 6).
    """

    def __init__(self, mask: NDArray[np.bool_], places: NDArray[np.float32], width: int, depth: int) -> None:
        super().__init__()
        questions, answers = mask.shape
        self.register_buffer("mask", torch.from_numpy(mask), persistent=False)
        self.register_buffer("places", torch.from_numpy(places), persistent=False)
        self.entrance = nn.Linear(2 * answers, width)
        self.place = nn.Linear(places.shape[1], width)
        self.question = nn.Parameter(0.02 * torch.randn(questions, width))
        self.level = nn.Sequential(nn.Linear(2 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList([_Block(questions, width) for _ in range(depth)])
        self.normed = nn.LayerNorm(width)
        self.exit = nn.Linear(width, answers)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)

    def log_probabilities(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Of every answer, for tensors (n, questions, answers) with noise (n,); -inf where there is no such answer."""
        mask: torch.Tensor = self.mask  # type: ignore[assignment]
        places: torch.Tensor = self.places  # type: ignore[assignment]
        noise = sigma[:, None, None]
        told = (x / noise**2).masked_fill(~mask, -torch.inf)
        seen = torch.cat([x / (noise**2 + 0.25).sqrt(), told.softmax(dim=2)], dim=2)
        h = self.entrance(seen) + self.place(places) + self.question + self.level(_waves(sigma))[:, None]
        for block in self.blocks:
            h = block(h)
        found: torch.Tensor = (told + self.exit(self.normed(h))).log_softmax(dim=2)
        return found

    def denoised(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """E[x0 | x] of tensors with one noise level."""
        return self.log_probabilities(x, x.new_full((len(x),), sigma)).exp()

    def score(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """The gradient of log p(x) at this noise level."""
        return (self.denoised(x, sigma) - x) / sigma**2


class _Block(nn.Module):
    """Mixing across questions, then across channels, both added to what came in."""

    def __init__(self, questions: int, width: int) -> None:
        super().__init__()
        hidden = min(4 * questions, _MOST_MIXED)
        self.across_questions = nn.Sequential(nn.Linear(questions, hidden), nn.GELU(), nn.Linear(hidden, questions))
        self.across_channels = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.before_questions = nn.LayerNorm(width)
        self.before_channels = nn.LayerNorm(width)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        h = h + self.across_questions(self.before_questions(h).transpose(1, 2)).transpose(1, 2)
        mixed: torch.Tensor = h + self.across_channels(self.before_channels(h))
        return mixed


def _waves(sigma: torch.Tensor) -> torch.Tensor:
    angles = sigma.log()[:, None] * (math.pi / 4) * 2.0 ** torch.arange(_FREQUENCIES).to(sigma.dtype)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
