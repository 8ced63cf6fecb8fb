"""Small drawings of many architectures: what they have in common is said once, so that a hundred cells cost little."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from workbench.architecture import Architecture
from workbench.drawing import Drawing, lay_out

_SHORTER = ("conv ", " pool")


class Cells:
    """Drawings by name, as shapes (what does not depend on the operations) and inks (what does).

    A shape is `[width, height, edges, nodes]`, an edge `[path, arrow, x, y, room, question]`, a node `[x, y, width,
    height, role, question]`; an ink is `[label, colour, dark, dashed, resting]`; a drawing is `[shape, inks of the
    edges, inks of the nodes]`, all by number.
    """

    def __init__(self) -> None:
        self.shapes: list[list[Any]] = []
        self.inks: list[list[Any]] = []
        self.drawn: dict[str, list[Any]] = {}
        self.size = 0  # characters of JSON, about
        self._numbers: dict[Hashable, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.drawn

    def draw(self, name: str, arch: Architecture) -> dict[str, Any]:
        """Draw an architecture; returns what a page that knows all drawings before does not have yet."""
        shapes, inks = len(self.shapes), len(self.inks)
        graph = arch.graph
        drawing = lay_out(graph, arch.space.live(graph))
        edges = [[_short(e.label), e.colour, e.dark, e.dashed, e.zero or not e.live] for e in drawing.edges]
        nodes = [[_short(n.label), n.colour, n.dark, False, not n.live] for n in drawing.nodes]
        self.drawn[name] = [
            self._number(self.shapes, _shape(drawing)),
            [self._number(self.inks, ink) for ink in edges],
            [self._number(self.inks, ink) for ink in nodes],
        ]
        fresh = {"shapes": self.shapes[shapes:], "inks": self.inks[inks:], "drawn": {name: self.drawn[name]}}
        self.size += len(json.dumps(fresh))
        return fresh

    def state(self) -> dict[str, Any]:
        """All drawings."""
        return {"shapes": self.shapes, "inks": self.inks, "drawn": self.drawn}

    def _number(self, known: list[list[Any]], one: list[Any]) -> int:
        key = (id(known), json.dumps(one))
        if key not in self._numbers:
            self._numbers[key] = len(known)
            known.append(one)
        return self._numbers[key]


def _shape(drawing: Drawing) -> list[Any]:
    edges: list[list[Any]] = [[e.path, e.arrow, e.label_x, e.label_y, e.question] for e in drawing.edges]
    nodes = [[n.x, n.y, n.width, n.height, n.role, n.questions[0] if n.questions else ""] for n in drawing.nodes]
    # The room for a label is as wide as the widest label's, or a change of operation would be a change of shape.
    room = max((edge.label_width for edge in drawing.edges), default=0.0)
    return [drawing.width, drawing.height, [[*edge[:4], room, edge[4]] for edge in edges], nodes]


def _short(label: str) -> str:
    return label.removeprefix(_SHORTER[0]).removesuffix(_SHORTER[1])
