"""The enrichment panel as one SVG: a bar for each thing that the selection has more or less often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Any, NamedTuple

from workbench.drawing import text
from workbench.palette import LINE, PAPER, QUIET, TEXT

_WIDTH, _ROW = 680, 22
_WORDS, _BARS = 290, 230  # where the bars begin, and how much room they have
_STRONGEST = 6.0  # doublings beyond which bars grow no more
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
_LETTERS = 40
STATES = {
    "preparing": "The features of the table are being worked out.",
    "nothing": "Nothing is selected: select architectures on the map.",
    "everything": "Everything is selected: there is nothing to compare it with.",
    "unknown": "None of the selected architectures is among those that were drawn for the comparison.",
    "ready": "Nothing stands out: chance alone brings about as much.",
}


class Scale(NamedTuple):
    """Bars on a logarithmic scale: doublings to the left and to the right of "as often", which is at share `one`."""

    left: float
    right: float

    @classmethod
    def of(cls, lifts: Sequence[float]) -> Scale:
        """The scale that has room for all of these."""
        steps = [_doublings(lift) for lift in lifts]
        return cls(-min([0.0, *steps]), max([1.0, *steps]))

    @property
    def one(self) -> float:
        """Where "as often" is, as a share of the width."""
        return self.left / (self.left + self.right)

    def bar(self, lift: float) -> tuple[float, float]:
        """Where a bar starts and ends."""
        end = (self.left + _doublings(lift)) / (self.left + self.right)
        return min(self.one, end), max(self.one, end)


def _doublings(lift: float) -> float:
    return max(-_STRONGEST, min(_STRONGEST, log2(lift))) if lift > 0 else -_STRONGEST


def panel_svg(found: Mapping[str, Any], kinds: Sequence[str], top: int) -> str:
    """The rows that the panel shows at first; every text is escaped."""
    rows = [row for row in found["rows"] if row["kind"] in kinds]
    more = [row for row in rows if row["lift"] > 1][:top]
    less = [row for row in rows if row["lift"] <= 1][: max(1, top // 2)]
    scale = Scale.of([row["lift"] for row in [*more, *less]])
    title = f"What the {found['selected']:,} selected share" if "selected" in found else "What the selection shares"
    parts, y = [], 56
    for words, group in (("more often", more), ("less often", less)):
        if group:
            parts.append(f'<text x="14" y="{y}" fill="{QUIET}">{words}</text>')
            y += _ROW
        for row in group:
            parts.append(_row_svg(row, y, scale))
            y += _ROW
        y += 6 if group else 0
    if not parts:
        parts.append(f'<text x="14" y="{y}" fill="{QUIET}">{text(found["words"])}</text>')
        y += _ROW
    line = f'<path d="M{_WORDS + scale.one * _BARS:.1f},44V{y - 16}" stroke="{LINE}"/>' if rows else ""
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" '
            f'style="max-width:100%;height:auto" role="img" aria-label="{text(title)}" font-family="{_FONT}" '
            f'font-size="12.5">',
            f'<rect width="{_WIDTH}" height="{y}" rx="8" fill="{PAPER}"/>',
            f'<text x="14" y="24" font-size="14" font-weight="600" fill="{TEXT}">{text(title)}</text>',
            f'<text x="{_WIDTH - 14}" y="24" text-anchor="end" fill="{QUIET}">'
            f"{text('enriched against ' + found['against'])}</text>",
            line,
            *parts,
            "</svg>",
        ]
    )


def _row_svg(row: Mapping[str, Any], y: int, scale: Scale) -> str:
    words = row["words"] if len(row["words"]) <= _LETTERS else row["words"][: _LETTERS - 1] + "…"
    start, end = (_WORDS + share * _BARS for share in scale.bar(row["lift"]))
    return (
        f'<text x="14" y="{y}" fill="{TEXT}">{text(words)}</text>'
        f'<rect x="{start:.1f}" y="{y - 9}" width="{max(end - start, 1.5):.1f}" height="9" rx="2" '
        f'fill="{row["colour"] or QUIET}"/>'
        f'<text x="{_WORDS + _BARS + 12}" y="{y}" fill="{TEXT}">{text(row["times"])}'
        f'<tspan x="{_WORDS + _BARS + 62}" fill="{QUIET}">{text(row["chance"])}</tspan></text>'
    )
