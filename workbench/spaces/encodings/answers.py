"""The answers of many architectures as one table of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.choices import Answer, Question

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

UNASKED = -1
_ABSENT = object()


def answer_numbers(space: SearchSpace, archs: Sequence[Architecture]) -> NDArray[np.int64]:
    """Place of each answer among its question's answers: (n, questions), -1 where a question is not asked.

    Columns are in the order of `space.questions()`. Raises `InvalidInput` for an answer or a question that is not
    among them.
    """
    questions = space.questions()
    rows = [arch.decisions for arch in archs]
    table = np.empty((len(rows), len(questions)), dtype=np.int64)
    for column, question in enumerate(questions):
        table[:, column] = _numbers(question, rows)
    _check_complete(space, rows, table)
    return table


def _numbers(question: Question, rows: Sequence[Mapping[str, Answer]]) -> list[int]:
    place: dict[object, int] = {answer: number for number, answer in enumerate(question.answers)}
    given: list[object] = [row.get(question.name, _ABSENT) for row in rows]
    if len(place) < len(question.answers):  # 1 == True == 1.0: only their kinds tell such answers apart
        place = {(type(answer), answer): number for number, answer in enumerate(question.answers)}
        given = [answer if answer is _ABSENT else (type(answer), answer) for answer in given]
    place[_ABSENT] = UNASKED
    try:
        return [place[answer] for answer in given]
    except KeyError:
        for row in rows:
            if question.name in row:
                question.check(row[question.name])
        raise


def _check_complete(space: SearchSpace, rows: Sequence[Mapping[str, Answer]], table: NDArray[np.int64]) -> None:
    counts = (table != UNASKED).sum(axis=1)
    for row, count in zip(rows, counts, strict=True):
        if len(row) != count:
            known = {question.name for question in space.questions()}
            strange = next(name for name in row if name not in known)
            raise InvalidInput(
                f"Question {strange!r} has no column: {space.name} asks it only after several particular answers at "
                "once, and space.questions() lists only what follows from one. Use the encoding 'wl' or 'path'."
            )
