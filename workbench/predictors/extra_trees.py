"""extra_trees: the mean of many trees that split at random (Geurts, Ernst & Wehenkel, 2006)."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue


@catalogue.entering("extra_trees")
class ExtraTrees(Predictor):
    """The mean of `trees` trees whose thresholds are drawn from `seed`; half of the columns compete for each split."""

    paper = "Geurts, Ernst & Wehenkel, Extremely Randomized Trees, Machine Learning 2006"
    unsure = "spread of the trees"

    def __init__(self, seed: int = 0, trees: int = 300, leaf: int = 2) -> None:
        self.seed = seed
        self.trees = trees
        self.leaf = leaf

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        self.model_ = ExtraTreesRegressor(
            self.trees, min_samples_leaf=self.leaf, max_features=0.5, random_state=self.seed
        ).fit(x, scores)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        predictions = np.array([tree.predict(x) for tree in self.model_.estimators_])
        return predictions.mean(axis=0), predictions.std(axis=0)
