"""A picture of effects: the difference from the baseline that each claim is about, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from workbench.palette import ALARM, CONV_3X3, QUIET, TEXT
from workbench.plots.style import nothing, plain, styled

_LOOKS = {"holds": (CONV_3X3, "circle"), "absent": (QUIET, "circle-open"), "reversed": (ALARM, "x")}


class EffectRow(NamedTuple):
    """A claim: whose, of what, the gain over the baseline in its standard deviations with interval, and the verdict."""

    system: str
    quantity: str
    gain: float
    low: float
    high: float
    verdict: str


def effects_figure(rows: Sequence[EffectRow], title: str = "Does the claim hold at this scale?") -> go.Figure:
    """A line for each claim: to the right of the line at 0 the claimed side was better."""
    x = "gain over the baseline, in pooled standard deviations of the seeds (95 % interval)"
    if not rows:
        return nothing(title, x, "", "There is no effect to show.")
    figure = styled(go.Figure(), title, x, "", height=130 + 26 * len(rows))
    placed = list(zip(range(len(rows) - 1, -1, -1), rows, strict=True))
    for verdict, (colour, symbol) in _LOOKS.items():
        own = [row for row in rows if row.verdict == verdict]
        if own:
            figure.add_scatter(
                x=[row.gain for row in own],
                y=[place for place, row in placed if row.verdict == verdict],
                error_x={
                    "array": [row.high - row.gain for row in own],
                    "arrayminus": [row.gain - row.low for row in own],
                    "thickness": 1.5,
                },
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 10},
                name=verdict,
                text=[plain(f"{row.system}: {row.quantity}") for row in own],
                hovertemplate="%{text}<br>%{x:.2f}<extra></extra>",
            )
    figure.add_vline(0, line={"color": TEXT, "width": 1})
    labels = [plain(f"{row.system}: {row.quantity}") for row in rows]
    figure.update_yaxes(tickvals=[place for place, _ in placed], ticktext=labels, range=[-0.7, len(rows) - 0.3])
    return figure
