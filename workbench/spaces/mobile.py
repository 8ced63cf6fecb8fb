"""What the mobile search spaces share: the blocks their chains are made of, and the text of stages of blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import no_architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

_LONGEST = 2_000  # characters of a text that is worth reading


class MobileSpace(SearchSpace):
    """Spaces whose architectures are chains of mobile blocks, stem and head included, no two of them alike."""

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The chain's blocks one after another, then a linear classifier; see `networks.mobile.Network`."""
        from workbench.networks.mobile import Network

        return Network(graph, task.shape, task.n_classes)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic, without building the network; all of a chain is live."""
        from workbench.networks.mobile_counts import counts
        from workbench.tasks import task as find_task

        task = find_task(task)
        found = counts(self.graph(arch), task.shape, task.n_classes)
        return super().counts(arch, task, live) if found is None else found

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The architecture's own string: no two architectures are the same network."""
        self._check_rule(rule)
        return self.format(self._own(arch))


def whole_number(choices: Choices, question: str, answers: Sequence[int]) -> int:
    """The answer to a question about a number, also in a space that has been extended with other numbers."""
    answer = choices.suggest_categorical(question, answers)
    if not isinstance(answer, int):
        raise InvalidInput(f"Question {question!r} is answered with whole numbers; got {answer!r}.")
    return answer


def divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, never more than a tenth below it (Sandler et al., CVPR 2018)."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * channels else nearest + divisor


def convolution(
    channels: int, kernel: int = 1, stride: int = 1, activation: str = "relu", *, norm: bool = True
) -> dict[str, Any]:
    """A node that is not searched: a convolution to `channels`, batch normalisation if `norm`, an activation."""
    return {
        "op": f"conv_{kernel}x{kernel}",
        "kind": "convolution",
        "channels": channels,
        "kernel": kernel,
        "stride": stride,
        "activation": activation,
        "norm": norm,
    }


def pooling() -> dict[str, Any]:
    """A node that is not searched: the mean of every channel."""
    return {"op": "avg_pool", "kind": "pooling"}


def bottleneck(
    op: str,
    channels: int,
    hidden: int,
    kernel: int,
    stride: int = 1,
    *,
    activation: str = "relu",
    squeeze: int = 0,
    groups: int = 1,
    always_expand: bool = False,
) -> dict[str, Any]:
    """An inverted bottleneck: `hidden` channels inside, `squeeze` in its squeeze-and-excitation (0: none).

    `groups` are those of its 1x1 convolutions; without `always_expand` the first is left out where it would not widen.
    """
    return {
        "op": op,
        "kind": "bottleneck",
        "channels": channels,
        "hidden": hidden,
        "kernel": kernel,
        "stride": stride,
        "activation": activation,
        "squeeze": squeeze,
        "groups": groups,
        "always_expand": always_expand,
    }


def read_stages(
    text: object, block: re.Pattern[str], n_stages: int, space: str, expected: str
) -> list[list[dict[str, str]]]:
    """The blocks of every stage of a text such as "k3e4,k5e6|k7e3,k3e3", as the named groups of the `block` pattern.

    Raises `InvalidInput` with what is `expected` of an architecture of this `space`.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise no_architecture(text, space, expected)
    stages = [[block.fullmatch(part) for part in stage.split(",")] for stage in text.split("|")]
    found = [[match.groupdict() for match in stage if match is not None] for stage in stages]
    if len(stages) != n_stages or list(map(len, found)) != list(map(len, stages)):
        raise no_architecture(text, space, expected)
    return found


def stage_decisions(stages: Sequence[Sequence[Mapping[str, str]]]) -> dict[str, Answer]:
    """The answers that stages of blocks stand for: "s1.depth", and "s1.b1.<short>" for every number of a block."""
    decisions: dict[str, Answer] = {}
    for number, blocks in enumerate(stages, start=1):
        decisions[f"s{number}.depth"] = len(blocks)
        for within, block in enumerate(blocks, start=1):
            decisions |= {f"s{number}.b{within}.{short}": int(value) for short, value in block.items()}
    return decisions


def write_stages(stages: Sequence[Sequence[str]]) -> str:
    """The text of stages of blocks, read back by `read_stages`."""
    return "|".join(",".join(blocks) for blocks in stages)
