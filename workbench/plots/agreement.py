"""Agreement of proxies with trained accuracy: dots with intervals, beside the lines that the free baselines draw."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.errors import InvalidInput, UnknownName
from workbench.palette import ALARM, CONV_3X3, QUIET
from workbench.plots.style import nothing, plain, styled

STATISTICS = {
    "spearman": "Spearman's rank correlation",
    "kendall": "Kendall's tau",
    "weighted_kendall": "weighted Kendall's tau",
    "ndcg": "normalised discounted cumulative gain",
    "top": "share of the best found",
    "best_quartile": "share of the best quarter found",
    "top_hit": "first choice among the best",
}


class AgreementData(NamedTuple):
    """Proxies from weak to strong with float64 (n,) ``values``, ``lows``, ``highs``; baselines by name."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    baselines: dict[str, float]
    population: str


def agreement_data(frame: pd.DataFrame, statistic: str = "spearman") -> AgreementData:
    """Return what `workbench.agreement` found for one statistic; rows without a value come first, as the weakest.

    Raises:
        UnknownName: for a statistic that the frame does not hold.
        InvalidInput: for a frame that is not made by `workbench.agreement`.
    """
    known = [name for name in STATISTICS if name in frame.columns]
    if not known or "baseline" not in frame.columns:
        raise InvalidInput("An agreement figure is drawn from the frame that workbench.agreement returns.")
    if statistic not in known:
        raise UnknownName.of("statistic", statistic, known)
    proxies = frame[~frame["baseline"].astype(bool)].sort_values(statistic, na_position="first")
    free = frame[frame["baseline"].astype(bool)]
    return AgreementData(
        names=tuple(map(str, proxies.index)),
        values=proxies[statistic].to_numpy(dtype=float),
        lows=proxies[f"{statistic}_low"].to_numpy(dtype=float),
        highs=proxies[f"{statistic}_high"].to_numpy(dtype=float),
        baselines={str(name): float(value) for name, value in free[statistic].items()},
        population=str(frame.attrs.get("population", f"{int(frame['n'].max()) if len(frame) else 0:,} architectures")),
    )


def agreement_figure(
    frame: pd.DataFrame,
    statistic: str = "spearman",
    title: str = "Agreement with trained accuracy",
    ceiling: float | None = None,
) -> go.Figure:
    """Draw the agreement of each proxy with its 95 % interval; the strongest free baseline is the red line.

    `ceiling` is the same statistic between two training runs, as `workbench.ceiling` finds it: the noise that no
    proxy gets past.
    """
    data = agreement_data(frame, statistic)
    words = STATISTICS[statistic]
    if not data.names and not data.baselines:
        return nothing(title, words, "", "No proxy was scored.")
    figure = go.Figure(_dots(data))
    n_lines = _add_lines(figure, data, ceiling)
    height = 190 + 30 * len(data.names) + 16 * n_lines
    subtitle = f"{data.population}; bar: 95 % bootstrap interval; red: the strongest free baseline"
    figure = styled(figure, title, words, "", height=height, title_subtitle_text=subtitle, showlegend=False)
    figure.update_yaxes(type="category", showgrid=False)
    figure.update_layout(margin_t=80 + 16 * n_lines)
    return figure


def _dots(data: AgreementData) -> go.Scatter:
    return go.Scatter(
        x=data.values,
        y=[plain(name) for name in data.names],
        mode="markers",
        marker={"size": 10, "color": CONV_3X3},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": data.highs - data.values,
            "arrayminus": data.values - data.lows,
            "thickness": 2.5,
            "width": 0,
            "color": "rgba(11,95,165,0.4)",
        },
        customdata=np.column_stack([data.lows, data.highs]) if data.names else None,
        hovertemplate="%{y}: %{x:.3f}, 95 % interval %{customdata[0]:.3f} to %{customdata[1]:.3f}<extra></extra>",
    )


def _add_lines(figure: go.Figure, data: AgreementData, ceiling: float | None) -> int:
    """Draw a dashed line for each baseline and for the ceiling; how many there are."""
    drawn = {name: value for name, value in data.baselines.items() if np.isfinite(value)}
    strongest = max(drawn, key=lambda name: drawn[name], default="")
    if ceiling is not None and np.isfinite(ceiling):
        drawn["two training runs"] = ceiling
    for row, (name, value) in enumerate(sorted(drawn.items(), key=lambda item: item[1])):
        colour = ALARM if name == strongest else QUIET
        figure.add_vline(x=value, line={"color": colour, "dash": "dash", "width": 1.5})
        figure.add_annotation(
            x=value,
            y=1,
            yref="paper",
            yshift=10 + 16 * row,
            text=plain(f"{name.replace('_', ' ')} {value:.3f}"),
            showarrow=False,
            font={"color": colour, "size": 12},
        )
    return len(drawn)
