"""wl_gp: a Gaussian process in which architectures are alike that share motifs (Ru et al., ICLR 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from workbench.predictors.exact import Posterior, likeliest, posterior
from workbench.predictors.inputs import Encoded, side_by_side
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

_NOISES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # NAS-BOWL bounds the noise by 0.01
_LEAST = 1e-12  # of a length that is divided by


@catalogue.entering("wl_gp")
class WLGP(Predictor):
    """NAS-BOWL's Gaussian process: the kernel is the cosine of two architectures' counts of motifs.

    A row holds counts up to depth 0, 1, ... side by side, as many columns each: `blocks` of them, which
    `np.hstack([space.encode(archs, "wl", h=h) for h in range(blocks)])` gives. The depth, the number of
    iterations h of the Weisfeiler-Lehman kernel (Shervashidze et al., JMLR 2011), and the noise are those that make the
    labels likeliest; `depth_` says which it was. Nothing is drawn.
    """

    encoder = Encoded
    paper = (
        "Ru, Wan, Dong & Osborne, Interpretable NAS via Bayesian Optimisation with Weisfeiler-Lehman Kernels, ICLR 2021"
    )
    unsure = "posterior, without the noise of the labels"

    def __init__(self, blocks: int = 3) -> None:
        self.blocks = blocks

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        kernels = [_cosines(block, block) for block in side_by_side(x, self.blocks)]

        def fitted(depth: int, noise: float) -> Posterior:
            return posterior(kernels[depth], scores, noise)

        self.depth_, self.noise_ = likeliest(fitted, [range(self.blocks), _NOISES])
        self.posterior_ = fitted(self.depth_, self.noise_)
        self.rows_ = side_by_side(x, self.blocks)[self.depth_]

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        across = _cosines(side_by_side(x, self.blocks)[self.depth_], self.rows_)
        return self.posterior_(across, np.ones(len(x)))

    def slopes(self, X: Any) -> Numbers:
        """How much each row's predicted normal score rises with one more of each motif: (rows, columns of a block).

        The gradient of the posterior mean with respect to the counts, from which NAS-BOWL tells which motifs matter
        (Ru et al., 2021, section 3.2). The columns are those of the chosen depth's block.
        """
        check_is_fitted(self, "posterior_")
        x = side_by_side(self.encoder_(X), self.blocks)[self.depth_]
        lengths = _lengths(x)[:, None]
        pull = (self.posterior_.weights / _lengths(self.rows_)) @ self.rows_
        found: Numbers = pull / lengths - (x @ pull)[:, None] * x / lengths**3
        return found


def _cosines(a: Numbers, b: Numbers) -> Numbers:
    """Dot products of rows of length 1, (len(a), len(b))."""
    used = b.any(axis=0)
    found: Numbers = (a[:, used] @ b[:, used].T) / (_lengths(a)[:, None] * _lengths(b))
    return found


def _lengths(x: Numbers) -> Numbers:
    found: Numbers = np.maximum(np.sqrt((x**2).sum(axis=1)), _LEAST)
    return found
