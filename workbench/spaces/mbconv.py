"""MBConv networks elastic in depth, width, kernel and expansion, as in BigNAS and AttentiveNAS, for a laptop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import convolution, whole_number
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task


class Stage(NamedTuple):
    """A stage of inverted bottlenecks: what each of its questions may be answered with, and its stride."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    kernels: tuple[int, ...] = (3, 5)
    expansions: tuple[int, ...] = (1, 2, 4)
    stride: int = 1


STAGES = (Stage((12, 16), (1, 2)), Stage((24, 32), (1, 2), stride=2))


class MBConv(SearchSpace):
    """A stem of `stem` channels, stages of inverted bottlenecks, a linear classifier of the mean over the places.

    Every stage asks for its width and its depth, every block that there is for its kernel and its expansion, and with
    `bits` for the bits of its weights (Yu et al., BigNAS, ECCV 2020; Wang et al., AttentiveNAS, CVPR 2021). The default
    is for images of 8 x 8 pixels: 7,056 architectures of 1,262 to 23,042 parameters.
    """

    def __init__(
        self, name: str = "mbconv", *, stem: int = 8, stages: Sequence[Stage] = STAGES, bits: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.stem, self.stages, self.bits = stem, tuple(Stage(*stage) for stage in stages), tuple(bits)
        if not self.stages or any(not allowed for stage in self.stages for allowed in stage[:4]):
            raise InvalidInput(f"{name} takes at least one stage, with an answer to each question; got {stages!r}.")

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Every stage's width and depth, then the kernel and expansion of the blocks that it has."""
        answers: dict[str, Answer] = {}

        def ask(question: str, allowed: Sequence[int]) -> int:
            answer = answers[question] = whole_number(choices, question, allowed)
            return answer

        layers: dict[str, dict[str, Any]] = {}
        for number, stage in enumerate(self.stages, start=1):
            width = ask(f"s{number}.width", stage.widths)
            for within in range(1, ask(f"s{number}.depth", stage.depths) + 1):
                name = f"s{number}.b{within}"
                kernel = ask(f"{name}.kernel", stage.kernels)
                expand = ask(f"{name}.expand", stage.expansions)
                op, asked = f"mbconv_k{kernel}_e{expand}", [f"s{number}.depth", f"{name}.kernel", f"{name}.expand"]
                if self.bits:
                    op += f"_b{ask(f'{name}.bits', self.bits)}"
                    asked.append(f"{name}.bits")
                layers[name] = {"op": op, "channels": width, "questions": (f"s{number}.width", *asked)}
        graph = chain(layers)
        graph.graph["answers"] = answers
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The elastic network with one option for every gate."""
        from workbench.networks.elastic.network import Alone

        return Alone(self.elastic({name: (answer,) for name, answer in graph.graph["answers"].items()}, task))

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All of the space's networks in one, with `kernel_matrices=True` those of Once-for-All."""
        from workbench.networks.elastic.mobile import MobileStage, Network

        return Network(
            options,
            task.shape,
            task.n_classes,
            before=[convolution(self.stem, 3)],
            stages=[MobileStage(max(stage.widths), stage.stride) for stage in self.stages],
            **settings,
        )

    @property
    def size(self) -> int:
        """Over the stages, the product of the widths with the sum over the depths of the blocks' combinations."""
        size = 1
        for stage in self.stages:
            block = len(stage.kernels) * len(stage.expansions) * max(1, len(self.bits))
            size *= len(stage.widths) * sum(int(block**depth) for depth in stage.depths)
        return size

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The architecture's own string: no two architectures are the same network."""
        self._check_rule(rule)
        return self.format(self._own(arch))
