"""A side space: questions that stand beside an architecture's, such as its recipe, its hardware or its precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

Given = Answer | Sequence[Answer]
_RESERVED = ",;="  # what separates answers and parts in a string


class Side(SearchSpace):
    """Independent questions named "<name>.<short>"; add it to an architecture space, as in `space + side`.

    `answers` maps the short names to what is allowed, e.g. `Side("recipe", {"lr": (0.01, 0.1)})`. An architecture of
    it is written "recipe.lr=0.1, recipe.epochs=12". In a sum the answers stand in `graph.graph[name]` by short name.
    Raises `InvalidInput` for a question without answers and for answers that read alike.
    """

    flat = True

    def __init__(self, name: str, answers: Mapping[str, Sequence[Answer]]) -> None:
        if not (isinstance(name, str) and name.isidentifier()):
            raise InvalidInput(f"A side space needs a name of letters, digits and underscores; got {name!r}.")
        if not answers:
            raise InvalidInput(f"The side space {name!r} needs at least one question.")
        self.name = name
        self.answers = {f"{name}.{short}": _checked(f"{name}.{short}", given) for short, given in answers.items()}

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Every question; the graph is a chain of the answers."""
        answers = {name: choices.suggest_categorical(name, allowed) for name, allowed in self.answers.items()}
        graph = nx.DiGraph(**{self.name: {self._short(name): answer for name, answer in answers.items()}})
        graph.add_node("in", label=self.name, role="input")
        for name, answer in answers.items():
            graph.add_node(name, label=f"{self._short(name)} {answer}", role="op", op=answer, question=name)
        graph.add_node("out", label="out", role="output")
        nx.add_path(graph, list(graph))
        return graph

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        for name, allowed in self.answers.items():
            choices.suggest_categorical(name, allowed)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """Raises `InvalidInput`: a side space builds nothing by itself."""
        raise InvalidInput(
            f"{self.name} builds no network by itself: add it to a space that does, as in space + {self.name}."
        )

    def changed_elastic(self, network: ElasticNetwork, options: Mapping[str, Sequence[Answer]]) -> None:
        """Change the elastic network beside this space, by the `options` of its questions; most sides change none."""

    def changed(self, network: torch.nn.Module, answers: Mapping[str, Answer]) -> torch.nn.Module:
        """The network of the architecture beside `answers` (by short name): the same unless they are about it."""
        return network

    def parse(self, text: str) -> Architecture:
        """The architecture of a string such as "recipe.lr=0.1, recipe.epochs=12"; raises `InvalidInput`."""
        if not isinstance(text, str):
            raise InvalidInput(f"{text!r} is no text: {self.name} is written like {self.format(self._first)!r}.")
        given = [part.partition("=") for part in text[:10_000].split(",")]
        decisions: dict[str, Any] = {}
        for name, equals, shown in given:
            allowed = {str(answer): answer for answer in self.answers.get(name.strip(), ())}
            if not equals or shown.strip() not in allowed or name.strip() in decisions:
                raise InvalidInput(
                    f"{text[:200]!r} is not understood at {name[:50].strip()!r}: "
                    f"{self.name} is written like {self.format(self._first)!r}."
                )
            decisions[name.strip()] = allowed[shown.strip()]
        return self.architecture(decisions)

    def format(self, arch: Architecture) -> str:
        """The answers as "name=answer", separated by commas."""
        return ", ".join(f"{name}={answer}" for name, answer in self._own(arch).decisions.items())

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The string: no two combinations of answers mean the same."""
        self._check_rule(rule)
        return self.format(arch)

    @property
    def _first(self) -> Architecture:
        return Architecture(self, {name: allowed[0] for name, allowed in self.answers.items()})

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self.name}.")


def listed(given: Given) -> Sequence[Answer]:
    """What is allowed, as a list: one value alone is a list of one."""
    return (given,) if isinstance(given, str | int | float | None) else given


def _checked(name: str, given: Sequence[Answer]) -> tuple[Answer, ...]:
    answers = () if isinstance(given, str) else tuple(given)
    texts = [str(answer) for answer in answers]
    if not answers or len(set(texts)) < len(texts):
        raise InvalidInput(f"Question {name!r} needs a list of different answers; got {given!r}.")
    for text in texts:
        if text != text.strip() or not text.isprintable() or set(text) & set(_RESERVED):
            raise InvalidInput(f"Answer {text!r} to {name!r} cannot be written down: leave out {' '.join(_RESERVED)}.")
    return answers
