"""One architecture on a common layout as SVG, with what is added, removed or changed told by form, sign and word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from workbench.drawing import text
from workbench.layouts import LABEL_HEIGHT
from workbench.palette import ALARM, CONV_3X3, INPUT, LINE, OUTPUT, PAPER, QUIET, TEXT
from workbench.widgets.diff.common_layout import ABSENT

Status = Literal["", "plain", "kept", "changed", "added", "removed"]
Seats = Mapping[str, Sequence[int]]

ADDED, REMOVED, FAINT = CONV_3X3, ALARM, "#c6ccd3"
SHORT = 3  # letters of a node's name that stand beside its operation
BELOW = 18.0  # pixels kept for what stands below the lowest label
_LOUDNESS = ("removed", "kept", "plain", "changed", "added")
_WIDTHS = {"plain": 2.6, "kept": 1.5, "changed": 4.2, "added": 4.6, "removed": 2.0}


def status(seat: int, other: int | None, looks: Sequence[Mapping[str, Any]]) -> Status:
    """What became of one place: `seat` is what an architecture has there, `other` what the reference has.

    Without an `other`, as on the reference itself, everything is plain.
    """
    if other is None:
        return "" if seat == ABSENT else "plain"
    if seat == ABSENT:
        return "" if other == ABSENT else "removed"
    if other == ABSENT:
        return "added"
    return "kept" if looks[seat]["op"] == looks[other]["op"] else "changed"


def drawn(
    layout: Mapping[str, Any], seats: Seats, reference: Seats | None, looks: Sequence[Mapping[str, Any]], size: float
) -> str:
    """The drawing as an SVG group; labels `size` times as large as in an editor."""
    parts = [_edge(*state, size) for state in _states(layout["edges"], seats, reference, "edges", looks)]
    parts += [_node(*state, size) for state in _states(layout["nodes"], seats, reference, "nodes", looks)]
    return f"<g>{''.join(parts)}</g>"


def _states(
    places: Sequence[Mapping[str, Any]], seats: Seats, reference: Seats | None, kind: str, looks: Sequence[Any]
) -> list[tuple[Mapping[str, Any], Status, Any, Any]]:
    """Place, status, what is drawn and what was there, of all that is drawn; the loudest last, above the others."""
    found: list[tuple[Mapping[str, Any], Status, Any, Any]] = []
    for i, place in enumerate(places):
        seat, other = seats[kind][i], None if reference is None else reference[kind][i]
        how = status(seat, other, looks)
        if how:
            was = looks[other] if other is not None and other != ABSENT else None
            found.append((place, how, was if how == "removed" else looks[seat], was))
    return sorted(found, key=lambda state: _LOUDNESS.index(state[1]))


def _edge(place: Mapping[str, Any], how: Status, look: Mapping[str, Any], was: Any, size: float) -> str:
    colour = _colour(how, look)
    dash = "7 5" if how == "removed" else "5 5" if look["dashed"] else ""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    line = (
        f'<path d="{place["path"]}" fill="none" stroke="{colour}" stroke-width="{_WIDTHS[how]}"{dashed}/>'
        f'<path d="{place["arrow"]}" fill="{colour}"/>'
    )
    x, y = place["x"], place["y"]
    if not look["label"]:
        return line + (_sign(how, x, y) if how in {"added", "removed"} else "")
    width, height = size * look["width"], size * LABEL_HEIGHT
    pill = (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{height / 2:.1f}" fill="{PAPER}" stroke="{colour}" stroke-width="{2.6 if how == "changed" else 1.4}"/>'
    )
    sign = _sign(how, x - width / 2 - 6, y) if how in {"added", "removed"} else ""
    return line + pill + _label(look["label"], x, y, how, size) + _was(how, was, x, y + height / 2, size) + sign


def _node(place: Mapping[str, Any], how: Status, look: Mapping[str, Any], was: Any, size: float) -> str:
    fill = {"input": INPUT, "output": OUTPUT}.get(place["role"], PAPER)
    round_one = place["width"] == place["height"]
    grown = size if look["label"] else 1.0
    width, height = place["width"] * (1 if round_one else grown), place["height"] * (1 if round_one else grown)
    x, y = place["x"], place["y"]
    colour = _colour(how, look) if look["label"] or how in {"added", "removed"} else TEXT if how == "plain" else QUIET
    dash = ' stroke-dasharray="6 4"' if how == "removed" else ""
    box = (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{height / 2 if round_one else 9:.1f}" fill="{fill}" stroke="{colour}" '
        f'stroke-width="{_WIDTHS[how] * 0.75:.1f}"{dash}/>'
    )
    sign = _sign(how, x - width / 2, y - height / 2) if how in {"added", "removed"} else ""
    words = look["label"] or place["label"]
    label = _label(words, x, y, how, min(size, max(1.0, (width - 8) / (7.3 * max(len(words), 1)))))
    if look["label"] and len(place["name"]) <= SHORT:
        label += _small(place["name"], x + width / 2 - 4 * size, y - height / 2 - 4, size)
    return box + label + _was(how, was, x, y + height / 2, size) + sign


def _colour(how: Status, look: Mapping[str, Any]) -> str:
    if how == "removed":
        return REMOVED
    if not look["live"] and not look["zero"]:
        return FAINT
    if how == "kept":
        return FAINT if look["label"] else LINE
    return str(look["colour"]) or (ADDED if how == "added" else QUIET)


def _label(words: str, x: float, y: float, how: Status, size: float) -> str:
    loud = ' font-weight="650"' if how in {"changed", "added"} else ""
    struck = ' text-decoration="line-through"' if how == "removed" else ""
    fill = TEXT if loud or how == "plain" else QUIET
    return (
        f'<text x="{x:g}" y="{y + 4.5 * size:.1f}" font-size="{13 * size:.1f}" text-anchor="middle" fill="{fill}"'
        f"{loud}{struck}>{text(words)}</text>"
    )


def _was(how: Status, was: Any, x: float, bottom: float, size: float) -> str:
    if how != "changed":
        return ""
    return _small(f"was {was['label'] or 'nothing'}", x, bottom + 10 * size, size)


def _small(words: str, x: float, y: float, size: float) -> str:
    return (
        f'<text x="{x:g}" y="{y:.1f}" font-size="{10 * size:.1f}" text-anchor="middle" '
        f'fill="{QUIET}" paint-order="stroke" stroke="{PAPER}" stroke-width="3">{text(words)}</text>'
    )


def _sign(how: Status, x: float, y: float) -> str:
    sign, colour = ("+", ADDED) if how == "added" else ("−", REMOVED)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour}"/>'
        f'<text x="{x:.1f}" y="{y + 5:.1f}" font-size="15" font-weight="700" text-anchor="middle" fill="{PAPER}">'
        f"{sign}</text>"
    )
