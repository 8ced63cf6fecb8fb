"""Reliability of a comparison: how often its winner and its ranking survive when its seeds or tasks are drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis.outcomes import Scores, system_scores
from workbench.errors import InvalidInput

By = Literal["mean", "median", "borda"]
Decide = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_SIZES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000)


def reliability(
    scores: Scores,
    at: int | None = None,
    *,
    by: By = "mean",
    sizes: Sequence[int] | None = None,
    replace: bool = True,
    draws: int = 200,
    n_boot: int = 50,
    value: str | None = None,
    better: Literal["higher", "lower"] = "higher",
    seed: int = 0,
) -> pd.DataFrame:
    """How far the decision of a comparison can be relied on, against how many seeds (or tasks) it is made from.

    `scores` is a frame of `wb.compare` (units are its seeds, after `at` queries), task -> such a frame (units are
    tasks), or a table of systems (rows) and units (columns). Systems are ranked by the `mean` or `median` over the
    units, or by their mean rank in them (`borda`). For each of `sizes` so many units are drawn, `draws` times, and the
    ranking they give is held against that of all units: reliability as the agreement expected when the choices of a
    benchmark are made anew, after Perlitz et al. ("Efficient Benchmarking", 2024). Columns, by `size`: `kendall`, the
    mean Kendall tau b, and `same_winner`, the share of draws with the same winner, with 95 % intervals over `n_boot`
    bootstrap resamples of the units themselves.

    With `replace` (a new benchmark of that size) the row of all units says how reliable the comparison itself is;
    without, units are only left out, one for `sizes=[n - 1]`. `attrs`: `winner`, `ranking`, `units`. Raises
    `InvalidInput` for fewer than two systems or units, and for sizes that cannot be drawn.
    """
    table = system_scores(scores, at, value, better)
    if len(table) < 2 or len(table.columns) < 2:
        raise InvalidInput(f"Reliability needs two systems and two seeds or tasks; the scores are {table.shape}.")
    if draws < 1 or n_boot < 1:
        raise InvalidInput(f"draws and n_boot must be at least 1; got {draws!r} and {n_boot!r}.")
    decide = _decision(by)
    values = (table.rank() if by == "borda" else table).to_numpy().T  # units x systems
    units = len(values)
    asked = _sizes(sizes, units, replace)
    rng = np.random.default_rng(seed)
    rows = {}
    for size in asked:
        middle = _survival(values, size, decide, replace, draws, rng)
        again = [
            _survival(values[rng.integers(units, size=units)], size, decide, replace, draws, rng) for _ in range(n_boot)
        ]
        low, high = np.percentile(again, [2.5, 97.5], axis=0)
        rows[size] = {"kendall": middle[0], "kendall_low": low[0], "kendall_high": high[0]}
        rows[size] |= {"same_winner": middle[1], "same_winner_low": low[1], "same_winner_high": high[1]}
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("size")
    order = pd.Series(decide(values[None])[0], index=table.index).sort_values(ascending=False, kind="stable")
    found.attrs.update(winner=str(order.index[0]), ranking=[str(name) for name in order.index], units=units, by=by)
    return found


def agreement_of_rankings(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kendall's tau b of scores (..., n) with scores (n,); 1 where both tie all, 0 where one does."""
    one, other = (np.nan_to_num(np.sign(x[..., :, None] - x[..., None, :])) for x in (a, b))
    shared = (one * other).sum(axis=(-2, -1))
    scale = np.sqrt((one != 0).sum(axis=(-2, -1)) * (other != 0).sum(axis=(-2, -1)).astype(float))
    even = ((one == 0).all(axis=(-2, -1)) & (other == 0).all(axis=(-2, -1))).astype(float)
    return np.asarray(np.divide(shared, scale, out=even, where=scale > 0))


def _survival(
    values: NDArray[np.float64], size: int, decide: Decide, replace: bool, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The mean tau b and the share of the same winner between drawn units and all of them."""
    units = len(values)
    if replace:
        chosen = rng.integers(units, size=(draws, size))
    else:
        chosen = rng.permuted(np.tile(np.arange(units), (draws, 1)), axis=1)[:, :size]
    whole = decide(values[None])[0]
    drawn = decide(values[chosen])
    first = np.nan_to_num(drawn, nan=-np.inf)
    first = first == first.max(axis=1, keepdims=True)
    same = (first & (whole == np.nanmax(whole))).sum(axis=1) / first.sum(axis=1)
    return float(agreement_of_rankings(drawn, whole).mean()), float(same.mean())


def _decision(by: str) -> Decide:
    """A score per system, (draws, systems), from drawn units (draws, units, systems)."""
    if by == "median":
        return _median
    if by not in ("mean", "borda"):
        raise InvalidInput(f"by must be 'mean', 'median' or 'borda'; got {by!r}.")
    return _mean


def _mean(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(drawn)
    count = known.sum(axis=1)
    total = np.where(known, drawn, 0.0).sum(axis=1)
    # Equal systems stay equal whatever the order of their units was: sums are not that exact.
    return np.asarray(np.where(count, np.round(total / np.maximum(count, 1), 12), np.nan))


def _median(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(drawn)
    if known.all():
        return np.asarray(np.median(drawn, axis=1))
    count = known.sum(axis=1)
    ranked = np.sort(np.where(known, drawn, np.inf), axis=1)  # what is missing comes last
    places = np.stack([(count - 1) // 2, count // 2], axis=1).clip(min=0)
    middle = np.take_along_axis(ranked, places, axis=1).mean(axis=1)
    return np.asarray(np.where(count > 0, middle, np.nan))


def _sizes(sizes: Sequence[int] | None, units: int, replace: bool) -> list[int]:
    if sizes is None:
        return sorted({size for size in _SIZES if size < units} | ({units} if replace else {units - 1}))
    asked = [int(size) for size in sizes]
    if not asked or min(asked) < 1 or (not replace and max(asked) > units):
        limit = "" if replace else f" and at most {units}, as many as there are"
        raise InvalidInput(f"sizes must be numbers of units, at least 1{limit}; got {list(sizes)}.")
    return asked
