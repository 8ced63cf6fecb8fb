"""The network of NATS-Bench's size search space: one fixed cell at five widths (Dong, Liu, Musial & Gabrys, 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from workbench.networks.layers import conv_bn_relu, relu_conv_bn
from workbench.networks.nasbench201 import Reduction
from workbench.networks.natsbench_sss_counts import REDUCTIONS


class Network(nn.Module):
    """The official network of five `widths`: cell, residual reduction, cell, reduction, cell, linear classifier.

    Input (n, C, H, W) of the given `shape` (C, H, W); output (n, `n_classes`). Weights are torch's default
    initialisation, from the global generator: `space.build` seeds it.
    """

    def __init__(self, widths: Sequence[int], shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        self.stem = conv_bn_relu(shape[0], widths[0], 3, activation=None)
        self.layers = nn.Sequential()
        incoming = widths[0]
        for number, width in enumerate(widths):
            self.layers.append((Reduction if number in REDUCTIONS else Cell)(incoming, width))
            incoming = width
        self.head = nn.Sequential(nn.BatchNorm2d(incoming), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(incoming, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        logits: torch.Tensor = self.classifier(self.head(self.layers(self.stem(x))))
        return logits


class Cell(nn.Module):
    """The fixed cell, NAS-Bench-201's best on CIFAR-100: five 3x3 convolutions and a skip from input to output.

    The skip becomes a normalised 1x1 convolution, without activation, where the widths differ.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                "0->1": relu_conv_bn(c_in, c_out, 3),
                "0->2": relu_conv_bn(c_in, c_out, 3),
                "1->2": relu_conv_bn(c_out, c_out, 3),
                "0->3": nn.Identity() if c_in == c_out else conv_bn_relu(c_in, c_out, 1, activation=None),
                "1->3": relu_conv_bn(c_out, c_out, 3),
                "2->3": relu_conv_bn(c_out, c_out, 3),
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, H, W)."""
        first = self.edges["0->1"](x)
        second = self.edges["0->2"](x) + self.edges["1->2"](first)
        out: torch.Tensor = self.edges["0->3"](x) + self.edges["1->3"](first) + self.edges["2->3"](second)
        return out
