"""An extended space: another space's questions with more answers, new operations or copies of the old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.networks.copies import copies as copies_of
from workbench.networks.copies import original
from workbench.spaces.choices import Answer, Choices, Question, Walk, Widened
from workbench.spaces.graphs import graph_hash
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

_LONG = 80  # letters of a name before its end is replaced by a digest


class Extended(SearchSpace):
    """`whole` with the `added` answers, made by `whole.extend(...)`.

    A copy ("none#2") is drawn, hashed and built as its original and counts as the same architecture under every
    canonical rule. An architecture that uses only the whole's operations is written as the whole writes it, any
    other as JSON. Raises `UnknownName` for questions and operations that do not exist, `InvalidInput` for answers that
    are there already and for those that the whole space cannot take.
    """

    def __init__(
        self, whole: SearchSpace, answers: Mapping[str, Sequence[Answer]] | Sequence[Answer], copies: int = 1
    ) -> None:
        if isinstance(copies, bool) or not isinstance(copies, int) or copies < 1:
            raise InvalidInput(f"copies must be a whole number, 1 or more; got {copies!r}.")
        self.whole = whole
        self.flat = whole.flat
        self.canonical_rules = whole.canonical_rules
        asked = {question.name: question for question in whole.questions()}
        wanted = answers if isinstance(answers, Mapping) else _everywhere(whole, answers)
        for name in wanted:
            if name not in asked:
                raise UnknownName.of(f"question of {whole.name}", name, asked)
        self.added = {name: _more(asked[name], given, copies) for name, given in wanted.items()}
        self._new = {  # what is no copy of an answer of the whole space
            (name, answer)
            for name, more in self.added.items()
            for answer in more
            if _plain(answer) not in asked[name].answers
        }
        _refuse_strangers(asked, self._new)
        self._zeros = frozenset(str(answer) for _, answer in self._new if _is_zero(answer))
        self.name = f"{whole.name}[{_described(self.added, asked)}]"
        self._try()

    def original(self, arch: Architecture) -> Architecture:
        """The architecture of the whole space that `arch` is, for its tables; copies become their originals.

        Raises `InvalidInput` where `arch` uses an operation that the whole space does not have.
        """
        own = self._originals(arch)
        if own is None:
            used = ", ".join(repr(answer) for name, answer in arch.decisions.items() if (name, answer) in self._new)
            raise InvalidInput(f"{arch} uses {used}, which {self.whole.name} does not have: it has no original there.")
        return own

    # -- what a space says itself --------------------------------------------------------------------------------

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The whole space's questions with more answers; its graph, where a copy stands as its original."""
        graph = self.whole.suggest(Widened(choices, self.added))
        for *_, data in (*graph.nodes(data=True), *graph.edges(data=True)):
            if data.get("op") in self._zeros:
                data["zero"] = True
        return graph

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        self.whole.ask(Widened(choices, self.added))

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """The whole space's rule."""
        return self.whole.live(graph)

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The whole space's, with the added operations among the options."""
        return self.whole.elastic(options, task, **settings)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The whole space's network; raises `InvalidInput` where that cannot take a new answer."""
        try:
            return self.whole.network(graph, task)
        except (KeyError, IndexError, TypeError) as error:
            raise InvalidInput(f"The network of {self.whole.name} cannot take the answers added: {error!r}.") from error

    @property
    def counted_by_formula(self) -> bool:
        """The whole space's; a network with operations beyond it is built."""
        return self.whole.counted_by_formula

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """The whole space's counts where it has them, else those of the built network."""
        own = self._originals(arch)
        return super().counts(arch, task, live) if own is None else self.whole.counts(own, task, live)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The whole space's rule for its own operations; with a new one the hash of the (live) graph."""
        self._check_rule(rule)
        own = self._originals(arch)
        if own is not None:
            return self.whole.canonical(own, rule)
        graph = self.graph(arch)
        return graph_hash(graph if rule == "isomorphic" else self.live(graph))

    def function(self, arch: Architecture) -> str:
        """The whole space's string for its own operations; with a new one the hash of the live graph."""
        own = self._originals(arch)
        return self.canonical(arch, "functional") if own is None else self.whole.function(own)

    def parse(self, text: str) -> Architecture:
        """The architecture of the whole space's string or of JSON; raises `InvalidInput`."""
        if isinstance(text, str) and text.lstrip().startswith("{"):
            return super().parse(text)
        return self.architecture(self.whole.parse(text).decisions)

    def format(self, arch: Architecture) -> str:
        """The whole space's string, or JSON where an answer has been added."""
        if any(answer in self.added.get(name, ()) for name, answer in self._own(arch).decisions.items()):
            return super().format(arch)
        return self.whole.format(Architecture(self.whole, arch.decisions))

    # -- inside --------------------------------------------------------------------------------------------------

    def _originals(self, arch: Architecture) -> Architecture | None:
        """`arch` in the whole space, None where it uses a new operation."""
        decisions = self._own(arch).decisions
        if any(decision in self._new for decision in decisions.items()):
            return None
        return Architecture(
            self.whole,
            {name: _plain(a) if a in self.added.get(name, ()) else a for name, a in decisions.items()},
        )

    def _try(self) -> None:
        """Give every new answer once, so that one which the whole space cannot take is refused now."""
        for name, answer in sorted(self._new, key=str):
            walk = Walk(lambda q, name=name, answer=answer: answer if q.name == name else q.answers[0])  # type: ignore[misc]
            try:
                self.suggest(walk)
            except Infeasible:  # it may still be feasible beside other answers
                continue
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise InvalidInput(f"{self.whole.name} cannot take {answer!r} for {name!r}: {error!r}.") from error


