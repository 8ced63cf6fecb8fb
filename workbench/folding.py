"""Folding a long drawing into rows, as text is: a chain of layers stays readable at the width of a page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

from workbench.layouts import Arc, Placement, Point, Route, Size, outline

ROW = 940.0  # pixels that a row may take
_MOST_CUT = 6  # edges that may go from one row to the next, unless the drawing has the width of several rows
_GUTTER, _LANE, _LABELLED_LANE, _ROUND = 16.0, 7.0, 30.0, 7.0
_CLEAR = 23.0  # height between rows beside what their lanes take


class Row(NamedTuple):
    """What stands between two cuts: its left and right end, and where its top and bottom were."""

    left: float
    right: float
    top: float
    bottom: float


def folded(placement: Placement, nodes: Mapping[Hashable, Size], labels: Mapping[Arc, Size]) -> Placement:
    """The placement in rows of at most `ROW` pixels, where it is wider and can be cut between layers.

    Every cut goes where few edges pass; these edges run out to the right of their row and come in from the left.
    """
    boxes = {
        name: (at[0] - nodes[name].width / 2, at[0] + nodes[name].width / 2) for name, at in placement.centres.items()
    }
    if not boxes:
        return placement
    cuts = _cuts(boxes, placement)
    if not cuts:
        return placement
    row_of = {name: bisect_right(cuts, at[0]) for name, at in placement.centres.items()}
    return _in_rows(placement, _rows(len(cuts) + 1, row_of, placement, boxes, nodes), row_of, set(labels))


def _cuts(boxes: Mapping[Hashable, tuple[float, float]], placement: Placement) -> list[float]:
    """Where to cut, from left to right; nothing where one row is enough or some row cannot be cut."""
    left, right = min(b[0] for b in boxes.values()), max(b[1] for b in boxes.values())
    gaps = _gaps(sorted(boxes.values()))
    begins = sorted(placement.centres[a][0] for a, _ in placement.routes)
    ends = sorted(placement.centres[b][0] for _, b in placement.routes)
    cuts: list[float] = []
    even = 1.1 * (right - left) / ceil((right - left) / ROW)  # rows of about the same width, the last one included
    longest = min(ROW, even)
    most = _MOST_CUT if right - left < 3 * ROW else len(placement.routes)
    while right - left > ROW:
        reach = gaps[bisect_right(gaps, left + ROW / 3) : bisect_right(gaps, left + longest)]
        # What begins before the cut and has not ended there passes it.
        found = [(bisect_left(begins, gap) - bisect_right(ends, gap), -gap) for gap in reach]
        # The fewest edges first, then the fullest row.
        if not found or min(found)[0] > most:
            return []
        left = -min(found)[1]
        cuts.append(left)
    return cuts


def _gaps(boxes: Sequence[tuple[float, float]]) -> list[float]:
    """The middles of the vertical strips without a node."""
    gaps, end = [], boxes[0][1]
    for start, stop in boxes[1:]:
        if start > end:
            gaps.append((start + end) / 2)
        end = max(end, stop)
    return gaps


def _rows(
    count: int,
    row_of: Mapping[Hashable, int],
    placement: Placement,
    boxes: Mapping[Hashable, tuple[float, float]],
    nodes: Mapping[Hashable, Size],
) -> list[Row]:
    sides: list[list[float]] = [[] for _ in range(count)]
    heights: list[list[float]] = [[] for _ in range(count)]
    for name, (_, y) in placement.centres.items():
        sides[row_of[name]] += boxes[name]
        heights[row_of[name]] += (y - nodes[name].height / 2, y + nodes[name].height / 2)
    for (a, b), route in placement.routes.items():
        if row_of[a] == row_of[b]:
            heights[row_of[a]] += [y for _, y in (*outline(route.points), route.label)]
    return [Row(min(xs), max(xs), min(ys), max(ys)) for xs, ys in zip(sides, heights, strict=True)]


def _in_rows(
    placement: Placement, rows: Sequence[Row], row_of: Mapping[Hashable, int], labelled: set[Arc]
) -> Placement:
    parting = [(a, b) for a, b in placement.routes if row_of[a] != row_of[b]]
    step = _LABELLED_LANE if labelled & set(parting) else _LANE
    leaving = Counter(row_of[a] for a, _ in parting)
    shifts, y = [], 0.0
    for i, row in enumerate(rows):
        shifts.append((-row.left, y - row.top))
        y += row.bottom - row.top + _CLEAR + step * leaving[i]
    widest = max(row.right - row.left for row in rows)
    bottoms = [row.bottom + dy for row, (_, dy) in zip(rows, shifts, strict=True)]
    lanes = [0] * len(rows)
    routes: dict[Arc, Route] = {}
    for (a, b), route in placement.routes.items():
        dx, dy = shifts[row_of[a]]
        if row_of[a] == row_of[b]:
            points = tuple((px + dx, py + dy) for px, py in route.points)
            routes[a, b] = Route(points, (route.label[0] + dx, route.label[1] + dy))
            continue
        number = lanes[row_of[a]]
        lanes[row_of[a]] += 1
        lane = number * _LANE
        before, after = _parted(route.points, rows[row_of[a]].right, rows[row_of[b]].left)
        out = [(x + dx, y + dy) for x, y in before]
        home = [(x + shifts[row_of[b]][0], y + shifts[row_of[b]][1]) for x, y in after]
        between = bottoms[row_of[a]] + _CLEAR / 2 + step * (number + 0.5)
        corners = [(widest + _GUTTER + lane, out[-1][1]), (widest + _GUTTER + lane, between)]
        corners += [(-_GUTTER - lane, between), (-_GUTTER - lane, home[0][1])]
        around = _rounded([out[-1], *corners, home[0]])
        routes[a, b] = Route((*out[:-1], *around, *home[1:]), (widest / 2, between))
    centres = {
        name: (at[0] + shifts[row_of[name]][0], at[1] + shifts[row_of[name]][1])
        for name, at in placement.centres.items()
    }
    return Placement(centres, routes)


def _parted(points: Sequence[Point], right: float, left: float) -> tuple[Sequence[Point], Sequence[Point]]:
    """The pieces of a route that lie in the row that ends at `right`, and those in the row that begins at `left`."""
    ends = range(0, len(points), 3)
    last = max(i for i in ends if points[i][0] <= right or i == 0)
    first = min(i for i in ends if points[i][0] >= left - _GUTTER or i == ends[-1])
    return points[: last + 1], points[first:]


def _rounded(corners: Sequence[Point]) -> tuple[Point, ...]:
    """A line through right-angled corners, each of them rounded, as cubic pieces."""
    route = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        into, out = _near(corner, before), _near(corner, after)
        route += [route[-1], into, into, corner, corner, out]
    return (*route, route[-1], corners[-1], corners[-1])


def _near(corner: Point, other: Point) -> Point:
    """The point of the line from `corner` to `other` where the rounding ends."""
    length = max(abs(other[0] - corner[0]), abs(other[1] - corner[1])) or 1.0
    share = min(_ROUND, length / 2) / length
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share
