"""The map of a space as one SVG: axes as lines and text, the cloud of points as a small PNG inside."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, hypot
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.drawing import text
from workbench.palette import ALARM, LINE, PAPER, QUIET, TEXT, VIRIDIS
from workbench.widgets.axes import Axis, Floats, scattered, tick_labels, ticks
from workbench.widgets.map.paths import line

_WIDTH, _HEIGHT = 680, 440
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 40, 100, 44
_RADII = ((500, 3.8, 0.8), (3000, 2.4, 0.65))  # up to so many points: radius in pixels, opacity
_RADIUS, _OPACITY = 1.6, 0.5
DENSE = 100_000  # from more points than this on, what is shown is how many there are in each cell
_CELL = 3  # pixels
_AGES, _SHORT = 5, 12.0  # steps of fading; pixels of a line from which on it has an arrow
_LEVELS = 7  # steps of transparency in the PNG, which has 256 colours in all
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"


class Cloud(NamedTuple):
    """The points of a map: float32 arrays of shape (n,), an axis for each, and which rows are selected or marked.

    `shown` (n,) says which points are there at all, `dense` whether cells are counted instead of points drawn; `trails`
    are paths as `path_state` makes them.
    """

    x: Floats
    y: Floats
    color: Floats
    axes: tuple[Axis, Axis, Axis | None]
    color_range: tuple[float, float]
    selected: NDArray[np.intp]
    marked: int
    shown: NDArray[np.bool_]
    dense: bool
    trails: Sequence[dict[str, Any]] = ()


def map_svg(cloud: Cloud, title: str) -> str:
    """The map at its first view, about 100 kB for 15,625 points; every text is escaped."""
    x_axis, y_axis, color_axis = cloud.axes
    inner = (_WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)
    aside = scattered(len(cloud.x))
    px = _LEFT + _scaled(cloud.x, x_axis.home) * inner[0] + aside * x_axis.jitter
    py = _TOP + (1 - _scaled(cloud.y, y_axis.home)) * inner[1] + aside * y_axis.jitter
    raster = _dense_raster if cloud.dense else _raster
    image = base64.b64encode(raster(cloud, px - _LEFT, py - _TOP, inner)).decode()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" style="max-width:100%;height:auto" role="img" aria-label="{text(title)}" '
        f'font-family="{_FONT}" font-size="11.5" fill="{QUIET}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{PAPER}"/>',
        f'<text x="14" y="23" font-size="14" font-weight="600" fill="{TEXT}">{text(title)}</text>',
        *_x_ticks(x_axis, inner),
        *_y_ticks(y_axis, inner),
        f'<image x="{_LEFT}" y="{_TOP}" width="{inner[0]}" height="{inner[1]}" href="data:image/png;base64,{image}"/>',
        f'<text x="{_LEFT + inner[0] / 2}" y="{_HEIGHT - 9}" text-anchor="middle">{text(x_axis.label)}</text>',
        f'<text transform="translate(14 {_TOP + inner[1] / 2}) rotate(-90)" text-anchor="middle">'
        f"{text(y_axis.label)}</text>",
    ]
    if color_axis is not None:
        parts += _colour_bar(color_axis, cloud.color_range)
    elif cloud.dense:
        words = "brighter: more architectures"
        parts.append(f'<text x="{_WIDTH - 8}" y="{_TOP - 8}" text-anchor="end">{words}</text>')
    parts += _trails_svg(cloud.trails, px, py, inner, cloud.marked)
    if cloud.marked >= 0 and np.isfinite(px[cloud.marked] + py[cloud.marked]):
        parts.append(
            f'<circle cx="{px[cloud.marked]:.1f}" cy="{py[cloud.marked]:.1f}" r="5.5" fill="{PAPER}" '
            f'stroke="{ALARM}" stroke-width="3"/>'
        )
    return "".join([*parts, "</svg>"])


def png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """A PNG file of an image of shape (height, width) whose values point into an RGBA `palette` of shape (n, 4)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1)  # each row starts with "no filter"
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", palette[:, :3].tobytes()),
            chunk(b"tRNS", palette[:, 3].tobytes()),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            chunk(b"IEND", b""),
        ]
    )


def _scaled(values: Floats, span: tuple[float, float]) -> NDArray[np.float64]:
    return (values.astype(float) - span[0]) / (span[1] - span[0])


