"""Guidance: a predictor that can be read at every noise level, and the gradient towards what it holds to be good."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_solve

from workbench.predictors.exact import NOISES, Posterior, likeliest, posterior
from workbench.predictors.normal_scores import NormalScores, Numbers

_ALIKE = tuple(float(r) for r in np.exp(-np.geomspace(0.03, 3.0, 9)))  # of points that differ in one answer


class Guide:
    """A Gaussian process of normal scores over one-hot points (m, questions, width), read through noise.

    The kernel is r^h for points that differ in h answers, as in the predictor "hamming_gp". At a noisy tensor x only
    the probabilities w = p(x0 | x) of its answers are known, and the kernel to a known point is its expectation over
    them: the product over questions of r + (1 - r) w(the point's answer). With it the process gives the best linear
    prediction at every noise level and how unsure it is (uncertain inputs: Girard et al., NeurIPS 2002), so that
    nothing has to be trained on noisy tensors; without noise it is the process itself. r and the noise of the labels
    make these likeliest. Of equal `values` nothing is learned, and the gradient is 0.
    """

    def __init__(self, points: NDArray[np.float32], values: Numbers, mask: NDArray[np.bool_]) -> None:
        scores = NormalScores(values)(np.asarray(values, dtype=float))
        flat = points.reshape(len(points), -1).astype(float)
        differing = points.shape[1] - flat @ flat.T
        self.best = float(scores.max(initial=0.0))
        self.alike, fitted = 1.0, None
        if len(scores) and np.ptp(scores) > 0:
            self.alike, noise = likeliest(lambda r, noise: _fitted(differing, scores, r, noise), [_ALIKE, NOISES])
            fitted = _fitted(differing, scores, self.alike, noise)
        none = np.zeros((len(points), len(points)))
        inverse = cho_solve((fitted.factor, True), np.eye(len(points))) if fitted else none
        self._inverse = torch.from_numpy(inverse).float()
        self._weights = torch.from_numpy(fitted.weights if fitted else none.sum(axis=0)).float()
        self._scale = fitted.scale if fitted else 1.0
        self._codes = torch.from_numpy(points.argmax(axis=2))
        self._mask = torch.from_numpy(mask)

    def predicted(self, x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance (n,), in normal scores, of what noisy tensors (n, questions, width) may have been."""
        w = (x / sigma**2).masked_fill(~self._mask, -torch.inf).softmax(dim=2)
        same = w[:, torch.arange(w.shape[1]), self._codes]  # (n, m, questions)
        k = (self.alike + (1 - self.alike) * same).log().sum(dim=2).exp()
        variance = 1 - ((k @ self._inverse) * k).sum(dim=1)
        return k @ self._weights, self._scale * variance.clamp_min(1e-4)

    def gradient(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        """The gradient of log p(value > the best known | x), (n, questions, width)."""
        with torch.enable_grad():
            at = x.detach().requires_grad_()
            mean, variance = self.predicted(at, sigma)
            log_p = torch.special.log_ndtr((mean - self.best) / variance.sqrt())
            (found,) = torch.autograd.grad(log_p.sum(), at)
        return found


def _fitted(differing: Numbers, scores: Numbers, alike: float, noise: float) -> Posterior:
    return posterior(alike**differing, scores, noise)
