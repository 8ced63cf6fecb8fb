"""What a size of 0 leaves out: a convolution of no kernel, attention of no heads, a skipped layer."""

from __future__ import annotations

from collections.abc import Callable

import torch

from workbench.networks.elastic.gates import Gates, Size


def present(size: Size) -> Size:
    """The size where it is not 0; a 0 is never read, and the smallest other value stands in its place."""
    values = [value for value in size.table.flatten().tolist() if value]
    least = min(values, default=0)
    return size.map(lambda value: value or least)


def optional(size: Size, x: torch.Tensor, gates: Gates, there: Callable[[Gates], torch.Tensor]) -> torch.Tensor:
    """`x` itself where the size is 0, else what is `there` in its place, of the same shape.

    Under a mixture both are weighed. What is there gets gates in which the sizes other than 0 have weights that add up
    to 1, because it may be normalised.
    """
    none = size.table == 0
    if not size.mixed(gates):
        return there(gates) if size.at(gates) else x
    if not bool(none.any()):
        return there(gates)
    weights = size.weights(gates)
    none = none.to(weights.device)
    kept = weights * ~none
    left = _for_places((weights * none).sum(-1), x) * x
    if not bool(kept.any()):
        return left
    total = kept.sum(-1, keepdim=True)
    inside = gates.having({size.questions[0]: kept / total.clamp_min(1e-12)})
    with gates.share(total.mean()):
        changed = there(inside)
    return left + _for_places(total.squeeze(-1), x) * changed


def _for_places(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One weight, or one for each example, to multiply `x` with."""
    return weight.reshape(-1, *[1] * (x.ndim - 1))
