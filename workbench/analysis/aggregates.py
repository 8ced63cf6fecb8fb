"""Aggregates: several proxies of one scored set as one score, by ranks within the set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from workbench.errors import InvalidInput

AZ_PARTS = ("az_expressivity", "az_progressivity", "az_trainability", "az_complexity")
VKDNW_PARTS = ("n_layers", "vkdnw", "jacov", "az_expressivity", "az_trainability", "flops")
_BLOCK = 256  # rows compared with all others at a time, which bounds the memory


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
    return _log_ranks(_columns(frame, AZ_PARTS, "AZ-NAS")).rename("az_nas")


def vkdnw(frame: pd.DataFrame) -> pd.Series:
    """The aggregate of VKDNW for each row: the sum over its five parts k of log(rank_k / m), m rows, rank m the best.

    The parts are size with vkdnw, jacov, az_expressivity, az_trainability and flops (Tybl & Neumann, CVPR 2025). The
    first ranks by the number of weighted layers, and vkdnw decides between equal numbers, as in the authors' code. At
    most 0, higher is better, within this set of rows only; what is missing ranks last. Raises `InvalidInput` where one
    of the columns or `n_layers` is missing.
    """
    parts = _columns(frame, VKDNW_PARTS, "VKDNW")
    within = parts["vkdnw"].rank() / (len(frame) + 1)  # below 1, so that it only decides between equal sizes
    sized = parts["n_layers"].rank(method="dense") + within
    return _log_ranks(parts.drop(columns="n_layers").assign(vkdnw=sized)).rename("vkdnw")


def borda(
    frame: pd.DataFrame,
    better: Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
    missing: Literal["last", "skip"] = "last",
) -> pd.Series:
    """The mean rank of each row over all columns of `frame`: every proxy has one voice; higher is better.

    Ranks go from 1 for the worst, ties sharing their mean rank, what is missing last; `missing="skip"` takes the mean
    over the columns that a row has, where ranks among few are stretched to the ranks of all. `better={"name":
    "lower"}` turns a column round; by default as `wb.score` noted in the frame. `weights` give a column more than one
    voice, or less. The number holds within this set of rows only.
    """
    turned = _turned(frame, better)
    if missing == "skip":
        ranks = turned.rank()
        ranks = 0.5 + (ranks - 0.5) * (len(frame) / ranks.notna().sum())
    else:
        ranks = turned.fillna(-np.inf).rank()
    voice = pd.Series({name: 1.0 if weights is None else weights.get(name, 1.0) for name in frame.columns})
    total: pd.Series = (ranks * voice).sum(axis=1, min_count=1) / (ranks.notna() * voice).sum(axis=1)
    return total.rename("borda")


def vote(frame: pd.DataFrame, better: dict[str, str] | None = None) -> pd.Series:
    """The share of the other rows that each row beats by the majority of the columns; higher is better.

    Of two rows the one that more columns prefer wins, and a draw counts half for either (Abdelfattah et al., ICLR
    2021, let synflow, jacov and snip vote on pairs; counting the pairs won is Copeland's score). Columns are turned as
    in `borda`; what is missing is worse than any value. Within this set of rows only. Raises `InvalidInput` for fewer
    than two rows.
    """
    if len(frame) < 2:
        raise InvalidInput(f"A vote compares at least two rows; got {len(frame)}.")
    ranks = _turned(frame, better).fillna(-np.inf).rank().to_numpy()
    wins = np.empty(len(ranks))
    for start in range(0, len(ranks), _BLOCK):
        block = slice(start, start + _BLOCK)
        ballots = np.zeros((len(ranks[block]), len(ranks)))
        for column in ranks.T:
            ballots += np.sign(column[block, None] - column[None, :])
        wins[block] = (np.sign(ballots).sum(axis=1) / (len(ranks) - 1) + 1) / 2
    return pd.Series(wins, index=frame.index, name="vote")


def _turned(frame: pd.DataFrame, better: Mapping[str, str] | None) -> pd.DataFrame:
    """All columns with the higher value the better one."""
    known = {**frame.attrs.get("better", {}), **(better or {})}
    return frame.astype(float) * [-1.0 if known.get(name) == "lower" else 1.0 for name in frame.columns]


def _columns(frame: pd.DataFrame, parts: tuple[str, ...], what: str) -> pd.DataFrame:
    missing = [part for part in parts if part not in frame.columns]
    if missing:
        raise InvalidInput(f"The aggregate of {what} needs the columns {', '.join(parts)}; missing: {missing}.")
    return frame[list(parts)].astype(float)


def _log_ranks(parts: pd.DataFrame) -> pd.Series:
    """The sum over columns of log(rank / rows), ties sharing their mean rank, what is missing ranking last."""
    total: pd.Series = np.log(parts.fillna(-np.inf).rank() / len(parts)).sum(axis=1)
    return total
