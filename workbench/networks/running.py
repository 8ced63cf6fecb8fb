"""Running a network on a batch, with an error that says what did not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from workbench.errors import InvalidInput


def run(model: Callable[[torch.Tensor], Any], x: torch.Tensor) -> torch.Tensor:
    """The tensor that `model` makes of a copy of `x`; raises `InvalidInput` where it cannot."""
    try:
        # A copy, because a first layer that works in place would change the caller's batch.
        out = model(x.clone())
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InvalidInput(
            f"The network cannot run on a batch of shape {tuple(x.shape)} and type {x.dtype}: {error}"
        ) from error
    if not isinstance(out, torch.Tensor):
        raise InvalidInput(f"The network must return a tensor of logits; it returned a {type(out).__name__}.")
    return out
