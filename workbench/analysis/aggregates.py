"""Aggregates: several proxies of one scored set as one score, by ranks within the set."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.errors import InvalidInput

AZ_PARTS = ("az_expressivity", "az_progressivity", "az_trainability", "az_complexity")


def te_nas(frame: pd.DataFrame) -> pd.Series:
    """The TE-NAS score of each row of `frame`, which `wb.score` made with `ntk_cond` and `linear_regions`.

    rank of -ntk_cond + rank of linear_regions (Chen et al., ICLR 2021), ranks from 1 for the worst, ties sharing
    their mean rank; higher is better. What is missing (NaN) ranks last, as the authors' code has it. The number holds
    within this set of rows only. Raises `InvalidInput` for a missing column.
    """
    missing = [name for name in ("ntk_cond", "linear_regions") if name not in frame.columns]
    if missing:
        raise InvalidInput(f"te_nas ranks ntk_cond and linear_regions: the frame lacks {' and '.join(missing)}.")
    worst_first = pd.DataFrame({"ntk_cond": -frame["ntk_cond"], "linear_regions": frame["linear_regions"]})
    ranks: pd.Series = worst_first.fillna(float("-inf")).rank().sum(axis=1)
    return ranks.rename("te_nas")


def az_nas(frame: pd.DataFrame) -> pd.Series:
    """The AZ-NAS score of each row: the sum over its four parts k of log(rank_k / m), m rows, rank m the best.

    `frame` is a table of `wb.score` with the four columns (Lee & Ham, CVPR 2024). At most 0, higher is better. Equal
    values share their mean rank, and what is missing (NaN) ranks last, as minus infinity does in the authors' code.
    The number holds within this set of rows only: it changes when rows are added. Raises `InvalidInput` where a column
    is missing.
    """
    missing = [part for part in AZ_PARTS if part not in frame.columns]
    if missing:
        raise InvalidInput(f"The aggregate of AZ-NAS needs the columns {', '.join(AZ_PARTS)}; missing: {missing}.")
    ranks = frame[list(AZ_PARTS)].astype(float).fillna(-np.inf).rank(method="average")
    total: pd.Series = np.log(ranks / len(frame)).sum(axis=1)
    return total.rename("az_nas")


def borda(frame: pd.DataFrame, better: dict[str, str] | None = None) -> pd.Series:
    """The mean rank of each row over all columns of `frame`: every proxy has one voice; higher is better.

    Ranks go from 1 for the worst, ties sharing their mean rank, what is missing last. `better={"name": "lower"}` turns
    a column round; by default as `wb.score` noted in the frame. The number holds within this set of rows only.
    """
    known = {**frame.attrs.get("better", {}), **(better or {})}
    turned = frame.astype(float) * [-1.0 if known.get(name) == "lower" else 1.0 for name in frame.columns]
    ranks: pd.Series = turned.fillna(-np.inf).rank().mean(axis=1)
    return ranks.rename("borda")
