"""mlp_ensemble: several small networks that start differently, trained side by side (White et al., AAAI 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import numpy as np

from workbench.predictors.inputs import Encoded
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

_FIRST, _SECOND, _LEAST = 0.9, 0.999, 1e-8  # Adam's decays of its two moments, and what keeps it from dividing by 0


@catalogue.entering("mlp_ensemble")
class MLPEnsemble(Predictor):
    """BANANAS' ensemble: the mean of `members` networks of `depth` hidden layers of `width` units on an encoding.

    Each is trained with Adam (Kingma & Ba, ICLR 2015) on the mean absolute error, in `epochs` passes over shuffled rows
    in batches of `batch`. First weights and shuffles are drawn from `seed`, for every member its own.
    """

    encoder = Encoded
    paper = "White, Neiswanger & Savani, BANANAS: Bayesian Optimization with Neural Architectures for NAS, AAAI 2021"
    unsure = "spread of the members"

    def __init__(
        self,
        seed: int = 0,
        members: int = 5,
        width: int = 20,
        depth: int = 2,
        epochs: int = 100,
        rate: float = 0.01,
        batch: int = 32,
    ) -> None:
        self.seed = seed
        self.members = members
        self.width = width
        self.depth = depth
        self.epochs = epochs
        self.rate = rate
        self.batch = batch

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        rng = np.random.default_rng(self.seed)
        self.used_ = x.any(axis=0)  # a column of zeros teaches its weights nothing
        x = x[:, self.used_]
        self.widths_ = (x.shape[1], *[self.width] * self.depth, 1)
        self.weights_ = _first(self.widths_, self.members, rng)
        adam = _Adam(self.weights_, self.rate)
        for _ in range(self.epochs):
            order = np.argsort(rng.random((self.members, len(x))), axis=1)
            for start in range(0, len(x), self.batch):
                rows = order[:, start : start + self.batch]
                adam.step(_slope(self._layers(self.weights_), x[rows], scores[rows]))

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        *_, found = _outputs(self._layers(self.weights_), x[None, :, self.used_])
        return found[:, :, 0].mean(axis=0), found[:, :, 0].std(axis=0)

    def _layers(self, weights: Numbers) -> list[Numbers]:
        """The layers of all members, (members, inputs and 1 for the bias, outputs), as views of one vector."""
        shapes = [(self.members, a + 1, b) for a, b in pairwise(self.widths_)]
        parts = np.split(weights, np.cumsum([prod(shape) for shape in shapes])[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _first(widths: Sequence[int], members: int, rng: np.random.Generator) -> Numbers:
    """Weights to start from, drawn as for rectifiers (He et al., ICCV 2015), in one vector; biases are 0."""
    drawn = [rng.standard_normal((members, a + 1, b)) * np.sqrt(2 / max(a, 1)) for a, b in pairwise(widths)]
    for layer in drawn:
        layer[:, -1] = 0.0
    return np.concatenate([layer.ravel() for layer in drawn])


def _outputs(layers: Sequence[Numbers], x: Numbers) -> list[Numbers]:
    """What goes into each layer and comes out of the last, each (members, rows, units)."""
    found = [x]
    for number, layer in enumerate(layers):
        out = found[-1] @ layer[:, :-1] + layer[:, -1:]
        found.append(np.maximum(out, 0.0) if number < len(layers) - 1 else out)
    return found


def _slope(layers: Sequence[Numbers], x: Numbers, goal: Numbers) -> Numbers:
    """The gradient of the sum over members of the mean absolute error on rows (members, rows, columns), one vector."""
    *inputs, out = _outputs(layers, x)
    back = np.sign(out - goal[:, :, None]) / goal.shape[1]
    parts: list[Numbers] = []
    for layer, given in zip(reversed(layers), reversed(inputs), strict=True):
        slope = np.empty_like(layer)
        np.matmul(given.transpose(0, 2, 1), back, out=slope[:, :-1])
        slope[:, -1] = back.sum(axis=1)
        parts.insert(0, slope.ravel())
        back = (back @ layer[:, :-1].transpose(0, 2, 1)) * (given > 0)
    return np.concatenate(parts)


class _Adam:
    """Moves `weights`, in place, against gradients scaled by their running moments (Kingma & Ba, ICLR 2015)."""

    def __init__(self, weights: Numbers, rate: float) -> None:
        self._weights = weights
        self._rate = rate
        self._mean, self._square = np.zeros_like(weights), np.zeros_like(weights)
        self._steps = 0

    def step(self, slope: Numbers) -> None:
        """One step against the gradient."""
        self._steps += 1
        self._mean += (1 - _FIRST) * (slope - self._mean)
        self._square += (1 - _SECOND) * (slope**2 - self._square)
        rate = self._rate * np.sqrt(1 - _SECOND**self._steps) / (1 - _FIRST**self._steps)
        self._weights -= rate * self._mean / (np.sqrt(self._square) + _LEAST)
