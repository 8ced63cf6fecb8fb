"""ShiftNAS: costs whose sub-networks still improve are trained more often, and a generator makes paths of a cost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.paths import PathSampler
from workbench.supernets.relaxations import gumbel
from workbench.supernets.step import Run, Step

if TYPE_CHECKING:
    from workbench.supernets.supernet import Supernet


class CostGenerator(nn.Module):
    """A small network from a target cost to the probabilities of every gate's options (ShiftNAS, ICCV 2023).

    `fit` draws targets between the smallest and the largest cost, makes gates by Gumbel-softmax with noise that falls
    to none, and trains (log E[cost] - log target)^2 through the expected cost, which the elastic network counts
    differentiably. It needs no data: costs do not depend on weights. `net` may be any supernet of the same options.
    """

    def __init__(self, net: Supernet, cost: str = "macs", *, hidden: int = 64, seed: int = 0) -> None:
        super().__init__()
        if cost not in ("macs", "params"):
            raise InvalidInput(f"A generator aims at macs or params; got {cost!r}.")
        self.cost, self.seed = cost, seed
        self.sizes = {name: len(allowed) for name, allowed in net.options.items()}
        self.low, self.high = (float(net.costs(gates)[cost]) for gates in (net.smallest(), net.largest()))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                nn.Linear(hidden, sum(self.sizes.values())),
            )  # fmt: skip
        self.fitted = False

    def logits(self, target: float) -> dict[str, torch.Tensor]:
        """The logits (K,) of every gate for a target cost."""
        place = 2 * math.log(target / self.low) / max(math.log(self.high / self.low), 1e-12) - 1
        out = self.layers(torch.tensor([place])).split(list(self.sizes.values()))
        # Options rise in cost: a higher target leans to the later ones before anything is learned.
        return {q: z + 2 * place * torch.linspace(-1, 1, len(z)) for q, z in zip(self.sizes, out, strict=True)}

    def probabilities(self, target: float) -> dict[str, torch.Tensor]:
        """Gates whose weights are what the options are drawn with."""
        return {name: F.softmax(logits, dim=0) for name, logits in self.logits(target).items()}

    def fit(self, net: Supernet, steps: int = 300, *, lr: float = 0.01, entropy: float = 1e-3) -> CostGenerator:
        """Learn to hit targets; returns itself. Chance comes from `seed`.

        `entropy`, times that of all gates, in nats, is taken off the loss: many paths have a cost.
        """
        rng = np.random.default_rng(self.seed)
        optimiser = torch.optim.Adam(self.parameters(), lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            for step in range(steps):
                target = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
                noise = 1 - step / steps
                gates = {q: F.softmax(z + noise * gumbel(z), dim=0) for q, z in self.logits(target).items()}
                spread = torch.cat([-p * (p + 1e-9).log() for p in self.probabilities(target).values()]).sum()
                optimiser.zero_grad()
                ((net.costs(gates)[self.cost] / target).log().square() - entropy * spread).backward()
                optimiser.step()
                schedule.step()
        self.fitted = True
        return self

    @torch.no_grad()
    def draw(
        self, net: Supernet, target: float, rng: np.random.Generator, *, within: float = 0.05, patience: int = 20
    ) -> dict[str, Gate]:
        """A path whose cost is within a share of the target, or of `patience` draws the nearest to it."""
        drawn_from = {name: F.softmax(z, dim=0).double().numpy() for name, z in self.logits(target).items()}
        best: tuple[float, dict[str, Gate]] | None = None
        for _ in range(patience):
            path: dict[str, Gate] = {name: int(rng.choice(len(p), p=p / p.sum())) for name, p in drawn_from.items()}
            off = abs(float(net.costs(path)[self.cost]) / target - 1)
            if best is None or off < best[0]:
                best = off, path
            if off <= within:
                break
        assert best is not None
        return best[1]


class Shift(PathSampler):
    """Paths of costs drawn from bins, whose probability shifts to those that still improve (ShiftNAS, ICCV 2023).

    The bins are equal in the logarithm of the cost between the smallest and the largest sub-network. After every epoch
    a bin's improvement is how far the mean loss of its paths fell, 0 where it rose; `floor` of the probability stays
    uniform, the rest is in proportion to the improvement. A target cost is drawn within the bin, and the generator,
    fitted in `fit_steps` before the first step, makes a path of it. `n` paths a step.
    """

    def __init__(
        self, bins: int = 5, n: int = 1, *, cost: str = "macs", floor: float = 0.3, fit_steps: int = 300, seed: int = 0
    ) -> None:
        if bins < 2 or n < 1 or not 0 < floor <= 1:
            raise InvalidInput(f"Shift takes bins from 2, n from 1 and 0 < floor <= 1; got {bins}, {n} and {floor}.")
        self.bins, self.n, self.cost, self.floor, self.seed = bins, n, cost, floor, seed
        self.fit_steps = fit_steps
        self.probabilities = np.full(bins, 1 / bins)
        self.generator: CostGenerator | None = None
        self.history: list[np.ndarray] = []  # the probabilities of every epoch
        self._before = np.full(bins, np.nan)  # the mean loss of the epoch before
        self._sum, self._count = np.zeros(bins), np.zeros(bins)
        self._drawn: list[int] = []

    def plan(self, step: Step) -> list[Run]:
        """Each with equal weight."""
        if self.generator is None:
            self.generator = CostGenerator(step.net, self.cost, seed=self.seed).fit(step.net, self.fit_steps)
        self._drawn = [int(step.rng.choice(self.bins, p=self.probabilities)) for _ in range(self.n)]
        low, high = math.log(self.generator.low), math.log(self.generator.high)
        targets = [math.exp(low + (b + step.rng.uniform()) / self.bins * (high - low)) for b in self._drawn]
        return [Run(self.generator.draw(step.net, target, step.rng, patience=10), 1 / self.n) for target in targets]

    def learned(self, step: Step) -> None:
        """Add up the losses of each bin."""
        for drawn, loss in zip(self._drawn, step.losses, strict=True):
            self._sum[drawn] += loss
            self._count[drawn] += 1

    def order(self, n: int, epoch: int, epochs: int, rng: np.random.Generator) -> np.ndarray:
        """Random; at the start of an epoch the probabilities shift by what the last one has shown."""
        self.shift()
        self.history.append(self.probabilities)
        return super().order(n, epoch, epochs, rng)

    def shift(self) -> None:
        """Move the probability to the bins whose losses fell."""
        drawn = self._count > 0
        now = np.where(drawn, self._sum / np.maximum(self._count, 1), self._before)
        improvement = np.nan_to_num(self._before - now).clip(min=0)
        if drawn.any() and improvement.sum() > 0:
            self.probabilities = self.floor / self.bins + (1 - self.floor) * improvement / improvement.sum()
        self._before = now
        self._sum, self._count = np.zeros(self.bins), np.zeros(self.bins)

    def state_dict(self) -> dict[str, Any]:
        """The probabilities, the losses and the generator."""
        arrays: dict[str, np.ndarray] = {"probabilities": self.probabilities, "before": self._before, "sum": self._sum}
        arrays |= {"count": self._count, "history": np.array(self.history).reshape(-1, self.bins)}
        generator = {} if self.generator is None else self.generator.state_dict()
        return {**{name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, "generator": generator}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them back; a generator is fitted anew from its seed where there is none yet, to the same weights."""
        self.probabilities, self._before = state["probabilities"].numpy().copy(), state["before"].numpy().copy()
        self._sum, self._count = state["sum"].numpy().copy(), state["count"].numpy().copy()
        self.history = list(state["history"].numpy())
        if self.generator is not None and state["generator"]:
            self.generator.load_state_dict(state["generator"])
