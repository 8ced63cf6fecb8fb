"""two_headed: a network that learns what is free to know of an architecture before it learns accuracies (FBNetV3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench.errors import InvalidInput
from workbench.predictors.inputs import Encoded
from workbench.predictors.normal_scores import NormalScores, Numbers
from workbench.predictors.regressor import Predictor, catalogue

_LEAST = 1e-6  # of a column's spread that is divided by
_FREE_RATE = 1e-2  # of the step: there are as many free rows as one likes


@catalogue.entering("two_headed")
class TwoHeaded(Predictor):
    """Small networks of one body and two heads: one for free statistics, learned first, and one for the labels.

    `pretrain(X, statistics)` teaches the body and its head what is known of many architectures at no cost, such as
    parameters. `fit` leaves both as they are, and teaches a second head of `hidden` units, which reads the encoding and
    the statistics that the first predicts; without `pretrain` it reads the encoding alone. (Where it reads the body's
    hidden units, and all is trained on, as in the paper, fewer than 100 labels undo what was learned before.) Both
    steps minimise the Huber loss on normal scores with AdamW. Predictions are the mean over `members` networks, whose
    first weights are drawn from `seed`.
    """

    encoder = Encoded
    paper = "Dai et al., FBNetV3: Joint Architecture-Recipe Search using Predictor Pretraining, CVPR 2021"
    unsure = "spread of the members"

    def __init__(
        self,
        seed: int = 0,
        members: int = 5,
        hidden: int = 32,
        epochs: int = 150,
        rate: float = 1e-2,
        decay: float = 0.3,
    ) -> None:
        self.seed = seed
        self.members = members
        self.hidden = hidden
        self.epochs = epochs
        self.rate = rate
        self.decay = decay

    def pretrain(self, X: Any, statistics: Any) -> Self:
        """Learn `statistics` (rows, k), finite numbers, of the rows of an encoding; at least five rows.

        Each column counts by the normal scores of its values; one that is the same everywhere says nothing. Raises
        `InvalidInput` for anything else.
        """
        goal = np.asarray(statistics, dtype=float)
        x = Encoded(X, np.arange(len(X)))(X)
        if goal.ndim != 2 or len(goal) != len(x) or 0 in goal.shape or not np.isfinite(goal).all():
            raise InvalidInput(
                f"Statistics are finite numbers, one row for each of the {len(x)} rows and one column for each "
                f"statistic; got shape {goal.shape}{'' if np.isfinite(goal).all() else ' with NaN or infinite ones'}."
            )
        scores = np.column_stack([NormalScores(column)(column) for column in goal.T])
        generator = torch.Generator().manual_seed(self.seed)
        widths = (x.shape[1], self.hidden, self.hidden, scores.shape[1])
        rows = torch.tensor(x, dtype=torch.float32).expand(self.members, -1, -1)
        self.statistics_ = _Perceptron(rows, widths, self.members, generator)
        _train(self.statistics_, rows, scores, self.epochs, _FREE_RATE, 0.0)
        return self

    def statistics(self, X: Any) -> Numbers:
        """What the first head says of rows of the encoding, (rows, k): normal scores of the statistics.

        Raises `InvalidInput` before `pretrain`, and for another encoding.
        """
        if not hasattr(self, "statistics_"):
            raise InvalidInput("This predictor knows of no statistics: pretrain(X, statistics) teaches it some.")
        x = np.asarray(X, dtype=float)
        found: Numbers = self._read(x)[:, :, x.shape[1] :].mean(dim=0).double().numpy()
        return found

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        read = self._read(x)
        generator = torch.Generator().manual_seed(self.seed + 1)
        self.labels_ = _Perceptron(read, (read.shape[2], self.hidden, 1), self.members, generator)
        _train(self.labels_, read, scores[:, None], self.epochs, self.rate, self.decay)

    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        with torch.no_grad():
            found = self.labels_(self._read(x))[:, :, 0].double().numpy()
        return found.mean(axis=0), found.std(axis=0)

    @torch.no_grad()
    def _read(self, x: Numbers) -> torch.Tensor:
        """What each member's second head reads, (members, rows, columns)."""
        rows = torch.tensor(x, dtype=torch.float32).expand(self.members, -1, -1)
        if not hasattr(self, "statistics_"):
            return rows
        if self.statistics_.width != x.shape[1]:
            raise InvalidInput(f"The predictor was pretrained on {self.statistics_.width} columns; got {x.shape[1]}.")
        return torch.cat([rows, self.statistics_(rows)], dim=2)


class _Perceptron(nn.Module):
    """A network for each member, over standardised columns: (members, rows, columns) -> (members, rows, k)."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, rows: torch.Tensor, widths: Sequence[int], members: int, generator: torch.Generator) -> None:
        super().__init__()
        self.width = widths[0]
        spread = rows.std(dim=-2, keepdim=True, unbiased=False)
        self.register_buffer("shift", rows.mean(dim=-2, keepdim=True))
        self.register_buffer("scale", torch.where(spread < _LEAST, 1.0, spread))
        shapes = [(members, *pair) for pair in pairwise(widths)]
        self.weights = nn.ParameterList([_drawn(shape, generator) for shape in shapes])
        self.biases = nn.ParameterList([torch.zeros(members, 1, shape[2]) for shape in shapes])

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        x = (rows - self.shift) / self.scale
        for i, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, functional.gelu(x) if i else x, weights)
        return x


def _train(model: _Perceptron, rows: torch.Tensor, goal: Numbers, epochs: int, rate: float, decay: float) -> None:
    """Minimise the Huber loss over all rows at a time, every member by itself."""
    wanted = torch.tensor(goal, dtype=torch.float32).expand(len(rows), -1, -1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(epochs, 1))
    for _ in range(epochs):
        optimiser.zero_grad()
        # Summed over members: what one learns does not depend on how many there are.
        loss = len(rows) * functional.huber_loss(model(rows), wanted)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def _drawn(shape: tuple[int, int, int], generator: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=generator) / math.sqrt(shape[1])
