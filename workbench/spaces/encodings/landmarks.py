"""The landmarks of a space: the same architectures each time, by which encodings find their columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from workbench.architecture import Architecture
from workbench.errors import Infeasible
from workbench.spaces.choices import Answer
from workbench.spaces.encodings.wiring import Wiring, wiring

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_QUIET = 256  # draws without anything new after which all is taken to have been seen
_BUDGET = 65_536  # operations of all draws together after which no more are drawn
_PATIENCE = 20_000  # draws, in a space where most answers make no architecture
_EXAMPLES = 8  # landmarks on which a question is tried out


class Leaning:
    """Choices that give the answers of `wanted` where they are allowed, and random ones elsewhere."""

    def __init__(self, rng: np.random.Generator, wanted: Mapping[str, Answer] | None = None) -> None:
        self._rng = rng
        self._wanted = wanted or {}

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """The wanted answer, or one of `choices` at random."""
        if name in self._wanted and self._wanted[name] in choices:
            return self._wanted[name]
        return choices[int(self._rng.integers(len(choices)))]


@lru_cache(maxsize=64)
def landmarks(space: SearchSpace) -> tuple[tuple[Architecture, Wiring], ...]:
    """Random architectures of `space` with their wirings, drawn from a fixed seed, each with something new about it.

    Draws go on until 256 in a row have shown no new place and no new operation at a place. What the landmarks have
    (places, operations, wires) gives the columns of an encoding: these depend on the space alone, never on the
    architectures that are encoded. In a space of very many places the draws end before all have been seen.
    """
    kept: list[tuple[Architecture, Wiring]] = []
    seen: set[object] = set()
    wired: set[object] = set()
    quiet = budget = 0
    for arch in _draws(space):
        wires = wiring(space.graph(arch))
        fresh = set(zip(wires.slots, wires.labels, strict=True)) - seen
        laid = {(wires.slots[a], wires.slots[b]) for a, b in wires.edges()} - wired
        seen |= fresh
        wired |= laid
        if fresh or laid or len(kept) < _EXAMPLES:
            kept.append((arch, wires))
        quiet = 0 if fresh else quiet + 1
        budget += len(wires.slots)
        if quiet == _QUIET or budget > _BUDGET:
            break
    return tuple(kept)


@lru_cache(maxsize=64)
def union(space: SearchSpace) -> Wiring | None:
    """Every place and wire of the landmarks in one wiring, without labels and questions.

    None where two landmarks use places in opposite order, so that there is no order for all.
    """
    graph = nx.DiGraph()
    for _, wires in landmarks(space):
        graph.add_nodes_from((slot, {"role": role}) for slot, role in zip(wires.slots, wires.roles, strict=True))
        graph.add_edges_from((wires.slots[a], wires.slots[b]) for a, b in wires.edges())
    if not nx.is_directed_acyclic_graph(graph):
        return None
    seen = {slot: i for i, slot in enumerate(graph)}
    order = list(nx.lexicographical_topological_sort(graph, key=seen.__getitem__))
    place = {slot: i for i, slot in enumerate(order)}
    roles = tuple(graph.nodes[slot]["role"] for slot in order)
    sources = tuple(tuple(sorted(place[source] for source in graph.pred[slot])) for slot in order)
    return Wiring(tuple(order), ("",) * len(order), roles, ((),) * len(order), sources)


@lru_cache(maxsize=64)
def slots(space: SearchSpace) -> tuple[Hashable, ...]:
    """Every place that an operation has in the landmarks: in topological order, or else in that of first sight."""
    together = union(space)
    if together is not None:
        return together.slots
    return tuple(dict.fromkeys(slot for _, wires in landmarks(space) for slot in wires.slots))


def settings(space: SearchSpace) -> tuple[str, ...]:
    """The questions that neither choose an operation of the graph nor change its wiring: a resolution, say."""
    shown = {name for _, wires in landmarks(space) for names in wires.questions for name in names}
    return tuple(q.name for q in space.questions() if q.name not in shown and not _is_wiring(space, q.name, q.answers))


def shape(wires: Wiring) -> tuple[Any, ...]:
    """What makes two wirings alike whatever their operations."""
    return wires.slots, wires.sources


def _draws(space: SearchSpace) -> Iterator[Architecture]:
    """Architectures without end, until most draws have long been infeasible."""
    choices = Leaning(np.random.default_rng(0))
    for _ in range(_PATIENCE):
        with suppress(Infeasible):
            yield space.answered_by(choices)


def _is_wiring(space: SearchSpace, name: str, answers: Sequence[Answer]) -> bool:
    """Whether another answer to the question gives some of the first landmarks that ask it another shape."""
    asked = [(arch, wires) for arch, wires in landmarks(space) if name in arch.decisions][:_EXAMPLES]
    for arch, wires in asked:
        for answer in answers:
            choices = Leaning(np.random.default_rng(0), {**arch.decisions, name: answer})
            with suppress(Infeasible):
                if shape(wiring(space.graph(space.answered_by(choices)))) != shape(wires):
                    return True
    return False
