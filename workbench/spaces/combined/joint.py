"""The sum of search spaces: one space builds the network, the others ask about what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, product
from math import prod
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.spaces.choices import Answer, Choices, Question
from workbench.spaces.combined.sides import Side
from workbench.spaces.space import SearchSpace, Seed

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

BETWEEN = " ; "  # stands between the parts in a string


class Joint(SearchSpace):
    """`space + recipe + hardware`: every combination of the parts' architectures, moved about part by part.

    `parts` holds the space that builds networks, then the sides in the order given. The graph is that space's; the
    answers of a side stand in it as `graph.graph[side.name]`. Raises `InvalidInput` where two parts build networks or
    ask questions of the same name.
    """

    def __init__(self, *spaces: SearchSpace) -> None:
        parts = list(chain.from_iterable(s.parts if isinstance(s, Joint) else (s,) for s in spaces))
        building = [part for part in parts if not isinstance(part, Side)]
        if len(building) > 1:
            raise InvalidInput(
                f"Only one part of a sum can build networks; {' and '.join(p.name for p in building)} all do. "
                "Recipes, hardware and precisions are side spaces."
            )
        self.sides = tuple(part for part in parts if isinstance(part, Side))
        self.parts: tuple[SearchSpace, ...] = (*building, *self.sides)
        self.name = "+".join(part.name for part in self.parts)
        self.flat = all(part.flat for part in self.parts)
        self.canonical_rules = self.parts[0].canonical_rules
        _refuse_clashes(self.parts)

    # -- the parts of an architecture ----------------------------------------------------------------------------

    def split(self, arch: Architecture) -> tuple[Architecture, ...]:
        """The architecture of each part, in the order of `parts`."""
        decisions = dict(self._own(arch).decisions)
        beside = [Architecture(side, [(name, decisions.pop(name)) for name in side.answers]) for side in self.sides]
        rest = [Architecture(part, decisions) for part in self.parts[: len(self.parts) - len(beside)]]
        return (*rest, *beside)

    def part(self, arch: Architecture, space: SearchSpace | str) -> Architecture:
        """The architecture of one part, a space or its name: what that part's tables and proxies know."""
        name = space if isinstance(space, str) else space.name
        found = {part.name: own for part, own in zip(self.parts, self.split(arch), strict=True)}
        if name not in found:
            raise UnknownName.of(f"part of {self.name}", name, found)
        return found[name]

    def join(self, *archs: Architecture) -> Architecture:
        """The architecture made of one of each part, in the order of `parts`."""
        if len(archs) != len(self.parts):
            raise InvalidInput(f"{self.name} joins {len(self.parts)} architectures, one a part; got {len(archs)}.")
        decisions: dict[str, Answer] = {}
        for part, arch in zip(self.parts, archs, strict=True):
            decisions |= part._own(arch).decisions
        return Architecture(self, decisions)

    # -- what a space says itself --------------------------------------------------------------------------------

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """The questions of every part; the graph is the first part's."""
        graph = self.parts[0].suggest(choices)
        for side in self.parts[1:]:
            # A space may ask about the same subject: a benchmark's recipe and one more question about it.
            graph.graph[side.name] = graph.graph.get(side.name, {}) | side.suggest(choices).graph[side.name]
        return graph

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        for part in self.parts:
            part.ask(choices)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The first part's network, as the sides change it."""
        network = self.parts[0].network(graph, task)
        for side in self.sides:
            network = side.changed(network, graph.graph[side.name])
        return network

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The first part's, as the sides change it; a side that changes no network leaves gates that nothing reads."""
        own = {name: allowed for name, allowed in options.items() if not any(name in s.answers for s in self.sides)}
        network = self.parts[0].elastic(own, task, **settings)
        for side in self.sides:
            beside = {name: tuple(allowed) for name, allowed in options.items() if name in side.answers}
            side.changed_elastic(network, beside)
            network.options |= beside
        return network

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """The first part's rule; the sides' answers stay."""
        live = self.parts[0].live(graph)
        live.graph.update(graph.graph)
        return live

    @property
    def counted_by_formula(self) -> bool:
        """The first part's."""
        return self.parts[0].counted_by_formula

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """The first part's counts: no side changes the number of parameters or of multiply-adds."""
        return self.parts[0].counts(self.split(arch)[0], task, live)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The first part's canonical string and the sides' answers."""
        self._check_rule(rule)
        first, *beside = self.split(arch)
        return BETWEEN.join([self.parts[0].canonical(first, rule), *map(str, beside)])

    def function(self, arch: Architecture) -> str:
        """The first part's string and the sides' answers."""
        first, *beside = self.split(arch)
        return BETWEEN.join([self.parts[0].function(first), *map(str, beside)])

    def parse(self, text: str) -> Architecture:
        """The parts' strings separated by " ; "; raises `InvalidInput`."""
        texts = text.rsplit(BETWEEN, len(self.parts) - 1) if isinstance(text, str) else []
        if len(texts) != len(self.parts):
            raise InvalidInput(
                f"{str(text)[:200]!r} is no architecture of {self.name}: write its {len(self.parts)} parts with "
                f"{BETWEEN!r} between them."
            )
        return self.join(*(part.parse(piece) for part, piece in zip(self.parts, texts, strict=True)))

    def format(self, arch: Architecture) -> str:
        """The parts' strings, separated by " ; "."""
        return BETWEEN.join(map(str, self.split(arch)))

    # -- the whole space: a product ------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """The product of the parts' sizes."""
        return prod(part.size for part in self.parts)

    def enumerate(self) -> Iterator[Architecture]:
        """Every architecture once; the first part changes slowest."""
        beside = [list(side.enumerate()) for side in self.parts[1:]]
        for first in self.parts[0].enumerate():
            for others in product(*beside):
                yield self.join(first, *others)

    # -- moving about: one part moves, as it moves by itself -----------------------------------------------------

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """Every architecture one step of one part away."""
        own = self.split(arch)
        return [
            self.join(*own[:i], near, *own[i + 1 :])
            for i, part in enumerate(self.parts)
            for near in part.neighbors(own[i])
        ]

    def mutate(self, arch: Architecture, seed: Seed = None) -> Architecture:
        """`arch` with one part mutated, drawn with the number of its questions as weight."""
        rng = np.random.default_rng(seed)
        own = list(self.split(arch))
        free = [sum(len(q.answers) > 1 for q in part.questions(a)) for part, a in zip(self.parts, own, strict=True)]
        if not any(free):
            raise Infeasible(f"No answer of {arch} can be changed without leaving {self.name}.")
        i = int(rng.choice(len(own), p=np.array(free) / sum(free)))
        own[i] = self.parts[i].mutate(own[i], rng)
        return self.join(*own)

    def crossover(self, a: Architecture, b: Architecture, seed: Seed = None) -> Architecture:
        """A child whose every part is a child of its parents' parts."""
        rng = np.random.default_rng(seed)
        pairs = zip(self.parts, self.split(a), self.split(b), strict=True)
        return self.join(*(part.crossover(one, other, rng) for part, one, other in pairs))

    # -- inside --------------------------------------------------------------------------------------------------

    @cached_property
    def _all_questions(self) -> tuple[Question, ...]:
        return tuple(chain.from_iterable(part.questions() for part in self.parts))

    def _draw(self, rng: np.random.Generator) -> Architecture:
        return self.join(*(part._draw(rng) for part in self.parts))


def _refuse_clashes(parts: tuple[SearchSpace, ...]) -> None:
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise InvalidInput(f"The parts of a sum need different names; got {', '.join(names)}.")
    asked: dict[str, str] = {}
    for part in parts:
        for question in part.questions():
            if question.name in asked:
                raise InvalidInput(
                    f"Both {asked[question.name]} and {part.name} ask {question.name!r}: give one of them another name."
                )
            asked[question.name] = part.name
