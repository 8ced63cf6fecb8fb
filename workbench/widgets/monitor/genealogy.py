"""The family tree of trials, and its picture as one SVG: lines over the search curve, and the ancestors of the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.analysis.lineage import changes
from workbench.architecture import Architecture
from workbench.drawing import lay_out, svg, text
from workbench.palette import CONV_3X3, PAPER, QUIET, TEXT, clipped, look
from workbench.widgets.monitor.curves import Rows, pareto
from workbench.widgets.monitor.still import FONT, HEIGHT, WIDTH, Frame, grid, padded

GENERATION = "generation"
_TAIL = 0.15  # share of the trials that may lie below the picture
_SHOWN = 1_500  # lines; of more, an even sample besides those of the incumbents
_STEPS, _STEP_HEIGHT = 3, 172.0  # ancestors that are drawn, and their room
_DASHES = ("", "6 3", "2 2.5", "9 3 2 3", "1 3")
_CORNERS = (
    "m0,-{a}l{a},{a}l-{a},{a}l-{a},-{a}z", "m-{r},-{r}h{d}v{d}h-{d}z", "m0,-{a}l{a},{h}h-{b}z", "m0,{a}l{a},-{h}h-{b}z",
    "m-{a},0h{b}m-{a},-{a}v{b}",
)  # fmt: skip
_CIRCLE = "m-{r},0a{r},{r} 0 1 0 {d},0a{r},{r} 0 1 0 -{d},0z"


class Genealogy(NamedTuple):
    """A family tree by rows: the first and the second parent, -1 without one, and the number of ancestors.

    `operators` are in the order of their appearance, `kind` numbers them; `incumbents` were better than all before, or
    are on the front of several objectives; `line` is what they come from, themselves too; `best` is a row, or -1.
    """

    parent: list[int]
    other: list[int]
    generation: list[int]
    operators: list[str]
    kind: list[int]
    incumbents: list[int]
    line: set[int]
    best: int

    def ancestors(self, row: int) -> list[int]:
        """A row and its first parents, the oldest first."""
        found = []
        while row >= 0:
            found.append(row)
            row = self.parent[row]
        return found[::-1]


def genealogy_of(rows: Rows, objectives: Sequence[dict[str, Any]]) -> Genealogy:
    """The family tree of the rows of one study's trials."""
    places: dict[int, int] = {}
    parent: list[int] = []
    other: list[int] = []
    generation: list[int] = []
    kind: list[int] = []
    operators: list[str] = []
    for i, row in enumerate(rows):
        places[row[1]] = i
        first = -1 if row[8] is None else places.get(row[8], -1)
        parent.append(first)
        other.append(-1 if row[12] is None else places.get(row[12], -1))
        generation.append(0 if first < 0 else generation[first] + 1)
        if row[9] not in operators:
            operators.append(row[9])
        kind.append(operators.index(row[9]))
    incumbents = _incumbents(rows, [objective["sign"] for objective in objectives])
    tree = Genealogy(parent, other, generation, operators, kind, incumbents, set(), -1)
    line = {ancestor for row in incumbents for ancestor in tree.ancestors(row)}
    best = (incumbents[0] if len(objectives) > 1 else incumbents[-1]) if incumbents else -1
    return tree._replace(line=line, best=best)


def _incumbents(rows: Rows, signs: Sequence[int]) -> list[int]:
    good = [i for i, row in enumerate(rows) if row[2] == "c" and row[3] is not None]
    if len(signs) > 1:
        values = np.array([rows[i][3] for i in good], float).reshape(-1, len(signs))
        return [good[i] for i in pareto(values, signs)]
    best, found = -math.inf, []
    for i in good:
        value = signs[0] * rows[i][3][0]
        if value > best:
            best = value
            found.append(i)
    return found


