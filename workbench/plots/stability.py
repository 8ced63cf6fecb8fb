"""How alike a proxy ranks the same architectures under other seeds, batches or images: a row of marks for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.plots.style import SERIES, nothing, plain, styled

_SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up")


class StabilityData(NamedTuple):
    """Proxies from shaky to steady and, by what was changed, float64 (n,) mean rank correlations, NaN where none."""

    names: tuple[str, ...]
    means: dict[str, NDArray[np.float64]]


def stability_data(tables: Mapping[str, pd.DataFrame]) -> StabilityData:
    """Return several tables of `workbench.stability`, by what was changed, in the order of their mean.

    Raises `InvalidInput` for a table that `workbench.stability` did not make.
    """
    for table in tables.values():
        if "mean" not in table.columns:
            raise InvalidInput("The figure is drawn from tables that workbench.stability returns.")
    joined = pd.DataFrame({change: table["mean"] for change, table in tables.items()}, dtype=float)
    joined = joined.loc[joined.mean(axis=1).sort_values(na_position="first").index]
    return StabilityData(tuple(map(str, joined.index)), {name: joined[name].to_numpy(float) for name in joined})


def stability_figure(
    tables: Mapping[str, pd.DataFrame], title: str = "Agreement of each proxy with itself"
) -> go.Figure:
    """Draw for each proxy how well its ranking is kept when something is changed, a mark for each change."""
    data = stability_data(tables)
    if not data.names:
        return nothing(title, "", "", "No proxy is in all frames.")
    figure = go.Figure()
    for place, (change, means) in enumerate(data.means.items()):
        figure.add_scatter(
            x=means,
            y=[plain(name) for name in data.names],
            mode="markers",
            name=plain(change),
            marker={"size": 10, "color": SERIES[place % len(SERIES)], "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
            hovertemplate="%{y}: %{x:.3f}<extra>%{fullData.name}</extra>",
        )
    words = "Spearman's rank correlation of two scorings"
    figure = styled(figure, title, words, "", height=180 + 26 * len(data.names), showlegend=True)
    figure.update_yaxes(type="category", showgrid=False)
    return figure
