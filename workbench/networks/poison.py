"""Operations that do nothing useful, for search spaces that are to be poisoned (Wu, Saxena & Jain, 2021)."""

from __future__ import annotations

import torch
from torch import nn

_REACH = 50  # padding and dilation: further than any image of the usual tasks is wide


class GaussianNoise(nn.Module):
    """Adds normal noise of standard deviation `sigma` in training, drawn from torch's global generator."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape to the same shape."""
        return x + self.sigma * torch.randn_like(x) if self.training else x


def stretched(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """A 3x3 convolution whose outer taps lie 50 pixels away, outside the image: a dear 1x1 convolution."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, 3, stride, padding=_REACH, dilation=_REACH, bias=False),
        nn.BatchNorm2d(c_out),
    )


def transposed(channels: int) -> nn.Sequential:
    """A transposed 3x3 convolution that spreads 50 pixels wide and cuts all but the middle off again."""
    return nn.Sequential(
        nn.ReLU(),
        nn.ConvTranspose2d(channels, channels, 3, padding=_REACH, dilation=_REACH, bias=False),
        nn.BatchNorm2d(channels),
    )


def shuffle(channels: int) -> nn.Module:
    """Channels in another order."""
    return nn.ChannelShuffle(2) if channels % 2 == 0 else nn.Identity()
