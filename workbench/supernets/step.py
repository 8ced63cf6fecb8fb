"""One step of training a supernet: when it is, which sub-networks run in it, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch

from workbench.networks.elastic.gates import Gate

if TYPE_CHECKING:
    from workbench.supernets.recipe import Recipe
    from workbench.supernets.supernet import Supernet
    from workbench.tasks.task import Batch, Splits


class Outputs(NamedTuple):
    """What a network gives: logits (n, n_classes), and the outputs of its blocks where they are asked for."""

    logits: torch.Tensor
    features: tuple[torch.Tensor, ...] = ()


@dataclass(frozen=True)
class Run:
    """One sub-network to run in a step, and what its loss counts."""

    gates: Mapping[str, Gate]
    weight: float = 1.0


@dataclass
class Step:
    """A step: its net, data, place in the training and chance.

    `index` is its number, of `total` in all. `rng` is drawn from the seed and the number alone, so that a training that
    is taken up again goes on as an undisturbed one; torch's own generator is seeded in the same way around every step.
    `numbers` are the places of `train` among the training examples; `valid` is there for architecture optimisers.
    """

    net: Supernet
    data: Splits
    recipe: Recipe
    epoch: int
    index: int
    total: int
    rng: np.random.Generator
    train: Batch
    valid: Batch
    numbers: np.ndarray
    optimiser: torch.optim.Optimizer
    loss: LossOf
    runs: list[Run] = field(default_factory=list)
    outputs: list[Outputs] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def progress(self) -> float:
        """The share of all steps that is done, 0 at the first."""
        return self.index / self.total

    @property
    def warm(self) -> bool:
        """Whether the epochs are over in which an architecture is not optimised."""
        return self.epoch >= self.recipe.warmup


class LossOf(Protocol):
    """The training loss of a sub-network on a batch, as the objective and the teacher make it."""

    def __call__(self, batch: Batch, gates: Mapping[str, Gate]) -> torch.Tensor:
        """A scalar, differentiable with respect to weights and gates."""
        ...


class Stateful:
    """Something with a memory that a checkpoint keeps: tensors and plain values under names."""

    def state_dict(self) -> dict[str, Any]:
        """What to keep; nothing by default."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what was kept."""
