"""The passes over a network that proxies read: each runs once and leaves the network as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.errors import InvalidInput
from workbench.networks.preserved import preserved, seeded
from workbench.networks.running import run
from workbench.tasks import Batch

# What the shared pass can hand out; a new by-product of the same forward and backward is one more name here.
SHARED = ("gradients", "relu_kernel")
# Columns of a sign matrix multiplied at once: counts below 2^24 are exact in float32.
_EXACT = 2**22


def shared_pass(
    model: nn.Module, weights: Mapping[str, nn.Parameter], batch: Batch, seed: int, wanted: Collection[str]
) -> dict[str, Any]:
    """One training-mode forward, one backward of the mean cross-entropy if gradients are wanted.

    "gradients": name -> gradient of each of the `weights` (zero where the loss does not depend on it).
    "relu_kernel": `ReluKernel` over the same forward.
    """
    differentiable = "gradients" in wanted
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        stack.enter_context(_undisturbed(model, seed, batch.x.device, differentiable))
        for weight in weights.values():
            weight.requires_grad_(True)
        if "relu_kernel" in wanted:
            found["relu_kernel"] = stack.enter_context(_relu_kernel(model, len(batch.x)))
        logits = run(model, batch.x)
        if differentiable:
            found["gradients"] = _gradients(logits, batch.y, weights)
    return found


class ReluKernel:
    """How alike the ReLUs see each two inputs: (B, B) counts of units on for both or off for both.

    Mellor et al. (ICML 2021), section 3: K = sum over ReLUs of x x' + (1 - x)(1 - x)' for x = 1[output > 0];
    with s the units on per input and n the units, that is 2 x x' - s - s' + n, one product instead of two.
    """

    def __init__(self, n_inputs: int) -> None:
        self.matrix = torch.zeros(n_inputs, n_inputs, dtype=torch.float64)
        self.n_units = 0

    def add(self, _layer: nn.Module, _inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        """Add one ReLU's output; the activations themselves are not kept."""
        on = (output.detach() > 0).flatten(1)
        for part in torch.split(on, _EXACT, dim=1):
            x = part.to(torch.float32)
            together = (x @ x.t()).to("cpu", torch.float64)
            each = together.diagonal()
            self.matrix += 2 * together - each[:, None] - each[None, :] + part.shape[1]
        self.n_units += on.shape[1]


def synaptic_flow(
    model: nn.Module, weights: Mapping[str, nn.Parameter], shape: tuple[int, ...], seed: int
) -> dict[str, float]:
    """By layer, the sum of |w dR/dw| for R = sum of outputs on one input of ones, all weights made positive.

    In float64 and with every batch normalisation bypassed (Tanaka et al., NeurIPS 2020, equation 2, as NASLib
    runs it). The model computes on absolute copies: its own tensors are not touched.
    """
    if not weights:
        return {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    device = next(iter(weights.values())).device
    ones = torch.ones((1, *shape), dtype=torch.float64, device=device)
    with _undisturbed(model, seed, device, differentiable=True), _bypassed(model, _BatchNorm):
        tensors = [*model.named_parameters(), *model.named_buffers()]
        state = {name: _magnitude(tensor) for name, tensor in tensors}
        along = {layer: state[names[id(weight)]].requires_grad_() for layer, weight in weights.items()}
        flow = run(lambda x: torch.func.functional_call(model, state, (x,)), ones).sum()
        gradients = torch.autograd.grad(flow, list(along.values()), allow_unused=True)
    return {
        layer: 0.0 if gradient is None else float((weight.detach() * gradient).abs().sum())
        for (layer, weight), gradient in zip(along.items(), gradients, strict=True)
    }


def _gradients(
    logits: torch.Tensor, labels: torch.Tensor, weights: Mapping[str, nn.Parameter]
) -> dict[str, torch.Tensor]:
    if logits.ndim != 2 or len(logits) != len(labels):
        raise InvalidInput(
            f"The network must return one row of logits for each of {len(labels)} labels; "
            f"it returned the shape {tuple(logits.shape)}."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= logits.shape[1]:
        raise InvalidInput(
            f"Labels must lie in 0..{logits.shape[1] - 1}, the network's {logits.shape[1]} outputs; "
            f"got labels from {low} to {high}."
        )
    loss = nn.functional.cross_entropy(logits, labels)
    if not (weights and loss.requires_grad):  # nothing of the output depends on any weight
        return {name: torch.zeros_like(weight) for name, weight in weights.items()}
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def _magnitude(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(torch.float64).abs() if tensor.is_floating_point() else tensor.detach().clone()


@contextmanager
def _undisturbed(model: nn.Module, seed: int, device: torch.device, differentiable: bool) -> Iterator[None]:
    """Inside, the model is in training mode and chance comes from `seed`; outside, nothing has happened."""
    # A caller may be in inference mode, where no gradient can be had.
    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(differentiable),
        preserved(model),
        seeded(seed, device),
    ):
        model.train()
        yield


@contextmanager
def _relu_kernel(model: nn.Module, n_inputs: int) -> Iterator[ReluKernel]:
    kernel = ReluKernel(n_inputs)
    handles = [m.register_forward_hook(kernel.add) for m in model.modules() if isinstance(m, nn.ReLU)]
    try:
        yield kernel
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _bypassed(model: nn.Module, kind: type[nn.Module]) -> Iterator[None]:
    """Inside, every module of a `kind` hands its input on."""
    before = [(m, m.__dict__.get("forward")) for m in model.modules() if isinstance(m, kind)]
    for module, _ in before:
        module.__dict__["forward"] = lambda x: x
    try:
        yield
    finally:
        for module, own in before:
            del module.__dict__["forward"]
            if own is not None:
                module.__dict__["forward"] = own
