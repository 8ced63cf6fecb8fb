"""The monitor of a supernet as one SVG: curves, the gates after an epoch, and the flow of each."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np

from workbench.drawing import text
from workbench.palette import ALARM, CONV_3X3, LINE, PAPER, QUIET, TEXT
from workbench.widgets.axes import tick_labels, ticks
from workbench.widgets.gates.records import Records
from workbench.widgets.gates.ribbons import bands

WIDTH, _LEFT, _GAP = 760.0, 16.0, 18.0
_FONT = "system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif"
_CHART, _FLOW, _BAR = 120.0, 46.0, 20.0  # heights
_ACROSS = 4  # flows in a row
_RIBBON = 24.0
_STEPS = 200  # epochs that a flow is drawn of; of more, an even sample


class Picture(NamedTuple):
    """What is drawn: the monitor's traits of the same names, and what it keeps; `epoch` from 1, 0 for none."""

    title: str
    words: str
    cost: dict[str, Any]
    gates: list[dict[str, Any]]
    cells: list[dict[str, Any]]
    records: Records | None
    epoch: int


def supernet_svg(picture: Picture) -> str:
    """The whole picture; every text is escaped."""
    y, parts = 62.0, []
    for draw in (_curves, _cells, _flows):
        drawn, height = draw(picture)
        if height:
            parts.append(f'<g transform="translate({_LEFT} {y:.1f})">{drawn}</g>')
            y += height + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {y:.0f}" width="{WIDTH:.0f}" '
        f'height="{y:.0f}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{text(f"{picture.title}: {picture.words}")}" font-family="{_FONT}" font-size="11.5" '
        f'fill="{QUIET}"><rect width="{WIDTH:.0f}" height="{y:.0f}" rx="8" fill="{PAPER}"/>'
        f'<text x="{_LEFT}" y="24" font-size="14" font-weight="600" fill="{TEXT}">{text(picture.title)}</text>'
        f'<text x="{_LEFT}" y="42">{text(picture.words)}</text>{"".join(parts)}</svg>'
    )


# -- curves ----------------------------------------------------------------------------------------------------


def _curves(picture: Picture) -> tuple[str, float]:
    records = picture.records
    if records is None or not len(records):
        return "", 0.0
    names = {"loss": "loss", "accuracy": "training accuracy (%)", "cost": f"expected {picture.cost['label']}"}
    shown = {name: values for name, values in records.curves.items() if any(v is not None for v in values)}
    if "accuracy" in shown:
        shown["accuracy"] = [None if value is None else 100 * value for value in shown["accuracy"]]
    width = (WIDTH - 2 * _LEFT - _GAP * 2) / 3
    parts = []
    for place, (name, values) in enumerate(shown.items()):
        level = picture.cost["limit"] if name == "cost" else None
        curve = _curve(names[name], values, level, picture.epoch, width)
        parts.append(f'<g transform="translate({place * (width + _GAP):.1f} 0)">{curve}</g>')
    return "".join(parts), _CHART + 44


def _curve(name: str, values: list[float | None], level: float | None, epoch: int, width: float) -> str:
    known = [value for value in (*values, level) if value is not None]
    low, high = min(known), max(known)
    pad = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
    low, high = low - pad, high + pad
    left = 52.0

    def x(at: int) -> float:
        return left + (width - left) * (at / max(1, len(values) - 1))

    def y(value: float) -> float:
        return 18 + _CHART * (1 - (value - low) / (high - low))

    places = ticks(low, high, 3)
    if len(places) < 2:  # one alone does not say how exact it is
        places = ticks(low, high, 6)
    parts = [f'<text x="0" y="8" fill="{TEXT}" font-weight="600">{text(name)}</text>']
    for value, label in zip(places, tick_labels(places), strict=True):
        parts.append(f'<path d="M{left},{y(value):.1f}H{width:.1f}" stroke="{LINE}"/>')
        parts.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    if level is not None:
        parts.append(f'<path d="M{left},{y(level):.1f}H{width:.1f}" stroke="{ALARM}" stroke-dasharray="5 4"/>')
        parts.append(f'<text x="{width:.1f}" y="{y(level) - 4:.1f}" text-anchor="end">limit</text>')
    corners = [(x(at), y(value)) for at, value in enumerate(values) if value is not None]
    line = "L".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    parts.append(f'<path d="M{line}" fill="none" stroke="{CONV_3X3}" stroke-width="2.2"/>')
    now = values[epoch - 1]
    if now is not None:
        parts.append(f'<circle cx="{x(epoch - 1):.1f}" cy="{y(now):.1f}" r="3.4" fill="{CONV_3X3}"/>')
    parts.append(
        f'<text x="{left}" y="{_CHART + 34}">1</text><text x="{width:.1f}" y="{_CHART + 34}" text-anchor="end">'
        f"{len(values)} epochs</text>"
    )
    return "".join(parts)


