"""A search space: two methods ask the questions and build the network, everything else is derived from them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName, nearest
from workbench.spaces import encodings
from workbench.spaces.choices import Answer, Choices, Question, Walk
from workbench.spaces.graphs import graph_hash, live_part

if TYPE_CHECKING:
    import optuna
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.spaces.combined.extended import Extended
    from workbench.spaces.combined.joint import Joint
    from workbench.tasks.task import Task

Seed = int | np.random.Generator | None
_ENUMERABLE = 100_000  # architectures that `twins` and `size` are willing to list
_HOPELESS = 10**12  # combinations of answers, feasible or not, beyond which listing is not even begun
_PATIENCE = 1_000  # draws before a rejection loop gives up


class SearchSpace(ABC):
    """Questions whose answers are an architecture.

    A subclass gives `name`, `suggest` and `network`; it may give `parse` and `format` (the literature's own
    string), `canonical` (its own isomorphism rule) and `counts` (a formula instead of building the network).
    `flat` declares that every architecture answers the same questions and that every combination of answers
    is an architecture; sampling and counting are then immediate. Where it is false they walk `suggest`.
    """

    name: str
    flat: bool = False
    canonical_rules: tuple[str, ...] = ("isomorphic", "functional")

    # -- what a space says itself ------------------------------------------------------------------------------

    @abstractmethod
    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Ask every question through `choices.suggest_categorical` and return the graph the answers make.

        Raises `Infeasible` with the reason where answers make no architecture.
        """

    def ask(self, choices: Choices) -> None:
        """Ask the questions of `suggest` without making the graph, for a space that has a quicker way to."""
        self.suggest(choices)

    @abstractmethod
    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The untrained network of `graph` for `task`, its weights drawn from torch's global generator."""

    def gates(self) -> dict[str, tuple[Answer, ...]]:
        """The gates of the elastic form and the options of each, the questions and their answers in most spaces."""
        return {question.name: question.answers for question in self.questions()}

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The elastic form: one module that holds every network whose gates have these `options`, untrained.

        Raises `InvalidInput` for a space that has none.
        """
        from workbench.spaces import catalogue

        known = {name: catalogue.find(name) for name in catalogue.names()}
        able = [name for name, space in known.items() if type(space).elastic is not SearchSpace.elastic]
        raise InvalidInput(
            f"{self.name} has no elastic form, which a supernet is made of: its class lacks the method "
            f"elastic(options, task) -> ElasticNetwork. Spaces that have one: {', '.join(able)}."
        )

    def parse(self, text: str) -> Architecture:
        """The architecture whose string is `text`; raises `InvalidInput`."""
        shown = repr(text[:200] if isinstance(text, str) else text)
        try:
            decisions = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{shown} is no architecture of {self.name}: {error}.") from None
        if not isinstance(decisions, dict):
            raise InvalidInput(f"{shown} is no architecture of {self.name}: a JSON object is expected.")
        return self.architecture(decisions)

    def format(self, arch: Architecture) -> str:
        """The string of `arch`, read back by `parse`."""
        return json.dumps(dict(arch.decisions))

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """A string that is equal for architectures that are equal under `rule`.

        "isomorphic" compares the graphs, "functional" what is left of them without zero and dead edges. Both are
        Weisfeiler-Lehman hashes (Shervashidze et al., 2011) unless the space has a rule of its own.
        """
        self._check_rule(rule)
        graph = self.graph(arch)
        return graph_hash(graph if rule == "isomorphic" else self.live(graph))

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds of the network for `task`; `live` leaves out zero and dead edges."""
        from workbench.networks.counting import count_built
        from workbench.tasks import task as find_task

        task = find_task(task)
        graph = self.live(self.graph(self._own(arch))) if live else self.graph(self._own(arch))
        return count_built(lambda: self.network(graph, task), task.input_shape, task.dtype)

    @property
    def counted_by_formula(self) -> bool:
        """Whether `counts` is a matter of microseconds, rather than of building the network."""
        return type(self).counts is not SearchSpace.counts

    # -- one architecture --------------------------------------------------------------------------------------

    def architecture(self, decisions: Mapping[str, Answer]) -> Architecture:
        """The architecture with these decisions; every question must be answered and no other."""
        walk = Walk(lambda question: self._given(question, decisions))
        self.ask(walk)
        for name in decisions:
            if name not in walk.asked:
                raise UnknownName.of(f"question of {self.name}", name, walk.asked)
        return Architecture(self, walk.decisions)

    def answered_by(self, choices: Choices) -> Architecture:
        """The architecture that `choices` answers: an `optuna.Trial`, for instance."""
        walk = Walk(lambda question: choices.suggest_categorical(question.name, question.answers))
        self.ask(walk)
        return Architecture(self, walk.decisions)

    def graph(self, arch: Architecture) -> nx.DiGraph:
        """The graph of `arch`: operations as `op` on nodes or edges, beside the `question` that chose them."""
        return self.suggest(self._replay(self._own(arch).decisions))

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """`graph` without zero edges and without what lies on no path from an input to an output."""
        return live_part(graph)

    def build(self, arch: Architecture, task: str | Task = "cifar10", seed: int = 0) -> torch.nn.Module:
        """The network of `arch` for `task`, its weights drawn from `seed`; torch's own generator is left alone."""
        import torch

        from workbench.tasks import task as find_task

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network(self.graph(arch), find_task(task))

    def questions(self, arch: Architecture | None = None) -> tuple[Question, ...]:
        """The questions that `arch` answers, or, without `arch`, every question that the space can ask.

        Questions that appear only after two or more particular answers at once are not found without `arch`.
        """
        if arch is None:
            return self._all_questions
        walk = self._replay(self._own(arch).decisions)
        self.ask(walk)
        return tuple(walk.asked.values())

    # -- the whole space ---------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """How many architectures there are.

        A space that is not flat and has no formula of its own is listed; beyond 100,000 that raises `InvalidInput`.
        """
        return prod(len(q.answers) for q in self._all_questions) if self.flat else len(self._listed)

    def enumerate(self) -> Iterator[Architecture]:
        """Every architecture once; the answers to the first question change slowest."""
        if self.flat:
            names = [q.name for q in self._all_questions]
            for answers in product(*(q.answers for q in self._all_questions)):
                yield Architecture(self, zip(names, answers, strict=True))
            return
        prefix: list[int] | None = []
        while prefix is not None:
            walk, taken = self._walk_along(prefix)
            if walk is not None:
                yield Architecture(self, walk.decisions)
            prefix = _next_prefix(taken)

    def sample(self, n: int = 1, seed: Seed = 0) -> list[Architecture]:
        """`n` different architectures, each question answered uniformly."""
        rng = np.random.default_rng(seed)
        if n < 0 or (self._has_formula and n > self.size):
            raise InvalidInput(f"{self.name} has {self.size:,} architectures: {n:,} different ones cannot be drawn.")
        if self._has_formula and 2 * n > self.size:
            every = list(self.enumerate())
            return [every[i] for i in rng.permutation(len(every))[:n]]
        drawn: dict[Architecture, None] = {}
        misses = 0
        while len(drawn) < n:
            for arch in self._draws(n - len(drawn), rng):
                before = len(drawn)
                drawn[arch] = None
                misses = 0 if len(drawn) > before else misses + 1
                if misses > _PATIENCE:
                    words = f"{self.name} gave only {len(drawn)} different architectures; {n} were asked for."
                    raise InvalidInput(words)
        return list(drawn)

    # -- moving about ------------------------------------------------------------------------------------------

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """Every architecture one changed answer away; questions that a change newly asks take their first answer."""
        found: dict[Architecture, None] = {}
        for question in self.questions(arch):
            for answer in question.answers:
                if answer != arch.decisions[question.name]:
                    moved = self._changed(arch, {question.name: answer}, lambda q: q.answers[0])
                    if moved is not None and moved != arch:
                        found[moved] = None
        return list(found)

    def mutate(self, arch: Architecture, seed: Seed = None) -> Architecture:
        """`arch` with one answer changed at random (Real et al., 2019); newly asked questions are drawn."""
        rng = np.random.default_rng(seed)
        questions = [q for q in self.questions(arch) if len(q.answers) > 1]
        for _ in range(_PATIENCE if questions else 0):
            question = questions[rng.integers(len(questions))]
            others = [a for a in question.answers if a != arch.decisions[question.name]]
            moved = self._changed(arch, {question.name: _pick(others, rng)}, lambda q: _pick(q.answers, rng))
            if moved is not None:
                return moved
        raise Infeasible(f"No answer of {arch} can be changed without leaving {self.name}.")

    def crossover(self, a: Architecture, b: Architecture, seed: Seed = None) -> Architecture:
        """A child that takes each answer from `a` or `b` with equal chance (uniform crossover)."""
        rng = np.random.default_rng(seed)
        first, second = self._own(a).decisions, self._own(b).decisions
        for _ in range(_PATIENCE):
            child = self._feasible(lambda q: _inherited(q, first, second, rng))
            if child is not None:
                return child
        raise Infeasible(f"{a} and {b} have no feasible child in {self.name}.")

    def twins(self, arch: Architecture, rule: str = "isomorphic") -> tuple[Architecture, ...]:
        """Every architecture equal to `arch` under `rule`, itself included; for spaces that can be listed."""
        return self.classes(rule)[self.canonical(arch, rule)]

    def function(self, arch: Architecture) -> str:
        """A string equal only for architectures whose networks compute the same function of the same weights.

        It is `canonical(arch, "functional")` unless a space's rule there is coarser.
        """
        return self.canonical(arch, "functional")

    def representative(self, arch: Architecture) -> Architecture:
        """The architecture that stands for all with the `function` of `arch`; it depends on `arch` alone.

        It is the first listed: where "none" is the first answer, as in NAS-Bench-201, one without dead edges. A space
        is listed once, up to 100,000 architectures; in a larger one every architecture stands for itself.
        """
        return self._representatives.get(self.function(arch), arch) if self._representatives else self._own(arch)

    def classes(self, rule: str = "isomorphic") -> Mapping[str, tuple[Architecture, ...]]:
        """Canonical string -> the architectures that share it; made once, for spaces up to 100,000 large."""
        self._check_rule(rule)
        if rule not in self._classes:
            found: dict[str, list[Architecture]] = {}
            for arch in self._listed:
                found.setdefault(self.canonical(arch, rule), []).append(arch)
            self._classes[rule] = {key: tuple(members) for key, members in found.items()}
        return self._classes[rule]

    # -- other views of the space ------------------------------------------------------------------------------

    def restrict(self, answers: Mapping[str, Sequence[Answer]]) -> SearchSpace:
        """The smaller space in which the named questions keep only the given answers."""
        from workbench.spaces.combined.restricted import Restricted

        return Restricted(self, answers)

    def extend(self, answers: Mapping[str, Sequence[Answer]] | Sequence[Answer], copies: int = 1) -> Extended:
        """The larger space in which questions have more answers: operations of the catalogue, or copies of answers.

        `{"0->1": ["sep_conv_3x3"]}` names the questions; a plain list goes to every question about operations. With
        `copies` each answer is there that many times in all, as "none", "none#2" and so on: a poisoned space.
        """
        from workbench.spaces.combined.extended import Extended

        return Extended(self, answers, copies)

    def __add__(self, other: SearchSpace) -> Joint:
        """This space beside a recipe, hardware or precision: `space + recipe + hardware`."""
        from workbench.spaces.combined.joint import Joint

        return Joint(self, other) if isinstance(other, SearchSpace) else NotImplemented

    def encode(self, archs: Sequence[Architecture], kind: str = "one_hot", **settings: object) -> np.ndarray:
        """The architectures as vectors: float32 array of shape (n, d); `kind` is a name in `encodings`."""
        return encodings.encode(self, [self._own(arch) for arch in archs], kind, **settings)

    def distributions(self) -> dict[str, optuna.distributions.CategoricalDistribution]:
        """One Optuna categorical per question, for `study.ask(fixed_distributions=...)`."""
        from optuna.distributions import CategoricalDistribution

        return {q.name: CategoricalDistribution(q.answers) for q in self._all_questions}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    # -- inside ------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, object]:
        # What can be derived again (questions, classes) does not travel to other processes.
        derived = {"_all_questions", "_classes", "_listed", "_representatives"}
        return {key: value for key, value in self.__dict__.items() if key not in derived}

    @property
    def _has_formula(self) -> bool:
        """Whether `size` is known without listing every architecture."""
        return self.flat or type(self).size is not SearchSpace.size

    @cached_property
    def _listed(self) -> tuple[Architecture, ...]:
        # Both are known without walking through them.
        too_large = self.size > _ENUMERABLE if self._has_formula else self._n_combinations > _HOPELESS
        every = () if too_large else tuple(islice(self.enumerate(), _ENUMERABLE + 1))
        if not every or len(every) > _ENUMERABLE:
            raise InvalidInput(f"{self.name} is too large to list: more than {_ENUMERABLE:,} architectures.")
        return every

    @property
    def _n_combinations(self) -> int:
        """How many ways there are to answer every question; no space has more architectures."""
        return prod(len(question.answers) for question in self._all_questions)

    @cached_property
    def _classes(self) -> dict[str, dict[str, tuple[Architecture, ...]]]:
        return {}

    @cached_property
    def _representatives(self) -> Mapping[str, Architecture]:
        """`function` -> the architecture that stands for it; empty for a space too large to list."""
        found: dict[str, Architecture] = {}
        with suppress(InvalidInput):
            for arch in self._listed:
                found.setdefault(self.function(arch), arch)
        return found

    @cached_property
    def _all_questions(self) -> tuple[Question, ...]:
        found: dict[str, Question] = {}
        tried: set[tuple[str, Answer]] = set()
        waiting: list[dict[str, Answer]] = [{}]
        while waiting:
            start = waiting.pop()
            walk = Walk(lambda q, start=start: start.get(q.name, q.answers[0]))  # type: ignore[misc]
            with suppress(Infeasible):  # what was asked before a dead end still counts
                self.ask(walk)
            found |= walk.asked
            if self.flat:
                break
            before: dict[str, Answer] = {}
            for name, question in walk.asked.items():
                for answer in question.answers:
                    if (name, answer) not in tried:
                        tried.add((name, answer))
                        waiting.append(before | {name: answer})
                before = before | {name: walk.decisions[name]}
        return tuple(found.values())

    def _own(self, arch: Architecture) -> Architecture:
        if not isinstance(arch, Architecture):
            raise InvalidInput(f"{arch!r} is no Architecture. Make one with space.parse(text) or space.sample().")
        if arch.space.name != self.name:
            raise InvalidInput(f"{arch} is an architecture of {arch.space.name!r}, not of {self.name!r}.")
        return arch

    def _check_rule(self, rule: str) -> None:
        if rule not in self.canonical_rules:
            raise UnknownName.of("canonical rule", rule, self.canonical_rules)

    def _given(self, question: Question, decisions: Mapping[str, Answer]) -> Answer:
        if question.name not in decisions:
            hint = nearest(question.name, decisions)
            raise InvalidInput(f"Question {question.name!r} of {self.name} is not answered. {hint}")
        return decisions[question.name]

    def _replay(self, decisions: Mapping[str, Answer]) -> Walk:
        return Walk(lambda question: self._given(question, decisions))

    def _feasible(self, answer: Callable[[Question], Answer]) -> Architecture | None:
        if self.flat:
            return Architecture(self, {q.name: answer(q) for q in self._all_questions})
        walk = Walk(answer)
        try:
            self.ask(walk)
        except Infeasible:
            return None
        return Architecture(self, walk.decisions)

    def _draws(self, n: int, rng: np.random.Generator) -> Iterator[Architecture]:
        """`n` architectures, each question answered uniformly; a flat space draws all answers at once."""
        if not self.flat:
            for _ in range(n):
                yield self._draw(rng)
            return
        names = [q.name for q in self._all_questions]
        columns = [[q.answers[i] for i in rng.integers(len(q.answers), size=n)] for q in self._all_questions]
        for answers in zip(*columns, strict=True):
            yield Architecture(self, zip(names, answers, strict=True))

    def _draw(self, rng: np.random.Generator) -> Architecture:
        for _ in range(_PATIENCE):
            arch = self._feasible(lambda q: _pick(q.answers, rng))
            if arch is not None:
                return arch
        raise Infeasible(f"{_PATIENCE} random draws from {self.name} were all infeasible.")

    def _changed(
        self, arch: Architecture, change: dict[str, Answer], otherwise: Callable[[Question], Answer]
    ) -> Architecture | None:
        wanted = dict(arch.decisions) | change
        return self._feasible(lambda q: wanted[q.name] if wanted.get(q.name, _NONE) in q.answers else otherwise(q))

    def _walk_along(self, prefix: list[int]) -> tuple[Walk | None, list[tuple[int, int]]]:
        """Walk with the answers numbered in `prefix`, then first answers; also (number taken, how many) of each."""
        taken: list[tuple[int, int]] = []

        def answer(question: Question) -> Answer:
            number = prefix[len(taken)] if len(taken) < len(prefix) else 0
            taken.append((number, len(question.answers)))
            return question.answers[number]

        walk = Walk(answer)
        try:
            self.ask(walk)
        except Infeasible:
            return None, taken
        return walk, taken


_NONE = object()


def _next_prefix(taken: list[tuple[int, int]]) -> list[int] | None:
    """The next walk in counting order: the last question with an answer left moves on, later ones restart."""
    while taken and taken[-1][0] + 1 == taken[-1][1]:
        taken.pop()
    return [number for number, _ in taken[:-1]] + [taken[-1][0] + 1] if taken else None


def _pick(answers: Sequence[Answer], rng: np.random.Generator) -> Answer:
    return answers[int(rng.integers(len(answers)))]


def _inherited(
    question: Question, a: Mapping[str, Answer], b: Mapping[str, Answer], rng: np.random.Generator
) -> Answer:
    options = [parent[question.name] for parent in (a, b) if parent.get(question.name, _NONE) in question.answers]
    return _pick(options or question.answers, rng)
