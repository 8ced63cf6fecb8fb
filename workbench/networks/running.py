"""Running a network on a batch and back, with an error that says what did not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from workbench.errors import InvalidInput, WorkbenchError


def run(model: Callable[[torch.Tensor], Any], x: torch.Tensor) -> torch.Tensor:
    """The tensor that `model` makes of a copy of `x`; raises `InvalidInput` where it cannot."""
    try:
        # A copy, because a first layer that works in place would change the caller's batch.
        out = model(x.clone())
    except WorkbenchError:  # what looks on from inside has said what is wrong
        raise
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InvalidInput(
            f"The network cannot run on a batch of shape {tuple(x.shape)} and type {x.dtype}: {error}"
        ) from error
    if not isinstance(out, torch.Tensor):
        raise InvalidInput(f"The network must return a tensor of logits; it returned a {type(out).__name__}.")
    return out


def backward(
    outputs: torch.Tensor, along: Sequence[torch.Tensor], cotangent: torch.Tensor | None = None, **settings: bool
) -> tuple[torch.Tensor | None, ...]:
    """The gradients of `outputs`, a scalar or with a `cotangent`, with respect to tensors; none where there is none.

    `settings` are those of `torch.autograd.grad`. Raises `InvalidInput` for a network that has no backward.
    """
    try:
        return torch.autograd.grad(outputs, list(along), cotangent, allow_unused=True, **settings)
    except RuntimeError as error:
        raise InvalidInput(f"The network cannot be differentiated: {error}") from error
