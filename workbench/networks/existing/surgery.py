"""Changing layers of a network that exists: other kernels, widths, nothing or another module in a layer's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from workbench.errors import InvalidInput

Factory = Callable[..., nn.Module]


def put(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put `layer` in the place called `name` ("layer1.0.conv1") of `model`."""
    home, _, last = name.rpartition(".")
    setattr(model.get_submodule(home), last, layer)


def with_kernel(conv: nn.Module, kernel: int) -> nn.Module:
    """The convolution with another kernel that gives outputs of the same size.

    A smaller kernel is the middle of the old one; a larger one has the old one in its middle and zeros around, so that
    it computes the same. Raises `InvalidInput` for what is no convolution, and for even differences that do not exist.
    """
    if not isinstance(conv, _ConvNd):
        raise InvalidInput(f"A kernel can be chosen for convolutions, not for a {type(conv).__name__}.")
    before = conv.kernel_size
    if isinstance(conv.padding, str):
        padding: Any = conv.padding
    else:
        sizes = zip(before, conv.padding, conv.dilation, strict=True)
        moved = [(p + d * (kernel - k) // 2, (kernel - k) % 2 and d % 2) for k, p, d in sizes]
        if any(p < 0 or odd for p, odd in moved):
            raise InvalidInput(
                f"Kernel {kernel} cannot take the place of kernel {before} with padding {conv.padding}: outputs would "
                "have another size. Choose kernels that differ by an even number, not smaller than the padding allows."
            )
        padding = tuple(p for p, _ in moved)
    return _like(conv, kernel_size=(kernel,) * len(before), padding=padding)


def resized(layer: nn.Module, inputs: int | None = None, outputs: int | None = None, repeat: int = 1) -> nn.Module:
    """The layer with other numbers of input and output channels; weights that both have are kept.

    `repeat` values of each input channel come one after another, as a flattened feature map gives them.
    """
    if isinstance(layer, _ConvNd):
        return _resized_convolution(layer, inputs, outputs)
    if isinstance(layer, nn.Linear):
        return _like(layer, repeat=repeat, in_features=_times(inputs, repeat), out_features=outputs)
    if isinstance(layer, _BatchNorm):
        return _like(layer, num_features=outputs)
    if isinstance(layer, nn.LayerNorm):
        return _like(layer, normalized_shape=None if outputs is None else (outputs,))
    if isinstance(layer, nn.GroupNorm):
        if outputs is not None and outputs % layer.num_groups:
            raise InvalidInput(f"{outputs} channels do not divide into the {layer.num_groups} groups of a GroupNorm.")
        return _like(layer, num_channels=outputs)
    if isinstance(layer, nn.PReLU):
        return _like(layer, num_parameters=outputs)
    raise InvalidInput(f"The width of a {type(layer).__name__} cannot be changed.")


def _resized_convolution(conv: _ConvNd, inputs: int | None, outputs: int | None) -> nn.Module:
    if conv.groups == 1:
        return _like(conv, in_channels=inputs, out_channels=outputs)
    if conv.groups == conv.in_channels == conv.out_channels:  # depthwise: channels in, out and groups are one number
        channels = inputs if outputs is None else outputs
        return _like(conv, in_channels=channels, out_channels=channels, groups=channels)
    raise InvalidInput(f"The width of a convolution of {conv.groups} groups cannot be changed.")


def _times(number: int | None, factor: int) -> int | None:
    return None if number is None else number * factor


# The constructor's arguments of each kind of layer that can be remade; attributes of the same names hold them.
_ARGUMENTS: Mapping[type[nn.Module], tuple[str, ...]] = {
    _ConvNd: (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
    ),
    nn.Linear: ("in_features", "out_features"),
    _BatchNorm: ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    nn.LayerNorm: ("normalized_shape", "eps", "elementwise_affine"),
    nn.GroupNorm: ("num_groups", "num_channels", "eps", "affine"),
    nn.PReLU: ("num_parameters",),
}


def _like(layer: nn.Module, repeat: int = 1, **changed: Any) -> nn.Module:
    """A layer of the same kind with some arguments changed (None: as before), holding the weights both have."""
    kind = next(kind for kind in _ARGUMENTS if isinstance(layer, kind))
    arguments = {name: getattr(layer, name) for name in _ARGUMENTS[kind]}
    arguments |= {name: value for name, value in changed.items() if value is not None}
    if isinstance(layer, _ConvNd | nn.Linear):
        arguments["bias"] = layer.bias is not None
    first = next(layer.parameters(), torch.zeros(()))
    made = type(layer)(**arguments, device=first.device, dtype=first.dtype)
    made.train(layer.training)
    with torch.no_grad():
        for name, value in made.state_dict().items():
            _keep(layer.state_dict()[name], value, repeat if name == "weight" else 1)
        for ours, theirs in zip(made.parameters(), layer.parameters(), strict=True):
            ours.requires_grad_(theirs.requires_grad)
    return made


def _keep(old: torch.Tensor, new: torch.Tensor, repeat: int) -> None:
    """Copy into `new` what it shares with `old`: first channels, and the middle of kernels."""
    if repeat > 1:
        old, new = (t.view(t.shape[0], -1, repeat) for t in (old, new))
    if new.ndim > 2 and repeat == 1 and new.shape[2:] != old.shape[2:]:
        _keep_middle(old, new)
        return
    shared = tuple(slice(min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
    new[shared] = old[shared]


def _keep_middle(old: torch.Tensor, new: torch.Tensor) -> None:
    channels = tuple(slice(min(a, b)) for a, b in zip(old.shape[:2], new.shape[:2], strict=True))
    places = [_middles(a, b) for a, b in zip(old.shape[2:], new.shape[2:], strict=True)]
    if all(b >= a for a, b in zip(old.shape[2:], new.shape[2:], strict=True)):
        new.zero_()
    new[(*channels, *(there for _, there in places))] = old[(*channels, *(here for here, _ in places))]


def _middles(old: int, new: int) -> tuple[slice, slice]:
    """The part of the old size and the part of the new one that coincide when their middles do."""
    shared, cut = min(old, new), abs(old - new) // 2
    whole, inner = slice(shared), slice(cut, cut + shared)
    return (inner, whole) if old > new else (whole, inner)
