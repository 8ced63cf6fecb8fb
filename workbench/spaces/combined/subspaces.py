"""Spaces as individuals: a search space whose architectures are the restrictions of another (SpaceEvo)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.choices import Answer, Choices, Question
from workbench.spaces.combined.restricted import Restricted
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

_BETWEEN = "|"
_MOST = 5  # answers of which every subset is offered; of more, every window


class Subspaces(SearchSpace):
    """The restrictions of `whole`: each of its questions is asked which answers are kept, "none|skip_connect".

    `keep` says what is offered: "subsets" all non-empty subsets, "windows" the runs of neighbouring answers (for
    ordered ones such as widths), None subsets of up to five answers and windows of more. `space(arch)` is the space
    that an architecture stands for, so that spaces are sampled, mutated, crossed, encoded and searched like
    architectures (Wang et al., SpaceEvo, ICCV 2023). Its network, counts and drawing are those of the architecture
    with the last of the answers kept everywhere, the largest one where answers are ordered. Raises `InvalidInput` for
    answers that cannot be told apart in writing.
    """

    flat = True

    def __init__(self, whole: SearchSpace, keep: str | None = None) -> None:
        if keep not in (None, "subsets", "windows"):
            raise InvalidInput(f"keep must be 'subsets', 'windows' or None; got {keep!r}.")
        self.whole = whole
        self.name = f"{whole.name}.subspaces"
        self._kept = {q.name: _offered(q, keep) for q in whole.questions()}

    def space(self, arch: Architecture) -> Restricted:
        """The restriction of the whole space that `arch` stands for; its architectures are the whole's."""
        return Restricted(self.whole, self.kept(arch))

    def kept(self, arch: Architecture) -> dict[str, tuple[Answer, ...]]:
        """Question -> the answers kept."""
        return {name: self._kept[name][str(text)] for name, text in self._own(arch).decisions.items()}

    def around(self, arch: Architecture) -> Architecture:
        """The smallest space with the whole's architecture `arch` in it: one answer kept everywhere it is asked."""
        answers = self.whole._own(arch).decisions
        kept = {q.name: (answers.get(q.name, q.answers[-1]),) for q in self.whole.questions()}
        return Architecture(self, {name: _written(only) for name, only in kept.items()})

    def largest(self, arch: Architecture) -> Architecture:
        """The whole's architecture with the last of the answers kept; raises `Infeasible` where there is none."""
        kept = self.kept(arch)
        return self.whole.answered_by(_Last(kept))

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Every question of the whole space; the graph is the largest architecture's, showing what is kept."""
        kept = {name: str(choices.suggest_categorical(name, tuple(offered))) for name, offered in self._kept.items()}
        arch = self.largest(Architecture(self, kept))
        graph = self.whole.graph(arch)
        for *_, data in (*graph.nodes(data=True), *graph.edges(data=True)):
            if "op" in data and "question" in data:
                text = kept[data["question"]]
                several = len(self._kept[data["question"]][text]) > 1
                data.update(op=text, zero=bool(data.get("zero")) and not several)
        graph.graph["largest"] = dict(arch.decisions)
        return graph

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        for name, offered in self._kept.items():
            choices.suggest_categorical(name, tuple(offered))

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The network of the largest architecture."""
        arch = Architecture(self.whole, graph.graph["largest"])
        return self.whole.network(self.whole.graph(arch), task)

    @property
    def counted_by_formula(self) -> bool:
        """The whole space's."""
        return self.whole.counted_by_formula

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """The counts of the largest architecture."""
        return self.whole.counts(self.largest(arch), task, live)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The string: spaces of different answers are different spaces."""
        self._check_rule(rule)
        return self.format(arch)


class _Last:
    """Choices that take the last of the answers kept."""

    def __init__(self, kept: Mapping[str, tuple[Answer, ...]]) -> None:
        self._kept = kept

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        return self._kept[name][-1] if name in self._kept else choices[-1]


def _offered(question: Question, keep: str | None) -> dict[str, tuple[Answer, ...]]:
    """What may be kept of a question's answers, in writing and as it is: the smallest first."""
    answers = question.answers
    subsets = keep == "subsets" or (keep is None and len(answers) <= _MOST)
    found = list(_subsets(answers) if subsets else _windows(answers))
    offered = {_written(kept): kept for kept in found}
    if len(offered) < len(found) or any(_BETWEEN in str(answer) for answer in answers):
        raise InvalidInput(f"The answers to {question.name!r} cannot be told apart in writing: {answers!r}.")
    return offered


def _subsets(answers: tuple[Answer, ...]) -> Iterator[tuple[Answer, ...]]:
    for size in range(1, len(answers) + 1):
        yield from combinations(answers, size)


def _windows(answers: tuple[Answer, ...]) -> Iterator[tuple[Answer, ...]]:
    for size in range(1, len(answers) + 1):
        for start in range(len(answers) - size + 1):
            yield answers[start : start + size]


def _written(kept: tuple[Answer, ...]) -> str:
    return _BETWEEN.join(map(str, kept))
