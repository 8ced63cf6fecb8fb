"""Two sampled paths: architecture gradients at the memory of two operations an edge, and REINFORCE at that of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.architecture import ArchitectureOptimiser, FirstOrder
from workbench.supernets.relaxations import Relaxation, one_hot_through
from workbench.supernets.relaxations.grouped_drop import others_unchanged

if TYPE_CHECKING:
    from workbench.supernets.step import Step
    from workbench.supernets.supernet import Supernet

_IDLE = 1e-30  # what the second path weighs: it runs, so that it has a gradient, and adds nothing


class TwoPath(Relaxation):
    """Two options for each gate, drawn from the probabilities without replacement, of which one is active.

    The output is the active one's; backward, dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i) over the two, p being
    their softmax and dL/dg_j the product of option j's output with dL/doutput (Cai, Zhu & Han, ProxylessNAS, ICLR
    2019, section 3.2). With `binary=False` the output is their soft sum. `kept` are the masks of the last draw.
    """

    def __init__(self, net: Supernet, *, binary: bool = True, **settings: Any) -> None:
        super().__init__(net, **settings)
        self.binary = binary
        self.kept: dict[str, torch.Tensor] = {}

    def weights(self, name: str, alpha: torch.Tensor, temperature: float) -> Gate:
        """Weights that are 0 but for the two."""
        probabilities = F.softmax(alpha.detach(), dim=0)
        pair = torch.multinomial(probabilities, min(2, int((probabilities > 0).sum())))
        kept = torch.zeros_like(alpha, dtype=torch.bool)
        kept[pair] = True
        self.kept[name] = kept
        soft = F.softmax((alpha / temperature).masked_fill(~kept, -torch.inf), dim=0)
        if not self.binary:
            return soft
        active = torch.multinomial(soft.detach(), 1)
        return one_hot_through(soft, active) + _IDLE * kept


class TwoPathStep(FirstOrder):
    """First order on the two paths; afterwards every option that was not drawn is as probable as it was before."""

    def __init__(self, relaxation: TwoPath, *, lr: float = 0.006, **settings: Any) -> None:
        super().__init__(relaxation, **{"lr": lr, "betas": (0.0, 0.999), "weight_decay": 0.0, **settings})

    def before(self, step: Step) -> None:
        """One step on a validation batch."""
        with others_unchanged(self.relaxation):
            super().before(step)


class Reinforce(ArchitectureOptimiser):
    """The score-function gradient: rewards of `n` paths drawn from the probabilities (ProxylessNAS, section 3.3).

    By default a path's reward is minus its loss on a validation batch, with the penalty at its own cost; `reward` is
    another one, of a step and a path. A moving average of the rewards is taken off as a baseline, which keeps the
    gradient unbiased.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        *,
        n: int = 1,
        baseline: float = 0.9,
        reward: Callable[[Step, Mapping[str, Gate]], float] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(relaxation, **{"betas": (0.0, 0.999), "weight_decay": 0.0, **settings})
        if n < 1 or not 0 <= baseline < 1:
            raise InvalidInput(f"Reinforce takes n from 1 and a baseline of 0 to below 1; got {n} and {baseline}.")
        self.n, self.baseline, self.reward = n, baseline, reward or self._inherited
        self.mean: float | None = None

    def before(self, step: Step) -> None:
        """One step along the mean over the paths."""
        if step.warm:
            paths = [self.relaxation.path(step.rng) for _ in range(self.n)]
            rewards = [self.reward(step, path) for path in paths]
            now = sum(rewards) / self.n
            mean = now if self.mean is None else self.mean
            self.update(self.gradients(paths, rewards, mean))
            self.mean = self.baseline * mean + (1 - self.baseline) * now

    def gradients(
        self, paths: Sequence[Mapping[str, Gate]], rewards: Sequence[float], baseline: float = 0.0
    ) -> list[torch.Tensor | None]:
        """Of minus the expected reward, for each alpha: the mean over the paths of -(R - baseline) dlog p / dalpha."""
        log_p = torch.stack(
            [torch.stack([gate[int(path[name])].log() for name, gate in self._free().items()]).sum() for path in paths]
        )
        advantages = torch.tensor(rewards).to(log_p) - baseline
        return list(torch.autograd.grad(-(advantages * log_p).mean(), self.relaxation.parameters(), allow_unused=True))

    def state_dict(self) -> dict[str, Any]:
        """With the moving average."""
        return {**super().state_dict(), "mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        super().load_state_dict(state)
        self.mean = state["mean"]

    def _free(self) -> dict[str, torch.Tensor]:
        return {name: gate for name, gate in self.relaxation.mean().items() if isinstance(gate, torch.Tensor)}

    @torch.no_grad()
    def _inherited(self, step: Step, path: Mapping[str, Gate]) -> float:
        loss = step.loss(step.valid, path)
        if self.penalty is not None:
            costs = {name: torch.tensor(float(cost)) for name, cost in step.net.costs(path).items()}
            loss = self.penalty(loss, costs)
        return -float(loss)
