"""The size of a NATS-Bench size-space network by arithmetic, without torch: quick enough for all 32,768."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.networks.counts import Counts
from workbench.networks.layer_counts import LayerCounts

REDUCTIONS = (1, 3)  # the layers that halve the size; the others are cells


def counts(widths: Sequence[int], shape: tuple[int, int, int], n_classes: int) -> Counts:
    """Parameters and multiply-adds of `networks.natsbench_sss.Network` with the same arguments.

    The benchmark's own FLOPs count the classifier's bias as well: they are `n_classes` more.
    """
    layers = LayerCounts(shape)
    layers.convolution(widths[0], 3)
    for number, width in enumerate(widths):
        (_reduction if number in REDUCTIONS else _cell)(layers, width)
    layers.params += 2 * layers.channels  # the normalisation before the classifier
    return layers.classified(n_classes)


def _cell(layers: LayerCounts, width: int) -> None:
    """The cell's six edges: three start at its input, which the skip leaves as it is where the widths allow."""
    incoming = layers.channels
    for kernel in (3, 3) if incoming == width else (3, 3, 1):
        layers.channels = incoming
        layers.convolution(width, kernel)
    for _ in range(3):
        layers.convolution(width, 3)


def _reduction(layers: LayerCounts, width: int) -> None:
    """Two convolutions, and a shortcut of one that is not normalised."""
    incoming = layers.channels
    layers.convolution(width, 3, stride=2)
    layers.convolution(width, 3)
    layers.channels = incoming
    layers.convolution(width, 1, norm=False)
