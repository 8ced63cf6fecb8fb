"""Adjacency encoding: which operation feeds which, and what each operation is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.spaces.choices import Question
from workbench.spaces.encodings.answers import answer_numbers
from workbench.spaces.encodings.landmarks import landmarks, settings, slots
from workbench.spaces.encodings.one_hot import spread
from workbench.spaces.encodings.wiring import wiring

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_WHOLE = 64  # places up to which the triangle is kept whole


def adjacency(space: SearchSpace, archs: Sequence[Architecture]) -> NDArray[np.float32]:
    """The upper triangle of the padded adjacency matrix, then the operations one-hot: float32 (n, d).

    This is the "one-hot adjacency matrix encoding" of White, Neiswanger, Nolen & Savani (NeurIPS 2020, section 3).
    Rows and columns of the matrix are the places that operations have anywhere in the space, in topological order; a
    place that an architecture does not use is all 0. Operations on edges count as nodes (see `wiring`). An operation
    is told by the answers that chose it; questions that the graph does not show, such as a resolution, are told
    too, those that only lay wires are not. Places come from the space's landmarks: what lies outside has no column.
    Of the matrices of more than 64 places only the entries that are 1 in some landmark are kept.
    """
    columns = _entries(space)
    codes = np.zeros((len(archs), len(columns)), dtype=np.float32)
    for row, arch in enumerate(archs):
        wires = wiring(space.graph(arch))
        for a, b in wires.edges():
            ends = wires.slots[a], wires.slots[b]
            column = columns.get(ends, columns.get(ends[::-1]))
            if column is not None:
                codes[row, column] = 1.0
    told = _told(space)
    numbers = answer_numbers(space, archs)[:, told.columns]
    return np.concatenate([codes, spread(numbers, told.questions)], axis=1)


@lru_cache(maxsize=64)
def _entries(space: SearchSpace) -> dict[tuple[Hashable, Hashable], int]:
    """Pairs of places and their columns, row by row of the upper triangle."""
    places = slots(space)
    if len(places) <= _WHOLE:
        return {pair: column for column, pair in enumerate(combinations(places, 2))}
    place = {slot: i for i, slot in enumerate(places)}
    pairs = {(place[w.slots[a]], place[w.slots[b]]) for _, w in landmarks(space) for a, b in w.edges()}
    upper = sorted({(min(pair), max(pair)) for pair in pairs})
    return {(places[a], places[b]): column for column, (a, b) in enumerate(upper)}


class _Told(NamedTuple):
    """The questions whose answers stand beside the matrix, and their columns among all questions."""

    questions: tuple[Question, ...]
    columns: list[int]


@lru_cache(maxsize=64)
def _told(space: SearchSpace) -> _Told:
    names = {name for _, wires in landmarks(space) for asked in wires.questions for name in asked}
    names.update(settings(space))
    columns = [i for i, question in enumerate(space.questions()) if question.name in names]
    return _Told(tuple(space.questions()[i] for i in columns), columns)
