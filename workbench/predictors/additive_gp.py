"""additive_gp: a sum of two Gaussian processes, over the answers of architectures and over proxies beside them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from workbench.predictors.exact import NOISES, Posterior, likeliest, posterior, squared_distances
from workbench.predictors.inputs import Encoded
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

_LENGTHS = (0.3, 0.6, 1.0, 2.0, 4.0)  # of both kernels, in units of the median distance
_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the answers in the sum, the rest being the proxies'


class _Parts(NamedTuple):
    """What two sets of rows have in common, (n, m) each."""

    answers: Numbers  # half the sum of absolute differences
    proxies: Numbers  # mean squared differences
    products: Numbers  # mean products: the kernel of a line through the proxies


@catalogue.entering("additive_gp")
class AdditiveGP(Predictor):
    """A Gaussian process over the answers, and another one with a linear trend over the last `beside` columns, summed.

    The first has the kernel exp(-d / l) of half the L1 distance, which counts the answers that differ in a one-hot
    encoding and measures by how much an ordered answer does in a column from 0 to 2. The second has a squared
    exponential of the other columns, such as proxies, and a line. Lengths, shares and noise are those of a small grid
    that make the labels likeliest (Rasmussen & Williams, 2006, eq. 5.8); sums of kernels as in Duvenaud et al. (2011):
    where the proxies say nothing, their share becomes small. Nothing is drawn.
    """

    encoder = Encoded
    paper = "Duvenaud et al., Additive Gaussian Processes, NeurIPS 2011"
    unsure = "posterior, without the noise of the labels"

    def __init__(self, beside: int = 0) -> None:
        self.beside = beside

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        self.rows_ = x
        parts = self._parts(x, x)
        self.units_ = _median(parts.answers), _median(parts.proxies)
        proxies = self.beside > 0
        grids = [_LENGTHS, _LENGTHS if proxies else (1.0,), _SHARES if proxies else (1.0,), NOISES]

        def fitted(length: float, other: float, share: float, noise: float) -> Posterior:
            return posterior(self._kernel(parts, length, other, share), scores, noise)

        length, other, share, noise = likeliest(fitted, grids)
        self.settings_ = (length, other, share)
        self.posterior_ = fitted(length, other, share, noise)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        across = self._kernel(self._parts(x, self.rows_), *self.settings_)
        share = self.settings_[2]
        line = (x[:, self._split(x) :] ** 2).mean(axis=1) if self.beside else np.zeros(len(x))
        return self.posterior_(across, share + (1 - share) * (1 + line))

    def _split(self, x: Numbers) -> int:
        return int(x.shape[1]) - self.beside

    def _parts(self, a: Numbers, b: Numbers) -> _Parts:
        at = self._split(a)
        answers = cdist(a[:, :at], b[:, :at], "cityblock") / 2
        if not self.beside:
            return _Parts(answers, np.zeros_like(answers), np.zeros_like(answers))
        one, other = a[:, at:], b[:, at:]
        return _Parts(answers, squared_distances(one, other) / self.beside, one @ other.T / self.beside)

    def _kernel(self, parts: _Parts, length: float, other: float, share: float) -> Numbers:
        found: Numbers = share * np.exp(-parts.answers / (length * self.units_[0]))
        if share < 1:
            found = found + (1 - share) * (np.exp(-parts.proxies / (other * self.units_[1])) + parts.products)
        return found


def _median(distances: Numbers) -> float:
    apart = distances[distances > 1e-9]
    return float(np.median(apart)) if len(apart) else 1.0
