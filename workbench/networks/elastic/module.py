"""What every elastic module can do: run under gates, and take over the weights of a larger or a smaller one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from workbench.networks.elastic.gates import Gates


class ElasticModule(nn.Module):
    """A module whose forward pass takes gates beside its input."""

    def forward(self, x: torch.Tensor, gates: Gates) -> torch.Tensor:
        """The output for `x` under `gates`."""
        raise TypeError(f"{type(self).__name__} has no forward pass")

    def inherit(self, other: nn.Module) -> None:
        """Take over the tensors that the module itself holds (not its parts) from one of the same kind."""
        overlap(self, other)


def run(module: nn.Module, x: torch.Tensor, gates: Gates) -> torch.Tensor:
    """`module` on `x`, with the gates where it reads them."""
    out: torch.Tensor = module(x, gates) if isinstance(module, ElasticModule) else module(x)
    return out


def leading(tensor: torch.Tensor, shape: Iterable[int]) -> torch.Tensor:
    """The leading part of a tensor along its first axes; itself where that is all of it."""
    shape = tuple(shape)
    return tensor if tensor.shape[: len(shape)] == shape else tensor[tuple(map(slice, shape))]


def centre(weight: torch.Tensor, kernel: int, n_axes: int) -> torch.Tensor:
    """The middle `kernel` places along each of the last `n_axes` axes."""
    start = (weight.shape[-1] - kernel) // 2
    for axis in range(-n_axes, 0):
        weight = weight.narrow(axis, start, kernel)
    return weight


def cut(tensor: torch.Tensor, shape: Iterable[int]) -> torch.Tensor:
    """What a layer of a weight of `shape` uses of a larger weight: leading outputs and inputs, the kernel's centre."""
    shape = tuple(shape)
    return leading(centre(tensor, shape[-1], len(shape) - 2) if len(shape) > 2 else tensor, shape[:2])


@torch.no_grad()
def overlap(module: nn.Module, other: nn.Module) -> None:
    """Write the leading part of every tensor of `other` itself into the tensor of the same name of `module` itself."""
    theirs = dict(other.named_parameters(recurse=False)) | dict(other.named_buffers(recurse=False))
    ours = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
    for name, tensor in ours.items():
        if name in theirs and theirs[name].ndim == tensor.ndim:
            write(tensor, theirs[name])


@torch.no_grad()
def write(tensor: torch.Tensor, source: torch.Tensor) -> None:
    """Write the leading part of `source` into that of `tensor`, as far as both reach along every axis."""
    common = tuple(slice(min(pair)) for pair in zip(tensor.shape, source.shape, strict=True))
    tensor[common].copy_(source[common])


def write_kernel(tensor: torch.Tensor, source: torch.Tensor) -> None:
    """The same for tensors like a convolution's weight, whose kernels share their centres."""
    kernel, n_axes = min(tensor.shape[-1], source.shape[-1]), tensor.ndim - 2
    if n_axes > 0:
        tensor, source = centre(tensor, kernel, n_axes), centre(source, kernel, n_axes)
    write(tensor, source)
