"""The catalogue of operations: what a search space's answer such as "sep_conv_3x3" is as a torch module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput, nearest
from workbench.networks.copies import original
from workbench.networks.layers import FactorizedReduce, Zero, conv_bn_relu, dilated, relu_conv_bn, separable
from workbench.networks.poison import GaussianNoise, shuffle, stretched, transposed

Make = Callable[[int, int, int], nn.Module]


@dataclass(frozen=True)
class Operation:
    """A named operation on images; `make(c_in, c_out, stride)` gives its module.

    The module maps (n, c_in, H, W) to (n, c_out, ceil(H/stride), ceil(W/stride)).
    """

    name: str
    make: Make
    zero: bool = False


catalogue: Catalogue[Operation] = Catalogue("operation")


def operation(name: str, c_in: int, c_out: int, stride: int = 1) -> nn.Module:
    """The module of the operation called `name`, copies ("none#2") and hyphens ("conv3x3-bn-relu") included.

    Raises `InvalidInput` with the nearest names for one that is not in the catalogue.
    """
    return find(name).make(c_in, c_out, stride)


def find(name: str) -> Operation:
    """The catalogue's operation for an answer, copies and hyphens included; raises `InvalidInput`."""
    plain = _plain(name)
    if plain not in catalogue:
        near = nearest(plain, catalogue.names())
        raise InvalidInput(f"There is no operation {name!r} to build a network from. {near}")
    return catalogue.find(plain)


def is_operation(answer: object) -> bool:
    """Whether an answer is the name of an operation in the catalogue, copies and hyphens included."""
    return isinstance(answer, str) and _plain(answer) in catalogue


def _plain(name: str) -> str:
    return original(name).replace("-", "_")


def skip(c_in: int, c_out: int, stride: int) -> nn.Module:
    """The identity, or a factorised reduction where shapes differ."""
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return FactorizedReduce(c_in, c_out) if stride == 2 else relu_conv_bn(c_in, c_out, 1, stride)


def pool(kind: str, kernel: int = 3) -> Make:
    """Pooling that keeps the size at stride 1; where channels differ a 1x1 convolution comes first."""

    def make(c_in: int, c_out: int, stride: int) -> nn.Module:
        if kind == "avg":
            pooling: nn.Module = nn.AvgPool2d(kernel, stride, padding=kernel // 2, count_include_pad=False)
        else:
            pooling = nn.MaxPool2d(kernel, stride, padding=kernel // 2)
        return pooling if c_in == c_out else nn.Sequential(relu_conv_bn(c_in, c_out, 1), pooling)

    return make


def crossed(length: int = 7) -> Make:
    """A 1xL convolution followed by an Lx1 one (Zoph et al., 2018)."""

    def make(c_in: int, c_out: int, stride: int) -> nn.Module:
        half = length // 2
        return nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, (1, length), (1, stride), (0, half), bias=False),
            nn.Conv2d(c_out, c_out, (length, 1), (stride, 1), (half, 0), bias=False),
            nn.BatchNorm2d(c_out),
        )

    return make


def after_skip(make: Callable[[int], nn.Module]) -> Make:
    """An operation that keeps shapes, `make(channels)`, behind the skip that changes them."""
    return lambda c_in, c_out, stride: nn.Sequential(skip(c_in, c_out, stride), make(c_out))


def nasbench101_convolution(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation with NAS-Bench-101's momentum, ReLU (Ying et al., ICML 2019)."""
    # TensorFlow's momentum of 0.997 keeps that much of the old statistics; torch's number is what it takes of the new.
    return conv_bn_relu(c_in, c_out, kernel, stride, momentum=0.003)


def enter(name: str, make: Make, *, zero: bool = False) -> Operation:
    """Enter an operation, so that every space can be extended with it."""
    return catalogue.enter(name, Operation(name, make, zero))


enter("none", lambda c_in, c_out, stride: Zero(c_out, stride), zero=True)
enter("skip_connect", skip)
enter("nor_conv_1x1", lambda c_in, c_out, stride: relu_conv_bn(c_in, c_out, 1, stride))
enter("nor_conv_3x3", lambda c_in, c_out, stride: relu_conv_bn(c_in, c_out, 3, stride))
enter("avg_pool_3x3", pool("avg"))
enter("max_pool_3x3", pool("max"))
enter("sep_conv_3x3", lambda c_in, c_out, stride: separable(c_in, c_out, 3, stride))
enter("sep_conv_5x5", lambda c_in, c_out, stride: separable(c_in, c_out, 5, stride))
enter("sep_conv_7x7", lambda c_in, c_out, stride: separable(c_in, c_out, 7, stride))
enter("dil_conv_3x3", lambda c_in, c_out, stride: dilated(c_in, c_out, 3, stride))
enter("dil_conv_5x5", lambda c_in, c_out, stride: dilated(c_in, c_out, 5, stride))
enter("conv_7x1_1x7", crossed())
enter("conv1x1_bn_relu", lambda c_in, c_out, stride: nasbench101_convolution(c_in, c_out, 1, stride))
enter("conv3x3_bn_relu", lambda c_in, c_out, stride: nasbench101_convolution(c_in, c_out, 3, stride))
enter("maxpool3x3", pool("max"))
# Useless on purpose. In evaluation mode the first two pass everything on: neither is a zero operation.
enter("drop_all", after_skip(lambda channels: nn.Dropout(1.0)))
enter("gaussian_noise", after_skip(lambda channels: GaussianNoise(10.0)))
enter("channel_shuffle", after_skip(shuffle))
enter("stretched_conv_3x3", stretched)
enter("transposed_conv_3x3", after_skip(transposed))
