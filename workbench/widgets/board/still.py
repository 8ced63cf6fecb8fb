"""The proxy board as one SVG: agreement, correlations, costs and disagreements side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import floor, isfinite, log10
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.drawing import text
from workbench.palette import ALARM, LINE, PAGE, PAPER, QUIET, TEXT, clipped, diverging
from workbench.widgets.axes import tick_labels, ticks
from workbench.widgets.board.still_parts import (
    PAD,
    Part,
    decades,
    dot,
    dot_label,
    fitted,
    free_line_label,
    heading,
    placed,
    small_drawing,
    words_at,
)
from workbench.widgets.board.views import Mark

_WIDTH, _LEFT, _GAP = 1080, 566, 12
_ROWS, _LINE = (24.0, 36.0), 15  # the least and the most that a row of dots takes
_COST_HEIGHT, _CARD_HEIGHT, _SQUARE = 270, 186, 30
_NUMBERS = 20  # pixels of a square from which on its number fits in
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
_DEEP = 0.66  # the strength of a square from which on white is easier to read on it


class Picture(NamedTuple):
    """What a board shows: `matrix` (m, m) of `names`, `seconds` by proxy, the others as the browser gets them."""

    title: str
    population: str
    agreed: Mapping[str, Any]
    inside: Mapping[str, Any]
    marks: Sequence[Mark]
    names: Sequence[str]
    matrix: NDArray[np.float64]
    seconds: Mapping[str, float]
    cost_note: str
    chosen: tuple[str, str]
    flipped: tuple[str, ...]
    cards: Sequence[Mapping[str, Any]]


def board_svg(picture: Picture) -> str:
    """The board as one SVG element on the page's colour; every text is escaped."""
    rows = _sorted(picture)
    right = _WIDTH - _LEFT - 3 * _GAP
    heatmap = _heatmap(picture, rows, right)
    cost = _cost(picture, rows, right)
    cards = _cards(picture, _WIDTH - 2 * _GAP)
    column = heatmap.height + (_GAP + cost.height if cost.height else 0)
    agreement = _agreement(picture, rows, _LEFT, column)
    upper = max(agreement.height, column)
    height = _GAP + upper + (_GAP + cards.height if cards.height else 0) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{text(f"{picture.title}: {picture.population}")}" font-family="{_FONT}" font-size="12" '
        f'fill="{TEXT}">',
        f'<rect width="{_WIDTH}" height="{height:.0f}" rx="10" fill="{PAGE}"/>',
        placed(agreement, _GAP, _GAP, _LEFT, upper),
        placed(heatmap, _LEFT + 2 * _GAP, _GAP, right, heatmap.height if cost.height else upper),
    ]
    if cost.height:
        top = 2 * _GAP + heatmap.height
        parts.append(placed(cost, _LEFT + 2 * _GAP, top, right, upper - heatmap.height - _GAP))
    if cards.height:
        parts.append(placed(cards, _GAP, 2 * _GAP + upper, _WIDTH - 2 * _GAP, cards.height))
    return "".join([*parts, "</svg>"])


# -- the cards -------------------------------------------------------------------------------------------------


def _agreement(picture: Picture, rows: list[Mapping[str, Any]], width: float, height: float) -> Part:
    """A row of dots for each proxy, the primary truth's interval, and dashed lines for what is free."""
    agreed, at = picture.agreed, _primary(picture)
    shown = [row for row in rows if not row["baseline"]] or rows
    guides = _guides(picture, rows)
    inside = picture.inside.get("values", {})
    known = (v for row in shown for v in (*row["values"], row["lows"][at], inside.get(row["name"])))
    numbers = [v for v in known if v is not None]
    low, high = min([0.0, *numbers, *(g[1] for g in guides)]), max([1.0, *(g[1] for g in guides)])
    left, right = 150.0, width - PAD - 8
    top = 96 + _LINE * len(guides)
    each = min(_ROWS[1], max(_ROWS[0], (height - top - 110) / len(shown)))
    bottom = top + each * len(shown)

    def px(value: float) -> float:
        return float(left + (value - low) / (high - low) * (right - left))

    parts = [heading(picture.title), words_at(picture.population, PAD, 44)]
    x = float(PAD)
    for mark in picture.marks:
        parts += [dot(mark, x + 6, 62), words_at(mark.name, x + 17, 66, TEXT)]
        x += 34 + 6.8 * len(mark.name)
    parts += _across(px, (low, high), top, bottom)
    for i, (said, value, colour) in enumerate(guides):
        y = 92 + _LINE * i
        half = 3.1 * len(said)
        parts.append(words_at(said, min(max(px(value), half), right + 8 - half), y, colour, "middle"))
        parts.append(f'<path d="M{px(value):.1f},{y + 4}V{bottom}" stroke="{colour}" stroke-dasharray="4 3"/>')
    for i, row in enumerate(shown):
        parts.append(_row(picture, row, px, top + each * (i + 0.5), left))
    made = f"{agreed['made']:,}" if agreed["made"] >= agreed["wanted"] else f"{agreed['made']} of {agreed['wanted']:,}"
    foot = [f"Bar: 95 % bootstrap interval on {agreed['truth']}, {made} resamples."]
    foot += ["Red line: the strongest free baseline; a proxy left of it adds nothing on its own."] if guides else []
    foot += [f"Hollow: within the {picture.inside['n']:,} selected."] if picture.inside else []
    foot += ["(−): sign turned round."] if picture.flipped else []
    parts += [words_at(said, PAD, bottom + 44 + 16 * i) for i, said in enumerate(foot)]
    parts.append(words_at(agreed["words"], right, 66, QUIET, "end"))
    return Part("".join(parts), bottom + 42 + 16 * len(foot))


