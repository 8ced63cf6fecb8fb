"""blend: the mean of what several predictors say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

MEMBERS = ("ridge", "gaussian_process", "boosting", "extra_trees")


@catalogue.entering("blend")
class Blend(Predictor):
    """The mean of the predictions of `members`, named predictors of columns, as normal scores of the labels.

    With few labels no one of them is best in every space, and their errors differ. The variance is that of the
    mixture: the mean of the members' variances, and the variance of their means.
    """

    paper = "Breiman, Stacked Regressions, Machine Learning 1996, with equal weights"
    unsure = "mixture of the members"

    def __init__(self, seed: int = 0, members: Sequence[str] = MEMBERS) -> None:
        self.seed = seed
        self.members = members

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        self.models_ = []
        for name in self.members:
            kind = catalogue.find(name)
            model = kind(seed=self.seed) if "seed" in kind.settings() else kind()
            model._learn(x, scores)
            self.models_.append(model)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        means, stds = (np.array(part) for part in zip(*(model._predicted(x) for model in self.models_), strict=True))
        return means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))
