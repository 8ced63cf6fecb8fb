"""Statistics of layers: what one forward and backward leaves in each, summed up in a few numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workbench.proxies.passes import ReluKernel, shared_pass
from workbench.proxies.probe import Probe

Array = NDArray[np.float64]

# What is summed up of each convolution and linear layer.
TENSORS: Mapping[str, str] = {
    "weight": "its weight w",
    "gradient": "g, the gradient of the mean cross-entropy by w",
    "saliency": "w g, element by element",
    "output": "its outputs a",
    "output_gradient": "the gradient of the mean cross-entropy by a",
    "channel_saliency": "a times its gradient, summed over the places of a channel: one number an input and channel",
}
SUMMARIES: Mapping[str, str] = {
    "n": "how many values there are",
    "sum": "their sum",
    "l1": "the sum of their absolute values",
    "l2": "their Euclidean norm",
    "std": "their standard deviation about their mean, by n",
    "max": "the largest absolute value",
}
OTHERS: Mapping[str, str] = {
    "output.logdet": "sum of log(e + 0.00001), e the eigenvalues of the share of outputs on, or off, for both inputs",
    "flow": "the sum of |w dR/dw| of the synaptic flow R",
    "depth": "the layer's place in the network, 0 for the first and 1 for the last",
    "one": "1",
}
NAMES: tuple[str, ...] = (*(f"{tensor}.{summary}" for tensor in TENSORS for summary in SUMMARIES), *OTHERS)
_WITHOUT_PASS = ("depth", "one", *(f"weight.{summary}" for summary in SUMMARIES))
# Added to eigenvalues before the logarithm, as Mellor et al.'s first score does.
_EPSILON = 1e-5


def read(probe: Probe, names: Collection[str]) -> dict[str, Array]:
    """Name of statistic -> (layers,) float64 in the order of `probe.weights`; only the passes needed are run.

    NaN is where a layer has no such number, as one that did not run has no outputs; infinity is where the number is
    broken, NaN weights included. Raises `InvalidInput` where the network cannot run on the batch.
    """
    found: dict[str, Array] = {}
    for name in names:
        if name not in found:
            found |= probe.once(_pass_of(name))
    return {name: found[name] for name in names}


def needs_loss(name: str) -> bool:
    """Whether the statistic comes of a forward and backward of the loss on a batch."""
    return _pass_of(name) is of_loss


def of_weights(probe: Probe) -> dict[str, Array]:
    """The statistics for which nothing has to run."""
    sums = {layer: _Sums() for layer in probe.weights}
    for layer, weight in probe.weights.items():
        sums[layer].add(weight)
    n = len(sums)
    return _columns("weight", sums) | {"one": np.ones(n), "depth": np.linspace(0, 1, n) if n > 1 else np.zeros(n)}


def of_loss(probe: Probe) -> dict[str, Array]:
    """The statistics of one training-mode forward and backward; each output is dropped once its gradient came by."""
    watched = _Watched(probe.weights, len(probe.batch.x))
    modules = dict(probe.model.named_modules())
    handles = [modules[name].register_forward_hook(partial(watched.see, name)) for name in probe.weights]
    try:
        shared = shared_pass(probe.model, probe.weights, probe.batch, probe.seed, ("gradients",))
    finally:
        for handle in handles:
            handle.remove()
    for layer, gradient in shared["gradients"].items():
        watched.sums["gradient"][layer].add(gradient)
        watched.sums["saliency"][layer].add(probe.weights[layer].detach() * gradient)
    columns = [_columns(tensor, sums) for tensor, sums in watched.sums.items()]
    kernels = {"output.logdet": np.array([_log_determinant(kernel) for kernel in watched.kernels.values()])}
    return {name: column for group in (*columns, kernels) for name, column in group.items()}


def of_flow(probe: Probe) -> dict[str, Array]:
    """The synaptic flow, from a forward and backward of its own on one input of ones."""
    return {"flow": np.array([_sound(probe.synaptic_flow[layer]) for layer in probe.weights])}


def _pass_of(name: str) -> Any:
    return of_weights if name in _WITHOUT_PASS else of_flow if name == "flow" else of_loss


class _Sums:
    """The summary of the values of all tensors added so far."""

    def __init__(self) -> None:
        self.n = 0
        self.sum = self.l1 = self.squares = self.about_mean = self.max = 0.0

    def add(self, values: torch.Tensor) -> None:
        """Add one tensor's values; the spread is combined by Chan, Golub & LeVeque's formula (1983)."""
        values = values.detach().flatten()
        n = values.numel()
        if not n:
            return
        values = values.to(torch.promote_types(values.dtype, torch.float32))
        sums, sizes = values.sum(), values.abs()
        # Several times quicker than torch's own deviation and norms of order 1 and infinity.
        parts = [sums, sizes.sum(), values.norm(), sizes.max(), (values - sums / n).norm()]
        total, l1, l2, largest, spread = torch.stack(parts).tolist()
        apart = total / n - self.sum / self.n if self.n else 0.0
        self.about_mean += spread**2 + apart**2 * self.n * n / (self.n + n)
        self.n += n
        self.sum += total
        self.l1 += l1
        self.squares += l2**2
        self.max = max(self.max, largest) if not isnan(largest) else inf

    def read(self) -> list[float]:
        """The summaries in the order of `SUMMARIES`; no number at all where nothing was added."""
        if not self.n:
            return [nan] * len(SUMMARIES)
        found = (float(self.n), self.sum, self.l1, sqrt(self.squares), sqrt(self.about_mean / self.n), self.max)
        return [_sound(number) for number in found]


class _Watched:
    """The outputs of layers and their gradients, as they come by."""

    def __init__(self, layers: Collection[str], n_inputs: int) -> None:
        tensors = [tensor for tensor in TENSORS if tensor != "weight"]
        self.sums = {tensor: {layer: _Sums() for layer in layers} for tensor in tensors}
        self.kernels = {layer: ReluKernel(n_inputs) for layer in layers}
        self._n_inputs = n_inputs

    def see(self, name: str, layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        """Forward hook: sum up one output and hand a copy on, so that nothing overwrites what is looked at."""
        self.sums["output"][name].add(output)
        if len(output) == self._n_inputs:
            self.kernels[name].add(layer, (), output)
        if output.requires_grad:
            axis = output.ndim - 1 if isinstance(layer, nn.Linear) else 1
            output.register_hook(partial(self._see_gradient, name, axis, [output.detach()]))  # type: ignore[no-untyped-call]
        return output.clone()

    def _see_gradient(self, name: str, axis: int, holder: list[torch.Tensor], gradient: torch.Tensor) -> None:
        product = holder.pop() * gradient.detach()
        places = [place for place in range(1, product.ndim) if place != axis]
        self.sums["output_gradient"][name].add(gradient)
        self.sums["channel_saliency"][name].add(product.sum(places) if places else product)


def _columns(tensor: str, sums: Mapping[str, _Sums]) -> dict[str, Array]:
    rows = np.array([each.read() for each in sums.values()], dtype=float).reshape(len(sums), len(SUMMARIES))
    return {f"{tensor}.{summary}": rows[:, place] for place, summary in enumerate(SUMMARIES)}


def _log_determinant(kernel: ReluKernel) -> float:
    if not kernel.n_units:
        return nan
    spectrum = torch.linalg.eigvalsh(kernel.matrix / kernel.n_units).clamp(min=0)
    return _sound(float((spectrum + _EPSILON).log().sum()))


def _sound(number: float) -> float:
    return inf if isnan(number) else number
