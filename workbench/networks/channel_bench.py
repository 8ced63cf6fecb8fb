"""The two networks whose widths Channel-Bench-Macro searches: a ResNet and a MobileNet of seven widths."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from workbench.networks.layers import InvertedBottleneck, conv_bn_relu


class _Network(nn.Module):
    """A stem that halves the size, blocks, pooling and a linear classifier.

    Input (n, C, H, W), output (n, classes). Weights are torch's default initialisation, from the global generator.
    """

    def __init__(self, stem: nn.Module, blocks: Sequence[nn.Module], features: int, n_classes: int) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(features, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, n_classes) of images (n, C, H, W)."""
        logits: torch.Tensor = self.classifier(self.pool(self.blocks(self.stem(x))))
        return logits


class ResNet(_Network):
    """Five blocks of two 3x3 convolutions; the third halves the size and has no shortcut.

    `widths` are those of the stem, which is also what blocks 1 and 2 put out; of the first convolutions of blocks 1,
    2 and 3; of what blocks 3 to 5 put out; of the first convolutions of blocks 4 and 5. Images have the given `shape`
    (C, H, W).
    """

    def __init__(self, widths: Sequence[int], shape: tuple[int, int, int], n_classes: int) -> None:
        stem, hidden1, hidden2, hidden3, out, hidden4, hidden5 = widths
        blocks = [
            BasicBlock(stem, hidden1, stem),
            BasicBlock(stem, hidden2, stem),
            BasicBlock(stem, hidden3, out, stride=2),
            BasicBlock(out, hidden4, out),
            BasicBlock(out, hidden5, out),
        ]
        super().__init__(conv_bn_relu(shape[0], stem, 3, stride=2), blocks, out, n_classes)


class MobileNet(_Network):
    """Four inverted bottlenecks, the third of which halves the size, and a 1x1 convolution before the pooling.

    `widths` are those of the stem, which is also what blocks 1 and 2 put out; inside blocks 1, 2 and 3; of what
    blocks 3 and 4 put out; inside block 4; of the last convolution. Images have the given `shape` (C, H, W).
    """

    def __init__(self, widths: Sequence[int], shape: tuple[int, int, int], n_classes: int) -> None:
        stem, hidden1, hidden2, hidden3, out, hidden4, head = widths
        blocks = [
            _bottleneck(stem, hidden1, stem),
            _bottleneck(stem, hidden2, stem),
            _bottleneck(stem, hidden3, out, stride=2),
            _bottleneck(out, hidden4, out),
            conv_bn_relu(out, head, 1),
        ]
        super().__init__(conv_bn_relu(shape[0], stem, 3, stride=2), blocks, head, n_classes)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions whose sum with the input is rectified; at stride 2 there is no sum."""

    def __init__(self, c_in: int, hidden: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn_relu(c_in, hidden, 3, stride),
            conv_bn_relu(hidden, c_out, 3, activation=None),
        )
        self.residual = stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride))."""
        out: torch.Tensor = self.body(x)
        return torch.relu(x + out if self.residual else out)


def _bottleneck(c_in: int, hidden: int, c_out: int, stride: int = 1) -> nn.Module:
    return InvertedBottleneck(c_in, c_out, hidden, 3, stride, activation=nn.ReLU, always_expand=True)
