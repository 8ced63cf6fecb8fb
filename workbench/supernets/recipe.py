"""The recipe: how the weights of a supernet are optimised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from workbench.errors import InvalidInput, UnknownName

SCHEDULES = ("cosine", "constant", "exponential", "cosine_power")


@dataclass(frozen=True)
class Recipe:
    """How long, how fast and with what the weights are trained.

    `schedule` of the learning rate over all steps, from `lr` to `min_lr`: "cosine"; "constant"; "exponential", which
    falls to 5 % of `lr` and stays there (Yu et al., BigNAS, ECCV 2020); "cosine_power", cosine power annealing of base
    `power` (Hundt et al., sharpDARTS, 2019), which is "cosine" for a power of 1. `clip` is the largest norm of the
    gradient, 0 for none. `warmup` are the first epochs, in which an architecture is not optimised.
    """

    epochs: int = 10
    batch_size: int = 64
    lr: float = 0.05
    min_lr: float = 0.0
    schedule: Literal["cosine", "constant", "exponential", "cosine_power"] = "cosine"
    power: float = 10.0
    optimiser: Literal["sgd", "adam"] = "sgd"
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    warmup: int = 0

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise UnknownName.of("schedule", self.schedule, SCHEDULES)
        if self.optimiser not in ("sgd", "adam"):
            raise UnknownName.of("optimiser", self.optimiser, ("sgd", "adam"))
        if self.epochs < 1 or self.batch_size < 2 or self.lr <= 0 or not 0 <= self.min_lr <= self.lr:
            raise InvalidInput(
                "A recipe takes epochs from 1, a batch_size from 2 and 0 <= min_lr <= lr, lr above 0; got "
                f"epochs={self.epochs}, batch_size={self.batch_size}, lr={self.lr}, min_lr={self.min_lr}."
            )

    def rate(self, progress: float) -> float:
        """The learning rate when a share of the steps, 0 to 1, is done."""
        if self.schedule == "constant":
            return self.lr
        if self.schedule == "exponential":
            return self.lr * max(math.exp(math.log(0.05) * progress / 0.8), 0.05)
        share = (1 + math.cos(math.pi * progress)) / 2
        if self.schedule == "cosine_power" and self.power != 1:
            # p^(c + 1) runs from p^2 down to p: rescaled to 1 and 0.
            share = float(self.power ** (share + 1) - self.power) / (self.power**2 - self.power)
        return self.min_lr + (self.lr - self.min_lr) * share

    def optimiser_of(self, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser of these weights."""
        if self.optimiser == "adam":
            return torch.optim.Adam(parameters, self.lr, weight_decay=self.weight_decay)
        return torch.optim.SGD(parameters, self.lr, momentum=self.momentum, weight_decay=self.weight_decay)
