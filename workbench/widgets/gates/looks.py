"""How the options of a gate are shown: the palette's colours, made distinct within the gate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.palette import VIRIDIS, clipped, look, on_dark

_DEEP, _BRIGHT = 6, 26  # the steps of the sequential scale that can be told from both papers
_NUMBERS = re.compile(r"([0-9]{1,9})")
_PAPERS = ("#ffffff", "#161c23")
_MIXED = 0.5  # share of the paper in the colour of an option whose own colour is taken


def ordered(options: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The gates by the part of the network that their names begin with, as "s2.b1" in "s2.b1.kernel"."""

    def place(name: str) -> list[tuple[int, str]]:
        parts = _NUMBERS.split(name.rpartition(".")[0])
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]

    return {name: options[name] for name in sorted(options, key=place)}


def gates_of(options: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The gates with several options: `name` and `options`, each `[label, colour, colour on dark paper]`."""
    return [{"name": name, "options": looks_of(allowed)} for name, allowed in options.items() if len(allowed) > 1]


def looks_of(allowed: Sequence[Any]) -> list[list[str]]:
    """The options of one gate: numbers on the sequential scale in their order, operations as everywhere.

    An operation whose colour another one of the gate has already is nearer to the paper's.
    """
    if len(allowed) > 1 and all(isinstance(option, int | float) and not isinstance(option, bool) for option in allowed):
        order = sorted(range(len(allowed)), key=lambda k: allowed[k])
        steps = {k: _DEEP + round(place * (_BRIGHT - _DEEP) / (len(allowed) - 1)) for place, k in enumerate(order)}
        return [[f"{option:g}", VIRIDIS[steps[k]], on_dark(VIRIDIS[steps[k]])] for k, option in enumerate(allowed)]
    found: list[list[str]] = []
    taken: dict[str, int] = {}
    for option in allowed:
        shown = look(option)
        pair = [shown.colour, shown.dark]
        for _ in range(taken.get(shown.colour, 0)):
            pair = [_nearer(colour, paper) for colour, paper in zip(pair, _PAPERS, strict=True)]
        taken[shown.colour] = taken.get(shown.colour, 0) + 1
        found.append([shown.label if isinstance(option, str) else clipped(str(option)), *pair])
    return found


def _nearer(colour: str, paper: str) -> str:
    pairs = ((int(colour[i : i + 2], 16), int(paper[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + _MIXED * (b - a)):02x}" for a, b in pairs)
