"""Early stop: reasons to end a training before its epochs are over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.errors import InvalidInput

Records = list[dict[str, Any]]


def patience(epochs: int, key: str = "loss", *, least: float = 0.0) -> Callable[[Records], str | None]:
    """For `train(..., stop=patience(5))`: end after `epochs` epochs whose `key` did not fall by more than `least`."""
    if epochs < 1 or least < 0:
        raise InvalidInput(f"patience takes epochs from 1 and least from 0; got {epochs} and {least}.")

    def reason(records: Records) -> str | None:
        values = [record[key] for record in records]
        if len(values) <= epochs or min(values[-epochs:]) < min(values[:-epochs]) - least:
            return None
        return f"{key} has not fallen for {epochs} epochs"

    return reason


def settled(share: float = 0.9) -> Callable[[Records], str | None]:
    """For `train(..., stop=settled())`: end when every gate gives this share, or more, to one of its options."""
    if not 0 < share <= 1:
        raise InvalidInput(f"settled takes a share above 0, at most 1; got {share}.")

    def reason(records: Records) -> str | None:
        gates = records[-1].get("probabilities", {})
        done = bool(gates) and all(max(options) >= share * sum(options) for options in gates.values())
        return f"every gate gives {share:.0%} to one option" if done else None

    return reason
