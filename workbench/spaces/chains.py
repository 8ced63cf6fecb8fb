"""Chains: the graphs of spaces whose layers follow one another, and spaces that ask for nothing but their widths."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.choices import Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task


def chain(layers: Mapping[str, Mapping[str, Any]]) -> nx.DiGraph:
    """An input, a node of role "op" for each of the layers, named and with the attributes as given, and an output."""
    graph = nx.DiGraph()
    graph.add_node("input", label="in", role="input")
    graph.add_nodes_from((name, {"role": "op", **attributes}) for name, attributes in layers.items())
    graph.add_node("output", label="out", role="output")
    nx.add_path(graph, list(graph))
    return graph


def no_architecture(text: object, space: str, expected: str) -> InvalidInput:
    """The error for a `text`, however long, that is not what a space of this name expects."""
    return InvalidInput(f"{shortened(text)} is no architecture of {space}: {expected}.")


def from_digits(space: SearchSpace, text: str, questions: Sequence[str], answers: Sequence[str]) -> Architecture:
    """The architecture of a string with a digit for every question: the number of its answer."""
    return Architecture(space, {name: answers[int(digit)] for name, digit in zip(questions, text, strict=True)})


def to_digits(arch: Architecture, questions: Sequence[str], answers: Sequence[str]) -> str:
    """The string with a digit for every question: the number of its answer."""
    decisions = arch.decisions
    return "".join(str(answers.index(str(decisions[name]))) for name in questions)


class Layer(NamedTuple):
    """A layer whose width is searched: its question, what it is, and the widths allowed, in channels."""

    question: str
    label: str
    widths: tuple[int, ...]


class Widths(SearchSpace):
    """Spaces that ask for the width of each of their `layers`, one after another, in channels."""

    flat = True
    layers: ClassVar[tuple[Layer, ...]]

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """One question for every layer."""
        return chain(
            {
                name: {"label": label, "op": choices.suggest_categorical(name, widths), "question": name}
                for name, label, widths in self.layers
            }
        )

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic, without building the network; all of a chain is live."""
        from workbench.tasks import task as find_task

        return self.count(self.widths(self._own(arch)), find_task(task))

    @abstractmethod
    def count(self, widths: list[int], task: Task) -> Counts:
        """Parameters and multiply-adds of the network of these widths."""

    def widths(self, arch: Architecture) -> list[int]:
        """The width of every layer, in order."""
        decisions = arch.decisions
        return [cast("int", decisions[layer.question]) for layer in self.layers]

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The architecture's own string: no two of these spaces are the same network."""
        self._check_rule(rule)
        return self.format(self._own(arch))


def widths_of(graph: nx.DiGraph) -> list[int]:
    """The widths in a chain, in order."""
    return [data["op"] for _, data in graph.nodes(data=True) if data["role"] == "op"]
