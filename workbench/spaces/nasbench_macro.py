"""NAS-Bench-Macro: eight layers in three stages, each one of three blocks (Su et al., CVPR 2021)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.chains import chain, from_digits, no_architecture, to_digits
from workbench.spaces.choices import Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

# In the order of the official digits 0, 1 and 2.
OPERATIONS = ("identity", "mb3_k3", "mb6_k5")
# Layers and channels of each stage; its first layer halves the size.
STAGES = ((2, 64), (3, 128), (3, 256))
# Question -> channels and stride.
LAYERS = {
    f"layer{number}": shape
    for number, shape in enumerate(
        [(channels, 1 if within else 2) for layers, channels in STAGES for within in range(layers)], start=1
    )
}
_OFFICIAL = re.compile(r"[0-2]{8}")


class NASBenchMacro(SearchSpace):
    """The 6,561 chains of eight blocks of NAS-Bench-Macro, and the network that the benchmark makes of them.

    Between stages the identity is a 1x1 convolution of stride 2; inside a stage it passes its input on.
    """

    name = "nasbench_macro"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Eight questions, one block for every layer."""
        return chain(
            {
                name: {
                    "op": choices.suggest_categorical(name, OPERATIONS),
                    "question": name,
                    "channels": channels,
                    "stride": stride,
                }
                for name, (channels, stride) in LAYERS.items()
            }
        )

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official network: a stem of 32 channels, three stages of 64, 128 and 256, a head of 1,280."""
        from workbench.networks.nasbench_macro import Network

        return Network(graph, task.shape, task.n_classes)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic, without building the network; all of a chain is live."""
        from workbench.networks.nasbench_macro_counts import counts
        from workbench.tasks import task as find_task

        task = find_task(task)
        return counts(self.graph(arch), task.shape, task.n_classes)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official string such as "22212220", a digit for every layer."""
        if not (isinstance(text, str) and _OFFICIAL.fullmatch(text)):
            expected = f"a string of {len(LAYERS)} digits 0 (identity), 1 (mb3_k3), 2 (mb6_k5), such as '22212220'"
            raise no_architecture(text, self.name, expected)
        return from_digits(self, text, list(LAYERS), OPERATIONS)

    def format(self, arch: Architecture) -> str:
        """The official string."""
        return to_digits(self._own(arch), list(LAYERS), OPERATIONS)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The official string with the identities of each stage behind its other blocks: the benchmark's own rule.

        Only a stage's first layer is left where it is, since its identity is a convolution. This makes 3,969 different
        networks; the benchmark trained one of each class. Both rules mean the same here.
        """
        self._check_rule(rule)
        digits, start, ordered = self.format(arch), 0, ""
        for layers, _ in STAGES:
            first, rest = digits[start], digits[start + 1 : start + layers]
            start += layers
            ordered += first + rest.replace("0", "").ljust(layers - 1, "0")
        return ordered
