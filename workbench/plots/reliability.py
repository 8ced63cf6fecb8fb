"""Reliability against effort: how often the winner and the ranking of a comparison come out again, by its seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.plots.style import DASHES, SERIES, nothing, plain, styled

_LINES = {"same_winner": "same winner", "kendall": "Kendall's tau of the ranking"}


class ReliabilityLine(NamedTuple):
    """One kind of agreement: float64 (sizes,) means and the ends of their 95 % intervals."""

    name: str
    sizes: NDArray[np.float64]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def reliability_data(table: pd.DataFrame) -> tuple[ReliabilityLine, ...]:
    """Return the two lines of the table of `workbench.reliability`; raises `InvalidInput` for another one."""
    if {f"{name}{end}" for name in _LINES for end in ("", "_low", "_high")} - set(table.columns):
        raise InvalidInput("The curve is drawn from the table that workbench.reliability returns.")
    sizes = table.index.to_numpy(dtype=float)
    return tuple(
        ReliabilityLine(words, sizes, *(table[f"{name}{end}"].to_numpy(float) for end in ("", "_low", "_high")))
        for name, words in _LINES.items()
    )


def reliability_figure(
    table: pd.DataFrame, unit: str = "seeds", title: str = "How far the comparison can be relied on"
) -> go.Figure:
    """Draw both lines against the number of `unit`, with their intervals."""
    lines = reliability_data(table)
    if not len(table):
        return nothing(title, unit, "agreement", "Nothing was drawn anew.")
    figure = go.Figure()
    for place, line in enumerate(lines):
        colour = SERIES[place]
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        figure.add_scatter(
            x=np.concatenate([line.sizes, line.sizes[::-1]]),
            y=np.concatenate([line.high, line.low[::-1]]),
            mode="lines",
            fill="toself",
            fillcolor=f"rgba({red},{green},{blue},0.13)",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=line.name,
        )
        figure.add_scatter(
            x=line.sizes,
            y=line.values,
            mode="lines+markers" if len(line.sizes) > 1 else "markers",
            name=line.name,
            legendgroup=line.name,
            line={"color": colour, "dash": DASHES[place], "width": 2},
            marker={"color": colour},
            hovertemplate="%{y:.2f}",
        )
    words = f"against the decision of all {table.attrs.get('units', '')} {unit}; band: 95 % bootstrap interval"
    words += f"; winner: {plain(table.attrs['winner'])}" if "winner" in table.attrs else ""
    figure = styled(figure, title, f"{unit} of the comparison", "agreement", title_subtitle_text=words)
    bottom = min(0.0, *(float(np.nanmin(line.low)) for line in lines))
    figure.update_yaxes(range=[bottom - 0.03, 1.03])
    figure.update_xaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
    return figure.update_layout(hovermode="x unified", margin_t=70, legend={"y": 0.02, "yanchor": "bottom"})
