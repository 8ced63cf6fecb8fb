"""Rank tests: which strategies of a comparison truly differ, pair by pair and over several tasks."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from workbench.analysis.intervals import surpassing
from workbench.analysis.outcomes import Scores, caution, known, outcomes, system_scores
from workbench.errors import InvalidInput, UnknownName

Alternative = Literal["two-sided", "better"]


def rank_tests(
    frame: pd.DataFrame,
    at: int | None = None,
    *,
    value: str | None = None,
    against: str | None = None,
    paired: bool = False,
    alternative: Alternative = "two-sided",
) -> pd.DataFrame:
    """Whether the strategies of a comparison differ after `at` queries: a row per pair, with Holm's correction.

    `frame` is what `wb.compare` returns. Every pair is tested, or with `against` every strategy with that one, by
    the Mann-Whitney test; with `paired` by Wilcoxon's signed ranks of the differences of equal seeds. The alternative
    "better" tests whether `a` is better than `b`. Columns: `n_a` and `n_b` seeds; `difference`, the median of a minus
    the median of b (of the pairs' differences where `paired`); `surpasses`, the effect size: the probability that a
    search of `a` ends better than one of `b`, equals counting half (Vargha & Delaney, 2000); `p`; and `p_holm`, which
    holds for all rows together (Holm, 1979). Rows are sorted by `p`. Where nothing differs at all p is 1.

    A column `caution` says where there are fewer than ten seeds. Raises `InvalidInput` for fewer than two strategies,
    `UnknownName` where nothing is called `against`.
    """
    if alternative not in ("two-sided", "better"):
        raise InvalidInput(f"alternative must be 'two-sided' or 'better'; got {alternative!r}.")
    found = outcomes(frame, at, value)
    rows = {}
    for a, b in _pairs([str(name) for name in found.table.columns], against):
        both = found.table[[a, b]].dropna() if paired else None
        one, other = (known(found.table[a]), known(found.table[b])) if both is None else both.to_numpy(float).T
        if not len(one) or not len(other):
            raise InvalidInput(f"{a!r} and {b!r} cannot be compared after {found.query} queries: one has no value.")
        rows[a, b] = {
            "n_a": len(one),
            "n_b": len(other),
            "difference": float(np.median(one - other) if paired else np.median(one) - np.median(other)),
            "surpasses": surpassing(found.sign * one, found.sign * other, n_boot=1).value,
            "p": _p(found.sign * one, found.sign * other, paired, alternative),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["a", "b"])
    table["p_holm"] = holm(table["p"].to_numpy())
    words = table[["n_a", "n_b"]].min(axis=1).map(lambda n: caution(int(n)))
    if (words != "").any():
        table["caution"] = words
    table.attrs.update(query=found.query, value=found.value, label=found.label)
    return table.sort_values("p", kind="stable")


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction (1979) of p values (n,): what each must be below alpha for, all held together."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def critical_difference(
    scores: Scores, at: int | None = None, *, better: Literal["higher", "lower"] = "higher", alpha: float = 0.05
) -> pd.DataFrame:
    """The mean rank of strategies over tasks, and which of them the tasks cannot tell apart (Demšar, JMLR 2006).

    `scores` is task -> frame of `wb.compare`, each of which ranks by its mean over the seeds after `at` queries, or a
    table of systems (rows) and tasks (columns) in which `better` is better. Columns: `mean_rank` (1 is best), `wins`
    (tasks won, shared ones in parts) and `group`: systems that share a letter differ by less than Nemenyi's critical
    difference. `attrs`: `tasks`, Friedman's `statistic` and `p` (that all are alike), and `critical_difference`.
    Rows are sorted by mean rank. Raises `InvalidInput` for fewer than three systems or two tasks, and for gaps.
    """
    if isinstance(scores, pd.DataFrame) and "strategy" in scores.columns:
        raise InvalidInput("One comparison is one task: give a frame for each, such as {'cifar10': frame, ...}.")
    table = system_scores(scores, at, better=better)
    ranks = table.rank(ascending=False)
    systems, tasks = table.shape
    if systems < 3 or tasks < 2:
        raise InvalidInput(f"Friedman's test needs three systems and two tasks; got {systems} and {tasks}.")
    if table.isna().to_numpy().any():
        raise InvalidInput("A system has no score in one of the tasks; drop the system or the task.")
    even = (ranks.nunique() == 1).all()
    test = (0.0, 1.0) if even else stats.friedmanchisquare(*ranks.to_numpy())
    width = float(stats.studentized_range.ppf(1 - alpha, systems, np.inf) / np.sqrt(2))
    width *= np.sqrt(systems * (systems + 1) / (6 * tasks))
    mean = ranks.mean(axis=1).sort_values(kind="stable")
    first = ranks.eq(ranks.min())
    found = pd.DataFrame({"mean_rank": mean, "wins": (first / first.sum()).sum(axis=1)[mean.index]})
    found["group"] = _letters(mean.to_numpy(), width)
    found.attrs.update(tasks=tasks, statistic=float(test[0]), p=float(test[1]), critical_difference=width, alpha=alpha)
    return found.rename_axis("strategy")


def _pairs(names: list[str], against: str | None) -> list[tuple[str, str]]:
    if len(names) < 2:
        raise InvalidInput(f"Tests compare at least two strategies; the frame has {names}.")
    if against is None:
        return list(combinations(names, 2))
    if against not in names:
        raise UnknownName.of("strategy of the comparison", against, names)
    return [(name, against) for name in names if name != against]


def _p(a: np.ndarray, b: np.ndarray, paired: bool, alternative: Alternative) -> float:
    side = "greater" if alternative == "better" else "two-sided"
    if paired:
        # Pratt's way keeps the equal pairs in the ranking: they speak against a difference.
        return 1.0 if np.array_equal(a, b) else float(stats.wilcoxon(a, b, "pratt", alternative=side).pvalue)
    if len(np.unique(np.concatenate([a, b]))) == 1:
        return 1.0
    return float(stats.mannwhitneyu(a, b, alternative=side).pvalue)


def _letters(ranks: np.ndarray, width: float) -> list[str]:
    """A letter for each longest run of ranks, sorted ascending, that spans at most `width`."""
    ends = [int(np.searchsorted(ranks, low + width, side="right")) for low in ranks]
    runs = [(start, end) for start, end in enumerate(ends) if start == 0 or end > ends[start - 1]]
    letters = [""] * len(ranks)
    for number, (start, end) in enumerate(runs):
        for place in range(start, end):
            letters[place] += _letter(number)
    return letters


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else f"({number + 1})"
