"""One-hot encoding: one column per question and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.spaces.encodings.answers import UNASKED, answer_numbers

if TYPE_CHECKING:
    from workbench.spaces.choices import Question
    from workbench.spaces.space import SearchSpace


def one_hot(space: SearchSpace, archs: Sequence[Architecture]) -> NDArray[np.float32]:
    """One column per question and answer, in the space's order: float32 (n, d); unasked questions are all 0."""
    return spread(answer_numbers(space, archs), space.questions())


def spread(numbers: NDArray[np.int64], questions: Sequence[Question]) -> NDArray[np.float32]:
    """Numbers of answers (n, questions) as ones among zeros: float32 (n, sum of the questions' answers)."""
    ends = np.cumsum([0] + [len(question.answers) for question in questions])
    codes = np.zeros((len(numbers), int(ends[-1])), dtype=np.float32)
    rows, columns = np.nonzero(numbers != UNASKED)
    codes[rows, ends[columns] + numbers[rows, columns]] = 1.0
    return codes
