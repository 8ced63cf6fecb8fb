"""Proxies layer by layer: what share of its score each proxy finds in each layer of one network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.plots.style import DASHES, SERIES, nothing, plain, styled


class LayersData(NamedTuple):
    """Names of layers in the network's order and, by proxy, float64 (layers,) shares of its total size."""

    layers: tuple[str, ...]
    shares: dict[str, NDArray[np.float64]]


def layers_data(found: Mapping[str, Mapping[str, float]]) -> LayersData:
    """Return what `workbench.score_model(..., reduce=None)` found, each proxy's terms divided by their absolute sum.

    A layer that a proxy has no term for counts nothing there. Raises `InvalidInput` for values that are not by layer.
    """
    for name, terms in found.items():
        if not isinstance(terms, Mapping):
            raise InvalidInput(f"The values of {name!r} are not by layer: score with reduce=None.")
    table = pd.DataFrame({name: dict(terms) for name, terms in found.items()}, dtype=float).fillna(0.0)
    first = next(iter(found.values()), {})
    order = [*first, *(layer for layer in table.index if layer not in first)]
    table = table.loc[order]
    shares = {}
    for name in table:
        terms = table[name].to_numpy(float)
        total = np.abs(terms).sum()
        shares[str(name)] = terms / total if total > 0 else terms
    return LayersData(tuple(map(str, table.index)), shares)


def layers_figure(found: Mapping[str, Mapping[str, float]], title: str = "Where a score comes from") -> go.Figure:
    """Draw the share of every layer, first to last, one line a proxy; pointing at one says which layer it is."""
    data = layers_data(found)
    if not data.layers:
        return nothing(title, "", "", "No proxy has a value by layer.")
    figure = go.Figure()
    for place, (name, shares) in enumerate(data.shares.items()):
        figure.add_scatter(
            x=list(range(1, len(data.layers) + 1)),
            y=shares,
            mode="lines+markers",
            name=plain(name),
            line={"color": SERIES[place % len(SERIES)], "dash": DASHES[place % len(DASHES)], "width": 1.5},
            marker={"size": 4},
            customdata=[plain(layer) for layer in data.layers],
            hovertemplate="%{customdata}: %{y:.1%}<extra>%{fullData.name}</extra>",
        )
    figure = styled(figure, title, "layer, from the input to the output", "share of the score", height=380)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
