"""Sparse architecture coefficients: raw alphas, whose small ones an L1 penalty makes exactly zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.architecture import OneLevel
from workbench.supernets.relaxations import Relaxation

if TYPE_CHECKING:
    from workbench.supernets.step import Step


class Raw(Relaxation):
    """The alphas themselves as weights: nothing normalises them, and an option whose alpha is 0 does not run."""

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """The alpha; 0 for options that are gone."""
        return alpha.masked_fill(torch.isinf(alpha), 0.0)

    def probability(self, alpha: torch.Tensor) -> torch.Tensor:
        """The absolute alphas, as shares of their sum; equal shares where all are 0."""
        size = alpha.masked_fill(torch.isinf(alpha), 0.0).abs()
        return size / size.sum() if bool(size.any()) else torch.ones_like(size) / len(size)


class L1Proximal(OneLevel):
    """Proximal gradient descent on training loss + rho * |alpha|_1 (Xu et al., Do Not Train It, ICML 2023).

    alpha <- soft(alpha - lr * dL/dalpha, lr * rho), soft(a, t) = sign(a) max(|a| - t, 0) (Daubechies et al., 2004): the
    coefficients of a sparse code over the fixed outputs of the options.
    """

    def __init__(self, relaxation: Raw, *, lr: float = 0.1, rho: float = 0.01, **settings: Any) -> None:
        super().__init__(relaxation, **settings)
        if lr <= 0 or rho < 0:
            raise InvalidInput(f"L1Proximal takes lr above 0 and rho from 0; got {lr} and {rho}.")
        self.rho = rho
        self.optimiser = torch.optim.SGD(relaxation.parameters(), lr)

    def after(self, step: Step) -> None:
        """The gradient step, then the soft threshold."""
        super().after(step)
        if step.warm:
            self.shrink()

    @torch.no_grad()
    def shrink(self) -> None:
        """The proximal step alone."""
        for alpha in self.relaxation.parameters():
            threshold = self.optimiser.param_groups[0]["lr"] * self.rho
            alpha.copy_(alpha.sign() * (alpha.abs() - threshold).clamp_min(0))
