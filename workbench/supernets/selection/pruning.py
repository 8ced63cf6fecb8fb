"""Gradual pruning: options leave the supernet for good while it is trained, the dearest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.architecture import OneLevel
from workbench.supernets.relaxations import Relaxation
from workbench.supernets.step import Step


@dataclass(frozen=True)
class Visited:
    """A size that the pruned supernet has had: from which step on, what is left, and what that costs."""

    step: int
    alive: dict[str, list[bool]]
    macs: float
    params: float

    @property
    def gates(self) -> dict[str, Gate]:
        """What is left, each option with weight 1."""
        return {name: torch.tensor(alive, dtype=torch.float32) for name, alive in self.alive.items()}

    def shuffled(self, rng: np.random.Generator) -> dict[str, Gate]:
        """As many of every option, at random gates: the same cost where all gates are alike, as on a cell's edges."""
        table = rng.permuted(np.array(list(self.alive.values()), dtype=np.float32), axis=0)
        return {name: torch.from_numpy(row) for name, row in zip(self.alive, table, strict=True)}


class GradualPrune(OneLevel):
    """One level: weights and alphas on the same batch, under a penalty that grows until options fall out.

    GOLD-NAS (Bi et al., 2020). The loss is CE + strength * E[cost] / (E[cost] at the start). An option whose gate falls
    below `threshold` is dropped and never runs again. Every `every` steps the strength is multiplied by `growth` where
    fewer than `pace` options have left, divided by it where more have: the supernet shrinks at a steady rate. `visited`
    has one entry for every size, the last the smallest. Options in `keep`, such as "none", stay, as does the last one
    of a gate; nothing is dropped once the cost of what is left is `until` times that at the start.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        *,
        cost: str = "macs",
        threshold: float = 0.1,
        strength: float = 0.1,
        growth: float = 1.5,
        pace: int = 1,
        every: int = 15,
        until: float = 0.0,
        keep: Sequence[Any] = ("none",),
        **settings: Any,
    ) -> None:
        if not 0 < threshold < 1 or growth <= 1 or strength <= 0 or every < 1 or pace < 1:
            raise InvalidInput(
                "GradualPrune takes a threshold between 0 and 1, a strength above 0, a growth above 1, every and pace "
                f"from 1; got {threshold}, {strength}, {growth}, {every} and {pace}."
            )
        super().__init__(relaxation, penalty=self._penalty, **settings)
        self.cost, self.threshold, self.strength = cost, threshold, strength
        self.growth, self.pace, self.every, self.until = growth, pace, every, until
        self.keep = tuple(keep)
        self._left = 0
        with torch.no_grad():
            self._whole = float(relaxation.expected_costs()[cost])
        self.visited: list[Visited] = [self._visit(0)]

    def after(self, step: Step) -> None:
        """The alphas' step, then what falls out."""
        super().after(step)
        if not step.warm:
            return
        left = self._prune()
        self._left += left
        if left:
            self.visited.append(self._visit(step.index + 1))
        if (step.index + 1) % self.every == 0:
            self.strength *= self.growth if self._left < self.pace else 1 / self.growth if self._left > self.pace else 1
            self._left = 0

    def _penalty(self, loss: torch.Tensor, costs: dict[str, torch.Tensor]) -> torch.Tensor:
        return loss + self.strength * costs[self.cost] / self._whole

    def _prune(self) -> int:
        """Drop what is below the threshold, and say how many options that were."""
        left = 0
        for name, probability in self.relaxation.probabilities().items():
            alive = self.relaxation.alive[name]
            for number in torch.argsort(probability).tolist():
                stays = not alive[number] or self.relaxation.net.options[name][number] in self.keep
                if stays or probability[number] >= self.threshold or alive.sum() == 1:
                    continue
                if getattr(self.visited[-1], self.cost) <= self.until * getattr(self.visited[0], self.cost):
                    return left
                self.relaxation.drop(name, number)
                left += 1
        return left

    def _visit(self, step: int) -> Visited:
        alive = {name: mask.tolist() for name, mask in self.relaxation.alive.items()}
        gates = {name: torch.tensor(mask, dtype=torch.float32) for name, mask in alive.items()}
        with torch.no_grad():
            costs = self.relaxation.net.costs(gates)
        return Visited(step, alive, float(costs["macs"]), float(costs["params"]))

    def state_dict(self) -> dict[str, Any]:
        """The alphas, Adam's moments, the strength and the sizes so far."""
        visited = [[size.step, size.alive, size.macs, size.params] for size in self.visited]
        return super().state_dict() | {"strength": self.strength, "left": self._left, "visited": visited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them back."""
        super().load_state_dict(state)
        self.strength, self._left = state["strength"], state["left"]
        self.visited = [Visited(*size) for size in state["visited"]]
