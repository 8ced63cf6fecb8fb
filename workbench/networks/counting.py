"""Parameters and multiply-adds of any torch module, counted by running it once on zeros."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_flop

from workbench.networks.counts import Counts
from workbench.networks.preserved import preserved, seeded
from workbench.networks.running import run

# What torch calls a kernel, and its formula for it; fused attention on CPUs is missing from torch's own list.
_FORMULAS: Mapping[Any, Callable[..., int]] = {
    **flop_registry,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: sdpa_flop,
}


def count_module(model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Counts:
    """The counts of `model` for one input of `shape` (without batch axis); the model is left as it was.

    A layer that is called twice counts its multiply-adds twice; a parameter shared by two layers counts once.
    `dtype` is the input's, without it that of the model's parameters.
    """
    first = next(model.parameters(), torch.zeros(()))
    x = torch.zeros((1, *shape), device=first.device, dtype=dtype or first.dtype)
    with preserved(model), seeded(0, first.device), torch.no_grad(), _unfused(), _Products() as products:
        model.eval()
        run(model, x)
    return Counts(sum(parameter.numel() for parameter in model.parameters()), products.macs)


def count_built(build: Callable[[], nn.Module], shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Counts:
    """The counts of the network that `build` makes, without computing anything, however large it is."""
    # On the "meta" device tensors have shapes and no values.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return count_module(build(), shape, dtype)


def weighted_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Name -> layer for every convolution and linear layer, in the module's order: what proxies look at."""
    return {name: m for name, m in model.named_modules() if isinstance(m, _ConvNd | nn.Linear)}


class _Products(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch annotates no part of it
    """Inside, the multiply-adds of every convolution and matrix product that torch computes are added up.

    They are counted where torch computes and not where modules are called, because the two products of attention
    belong to no layer, and neither do the projections inside `nn.MultiheadAttention`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = 0

    def __torch_dispatch__(
        self, function: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        formula = _FORMULAS.get(function.overloadpacket)
        if formula is None:
            with self:  # in inference mode a layer comes whole: look at the products that it is made of
                output = function.decompose(*args, **kwargs)
            return function(*args, **kwargs) if output is NotImplemented else output
        output = function(*args, **kwargs)
        self.macs += formula(*args, **kwargs, out_val=output) // 2  # torch counts multiplication and addition as two
        return output


@contextmanager
def _unfused() -> Iterator[None]:
    """Inside, `nn.TransformerEncoderLayer` computes step by step: its one fused kernel would hide its products."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
