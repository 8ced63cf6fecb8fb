"""Paths over a map: what a search visited, one after the other, where it got better, and what comes from what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.palette import ALARM, CONV_3X3, OTHER_OPERATIONS, TEXT

if TYPE_CHECKING:
    import optuna

# Colours that stand out from the scale of the points, the first two also from each other without colour vision.
_COLOURS = ((ALARM, "#ff8fa0"), (TEXT, "#e6ebf0"), (CONV_3X3, "#7ab8f5"), (OTHER_OPERATIONS[0], "#e6a3c8"))
_DASHES = ("", "6 4", "2 3", "9 3 2 3")


class Visited(NamedTuple):
    """Architectures by their strings in the order of their visits, and how good each was (more is better)."""

    names: tuple[str, ...]
    values: NDArray[np.float64]


def visited(given: optuna.Study | Iterable[Architecture | str], known: Mapping[str, float]) -> Visited:
    """What a search visited: a study's finished trials, or architectures, whose values are then looked up in `known`.

    Raises `InvalidInput` for anything else, and where nothing was visited.
    """
    import optuna

    if isinstance(given, optuna.Study):
        trials = [t for t in given.get_trials(deepcopy=False) if t.values and "architecture" in t.user_attrs]
        sign = 1.0 if given.directions[0] == optuna.study.StudyDirection.MAXIMIZE else -1.0
        names = tuple(str(trial.user_attrs["architecture"]) for trial in trials)
        values = np.array([sign * trial.values[0] for trial in trials])
    else:
        names = tuple(_named(arch) for arch in ([given] if isinstance(given, str) else given))
        values = np.array([known.get(name, np.nan) for name in names])
    if not names:
        raise InvalidInput("This search has visited no architecture yet: there is no path to draw.")
    return Visited(names, values)


def traced(rows: Iterable[Sequence[Any]], sign: int) -> tuple[Visited, list[int]]:
    """What a study visited, and for each the place among them of what it was made from; -1 without.

    `rows` are its finished trials as a `Feed` reads them, in any order; what is visited stands in that of the trials.
    Of a parent without a value its own parent counts. `sign` is -1 where small values are good, else 1.
    """
    places: dict[int, int] = {}  # trial -> its own place, or that of its nearest ancestor that has one
    found: list[int] = []
    names: list[str] = []
    values: list[float] = []
    for row in sorted(rows, key=itemgetter(1)):
        number, measured, name, parent = row[1], row[3], row[6], row[8]
        above = -1 if parent is None else places.get(parent, -1)
        visit = measured is not None and name is not None
        places[number] = len(found) if visit else above
        if visit:
            found.append(above)
            names.append(name)
            values.append(sign * measured[0])
    return Visited(tuple(names), np.array(values, np.float64)), found


def line(trail: Mapping[str, Any], marked: int) -> list[int]:
    """The rows that the marked row of a trace comes from, the oldest first; without it there, those of the best."""
    rows, parents = trail["rows"], trail["parents"]
    step = rows.index(marked) if marked in rows else trail["better"][-1] if trail["better"] else -1
    found = []
    while step >= 0:
        found.append(rows[step])
        step = parents[step]
    return found[::-1]


def path_state(
    name: str, seen: Visited, places: Mapping[str, int], number: int, parents: Sequence[int] | None = None
) -> dict[str, Any]:
    """One path for the browser: the rows visited, and which of these steps was better than all before.

    What is not in the table is left out and counted. `number` picks colour and dash. With `parents`, as `traced` finds
    them, it is a trace: its steps are no line, but each knows the step that it comes from.
    """
    kept = [i for i, arch in enumerate(seen.names) if arch in places]
    place = {old: new for new, old in enumerate(kept)}
    steps = [(places[arch], value) for arch, value in zip(seen.names, seen.values, strict=True) if arch in places]
    best, steps_up = -np.inf, []
    for step, (_, value) in enumerate(steps):
        if value > best:
            best = value
            steps_up.append(step)
    colour, dark = _COLOURS[number % len(_COLOURS)]
    return {
        "name": name,
        "rows": [row for row, _ in steps],
        "better": steps_up,
        "number": number,
        "missing": len(seen.names) - len(steps),
        "colour": colour,
        "dark": dark,
        "dash": _DASHES[(number + number // len(_COLOURS)) % len(_DASHES)],
        **({} if parents is None else {"parents": [_ancestor(parents, i, place) for i in kept]}),
    }


def _ancestor(parents: Sequence[int], step: int, place: Mapping[int, int]) -> int:
    """The nearest ancestor of a step that is on the map, by its place there."""
    while (step := parents[step]) >= 0:
        if step in place:
            return place[step]
    return -1


def free_name(wanted: str | None, taken: Sequence[str]) -> str:
    """The name of a new path: the one wanted, else the first "search 1", "search 2" that is free.

    Raises `InvalidInput` for a name that another path has.
    """
    if wanted is None:
        return next(name for i in range(1, len(taken) + 2) if (name := f"search {i}") not in taken)
    if wanted in taken:
        raise InvalidInput(f"There is a path named {wanted!r} already: remove_path it, or give another name.")
    return str(wanted)


def _named(arch: Any) -> str:
    if not isinstance(arch, Architecture | str):
        raise InvalidInput(f"A path is a study, or a list of architectures or their strings; it holds {arch!r}.")
    return str(arch)
