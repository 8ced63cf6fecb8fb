"""ridge: one weight for each column, held small as far as the labels say (MacKay, 1992)."""

from __future__ import annotations

from sklearn.linear_model import BayesianRidge

from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue


@catalogue.entering("ridge")
class Ridge(Predictor):
    """A weighted sum of the columns' normal scores, the ridge penalty being the one that makes the labels likeliest.

    Nothing is drawn; the penalty needs no labels set aside.
    """

    paper = "MacKay, Bayesian Interpolation, Neural Computation 1992"
    unsure = "posterior of the weights, and the noise of the labels"

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        self.model_ = BayesianRidge().fit(x, scores)
        self.coef_: Numbers = self.model_.coef_

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        mean, std = self.model_.predict(x, return_std=True)
        return mean, std
