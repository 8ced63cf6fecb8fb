"""ridge_or_svr: whichever of two regressors predicts labels set aside better (Cummings et al., DyNAS-T, 2022)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.svm import SVR

from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue


class _SVR(SVR):  # type: ignore[misc]  # scikit-learn ships no annotations
    """Draws nothing from numpy's global generator, with which libsvm seeds itself though it needs no chance here."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self.random_state = 0
        return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


_GRIDS = (
    (Ridge(), {"alpha": [0.01, 0.1, 1.0, 10.0, 100.0]}),
    (_SVR(kernel="rbf", gamma="scale", epsilon=0.0), {"C": [0.1, 1.0, 10.0, 100.0]}),
)


@catalogue.entering("ridge_or_svr")
class RidgeOrSVR(Predictor):
    """Ridge regression or a support vector machine with a Gaussian kernel, the better one in cross-validation.

    So are the penalty of the one and C of the other (its epsilon is 0), by mean squared error over `folds` folds, the
    same ones every time. These two are what LINAS predicts objectives with.
    """

    paper = "Cummings et al., A Hardware-Aware Framework for Accelerating Neural Architecture Search, 2022"
    unsure = "errors on labels set aside, the same for every row"

    def __init__(self, folds: int = 5) -> None:
        self.folds = folds

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        folds = KFold(min(self.folds, len(x)), shuffle=True, random_state=0)
        error = "neg_mean_squared_error"
        tried = [GridSearchCV(model, grid, cv=folds, scoring=error).fit(x, scores) for model, grid in _GRIDS]
        self.model_ = max(tried, key=lambda search: search.best_score_).best_estimator_
        apart = cross_val_predict(self.model_, x, scores, cv=folds)
        self.spread_ = float(np.sqrt(np.mean((apart - scores) ** 2)))

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        return self.model_.predict(x), np.full(len(x), self.spread_)
