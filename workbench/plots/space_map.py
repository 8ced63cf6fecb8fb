"""The map of a space: every architecture as a point, placed and coloured by numbers about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import UnknownName
from workbench.palette import ALARM
from workbench.plots.style import nothing, plain, styled


class SpaceMapData(NamedTuple):
    """Points of a map: ``x``, ``y`` and ``colour`` float64 (n,), and a name for each; ``missing`` rows had no place."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colour: NDArray[np.float64] | None
    names: tuple[str, ...]
    highlighted: NDArray[np.bool_]
    missing: int


def space_map_data(
    table: pd.DataFrame, x: str, y: str, colour: str | None = None, highlight: Sequence[str] = ()
) -> SpaceMapData:
    """Return the points of a map; rows without a finite ``x`` and ``y`` are counted and left out.

    Args:
        table: one row per architecture, indexed by its name.
        x: the column that places a point from left to right.
        y: the column that places it from below to above.
        colour: the column that colours it; points without that number stay, uncoloured.
        highlight: names of rows to be marked.

    Raises:
        UnknownName: for a column that the table does not have, and a highlighted row that it does not have.
    """
    for column in (x, y, *([colour] if colour else [])):
        if column not in table.columns:
            raise UnknownName.of("column of the table", column, map(str, table.columns))
    for name in highlight:
        if name not in table.index:
            raise UnknownName(f"The table has no row {name!r} to highlight.")
    placed = table[np.isfinite(table[[x, y]].to_numpy(dtype=float)).all(axis=1)]
    return SpaceMapData(
        x=placed[x].to_numpy(dtype=float),
        y=placed[y].to_numpy(dtype=float),
        colour=placed[colour].to_numpy(dtype=float) if colour else None,
        names=tuple(map(str, placed.index)),
        highlighted=placed.index.isin(list(highlight)),
        missing=len(table) - len(placed),
    )


def space_map(
    table: pd.DataFrame,
    x: str,
    y: str,
    colour: str | None = None,
    *,
    highlight: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    title: str = "Map of the space",
) -> go.Figure:
    """Draw the map of a space, see `space_map_data`; ``labels`` gives columns their words and units."""
    data = space_map_data(table, x, y, colour, highlight)
    words = {name: name.replace("_", " ") for name in map(str, table.columns)} | dict(labels or {})
    if not len(data.x):
        return nothing(title, words[x], words[y], "No architecture has both numbers.")
    figure = go.Figure(_points(data, words[x], words[y], words[colour] if colour else ""))
    if data.highlighted.any():
        figure.add_trace(_marks(data))
    without = f", {data.missing:,} without these numbers" if data.missing else ""
    subtitle = f"{len(data.x):,} architectures{without}"
    return styled(figure, title, words[x], words[y], height=480, title_subtitle_text=subtitle, showlegend=False)


def _points(data: SpaceMapData, x: str, y: str, colour: str) -> go.Scatter:
    marker: dict[str, object] = {"size": 4, "opacity": 0.6, "color": "#6b7682"}
    third = ""
    if data.colour is not None:
        bar = {"title": {"text": plain(colour), "side": "right"}, "thickness": 12, "outlinewidth": 0}
        marker |= {"color": data.colour.astype(np.float32), "colorscale": "Viridis", "colorbar": bar}
        third = f"<br>{plain(colour)} %{{marker.color:.5g}}"
    return go.Scatter(
        x=data.x.astype(np.float32),
        y=data.y.astype(np.float32),
        mode="markers",
        marker=marker,
        text=[plain(name) for name in data.names],
        hovertemplate=f"%{{text}}<br>{plain(x)} %{{x:.5g}}<br>{plain(y)} %{{y:.5g}}{third}<extra></extra>",
    )


def _marks(data: SpaceMapData) -> go.Scatter:
    chosen = np.flatnonzero(data.highlighted)
    return go.Scatter(
        x=data.x[chosen],
        y=data.y[chosen],
        mode="markers",
        marker={"size": 11, "color": "rgba(255,255,255,0.6)", "line": {"color": ALARM, "width": 2.5}},
        hoverinfo="skip",
    )
