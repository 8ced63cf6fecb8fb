"""zen: how far a small change of a noise input moves the features of random weights (Lin et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import fsum, log
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from workbench.networks.running import run
from workbench.proxies.kernels import faster
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.unscored import Unscored

_STEP = 0.01
_INPUTS = 64


@proxy(
    better="higher",
    needs="none",
    cost="forward",
    paper="Lin et al., Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition, ICCV 2021",
    equation="log mean ||f(x) - f(x + 0.01 e)||_1 + sum over batch normalisations of log sqrt(mean running variance)",
    published=reported(
        "Tybl & Neumann, VKDNW, CVPR 2025, table 1, 9,445 unique cells",
        "nasbench201",
        cifar10=0.103,
        cifar100=0.072,
        imagenet16_120=0.109,
    ),
)
def zen(probe: Probe) -> float:
    """The network f up to its last feature map, with weights, x and e that are normal, drawn from the probe's seed.

    One draw of weights and 64 inputs, as NASLib runs it (ZenNAS: the mean of 32 draws with 16 inputs). The
    network's own weights are neither used nor touched.
    """
    first = next(probe.model.parameters(), torch.zeros(()))
    generator = torch.Generator().manual_seed(probe.seed)
    with torch.inference_mode(False):  # what is made in that mode cannot be written in another
        state = gaussian_state(probe.model, generator)
        x, e = (torch.randn(_INPUTS, *probe.shape, generator=generator).to(first.device, first.dtype) for _ in range(2))
        return zen_score(probe.model, state, x, x + _STEP * e, probe.seed)


def gaussian_state(model: nn.Module, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Parameters and buffers for `model`: normal weights of convolutions and linear layers, fresh normalisation.

    Biases are 0; normalisation scales by 1 and shifts by 0. What belongs to other layers is copied.
    """
    state = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}
    state |= {name: tensor.detach().clone() for name, tensor in model.named_buffers()}
    for prefix, module in model.named_modules():
        own = {name: state.get(f"{prefix}.{name}".lstrip(".")) for name in _FRESH}
        if isinstance(module, _ConvNd | nn.Linear):
            weight, bias = own["weight"], own["bias"]
            if weight is not None:  # none where another layer's name stands for a shared weight
                weight.copy_(torch.randn(weight.shape, generator=generator))
            if bias is not None:
                bias.zero_()
        elif isinstance(module, _BatchNorm | nn.GroupNorm):
            for name, tensor in own.items():
                if tensor is not None:
                    tensor.fill_(_FRESH[name])
    return state


def zen_score(
    model: nn.Module, state: Mapping[str, torch.Tensor], x: torch.Tensor, moved: torch.Tensor, seed: int
) -> float:
    """The score of `model` with the tensors of `state` for two batches of inputs (n, ...), run in this order.

    The running variances in `state` are those of both runs afterwards.
    """
    norms = [name for name, module in model.named_modules() if isinstance(module, _BatchNorm)]
    variances = [state.get(f"{name}.running_var".lstrip(".")) for name in norms]
    for name, variance in zip(norms, variances, strict=True):
        if variance is None:
            return Unscored(f"the batch normalisation {name!r} keeps no running variance, of which zen is made")
    with undisturbed(model, seed, x.device, differentiable=False), faster(model), _last_features(model) as features:
        for inputs in (x, moved):
            run(lambda given: torch.func.functional_call(model, dict(state), (given,)), inputs)
            features.keep()
    before, after = features.kept
    if before is None or after is None:
        return Unscored("the network has neither a feature map nor a linear layer to read features from")
    moved_by = float((after.double() - before.double()).flatten(1).abs().sum(1).mean())
    if moved_by == 0:
        return Unscored("the features do not depend on the input, and 0 has no logarithm")
    spread = [float(variance.double().mean()) for variance in variances if variance is not None]
    if not all(value > 0 for value in [moved_by, *spread]):
        return Unscored("features or variances are no finite numbers")
    return log(moved_by) + fsum(log(value) / 2 for value in spread)


class _Features:
    """The last feature map of a forward with more than one place; without any, the last linear layer's input."""

    def __init__(self) -> None:
        self.kept: list[torch.Tensor | None] = []
        self._map: torch.Tensor | None = None
        self._vector: torch.Tensor | None = None

    def see(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Forward hook: remember what is later than what was."""
        if isinstance(output, torch.Tensor) and output.ndim > 2 and output[0, 0].numel() > 1:
            self._map = output
        if isinstance(module, nn.Linear):
            self._vector = inputs[0]

    def keep(self) -> None:
        """End of a forward."""
        self.kept.append(self._map if self._map is not None else self._vector)
        self._map = self._vector = None


@contextmanager
def _last_features(model: nn.Module) -> Iterator[_Features]:
    features = _Features()
    handles = [module.register_forward_hook(features.see) for module in model.modules()]
    try:
        yield features
    finally:
        for handle in handles:
            handle.remove()


_FRESH = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
