"""Time-delay networks of elastic depth, kernel and width, as EfficientTDNN searches them, laptop-sized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.chains import chain
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.mobile import whole_number
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task


class Stage(NamedTuple):
    """A stage of temporal convolutions: what each of its questions may be answered with."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    kernels: tuple[int, ...] = (1, 3, 5)


STAGES = (Stage((16, 24, 32), (1, 2)), Stage((16, 24, 32), (1, 2)))


class TDNN(SearchSpace):
    """Stages of temporal convolutions, whose outputs are aggregated to `features` and pooled to their statistics.

    Every stage asks for its width and its depth, every block that there is for its kernel, as in EfficientTDNN (Wang et
    al., IEEE/ACM TASLP 2022). Images are read column by column, as W steps of C * H features. The default has 1,296
    architectures.
    """

    def __init__(self, name: str = "tdnn", *, stages: Sequence[Stage] = STAGES, features: int = 48) -> None:
        self.name, self.features = name, features
        self.stages = tuple(Stage(*stage) for stage in stages)
        for allowed in (found for stage in self.stages for found in stage):
            if not allowed or min(allowed) < 1 or list(allowed) != sorted(set(allowed)):
                raise InvalidInput(f"{name} takes rising lists of whole numbers from 1; got {allowed!r}.")
        if not self.stages or features < 1 or any(kernel % 2 == 0 for stage in self.stages for kernel in stage.kernels):
            raise InvalidInput(
                f"{name} takes at least one stage, odd kernels, and features; got {stages!r}, {features}."
            )

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Every stage's width and depth, then the kernels of the blocks that it has."""
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
                asked = (f"s{number}.width", f"s{number}.depth", f"{name}.kernel")
                layers[name] = {"op": f"tdnn_k{kernel}", "channels": width, "questions": asked}
        layers["statistics"] = {"op": "mean_and_deviation"}
        graph = chain(layers)
        last = [f"s{number}.b{answers[f's{number}.depth']}" for number in range(1, len(self.stages))]
        graph.add_edges_from((name, "statistics") for name in last)
        graph.graph["answers"] = answers
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The elastic network with one option for every gate."""
        from workbench.networks.elastic.network import Alone

        return Alone(self.elastic({name: (answer,) for name, answer in graph.graph["answers"].items()}, task))

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """All of the space's networks in one."""
        from workbench.networks.elastic.tdnn import Network

        return Network(options, task.shape, task.n_classes, stages=len(self.stages), features=self.features, **settings)

    @property
    def size(self) -> int:
        """Over the stages, the product of the widths with the sum over the depths of the kernels' combinations."""
        size = 1
        for stage in self.stages:
            size *= len(stage.widths) * sum(int(len(stage.kernels) ** depth) for depth in stage.depths)
        return size

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The architecture's own string: no two architectures are the same network."""
        self._check_rule(rule)
        return self.format(self._own(arch))
