"""Which strategies differ: a square for every pair, its colour who wins, its star whether that may be chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import DIVERGING
from workbench.plots.style import nothing, plain, styled

_ROW = 52  # pixels


class PairTestsData(NamedTuple):
    """Strategies, the one that wins most first; float64 (n, n) of the row against the column, NaN where not tested.

    `surpasses` is the probability that the row's search ends better, `p` is corrected for all the pairs.
    """

    strategies: tuple[str, ...]
    surpasses: NDArray[np.float64]
    p: NDArray[np.float64]


def pair_tests_data(table: pd.DataFrame) -> PairTestsData:
    """Return the pairs of `workbench.rank_tests` both ways round; raises `InvalidInput` for another table."""
    if table.index.names != ["a", "b"] or {"surpasses", "p_holm"} - set(table.columns):
        raise InvalidInput("The matrix is drawn from the table that workbench.rank_tests returns.")
    names = list(dict.fromkeys([str(name) for pair in table.index for name in pair]))
    place = {name: number for number, name in enumerate(names)}
    wins, p = np.full((len(names), len(names)), np.nan), np.full((len(names), len(names)), np.nan)
    for (a, b), row in zip(table.index, table.itertuples(), strict=True):
        i, j = place[str(a)], place[str(b)]
        wins[i, j], wins[j, i] = row.surpasses, 1 - row.surpasses
        p[i, j] = p[j, i] = row.p_holm
    order = np.argsort(-np.nansum(wins - 0.5, axis=1), kind="stable")
    return PairTestsData(tuple(names[k] for k in order), wins[np.ix_(order, order)], p[np.ix_(order, order)])


def pair_tests_figure(table: pd.DataFrame, title: str = "Which strategies differ") -> go.Figure:
    """Draw how often the search of a row ends better than that of a column, a star where Holm's p is below .05."""
    data = pair_tests_data(table)
    if not data.strategies:
        return nothing(title, "", "", "No pair was tested.")
    names = [plain(name.replace("_", " ")) for name in data.strategies]
    text = [
        [_words(wins, p) for wins, p in zip(*rows, strict=True)] for rows in zip(data.surpasses, data.p, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=data.surpasses,
            x=names,
            y=names,
            zmin=0,
            zmax=1,
            colorscale=list(DIVERGING),
            colorbar={"title": {"text": "row better"}, "thickness": 12, "outlinewidth": 0, "tickformat": ".0%"},
            text=text,
            texttemplate="%{text}" if len(names) <= 15 else None,
            customdata=data.p,
            hovertemplate="%{y} ends better than %{x}: %{z:.1%}<br>corrected p %{customdata:.2g}<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
        )
    )
    query = table.attrs.get("query")
    words = f"after {query} queries: " if query else ""
    words += "how often the row ends better; Holm's p: * < .05, ** < .01"
    figure = styled(figure, title, "", "", 190 + _ROW * len(names), title_subtitle_text=words)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    figure.update_xaxes(showgrid=False, type="category", tickangle=-30)
    return figure.update_layout(margin_t=70, margin_b=110)


def _words(wins: float, p: float) -> str:
    if not np.isfinite(wins):
        return ""
    return f"{wins:.0%}" + ("**" if p < 0.01 else "*" if p < 0.05 else "")
