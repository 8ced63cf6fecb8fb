"""The numbers behind a proxy board: agreement, correlations, ranks and disagreements, each ready for the browser."""

from __future__ import annotations

from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbench.analysis.progressive import Progressive, rank_correlations
from workbench.widgets.axes import Axis, Floats, axis, axis_state, colour_range
from workbench.widgets.board.columns import Column, Columns
from workbench.widgets.board.views import Population, different, disagreements, miniature, words

Rows = NDArray[np.intp]


class BoardNumbers:
    """What follows from scores, truths and the signs that are turned round; every method names what it depends on.

    Bootstrap intervals and the count of different graphs are made a little at a time, by `work`.
    """

    def __init__(self, given: Columns, n_boot: int | None, ceilings: dict[str, float]) -> None:
        self._given, self._n_boot, self._ceilings = given, n_boot, ceilings
        self._scores = dict(given.scores)
        self._progress: dict[str, Progressive] = {}
        self._ranks: dict[str, Floats] = {}
        self._population = Population(given)

    def column(self, name: str) -> Column:
        """The column as it is taken now."""
        return self._scores[name] if name in self._scores else self._given.truths[name]

    def turn(self, name: str) -> None:
        """Take a score the other way round."""
        self._scores[name] = self._scores[name].turned()
        self._ranks.pop(name, None)
        for progress in self._progress.values():
            progress.turn(name, self._scores[name].oriented)

    def work(self, statistic: str, truth: str, seconds: float) -> None:
        """Go on with intervals, and with counting, for about so many seconds."""
        self.progress(statistic).work(truth, seconds)
        self._population.work(seconds)

    def progress(self, statistic: str) -> Progressive:
        """The agreement of all scores with all truths by a statistic."""
        if statistic not in self._progress:
            scores = {name: column.oriented for name, column in self._scores.items()}
            goals = {name: column.oriented for name, column in self._given.truths.items()}
            self._progress[statistic] = Progressive(scores, goals, statistic, self._n_boot)
        return self._progress[statistic]

    def strongest(self, statistic: str, truth: str) -> str:
        """The proxy that agrees best, or the best baseline where there is no proxy."""
        progress = self.progress(statistic)
        names = [name for name, column in self._scores.items() if column.kind == "proxy"] or list(self._scores)
        return max(names, key=lambda name: np.nan_to_num(progress.found(name, truth).value, nan=-np.inf))

    def table(self, statistic: str, truth: str) -> pd.DataFrame:
        """What is known of every score's agreement with a truth, as `workbench.agreement` writes it."""
        progress = self.progress(statistic)
        rows: dict[str, dict[str, Any]] = {}
        for name, column in self._scores.items():
            found, n = progress.found(name, truth), self._shared(column, truth)
            rows[name] = {"baseline": column.kind == "baseline", "n": n, "missing": len(self._given.frame) - n}
            rows[name] |= {statistic: found.value, f"{statistic}_low": found.low, f"{statistic}_high": found.high}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("proxy")
        return table.sort_values(statistic, ascending=False)

    # -- states for the browser --------------------------------------------------------------------------------

    def agreed(self, statistic: str, truth: str) -> dict[str, Any]:
        """The traits `agreed` and `population`: values with all truths, intervals so far, who is compared."""
        progress = self.progress(statistic)
        rows = []
        for name, column in self._scores.items():
            found = [progress.found(name, each) for each in self._given.truths]
            n = self._shared(column, truth)
            rows.append(
                {
                    "name": name,
                    "baseline": column.kind == "baseline",
                    "values": [_number(each.value) for each in found],
                    "lows": [_number(each.low) for each in found],
                    "highs": [_number(each.high) for each in found],
                    "n": n,
                    "missing": len(self._given.frame) - n,
                }
            )
        made = progress.made(truth)
        agreed = {
            "statistic": statistic,
            "words": words(statistic),
            "truth": truth,
            "made": made,
            "wanted": progress.wanted,
            "done": made >= progress.wanted and self._population.done,
            "ceiling": self._ceilings.get(statistic),
            "rows": rows,
        }
        return {"agreed": agreed, "population": self._population.sentence}

    def inside(self, statistic: str, truth: str, rows: Rows) -> dict[str, Any]:
        """The trait `inside`: agreement within a selection, empty where nothing is selected."""
        if not len(rows):
            return {"inside": {}}
        found = self.progress(statistic).within(rows, truth)
        return {"inside": {"n": len(rows), "values": {name: _number(value) for name, value in found.items()}}}

    @property
    def correlations(self) -> NDArray[np.float64]:
        """Rank correlations of all columns, shape (m, m), truths last."""
        signs = np.array([self.column(name).sign for name in self._given.names])
        found: NDArray[np.float64] = self._unsigned * np.outer(signs, signs)
        return found

    def scatter(self, names: dict[str, str], by_rank: bool) -> dict[str, Any]:
        """The traits of the points: `names` is the columns of "x", "y" and "color", the last may be empty."""
        shown = {key: self._axis(name, by_rank) for key, name in names.items() if name}
        axes: dict[str, Any] = {"color": {}} | {key: axis_state(found) for key, (found, _) in shown.items()}
        if "color" in shown:
            axes["color"]["home"] = list(colour_range(shown["color"][1]))
        values = {f"{key}_values": shown[key][1].astype("<f4").tobytes() if key in shown else b"" for key in names}
        known = int(np.isfinite(shown["x"][1] + shown["y"][1]).sum())
        left_out = len(self._given.frame) - known
        note = f"{known:,} architectures" + (f", {left_out:,} left out: no number" if left_out else "")
        return {"axes": axes, "note": note, **values}

    def cards(self, pair: tuple[str, str], truth: str, rows: Rows) -> dict[str, Any]:
        """The trait `cards`: the architectures of some rows (all for none) that two columns rank most differently."""
        frame, space = self._given.frame, self._given.space
        shown = {name: self.column(name).oriented for name in dict.fromkeys((*pair, truth))}
        among = rows if len(rows) else np.arange(len(frame))
        cards = []
        for found in disagreements(shown, pair, among, different(frame, space)):
            text = str(frame.index[found.row])
            cards.append(
                {
                    "index": found.row,
                    "text": text,
                    "ranks": [[name, found.ranks.get(name)] for name in shown],
                    "among": found.among,
                    "drawing": None if space is None else miniature(space.parse(text)),
                }
            )
        return {"cards": cards}

    # -- their parts -------------------------------------------------------------------------------------------

    @cached_property
    def _unsigned(self) -> NDArray[np.float64]:
        return rank_correlations(np.stack([self.column(name).values for name in self._given.names]))

    def _shared(self, column: Column, truth: str) -> int:
        return int((np.isfinite(column.values) & np.isfinite(self._given.truths[truth].values)).sum())

    def _axis(self, name: str, by_rank: bool) -> tuple[Axis, Floats]:
        """A column as the scatter shows it: by rank, the best last, or by value as it is."""
        column = self.column(name)
        if not by_rank:
            values = column.values.astype(np.float32)
            return axis(name, values), values
        if name not in self._ranks:
            known = np.isfinite(column.values)
            ranks = np.full(len(known), np.nan, np.float32)
            ranks[known] = stats.rankdata(column.oriented[known])
            self._ranks[name] = ranks
        ranks = self._ranks[name]
        return axis("rank", ranks)._replace(name=name, factor=1.0, label=f"{name}: rank, best last"), ranks


def _number(value: float) -> float | None:
    """A number for the browser, whose JSON has no NaN."""
    return float(value) if isfinite(value) else None
