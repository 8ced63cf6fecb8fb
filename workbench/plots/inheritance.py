"""Inherited against stand-alone accuracy: a dot for every architecture, and how well the one ranks the other."""

from __future__ import annotations

from textwrap import wrap
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from workbench.palette import ALARM, CONV_3X3, QUIET
from workbench.plots.style import nothing, plain, styled

_X, _Y = "accuracy with inherited weights (%)", "accuracy trained by itself (%)"


class InheritanceData(NamedTuple):
    """Architectures by their strings with both accuracies (n,), 0 to 1, and the three numbers that sum them up.

    `tau` is Kendall's, `gap` how much higher the accuracy by itself is in the mean, `beats_random` the probability that
    the one with the best inherited accuracy beats another.
    """

    names: tuple[str, ...]
    inherited: NDArray[np.float64]
    alone: NDArray[np.float64]
    tau: float
    gap: float
    beats_random: float


def inheritance_figure(data: InheritanceData, title: str = "Inherited and stand-alone accuracy") -> go.Figure:
    """Draw them over equal axes; on the diagonal both are the same, and the ring is the best by inherited accuracy.

    Every dot carries its architecture's string as `customdata`.
    """
    if not data.names:
        return nothing(title, _X, _Y, "No architecture was judged.")
    x, y = 100 * data.inherited, 100 * data.alone
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    pad = 0.05 * (high - low) or 1.0
    ends = [low - pad, high + pad]
    figure = go.Figure()
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": QUIET, "width": 1, "dash": "dot"}, hoverinfo="skip")
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        marker={"size": 9, "color": CONV_3X3, "opacity": 0.75},
        customdata=list(data.names),
        text=["<br>".join(wrap(plain(name), 64)) for name in data.names],
        hovertemplate="inherited %{x:.1f} %, by itself %{y:.1f} %<br>%{text}<extra></extra>",
    )
    best = int(data.inherited.argmax())
    ring = {"size": 15, "color": "rgba(255,255,255,0)", "line": {"color": ALARM, "width": 2.5}}
    figure.add_scatter(x=[x[best]], y=[y[best]], mode="markers", marker=ring, hoverinfo="skip")
    words = (
        f"{len(data.names)} architectures: Kendall's tau {data.tau:.2f}, by itself {100 * data.gap:+.1f} points, "
        f"the ringed one beats another with probability {data.beats_random:.2f}"
    )
    figure = styled(figure, title, _X, _Y, height=480, title_subtitle_text=words, showlegend=False)
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return figure
