"""Signatures: what an operation does to the shape of an image, as a type that can be composed, compared and checked.

An image type is a triple (C, H, W). The operations of convolutional networks relate it to (C', H', W') with
H' = floor((H + offset) / stride), and such relations are closed under composition: a path through a network has a
signature as well. Operations with equal signatures are interchangeable wherever they stand (Wu, Jain & Saxena,
NeuralArTS, 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workbench.errors import InvalidInput

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Signature:
    """(C, H, W) to (`channels` or C, floor((H + `offset`) / `stride`), the same of W).

    `needs` are the channels that it takes (None: any number) and `least` is the smallest height or width for which
    nothing on the way is empty. Signatures are equal when they relate equal shapes, whatever `least` is.
    """

    channels: int | None = None
    stride: int = 1
    offset: int = 0
    needs: int | None = None
    least: int = field(default=1, compare=False)

    @classmethod
    def of_window(
        cls, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, channels: int | None = None
    ) -> Signature:
        """The signature of a convolution or pooling with a square window; `channels` where it sets their number."""
        offset = 2 * padding - dilation * (kernel - 1) - 1 + stride
        return cls(channels, stride, offset, least=max(1, stride - offset))

    def __call__(self, shape: Shape) -> Shape:
        """The shape made of `shape`; raises `InvalidInput` with what does not fit."""
        c, h, w = shape
        if self.needs is not None and c != self.needs:
            raise InvalidInput(f"takes {self.needs} channels, not the {c} of {shape}")
        if min(h, w) < self.least:
            raise InvalidInput(f"takes images of at least {self.least} x {self.least}, not {h} x {w} of {shape}")
        out = self.channels or c
        return out, (h + self.offset) // self.stride, (w + self.offset) // self.stride

    def then(self, after: Signature) -> Signature:
        """The signature of this operation with `after` behind it; raises `InvalidInput` where channels do not fit."""
        between = self.channels or self.needs
        if after.needs is not None and between is not None and after.needs != between:
            raise InvalidInput(f"takes {after.needs} channels, not {between}")
        needs = self.needs if self.needs is not None or self.channels is not None else after.needs
        return Signature(
            channels=after.channels if after.channels is not None else self.channels,
            stride=self.stride * after.stride,
            offset=self.offset + self.stride * after.offset,
            needs=needs,
            # floor((H + offset) / stride) >= after.least exactly where H >= stride * after.least - offset.
            least=max(self.least, self.stride * after.least - self.offset),
        )


def of_operation(c_in: int, c_out: int, stride: int = 1) -> Signature:
    """The signature that every operation of the catalogue has: sizes are divided by the stride and rounded up."""
    return Signature(c_out, stride, stride - 1, needs=c_in)


def of_module(module: nn.Module) -> Signature:
    """The signature of a torch module with square windows, or of a sequence of such.

    Raises `InvalidInput` for a module whose relation is not known, transposed convolutions among them.
    """
    from torch import nn

    if isinstance(module, nn.Sequential):
        signature = Signature()
        for name, part in module.named_children():
            try:
                signature = signature.then(of_module(part))
            except InvalidInput as error:
                raise InvalidInput(f"Layer {name!r} ({type(part).__name__}) {error}") from None
        return signature
    if isinstance(module, nn.Conv2d):
        if isinstance(module.padding, str):
            raise InvalidInput(f"has padding {module.padding!r}: give it as a number")
        found = Signature.of_window(*map(_square, (module.kernel_size, module.stride, module.padding, module.dilation)))
        return replace(found, channels=module.out_channels, needs=module.in_channels)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        if module.ceil_mode:
            raise InvalidInput("rounds sizes up (ceil_mode), which has no signature")
        dilation = module.dilation if isinstance(module, nn.MaxPool2d) else 1
        kernel, stride, padding = map(_square, (module.kernel_size, module.stride, module.padding))
        check_pooling(kernel, padding)
        return Signature.of_window(kernel, stride, padding, _square(dilation))
    if isinstance(module, nn.BatchNorm2d):
        return Signature(needs=module.num_features)
    if isinstance(module, nn.Identity | nn.Dropout | nn.ReLU | nn.ReLU6 | nn.Hardswish | nn.SiLU | nn.GELU | nn.Mish):
        return Signature()
    raise InvalidInput("has no known signature")


def shapes(layers: Mapping[str, Signature], shape: Shape) -> dict[str, Shape]:
    """The shape behind each layer of a chain; raises `InvalidInput` that names the first layer that does not fit."""
    found: dict[str, Shape] = {}
    for name, signature in layers.items():
        try:
            shape = found[name] = signature(shape)
        except InvalidInput as error:
            raise InvalidInput(f"Layer {name!r} {error}.") from None
    return found


def check_pooling(kernel: int, padding: int) -> None:
    """Raises `InvalidInput` for a padding that torch does not pool with: more than half of the undilated kernel."""
    if padding > kernel // 2:
        raise InvalidInput(f"pads by {padding}, more than half of its kernel of {kernel}")


def check_sum(name: str, terms: Mapping[str, Shape]) -> None:
    """Raises `InvalidInput` unless all terms have one shape: torch would stretch some and stop at others."""
    if len(set(terms.values())) > 1:
        listed = ", ".join(f"{shape} of {term!r}" for term, shape in terms.items())
        raise InvalidInput(f"The sum at {name!r} needs equal shapes; got {listed}.")


def _square(size: int | tuple[int, ...]) -> int:
    if isinstance(size, int):
        return size
    if len(set(size)) > 1:
        raise InvalidInput(f"has a window of unequal sides {size}, which has no signature")
    return size[0]
