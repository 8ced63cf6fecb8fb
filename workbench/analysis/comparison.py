"""What a comparison of search strategies shows: middle and spread over seeds, and what is gained over random."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workbench.analysis.intervals import interval, surpassing
from workbench.analysis.outcomes import Outcomes, caution, check, checked_query, known, outcomes
from workbench.analysis.statistics import Interval
from workbench.errors import InvalidInput

_HIT = 1e-9  # regret that is none


def summary(
    frame: pd.DataFrame,
    at: int | Sequence[int] | None = None,
    *,
    value: str | None = None,
    random: str = "random",
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """What the strategies of a comparison had found after `at` queries: a row per number of queries and strategy.

    `frame` is what `wb.compare` returns. Columns: `seeds`; `median` and `mean` of `value` (regret where it is known,
    else best) over the seeds, with 95 % bootstrap intervals (`_low`, `_high`); the quartiles `q25` and `q75`;
    `hit_rate`, the share of seeds at regret 0. Against the strategy called `random` after as many queries:
    `relative_improvement` in percent of what it found (see `relative_improvement`), with its interval;
    `surpasses_random`, the probability that a search finds better than a random one, equals counting half, with its
    interval; `queries_to_random`, the queries after which half of the searches are as good as the median random
    search is in the end (infinite where they never are). They are NaN where no strategy has that name.

    Where a strategy has fewer than ten seeds a column `caution` says so. Raises `InvalidInput` for another frame.
    """
    check(frame)
    asked = [checked_query(frame, None)] if at is None else [at] if isinstance(at, int) else list(at)
    if not asked:
        raise InvalidInput("at names no number of queries; give one or more, such as at=[50, 100, 200].")
    rows = {}
    for query in asked:
        shown, found = outcomes(frame, query, value), outcomes(frame, query, "best")
        regret = outcomes(frame, query, "regret").table if "regret" in frame.columns else None
        for name in shown.table.columns:
            sample = known(shown.table[name])
            row: dict[str, float] = {"seeds": len(sample)}
            row |= _columns("median", interval(_median, sample, n_boot=n_boot, seed=seed))
            row |= _columns("mean", interval(_mean, sample, n_boot=n_boot, seed=seed))
            row["q25"], row["q75"] = np.quantile(sample, [0.25, 0.75]) if len(sample) else (np.nan, np.nan)
            row["hit_rate"] = float(np.mean(known(regret[name]) <= _HIT)) if regret is not None else float("nan")
            row |= _against(frame, found, str(name), random, n_boot, seed)
            rows[query, name] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["query", "strategy"])
    table = table.astype({"seeds": int})
    if (table["seeds"].map(caution) != "").any():
        table["caution"] = table["seeds"].map(caution)
    table.attrs.update(value=shown.value, label=shown.label, better="higher" if shown.sign > 0 else "lower")
    return table


def relative_improvement(
    found: ArrayLike, random: ArrayLike, better: str = "higher", n_boot: int = 1000, seed: int = 0
) -> Interval:
    """By how many percent the mean of `found` is better than the mean of `random`, with a 95 % bootstrap interval.

    RI = 100 (Acc_found - Acc_random) / Acc_random (Yang, Esperança & Carlucci, ICLR 2020), both trained by
    the same protocol; turned round where lower is better, so that more is always better. Raises `InvalidInput` where
    one side has no finite number, or the random mean is 0.
    """
    if better not in ("higher", "lower"):
        raise InvalidInput(f"better must be 'higher' or 'lower'; got {better!r}.")
    sides = [np.asarray(side, dtype=float).ravel() for side in (found, random)]
    sides = [side[np.isfinite(side)] for side in sides]
    if not all(len(side) for side in sides) or not sides[1].mean():
        raise InvalidInput("A relative improvement needs finite numbers on both sides, and a random mean other than 0.")
    return interval(_improvement(-1 if better == "lower" else 1), *sides, n_boot=n_boot, seed=seed)


def _against(frame: pd.DataFrame, found: Outcomes, name: str, random: str, n_boot: int, seed: int) -> dict[str, float]:
    """The columns that compare a strategy with random search."""
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    improvement, above, queries = nothing, nothing, float("nan")
    if random in found.table:
        ours, theirs = known(found.table[name]), known(found.table[random])
        if len(theirs) and theirs.mean():
            improvement = interval(_improvement(found.sign), ours, theirs, n_boot=n_boot, seed=seed)
        above = surpassing(found.sign * ours, found.sign * theirs, n_boot, seed)
        if len(theirs):
            queries = _queries_to(frame[frame["strategy"] == name], float(np.median(theirs)), found.sign)
    row = _columns("relative_improvement", improvement) | _columns("surpasses_random", above)
    return row | {"queries_to_random": queries}


def _queries_to(rows: pd.DataFrame, goal: float, sign: int) -> float:
    """The query after which half of the seeds have found one as good as `goal`; infinite where they never have."""
    reached = rows[sign * rows["best"] >= sign * goal - _HIT].groupby("seed")["query"].min().astype(float)
    return float(reached.reindex(rows["seed"].unique(), fill_value=np.inf).quantile(0.5, interpolation="lower"))


def _improvement(sign: int) -> Callable[..., NDArray[np.float64]]:
    def percent(found: NDArray[np.float64], random: NDArray[np.float64]) -> NDArray[np.float64]:
        base = random.mean(axis=-1)
        gain = sign * 100 * (found.mean(axis=-1) - base)
        # There is no percentage of nothing: a resample in which random search found 0 counts for nothing.
        return np.asarray(np.divide(gain, np.abs(base), out=np.full(np.shape(base), np.nan), where=base != 0))

    return percent


def _median(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.median(sample, axis=-1))


def _mean(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sample.mean(axis=-1))


def _columns(name: str, found: Interval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
