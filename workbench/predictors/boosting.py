"""boosting: small trees, each correcting those before it (Friedman, 2001)."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue


@catalogue.entering("boosting")
class Boosting(Predictor):
    """Stochastic gradient boosting of `trees` small trees, each seeing part of the rows and columns; mean of `members`.

    The members differ by what is drawn for them from `seed`. It stands in for GBDT-NAS (Luo et al., 2020), which
    boosts trees over encodings.
    """

    paper = "Friedman, Greedy Function Approximation: a Gradient Boosting Machine, Annals of Statistics 2001"
    unsure = "spread of the members"

    def __init__(self, seed: int = 0, trees: int = 200, rate: float = 0.05, depth: int = 3, members: int = 5) -> None:
        self.seed = seed
        self.trees = trees
        self.rate = rate
        self.depth = depth
        self.members = members

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        drawn = np.random.SeedSequence(self.seed).generate_state(self.members)
        self.models_ = [
            GradientBoostingRegressor(
                n_estimators=self.trees,
                learning_rate=self.rate,
                max_depth=self.depth,
                subsample=0.6,
                max_features=0.5,
                random_state=int(state),
            ).fit(x, scores)
            for state in drawn
        ]

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        predictions = np.array([model.predict(x) for model in self.models_])
        return predictions.mean(axis=0), predictions.std(axis=0)