# -- gates -----------------------------------------------------------------------------------------------------


def _worth(picture: Picture) -> list[list[float]]:
    """What the options are worth in the epoch that is shown; nothing where that is not known."""
    records = picture.records
    if records is None or not picture.epoch:
        return []
    return [np.nan_to_num(worth).tolist() for worth in records.worth(picture.epoch - 1)]


def _cells(picture: Picture) -> tuple[str, float]:
    worth = _worth(picture)
    if not worth or not any(map(sum, worth)):
        return "", 0.0
    assert picture.records is not None
    head = f'<text x="0" y="8" fill="{TEXT}" font-weight="600">Gates after epoch {picture.epoch}</text>'
    if not picture.cells:
        return _strip(picture, worth, head)
    across = min(2, len(picture.cells))
    room = (WIDTH - 2 * _LEFT - (across - 1) * _GAP) / across
    parts, y, row = [head], 18.0, 0.0
    for place, cell in enumerate(picture.cells):
        scale = min(0.85, room / cell["width"])
        x = (place % across) * (room + _GAP)
        title = f'<text x="{x:.1f}" y="{y + 10:.1f}">{text(cell["title"])}</text>' if cell["title"] else ""
        drawn = _cell(cell, picture.gates, worth)
        parts.append(f'{title}<g transform="translate({x:.1f} {y + 14:.1f}) scale({scale:.3f})">{drawn}</g>')
        row = max(row, scale * cell["height"] + 14)
        if place % across == across - 1 or place == len(picture.cells) - 1:
            y, row = y + row + 8, 0.0
    return "".join(parts), y


def _cell(cell: dict[str, Any], gates: list[dict[str, Any]], worth: list[list[float]]) -> str:
    parts, labels = [], []
    size = min(26.0, max(15.0, 11 * cell["width"] / 400))
    for path, x, y, name, number, fixed in cell["edges"]:
        options = gates[number]["options"] if number >= 0 else [fixed]
        shares = worth[number] if number >= 0 else [1.0]
        largest = max(range(len(shares)), key=shares.__getitem__)
        said = ", ".join(f"{option[0]} {share:.0%}" for option, share in zip(options, shares, strict=True))
        drawn = "".join(
            f'<path d="{band}" fill="{option[1]}"/>'
            for band, option in zip(bands(path, shares, _RIBBON), options, strict=True)
        )
        parts.append(f"<g><title>{text(f'{name}: {said}')}</title>{drawn}</g>")
        labels.append(
            f'<text x="{x}" y="{y + 0.35 * size:.1f}" text-anchor="middle" font-size="{size:.1f}" '
            f'font-weight="600" fill="{TEXT}" stroke="{PAPER}" stroke-width="6" stroke-linejoin="round" '
            f'paint-order="stroke">{text(short(options[largest][0]))}</text>'
        )
    for x, y, width, height, label, _ in cell["nodes"]:
        letters = min(size, 0.9 * width / (0.6 * max(1, len(label))))
        parts.append(
            f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width}" height="{height}" '
            f'rx="{height / 2}" fill="{PAPER}" stroke="{TEXT}" stroke-width="2"/>'
            f'<text x="{x}" y="{y + 0.35 * letters:.1f}" text-anchor="middle" font-size="{letters:.1f}" fill="{TEXT}">'
            f"{text(label)}</text>"
        )
    return "".join(parts + labels)


def _strip(picture: Picture, worth: list[list[float]], head: str) -> tuple[str, float]:
    width, across = (WIDTH - 2 * _LEFT - _GAP) / 2, 2
    rows = ceil(len(worth) / across)
    parts = [head]
    for place, (gate, shares) in enumerate(zip(picture.gates, worth, strict=True)):
        x, y = place // rows * (width + _GAP), 20 + place % rows * (_BAR + 6)
        parts.append(f'<text x="{x:.1f}" y="{y + 14:.1f}">{text(_cut(gate["name"], 20))}</text>')
        parts.append(_bar(x + 130, y, width - 130, gate["options"], shares))
    return "".join(parts), 20 + rows * (_BAR + 6)


