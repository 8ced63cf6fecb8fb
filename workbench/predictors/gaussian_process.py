"""gaussian_process: architectures with like columns have like accuracies (Rasmussen & Williams, 2006)."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue


@catalogue.entering("gaussian_process")
class GaussianProcess(Predictor):
    """A Gaussian process with one squared-exponential kernel over the columns' normal scores, and noise.

    Scale, length and noise are those that make the labels likeliest (eq. 5.8 of the book). Nothing is drawn.
    """

    paper = "Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006"
    unsure = "posterior, with the noise of the labels"

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        kernel = ConstantKernel() * RBF(np.sqrt(x.shape[1])) + WhiteKernel(0.1)
        self.model_ = GaussianProcessRegressor(kernel)
        with warnings.catch_warnings():
            # A length or a noise at its bound is an answer: a column-blind fit, or one without noise.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model_.fit(x, scores)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        mean, std = self.model_.predict(x, return_std=True)
        return mean, std
