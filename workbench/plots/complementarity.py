"""What each proxy adds to another: a square of gains, from the table of `workbench.complementarity`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import DIVERGING
from workbench.plots.style import nothing, plain, styled

_ROW = 26


class ComplementarityData(NamedTuple):
    """Proxies from strong to weak, float64 (n,) ``alone`` and (n, n) ``gains``, NaN on the diagonal.

    ``alone`` is each proxy's own rank correlation, ``gains[i, j]`` what proxy j adds to proxy i.
    """

    names: tuple[str, ...]
    alone: NDArray[np.float64]
    gains: NDArray[np.float64]


def complementarity_data(table: pd.DataFrame) -> ComplementarityData:
    """Return the square table of `workbench.complementarity` in the order of each proxy's own correlation.

    Raises `InvalidInput` for a table that is not square with the same names both ways.
    """
    if list(table.index) != list(table.columns):
        raise InvalidInput("The figure is drawn from the square table that workbench.complementarity returns.")
    values = table.to_numpy(dtype=float, copy=True)
    order = np.argsort(-np.diag(values), kind="stable")
    values = values[np.ix_(order, order)]
    alone = np.diag(values).copy()
    np.fill_diagonal(values, np.nan)
    return ComplementarityData(tuple(str(table.index[place]) for place in order), alone, values)


def complementarity_figure(table: pd.DataFrame, title: str = "What a second proxy adds") -> go.Figure:
    """Draw the gain in rank correlation that the proxy of a column brings to that of a row."""
    data = complementarity_data(table)
    if len(data.names) < 2:
        return nothing(title, "", "", "There are no two proxies to combine.")
    reach = max(0.01, float(np.nanmax(np.abs(data.gains))))
    names = [plain(name) for name in data.names]
    rows = [f"{name}  {value:.2f}" for name, value in zip(names, data.alone, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=data.gains,
            x=names,
            y=rows,
            zmin=-reach,
            zmax=reach,
            colorscale=list(DIVERGING),
            colorbar={"title": {"text": "gain"}, "thickness": 12, "outlinewidth": 0},
            texttemplate="%{z:.2f}" if len(names) <= 12 else None,
            hovertemplate="%{x} adds %{z:.3f} to %{y}<extra></extra>",
        )
    )
    figure = styled(figure, title, "what is added", "", 170 + _ROW * len(names))
    subtitle = "Rows: each proxy and its Spearman correlation; squares: the gain on held-out architectures"
    figure.update_layout(title_subtitle_text=subtitle, margin_l=150, margin_b=110)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    figure.update_xaxes(showgrid=False, type="category", tickangle=-45)
    return figure
