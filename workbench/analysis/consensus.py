"""Consensus: the results of several systems in several tasks, or by several metrics, as one ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from workbench.analysis.aggregates import borda
from workbench.analysis.agreement import directions
from workbench.analysis.kemeny import disagreements, kemeny_order
from workbench.analysis.plackett_luce import plackett_luce
from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput, UnknownName

Rule = Callable[[pd.DataFrame, pd.Series], pd.Series]

# Each member makes a score, higher being better, of systems x tasks with higher values better, and the tasks' weights.
catalogue: Catalogue[Rule] = Catalogue("consensus method")


def consensus(
    scores: pd.DataFrame,
    method: str = "borda",
    *,
    weights: Mapping[str, float] | None = None,
    better: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One ranking of systems (rows) from their scores in tasks or by metrics (columns), best first.

    - "mean": the weighted mean of what is there. The scale of a task decides how much it weighs.
    - "borda": the weighted mean rank, 1 for the worst (Colombo et al., NeurIPS 2022). With columns of two levels,
      (task, instance), the instances of each task are first ranked together, then the tasks: the two-level count.
    - "kemeny": the order with the least weighted disagreement with the tasks over pairs, exact, by mixed-integer
      programming (Kemeny, 1959); for some 20 systems. `attrs["disagreements"]` counts them. Of several such orders
      one is returned.
    - "plackett_luce": the logarithm of each system's worth under which the tasks' rankings are most likely (Luce, 1959;
      Plackett, 1975); holds although most entries are missing.
    - "dynascore": every metric in the units of the first, by its average rate of substitution (Ma et al., NeurIPS
      2021); no entry may be missing.

    `better={"latency_ms": "lower"}` turns a column round, by default as `scores.attrs["better"]` says; of two-level
    columns the task is named. `weights` are 1 where none is given. NaN is a missing entry. Columns of the result:
    `rank` (1 is best, equals sharing the mean) and `score`, higher being better. Raises `InvalidInput` for a table
    without numbers, for a system without an entry and for weights that are negative or all 0.
    """
    rule = catalogue.find(method)
    table = _turned(scores, better or {})
    known = list(table.columns.get_level_values(0).unique())
    for name in weights or {}:
        if name not in known:
            raise UnknownName.of("column of the scores", name, map(str, known))
    voice = pd.Series({name: float((weights or {}).get(name, 1.0)) for name in table.columns.get_level_values(0)})
    if not np.isfinite(voice).all() or (voice < 0).any() or not voice.any():
        raise InvalidInput(f"Weights are 0 or more, and not all 0; got {dict(weights or {})}.")
    score = rule(table, voice)
    found = pd.DataFrame({"rank": score.rank(ascending=False), "score": score})
    found = found.sort_values("rank", kind="stable").rename_axis(scores.index.name or "system")
    if table.columns.nlevels == 1:
        found.attrs["disagreements"] = disagreements(table, voice, found["score"])
    return found


def _mean(table: pd.DataFrame, weights: pd.Series) -> pd.Series:
    flat = _one_level(table, lambda part: part.mean(axis=1))
    total: pd.Series = (flat * weights).sum(axis=1, min_count=1) / (flat.notna() * weights).sum(axis=1)
    return total


def _borda(table: pd.DataFrame, weights: pd.Series) -> pd.Series:
    flat = _one_level(table, lambda part: borda(part, missing="skip"))
    return borda(flat, weights=weights.to_dict(), missing="skip")


def _kemeny(table: pd.DataFrame, weights: pd.Series) -> pd.Series:
    order = kemeny_order(_one_level(table, lambda part: borda(part, missing="skip")), weights)
    return pd.Series(np.arange(len(order), 0, -1, dtype=float), index=order).reindex(table.index)


def _plackett_luce(table: pd.DataFrame, weights: pd.Series) -> pd.Series:
    tasks = table.columns.get_level_values(0)
    return pd.Series(plackett_luce(table.to_numpy(), weights[tasks].to_numpy()), index=table.index)


def _dynascore(table: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """The weighted mean of metrics, each over its average marginal rate of substitution for the first.

    AMRS_m = mean over systems in the order of the first metric of |difference of m| / difference of the first, where
    that is not tiny (Ma et al., NeurIPS 2021). Units and zero points of a metric drop out of the ranking.
    """
    flat = _one_level(table, lambda part: part.mean(axis=1))
    if flat.isna().to_numpy().any():
        raise InvalidInput("Dynascore needs every metric of every system; drop what is incomplete, or use another.")
    values = flat.to_numpy()[np.argsort(flat.iloc[:, 0].to_numpy(), kind="stable")]
    steps = np.diff(values, axis=0)
    wide = steps[:, 0] > _TINY * np.abs(values[:, 0]).max()
    if not wide.any():
        raise InvalidInput(f"All systems are equal in {flat.columns[0]!r}, the metric that the others are turned into.")
    rates = np.abs(steps[wide] / steps[wide, :1]).mean(axis=0)
    rates[rates == 0] = 1.0  # a metric that is the same everywhere adds the same to all
    share = weights[list(flat.columns)] / weights.sum()
    total: pd.Series = ((flat / rates) * share).sum(axis=1)
    return total


_TINY = 1e-4  # of the largest performance: a smaller step is no ground to divide by

catalogue.enter("mean", _mean)
catalogue.enter("borda", _borda)
catalogue.enter("kemeny", _kemeny)
catalogue.enter("plackett_luce", _plackett_luce)
catalogue.enter("dynascore", _dynascore)


def _one_level(table: pd.DataFrame, inner: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    """Systems x tasks, where `inner` makes one number of the instances of each task."""
    if table.columns.nlevels == 1:
        return table
    return pd.DataFrame({task: inner(table[task]) for task in table.columns.get_level_values(0).unique()})


def _turned(scores: pd.DataFrame, better: Mapping[str, str]) -> pd.DataFrame:
    """The scores as float64 with higher values better, after checking that a ranking can be made of them."""
    if scores.index.has_duplicates or scores.columns.has_duplicates:
        raise InvalidInput("Every system has one row and every task one column: a name stands twice in the scores.")
    if len(scores) < 2 or not len(scores.columns):
        raise InvalidInput(
            f"A ranking needs two systems and a task; the scores are {scores.shape[0]} x {scores.shape[1]}."
        )
    try:
        table = scores.astype(float)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Scores are numbers, NaN where one is missing: {error}.") from None
    tasks = table.columns.get_level_values(0)
    signs = directions(pd.DataFrame(columns=tasks.unique()), {**scores.attrs.get("better", {}), **better})
    table = table * [signs[task] for task in tasks]
    table = table.where(np.isfinite(table))
    empty = [str(name) for name in table.index[table.isna().all(axis=1)]]
    if empty:
        raise InvalidInput(f"Nothing is known of {', '.join(empty)}; drop the rows without a score.")
    return table
