"""Agreement of proxy scores with measured truth, with bootstrap intervals and the free baselines beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace

BASELINES = ("params", "live_params")
Values = Mapping[str, float]
Statistic = Callable[[np.ndarray, np.ndarray], float]


class Interval(NamedTuple):
    """An estimate and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def agreement(
    frame: pd.DataFrame,
    truth: Measure | Values | pd.Series,
    n_boot: int = 1000,
    *,
    top: float = 0.1,
    seed: int = 0,
    better: Mapping[str, str] | None = None,
    space: SearchSpace | None = None,
) -> pd.DataFrame:
    """How well each column of `frame` (as `wb.score` returns it) ranks architectures by `truth`.

    `truth` is a `Measure` or architecture string -> value. The columns of the result: `baseline`, `n` (architectures
    with both numbers), `missing`, and with 95 % percentile-bootstrap intervals (`_low`, `_high`; `n_boot` resamples of
    the architectures) `spearman`, `kendall` (tau b) and `top`, the share of the truly best `top` fraction that the
    column ranks among its own best. Scores that are better when lower (`better={"name": "lower"}`, by default what
    `wb.score` noted in the frame) are turned round. The free baselines, parameters and parameters without dead
    edges, are always there: a proxy below them adds nothing on its own. Rows are sorted by Spearman.
    """
    if not 0 < top < 1:
        raise InvalidInput(f"top is the fraction of architectures that counts as best, between 0 and 1; got {top!r}.")
    if n_boot < 1:
        raise InvalidInput(f"n_boot must be at least 1; got {n_boot!r}.")
    if frame.index.has_duplicates:
        raise InvalidInput("An architecture stands in more than one row of the frame; give each one once.")
    space = space or _space_of(frame) or (truth.space if isinstance(truth, Measure) else None)
    scores = with_baselines(frame, space)
    goal = _truth_values(scores.index, truth, space)
    turned = _directions(scores, better or {})
    rows: dict[str, dict[str, float]] = {}
    for name in scores.columns:
        both = np.isfinite(scores[name].to_numpy(float)) & np.isfinite(goal)
        if both.sum() < 3:
            raise InvalidInput(f"{name!r} and the truth share {both.sum()} architectures; agreement needs at least 3.")
        x, y = turned[name] * scores[name].to_numpy(float)[both], goal[both]
        rows[name] = {"baseline": name in BASELINES, "n": int(both.sum()), "missing": int((~both).sum())}
        rng = np.random.default_rng(seed)
        for label, statistic in (("spearman", spearman), ("kendall", kendall), ("top", _top_share(top))):
            found = bootstrap(statistic, x, y, n_boot, rng)
            rows[name] |= {label: found.value, f"{label}_low": found.low, f"{label}_high": found.high}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("proxy").sort_values("spearman", ascending=False)


def with_baselines(frame: pd.DataFrame, space: SearchSpace | None = None) -> pd.DataFrame:
    """`frame` with the columns `params` and `live_params`, counted where they are missing."""
    missing = [name for name in BASELINES if name not in frame.columns]
    if not missing:
        return frame
    space = space or _space_of(frame)
    if space is None:
        raise InvalidInput(
            f"The baselines {', '.join(missing)} are not in the frame and cannot be counted, because frame.attrs does "
            "not name the search space. Give space=, or the columns."
        )
    task = frame.attrs.get("task", "cifar10")
    archs = [space.parse(text) for text in frame.index]
    counted = {name: [space.counts(a, task, live=name == "live_params").params for a in archs] for name in missing}
    joined = frame.assign(**counted)
    joined.attrs = dict(frame.attrs)
    return joined


def bootstrap(statistic: Statistic, x: np.ndarray, y: np.ndarray, n_boot: int, rng: np.random.Generator) -> Interval:
    """The statistic of (x, y) with its 95 % percentile interval over resampled pairs."""
    drawn = []
    for _ in range(n_boot):
        chosen = rng.integers(len(x), size=len(x))
        drawn.append(statistic(x[chosen], y[chosen]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Interval(statistic(x, y), float(low), float(high))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN where one side is constant."""
    a, b = stats.rankdata(x), stats.rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau b; NaN where one side is constant."""
    return float(stats.kendalltau(x, y).statistic)


def _top_share(top: float) -> Statistic:
    def share(x: np.ndarray, y: np.ndarray) -> float:
        k = max(1, round(top * len(x)))
        best = set(np.argsort(-y, kind="stable")[:k].tolist())
        return len(best & set(np.argsort(-x, kind="stable")[:k].tolist())) / k

    return share


def _space_of(frame: pd.DataFrame) -> SearchSpace | None:
    name = frame.attrs.get("space")
    return search_space(name) if name else None


def _truth_values(index: pd.Index, truth: Measure | Values | pd.Series, space: SearchSpace | None) -> np.ndarray:
    if isinstance(truth, Measure):
        if space is None:
            raise InvalidInput("Neither the frame nor the measure names the search space: give space=.")
        archs: list[Architecture] = [space.parse(text) for text in index]
        return np.array([truth.sign * truth(arch) for arch in archs])
    values = dict(truth.items())
    goal = np.array([values.get(text, np.nan) for text in index], dtype=float)
    if not np.isfinite(goal).any():
        raise InvalidInput("The truth has a value for none of the frame's architectures: are both indexed by string?")
    return goal


def _directions(scores: pd.DataFrame, better: Mapping[str, str]) -> dict[str, int]:
    known = {**scores.attrs.get("better", {}), **better}
    for name, direction in known.items():
        if direction not in ("higher", "lower"):
            raise InvalidInput(f"better[{name!r}] must be 'higher' or 'lower'; got {direction!r}.")
    return {name: -1 if known.get(name) == "lower" else 1 for name in scores.columns}
