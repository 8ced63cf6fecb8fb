"""A closer look at agreement: what is left without size, what a second proxy adds, how stable scores are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from workbench.analysis.agreement import Values, directions, truth_values, with_baselines
from workbench.analysis.statistics import correlation, spearman, statistic
from workbench.benchmarks.benchmark import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.spaces import search_space

_FOLDS = 5
_LEAST = 4  # architectures in a fold: ranks of fewer say nothing


def bias(frame: pd.DataFrame, truth: Measure | Values | pd.Series, given: Sequence[str] = ("params",)) -> pd.DataFrame:
    """How much of each score's agreement is left once what is `given` is known: partial Spearman correlations.

    `given` names columns, by default the number of parameters. Columns of the result: `spearman`, `partial` (that of
    the ranks after what the ranks of the given columns predict linearly has been taken off) and `with_given`, the
    score's own correlation with the first given column: a score that is size in disguise has little partial and much
    of the last. Rows are sorted by `partial`.
    """
    scores, goal = _ranked(frame, truth)
    for name in given:
        if name not in scores:
            raise UnknownName.of("column of the frame", name, scores.columns)
    known = np.column_stack([np.ones(len(goal)), *(scores[name] for name in given)])
    rows = {}
    for name in scores.columns:
        if name in given:
            continue
        x = scores[name].to_numpy()
        left = [side - known @ np.linalg.lstsq(known, side, rcond=None)[0] for side in (x, goal)]
        rows[name] = {
            "spearman": correlation(x, goal),
            "partial": correlation(*left),
            "with_given": correlation(x, scores[given[0]].to_numpy()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("proxy").sort_values("partial", ascending=False)


def complementarity(frame: pd.DataFrame, truth: Measure | Values | pd.Series, seed: int = 0) -> pd.DataFrame:
    """What the proxy of a column adds to that of a row: a square table of gains in Spearman's correlation.

    Two scores are combined by the weights of their ranks that fit the truth best on four fifths of the architectures,
    and judged on the fifth that was held out, five times (a gain may be negative). The diagonal is the correlation of
    each score alone.
    """
    scores, goal = _ranked(frame, truth)
    fold = np.random.default_rng(seed).permutation(len(goal)) % _FOLDS
    names = list(scores.columns)
    alone = {name: _held_out(scores[[name]].to_numpy(), goal, fold) for name in names}
    table = pd.DataFrame(index=pd.Index(names, name="proxy"), columns=names, dtype=float)
    for name in names:
        table.loc[name, name] = alone[name]
    for a, b in combinations(names, 2):
        both = _held_out(scores[[a, b]].to_numpy(), goal, fold)
        table.loc[a, b], table.loc[b, a] = both - alone[a], both - alone[b]
    return table


def stability(frames: Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame]) -> pd.DataFrame:
    """How alike the same proxy ranks the same architectures in several frames, of other seeds, batches or images.

    Columns: `pairs`, and `mean` and `lowest` of Spearman's correlation over the pairs of frames, on the architectures
    that both have. A proxy's agreement with the truth cannot be trusted beyond its agreement with itself.
    """
    every = list(frames.values() if isinstance(frames, Mapping) else frames)
    if len(every) < 2:
        raise InvalidInput(f"Stability compares frames: at least 2 are needed; got {len(every)}.")
    rows = {}
    for name in [c for c in every[0].columns if all(c in frame for frame in every)]:
        found = []
        for one, other in combinations(every, 2):
            both = pd.concat([one[name], other[name]], axis=1, join="inner").dropna().to_numpy(float)
            found.append(spearman(both[:, 0], both[:, 1]) if len(both) > 2 else float("nan"))
        rows[name] = {"pairs": len(found), "mean": float(np.mean(found)), "lowest": float(np.min(found))}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("proxy").sort_values("mean", ascending=False)


def ceiling(bench: Benchmark, measure: str, statistics: Sequence[str] = ("spearman", "kendall")) -> pd.Series:
    """The benchmark's own noise: how well one training run of its architectures agrees with another one.

    The mean over pairs of seeds of each statistic, over the architectures that both have trained. No proxy can agree
    better with a single run than another run does. Raises `InvalidInput` where no two runs are recorded.
    """
    table = bench.table()
    runs = [name for name in table.columns if name.startswith(f"{measure}_seed")]
    if len(runs) < 2:
        raise InvalidInput(f"{bench!r} records no two training runs of {measure!r}: its noise is not known.")
    found: dict[str, list[float]] = {name: [] for name in statistics}
    for a, b in combinations(runs, 2):
        both = table[[a, b]].dropna().to_numpy(float)
        for name in statistics:
            found[name].append(statistic(name)(both[:, 0], both[:, 1]))
    return pd.Series({name: float(np.mean(values)) for name, values in found.items()}, name=measure)


def _ranked(frame: pd.DataFrame, truth: Measure | Values | pd.Series) -> tuple[pd.DataFrame, np.ndarray]:
    """Ranks of every column and of the truth, higher being better, on the architectures that have all of them."""
    name = frame.attrs.get("space")
    space = search_space(name) if name else truth.space if isinstance(truth, Measure) else None
    scores = with_baselines(frame, space)
    goal = truth_values(scores.index, truth, space)
    turned = directions(scores, {})
    values = scores.to_numpy(float) * [turned[column] for column in scores.columns]
    whole = np.isfinite(values).all(axis=1) & np.isfinite(goal)
    if whole.sum() < _LEAST * _FOLDS:
        raise InvalidInput(
            f"Only {whole.sum()} architectures have every score and a truth; {_LEAST * _FOLDS} are needed."
        )
    ranks = stats.rankdata(values[whole], axis=0)
    return pd.DataFrame(ranks, index=scores.index[whole], columns=scores.columns), stats.rankdata(goal[whole])


def _held_out(x: np.ndarray, goal: np.ndarray, fold: np.ndarray) -> float:
    """Spearman's correlation of predictions for folds that the weights have not seen, mean over the folds."""
    design = np.column_stack([np.ones(len(goal)), x])
    found = []
    for k in range(_FOLDS):
        weights = np.linalg.lstsq(design[fold != k], goal[fold != k], rcond=None)[0]
        found.append(spearman(design[fold == k] @ weights, goal[fold == k]))
    return float(np.mean(found))