def genealogy_svg(
    rows: Rows,
    objectives: Sequence[dict[str, Any]],
    up: str,
    title: str,
    words: str,
    architecture: Callable[[str], Architecture | None],
) -> str:
    """The tree over trials, a legend of its operators and the ancestors of the best; every text is escaped."""
    tree = genealogy_of(rows, objectives)
    at = next((k for k, objective in enumerate(objectives) if objective["name"] == up), None)
    x = np.array([row[1] for row in rows], float)
    heights = tree.generation if at is None else [math.nan if row[3] is None else row[3][at] for row in rows]
    y = np.array(heights, float)
    chart = f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">no trial has a value yet</text>'
    if np.isfinite(y).any():
        sign = 0 if at is None else objectives[at]["sign"]
        frame = Frame((-0.5, max(x.max(), 1.0) + 0.5), padded(_seen(y[np.isfinite(y)], sign)))
        label = GENERATION if at is None else objectives[at]["label"]
        chart = grid(frame, "trials", label) + _lines(tree, frame, x, y) + _marks(tree, frame, rows, x, y)
    chart += _legend(tree)
    steps, below = _steps(tree, rows, architecture), HEIGHT + 24.0
    height = below + (_STEP_HEIGHT if steps else 0.0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" aria-label="{text(title)}" '
        f'font-family="{FONT}" font-size="11.5" fill="{QUIET}">'
        f'<rect width="{WIDTH}" height="{height:.0f}" rx="8" fill="{PAPER}"/>'
        f'<text x="16" y="24" font-size="14" font-weight="600" fill="{TEXT}">{text(title)}</text>'
        f'<text x="16" y="42">{text(words)}</text>{chart}'
        f'<g transform="translate(0 {below:.0f})">{steps}</g></svg>'
    )


def _seen(y: np.ndarray, sign: int) -> np.ndarray:
    """The values that the picture is to hold: single bad trials would press it flat."""
    if not sign:
        return y
    bound = np.quantile(y, _TAIL if sign > 0 else 1 - _TAIL)
    kept: np.ndarray = y[y >= bound] if sign > 0 else y[y <= bound]
    return kept


