"""Encodings: architectures of one space as vectors, for predictors and maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.architecture import Architecture
from workbench.catalogue import Catalogue
from workbench.spaces.choices import Answer

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

Encoding = Callable[["SearchSpace", Sequence[Architecture]], np.ndarray]

encodings: Catalogue[Encoding] = Catalogue("encoding")


@encodings.entering("one_hot")
def one_hot(space: SearchSpace, archs: Sequence[Architecture]) -> np.ndarray:
    """One column per question and answer, in the space's order: float32 (n, d); unasked questions are all 0."""
    column: dict[tuple[str, Answer], int] = {}
    for question in space.questions():
        for answer in question.answers:
            column[question.name, answer] = len(column)
    codes = np.zeros((len(archs), len(column)), dtype=np.float32)
    for row, arch in enumerate(archs):
        codes[row, [column[decision] for decision in arch.decisions.items()]] = 1.0
    return codes
