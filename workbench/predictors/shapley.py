"""What trees say of each answer: its mean Shapley value, and which answers are the worst (Luo et al., 2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.predictors.gbdt import GBDT
from workbench.predictors.normal_scores import Numbers


def answer_values(model: GBDT, ones: NDArray[np.float32]) -> Numbers:
    """The mean Shapley value of each column of `ones`, one-hot rows, over the rows that have it: (columns,).

    It is how much an answer moves the predictions of the architectures that gave it, in normal scores of the labels
    (GBDT-NAS-3S, section 3.3); NaN for an answer that none gave.
    """
    contributions = model.contributions(ones)
    given = ones > 0
    with np.errstate(invalid="ignore"):
        means: Numbers = np.where(given, contributions, 0.0).sum(axis=0) / given.sum(axis=0)
    return means


def worst_answers(values: Numbers, questions: ArrayLike, remove: int) -> list[int]:
    """The columns with the lowest mean Shapley value, worst first: `remove` of them, or fewer.

    Only what lowers predictions is among them, and of every question at least one answer is left; `questions` says
    which question each column is an answer to.
    """
    owner = np.asarray(questions)
    worst: list[int] = []
    for column in np.argsort(values, kind="stable"):  # NaN comes last
        if len(worst) == remove or not values[column] < 0:
            break
        if (owner == owner[column]).sum() - sum(owner[w] == owner[column] for w in worst) > 1:
            worst.append(int(column))
    return worst
