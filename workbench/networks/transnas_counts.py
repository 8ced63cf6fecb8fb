"""The size of a TransNAS-Bench-101 network by arithmetic, without torch (Duan et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.networks.counts import Counts

if TYPE_CHECKING:
    import networkx as nx

CHANNELS = 64
BLOCKS = 2  # in every module
# Module -> by what it multiplies the channels, and its stride.
MODULES = {"normal": (1, 1), "double": (2, 1), "halve": (1, 2), "double_halve": (2, 2)}
KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
KNOWN = frozenset(("none", "skip_connect", *KERNELS))

# (input channels, output channels, stride) -> weights used once for every input and every output pixel of the block,
# and those of normalisation; a block's own convolutions all run at its output's size.
BlockWeights = Callable[[int, int, int], tuple[int, int]]


def counts(
    modules: Sequence[str],
    block: BlockWeights,
    shape: tuple[int, int, int],
    n_classes: int,
    *,
    channels: int = CHANNELS,
) -> Counts:
    """Parameters and multiply-adds of `networks.transnas.Network` with the same arguments, the block as its weights."""
    c_image, height, width = shape
    half = channels // 2
    params = macs = 0
    for c_in, c_out in ((c_image, half), (half, channels)):
        height, width = (height + 1) // 2, (width + 1) // 2
        params += 9 * c_in * c_out + 2 * c_out
        macs += 9 * c_in * c_out * height * width
    for name in modules:
        growth, stride = MODULES[name]
        height, width = -(-height // stride), -(-width // stride)
        for c_in, change in [(channels, stride)] + [(growth * channels, 1)] * (BLOCKS - 1):
            weights, norms = block(c_in, growth * channels, change)
            params += weights + norms
            macs += weights * height * width
        channels *= growth
    return Counts(params + (channels + 1) * n_classes, macs + channels * n_classes)


def residual_weights(c_in: int, c_out: int, stride: int) -> tuple[int, int]:
    """The weights of `networks.transnas.ResidualBlock`: of convolutions, and of normalisation."""
    shortcut = stride != 1 or c_in != c_out
    return 9 * (c_in + c_out) * c_out + shortcut * c_in * c_out, (2 + shortcut) * 2 * c_out


def cell_weights(graph: nx.DiGraph) -> BlockWeights:
    """The weights of `networks.transnas.MicroCell` of a graph whose operations are `KNOWN`."""
    first = next(iter(graph))
    ops = [(op, source == first) for source, _, op in graph.edges(data="op")]

    def weights(c_in: int, c_out: int, stride: int) -> tuple[int, int]:
        convolutions = norms = 0
        for op, from_input in ops:
            c = c_in if from_input else c_out
            reducing = from_input and (stride != 1 or c_in != c_out)
            kernel = KERNELS.get(op, 1 if op == "skip_connect" and reducing else 0)
            convolutions += kernel * kernel * c * c_out
            norms += 2 * c_out * bool(kernel)
        return convolutions, norms

    return weights
