"""A few numbers for each of many things: a line per thing, a dot per number, so that they are compared at a glance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import LINE, QUIET
from workbench.plots.style import SERIES, nothing, plain, styled

_SIGNS = ("circle", "diamond", "square", "triangle-up", "cross", "star")


class DotsData(NamedTuple):
    """Things from the bottom to the top, series in their order, and float64 ``values`` (n things, n series)."""

    things: tuple[str, ...]
    series: tuple[str, ...]
    values: NDArray[np.float64]


def dots_data(frame: pd.DataFrame) -> DotsData:
    """Return the numbers of a table whose rows are the things, the first on top, and whose columns are the series.

    Raises:
        InvalidInput: for a column that is not numeric.
    """
    wrong = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    if wrong:
        raise InvalidInput(f"Dots stand for numbers; these columns hold none: {', '.join(wrong)}.")
    turned = frame.iloc[::-1]
    return DotsData(
        tuple(map(str, turned.index)), tuple(map(str, frame.columns)), turned.to_numpy(dtype=float, na_value=np.nan)
    )


def dots_figure(
    frame: pd.DataFrame, title: str, x: str, *, reference: float | None = None, logarithmic: bool = False
) -> go.Figure:
    """Draw such a table; `reference` is a value to compare with, drawn as a line. NaN is left out."""
    data = dots_data(frame)
    if not data.things or not data.series:
        return nothing(title, x, "", "There is nothing to compare.")
    height = 120 + 24 * len(data.things)
    axis = {"type": "log", "dtick": "D1"} if logarithmic else {}
    figure = styled(go.Figure(), title, x, "", height=height)
    figure.update_xaxes(**axis)
    figure.update_yaxes(tickvals=list(range(len(data.things))), ticktext=[plain(thing) for thing in data.things])
    figure.update_yaxes(range=[-0.7, len(data.things) - 0.3], gridcolor="rgba(0,0,0,0)")
    for row, values in enumerate(data.values):
        known = values[np.isfinite(values)]
        if len(known):
            ends = {"x0": known.min(), "x1": known.max(), "y0": row, "y1": row}
            figure.add_shape(type="line", **ends, line={"color": LINE, "width": 3}, layer="below")
    for number, name in enumerate(data.series):
        marks = {"color": SERIES[number % len(SERIES)], "symbol": _SIGNS[number % len(_SIGNS)], "size": 10}
        figure.add_scatter(
            x=data.values[:, number],
            y=list(range(len(data.things))),
            mode="markers",
            marker=marks,
            name=plain(name),
            customdata=[plain(thing) for thing in data.things],
            hovertemplate="<b>%{x:.3g}</b> " + plain(name) + "<br>%{customdata}<extra></extra>",
        )
    if reference is not None:
        figure.add_vline(x=reference, line={"color": QUIET, "width": 1, "dash": "dot"})
    return figure
