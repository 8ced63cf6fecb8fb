"""Strategies at one number of queries: the middle of each with its interval, and a dot for what every seed found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.palette import CONV_3X3, QUIET, SKIP
from workbench.plots.style import nothing, plain, styled

_ROW = 44  # pixels


class Seeds(NamedTuple):
    """What the seeds of one strategy found: float64 (seeds,) values, and the architectures that have them."""

    values: NDArray[np.float64]
    architectures: tuple[str, ...]


class RankingData(NamedTuple):
    """Strategies, the best first, with float64 (n,) middles and the ends of their 95 % intervals.

    `seeds` holds a `Seeds` for each strategy, none where no comparison was given. `statistic` and `label` say what the
    middle is and of what.
    """

    strategies: tuple[str, ...]
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_seeds: tuple[int, ...]
    seeds: tuple[Seeds, ...]
    query: int
    statistic: str
    label: str


def ranking_data(
    table: pd.DataFrame, at: int | None = None, frame: pd.DataFrame | None = None, statistic: str = "median"
) -> RankingData:
    """Return the rows of `workbench.summary` for `at` queries, by default the most, best first.

    Of strategies that are equal in one statistic the one that is better in the other comes first.
    `frame` is the comparison that the table was made of, for the seeds' own dots; `statistic` is `median` or `mean`.
    Raises `InvalidInput` for other tables and for queries that are not in it.
    """
    wanted = [statistic, f"{statistic}_low", f"{statistic}_high", "seeds"]
    if statistic not in ("median", "mean") or table.index.names != ["query", "strategy"] or set(wanted) - set(table):
        raise InvalidInput("The ranking is drawn from the table of workbench.summary, by its 'median' or 'mean'.")
    queries = table.index.get_level_values("query").unique()
    query = int(queries.max()) if at is None else at
    if query not in queries:
        raise InvalidInput(f"The summary was made at {', '.join(map(str, queries))} queries; asked for at={at!r}.")
    ties = [name for name in ("median", "mean") if name != statistic and name in table]
    rows = table.loc[query].sort_values([statistic, *ties], ascending=table.attrs.get("better", "lower") == "lower")
    names = tuple(str(name) for name in rows.index)
    value = str(table.attrs.get("value", "best"))
    return RankingData(
        names,
        rows[statistic].to_numpy(float),
        rows[f"{statistic}_low"].to_numpy(float),
        rows[f"{statistic}_high"].to_numpy(float),
        tuple(int(n) for n in rows["seeds"]),
        tuple(_seeds(frame, name, query, value) for name in rows.index) if frame is not None else (),
        query,
        statistic,
        str(table.attrs.get("label", value)),
    )


def ranking_figure(
    table: pd.DataFrame,
    at: int | None = None,
    frame: pd.DataFrame | None = None,
    statistic: str = "median",
    title: str = "Search strategies",
) -> go.Figure:
    """Draw `ranking_data`; the seeds' dots carry their architecture (`customdata`), random search is grey."""
    data = ranking_data(table, at, frame, statistic)
    if not np.isfinite(data.middle).any():
        return nothing(title, data.label, "", "No search has found anything.")
    figure = go.Figure()
    places = list(range(len(data.strategies)))[::-1]
    for place, seeds in zip(places, data.seeds, strict=False):
        figure.add_trace(_dots(place, seeds))
    figure.add_trace(_middles(data, places))
    words = f"after {data.query} queries: {statistic} and its 95 % bootstrap interval"
    words += "; a dot for each seed" if data.seeds else ""
    if min(data.n_seeds) < 10:
        words += f"; only {min(data.n_seeds)} seeds, too few for a ranking"
    height = 140 + _ROW * len(places)
    figure = styled(figure, title, data.label, "", height=height, title_subtitle_text=words, showlegend=False)
    names = [plain(name.replace("_", " ")) for name in data.strategies]
    figure.update_yaxes(tickvals=places, ticktext=names, range=[-0.6, len(places) - 0.4], showgrid=False)
    return figure.update_layout(margin_t=70)


def _middles(data: RankingData, places: list[int]) -> go.Scatter:
    return go.Scatter(
        x=data.middle,
        y=places,
        mode="markers",
        marker={"size": 11, "color": [QUIET if name == "random" else CONV_3X3 for name in data.strategies]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": data.high - data.middle,
            "arrayminus": data.middle - data.low,
            "thickness": 3,
            "width": 0,
            "color": "rgba(11,95,165,0.4)",
        },
        text=[plain(name.replace("_", " ")) for name in data.strategies],
        customdata=np.column_stack([data.low, data.high, data.n_seeds]),
        hovertemplate="%{text}: %{x:.4g}, 95 % interval %{customdata[0]:.4g} to %{customdata[1]:.4g}, "
        "%{customdata[2]} seeds<extra></extra>",
    )


def _dots(place: int, seeds: Seeds) -> go.Scatter:
    # Spread below the middle, always the same way, so that equal values are seen to be several.
    spread = 0.12 + 0.24 * np.modf(np.arange(len(seeds.values)) * 0.618)[0]
    return go.Scatter(
        x=seeds.values,
        y=place - spread,
        mode="markers",
        marker={"size": 5, "color": SKIP, "opacity": 0.45},
        customdata=[plain(name) for name in seeds.architectures],
        hovertemplate="%{x:.4g}<br>%{customdata}<extra></extra>",
    )


def _seeds(frame: pd.DataFrame, strategy: object, query: int, value: str) -> Seeds:
    rows = frame[(frame["strategy"] == strategy) & (frame["query"] <= query)].sort_values(["seed", "query"])
    last = rows.groupby("seed").tail(1)
    return Seeds(last[value].to_numpy(dtype=float), tuple(map(str, last["incumbent"])))
