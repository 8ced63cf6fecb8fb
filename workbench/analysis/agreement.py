"""Agreement of proxy scores with measured truth, with bootstrap intervals and the free baselines beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.analysis.statistics import bootstrap, statistic
from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace

BASELINES = ("params", "live_params")
Values = Mapping[str, float]


def agreement(
    frame: pd.DataFrame,
    truth: Measure | Values | pd.Series,
    n_boot: int = 1000,
    *,
    statistics: Sequence[str] = ("spearman", "kendall", "top"),
    top: float = 0.1,
    seed: int = 0,
    better: Mapping[str, str] | None = None,
    space: SearchSpace | None = None,
    population: str = "all",
) -> pd.DataFrame:
    """How well each column of `frame` (as `wb.score` returns it) ranks architectures by `truth`.

    `truth` is a `Measure` or architecture string -> value. The columns of the result: `baseline`, `n` (architectures
    with both numbers), `missing`, and with 95 % percentile-bootstrap intervals (`_low`, `_high`; `n_boot` resamples of
    the architectures) each of the `statistics`: `spearman`, `kendall` (tau b), `weighted_kendall`, `ndcg`, `top` (the
    share of the truly best `top` fraction that the column ranks among its own best), `best_quartile` (the same of a
    quarter) and `top_hit` (whether the column's first choice is among the best). Scores that are better when lower
    (`better={"name": "lower"}`, by default what `wb.score` noted in the frame) are turned round. The free baselines,
    parameters and parameters without dead edges, are always there: a proxy below them adds nothing on its own. Rows
    are sorted by the first statistic.

    Who is counted decides the number: `population="all"` takes every row, one of the space's canonical rules
    ("isomorphic", "functional") the first row of each class, as papers do that speak of unique cells. `attrs` of the
    result hold `population`, the rows counted in words.
    """
    asked = {name: statistic(name, top) for name in statistics}
    if not asked:
        raise InvalidInput("agreement needs at least one of the statistics.")
    if n_boot < 1:
        raise InvalidInput(f"n_boot must be at least 1; got {n_boot!r}.")
    if frame.index.has_duplicates:
        raise InvalidInput("An architecture stands in more than one row of the frame; give each one once.")
    space = space or _space_of(frame) or (truth.space if isinstance(truth, Measure) else None)
    frame, counted = counted_population(frame, space, population)
    scores = with_baselines(frame, space)
    goal = truth_values(scores.index, truth, space)
    turned = directions(scores, better or {})
    rows: dict[str, dict[str, float]] = {}
    for name in scores.columns:
        both = np.isfinite(scores[name].to_numpy(float)) & np.isfinite(goal)
        if both.sum() < 3:
            raise InvalidInput(f"{name!r} and the truth share {both.sum()} architectures; agreement needs at least 3.")
        x, y = turned[name] * scores[name].to_numpy(float)[both], goal[both]
        rows[name] = {"baseline": name in BASELINES, "n": int(both.sum()), "missing": int((~both).sum())}
        rng = np.random.default_rng(seed)
        for label, function in asked.items():
            found = bootstrap(function, x, y, n_boot, rng)
            rows[name] |= {label: found.value, f"{label}_low": found.low, f"{label}_high": found.high}
    found_all = pd.DataFrame.from_dict(rows, orient="index").rename_axis("proxy")
    found_all = found_all.sort_values(next(iter(asked)), ascending=False)
    found_all.attrs["population"] = counted
    return found_all


def counted_population(
    frame: pd.DataFrame, space: SearchSpace | None, population: str = "all"
) -> tuple[pd.DataFrame, str]:
    """The rows of `frame` that a population counts, and that population in words.

    "all" counts every row; a canonical rule of the space counts the first row of each of its classes.
    """
    if space is None:
        if population == "all":
            return frame, f"{len(frame):,} architectures"
        raise InvalidInput(f"population={population!r} is a rule of a search space, and none is named: give space=.")
    if population not in ("all", *space.canonical_rules):
        raise UnknownName.of("population", population, ["all", *space.canonical_rules])
    rule = space.canonical_rules[-1] if population == "all" else population
    classes = [space.canonical(space.parse(text), rule) for text in frame.index]
    distinct = len(set(classes))
    if population == "all":
        return frame, f"{len(frame):,} architectures of {space.name} ({distinct:,} {rule} classes), every one counted"
    first = ~pd.Index(classes).duplicated()
    return frame[first], f"{distinct:,} of {len(frame):,} architectures of {space.name}, one of each {rule} class"


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


def _space_of(frame: pd.DataFrame) -> SearchSpace | None:
    name = frame.attrs.get("space")
    return search_space(name) if name else None


def truth_values(index: pd.Index, truth: Measure | Values | pd.Series, space: SearchSpace | None) -> np.ndarray:
    """The truth of each architecture of the index, turned so that higher is better; NaN where there is none."""
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


def directions(scores: pd.DataFrame, better: Mapping[str, str]) -> dict[str, int]:
    """Column -> +1 where higher is better, -1 where lower is, as `better` or the frame says."""
    known = {**scores.attrs.get("better", {}), **better}
    for name, direction in known.items():
        if direction not in ("higher", "lower"):
            raise InvalidInput(f"better[{name!r}] must be 'higher' or 'lower'; got {direction!r}.")
    return {name: -1 if known.get(name) == "lower" else 1 for name in scores.columns}
