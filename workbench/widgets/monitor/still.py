"""The search monitor as one SVG: the curve or the front, how the search stands, and the best cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from workbench.architecture import Architecture
from workbench.drawing import lay_out, svg, text
from workbench.palette import CONV_3X3, LINE, PAPER, QUIET, TEXT, VIRIDIS
from workbench.widgets.axes import tick_labels, ticks
from workbench.widgets.monitor.curves import Points, best_so_far, pareto, points_of, quartiles

WIDTH, HEIGHT = 760, 330
_LEFT, _TOP, _RIGHT, _BOTTOM = 62, 62, 18, 44
_CELL = 240.0  # height of the best cell at most
FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
_SHOWN = 2_000  # points; of more, an even sample


class Picture(NamedTuple):
    """What is drawn: a monitor's traits of the same names, its words, and the best architecture with its value."""

    title: str
    words: str
    rows: list[list[Any]]
    objectives: list[dict[str, Any]]
    references: list[dict[str, Any]]
    n_studies: int
    best: Architecture | None
    best_words: str


class Frame(NamedTuple):
    """The box of values that the chart shows."""

    x: tuple[float, float]
    y: tuple[float, float]

    def px(self, value: float) -> float:
        """Pixels from the left."""
        return _LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - _LEFT - _RIGHT)

    def py(self, value: float) -> float:
        """Pixels from the top."""
        return _TOP + (1 - (value - self.y[0]) / (self.y[1] - self.y[0])) * (HEIGHT - _TOP - _BOTTOM)


def monitor_svg(picture: Picture) -> str:
    """The whole picture; every text is escaped."""
    points = points_of(picture.rows, len(picture.objectives))
    chart = _curves(picture, points) if len(picture.objectives) == 1 else _front(picture, points)
    cell, height = "", float(HEIGHT)
    if picture.best is not None:
        graph = picture.best.graph
        drawing = lay_out(graph, picture.best.space.live(graph))
        scale = min(1.0, (WIDTH - 40) / drawing.width, _CELL / drawing.height)
        inner = svg(drawing)
        cell = (
            f'<text x="16" y="{HEIGHT + 14}" font-size="12.5" font-weight="600" fill="{TEXT}">'
            f"{text(picture.best_words)}</text>"
            f'<g transform="translate({(WIDTH - scale * drawing.width) / 2:.1f} {HEIGHT + 24}) scale({scale:.3f})">'
            f"{inner}</g>"
        )
        height += 34 + scale * drawing.height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" aria-label="{text(picture.title)}" '
        f'font-family="{FONT}" font-size="11.5" fill="{QUIET}">'
        f'<rect width="{WIDTH}" height="{height:.0f}" rx="8" fill="{PAPER}"/>'
        f'<text x="16" y="24" font-size="14" font-weight="600" fill="{TEXT}">{text(picture.title)}</text>'
        f'<text x="16" y="42">{text(picture.words)}</text>{chart}{cell}</svg>'
    )


def _curves(picture: Picture, points: Points) -> str:
    objective = picture.objectives[0]
    curves = best_so_far(points, objective["sign"], picture.n_studies)
    if not np.isfinite(curves).any():
        return _nothing()
    middle = quartiles(curves)
    frame = Frame((0.5, max(curves.shape[1], 2) + 0.5), _range(points, curves, objective))
    parts = [grid(frame, "trials", objective["label"])]
    parts += [_dot(frame, x, y, at / max(curves.shape[1], 1)) for x, y, at in _sampled(points, frame)]
    for reference in picture.references:
        at = np.arange(1, curves.shape[1] + 1, dtype=float)
        path = _line(frame, at, np.interp(at, reference["at"], reference["middle"], right=np.nan), steps=False)
        parts.append(f'<path d="{path}" fill="none" stroke="{QUIET}" stroke-dasharray="4 3"/>')
    at = np.arange(1, curves.shape[1] + 1, dtype=float)
    if picture.n_studies > 1:
        parts.append(f'<path d="{_band(frame, at, middle[0], middle[2])}" fill="{CONV_3X3}" opacity="0.18"/>')
    parts.append(f'<path d="{_line(frame, at, middle[1])}" fill="none" stroke="{CONV_3X3}" stroke-width="2.4"/>')
    return "".join(parts)


