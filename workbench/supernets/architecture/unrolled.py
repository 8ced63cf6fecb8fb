"""The unrolled architecture optimiser: the second order of DARTS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workbench.errors import InvalidInput
from workbench.supernets.architecture import ArchitectureOptimiser
from workbench.supernets.relaxations import Relaxation
from workbench.supernets.step import Step

Tensors = Sequence[torch.Tensor]


class Unrolled(ArchitectureOptimiser):
    """The gradient of the validation loss one step of the weights ahead (DARTS, ICLR 2019, equations 6 to 8).

    d L_val(w', a) / da = dL_val/da - xi d2 L_train(w, a) / (da dw) dL_val/dw', with w' the weights after a step of SGD
    on the training batch, momentum and weight decay included, and xi the learning rate. The product with the second
    derivative is a central difference over `radius` / |dL_val/dw'|. Takes about four times the passes of `FirstOrder`.
    Raises `InvalidInput` where the weights are optimised by something else than SGD.
    """

    def __init__(self, relaxation: Relaxation, *, radius: float = 1e-2, **settings: Any) -> None:
        super().__init__(relaxation, **settings)
        self.radius = radius

    def before(self, step: Step) -> None:
        """One step along the gradient, on a training and a validation batch."""
        if step.warm:
            self.update(list(self.gradient(step)))

    def gradient(self, step: Step) -> list[torch.Tensor]:
        """The derivative with respect to every alpha; the weights are left as they were."""
        if not isinstance(step.optimiser, torch.optim.SGD):
            raise InvalidInput("Unrolled looks ahead one step of SGD: give the recipe optimiser='sgd'.")
        alphas, weights = self.relaxation.parameters(), list(step.net.parameters())
        gates = self.relaxation.gates(step)  # drawn once, for every pass
        kept = [weight.detach().clone() for weight in weights]
        xi = step.optimiser.param_groups[0]["lr"]
        ahead = _update(step.optimiser, weights, _gradients(step.loss(step.train, gates), weights))
        try:
            _move(weights, kept, ahead, -xi)
            both = _gradients(self.penalised(step.loss(step.valid, gates)), [*alphas, *weights])
            direct, vector = both[: len(alphas)], both[len(alphas) :]
            norm = torch.stack([part.square().sum() for part in vector]).sum().sqrt()
            if float(norm) == 0:
                return direct
            reach = self.radius / float(norm)
            _move(weights, kept, vector, reach)
            above = _gradients(step.loss(step.train, gates), alphas)
            _move(weights, kept, vector, -reach)
            below = _gradients(step.loss(step.train, gates), alphas)
        finally:
            _move(weights, kept, kept, 0.0)
        return [d - xi * (a - b) / (2 * reach) for d, a, b in zip(direct, above, below, strict=True)]


def _update(optimiser: torch.optim.Optimizer, weights: Sequence[torch.nn.Parameter], gradients: Tensors) -> Tensors:
    """What SGD would take `lr` times from the weights."""
    group = optimiser.param_groups[0]
    found = []
    for weight, gradient in zip(weights, gradients, strict=True):
        change = gradient + group["weight_decay"] * weight.detach()
        before = optimiser.state[weight].get("momentum_buffer") if weight in optimiser.state else None
        found.append(change if before is None else group["momentum"] * before + change)
    return found


def _gradients(loss: torch.Tensor, of: Tensors) -> list[torch.Tensor]:
    """Zero where the loss does not depend on a tensor; the way to the gates is kept for the next pass."""
    return list(torch.autograd.grad(loss, of, retain_graph=True, materialize_grads=True, allow_unused=True))


@torch.no_grad()
def _move(weights: Sequence[torch.nn.Parameter], start: Tensors, along: Tensors, length: float) -> None:
    """The weights become start + length * along."""
    for weight, origin, direction in zip(weights, start, along, strict=True):
        weight.copy_(origin if length == 0 else origin + length * direction)
