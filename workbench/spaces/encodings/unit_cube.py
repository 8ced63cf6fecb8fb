"""Unit-cube encoding: each question one number between 0 and 1, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.choices import Answer
from workbench.spaces.encodings.answers import UNASKED, answer_numbers

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_MIDDLE = 0.5  # the coordinate of a question that is not asked: it says nothing


def unit_cube(space: SearchSpace, archs: Sequence[Architecture]) -> NDArray[np.float32]:
    """Each question's answer as the middle of its bin, k answers sharing [0, 1] equally: float32 (n, questions).

    The encoding of DE-NAS (Awad, Mallik & Hutter, 2020, section 3); questions that are not asked stand at 0.5.
    """
    numbers = answer_numbers(space, archs)
    counts = np.array([len(question.answers) for question in space.questions()])
    return np.where(numbers == UNASKED, _MIDDLE, (numbers + 0.5) / counts).astype(np.float32)


def from_unit_cube(space: SearchSpace, x: ArrayLike) -> Architecture:
    """The architecture at a point of the unit cube, one coordinate for each of `space.questions()`.

    Every point of the cube is answers; coordinates of questions that these do not ask are passed over. Raises
    `InvalidInput` for a point outside the cube and `Infeasible` where the answers make no architecture.
    """
    questions = space.questions()
    point = np.asarray(x, dtype=np.float64)
    if point.shape != (len(questions),):
        raise InvalidInput(f"A point of {space.name} has {len(questions)} coordinates; got shape {point.shape}.")
    if not ((point >= 0) & (point <= 1)).all():
        raise InvalidInput(f"Coordinates lie between 0 and 1; got {point.tolist()}.")
    return space.answered_by(_Point({q.name: float(c) for q, c in zip(questions, point, strict=True)}))


class _Point:
    """Choices that read each answer from a coordinate."""

    def __init__(self, coordinates: dict[str, float]) -> None:
        self._coordinates = coordinates

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """The answer whose bin the coordinate lies in."""
        coordinate = self._coordinates.get(name, _MIDDLE)
        return choices[min(int(coordinate * len(choices)), len(choices) - 1)]
