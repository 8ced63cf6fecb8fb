"""Architecture optimisers: how the architecture parameters of a relaxation are learned beside the weights."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any

import torch

from workbench.supernets.relaxations import Relaxation
from workbench.supernets.step import Stateful, Step

Penalty = Callable[[torch.Tensor, dict[str, torch.Tensor]], torch.Tensor]


class ArchitectureOptimiser(Stateful, ABC):
    """Adam on the alphas of `relaxation`; `before` and `after` are called around the weights' update of every step.

    `penalty(loss, costs)` turns the loss and the expected "macs" and "params" into what is minimised.
    """

    joint = False
    """Whether the weights' backward pass is to reach the alphas as well."""

    def __init__(
        self,
        relaxation: Relaxation,
        *,
        lr: float = 0.003,
        betas: tuple[float, float] = (0.5, 0.999),
        weight_decay: float = 0.001,
        penalty: Penalty | None = None,
    ) -> None:
        self.relaxation = relaxation
        self.penalty = penalty
        self.optimiser: torch.optim.Optimizer = torch.optim.Adam(
            relaxation.parameters(), lr, betas=betas, weight_decay=weight_decay
        )

    def before(self, step: Step) -> None:
        """What is done before the weights' update."""

    def after(self, step: Step) -> None:
        """What is done after it."""

    def penalised(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss with the penalty."""
        return loss if self.penalty is None else self.penalty(loss, self.relaxation.expected_costs())

    def update(self, gradients: list[torch.Tensor | None]) -> None:
        """One step of Adam along these gradients."""
        for alpha, gradient in zip(self.relaxation.parameters(), gradients, strict=True):
            alpha.grad = gradient
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """The alphas and Adam's moments."""
        return {"relaxation": self.relaxation.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them back."""
        self.relaxation.load_state_dict(state["relaxation"])
        self.optimiser.load_state_dict(state["optimiser"])


class FirstOrder(ArchitectureOptimiser):
    """The gradient of the validation loss at the weights as they are (DARTS, ICLR 2019, section 2.3, xi = 0).

    It is the mean over `draws` of the relaxation's gates, which one draw of single paths is a noisy estimate of.
    """

    def __init__(self, relaxation: Relaxation, *, draws: int = 1, **settings: Any) -> None:
        super().__init__(relaxation, **settings)
        self.draws = draws

    def before(self, step: Step) -> None:
        """One step on a validation batch."""
        if step.warm:
            losses = [step.loss(step.valid, self.relaxation.gates(step)) for _ in range(self.draws)]
            loss = self.penalised(losses[0] if self.draws == 1 else torch.stack(losses).mean())
            self.update(list(torch.autograd.grad(loss, self.relaxation.parameters(), allow_unused=True)))


class OneLevel(ArchitectureOptimiser):
    """The gradient of the training loss that the weights are updated by: same batch, same backward pass."""

    joint = True

    def before(self, step: Step) -> None:
        """Start without gradients; the penalty's are the first."""
        self.optimiser.zero_grad(set_to_none=True)
        if step.warm and self.penalty is not None:
            zero = torch.zeros((), device=step.net.device)
            self.penalised(zero).backward()  # type: ignore[no-untyped-call]

    def after(self, step: Step) -> None:
        """Step along what the weights' backward pass has left."""
        if step.warm:
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