def _bar(x: float, y: float, width: float, options: list[list[str]], shares: list[float]) -> str:
    scale, parts = width / max(1.0, sum(shares)), []
    for (label, colour, _), share in zip(options, shares, strict=True):
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{scale * share:.1f}" height="{_BAR}" fill="{colour}"/>')
        if scale * share > 8 * len(label) + 6:
            parts.append(
                f'<text x="{x + scale * share / 2:.1f}" y="{y + 14:.1f}" text-anchor="middle" fill="{TEXT}" '
                f'stroke="{PAPER}" stroke-width="3" paint-order="stroke">{text(label)}</text>'
            )
        x += scale * share
    return "".join(parts)


# -- flows -----------------------------------------------------------------------------------------------------


def _flows(picture: Picture) -> tuple[str, float]:
    records = picture.records
    if records is None or not len(records) or not any(map(sum, _worth(picture))):
        return "", 0.0
    width = (WIDTH - 2 * _LEFT - (_ACROSS - 1) * _GAP) / _ACROSS
    flows = np.array(records.flow)
    flows = flows[np.unique(np.linspace(0, len(flows) - 1, min(len(flows), _STEPS)).round().astype(int))]
    ends = np.cumsum(list(records.sizes.values()))[:-1]
    parts = [f'<text x="0" y="8" fill="{TEXT}" font-weight="600">{text(records.said.capitalize())} over epochs</text>']
    for place, (gate, flow) in enumerate(zip(picture.gates, np.split(flows, ends, axis=1), strict=True)):
        x, y = place % _ACROSS * (width + _GAP), 20 + place // _ACROSS * (_FLOW + 30)
        label = gate["options"][int(np.nan_to_num(flow[-1]).argmax())][0]
        parts.append(
            f'<g transform="translate({x:.1f} {y:.1f})"><text y="10">{text(_cut(gate["name"], 15))}</text>'
            f'<text x="{width:.1f}" y="10" text-anchor="end" fill="{TEXT}">{text(_cut(label, 11))}</text>'
            f"{_areas(flow, gate['options'], width)}</g>"
        )
    rows = ceil(len(picture.gates) / _ACROSS)
    legend, height = _legend(picture.gates)
    y = 20 + rows * (_FLOW + 30)
    return "".join(parts) + f'<g transform="translate(0 {y + 8:.1f})">{legend}</g>', y + height


def _areas(flow: np.ndarray, options: list[list[str]], width: float) -> str:
    flow = flow[np.isfinite(flow).all(axis=1)]
    if not len(flow):
        return ""
    if len(flow) == 1:
        flow = np.repeat(flow, 2, axis=0)
    height = np.maximum(1.0, flow.sum(axis=1).max())
    edges = np.concatenate([np.zeros((len(flow), 1)), flow.cumsum(axis=1)], axis=1) / height
    x = np.linspace(0, width, len(flow))
    parts = []
    for k, (_, colour, _) in enumerate(options):
        there = [f"{a:.1f},{16 + _FLOW * (1 - b):.1f}" for a, b in zip(x, edges[:, k + 1], strict=True)]
        back = [f"{a:.1f},{16 + _FLOW * (1 - b):.1f}" for a, b in zip(x, edges[:, k], strict=True)][::-1]
        d = "M" + "L".join(there + back) + "Z"
        parts.append(f'<path d="{d}" fill="{colour}" stroke="{PAPER}" stroke-width="0.6"/>')
    return "".join(parts)


def _legend(gates: list[dict[str, Any]]) -> tuple[str, float]:
    parts, x, y = [], 0.0, 10.0
    for words, options in legend_of(gates):
        for number, (label, colour, _) in enumerate(options):
            lead = f"{words}: " if words and not number else ""
            room = 6.6 * (len(lead) + len(label)) + 30
            if x + room > WIDTH - 2 * _LEFT:
                x, y = 0.0, y + 18
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}">{text(lead)}</text>')
            x += 6.6 * len(lead)
            parts.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="2" fill="{colour}"/>')
            parts.append(f'<text x="{x + 14:.1f}" y="{y:.1f}">{text(label)}</text>')
            x += room - 6.6 * len(lead)
    return "".join(parts), y + 6


def legend_of(gates: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """The different lists of options with what the gates that have them are called: nothing where all have one."""
    groups: dict[str, tuple[list[list[str]], list[str]]] = {}
    for gate in gates:
        groups.setdefault(repr(gate["options"]), (gate["options"], []))[1].append(gate["name"])
    if len(groups) == 1:
        return [("", options) for options, _ in groups.values()]
    found = []
    for options, names in groups.values():
        ends = {name.rpartition(".")[2] for name in names}
        words = names[0] if len(names) == 1 else ends.pop() if len(ends) == 1 else f"{len(names)} gates"
        found.append((_cut(words, 30), options))
    return found


def short(label: str) -> str:
    """A label without the words that its colour says."""
    return label.replace("conv ", "").removesuffix(" pool") or label


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