def _front(picture: Picture, points: Points) -> str:
    good = points.values[points.good]
    if not len(good):
        return _nothing()
    x, y = picture.objectives[:2]
    frame = Frame(padded(points.values[:, 0]), padded(points.values[:, 1]))
    kept = good[pareto(good, [objective["sign"] for objective in picture.objectives])]
    last = max(int(points.at.max(initial=1)), 1)
    parts = [grid(frame, x["label"], y["label"])]
    shown = range(0, len(points.at), max(1, len(points.at) // _SHOWN))
    parts += [_dot(frame, points.values[i, 0], points.values[i, 1], points.at[i] / last) for i in shown]
    parts += [
        f'<circle cx="{frame.px(a):.1f}" cy="{frame.py(b):.1f}" r="5" fill="{PAPER}" stroke="{CONV_3X3}" '
        'stroke-width="2.2"/>'
        for a, b in kept[:, :2]
    ]
    return "".join(parts)


def _nothing() -> str:
    return f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">no trial has a value yet</text>'


def _range(points: Points, curves: np.ndarray, objective: dict[str, Any]) -> tuple[float, float]:
    """From the worse half's middle to the best: single bad trials would press the curve flat."""
    values = points.values[:, 0]
    worst = np.quantile(values, 0.25 if objective["sign"] > 0 else 0.75)
    seen = [worst, np.nanmin(curves), np.nanmax(curves), *([objective["optimum"]] if objective["optimum"] else [])]
    return padded(np.array(seen, float))


def padded(values: np.ndarray) -> tuple[float, float]:
    """The least and the largest value with a little room on either side."""
    low, high = float(values.min()), float(values.max())
    pad = 0.05 * (high - low) or max(abs(high), 1.0) * 0.05
    return low - pad, high + pad


def grid(frame: Frame, x_label: str, y_label: str) -> str:
    """Lines and numbers of both axes, with their labels."""
    parts = []
    places = ticks(*frame.y, 6)
    for value, label in zip(places, tick_labels(places), strict=True):
        y = frame.py(value)
        parts.append(f'<path d="M{_LEFT},{y:.1f}H{WIDTH - _RIGHT}" stroke="{LINE}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    places = ticks(*frame.x, 8)
    for value, label in zip(places, tick_labels(places), strict=True):
        parts.append(f'<text x="{frame.px(value):.1f}" y="{HEIGHT - 26}" text-anchor="middle">{label}</text>')
    middle = _TOP + (HEIGHT - _TOP - _BOTTOM) / 2
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{text(x_label)}</text>')
    parts.append(
        f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">{text(y_label)}</text>'
    )
    return "".join(parts)


def _sampled(points: Points, frame: Frame) -> list[tuple[float, float, float]]:
    inside = np.flatnonzero((points.values[:, 0] >= frame.y[0]) & (points.values[:, 0] <= frame.y[1]))
    chosen = inside[:: max(1, len(inside) // _SHOWN)]
    return [(float(points.at[i]), float(points.values[i, 0]), float(points.at[i])) for i in chosen]


def _dot(frame: Frame, x: float, y: float, share: float) -> str:
    colour = VIRIDIS[round(min(share, 1.0) * (len(VIRIDIS) - 3))]
    return f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="2.4" fill="{colour}" opacity="0.7"/>'


def _line(frame: Frame, x: np.ndarray, y: np.ndarray, steps: bool = True) -> str:
    """A path through the known values within the frame; in steps where a value holds until the next one."""
    return _path(_corners(frame, x, y, steps))


def _band(frame: Frame, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    corners = _corners(frame, x, high) + _corners(frame, x, low)[::-1]
    return _path(corners) + "Z" if corners else ""


def _corners(frame: Frame, x: np.ndarray, y: np.ndarray, steps: bool = True) -> list[tuple[float, float]]:
    corners: list[tuple[float, float]] = []
    for a, b in zip(x, y, strict=True):
        if np.isnan(b) or a > frame.x[1]:
            continue
        at = (frame.px(a), frame.py(min(max(b, frame.y[0]), frame.y[1])))  # what lies outside runs along the edge
        if steps and corners:
            corners.append((at[0], corners[-1][1]))
        corners.append(at)
    return corners


def _path(corners: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in corners) if corners else ""