def _plain(answer: Answer) -> Answer:
    return original(answer) if isinstance(answer, str) else answer


def _everywhere(whole: SearchSpace, answers: Sequence[Answer]) -> dict[str, Sequence[Answer]]:
    """The same answers for every question about operations."""
    if isinstance(answers, str):
        raise InvalidInput(f"extend takes a list of answers or a dictionary of lists; got {answers!r}.")
    found: dict[str, Sequence[Answer]] = {q.name: list(answers) for q in whole.questions() if _about_operations(q)}
    if not found:
        raise InvalidInput(f"No question of {whole.name} is about operations: name the questions in a dictionary.")
    return found


def _about_operations(question: Question) -> bool:
    """Whether the answers are operations: two, because a recipe may answer "none" as well."""
    from workbench.networks.operations import is_operation

    return sum(map(is_operation, question.answers)) > 1


def _more(question: Question, given: Sequence[Answer], copies: int) -> tuple[Answer, ...]:
    """The answers that `question` gets: those given and their copies, without the ones it has."""
    if isinstance(given, str) or not given:
        raise InvalidInput(f"Question {question.name!r} needs a non-empty list of answers to add, not {given!r}.")
    found: dict[Answer, None] = {}
    for answer in given:
        if copies > 1 and not isinstance(answer, str):
            raise InvalidInput(f"Only operations have copies; {answer!r} is none.")
        for name in copies_of(answer, copies) if isinstance(answer, str) else (answer,):
            if name not in question.answers:
                found[name] = None
    if not found:
        raise InvalidInput(
            f"Question {question.name!r} has the answers {given!r} already: copies=2 makes a second one of each."
        )
    return tuple(found)


def _refuse_strangers(asked: Mapping[str, Question], new: set[tuple[str, Answer]]) -> None:
    """A new answer is of the kind of the old ones: an operation of the catalogue where they are operations."""
    for name, answer in sorted(new, key=str):
        old = asked[name].answers
        if not any(type(known) is type(answer) for known in old):
            kinds = ", ".join(map(repr, old))
            raise InvalidInput(f"{answer!r} is of another kind than the answers to {name!r}: {kinds}.")
        if isinstance(answer, str):
            from workbench.networks.operations import catalogue, is_operation

            if _about_operations(asked[name]) and not is_operation(answer):
                raise UnknownName.of("operation", original(answer), catalogue.names())


def _is_zero(answer: Answer) -> bool:
    from workbench.networks.operations import find, is_operation

    return isinstance(answer, str) and is_operation(answer) and find(answer).zero


def _described(added: Mapping[str, tuple[Answer, ...]], asked: Mapping[str, Question]) -> str:
    """What is added, in words: "none*16", or "0->1: sep_conv_3x3; 0->2: none*2" where questions differ."""
    words = {name: _counted(more, asked[name]) for name, more in added.items()}
    everywhere = len(set(words.values())) == 1 and len(words) > 1
    text = next(iter(words.values())) if everywhere else "; ".join(f"{name}: {w}" for name, w in words.items())
    if everywhere and len(words) < len(asked):
        text = f"{','.join(words)}: {text}"
    if len(text) <= _LONG:
        return text
    return f"{text[:_LONG]}... {blake2b(text.encode(), digest_size=4).hexdigest()}"


def _counted(more: Sequence[Answer], question: Question) -> str:
    totals: dict[Answer, int] = {}
    for answer in more:
        plain = _plain(answer)
        totals[plain] = totals.get(plain, int(plain in question.answers)) + 1
    return ", ".join(f"{answer}*{n}" if n > 1 else str(answer) for answer, n in totals.items())
