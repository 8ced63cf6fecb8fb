"""Few-shot supernets: a tree of supernets that part the space, read like one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import InvalidInput, UnknownName
from workbench.supernets.partition import Criterion, Partition, partition
from workbench.supernets.supernet import Supernet

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.measure import Measure
    from workbench.spaces.space import Seed
    from workbench.tasks.task import Splits


class FewShot:
    """The leaves of a supernet that was split (Zhao et al., Few-shot NAS, ICML 2021), each with weights of its own.

    Every architecture of the whole is in one leaf, `leaf_of(arch)`, which judges it: `evaluate`, `costs`, `measure` and
    `sample` are those of one supernet. Train the leaves one by one: `for leaf in tree.leaves: train(leaf, ...)`.
    """

    def __init__(self, leaves: Sequence[Supernet], partitions: Sequence[Partition] = ()) -> None:
        if not leaves:
            raise InvalidInput("A few-shot supernet has one leaf or more.")
        self.leaves, self.partitions = list(leaves), list(partitions)
        self.space = self.leaves[0].space

    def leaf_of(self, arch: Architecture) -> Supernet:
        """The supernet that holds `arch`; raises `InvalidInput` where none does."""
        for leaf in self.leaves:
            if leaf.holds(arch):
                return leaf
        raise InvalidInput(f"None of the {len(self.leaves)} leaves holds {arch}.")

    def sample(self, n: int = 1, seed: Seed = 0) -> list[Architecture]:
        """`n` architectures, from each leaf in proportion to its number of paths."""
        rng = np.random.default_rng(seed)
        paths = np.array([np.prod([float(len(options)) for options in leaf.options.values()]) for leaf in self.leaves])
        chosen = rng.choice(len(self.leaves), size=n, p=paths / paths.sum())
        return [self.leaves[i].sample(1, rng)[0] for i in chosen]

    def evaluate(self, data: Splits, arch: Architecture, part: str = "valid") -> dict[str, float]:
        """Accuracy (0 to 1) and loss (nats) with the weights of its leaf."""
        return self.leaf_of(arch).evaluate(data, arch, part)

    def costs(self, arch: Architecture) -> dict[str, float]:
        """The "macs" and "params" of an architecture."""
        return self.leaf_of(arch).costs(arch)

    def measure(self, data: Splits, name: str = "accuracy", part: str = "valid") -> Measure:
        """The inherited "accuracy" (or "loss") of architectures, or their "macs" or "params", for a search."""
        from workbench.measure import Measure

        if name not in ("accuracy", "loss", "macs", "params"):
            raise UnknownName.of("measure of a supernet", name, ("accuracy", "loss", "macs", "params"))
        if name in ("macs", "params"):
            return Measure(name, "lower", lambda arch: float(self.costs(arch)[name]))
        better = self.leaves[0].measure(data, name, part).better
        return Measure(name, better, lambda arch: self.evaluate(data, arch, part)[name], space=self.space)


def few_shot(net: Supernet, data: Splits, criterion: Criterion, *, levels: int = 1, n: int | None = 2) -> FewShot:
    """Split a trained supernet `levels` times, every leaf where `criterion` says.

    `n` groups each, or with None every option by itself (see `partition`). Every leaf starts with the weights of what
    it was split from.
    """
    leaves, partitions = [net], []
    for _ in range(levels):
        found = [partition(leaf, data, criterion, n) for leaf in leaves]
        partitions += found
        leaves = [child for leaf, one in zip(leaves, found, strict=True) for child in leaf.split(one.gate, one.groups)]
    return FewShot(leaves, partitions)
