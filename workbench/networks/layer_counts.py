"""Adding up the layers of a network by arithmetic, without torch."""

from __future__ import annotations

from workbench.networks.counts import Counts


class LayerCounts:
    """Parameters and multiply-adds of layers that follow one another, and the feature map that the last one leaves.

    `shape` is the input's (C, H, W). Convolutions have no bias, keep the size at stride 1 and halve it, rounded up,
    at stride 2. To count a branch, set `channels` back to those of its input.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.channels, self.height, self.width = shape
        self.params = 0
        self.macs = 0

    def convolution(
        self, c_out: int, kernel: int, stride: int = 1, *, depthwise: bool = False, norm: bool = True
    ) -> None:
        """A convolution, followed by a batch normalisation with scale and shift unless `norm` is False."""
        self.height, self.width = -(-self.height // stride), -(-self.width // stride)
        weights = kernel**2 * c_out * (1 if depthwise else self.channels)
        self.params += weights + (2 * c_out if norm else 0)
        self.macs += weights * self.height * self.width
        self.channels = c_out

    def bottleneck(self, c_out: int, hidden: int, kernel: int, stride: int = 1) -> None:
        """An inverted bottleneck: a 1x1 convolution to `hidden` channels, a depthwise one, a 1x1 one back."""
        self.convolution(hidden, 1)
        self.convolution(hidden, kernel, stride, depthwise=True)
        self.convolution(c_out, 1)

    def classified(self, n_classes: int) -> Counts:
        """The counts of all layers and a linear classifier, with bias, of the channels' means."""
        params = self.params + (self.channels + 1) * n_classes
        return Counts(params, self.macs + self.channels * n_classes)
