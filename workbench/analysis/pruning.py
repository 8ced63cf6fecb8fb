"""Pruning a search space: leaving out the answers that lower the accuracies of those who gave them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import pandas as pd


class Pruning(NamedTuple):
    """A smaller space, and why: the table of answers with their Shapley values that it was made from."""

    space: SearchSpace
    answers: pd.DataFrame


def prune(
    space: SearchSpace,
    archs: Sequence[Architecture],
    values: ArrayLike,
    remove: int = 6,
    seed: int = 0,
    **settings: Any,
) -> Pruning:
    """The space without the `remove` answers that lower accuracy most, by trees that learn `values` (n,) from `archs`.

    An answer counts by its mean Shapley value over the architectures that gave it (GBDT-NAS-3S: Luo et al., Accuracy
    Prediction with Non-neural Model for Neural Architecture Search, 2020, section 3.3). Higher values are better: give
    a loss with a minus. Only answers with a value below 0 go, and every question keeps one. The returned `.space` is a
    `space.restrict(...)`; the rows of `.answers` are (question, answer), with `shap` in normal scores of the values
    (NaN where none gave it), how many `archs` gave it, and whether it was `removed`, worst first. `settings` are those
    of the predictor "gbdt". Prune again, with architectures of the smaller space, to remove more.

    Raises `InvalidInput` for architectures outside the space, and for values that are too few, all equal or NaN.
    """
    import pandas as pd

    from workbench.predictors import predictor
    from workbench.predictors.shapley import answer_values, worst_answers

    if isinstance(remove, bool) or not isinstance(remove, int) or remove < 1:
        raise InvalidInput(f"remove= is how many answers to leave out, 1 or more; got {remove!r}.")
    ones = space.encode(archs, "one_hot")
    model = predictor("gbdt", seed=seed, **settings).fit(ones, values)
    questions = space.questions()
    columns = [(question.name, answer) for question in questions for answer in question.answers]
    shap = answer_values(model, ones)
    worst = worst_answers(shap, [name for name, _ in columns], remove)
    gone = {columns[i] for i in worst}
    kept = {q.name: [a for a in q.answers if (q.name, a) not in gone] for q in questions}
    smaller = space.restrict({name: kept[name] for name in dict.fromkeys(name for name, _ in gone)})
    frame = pd.DataFrame(columns, columns=["question", "answer"])
    frame["shap"], frame["given"] = shap, ones.sum(axis=0).astype(int)
    frame["removed"] = np.isin(np.arange(len(columns)), worst)
    return Pruning(smaller, frame.sort_values("shap", kind="stable", ignore_index=True))
