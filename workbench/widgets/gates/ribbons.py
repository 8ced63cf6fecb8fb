"""The edges of a cell as ribbons: each as wide as its gate, split into bands as wide as its options are worth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from math import hypot

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_STEPS = 30  # straight pieces for one cubic one


def bands(path: str, worth: Sequence[float], width: float) -> list[str]:
    """SVG paths of the bands, one for each option, side by side along an edge's path of cubic pieces."""
    points = _points(path)
    scale = width / max(1.0, sum(worth))
    edges = [-scale * sum(worth) / 2]
    for one in worth:
        edges.append(edges[-1] + scale * one)
    return [
        _closed([_beside(point, low) for point in points] + [_beside(point, high) for point in reversed(points)])
        for low, high in pairwise(edges)
    ]


Spot = tuple[float, float, float, float]  # a point, and the unit vector across the line there


def _points(path: str) -> list[Spot]:
    numbers = [float(found) for found in _NUMBER.findall(path)]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    line = [corners[0]]
    for i in range(1, len(corners), 3):
        a, (b, c, d) = corners[i - 1], corners[i : i + 3]
        for k in range(1, _STEPS + 1):
            t = k / _STEPS
            u, v, w, z = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            line.append((u * a[0] + v * b[0] + w * c[0] + z * d[0], u * a[1] + v * b[1] + w * c[1] + z * d[1]))
    found = []
    for i, (x, y) in enumerate(line):
        (x0, y0), (x1, y1) = line[max(0, i - 1)], line[min(len(line) - 1, i + 1)]
        length = hypot(x1 - x0, y1 - y0) or 1.0
        found.append((x, y, -(y1 - y0) / length, (x1 - x0) / length))
    return found


def _beside(spot: Spot, far: float) -> tuple[float, float]:
    return spot[0] + far * spot[2], spot[1] + far * spot[3]


def _closed(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z"