def _across(px: Callable[[float], float], span: tuple[float, float], top: float, bottom: float) -> list[str]:
    """Vertical lines at round numbers, each with its number below."""
    places = ticks(*span, 6)
    parts = []
    for value, label in zip(places, tick_labels(places), strict=True):
        parts.append(f'<path d="M{px(value):.1f},{top - 4}V{bottom + 4}" stroke="{LINE}"/>')
        parts.append(words_at(label, px(value), bottom + 20, anchor="middle"))
    return parts


def _row(picture: Picture, row: Mapping[str, Any], px: Callable[[float], float], y: float, left: float) -> str:
    at = _primary(picture)
    name = clipped(row["name"]) + (" (−)" if row["name"] in picture.flipped else "")
    parts = [words_at(name, left - 12, y + 4, TEXT, "end")]
    low, high = row["lows"][at], row["highs"][at]
    if low is not None and high is not None:
        colour = picture.marks[at].colour
        parts.append(
            f'<path d="M{px(low):.1f},{y:.1f}H{px(high):.1f}" stroke="{colour}" stroke-width="3" stroke-opacity=".38"/>'
        )
    for k in [k for k in range(len(picture.marks)) if k != at] + [at]:
        if row["values"][k] is not None:
            parts.append(dot(picture.marks[k], px(row["values"][k]), y))
    within = picture.inside.get("values", {}).get(row["name"])
    if within is not None:
        parts.append(dot(picture.marks[at], px(within), y, hollow=True))
    return "".join(parts)


def _heatmap(picture: Picture, rows: list[Mapping[str, Any]], width: float) -> Part:
    """A triangle of squares, numbers in them where they fit, each column's name on the diagonal."""
    ranked = [row["name"] for row in rows if not row["baseline"]] + [row["name"] for row in rows if row["baseline"]]
    names = [mark.name for mark in picture.marks] + ranked
    places = [list(picture.names).index(name) for name in names]
    fits = [(width - 2 * PAD - 6.6 * len(clipped(name)) - 6) / i for i, name in enumerate(names) if i]
    size = max(8, floor(min([_SQUARE, *fits])))
    parts = [heading("How alike they rank"), words_at("Spearman; blue: same order, red: opposite", PAD, 42)]
    for i, name in enumerate(names):
        y = 54 + i * size
        for j in range(i):
            value, x = float(picture.matrix[places[i], places[j]]), PAD + j * size
            parts.append(
                f'<rect x="{x}" y="{y}" width="{size - 1}" height="{size - 1}" rx="3" fill="{diverging(value)}"/>'
            )
            if size >= _NUMBERS and isfinite(value):
                colour = PAPER if abs(value) > _DEEP else "#05080c"
                said = f"{value:.2f}".replace("0.", ".").replace("-", "−")
                parts.append(
                    f'<text x="{x + size / 2 - 0.5}" y="{y + size / 2 + 3}" font-size="{min(9.5, size * 0.4):.1f}" '
                    f'text-anchor="middle" fill="{colour}">{said}</text>'
                )
        parts.append(words_at(clipped(name), PAD + i * size + 6, y + size / 2 + 4, TEXT))
    return Part("".join(parts), 54 + len(names) * size + 14)


