"""Search curves: the best found so far against queries, its middle and spread over seeds, random search beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput, UnknownName
from workbench.palette import QUIET
from workbench.plots.style import DASHES, SERIES, nothing, plain, styled

_IN_A_ROW = 70  # letters in a line of the legend, which stands below: there may be a dozen strategies


class Curve(NamedTuple):
    """One strategy: ``query``, and the median and quartiles of its seeds there, float64 (queries,) each."""

    strategy: str
    query: NDArray[np.float64]
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    seeds: int


def search_curves_data(frame: pd.DataFrame, value: str = "best") -> tuple[Curve, ...]:
    """Return one curve per strategy, in the frame's order, random search last.

    A query at which a seed has no value counts only the seeds that have one; where none has, the curve has a gap (NaN).

    Args:
        frame: what `workbench.compare` returns: a row per strategy, seed and query.
        value: the column that is drawn, ``best`` or ``regret``.

    Raises:
        InvalidInput: for a frame that is not made by `workbench.compare`.
        UnknownName: for a column that is not there.
    """
    if missing := {"strategy", "seed", "query"} - set(frame.columns):
        raise InvalidInput(f"Search curves are drawn from the frame of workbench.compare; it lacks {sorted(missing)}.")
    if value not in frame.columns:
        raise UnknownName.of("column of the comparison", value, map(str, frame.columns))
    names = list(dict.fromkeys(frame["strategy"]))
    return tuple(_curve(frame[frame["strategy"] == name], str(name), value) for name in sorted(names, key=_is_random))


def search_curves(
    frame: pd.DataFrame, value: str = "best", label: str = "", title: str = "Search against random"
) -> go.Figure:
    """Draw the curves of `search_curves_data`: median lines, interquartile bands, random search in dashed grey.

    ``label`` is the axis title: the measure with its unit.
    """
    curves = search_curves_data(frame, value)
    words = label or value
    if not any(np.isfinite(curve.middle).any() for curve in curves):
        return nothing(title, "queries of the benchmark", words, "No search has a value yet.")
    figure = go.Figure()
    for place, curve in enumerate(curves):
        random = _is_random(curve.strategy)
        colour, dash = (QUIET, "dot") if random else (SERIES[place % len(SERIES)], DASHES[place % len(DASHES)])
        figure.add_traces([_band(curve, colour), _line(curve, colour, dash)])
    seeds = " to ".join(map(str, sorted({min(c.seeds for c in curves), max(c.seeds for c in curves)})))
    subtitle = f"median and middle half of {seeds} seed{'' if seeds == '1' else 's'}"
    figure = styled(figure, title, "queries of the benchmark", words, title_subtitle_text=subtitle)
    rows = -(-sum(len(curve.strategy) + 8 for curve in curves) // _IN_A_ROW)
    legend = {"x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"}
    figure.update_layout(hovermode="x unified", legend=legend, height=440 + 22 * rows, margin_b=60 + 22 * rows)
    return figure.update_yaxes(range=value_range(curves))


def value_range(curves: tuple[Curve, ...]) -> list[float] | None:
    """Return the values worth showing: without the first twentieth of the queries, which would flatten the rest."""
    bounds = [
        bound[curve.query > 0.05 * np.max(curve.query)] for curve in curves if len(curve.query) for bound in curve[2:5]
    ]
    shown = np.concatenate(bounds) if bounds else np.array([])
    shown = shown[np.isfinite(shown)]
    if not len(shown) or shown.min() == shown.max():
        return None
    margin = 0.05 * (shown.max() - shown.min())
    return [float(shown.min() - margin), float(shown.max() + margin)]


def _curve(rows: pd.DataFrame, name: str, value: str) -> Curve:
    grid = rows.pivot_table(index="query", columns="seed", values=value, aggfunc="first", dropna=False)
    quartiles = grid.quantile([0.25, 0.5, 0.75], axis=1).to_numpy(dtype=float)
    query = grid.index.to_numpy(dtype=float)
    return Curve(name, query, quartiles[1], quartiles[0], quartiles[2], rows["seed"].nunique())


def _is_random(strategy: object) -> bool:
    return str(strategy) == "random"


def _band(curve: Curve, colour: str) -> go.Scatter:
    drawn = np.isfinite(curve.low) & np.isfinite(curve.high)
    query, low, high = curve.query[drawn], curve.low[drawn], curve.high[drawn]
    return go.Scatter(
        x=np.concatenate([query, query[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=_pale(colour),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=curve.strategy,
    )


def _line(curve: Curve, colour: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=curve.query,
        y=curve.middle,
        mode="lines" if len(curve.query) > 1 else "markers",
        name=plain(curve.strategy.replace("_", " ")),
        legendgroup=curve.strategy,
        line={"color": colour, "dash": dash, "width": 2},
        marker={"color": colour},
        hovertemplate="%{y:.4g}",
    )


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.13)"
