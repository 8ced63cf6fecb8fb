"""The layers that the literature's search spaces share, each written once."""

from __future__ import annotations

import torch
from torch import nn


def relu_conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1, *, affine: bool = True) -> nn.Sequential:
    """ReLU, a convolution without bias that keeps the size at stride 1, batch normalisation."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(c_out, affine=affine),
    )


def conv_bn_relu(
    c_in: int,
    c_out: int,
    kernel: int,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> nn.Sequential:
    """A convolution without bias that keeps the size at stride 1, batch normalisation, an activation or none."""
    layers: list[nn.Module] = [
        nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(c_out, eps=eps, momentum=momentum),
    ]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)


def separable(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Two depthwise-separable convolutions, each after a ReLU, the first with the stride (Zoph et al., 2018)."""
    return nn.Sequential(
        *_depthwise(c_in, c_in, kernel, stride, dilation=1), *_depthwise(c_in, c_out, kernel, 1, dilation=1)
    )


def dilated(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """One depthwise-separable convolution with dilation 2 after a ReLU (Liu, Simonyan & Yang, 2019)."""
    return nn.Sequential(*_depthwise(c_in, c_out, kernel, stride, dilation=2))


def _depthwise(c_in: int, c_out: int, kernel: int, stride: int, dilation: int) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(c_in, c_in, kernel, stride, padding, dilation=dilation, groups=c_in, bias=False),
        nn.Conv2d(c_in, c_out, 1, bias=False),
        nn.BatchNorm2d(c_out),
    ]


class FactorizedReduce(nn.Module):
    """Half the size without losing a pixel: two 1x1 convolutions of stride 2, one shifted by a pixel, side by side."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.left = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.right = nn.Conv2d(c_in, c_out - c_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/2), ceil(W/2))."""
        x = torch.relu(x)
        # The shifted half is padded where the size is odd, so that both halves come out alike.
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: torch.Tensor = self.norm(torch.cat([self.left(x), self.right(shifted)], dim=1))
        return out


class Zero(nn.Module):
    """Zeros of the output's shape: the operation that passes nothing on."""

    def __init__(self, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.c_out = c_out
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride)), all zero."""
        n, _, height, width = x.shape
        return x.new_zeros(n, self.c_out, -(-height // self.stride), -(-width // self.stride))


class SqueezeExcite(nn.Module):
    """Channels rescaled by a small network of their means (Hu, Shen & Sun, CVPR 2018)."""

    def __init__(self, channels: int, squeezed: int, gate: type[nn.Module] = nn.Hardsigmoid) -> None:
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            gate(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, H, W) to the same shape."""
        out: torch.Tensor = x * self.scale(x)
        return out


class ChannelShuffle(nn.Module):
    """The channels of each group dealt out over all groups (Zhang et al., ShuffleNet, CVPR 2018)."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, H, W) to the same shape."""
        n, channels, height, width = x.shape
        groups = x.view(n, self.groups, channels // self.groups, height, width)
        return groups.transpose(1, 2).reshape(n, channels, height, width)


class InvertedBottleneck(nn.Module):
    """Expand, depthwise convolution, project: the MBConv block (Sandler et al., CVPR 2018).

    `hidden` channels stand between the 1x1 convolutions (`hidden == c_in` leaves the first out unless
    `always_expand`), `squeeze` are those of a squeeze-and-excitation (0 for none). The 1x1 convolutions have `groups`,
    whose channels are shuffled after the first. Input is added to the output where shapes allow and `residual` is
    wanted.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        hidden: int,
        kernel: int,
        stride: int = 1,
        *,
        squeeze: int = 0,
        activation: type[nn.Module] = nn.ReLU6,
        gate: type[nn.Module] = nn.Hardsigmoid,
        residual: bool = True,
        always_expand: bool = False,
        groups: int = 1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if hidden != c_in or always_expand:
            layers.append(conv_bn_relu(c_in, hidden, 1, groups=groups, activation=activation))
        if groups > 1:
            layers.append(ChannelShuffle(groups))
        layers.append(conv_bn_relu(hidden, hidden, kernel, stride, groups=hidden, activation=activation))
        if squeeze:
            layers.append(SqueezeExcite(hidden, squeeze, gate))
        layers.append(conv_bn_relu(hidden, c_out, 1, groups=groups, activation=None))
        self.body = nn.Sequential(*layers)
        self.residual = residual and stride == 1 and c_in == c_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride))."""
        out: torch.Tensor = self.body(x)
        return x + out if self.residual else out
