"""The comparison of architectures as one SVG, for pages without a kernel: a card for each, in rows of three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.drawing import text
from workbench.palette import ALARM, LINE, PAPER, QUIET, TEXT
from workbench.widgets.board.still_parts import fitted
from workbench.widgets.diff.drawing import BELOW, drawn

_PAD, _GAP = 16.0, 14.0
_WIDTH = 1172.0  # of the cards in a row, with what is between them
_PER_ROW, _READABLE = 3, 0.5  # cards in a row at most, and how small drawings may become for that
_MOST_WORDS = 6
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"


def edits(pair: Mapping[str, Any], title: str) -> str:
    """How far an architecture is from the reference called `title`, in words."""
    cost = pair["cost"]
    number = f"{cost} edit{'' if cost == 1 else 's'} from {title}"
    return number if pair["exact"] else f"at most {number}"


def diff_svg(title: str, order: Sequence[str], reference: str, state: Mapping[str, Any]) -> str:
    """All cards as they are first shown; every text is escaped."""
    per_row = _per_row(order, state)
    wide = (_WIDTH - (_PER_ROW - 1) * _GAP) / _PER_ROW if len(order) < 2 else (_WIDTH - (per_row - 1) * _GAP) / per_row
    width = 2 * _PAD + min(len(order) or 1, per_row) * (wide + _GAP) - _GAP
    bodies = [_card(name, reference, state, wide) for name in order]
    y, parts = 40.0, []
    for start in range(0, len(bodies), per_row):
        row = bodies[start : start + per_row]
        tallest = max(height for _, height in row)
        for i, (body, _) in enumerate(row):
            parts.append(
                f'<g transform="translate({_PAD + i * (wide + _GAP):g} {y:g})"><rect width="{wide:g}" '
                f'height="{tallest:g}" rx="8" fill="{PAPER}" stroke="{LINE}"/>{body}</g>'
            )
        y += tallest + _GAP
    if not order:
        parts.append(_words("Nothing to compare yet.", _PAD, y + 14))
        y += 34
    if state.get("footnote"):
        parts.append(_words(state["footnote"], _PAD, y + 8))
        y += 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {y:g}" width="{width:g}" height="{y:g}" '
        f'style="max-width:100%;height:auto" role="img" aria-label="{text(title)}" font-family="{_FONT}" '
        f'font-size="13"><rect width="{width:g}" height="{y:g}" rx="8" fill="{PAPER}"/>'
        f'<text x="{_PAD}" y="25" font-size="14" font-weight="650" fill="{TEXT}">{text(title)}</text>'
        f"{''.join(parts)}</svg>"
    )


def _per_row(order: Sequence[str], state: Mapping[str, Any]) -> int:
    """As many cards in a row as leave their drawings readable."""
    widest = max((layout["width"] for layout in state["layouts"]), default=1.0)
    fitting = int(_WIDTH // (_READABLE * widest + 2 * _PAD + _GAP))
    return max(1, min(_PER_ROW, fitting, len(order)))


def _card(name: str, reference: str, state: Mapping[str, Any], wide: float) -> tuple[str, float]:
    card, itself = state["cards"][name], name == reference
    pair = None if itself else state["pairs"][reference][name]
    layout = state["layouts"][state["layout_of"][reference]]
    room = wide - 2 * _PAD
    scale = min(1.0, room / layout["width"])
    said = "the reference" if pair is None else edits(pair, state["cards"][reference]["title"])
    parts = [
        f'<text x="{_PAD}" y="24" font-weight="650" fill="{TEXT}">{text(fitted(card["title"], room * 0.6))}</text>',
        _words(said, wide - _PAD, 24, "end"),
    ]
    size = max(1.0, min(layout["growth"], 8.5 / (13 * scale)))
    others = None if itself else layout["seats"][reference]
    drawing = drawn(layout, layout["seats"][name], others, state["looks"], size)
    parts.append(f'<g transform="translate({_PAD} 40) scale({scale:.3f})">{drawing}</g>')
    y = 56 + (layout["height"] + BELOW) * scale
    words = [] if pair is None else pair["words"]
    for word in words[:_MOST_WORDS]:
        parts.append(_words(fitted(word, room), _PAD, y, fill=TEXT))
        y += 17
    if len(words) > _MOST_WORDS:
        parts.append(_words(f"and {len(words) - _MOST_WORDS} more", _PAD, y))
        y += 17
    for i, row in enumerate(state["rows"]):
        if row["more"] or card["numbers"][i]["text"] == "–":
            continue
        parts += _number(row, card["numbers"][i], None if pair is None else pair["differences"][i], y + 4, wide)
        y += 50
    parts.append(_words(fitted(name, room), _PAD, y + 6))
    return "".join(parts), y + 18


def _number(
    row: Mapping[str, Any], number: Mapping[str, str], gap: Mapping[str, str] | None, y: float, wide: float
) -> list[str]:
    spread = f' <tspan font-size="11" font-weight="400" fill="{QUIET}">{text(number["spread"])}</tspan>'
    parts = [
        f'<path d="M{_PAD},{y - 8:g}h{wide - 2 * _PAD:g}" stroke="{LINE}"/>',
        f'<text x="{_PAD}" y="{y + 12:g}" font-size="15" font-weight="650" fill="{TEXT}">{text(number["text"])}'
        f"{spread if number['spread'] else ''}</text>",
        _words(" · ".join(filter(None, (row["label"], number["note"]))), _PAD, y + 29),
    ]
    if gap and gap["text"]:
        fill = ALARM if gap["tone"] == "worse" else TEXT
        parts.append(
            f'<text x="{wide - _PAD:g}" y="{y + 12:g}" text-anchor="end" fill="{fill}">{text(gap["text"])}'
            f'<tspan font-size="11" fill="{QUIET}"> {text(gap["words"])}</tspan></text>'
        )
    return parts


def _words(said: str, x: float, y: float, anchor: str = "start", fill: str = QUIET) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="11.5" fill="{fill}" text-anchor="{anchor}">{text(said)}</text>'
