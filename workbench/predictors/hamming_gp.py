"""hamming_gp: a Gaussian process in which each answer that differs makes two architectures less alike."""

from __future__ import annotations

import numpy as np

from workbench.predictors.exact import NOISES, Posterior, likeliest, posterior, squared_distances
from workbench.predictors.inputs import Encoded
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

_DECAYS = tuple(float(decay) for decay in np.geomspace(0.03, 3.0, 9))


@catalogue.entering("hamming_gp")
class HammingGP(Predictor):
    """A Gaussian process with the kernel exp(-a h), h the number of answers that differ, on a one-hot encoding.

    h is half the squared distance of two rows. Columns that hold anything but 0 and 1, such as proxies beside the
    encoding, have a factor exp(-b d) of their own, d their squared distance by column. The decays a and b and the noise
    are those of a small grid that make the labels likeliest (Rasmussen & Williams, 2006, eq. 5.8). Nothing is drawn.
    """

    encoder = Encoded
    paper = (
        "Kandasamy et al., Neural Architecture Search with Bayesian Optimisation, NeurIPS 2018 (on Hamming distance)"
    )
    unsure = "posterior, without the noise of the labels"

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        self.zero_one_ = np.isin(x, (0.0, 1.0)).all(axis=0)
        self.rows_ = x
        parts = self._apart(x, x)
        grids = [_DECAYS if part.any() else (0.0,) for part in parts]

        def fitted(a: float, b: float, noise: float) -> Posterior:
            return posterior(_kernels(parts, a, b), scores, noise)

        a, b, self.noise_ = likeliest(fitted, [*grids, NOISES])
        self.decays_ = a, b
        self.posterior_ = fitted(a, b, self.noise_)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        return self.posterior_(_kernels(self._apart(x, self.rows_), *self.decays_), np.ones(len(x)))

    def _apart(self, a: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
        """Answers that differ, and the mean squared distance of the other columns: each (len(a), len(b))."""
        binary, other = self.zero_one_, ~self.zero_one_
        differing = squared_distances(a[:, binary], b[:, binary]) / 2
        return differing, squared_distances(a[:, other], b[:, other]) / max(int(other.sum()), 1)


def _kernels(parts: tuple[Numbers, Numbers], a: float, b: float) -> Numbers:
    found: Numbers = np.exp(-a * parts[0] - b * parts[1])
    return found
