"""Bands: a number against another one for several things, a line each with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import QUIET
from workbench.plots.style import DASHES, SERIES, nothing, plain, styled

_SIGNS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
_IN_A_ROW = 80  # letters in a line of the legend, which stands below


class Band(NamedTuple):
    """One thing: float64 (points,) ``x``, ``middle``, and the ends of its intervals, from left to right."""

    name: str
    x: NDArray[np.float64]
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def bands_data(table: pd.DataFrame, column: str) -> tuple[Band, ...]:
    """Return a band for each thing of a table indexed by (number, thing), in the order in which they first appear.

    `column` is drawn between ``<column>_low`` and ``<column>_high``, which is how `workbench.summary` names them. Rows
    without a number are left out. Raises `InvalidInput` for a table that has no such index or columns.
    """
    wanted = [column, f"{column}_low", f"{column}_high"]
    lacking = [name for name in wanted if name not in table.columns]
    if table.index.nlevels != 2 or lacking:
        levels = table.index.nlevels
        raise InvalidInput(
            "Bands are drawn from a table indexed by (number, thing), such as that of workbench.summary, with the "
            f"columns {', '.join(wanted)}; this one "
            + (f"lacks {', '.join(lacking)}." if levels == 2 else f"is indexed by {levels} level(s).")
        )
    found = []
    for name in dict.fromkeys(table.index.get_level_values(1)):
        rows = table.xs(name, level=1)[wanted].sort_index()
        values = rows.to_numpy(dtype=float)
        known = np.isfinite(values).all(axis=1)
        found.append(Band(str(name), rows.index.to_numpy(dtype=float)[known], *values[known].T))
    return tuple(found)


def bands_figure(
    table: pd.DataFrame,
    column: str,
    title: str,
    x: str,
    y: str,
    *,
    references: Mapping[str, float] | None = None,
    logarithmic: bool = False,
    subtitle: str = "band: 95 % interval",
) -> go.Figure:
    """Draw `bands_data`; `references` are words -> a value to compare with, each a dotted line.

    `logarithmic` is for numbers from left to right that double, such as seeds or labels.
    """
    bands = [band for band in bands_data(table, column) if len(band.x)]
    if not bands:
        return nothing(title, x, y, "There is no number to draw.")
    figure = go.Figure()
    for place, band in enumerate(bands):
        colour = QUIET if band.name == "random" else SERIES[place % len(SERIES)]
        figure.add_traces(_traces(band, colour, DASHES[place % len(DASHES)], _SIGNS[place % len(_SIGNS)]))
    rows = -(-sum(len(band.name) + 8 for band in bands) // _IN_A_ROW)
    legend = {"x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"}
    figure = styled(figure, title, x, y, height=440 + 22 * rows, title_subtitle_text=plain(subtitle), legend=legend)
    figure.update_layout(hovermode="x unified", margin_t=70, margin_b=60 + 22 * rows)
    if logarithmic:
        ticks = sorted({float(each) for band in bands for each in band.x})
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{each:g}" for each in ticks])
    for words, value in (references or {}).items():
        figure.add_hline(
            y=value,
            line={"color": QUIET, "width": 1, "dash": "dot"},
            annotation={"text": plain(words), "font": {"size": 11, "color": QUIET}, "bgcolor": "rgba(255,255,255,0.7)"},
            annotation_position="top left",
        )
    return figure


def _traces(band: Band, colour: str, dash: str, sign: str) -> list[go.Scatter]:
    """The interval as a filled outline, and the line with its marks."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    name = plain(band.name)
    outline = go.Scatter(
        x=np.concatenate([band.x, band.x[::-1]]),
        y=np.concatenate([band.high, band.low[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.13)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
    )
    line = go.Scatter(
        x=band.x,
        y=band.middle,
        mode="lines+markers",
        name=name,
        legendgroup=name,
        line={"color": colour, "dash": dash, "width": 2},
        marker={"color": colour, "symbol": sign, "size": 7},
        customdata=np.column_stack([band.low, band.high]),
        hovertemplate="%{y:.3g} (%{customdata[0]:.3g} to %{customdata[1]:.3g})",
    )
    return [outline, line]
