"""The front as one SVG, for pages without a kernel: a panel for each two objectives, and what is picked in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.drawing import text
from workbench.palette import ALARM, CONV_3X3, LINE, PAPER, QUIET, TEXT
from workbench.widgets.axes import column, tick_labels, ticks
from workbench.widgets.board.still_parts import fitted
from workbench.widgets.front.data import Front

_LEFT, _TOP, _BOTTOM, _GAP = 56.0, 12.0, 44.0, 18.0
_WIDTHS = {1: (640.0, 320.0), 3: (350.0, 250.0), 6: (350.0, 230.0)}  # panels -> width and height of one
_PER_ROW = 3
_BEATEN = 1_500  # beaten points that are drawn: evenly thinned out beyond
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"


def front_svg(
    title: str, front: Front, allowed: NDArray[np.bool_], picked: int | None, axes: Sequence[Mapping[str, Any]]
) -> str:
    """The panels at their first view; points beyond the limits are hollow, the picked one is ringed."""
    pairs = list(combinations(range(len(axes)), 2))
    width, height = _WIDTHS[len(pairs)]
    per_row = min(_PER_ROW, len(pairs))
    panels = []
    for n, (up, across) in enumerate(pairs):
        x, y = 14 + n % per_row * (width + _GAP), 40 + n // per_row * (height + 8)
        body = _panel(front, allowed, picked, axes, across, up, width, height)
        panels.append(f'<g transform="translate({x:g} {y:g})">{body}</g>')
    bottom = 40 + -(-len(pairs) // per_row) * (height + 8)
    whole = 28 + per_row * (width + _GAP) - _GAP
    words = [_words(said, 14, bottom + 18 + 17 * i) for i, said in enumerate(_said(front, picked, axes, whole))]
    bottom += 24 + 17 * len(words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole:g} {bottom:g}" width="{whole:g}" '
        f'height="{bottom:g}" style="max-width:100%;height:auto" role="img" aria-label="{text(title)}" '
        f'font-family="{_FONT}" font-size="11.5" fill="{QUIET}"><rect width="{whole:g}" height="{bottom:g}" rx="8" '
        f'fill="{PAPER}"/><text x="14" y="25" font-size="14" font-weight="650" fill="{TEXT}">{text(title)}</text>'
        f"{''.join([*panels, *words])}</svg>"
    )


def _said(front: Front, picked: int | None, axes: Sequence[Mapping[str, Any]], width: float) -> list[str]:
    if picked is None:
        return ["Nothing on the front meets the limits."]
    values = [
        f"{axis['label']} {value / axis['factor']:.4g}" for axis, value in zip(axes, front.values[picked], strict=True)
    ]
    name = str(front.frame.index[front.rows[picked]])
    return [f"picked: {', '.join(values)}", fitted(name, width - 28)]


def _panel(
    front: Front, allowed: NDArray[np.bool_], picked: int | None, axes: Sequence[Mapping[str, Any]],
    across: int, up: int, width: float, height: float,
) -> str:  # fmt: skip
    inner = (width - _LEFT - 10, height - _TOP - _BOTTOM)

    def placed(x: Any, y: Any) -> tuple[Any, Any]:
        (left, right), (low, high) = axes[across]["home"], axes[up]["home"]
        return _LEFT + (x - left) / (right - left) * inner[0], _TOP + (1 - (y - low) / (high - low)) * inner[1]

    parts = [*_ticks(axes[across], axes[up], inner, placed), *_beaten(front, across, up, inner, placed)]
    xs, ys = placed(front.values[:, across], front.values[:, up])
    if len(axes) == 2:
        parts.append(_staircase(xs, ys, front.signs))
    for x, y, met in zip(xs, ys, allowed, strict=True):
        look = f'fill="{CONV_3X3}" stroke="{PAPER}"' if met else f'fill="{PAPER}" stroke="#c6ccd3"'
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" {look}/>')
    if front.knee is not None:
        parts.append(
            f'<path d="M{xs[front.knee]:.1f},{ys[front.knee] - 7:.1f}l7,7l-7,7l-7,-7Z" fill="none" stroke="{TEXT}" '
            f'stroke-width="1.6"/>'
        )
    if picked is not None:
        parts.append(
            f'<circle cx="{xs[picked]:.1f}" cy="{ys[picked]:.1f}" r="7" fill="none" stroke="{ALARM}" stroke-width="3"/>'
        )
    return "".join(parts)


def _ticks(across: Mapping[str, Any], up: Mapping[str, Any], inner: tuple[float, float], placed: Any) -> list[str]:
    parts = []
    for axis, upright in ((across, False), (up, True)):
        marks = ticks(axis["home"][0] / axis["factor"], axis["home"][1] / axis["factor"], 5)
        for value, label in zip(marks, tick_labels(marks), strict=True):
            if upright:
                y = placed(across["home"][0], value * axis["factor"])[1]
                parts.append(f'<path d="M{_LEFT},{y:.1f}h{inner[0]:g}" stroke="{LINE}"/>')
                parts.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
            else:
                x = placed(value * axis["factor"], up["home"][0])[0]
                parts.append(f'<text x="{x:.1f}" y="{_TOP + inner[1] + 16:g}" text-anchor="middle">{label}</text>')
    middle = _LEFT + inner[0] / 2
    parts.append(
        f'<text x="{middle:g}" y="{_TOP + inner[1] + 34:g}" text-anchor="middle">{text(_named(across))}</text>'
    )
    turned = f'transform="translate(11 {_TOP + inner[1] / 2:g}) rotate(-90)"'
    parts.append(f'<text {turned} text-anchor="middle">{text(_named(up))}</text>')
    return parts


def _named(axis: Mapping[str, Any]) -> str:
    return f"{axis['label']}, {axis['better']} is better"


def _beaten(front: Front, across: int, up: int, inner: tuple[float, float], placed: Any) -> list[str]:
    """The other points inside the view, as one path of dots."""
    x = column(front.frame, front.objectives[across]).astype(float)
    y = column(front.frame, front.objectives[up]).astype(float)
    x, y = placed(np.delete(x, front.rows), np.delete(y, front.rows))
    seen = np.flatnonzero((x >= _LEFT) & (x <= _LEFT + inner[0]) & (y >= _TOP) & (y <= _TOP + inner[1]))
    seen = seen[:: max(1, -(-len(seen) // _BEATEN))]
    dots = "".join(f"M{x[i]:.1f},{y[i]:.1f}h0" for i in seen)
    return [f'<path d="{dots}" stroke="{QUIET}" stroke-opacity=".35" stroke-width="2.4" stroke-linecap="round"/>']


def _staircase(xs: NDArray[np.float64], ys: NDArray[np.float64], signs: Sequence[int]) -> str:
    """The line between what is reached and what is not."""
    order = np.lexsort((ys, xs))
    points = list(zip(xs[order], ys[order], strict=True))
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    # A corner is worse in both: small x that are wanted keep the height before they lose it.
    for x, y in points[1:]:
        path += f"H{x:.1f}V{y:.1f}" if signs[1] < 0 else f"V{y:.1f}H{x:.1f}"
    return f'<path d="{path}" fill="none" stroke="{CONV_3X3}" stroke-width="1.4"/>'


def _words(said: str, x: float, y: float) -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{TEXT}">{text(said)}</text>'
