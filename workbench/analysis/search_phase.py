"""The search phase by itself: whether what a search finds is better than an architecture drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.analysis.agreement import Values, truth_values
from workbench.analysis.intervals import surpassing
from workbench.analysis.outcomes import caution, direction, known, outcomes
from workbench.analysis.statistics import bootstrap, kendall
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.spaces.space import SearchSpace

Found = Mapping[str, Sequence[float]]
Estimates = Mapping[str, Values | pd.Series]


def search_phase(
    found: pd.DataFrame | Found,
    random: str | Sequence[float] = "random",
    *,
    at: int | None = None,
    estimates: Estimates | None = None,
    truth: Measure | Values | pd.Series | None = None,
    better: str = "higher",
    space: SearchSpace | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge searches by what they find against random architectures (Yu et al., "Evaluating the Search Phase", 2020).

    `found` is a frame of `wb.compare` (what each seed had found after `at` queries) or method -> the stand-alone
    values of what its repeated searches found. `random` are the values of architectures drawn at random and trained
    by the same protocol; in a frame the name of the strategy whose first query is one. Columns, a row per method and
    one for `random`: `repeats`, `mean`, `std`, `best`, and `surpasses_random`, the probability that a search ends
    with a better architecture than a random draw, equals counting half, with its 95 % bootstrap interval.

    With `estimates`, method -> architecture -> what the search itself thought of it (the super-network's accuracy, a
    predictor's value; by default the values the frame's searches saw), and their `truth`, `kendall` is the tau b of
    the search's ranking with the true one, with its interval. Where there are fewer than ten repeats a column
    `caution` says so. Raises `InvalidInput` for empty or mistyped input.
    """
    if better not in ("higher", "lower"):
        raise InvalidInput(f"better must be 'higher' or 'lower'; got {better!r}.")
    sign = -1 if better == "lower" else 1
    if isinstance(found, pd.DataFrame):
        samples, drawn, sign = _of_frame(found, random, at)
        if isinstance(random, str):  # it is what the others are held against
            del samples[random]
        if truth is not None and estimates is None:
            turn = sign * direction(found, "value")  # the search may look at another measure than it is judged by
            estimates = {method: turn * _seen(found, method) for method in samples}
    else:
        if isinstance(random, str):
            raise InvalidInput("Give the values of architectures drawn at random: random=[94.1, 93.8, ...].")
        samples = {str(method): _finite(values, f"found[{method!r}]") for method, values in found.items()}
        drawn = _finite(random, "random")
    if not samples:
        raise InvalidInput("No method is given that could be compared with random architectures.")
    rows = {}
    for method, values in (samples | {"random architecture": drawn}).items():
        best = values.max() if sign > 0 else values.min()
        rows[method] = {
            "repeats": len(values),
            "mean": float(values.mean()),
            "std": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
            "best": float(best),
        }
        above = surpassing(sign * values, sign * drawn, n_boot, seed)
        rows[method] |= {"surpasses_random": above.value, "surpasses_low": above.low, "surpasses_high": above.high}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method").astype({"repeats": int})
    if estimates is not None:
        table = table.join(_rankings(estimates, truth, sign, space, n_boot, seed))
    words = table["repeats"].map(caution).str.replace("seed", "repeat")
    return table.assign(caution=words) if (words != "").any() else table


def _rankings(
    estimates: Estimates,
    truth: Measure | Values | pd.Series | None,
    sign: int,
    space: SearchSpace | None,
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    """Kendall's tau b of each search's own ranking with the truth."""
    if truth is None:
        raise InvalidInput("Estimates are held against a truth: give truth=, a Measure or architecture -> value.")
    rows = {}
    for method, thought in estimates.items():
        series = pd.Series(dict(thought.items()), dtype=float)
        of = space or (truth.space if isinstance(truth, Measure) else None)
        goal = truth_values(series.index, truth, of) * (1 if isinstance(truth, Measure) else sign)
        both = np.isfinite(series.to_numpy()) & np.isfinite(goal)
        if both.sum() < 3:
            raise InvalidInput(f"{method!r} and the truth share {both.sum()} architectures; a ranking needs 3.")
        rng = np.random.default_rng(seed)
        tau = bootstrap(kendall, sign * series.to_numpy()[both], goal[both], n_boot, rng)
        rows[str(method)] = {"kendall": tau.value, "kendall_low": tau.low, "kendall_high": tau.high}
    return pd.DataFrame.from_dict(rows, orient="index")


def _of_frame(
    frame: pd.DataFrame, random: str | Sequence[float], at: int | None
) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
    """Method -> what its seeds found, what random draws are worth, and the direction."""
    end = outcomes(frame, at, "best")
    samples = {str(name): known(end.table[name]) for name in end.table.columns}
    if not isinstance(random, str):
        return samples, _finite(random, "random"), end.sign
    if random not in samples:
        raise UnknownName.of("strategy of the comparison", random, samples)
    return samples, known(outcomes(frame, 1, "best").table[random]), end.sign


def _seen(frame: pd.DataFrame, strategy: str) -> pd.Series:
    """Architecture -> the value that the searches of a strategy saw."""
    rows = frame[frame["strategy"].astype(str) == strategy].dropna(subset=["value"])
    return rows.drop_duplicates("architecture").set_index("architecture")["value"]


def _finite(values: Sequence[float], what: str) -> np.ndarray:
    try:
        sample: np.ndarray = np.asarray(values, dtype=float).ravel()
    except (TypeError, ValueError):
        raise InvalidInput(f"{what} must be numbers; got {values!r}.") from None
    if not len(sample := sample[np.isfinite(sample)]):
        raise InvalidInput(f"{what} holds no finite number.")
    return sample