def _raster(cloud: Cloud, px: NDArray[np.float64], py: NDArray[np.float64], size: tuple[int, int]) -> bytes:
    """Soft discs blended in numpy at twice the size: a pixel takes the mean colour of the points that cover it."""
    width, height = 2 * size[0], 2 * size[1]
    rows = _inside(cloud, px, py, size)
    shade = np.clip(_scaled(cloud.color, cloud.color_range), 0, 1)
    known = np.isfinite(shade[rows])
    radius, one = next(((r, o) for most, r, o in _RADII if len(rows) <= most), (_RADIUS, _OPACITY))
    strength = np.full(len(rows), one)
    if len(cloud.selected):
        strength = np.where(np.isin(rows, cloud.selected), 0.95, 0.1)
    through = np.zeros(width * height)  # logarithm of the light that passes
    colour, weight, grey = np.zeros(width * height), np.zeros(width * height), np.zeros(width * height)
    centre_x, centre_y = 2 * px[rows], 2 * py[rows]
    reach = range(-ceil(2 * radius), ceil(2 * radius) + 1)
    for dy in reach:
        for dx in reach:
            x, y = np.floor(centre_x) + dx, np.floor(centre_y) + dy
            distance = np.hypot(x + 0.5 - centre_x, y + 0.5 - centre_y)
            cover = np.clip(2 * radius + 0.5 - distance, 0, 1) * strength
            hit = (cover > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
            at = (y[hit] * width + x[hit]).astype(np.intp)
            through += np.bincount(at, np.log1p(-np.minimum(cover[hit], 0.98)), width * height)
            weighed = np.where(known, cover, 0.0)[hit]
            colour += np.bincount(at, weighed * np.nan_to_num(shade[rows])[hit], width * height)
            weight += np.bincount(at, weighed, width * height)
            grey += np.bincount(at, (cover[hit] - weighed), width * height)
    mean = np.divide(colour, weight, out=np.zeros_like(colour), where=weight > 0)
    index = _indices(1 - np.exp(through), np.where(weight >= grey, mean, np.nan))
    return png(index.reshape(height, width), _png_palette())


def _dense_raster(cloud: Cloud, px: NDArray[np.float64], py: NDArray[np.float64], size: tuple[int, int]) -> bytes:
    """Cells as dark as the logarithm of how many points they hold, in their mean colour where there is a colour."""
    across, down = ceil(size[0] / _CELL), ceil(size[1] / _CELL)
    rows = _inside(cloud, px, py, size)
    columns = np.minimum(px[rows] // _CELL, across - 1)
    at = (np.minimum(py[rows] // _CELL, down - 1) * across + columns).astype(np.intp)
    cells = across * down
    strength = np.ones(len(rows))
    if len(cloud.selected):
        strength = np.where(np.isin(rows, cloud.selected), 1.0, 0.05)
    count = np.bincount(at, strength, cells)
    share = np.log1p(count) / max(np.log1p(count.max(initial=0.0)), 1e-9)
    tone = share
    if cloud.axes[2] is not None:
        shade = np.clip(_scaled(cloud.color, cloud.color_range), 0, 1)[rows]
        known = np.isfinite(shade)
        weight = np.bincount(at[known], strength[known], cells)
        total = np.bincount(at[known], (strength * np.nan_to_num(shade))[known], cells)
        tone = np.divide(total, weight, out=np.full(cells, np.nan), where=weight > 0)
    index = _indices(np.where(count > 0, 0.25 + 0.75 * share, 0.0), tone).reshape(down, across)
    whole = np.kron(index, np.ones((_CELL, _CELL), np.uint8))[: size[1], : size[0]]
    return png(whole, _png_palette())


def _inside(cloud: Cloud, px: NDArray[np.float64], py: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.intp]:
    """The rows that are shown and lie in the view."""
    inside = np.isfinite(px + py) & (px >= 0) & (px <= size[0]) & (py >= 0) & (py <= size[1])
    return np.flatnonzero(inside & cloud.shown)


def _indices(opacity: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Places in the palette: an opacity, and a share of the colour scale, grey where that is NaN."""
    shades = len(VIRIDIS) + 1
    level = np.ceil(opacity * _LEVELS - 0.25).clip(0, _LEVELS).astype(int)
    tone = np.where(np.isnan(share), shades - 1, np.round(np.nan_to_num(share) * (shades - 2))).astype(int)
    return np.where(level > 0, 1 + (level - 1) * shades + tone, 0).astype(np.uint8)


def _trails_svg(
    trails: Sequence[dict[str, Any]],
    px: NDArray[np.float64],
    py: NDArray[np.float64],
    inner: tuple[int, int],
    marked: int,
) -> list[str]:
    """Each path and trace in its colour, and its name in a legend."""
    inside = (px >= _LEFT) & (px <= _LEFT + inner[0]) & (py >= _TOP) & (py <= _TOP + inner[1])
    parts = []
    for i, trail in enumerate(trails):
        rows = np.array(trail["rows"], dtype=np.intp)
        style = f'fill="none" stroke="{trail["colour"]}" stroke-dasharray="{trail["dash"] or "none"}"'
        lines = [(rows, 0.8), (rows[trail["better"]], 2.2)]
        if "parents" in trail:
            parts += _visits(rows[inside[rows]], px, py, trail["colour"])
            lines = [(np.array(line(trail, marked), dtype=np.intp), 2.2)]
        for some, width in lines:
            near = [(float(px[row]), float(py[row])) for row in some if inside[row]]
            opacity = 0.45 if width < 1 else 1
            corners = "L".join(f"{x:.1f},{y:.1f}" for x, y in near)
            parts.append(f'<path d="M{corners or "0,0"}" {style} stroke-width="{width}" stroke-opacity="{opacity}"/>')
            if width > 1:
                parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8" fill="{trail["colour"]}"/>' for x, y in near]
            if "parents" in trail:
                heads = "".join(_arrow_head(start, end) for start, end in pairwise(near))
                parts.append(f'<path d="{heads}" fill="{trail["colour"]}"/>')
        y = _TOP + inner[1] - 12 - 16 * (len(trails) - 1 - i)
        x = _LEFT + inner[0] - 8
        parts.append(f'<path d="M{x - 26},{y - 4}h26" {style} stroke-width="2.2"/>')
        parts.append(f'<text x="{x - 32}" y="{y}" text-anchor="end" fill="{TEXT}">{text(trail["name"])}</text>')
    return parts


def _visits(rows: NDArray[np.intp], px: NDArray[np.float64], py: NDArray[np.float64], colour: str) -> list[str]:
    """A dot for every visit, the later the stronger."""
    parts = []
    for age, some in enumerate(np.array_split(rows, _AGES)):
        dots = "".join(f"M{x:.0f},{y:.0f}h0" for x, y in zip(px[some], py[some], strict=True))
        look = (
            f'stroke="{colour}" stroke-width="4" stroke-linecap="round" stroke-opacity="{0.2 + 0.5 * age / _AGES:.2f}"'
        )
        parts.append(f'<path d="{dots}" {look}/>')
    return parts


def _arrow_head(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A triangle short of the dot at the end of a line; none on a short line."""
    long = hypot(end[0] - start[0], end[1] - start[1])
    if long < _SHORT:
        return ""
    dx, dy = (end[0] - start[0]) / long, (end[1] - start[1]) / long
    x, y = end[0] - 3 * dx, end[1] - 3 * dy
    back = [(x - 8 * dx + side * 4 * dy, y - 8 * dy - side * 4 * dx) for side in (1, -1)]
    return f"M{x:.1f},{y:.1f}" + "".join(f"L{a:.1f},{b:.1f}" for a, b in back) + "Z"


def _png_palette() -> NDArray[np.uint8]:
    colours = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (*VIRIDIS, QUIET)]
    rows = [[0, 0, 0, 0]]
    rows += [[*rgb, round(255 * level / _LEVELS)] for level in range(1, _LEVELS + 1) for rgb in colours]
    return np.array(rows, np.uint8)


def _x_ticks(axis: Axis, inner: tuple[int, int]) -> list[str]:
    places = ticks(axis.home[0] / axis.factor, axis.home[1] / axis.factor, 7)
    parts = []
    for value, label in zip(places, tick_labels(places), strict=True):
        x = _LEFT + (value * axis.factor - axis.home[0]) / (axis.home[1] - axis.home[0]) * inner[0]
        parts.append(f'<text x="{x:.1f}" y="{_TOP + inner[1] + 16}" text-anchor="middle">{label}</text>')
    return parts


def _y_ticks(axis: Axis, inner: tuple[int, int]) -> list[str]:
    places = ticks(axis.home[0] / axis.factor, axis.home[1] / axis.factor, 7)
    parts = []
    for value, label in zip(places, tick_labels(places), strict=True):
        y = _TOP + (1 - (value * axis.factor - axis.home[0]) / (axis.home[1] - axis.home[0])) * inner[1]
        parts.append(f'<path d="M{_LEFT},{y:.1f}h{inner[0]}" stroke="{LINE}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    return parts


def _colour_bar(axis: Axis, span: tuple[float, float]) -> list[str]:
    x, height = _WIDTH - _RIGHT + 22, _HEIGHT - _TOP - _BOTTOM
    each = height / len(VIRIDIS)
    parts = [
        f'<rect x="{x}" y="{_TOP + height - (i + 1) * each:.1f}" width="12" height="{each + 0.4:.1f}" fill="{colour}"/>'
        for i, colour in enumerate(VIRIDIS)
    ]
    places: Sequence[float] = ticks(span[0] / axis.factor, span[1] / axis.factor, 5)
    for value, label in zip(places, tick_labels(places), strict=True):
        y = _TOP + (1 - (value * axis.factor - span[0]) / (span[1] - span[0])) * height
        parts.append(f'<text x="{x + 18}" y="{y + 4:.1f}">{label}</text>')
    parts.append(f'<text x="{_WIDTH - 8}" y="{_TOP - 8}" text-anchor="end">{text(axis.label)}</text>')
    return parts
