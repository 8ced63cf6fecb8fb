"""Flow: how probability moves between options while an architecture is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import InvalidInput
from workbench.supernets.training import Training

if TYPE_CHECKING:
    import pandas as pd


def flow(training: Training) -> pd.DataFrame:
    """The mean probability of every option over the gates that have it and others, one row an epoch.

    Raises `InvalidInput` for a training in which no architecture was learned.
    """
    import pandas as pd

    if not training.history or "probabilities" not in training.history[0]:
        raise InvalidInput("No architecture was learned in this training: give sn.train an architecture= optimiser.")
    rows = []
    for record in training.history:
        worths: dict[str, list[float]] = {}
        for name, probabilities in record["probabilities"].items():
            for option, probability in zip(training.net.options[name], probabilities, strict=True):
                worths.setdefault(str(option), []).append(probability)
        rows.append({option: sum(found) / len(found) for option, found in worths.items()})
    index = pd.Index([record["epoch"] for record in training.history], name="epoch")
    return pd.DataFrame(rows, index=index)
