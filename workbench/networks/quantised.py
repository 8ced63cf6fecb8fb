"""Networks with fake-quantised weights: real numbers that take only the values of few bits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.utils import parametrize

from workbench.errors import InvalidInput
from workbench.networks.counting import weighted_layers

WHOLE = 32  # bits of a weight that is left alone


class FakeQuantised(nn.Module):
    """Weights of `bits` bits, one scale for each output channel (axis `axis`), as a parametrisation of the real ones.

    Two bits and more: uniform and symmetric around zero, 2^bits - 1 values up to the channel's largest weight. One
    bit: sign(w) times the mean of |w| (Rastegari et al., XNOR-Net, ECCV 2016, equation 6). The gradient passes
    straight through to the real weights (Bengio, Léonard & Courville, 2013).
    """

    def __init__(self, bits: int, axis: int = 0) -> None:
        super().__init__()
        self.bits = bits
        self.axis = axis

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The quantised weights, of the same shape."""
        fixed = weight.detach()
        others = [axis for axis in range(weight.ndim) if axis != self.axis]
        if self.bits == 1:
            quantised = torch.where(fixed < 0, -1.0, 1.0).to(weight) * fixed.abs().mean(others, keepdim=True)
        else:
            steps = 2 ** (self.bits - 1) - 1
            largest = fixed.abs().amax(others, keepdim=True)
            scale = torch.where(largest > 0, largest / steps, torch.ones_like(largest))  # a channel of zeros stays so
            quantised = (fixed / scale).round().clamp(-steps, steps) * scale
        # Added the other way round, w + (q - w), rounding would make more values than there are levels.
        return quantised + (weight - fixed)


def quantise(network: nn.Module, bits: Sequence[int]) -> nn.Module:
    """`network` with the weights of its convolutions and linear layers at `bits` (1 to 32), one a layer in their order.

    Changes and returns the network. 32 leaves a layer as it is; biases and normalisation stay real numbers. Raises
    `InvalidInput` for another number of layers or of bits.
    """
    layers = weighted_layers(network)
    if len(bits) != len(layers):
        raise InvalidInput(f"The network has {len(layers)} layers with weights; bits for {len(bits)} were given.")
    for layer, width in zip(layers.values(), bits, strict=True):
        check_bits(width)
        if width < WHOLE:
            axis = 1 if isinstance(layer, _ConvTransposeNd) else 0
            parametrize.register_parametrization(layer, "weight", FakeQuantised(width, axis))
    return network


def model_bytes(network: nn.Module) -> int:
    """Bytes that the parameters take: quantised weights packed, a float32 scale a channel, the rest as they are."""
    total = 0.0
    for module in network.modules():
        if isinstance(module, parametrize.ParametrizationList):
            total += sum(_packed(module.original, quantiser) for quantiser in module)
        else:
            total += sum(p.numel() * p.element_size() for p in module.parameters(recurse=False))
    return math.ceil(total)


def check_bits(bits: object) -> None:
    """Raises `InvalidInput` for anything but a whole number of bits from 1 to 32."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= WHOLE:
        raise InvalidInput(f"A weight has 1 to {WHOLE} bits, {WHOLE} meaning untouched; got {bits!r}.")


def _packed(weight: torch.Tensor, quantiser: nn.Module) -> float:
    assert isinstance(quantiser, FakeQuantised)
    return weight.numel() * quantiser.bits / 8 + 4 * weight.shape[quantiser.axis]