def _cost(picture: Picture, rows: list[Mapping[str, Any]], width: float) -> Part:
    """Seconds on a logarithmic axis against agreement; nothing where no time is known."""
    at = _primary(picture)
    points = [
        (row["name"], picture.seconds[row["name"]], row["values"][at])
        for row in rows
        if row["name"] in picture.seconds and row["values"][at] is not None
    ]
    if not points:
        return Part("", 0)
    guide = next((g for g in _guides(picture, rows) if g[2] == ALARM), None)
    values = [p[2] for p in points] + ([guide[1]] if guide else [])
    spare = max(0.05, (max(values) - min(values)) * 0.12)
    low, high = min(values) - spare, max(values) + spare
    first, last = log10(min(p[1] for p in points)) - 0.15, log10(max(p[1] for p in points)) + 0.15
    top, bottom, left, right = 44.0, _COST_HEIGHT - 46.0, 48.0, width - PAD

    def px(seconds: float) -> float:
        return float(left + (log10(seconds) - first) / (last - first) * (right - left))

    def py(value: float) -> float:
        return float(bottom - (value - low) / (high - low) * (bottom - top))

    parts = [heading("Cost against agreement"), words_at(fitted(picture.cost_note, width), PAD, _COST_HEIGHT - 10)]
    levels = ticks(low, high, 5)
    for value, label in zip(levels, tick_labels(levels), strict=True):
        parts.append(f'<path d="M{left},{py(value):.1f}H{right}" stroke="{LINE}"/>')
        parts.append(words_at(label, left - 8, py(value) + 4, QUIET, "end"))
    for seconds in decades(first, last):
        parts.append(words_at(f"{seconds:g} s", px(seconds), bottom + 18, QUIET, "middle"))
    taken = [(px(seconds) - 6, py(value) - 6, 12.0, 12.0) for _, seconds, value in points]
    if guide:
        parts.append(f'<path d="M{left},{py(guide[1]):.1f}H{right}" stroke="{ALARM}" stroke-dasharray="4 3"/>')
        parts += free_line_label(f"{guide[0]}, free", py(guide[1]), left, right, taken)
    for name, seconds, value in points:
        parts.append(dot(picture.marks[at], px(seconds), py(value)))
        parts += dot_label(clipped(name), px(seconds), py(value), width, taken)
    return Part("".join(parts), _COST_HEIGHT)


def _cards(picture: Picture, width: float) -> Part:
    """The architectures that the two chosen columns rank most differently."""
    if not picture.cards:
        return Part("", 0)
    x, y = picture.chosen
    among = f"{picture.cards[0]['among']:,}"
    each = (width - 2 * PAD) / len(picture.cards)
    parts = [heading(f"Where {x} and {y} disagree most"), words_at(f"rank 1 is the best of {among}", PAD, 42)]
    for i, card in enumerate(picture.cards):
        left, top = PAD + i * each, 54.0
        if card["drawing"]:
            parts.append(small_drawing(card["drawing"], left, top, each - 14, 70))
        else:
            parts.append(words_at(fitted(card["text"], each - 14), left, top + 30))
        for line, (name, rank) in enumerate(card["ranks"]):
            parts.append(words_at(clipped(name), left, top + 88 + 15 * line))
            said = "–" if rank is None else f"{rank:,}"
            parts.append(words_at(said, left + each - 18, top + 88 + 15 * line, TEXT, "end"))
    return Part("".join(parts), _CARD_HEIGHT)


# -- their parts -----------------------------------------------------------------------------------------------


def _primary(picture: Picture) -> int:
    return [mark.name for mark in picture.marks].index(picture.agreed["truth"])


def _sorted(picture: Picture) -> list[Mapping[str, Any]]:
    at = _primary(picture)
    return sorted(picture.agreed["rows"], key=lambda row: _value(row, at), reverse=True)


def _value(row: Mapping[str, Any], at: int) -> float:
    value = row["values"][at]
    return float("-inf") if value is None else float(value)


def _guides(picture: Picture, rows: list[Mapping[str, Any]]) -> list[tuple[str, float, str]]:
    """Words, value and colour of each dashed line, the highest first."""
    at, ceiling = _primary(picture), picture.agreed["ceiling"]
    free = [(row["name"], row["values"][at]) for row in rows if row["baseline"] and row["values"][at] is not None]
    lines = [
        (f"{name.replace('_', ' ')} {value:.3f}", float(value), QUIET if i else ALARM)
        for i, (name, value) in enumerate(free)
    ]
    if ceiling is not None:
        lines.append((f"noise ceiling {ceiling:.3f}", float(ceiling), QUIET))
    return sorted(lines, key=lambda line: -line[1])
