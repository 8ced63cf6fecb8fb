"""gp_nas: a Bayesian linear trend, and a Gaussian process for what it leaves (Li et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from workbench.errors import InvalidInput
from workbench.predictors.exact import squared_distances
from workbench.predictors.inputs import Encoded, side_by_side
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

# Name -> kernel of squared distances; the lengths are those of the authors' code.
KERNELS: dict[str, Callable[[Numbers], Numbers]] = {
    "gaussian": lambda squared: np.exp(-squared / 16),
    "exponential": lambda squared: np.exp(-np.sqrt(squared) / 12),
}
_LEAST = 1e-6  # of the variance that the first trend leaves
_PAPER = "Li et al., GP-NAS: Gaussian Process based Neural Architecture Search, CVPR 2020"


@catalogue.entering("gp_nas")
class GPNAS(Predictor):
    """GP-NAS: a weighted sum of the columns of an encoding and 1, and a Gaussian process for what is left over.

    Half of the rows, every second one, give a prior of the weights by ridge regression with the `penalty`,
    w ~ N(w0, C), C = s (Z'Z + penalty I)^-1; the other half makes it the posterior (X'K^-1 X + C^-1)^-1 (X'K^-1 y +
    C^-1 w0); all rows give the process, k(x, X) (K + noise I)^-1 (y - Xw). The `kernel` is "gaussian",
    exp(-|x - x'|^2 / 16), or "exponential", exp(-|x - x'| / 12), times s, the variance that the first weights leave.

    The authors number the answers. Where these have no order, as operations have none, one-hot columns do better.
    """

    encoder = Encoded
    paper = _PAPER
    unsure = "posterior of the weights and of the process, without the noise of the labels"

    def __init__(self, kernel: str = "gaussian", penalty: float = 10.0, noise: float = 0.1) -> None:
        self.kernel = kernel
        self.penalty = penalty
        self.noise = noise

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        if self.kernel not in KERNELS:
            raise InvalidInput(f"The kernel is one of {', '.join(map(repr, KERNELS))}; got {self.kernel!r}.")
        self.rows_ = x
        z = _with_one(x)
        self.span_ = np.linalg.qr(z.T)[0]  # what the rows say of weights lies in their span
        z = z @ self.span_
        first, second = slice(0, None, 2), slice(1, None, 2)
        penalised = z[first].T @ z[first] + self.penalty * np.eye(z.shape[1])
        guess = np.linalg.solve(penalised, z[first].T @ scores[first])
        self.left_ = max(float(np.mean((scores[first] - z[first] @ guess) ** 2)), _LEAST)
        kernels = self._kernels(x) + self.left_ * self.noise * np.eye(len(x))
        solved = np.linalg.solve(kernels[second, second], z[second])
        prior = penalised / self.left_
        self.precision_ = cho_factor(z[second].T @ solved + prior)
        self.trend_ = cho_solve(self.precision_, solved.T @ scores[second] + prior @ guess)
        self.factor_ = cho_factor(kernels, lower=True)
        self.residual_ = cho_solve(self.factor_, scores - z @ self.trend_)
        self.solved_ = cho_solve(self.factor_, z)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        z = _with_one(x)
        within, across = z @ self.span_, self._kernels(x)
        beyond = within - across @ self.solved_  # of the trend, what the process does not make up for
        process = self.left_ - (across * cho_solve(self.factor_, across.T).T).sum(axis=1)
        trend = (beyond * cho_solve(self.precision_, beyond.T).T).sum(axis=1)
        unseen = self.left_ / self.penalty * ((z**2).sum(axis=1) - (within**2).sum(axis=1))
        std = np.sqrt(np.maximum(process + trend + unseen, 0.0))
        return within @ self.trend_ + across @ self.residual_, std

    def _kernels(self, x: Numbers) -> Numbers:
        return self.left_ * KERNELS[self.kernel](squared_distances(x, self.rows_))


@catalogue.entering("gp_nas_ensemble")
class GPNASEnsemble(Predictor):
    """The mean of several GP-NAS: each kernel on each of several encodings that stand side by side, equally wide.

    `blocks` says how many encodings there are. The variance is that of the mixture: the mean of the members' variances,
    and the variance of their means.
    """

    encoder = Encoded
    paper = f"{_PAPER}; averaged over transforms and kernels as in the authors' GP-NAS-ensemble, CVPR Workshops 2022"
    unsure = "mixture of the members"

    def __init__(self, blocks: int = 3, penalty: float = 10.0, noise: float = 0.1) -> None:
        self.blocks = blocks
        self.penalty = penalty
        self.noise = noise

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        self.models_ = [
            [GPNAS(kernel, self.penalty, self.noise) for kernel in KERNELS] for _ in side_by_side(x, self.blocks)
        ]
        for block, models in zip(side_by_side(x, self.blocks), self.models_, strict=True):
            for model in models:
                model._learn(block, scores)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        parts = zip(side_by_side(x, self.blocks), self.models_, strict=True)
        told = [model._predicted(block) for block, models in parts for model in models]
        means, stds = (np.array(part) for part in zip(*told, strict=True))
        return means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))


def _with_one(x: Numbers) -> Numbers:
    return np.column_stack([x, np.ones(len(x))])
