"""Adjacent banks: sampling that changes the cost slowly and comes back to what has done well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gate
from workbench.supernets.paths import PathSampler, nearest_cost
from workbench.supernets.step import Run, Step

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.supernets.supernet import Supernet

Path = dict[str, Gate]


class Kept(NamedTuple):
    """A path that has done well, and its loss when it last ran, in nats."""

    loss: float
    path: Path


class AdjacentBanks(PathSampler):
    """`n` sub-networks of one cost a step, a cost next to the last step's (Tang et al., ElasticViT, ICCV 2023).

    The costs between the smallest and the largest architecture are divided into `banks`; the bank of a step is the last
    one's or one of its two neighbours, so that consecutive sub-networks differ little and their gradients agree. Each
    bank keeps the `kept` paths of least loss; with probability `back` a sub-network is one of those, the better the
    likelier (softmax of minus the losses), else it is drawn within the bank. The largest runs first, so that it can
    teach, and last the largest of the `smallest` architectures that costs no more than the bank; with none given the
    supernet's smallest. The rule that prefers deeper or wider paths by their difference to an anchor is left out.
    """

    def __init__(
        self,
        n: int = 2,
        *,
        banks: int = 8,
        kept: int = 10,
        back: float = 0.5,
        cost: str = "macs",
        smallest: Sequence[Architecture] = (),
        patience: int = 50,
    ) -> None:
        if banks < 1 or kept < 1 or not 0 <= back <= 1:
            raise InvalidInput(
                f"AdjacentBanks takes banks and kept from 1 and back from 0 to 1; got {banks}, {kept} and {back}."
            )
        self.n, self.banks, self.kept, self.back, self.cost, self.patience = n, banks, kept, back, cost, patience
        self.smallest = tuple(smallest)
        self.bank: int | None = None
        self.memory: list[list[Kept]] = [[] for _ in range(banks)]
        self._edges: np.ndarray | None = None
        self._least: list[tuple[float, Path]] = []

    def plan(self, step: Step) -> list[Run]:
        """The largest, those of the bank, and the bank's smallest."""
        edges = self.edges(step.net)
        moved = int(step.rng.integers(self.banks)) if self.bank is None else self.bank + int(step.rng.integers(-1, 2))
        self.bank = min(max(moved, 0), self.banks - 1)
        drawn = [self._drawn(step, edges) for _ in range(self.n)]
        least = [path for value, path in self._least if value <= edges[self.bank]] or [self._least[0][1]]
        return [Run(path) for path in (step.net.largest(), *drawn, least[-1])]

    def learned(self, step: Step) -> None:
        """Keep the paths of the bank that have done well."""
        assert self.bank is not None
        losses = {_key(kept.path): kept for kept in self.memory[self.bank]}
        for run, loss in zip(step.runs[1:-1], step.losses[1:-1], strict=True):
            path = dict(run.gates)
            losses[_key(path)] = Kept(loss, path)
        self.memory[self.bank] = sorted(losses.values(), key=lambda kept: kept.loss)[: self.kept]

    def edges(self, net: Supernet) -> np.ndarray:
        """The costs between which the banks lie, (banks + 1,)."""
        if self._edges is None:
            low, high = (float(net.costs(path)[self.cost]) for path in (net.smallest(), net.largest()))
            self._edges = np.linspace(low, high, self.banks + 1)
            paths = [dict(net.gates(arch)) for arch in self.smallest] or [net.smallest()]
            least = [(float(net.costs(path)[self.cost]), path) for path in paths]
            self._least = sorted(least, key=lambda pair: pair[0])
        return self._edges

    def _drawn(self, step: Step, edges: np.ndarray) -> Path:
        assert self.bank is not None
        memory = self.memory[self.bank]
        if memory and step.rng.random() < self.back:
            likely = np.exp(-np.array([kept.loss - memory[0].loss for kept in memory]))
            return memory[int(step.rng.choice(len(memory), p=likely / likely.sum()))].path
        low, high = edges[self.bank], edges[self.bank + 1]
        return dict(step.net.gates(nearest_cost(step.net, self.cost, low, high, step.rng, self.patience)))

    def state_dict(self) -> dict[str, Any]:
        """The bank of the last step and what the banks keep."""
        memory = [[{"loss": kept.loss, "path": kept.path} for kept in bank] for bank in self.memory]
        return {"bank": self.bank, "memory": memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The same."""
        self.bank = state["bank"]
        self.memory = [[Kept(kept["loss"], dict(kept["path"])) for kept in bank] for bank in state["memory"]]


def _key(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple((name, gate) for name, gate in path.items() if isinstance(gate, int))
