"""The common look of all figures: calm, white, few lines, colours of the palette, text that is never markup."""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects as go

from workbench.palette import ALARM, CONV_1X1, CONV_3X3, LINE, OTHER_OPERATIONS, POOL, QUIET, SKIP, TEXT

SERIES = (CONV_3X3, POOL, SKIP, CONV_1X1, ALARM, *OTHER_OPERATIONS)
"""Colours for series in their order."""

DASHES = ("solid", "dash", "dashdot", "longdash", "dot")
"""Dashes beside the colours, so that colour is never the only sign."""

_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def styled(figure: go.Figure, title: str, x: str, y: str, height: int = 440, **layout: Any) -> go.Figure:
    """Return the figure in the common look, with a title and axis titles that are plain text."""
    axis = {"gridcolor": LINE, "linecolor": LINE, "zeroline": False, "ticks": "", "title_standoff": 10}
    figure.update_layout(
        template="none",
        title={"text": f"<b>{plain(title)}</b>", "x": 0, "xref": "paper", "font_size": 15, "automargin": True},
        title_subtitle_font={"size": 12, "color": QUIET},
        font={"family": _FONT, "size": 13, "color": TEXT},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        height=height,
        margin={"l": 70, "r": 24, "t": 56, "b": 56},
        hoverlabel={"bgcolor": "#ffffff", "font_color": TEXT, "bordercolor": LINE, "align": "left"},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        xaxis={**axis, "title_text": plain(x)},
        yaxis={**axis, "title_text": plain(y), "automargin": True},
    )
    figure.update_layout(layout)
    return figure


def nothing(title: str, x: str, y: str, why: str) -> go.Figure:
    """Return an empty figure that says why it is empty."""
    figure = styled(go.Figure(), title, x, y, height=200)
    figure.add_annotation(text=plain(why), showarrow=False, font_color=QUIET, x=0.5, y=0.5, xref="paper", yref="paper")
    return figure


def plain(text: object) -> str:
    """Return text that plotly shows as it is: it would take tags for markup."""
    return escape(str(text), quote=False)
