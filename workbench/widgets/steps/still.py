"""The still of a one-edit neighbourhood: the matrix and the path as one SVG, for pages without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

import numpy as np

from workbench.architecture import Architecture
from workbench.drawing import text
from workbench.palette import LINE, PAPER, QUIET, TEXT, diverging, look
from workbench.spaces.choices import Answer
from workbench.widgets.facts import quantity
from workbench.widgets.steps.measures import Colouring
from workbench.widgets.steps.moves import Moves, Row

FULL = 0.9  # share of the changes that are paler than the darkest colour: one disaster must not pale the others
_WIDTH, _NAME, _CELL, _GAP, _PAD = 660.0, 110.0, 32.0, 3.0, 16.0
_ROWS, _STOPS = 60, 8  # as many are drawn
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"


def matrix_svg(title: str, colouring: Colouring, moves: Moves, path: Sequence[Architecture], at: int) -> str:
    """The matrix of an architecture's edits as far as they are known, and the path with the place on it."""
    here = colouring.known(moves.arch)
    base = here.number if here is not None else nan
    changes = {cell: _change(colouring, moves, cell, base) for cell in moves.cells}
    scale = scale_of([change for change in changes.values() if isfinite(change)])
    shown = moves.rows[:_ROWS]
    parts = [_words(title, _PAD, 26, size=14, weight=650), _words(_about(colouring), _WIDTH - _PAD, 26, QUIET, "end")]
    y = 40.0
    for answers in dict.fromkeys(row.question.answers for row in shown):
        rows = [row for row in shown if row.question.answers == answers]
        body, y = _block(answers, rows, moves, colouring, changes, scale, y)
        parts += body
    if len(moves.rows) > len(shown):
        parts.append(_words(f"and {len(moves.rows) - len(shown)} more questions", _PAD, y + 16, QUIET))
        y += 22
    parts.append(_path(colouring, path, at, y + 18))
    height = y + 34
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" width="{_WIDTH:.0f}" '
        f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" font-family="{_FONT}" font-size="12.5" '
        f'aria-label="{text(_said(colouring, moves))}">'
        f'<rect width="{_WIDTH:.0f}" height="{height:.0f}" rx="8" fill="{PAPER}"/>' + "".join(parts) + "</svg>"
    )


def scale_of(changes: Sequence[float]) -> float:
    """The change that has the darkest colour."""
    sizes = np.sort(np.abs(changes))
    return float(sizes[int(FULL * (len(sizes) - 1))] or sizes[-1]) if len(sizes) else 0.0


def written_change(change: float, unit: str) -> str:
    """A change with its sign: percentages with two decimals, others with three digits."""
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return sign + written_value(abs(change), unit)


def written_value(value: float, unit: str) -> str:
    """A number: percentages with two decimals, others with three digits; a dash where there is none."""
    if not isfinite(value):
        return "–"
    return f"{value:.2f}" if unit == "%" else quantity(value)


def _change(colouring: Colouring, moves: Moves, cell: tuple[str, int], base: float) -> float:
    move = moves.known(*cell)
    value = colouring.known(move.arch) if move is not None and move.arch is not None else None
    return nan if value is None else value.number - base


def _block(
    answers: Sequence[Answer], rows: Sequence[Row], moves: Moves, colouring: Colouring,
    changes: dict[tuple[str, int], float], scale: float, top: float,
) -> tuple[list[str], float]:  # fmt: skip
    """Questions with the same answers under one heading, and where the next block begins."""
    wide = (_WIDTH - 2 * _PAD - _NAME) / len(answers)
    parts = [_heading(answer, _PAD + _NAME + i * wide, top, wide) for i, answer in enumerate(answers)]
    y = top + 22
    for row in rows:
        parts.append(_words(_fitted(row.label, _NAME - 10), _PAD + _NAME - 10, y + 20, QUIET, "end"))
        for i in range(len(answers)):
            x, cell = _PAD + _NAME + i * wide, (row.question.name, i)
            parts.append(_cell(x, y, wide - _GAP, moves, colouring, cell, changes.get(cell), scale))
        y += _CELL + _GAP
    return parts, y + 4


def _heading(answer: Answer, x: float, y: float, wide: float) -> str:
    shown = look(answer)
    if not isinstance(answer, str):
        return _words(_fitted(shown.label, wide - 8), x + wide / 2, y + 14, anchor="middle")
    dot = f'<circle cx="{x + 12:.1f}" cy="{y + 10:.1f}" r="4.5" fill="{shown.colour}"/>'
    return dot + _words(_fitted(shown.label, wide - 22), x + 22, y + 14)


def _cell(
    x: float, y: float, wide: float, moves: Moves, colouring: Colouring, cell: tuple[str, int], change: float | None,
    scale: float,
) -> str:  # fmt: skip
    move = moves.known(*cell)
    fill, stroke, ink, dash = PAPER, LINE, TEXT, ""
    if change is None:  # the present answer
        stroke, words = TEXT, "·"
    elif move is None:
        ink, words = QUIET, "…"
    elif move.arch is None:
        ink, words, dash = QUIET, "×", ' stroke-dasharray="2 3"'
    elif isfinite(change):
        words = written_change(change, colouring.quantity.unit) + (" =" if move.same else "")
        fill = stroke = diverging(colouring.sign * change / scale if scale else 0.0)
        ink = PAPER if sum(int(fill[i : i + 2], 16) for i in (1, 3, 5)) < 380 else TEXT
    else:
        ink, words = QUIET, "…" if colouring.known(move.arch) is None else "–"
    thick = 2 if change is None else 1
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{_CELL:g}" rx="4" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{thick}"{dash}/>' + _words(words, x + wide / 2, y + _CELL / 2 + 4.5, ink, "middle")
    )


def _path(colouring: Colouring, path: Sequence[Architecture], at: int, y: float) -> str:
    first = max(0, min(at - _STOPS // 2, len(path) - _STOPS))
    stops = [(i, path[i]) for i in range(first, min(len(path), first + _STOPS))]
    known = [(i, colouring.known(arch)) for i, arch in stops]
    words = [(i, "…" if value is None else written_value(value.number, colouring.quantity.unit)) for i, value in known]
    spans = " → ".join(f'<tspan font-weight="{700 if i == at else 400}">{text(said)}</tspan>' for i, said in words)
    before, after = "… → " if first else "", " → …" if first + _STOPS < len(path) else ""
    return (
        f'<text x="{_PAD:g}" y="{y:.1f}" fill="{TEXT}"><tspan fill="{QUIET}">path so far</tspan> '
        f"{before}{spans}{after}</text>"
    )


def _about(colouring: Colouring) -> str:
    unit = {"%": ", percentage points", "": ""}.get(colouring.quantity.unit, f", {colouring.quantity.unit}")
    return _fitted(f"change in {colouring.quantity.words}{unit}", _WIDTH - 160)


def _said(colouring: Colouring, moves: Moves) -> str:
    return f"{len(moves.cells)} single edits of {moves.arch}, {_about(colouring)}"


def _fitted(said: str, width: float) -> str:
    """As much of a text as some pixels take, the rest an ellipsis."""
    letters = max(2, int(width / 6.4))
    return said if len(said) <= letters else said[: letters - 1] + "…"


def _words(
    said: str, x: float, y: float, fill: str = TEXT, anchor: str = "start", size: float = 12.5, weight: int = 400
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size:g}" '
        f'font-weight="{weight}">{text(said)}</text>'
    )
