"""A choice of spaces: the first question picks one of several search spaces, whose own questions follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.choices import Answer, Choices, Question
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task


class OneOf(SearchSpace):
    """The spaces of `members` side by side: `OneOf("cell", {"nasbench201": space, "darts": other})`.

    `question` asks for a member's name; the member's questions follow as "<name>.<question>", so that nothing is asked
    about the others. An architecture is written "<name>: <the member's string>". Raises `InvalidInput` for names
    with a colon and for no members.
    """

    def __init__(self, question: str, members: Mapping[str, SearchSpace]) -> None:
        if not members or any(not isinstance(space, SearchSpace) for space in members.values()):
            raise InvalidInput(f"A choice of spaces needs a dictionary of search spaces; got {members!r}.")
        if any(not name or ":" in name or name != name.strip() for name in members):
            raise InvalidInput(f"Names of spaces have no colon and no blanks around them; got {list(members)!r}.")
        self.question = question
        self.members = dict(members)
        self.name = f"{question} of {' or '.join(self.members)}"
        rules = [space.canonical_rules for space in self.members.values()]
        self.canonical_rules = tuple(rule for rule in rules[0] if all(rule in others for others in rules))

    def member(self, arch: Architecture) -> Architecture:
        """`arch` as an architecture of the space it chose, for that space's tables."""
        name = self._chosen(arch)
        start = len(name) + 1
        inside = [(asked[start:], a) for asked, a in arch.decisions.items() if asked != self.question]
        return Architecture(self.members[name], inside)

    def within(self, name: str, arch: Architecture) -> Architecture:
        """The architecture that chooses the member `name` and answers as `arch` does."""
        own = self.members[name]._own(arch).decisions
        return Architecture(self, {self.question: name, **{f"{name}.{asked}": a for asked, a in own.items()}})

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The member's name, then its questions; the graph is the member's."""
        name = str(choices.suggest_categorical(self.question, list(self.members)))
        graph = self.members[name].suggest(_Prefixed(choices, f"{name}."))
        for *_, data in (*graph.nodes(data=True), *graph.edges(data=True)):
            if "question" in data:
                data["question"] = f"{name}.{data['question']}"
            if "questions" in data:
                data["questions"] = tuple(f"{name}.{asked}" for asked in data["questions"])
        graph.graph["member"] = name
        return graph

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        name = str(choices.suggest_categorical(self.question, list(self.members)))
        self.members[name].ask(_Prefixed(choices, f"{name}."))

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The member's network."""
        return self.members[graph.graph["member"]].network(graph, task)

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """The member's rule."""
        live = self.members[graph.graph["member"]].live(graph)
        live.graph.update(graph.graph)
        return live

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """The member's counts."""
        own = self.member(arch)
        return own.space.counts(own, task, live)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The member's canonical string behind its name: members are taken for different."""
        self._check_rule(rule)
        own = self.member(arch)
        return f"{self._chosen(arch)}: {own.space.canonical(own, rule)}"

    def function(self, arch: Architecture) -> str:
        """The member's string behind its name."""
        own = self.member(arch)
        return f"{self._chosen(arch)}: {own.space.function(own)}"

    def parse(self, text: str) -> Architecture:
        """The architecture of "<name>: <the member's string>"; raises `InvalidInput`."""
        name, colon, inside = text.partition(": ") if isinstance(text, str) else ("", "", "")
        if not colon or name not in self.members:
            raise InvalidInput(
                f"{str(text)[:200]!r} is no architecture of {self.name}: write one of {', '.join(self.members)}, "
                "a colon and the architecture."
            )
        return self.within(name, self.members[name].parse(inside))

    def format(self, arch: Architecture) -> str:
        """The member's name and string."""
        return f"{self._chosen(arch)}: {self.member(arch)}"

    @property
    def size(self) -> int:
        """The sum of the members' sizes."""
        return sum(space.size for space in self.members.values())

    def enumerate(self) -> Iterator[Architecture]:
        """Every architecture of one member after the other's."""
        for name, space in self.members.items():
            for arch in space.enumerate():
                yield self.within(name, arch)

    @cached_property
    def _all_questions(self) -> tuple[Question, ...]:
        inside = [
            Question(f"{name}.{question.name}", question.answers)
            for name, space in self.members.items()
            for question in space.questions()
        ]
        return (Question(self.question, tuple(self.members)), *inside)

    def _chosen(self, arch: Architecture) -> str:
        return str(self._own(arch).decisions[self.question])


class _Prefixed:
    """Choices whose question names get a prefix."""

    def __init__(self, choices: Choices, prefix: str) -> None:
        self._choices = choices
        self._prefix = prefix

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        return self._choices.suggest_categorical(self._prefix + name, choices)
