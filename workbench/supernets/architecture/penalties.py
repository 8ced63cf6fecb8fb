"""Penalties: how an expected cost joins the loss that an architecture optimiser minimises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from workbench.errors import InvalidInput

if TYPE_CHECKING:
    from workbench.supernets.architecture import Penalty


def hinge(limit: float, cost: str = "macs", strength: float = 1.0) -> Penalty:
    """Loss + strength * max(0, log(cost / limit)): nothing below the limit."""
    _check("limit", limit)

    def penalty(loss: torch.Tensor, costs: dict[str, torch.Tensor]) -> torch.Tensor:
        return loss + strength * (costs[cost] / limit).log().clamp_min(0)

    return penalty


def linear(reference: float, cost: str = "macs", strength: float = 1.0) -> Penalty:
    """Loss + strength * (cost - reference) / reference (Cai et al., ProxylessNAS, ICLR 2019, section 3.3)."""
    _check("reference", reference)

    def penalty(loss: torch.Tensor, costs: dict[str, torch.Tensor]) -> torch.Tensor:
        return loss + strength * (costs[cost] - reference) / reference

    return penalty


def logarithmic(cost: str = "macs", strength: float = 0.1) -> Penalty:
    """Loss + strength * log(cost) (Stamoulis et al., Single-Path NAS, ECML PKDD 2019)."""

    def penalty(loss: torch.Tensor, costs: dict[str, torch.Tensor]) -> torch.Tensor:
        return loss + strength * costs[cost].log()

    return penalty


def multiplied(cost: str = "macs", alpha: float = 0.2, beta: float = 0.6, reference: float | None = None) -> Penalty:
    """Loss * alpha * log(cost)^beta (Wu et al., FBNet, CVPR 2019, equation 2).

    With a `reference` the logarithm is divided by that of the reference, so that the factor is `alpha` there.
    """
    if reference is not None:
        _check("reference", reference, above=1.0)

    def penalty(loss: torch.Tensor, costs: dict[str, torch.Tensor]) -> torch.Tensor:
        # A cost of 1 or less would have no logarithm above 0 to raise to a power.
        log = costs[cost].clamp_min(1.0 + 1e-6).log()
        if reference is not None:
            log = log / torch.tensor(reference).log().to(log)
        return loss * alpha * log**beta

    return penalty


def _check(name: str, number: float, above: float = 0.0) -> None:
    if not number > above:
        raise InvalidInput(f"The {name} of a penalty is a cost above {above:g}; got {number!r}.")
