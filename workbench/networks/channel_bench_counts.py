"""The sizes of the Channel-Bench-Macro networks by arithmetic, without torch: quick enough for all 32,768."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.networks.counts import Counts
from workbench.networks.layer_counts import LayerCounts


def resnet_counts(widths: Sequence[int], shape: tuple[int, int, int], n_classes: int) -> Counts:
    """Parameters and multiply-adds of `networks.channel_bench.ResNet`: on CIFAR-10 the published `params`, `flops`."""
    stem, hidden1, hidden2, hidden3, out, hidden4, hidden5 = widths
    layers = LayerCounts(shape)
    layers.convolution(stem, 3, stride=2)
    for hidden, c_out, stride in (
        (hidden1, stem, 1),
        (hidden2, stem, 1),
        (hidden3, out, 2),
        (hidden4, out, 1),
        (hidden5, out, 1),
    ):
        layers.convolution(hidden, 3, stride)
        layers.convolution(c_out, 3)
    return layers.classified(n_classes)


def mobilenet_counts(widths: Sequence[int], shape: tuple[int, int, int], n_classes: int) -> Counts:
    """Parameters and multiply-adds of `networks.channel_bench.MobileNet`: on CIFAR-10 the published ones."""
    stem, hidden1, hidden2, hidden3, out, hidden4, head = widths
    layers = LayerCounts(shape)
    layers.convolution(stem, 3, stride=2)
    layers.bottleneck(stem, hidden1, 3)
    layers.bottleneck(stem, hidden2, 3)
    layers.bottleneck(out, hidden3, 3, stride=2)
    layers.bottleneck(out, hidden4, 3)
    layers.convolution(head, 1)
    return layers.classified(n_classes)
