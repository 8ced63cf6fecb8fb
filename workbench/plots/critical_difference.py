"""Mean ranks over tasks on one line, joined by bars where the tasks cannot tell strategies apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import CONV_3X3, QUIET, TEXT
from workbench.plots.style import nothing, plain, styled

_ROW = 26  # pixels


class CriticalDifferenceData(NamedTuple):
    """Strategies with their float64 (n,) mean ranks, best first, and the groups that belong together.

    A group is the first and the last place of strategies that differ by less than the critical difference `width`.
    """

    strategies: tuple[str, ...]
    ranks: NDArray[np.float64]
    groups: tuple[tuple[int, int], ...]
    width: float
    tasks: int
    p: float


def critical_difference_data(table: pd.DataFrame) -> CriticalDifferenceData:
    """Return the table of `workbench.critical_difference`; raises `InvalidInput` for another one."""
    if {"mean_rank", "group"} - set(table.columns) or "critical_difference" not in table.attrs:
        raise InvalidInput("The diagram is drawn from the table that workbench.critical_difference returns.")
    letters = table["group"].tolist()
    found = []
    for letter in sorted({letter for word in letters for letter in _letters(word)}):
        members = [place for place, word in enumerate(letters) if letter in _letters(word)]
        if len(members) > 1:
            found.append((members[0], members[-1]))
    return CriticalDifferenceData(
        tuple(map(str, table.index)),
        table["mean_rank"].to_numpy(float),
        tuple(sorted(found)),
        float(table.attrs["critical_difference"]),
        int(table.attrs["tasks"]),
        float(table.attrs["p"]),
    )


def critical_difference_figure(table: pd.DataFrame, title: str = "Mean rank over tasks") -> go.Figure:
    """Draw a diagram after Demšar (JMLR 2006): ranks from the best at the left, a bar over each group."""
    data = critical_difference_data(table)
    if not data.strategies:
        return nothing(title, "mean rank", "", "No strategy was ranked.")
    n, figure = len(data.strategies), go.Figure()
    for row, (first, last) in enumerate(data.groups):
        figure.add_scatter(
            x=data.ranks[[first, last]],
            y=[0.5 + 0.5 * row] * 2,
            mode="lines",
            line={"color": TEXT, "width": 5},
            hovertemplate="not told apart: " + plain(", ".join(data.strategies[first : last + 1])) + "<extra></extra>",
        )
    for place, (name, rank) in enumerate(zip(data.strategies, data.ranks, strict=True)):
        left = place < (n + 1) // 2
        depth = -1.0 - (place if left else n - 1 - place)
        end, anchor = (1.0 - 0.03 * n, "right") if left else (n + 0.03 * n, "left")
        figure.add_scatter(
            x=[rank, rank, end], y=[0, depth, depth], mode="lines", line={"color": QUIET, "width": 1}, hoverinfo="skip"
        )
        words = f"{plain(name.replace('_', ' '))}  {rank:.2f}"
        figure.add_annotation(x=end, y=depth, text=words, showarrow=False, xanchor=anchor, xshift=-4 if left else 4)
    figure.add_scatter(
        x=data.ranks,
        y=np.zeros(n),
        mode="markers",
        marker={"size": 9, "color": CONV_3X3},
        text=[plain(name) for name in data.strategies],
        hovertemplate="%{text}: mean rank %{x:.2f}<extra></extra>",
    )
    words = f"{data.tasks} tasks, Friedman p = {data.p:.2g}; bars: less apart than {data.width:.2f} (Nemenyi)"
    height = 170 + _ROW * ((n + 1) // 2 + 1) + 12 * len(data.groups)
    figure = styled(figure, title, "", "", height=height, title_subtitle_text=words, showlegend=False)
    ticks = list(range(1, n + 1))
    room = 0.36 * n
    figure.update_xaxes(side="top", tickvals=ticks, range=[1 - room, n + room], showgrid=False, showline=False)
    figure.add_shape(type="line", x0=1, x1=n, y0=0, y1=0, line={"color": TEXT, "width": 1})
    top = 0.9 + 0.5 * len(data.groups)
    figure.update_yaxes(visible=False, range=[-0.8 - (n + 1) // 2, top])
    return figure.update_layout(margin_t=96, margin_l=24)


def _letters(word: str) -> list[str]:
    """The groups in a word such as "ab(27)"."""
    alone, *numbered = word.split("(")
    return [*alone, *(f"({number}" for number in numbered)]
