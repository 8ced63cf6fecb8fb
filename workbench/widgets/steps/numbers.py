"""What a neighbourhood knows of its edits' numbers so far, as the browser reads it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from workbench.architecture import Architecture
from workbench.widgets.steps.measures import Colouring
from workbench.widgets.steps.moves import Moves


def known_numbers(moves: Moves, measure: str, colouring: Colouring, stops: Sequence[Architecture]) -> dict[str, Any]:
    """What is known of an architecture's edits: cells by question, one for every answer.

    A cell is None while it is not known, or {"value", "reason", "same", "makes"}: its number, None where there is none;
    why; whether it is the same function; and whether it makes an architecture at all. `done` of `total` edits have been
    worked out; `path` are the values of the stops by name.
    """
    questions = [row.question for row in moves.rows]
    cells: dict[str, list[Any]] = {question.name: [None] * len(question.answers) for question in questions}
    done = 0
    for question, number in moves.cells:
        cell = _cell(moves, colouring, question, number)
        cells[question][number] = cell
        done += cell is not None and "value" in cell
    known = {str(arch): value for arch in stops if (value := colouring.known(arch)) is not None}
    return {
        "of": str(moves.arch),
        "measure": measure,
        "cells": cells,
        "done": done,
        "total": len(moves.cells),
        "path": {name: _plain(value.number) for name, value in known.items()},
    }


def _cell(moves: Moves, colouring: Colouring, question: str, number: int) -> dict[str, Any] | None:
    move = moves.known(question, number)
    if move is None:
        return None
    if move.arch is None:
        return {"value": None, "reason": move.reason, "same": False, "makes": False}
    value = colouring.known(move.arch)
    known = {} if value is None else {"value": _plain(value.number), "reason": value.reason}
    return {**known, "same": move.same, "makes": True}


def _plain(value: float) -> float | None:
    return value if isfinite(value) else None
