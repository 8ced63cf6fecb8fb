"""A restricted space: another space's questions with fewer answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.choices import Answer, Choices, Narrowed
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task


class Restricted(SearchSpace):
    """The architectures of `whole` that answer the named questions as allowed; they stay architectures of `whole`."""

    def __init__(self, whole: SearchSpace, answers: Mapping[str, Sequence[Answer]]) -> None:
        self.name = whole.name
        self.whole = whole
        self.flat = whole.flat
        self.canonical_rules = whole.canonical_rules
        asked = {question.name: question for question in whole.questions()}
        self._allowed: dict[str, tuple[Answer, ...]] = {}
        for name, kept in answers.items():
            if name not in asked:
                raise UnknownName.of(f"question of {whole.name}", name, asked)
            if isinstance(kept, str) or not kept:
                raise InvalidInput(f"Question {name!r} needs a non-empty list of answers to keep, not {kept!r}.")
            self._allowed[name] = tuple(asked[name].check(answer) for answer in kept)

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The whole space's questions, with the allowed answers."""
        return self.whole.suggest(Narrowed(choices, self._allowed))

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        self.whole.ask(Narrowed(choices, self._allowed))

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """The whole space's rule."""
        return self.whole.live(graph)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The whole space's network."""
        return self.whole.network(graph, task)

    def gates(self) -> dict[str, tuple[Answer, ...]]:
        """The whole space's, those that are questions with the answers kept; raises `InvalidInput` for other ones."""
        gates = self.whole.gates()
        own = super().gates()
        for name in self._allowed:
            if name not in gates:
                raise InvalidInput(
                    f"The gates of {self.name} are not its questions: restrict a supernet by its gates, "
                    f"{', '.join(list(gates)[:3])} ..., and not the space by {name!r}."
                )
        return {name: own[name] for name in gates if name in own} if set(own) <= set(gates) else gates

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The whole space's."""
        return self.whole.elastic(options, task, **settings)

    def parse(self, text: str) -> Architecture:
        """The architecture whose string is `text`; raises `InvalidInput` also for those outside the restriction."""
        return self.architecture(self.whole.parse(text).decisions)

    def format(self, arch: Architecture) -> str:
        """The whole space's string."""
        return self.whole.format(arch)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The whole space's rule."""
        return self.whole.canonical(arch, rule)

    def function(self, arch: Architecture) -> str:
        """The whole space's string."""
        return self.whole.function(arch)

    def representative(self, arch: Architecture) -> Architecture:
        """The whole space's, which the restriction may leave out: it depends on `arch` alone."""
        return self.whole.representative(arch)

    @property
    def counted_by_formula(self) -> bool:
        """The whole space's."""
        return self.whole.counted_by_formula

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """The whole space's counts."""
        return self.whole.counts(arch, task, live)
