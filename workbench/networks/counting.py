"""Parameters and multiply-adds of any torch module, counted by running it once on zeros."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from workbench.networks.counts import Counts
from workbench.networks.preserved import preserved, seeded
from workbench.networks.running import run


def count_module(model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Counts:
    """The counts of `model` for one input of `shape` (without batch axis); the model is left as it was.

    A layer that is called twice counts its multiply-adds twice; a parameter shared by two layers counts once.
    `dtype` is the input's, without it that of the model's parameters.
    """
    macs = [0]

    def add(layer: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        macs[0] += _multiply_adds(layer, inputs[0], output)

    first = next(model.parameters(), torch.zeros(()))
    x = torch.zeros((1, *shape), device=first.device, dtype=dtype or first.dtype)
    with preserved(model), seeded(0, first.device), _hooked(model, add), torch.no_grad():
        model.eval()
        run(model, x)
    return Counts(sum(parameter.numel() for parameter in model.parameters()), macs[0])


def weighted_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Name -> layer for every convolution and linear layer, in the module's order: what proxies look at."""
    return {name: m for name, m in model.named_modules() if isinstance(m, _ConvNd | nn.Linear)}


def _multiply_adds(layer: nn.Module, x: torch.Tensor, output: torch.Tensor) -> int:
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    per_value = prod(weight.shape[1:])
    # A transposed convolution spreads each input value; the others gather for each output value.
    return (x if isinstance(layer, _ConvTransposeNd) else output).numel() * per_value


@contextmanager
def _hooked(model: nn.Module, hook: Any) -> Iterator[None]:
    handles = [layer.register_forward_hook(hook) for layer in weighted_layers(model).values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
