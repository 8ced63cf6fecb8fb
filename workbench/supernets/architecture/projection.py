"""Projection: architecture parameters brought back to where the expected cost keeps its limits."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.architecture import FirstOrder
from workbench.supernets.relaxations import Relaxation
from workbench.supernets.step import Step
from workbench.supernets.supernet import Supernet

TOLERANCE = 0.01  # of a limit
_REACH = 2.0  # how far an inner step goes at most


class Projected(FirstOrder):
    """Minimise the validation loss where `low` <= E[cost] <= `high` (Jin et al., RC-DARTS, 2019).

    Every `every` steps the alphas are projected: alpha <- argmin |alpha - alpha_p|^2 + l1 relu(E[cost] - high) +
    l2 relu(low - E[cost]), in the limit of large l1 and l2, by at most `inner` steps along the gradient of the expected
    `cost`, "macs" or "params", until it is within 1 % of its limits. Raises `InvalidInput` for limits that no
    architecture of the supernet keeps, and where the steps do not reach them.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        low: float,
        high: float,
        *,
        cost: str = "params",
        every: int = 1,
        inner: int = 100,
        **settings: Any,
    ) -> None:
        super().__init__(relaxation, **settings)
        if not 0 <= low <= high or every < 1:
            raise InvalidInput(f"Projected takes 0 <= low <= high and every from 1; got {low}, {high} and {every}.")
        least, most = extremes(relaxation.net, cost)
        if high < least:
            raise InvalidInput(f"The cheapest options have {least:,.0f} {cost}: high must be above, not {high:,.0f}.")
        if low > most:
            raise InvalidInput(f"The dearest options have {most:,.0f} {cost}: low must be below, not {low:,.0f}.")
        self.low, self.high, self.cost, self.every, self.inner = low, high, cost, every, inner

    def before(self, step: Step) -> None:
        """One step on a validation batch, and the projection when it is time."""
        super().before(step)
        if step.warm and (step.index + 1) % self.every == 0:
            self.project()

    def violation(self) -> float:
        """How far the expected cost is outside its limits, as a share of the one that it violates; 0.0 inside."""
        with torch.no_grad():
            cost = float(self.relaxation.expected_costs()[self.cost])
        return max(0.0, cost / self.high - 1, 1 - cost / self.low if self.low else 0.0)

    def project(self) -> None:
        """Move the alphas to the nearest ones, to first order, whose expected cost keeps the limits."""
        alphas = self.relaxation.parameters()
        start = parameters_to_vector(alphas).detach()
        for _ in range(self.inner):
            cost = self.relaxation.expected_costs()[self.cost]
            now = float(cost.detach())

            if self.low * (1 - TOLERANCE) <= now <= self.high * (1 + TOLERANCE):
                return
            target = self.high if now > self.high else self.low
            slope = parameters_to_vector(torch.autograd.grad(cost, alphas, materialize_grads=True, allow_unused=True))
            here = parameters_to_vector(alphas).detach()
            back = start - here
            steps = back + slope * (target - now - slope @ back) / slope.square().sum().clamp_min(1e-30)
            length = float(steps.norm())
            vector_to_parameters(here + steps * min(1.0, _REACH / max(length, 1e-30)), alphas)
        if self.violation() > TOLERANCE:
            raise InvalidInput(
                f"{self.inner} inner steps did not bring the expected {self.cost} between {self.low:,.0f} and "
                f"{self.high:,.0f}: widen the limits, or raise inner."
            )


def extremes(net: Supernet, cost: str) -> tuple[float, float]:
    """The cost of the cheapest option of every gate, and of the dearest, the other gates being mixed evenly."""
    even = {
        name: torch.full((len(allowed),), 1 / len(allowed), device=net.device, requires_grad=True)
        for name, allowed in net.options.items()
    }
    slopes = torch.autograd.grad(net.costs(even)[cost], list(even.values()), materialize_grads=True, allow_unused=True)
    ends = []
    for pick in (torch.argmin, torch.argmax):
        gates: dict[str, Gate] = {name: int(pick(slope)) for name, slope in zip(even, slopes, strict=True)}
        ends.append(float(net.costs(gates)[cost]))
    return ends[0], ends[1]
