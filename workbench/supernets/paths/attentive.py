"""Attentive sampling: sandwiches whose random sub-networks are the best or the worst of several that cost the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.paths import Sandwich
from workbench.supernets.step import Step
from workbench.supernets.supernet import Supernet

Score = Callable[[Step, Mapping[str, Gate]], float]


@dataclass(frozen=True)
class CostTable:
    """How costs are spread over the architectures of a supernet, and how often an option occurs at each.

    `edges` (bins + 1) are equal intervals between the smallest and the largest cost seen, `shares` (bins,) how many
    architectures lie in each, `options` maps each gate to P(option | bin), an array (bins, options).
    """

    net: Supernet = field(repr=False)
    cost: str
    edges: np.ndarray
    shares: np.ndarray
    options: Mapping[str, np.ndarray] = field(repr=False)

    def bin_of(self, value: float) -> int:
        """The number of the bin that a cost lies in."""
        return int(np.clip(np.searchsorted(self.edges, value, side="right") - 1, 0, len(self.shares) - 1))

    def draw(self, bin_: int, rng: np.random.Generator, patience: int = 100) -> Architecture:
        """An architecture in this bin, every gate by its own probabilities; after `patience` draws the nearest."""
        low, high = self.edges[bin_], self.edges[bin_ + 1]
        best: tuple[float, Architecture] | None = None
        for _ in range(patience):
            path: dict[str, Gate] = {
                name: int(rng.choice(table.shape[1], p=table[bin_])) for name, table in self.options.items()
            }
            value = float(self.net.costs(path)[self.cost])
            off = max(low - value, value - high, 0.0)
            if best is None or off < best[0]:
                best = off, self.net.architecture(path)
            if off == 0:
                break
        assert best is not None
        return best[1]


def cost_table(net: Supernet, cost: str = "macs", bins: int = 10, n: int = 500, seed: int = 0) -> CostTable:
    """The table of `n` architectures drawn uniformly, its options counted once more each so that none is impossible."""
    rng = np.random.default_rng(seed)
    # Gates that an architecture does not ask about are drawn as well: its cost says nothing about them.
    paths = [net.random_path(rng) for _ in range(n)]
    values = np.array([float(net.costs(path)[cost]) for path in paths])
    edges = np.linspace(values.min(), values.max(), bins + 1)
    found = CostTable(net, cost, edges, np.zeros(bins), {})
    numbers = np.array([found.bin_of(value) for value in values])
    options = {}
    for name, allowed in net.options.items():
        counts = np.ones((bins, len(allowed)))
        np.add.at(counts, (numbers, np.array([path[name] for path in paths])), 1)
        options[name] = counts / counts.sum(1, keepdims=True)
    return CostTable(net, cost, edges, np.bincount(numbers, minlength=bins) / n, options)


class BestUp(Sandwich):
    """A sandwich whose `n` sub-networks between are each the best of `k` of one cost (Wang et al., CVPR 2021).

    The cost is drawn as it is spread over the architectures, so that `k` = 1 trains as uniform sampling does. `score`
    rates a candidate, higher is better; by default it is minus the loss on the step's own batch. The table of costs is
    made at the first step, of `drawn` architectures, unless one is given.
    """

    best = True

    def __init__(
        self,
        k: int = 3,
        n: int = 2,
        *,
        score: Score | None = None,
        table: CostTable | None = None,
        cost: str = "macs",
        bins: int = 10,
        drawn: int = 500,
    ) -> None:
        super().__init__(n)
        if k < 1:
            raise InvalidInput(f"Attentive sampling chooses from k candidates, 1 or more; got {k}.")
        self.k, self.score, self.table = k, score or minus_loss, table
        self.cost, self.bins, self.drawn = cost, bins, drawn

    def between(self, step: Step, n: int) -> list[Architecture]:
        """One choice for each of `n` costs."""
        if self.table is None:
            self.table = cost_table(step.net, self.cost, self.bins, self.drawn)
        return [self._chosen(step, self.table) for _ in range(n)]

    def _chosen(self, step: Step, table: CostTable) -> Architecture:
        bin_ = int(step.rng.choice(len(table.shares), p=table.shares))
        candidates = [table.draw(bin_, step.rng) for _ in range(self.k)]
        if self.k == 1:
            return candidates[0]
        scores = [self.score(step, step.net.gates(arch)) for arch in candidates]
        return candidates[int(np.argmax(scores) if self.best else np.argmin(scores))]


class WorstUp(BestUp):
    """The same with the worst: what lags behind is trained (the paper's other half)."""

    best = False


@torch.no_grad()
def minus_loss(step: Step, gates: Mapping[str, Gate]) -> float:
    """Minus the cross entropy on the step's training batch."""
    return -float(step.loss(step.train, gates))
