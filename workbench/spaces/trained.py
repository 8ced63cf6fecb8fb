"""Spaces of networks with their recipes: how each is trained, where a benchmark has trained it in many ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

RECIPE = "recipe"


class Configurations(SearchSpace):
    """A space in which no two architectures are the same network trained in the same way."""

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The string."""
        self._check_rule(rule)
        return self.format(arch)

    def twins(self, arch: Architecture, rule: str = "isomorphic") -> tuple[Architecture, ...]:
        """`arch` alone."""
        self._check_rule(rule)
        return (self._own(arch),)


def suggest_recipe(choices: Choices, graph: nx.DiGraph, answers: Mapping[str, Sequence[Answer]], node: str) -> None:
    """Ask "recipe.<name>" for every name in `answers`.

    The recipe stands in `graph.graph["recipe"]` by name, as that of a sum of spaces does; `node` shows its questions.
    """
    names = [f"{RECIPE}.{name}" for name in answers]
    graph.graph[RECIPE] = {
        name: choices.suggest_categorical(question, allowed)
        for question, (name, allowed) in zip(names, answers.items(), strict=True)
    }
    graph.nodes[node]["questions"] = tuple(names)
