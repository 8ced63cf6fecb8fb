"""What the still of a proxy board is made of: cards, words, dots, labels that meet no other, small drawings."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, log10
from typing import Any, NamedTuple

from workbench.drawing import text
from workbench.palette import ALARM, INPUT, LINE, OUTPUT, PAPER, QUIET, TEXT
from workbench.widgets.board.views import Mark

PAD = 16
Box = tuple[float, float, float, float]  # left, top, width, height

_DEAD = "#c6ccd3"
_FORMS = {
    "circle": "M-5,0a5,5 0 1 0 10,0a5,5 0 1 0 -10,0Z",
    "diamond": "M0,-6.2L6.2,0L0,6.2L-6.2,0Z",
    "square": "M-5,-5h10v10h-10Z",
    "triangle": "M0,-6.2L6,4.2H-6Z",
}


class Part(NamedTuple):
    """A card of the still: its SVG, drawn from its own corner, and its height."""

    body: str
    height: float


def placed(part: Part, x: float, y: float, width: float, height: float) -> str:
    """A card of some width and height at its place."""
    return (
        f'<g transform="translate({x:g} {y:g})"><rect width="{width:g}" height="{height:g}" rx="10" fill="{PAPER}" '
        f'stroke="{LINE}"/>{part.body}</g>'
    )


def heading(said: str) -> str:
    """A card's heading."""
    return f'<text x="{PAD}" y="25" font-size="14" font-weight="650">{text(said)}</text>'


def words_at(said: str, x: float, y: float, fill: str = QUIET, anchor: str = "start") -> str:
    """Small words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11.5" fill="{fill}" text-anchor="{anchor}">{text(said)}</text>'


def dot(mark: Mark, x: float, y: float, hollow: bool = False) -> str:
    """A truth's dot: filled, or hollow for what holds within the selection only."""
    fill, stroke = (PAPER, mark.colour) if hollow else (mark.colour, PAPER)
    return (
        f'<path d="{_FORMS[mark.form]}" transform="translate({x:.1f} {y:.1f})" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{2 if hollow else 1.2}"/>'
    )


def free_line_label(said: str, y: float, left: float, right: float, taken: list[Box]) -> list[str]:
    """The label of the free baseline: above its line at the left end, or at the right one where dots are in the way."""
    wide = 6.4 * len(said)
    ends = [(left + 4, y - 17, wide, 14.0), (right - wide, y - 17, wide, 14.0)]
    chosen = next((end for end in ends if not any(_meet(end, other) for other in taken)), ends[0])
    taken.append(chosen)
    return [words_at(said, chosen[0], y - 5, ALARM)]


def dot_label(name: str, x: float, y: float, width: float, taken: list[Box]) -> list[str]:
    """A dot's name right, left, above or below it, wherever it meets no other; nowhere if all do."""
    wide = 7.0 * len(name)
    for left, top in ((x + 9, y - 7), (x - 9 - wide, y - 7), (x - wide / 2, y - 22), (x - wide / 2, y + 8)):
        box = (left, top, wide, 14.0)
        if left > 30 and left + wide < width and not any(_meet(box, other) for other in taken):
            taken.append(box)
            return [words_at(name, left, top + 11, TEXT)]
    return []


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def decades(first: float, last: float) -> list[float]:
    """Powers of ten between two exponents, with 2 and 5 between them where there are few."""
    steps = (1, 2, 5) if last - first < 1.6 else (1,)
    values = [step * 10.0**power for power in range(floor(first), ceil(last) + 1) for step in steps]
    return [value for value in values if first <= log10(value) <= last]


def fitted(said: str, width: float) -> str:
    """As much of a text as some pixels take, the rest an ellipsis."""
    letters = max(2, int(width / 6.2))
    return said if len(said) <= letters else said[: letters - 1] + "…"


def small_drawing(drawing: Mapping[str, Any], x: float, y: float, width: float, height: float) -> str:
    """A drawing of `miniature` in a box."""
    parts = [
        f'<svg x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" '
        f'viewBox="0 0 {drawing["width"]:g} {drawing["height"]:g}">'
    ]
    for edge in drawing["edges"]:
        colour = _DEAD if edge["resting"] else edge["colour"] or QUIET
        line = 'stroke-width="3.5"' if edge["resting"] else 'stroke-width="6"'
        line += ' stroke-dasharray="9 9"' if edge["dashed"] else ""
        parts.append(
            f'<path d="{edge["path"]}" fill="none" stroke="{colour}" {line}/>'
            f'<path d="{edge["arrow"]}" fill="{colour}"/>'
        )
    for edge in drawing["edges"]:
        if edge["label"]:
            parts.append(
                f'<text x="{edge["x"]:g}" y="{edge["y"] + edge["size"] * 0.35:.1f}" font-size="{edge["size"]:g}" '
                f'font-weight="600" text-anchor="middle" paint-order="stroke" stroke="{PAPER}" stroke-width="9">'
                f"{text(edge['label'])}</text>"
            )
    for node in drawing["nodes"]:
        fill = {"input": INPUT, "output": OUTPUT}.get(node["role"], PAPER)
        stroke = (node["colour"] or TEXT) if node["live"] else _DEAD
        radius = node["height"] / 2 if node["width"] == node["height"] else 9
        parts.append(
            f'<rect x="{node["x"] - node["width"] / 2:.1f}" y="{node["y"] - node["height"] / 2:.1f}" '
            f'width="{node["width"]:g}" height="{node["height"]:g}" rx="{radius:g}" fill="{fill}" stroke="{stroke}" '
            f'stroke-width="3"/><text x="{node["x"]:g}" y="{node["y"] + node["size"] * 0.35:.1f}" '
            f'font-size="{node["size"]:g}" text-anchor="middle">{text(node["label"])}</text>'
        )
    return "".join([*parts, "</svg>"])
