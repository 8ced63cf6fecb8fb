"""npn: BOSHNAS's surrogate, which tells noise of the labels from not knowing (Tuli et al., JAIR 2023)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from workbench.predictors.inputs import Encoded
from workbench.predictors.normal_scores import Numbers
from workbench.predictors.regressor import Predictor, catalogue

_LEAST = 1e-6  # of a variance, and of a column's spread, that is divided by
_DECAY = 1e-2


@catalogue.entering("npn")
class NPN(Predictor):
    """Three networks: one of mean and noise, one whose dropout shows what it does not know, one that predicts that.

    The first is a natural-parameter network, which passes means and variances on: its output's variance is that of the
    labels. The second, the teacher, is drawn `draws` times with dropout; the third, the student, learns the deviation
    of these draws, so that it can be asked, and differentiated, in one pass. `epochs` of AdamW each, on everything at a
    time; `seed` decides what is drawn.
    """

    encoder = Encoded
    paper = "Tuli et al., FlexiBERT: Are Current Transformer Architectures too Homogeneous and Rigid?, JAIR 2023"
    unsure = "noise of the labels, and spread over dropout as the student predicts it"

    def __init__(
        self, seed: int = 0, epochs: int = 100, rate: float = 2e-2, dropout: float = 0.3, draws: int = 20
    ) -> None:
        self.seed = seed
        self.epochs = epochs
        self.rate = rate
        self.dropout = dropout
        self.draws = draws

    def bound(self, x: torch.Tensor, explore: float = 0.5, aleatoric: bool = False) -> torch.Tensor:
        """The upper confidence bound of rows (n, columns), in normal scores of the labels: (n,), differentiable twice.

        It is mean + `explore` x what is not known, to which `aleatoric` adds the deviation of the noise.
        """
        x = self._scaled(x)
        mean, variance = self.npn_(x)
        unknown = self._student(x)
        found: torch.Tensor = mean + explore * (unknown + variance.sqrt() if aleatoric else unknown)
        return found

    def _learn(self, x: Numbers, scores: Numbers) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        rows, goal = torch.tensor(x, dtype=torch.float32), torch.tensor(scores, dtype=torch.float32)
        spread = rows.std(dim=0, unbiased=False)
        self.shift_, self.scale_ = rows.mean(dim=0), torch.where(spread < _LEAST, 1.0, spread)
        rows = self._scaled(rows)
        self.npn_ = _Gaussian((rows.shape[1], 32, 32, 1), generator)
        self.teacher_ = _Perceptron((rows.shape[1], 64, 32, 1), generator)
        self.student_ = _Perceptron((rows.shape[1], 64, 32, 1), generator)
        self._train([self.npn_, self.teacher_], lambda: self._misfit(rows, goal, generator))
        # Beside the labelled rows others with the same columns, mixed up: the student is asked where there is no label.
        mixed = [rows[torch.randperm(len(rows), generator=generator), [i]] for i in range(rows.shape[1])]
        rows = torch.cat([rows, torch.stack(mixed, dim=1)])
        with torch.no_grad():
            drawn = torch.stack([self.teacher_(rows, self.dropout, generator) for _ in range(self.draws)])
        unknown = drawn.std(dim=0)
        self._train([self.student_], lambda: functional.mse_loss(self._student(rows), unknown))

    def _misfit(self, rows: torch.Tensor, goal: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The negative log likelihood of the first network, and the squared error of the teacher."""
        mean, variance = self.npn_(rows)
        error = functional.mse_loss(self.teacher_(rows, self.dropout, generator), goal)
        loss: torch.Tensor = ((goal - mean) ** 2 / variance + variance.log()).mean() / 2 + error
        return loss

    def _student(self, x: torch.Tensor) -> torch.Tensor:
        unknown: torch.Tensor = functional.softplus(self.student_(x))
        return unknown

    def _train(self, models: Sequence[nn.Module], loss: Callable[[], torch.Tensor]) -> None:
        parameters = [parameter for model in models for parameter in model.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=self.rate, weight_decay=_DECAY, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(self.epochs, 1))
        for _ in range(self.epochs):
            optimiser.zero_grad()
            loss().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()

    @torch.no_grad()
    def _predicted(self, x: Numbers) -> tuple[Numbers, Numbers]:
        rows = self._scaled(torch.tensor(x, dtype=torch.float32))
        mean, variance = self.npn_(rows)
        std = (variance + self._student(rows) ** 2).sqrt()
        return mean.double().numpy(), std.double().numpy()

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = (x - self.shift_) / self.scale_
        return scaled


class _Gaussian(nn.Module):
    """A network of independent normal weights and units: rows -> mean and variance of the output, (n,) each.

    Linear layers pass on the exact moments (Wang, Shi & Yeung, Natural-Parameter Networks, NIPS 2016, eqs. 1 and 2),
    and rectified units those of a rectified normal variable.
    """

    def __init__(self, widths: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.means = nn.ParameterList([_drawn(shape, generator) for shape in pairs])
        self.spreads = nn.ParameterList([torch.full(shape, -4.0) for shape in pairs])  # softplus: 0.018
        self.biases = nn.ParameterList([torch.zeros(width) for width in widths[1:]])
        self.noise = nn.Parameter(torch.tensor(-1.0))  # of the labels, everywhere

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, variance = x, torch.zeros_like(x)
        for i, (weights, spreads, bias) in enumerate(zip(self.means, self.spreads, self.biases, strict=True)):
            if i:
                mean, variance = _rectified(mean, variance)
            squares = functional.softplus(spreads) ** 2
            variance = variance @ (weights**2 + squares) + mean**2 @ squares
            mean = mean @ weights + bias
        return mean[:, 0], variance[:, 0] + functional.softplus(self.noise) ** 2 + _LEAST


class _Perceptron(nn.Module):
    """Rows -> one number each, (n,), by smooth units of which dropout leaves out a share."""

    def __init__(self, widths: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.weights = nn.ParameterList([_drawn(shape, generator) for shape in pairs])
        self.biases = nn.ParameterList([torch.zeros(width) for width in widths[1:]])

    def forward(self, x: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None) -> torch.Tensor:
        for i, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i:
                x = functional.softplus(x)
                if dropout:
                    x = x * (torch.rand(x.shape, generator=generator) >= dropout) / (1 - dropout)
            x = x @ weights + bias
        return x[:, 0]


def _rectified(mean: torch.Tensor, variance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of max(0, X) of a normal X."""
    std = (variance + _LEAST).sqrt()
    z = mean / std
    below = torch.special.ndtr(z)
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    first = mean * below + std * density
    second = (mean**2 + std**2) * below + mean * std * density
    return first, (second - first**2).clamp(min=0.0)


def _drawn(shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=generator) / math.sqrt(shape[0])
