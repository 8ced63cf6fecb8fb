"""Path samplers: which sub-networks a training step runs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.step import Run, Stateful, Step

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.relaxations import Relaxation
    from workbench.supernets.supernet import Supernet


class PathSampler(Stateful):
    """Plans the runs of a step, whose gradients are summed, and may choose the examples."""

    @abstractmethod
    def plan(self, step: Step) -> list[Run]:
        """The sub-networks of this step, in the order in which they run."""

    def order(self, n: int, epoch: int, epochs: int, rng: np.random.Generator) -> np.ndarray:
        """The numbers of the `n` training examples in the order of this epoch."""
        return rng.permutation(n)

    def learned(self, step: Step) -> None:
        """Look at the step after its backward pass: gradients, `step.outputs` and `step.losses` are there."""


class Uniform(PathSampler):
    """`n` architectures a step, drawn as the space draws them (Guo et al., SPOS, ECCV 2020)."""

    def __init__(self, n: int = 1) -> None:
        self.n = n

    def plan(self, step: Step) -> list[Run]:
        """Each with equal weight."""
        return [Run(step.net.gates(arch), 1 / self.n) for arch in step.net.sample(self.n, step.rng)]


class Fair(PathSampler):
    """Every option of every gate once a step, in K runs whose gradients are summed (Chu et al., FairNAS, ICCV 2021).

    Gates with fewer options than the most repeat theirs.
    """

    def plan(self, step: Step) -> list[Run]:
        """As many runs as the gate with most options has options."""
        most = max(map(len, step.net.options.values()))
        orders = {
            name: np.resize(step.rng.permutation(len(allowed)), most) for name, allowed in step.net.options.items()
        }
        return [Run({name: int(order[i]) for name, order in orders.items()}, 1 / most) for i in range(most)]


class Fixed(PathSampler):
    """The same sub-network in every step: a stand-alone network needs no gates."""

    def __init__(self, gates: Architecture | Mapping[str, Gate] | None = None) -> None:
        self.gates = gates

    def plan(self, step: Step) -> list[Run]:
        """One run."""
        return [Run(step.net.gates(self.gates))]


class Restricted(PathSampler):
    """`n` of these architectures a step, no other ever (Wang et al., PreNAS, ICML 2023)."""

    def __init__(self, architectures: Sequence[Architecture], n: int = 1) -> None:
        if not architectures:
            raise InvalidInput("Restricted needs at least one architecture to train.")
        self.architectures, self.n = list(architectures), n

    def plan(self, step: Step) -> list[Run]:
        """Drawn uniformly."""
        chosen = step.rng.integers(len(self.architectures), size=self.n)
        return [Run(step.net.gates(self.architectures[i]), 1 / self.n) for i in chosen]


class Sandwich(PathSampler):
    """The largest, `n` random ones and the smallest, gradients summed (Yu & Huang, ICCV 2019; BigNAS, ECCV 2020)."""

    def __init__(self, n: int = 2) -> None:
        self.n = n

    def plan(self, step: Step) -> list[Run]:
        """The largest first: with `InPlace` it teaches the others."""
        net = step.net
        between = [Run(net.gates(arch)) for arch in self.between(step, self.n)]
        return [Run(net.gates(net.largest())), *between, Run(net.gates(net.smallest()))]

    def between(self, step: Step, n: int) -> list[Architecture]:
        """The random ones."""
        return step.net.sample(n, step.rng)


class CostBins(PathSampler):
    """A bin of the cost drawn uniformly, then an architecture within it, by rejection (SPOS' released code).

    Uniform sampling crowds into the middle costs; here every one of `bins` equal intervals between the smallest and the
    largest cost gets as many steps. After `patience` draws without one the nearest drawn is taken.
    """

    def __init__(self, cost: str = "macs", bins: int = 5, n: int = 1, patience: int = 50) -> None:
        self.cost, self.bins, self.n, self.patience = cost, bins, n, patience
        self._limits: tuple[float, float] | None = None

    def plan(self, step: Step) -> list[Run]:
        """Each with equal weight."""
        return [Run(step.net.gates(self.draw(step.net, step.rng)), 1 / self.n) for _ in range(self.n)]

    def draw(self, net: Supernet, rng: np.random.Generator) -> Architecture:
        """One architecture."""
        low, high = self.limits(net)
        bin_ = int(rng.integers(self.bins))
        wide = (high - low) / self.bins
        return nearest_cost(net, self.cost, low + bin_ * wide, low + (bin_ + 1) * wide, rng, self.patience)

    def limits(self, net: Supernet) -> tuple[float, float]:
        """The smallest and the largest cost."""
        if self._limits is None:
            self._limits = tuple(float(net.costs(g)[self.cost]) for g in (net.smallest(), net.largest()))  # type: ignore[assignment]
        assert self._limits is not None
        return self._limits


class Mixture(PathSampler):
    """`n` draws of a relaxation's gates a step: one mixture, or hard samples whose gradients are accumulated."""

    def __init__(self, relaxation: Relaxation, n: int = 1) -> None:
        self.relaxation, self.n = relaxation, n

    def plan(self, step: Step) -> list[Run]:
        """All with equal weight."""
        return [Run(self.relaxation.gates(step), 1 / self.n) for _ in range(self.n)]


class Sampled(PathSampler):
    """`n` paths drawn from a relaxation's probabilities (Cai et al., ProxylessNAS, ICLR 2019)."""

    def __init__(self, relaxation: Relaxation, n: int = 1) -> None:
        self.relaxation, self.n = relaxation, n

    def plan(self, step: Step) -> list[Run]:
        """Every gate by itself."""
        return [Run(self.relaxation.path(step.rng), 1 / self.n) for _ in range(self.n)]


def nearest_cost(
    net: Supernet, cost: str, low: float, high: float, rng: np.random.Generator, patience: int
) -> Architecture:
    """An architecture whose cost is between `low` and `high`, or of `patience` draws the nearest to them."""
    best: tuple[float, Architecture] | None = None
    for _ in range(patience):
        (arch,) = net.sample(1, rng)
        value = float(net.costs(arch)[cost])
        off = max(low - value, value - high, 0.0)
        if best is None or off < best[0]:
            best = off, arch
        if off == 0:
            break
    assert best is not None
    return best[1]
