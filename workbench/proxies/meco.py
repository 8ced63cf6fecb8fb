"""meco: how far from each other the channels of every layer are on one random image (Jiang et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.running import run
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.unscored import Unscored

# The side of the authors' random image, where the network takes one.
SIDE = 64
# The channels that the optimised form looks at.
SAMPLED = 8
_PAPER = "Jiang et al., MeCo: Zero-Shot NAS with One Data and Single Forward Pass, NeurIPS 2023"

# (C, positions) to a number.
Value = Callable[[torch.Tensor], float]


def smallest_eigenvalue(channels: torch.Tensor) -> float:
    """The smallest eigenvalue of the (C, C) Pearson correlations of (C, positions), never below 0.

    A channel that is the same everywhere correlates with nothing, itself included, as in the authors' code: 0.
    """
    centred = channels.to(torch.float64)
    centred = centred - centred.mean(dim=1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    if not norms.isfinite().all():
        return float("nan")
    # What is left of a constant channel after its mean is taken off is rounding.
    constant = norms <= torch.finfo(torch.float32).eps * channels.to(torch.float64).norm(dim=1, keepdim=True)
    if constant.any() or channels.shape[1] <= channels.shape[0]:
        return 0.0  # centred rows of C values or fewer are linearly dependent
    unit = centred / norms
    return max(0.0, float(torch.linalg.eigvalsh(unit @ unit.t())[0]))


def _by_layer(probe: Probe, value: Value) -> float | dict[str, float]:
    """Name of layer -> sum of `value` over its feature maps on one image; an `Unscored` where there are none."""
    if len(probe.shape) < 2:
        return Unscored("the network takes rows of numbers: there are no feature maps")
    like = next(probe.model.parameters(), torch.zeros(()))
    grown = (probe.shape[0], *(max(SIDE, side) for side in probe.shape[1:]))
    reason = ""
    for shape in dict.fromkeys((grown, probe.shape)):
        drawn = torch.randn((1, *shape), generator=torch.Generator().manual_seed(probe.seed))
        try:
            found = _one_forward(probe, drawn.to(like.device, like.dtype), value)
        except InvalidInput as error:
            reason = str(error)
            continue
        if not found:
            return Unscored("no layer of the network has a feature map")
        bad = next((name for name, number in found.items() if not isfinite(number)), None)
        if bad is not None:
            return Unscored(f"the outputs of layer {bad!r} are not finite")
        return found
    return Unscored(reason)


def _one_forward(probe: Probe, image: torch.Tensor, value: Value) -> dict[str, float]:
    found: dict[str, float] = {}

    def add(name: str, _layer: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
        # Without its batch axis a feature map has channels and positions.
        if isinstance(output, torch.Tensor) and output.ndim > 2 and output.is_floating_point():
            found[name] = found.get(name, 0.0) + value(output.detach()[0].flatten(1))

    layers = {name: m for name, m in probe.model.named_modules() if next(m.children(), None) is None}
    with undisturbed(probe.model, probe.seed, image.device, differentiable=False):
        handles = [layer.register_forward_hook(partial(add, name)) for name, layer in layers.items()]
        try:
            run(probe.model, image)
        finally:
            for handle in handles:
                handle.remove()
    return found


@proxy(
    better="higher",
    needs="none",
    cost="forward",
    paper=_PAPER,
    equation="sum over layers of the smallest eigenvalue of the channels' (C, C) Pearson correlations on one image",
    published=reported("Jiang et al., abstract", "nasbench201", cifar10=0.89),
)
def meco(probe: Probe) -> float | dict[str, float]:
    """By layer, on one image of N(0, 1) pixels, 64 by 64 or larger, or of the task's size if no other is taken.

    A layer is a module without modules of its own, activations, poolings and identities included. The authors' code
    adds every module, so that a value counts once more for each container that ends with it.
    """
    return _by_layer(probe, smallest_eigenvalue)


@proxy(
    better="higher",
    needs="none",
    cost="forward",
    paper=_PAPER,
    equation="sum over layers of C/8 times the smallest eigenvalue of the correlations of 8 random channels of C",
)
def meco_opt(probe: Probe) -> float | dict[str, float]:
    """By layer: as `meco`, with 8 channels drawn from the seed for each; a layer of fewer channels counts with all.

    The draws go on from layer to layer in the order in which they run.
    """
    drawing = torch.Generator().manual_seed(probe.seed)

    def sampled(channels: torch.Tensor) -> float:
        n = len(channels)
        if n < SAMPLED:
            return smallest_eigenvalue(channels)
        chosen = torch.randperm(n, generator=drawing)[:SAMPLED].to(channels.device)
        return n / SAMPLED * smallest_eigenvalue(channels[chosen])

    return _by_layer(probe, sampled)