def _lines(tree: Genealogy, frame: Frame, x: np.ndarray, y: np.ndarray) -> str:
    """Lines from parents to children, one path for each operator, the incumbents' above the others."""
    plain = [row for row in range(len(x)) if row not in tree.line]
    parts = []
    for chosen, style in (
        (plain[:: max(1, len(plain) // _SHOWN)], f'stroke="{QUIET}" stroke-opacity="0.4"'),
        (sorted(tree.line), f'stroke="{CONV_3X3}" stroke-width="1.6"'),
    ):
        for number in range(len(tree.operators)):
            of = [row for row in chosen if tree.kind[row] == number]
            path = "".join(_line(frame, x, y, tree.parent[row], row) for row in of)
            dash = f' stroke-dasharray="{dashed}"' if (dashed := _dash(tree, number)) else ""
            parts.append(f'<path d="{path}" fill="none" {style}{dash}/>' if path else "")
        path = "".join(_line(frame, x, y, tree.other[row], row) for row in chosen)
        parts.append(f'<path d="{path}" fill="none" {style} stroke-dasharray="1 4"/>' if path else "")
    return "".join(parts)


def _line(frame: Frame, x: np.ndarray, y: np.ndarray, parent: int, row: int) -> str:
    if parent < 0 or not _inside(frame, y[parent]) or not _inside(frame, y[row]):
        return ""
    x0, x1, half = frame.px(x[parent]), frame.px(x[row]), (frame.px(x[row]) - frame.px(x[parent])) / 2
    y0, y1 = frame.py(y[parent]), frame.py(y[row])
    return f"M{x0:.0f},{y0:.0f}C{x0 + half:.0f},{y0:.0f} {x1 - half:.0f},{y1:.0f} {x1:.0f},{y1:.0f}"


def _inside(frame: Frame, value: float) -> bool:
    return frame.y[0] <= value <= frame.y[1]  # which no NaN is


def _marks(tree: Genealogy, frame: Frame, rows: Rows, x: np.ndarray, y: np.ndarray) -> str:
    """One path for each operator and look; hollow where a bound is broken."""
    paths: dict[tuple[bool, bool, bool, int], list[str]] = {}
    incumbents, last = set(tree.incumbents), max(1, len(rows) // _SHOWN)
    for row, what in enumerate(rows):
        if _inside(frame, y[row]) and (row in tree.line or row % last == 0):
            look = (row in tree.line, row in incumbents, what[2] != "c", tree.kind[row])
            place = f"M{frame.px(x[row]):.0f},{frame.py(y[row]):.0f}"
            paths.setdefault(look, []).append(place + _mark(tree, look[3], 4.4 if look[1] else 2.6))
    parts = []
    for (famous, grown, hollow, _), marks in sorted(paths.items()):
        colour = CONV_3X3 if famous else QUIET
        fill = "none" if hollow else colour
        edge = f'stroke="{colour if hollow else PAPER}"' if hollow or grown else 'stroke="none"'
        parts.append(f'<path d="{"".join(marks)}" fill="{fill}" {edge} fill-opacity="{1 if famous else 0.75}"/>')
    return "".join(parts)


def _place(tree: Genealogy, number: int) -> int:
    """The place of an operator among those with a name; -1 for none."""
    return -1 if not tree.operators[number] else sum(bool(name) for name in tree.operators[:number])


def _dash(tree: Genealogy, number: int) -> str:
    place = _place(tree, number)
    return "" if place < 0 else _DASHES[place % len(_DASHES)]


def _mark(tree: Genealogy, number: int, r: float) -> str:
    place = _place(tree, number)
    form = _CIRCLE if place < 0 else _CORNERS[place % len(_CORNERS)]
    a = 1.3 * r
    sizes = {"r": r, "d": 2 * r, "a": a, "b": 2 * a, "h": 1.75 * a}
    return form.format(**{name: f"{size:.3g}" for name, size in sizes.items()})


def _legend(tree: Genealogy) -> str:
    parts, left = [], 16.0
    for number, name in enumerate(tree.operators):
        words = f"{name or 'no parent known'} ({tree.kind.count(number)})"
        if left + 30 + 6.2 * len(words) > WIDTH - 16:
            break
        dash = f' stroke-dasharray="{dashed}"' if (dashed := _dash(tree, number)) else ""
        line = f'<path d="M{left:.0f},{HEIGHT + 8}h24" stroke="{QUIET}"{dash}/>' if name else ""
        parts.append(
            f'{line}<path d="M{left + 24:.0f},{HEIGHT + 8}{_mark(tree, number, 4)}" fill="{QUIET}" stroke="{QUIET}"/>'
            f'<text x="{left + 34:.0f}" y="{HEIGHT + 12}">{text(words)}</text>'
        )
        left += 52 + 6.2 * len(words)
    return "".join(parts)


def _steps(tree: Genealogy, rows: Rows, architecture: Callable[[str], Architecture | None]) -> str:
    """The last ancestors of the best trial as small cells, with what each step changed and brought."""
    if tree.best < 0:
        return ""
    line = tree.ancestors(tree.best)[-_STEPS:]
    room = (WIDTH - 32) / _STEPS
    parts = []
    for k, row in enumerate(line):
        what, left = rows[row], 16 + k * room
        arch, before = (None if one is None else architecture(one) for one in (what[6], _name(rows, tree.parent[row])))
        values = "no value" if what[3] is None else ", ".join(f"{value:.6g}" for value in what[3])
        parts.append(f'<text x="{left:.0f}" y="12">{text(what[9] or "no parent known")}</text>')
        parts.append(f'<text x="{left:.0f}" y="27" fill="{TEXT}">{text(_changed(before, arch))}</text>')
        if arch is not None:
            graph = arch.graph
            drawing = lay_out(graph, arch.space.live(graph))
            scale = min((room - 16) / drawing.width, (_STEP_HEIGHT - 66) / drawing.height)
            parts.append(f'<g transform="translate({left:.1f} 34) scale({scale:.3f})">{svg(drawing)}</g>')
        parts.append(f'<text x="{left:.0f}" y="{_STEP_HEIGHT - 14:.0f}" fill="{TEXT}">#{what[1]}: {values}</text>')
    return "".join(parts)


def _name(rows: Rows, row: int) -> str | None:
    name: str | None = rows[row][6] if row >= 0 else None
    return name


def _changed(before: Architecture | None, after: Architecture | None) -> str:
    if before is None or after is None:
        return ""
    found = changes(before.decisions, after.decisions)
    said = [f"{clipped(name)}: {look(old).label} → {look(new).label}" for name, (old, new) in found.items()]
    return said[0] + (f" and {len(said) - 1} more" if len(said) > 1 else "") if said else ""
