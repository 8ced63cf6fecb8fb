"""Repeated blocks of a graph folded into one node each, which says how often, and which questions are inside."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import networkx as nx

from workbench.layouts import position
from workbench.palette import clipped, look

LARGE = 200  # nodes above which a drawing is folded without being asked
_FEWEST = {1: 3}  # of one node in a row; of longer blocks two are enough


class Repeat(NamedTuple):
    """A block of `period` nodes that stands `times` times in a row, from the node at `start` of the order."""

    start: int
    period: int
    times: int

    @property
    def end(self) -> int:
        """The place behind its last node."""
        return self.start + self.period * self.times


class Fold(NamedTuple):
    """A repeated block as the reader meets it: its id, which stays while its first and last nodes do, and its name."""

    id: str
    label: str


class Collapsed(NamedTuple):
    """A graph with its repeated blocks folded, the part of it that is live, and the blocks: folded and expanded."""

    graph: nx.DiGraph
    live: nx.DiGraph | None
    folded: tuple[Fold, ...]
    expanded: tuple[Fold, ...]


def collapsed(
    graph: nx.DiGraph,
    live: nx.DiGraph | None = None,
    expanded: Iterable[str] = (),
    checkpoint: Callable[[], None] = lambda: None,
) -> Collapsed:
    """Fold every run of repeated blocks of a directed acyclic `graph` into one node, but for those `expanded`.

    A block repeats where consecutive stretches of the topological order have the same operations, the same edges
    inside and between them, and otherwise the same neighbours. An expanded block is folded once more inside, where
    something repeats there. A folded node has the attributes `fold` (its id), `label`, `questions` (all that live
    inside) and, where it is one operation over and over, `like` (the operation). Ids of no block are ignored; a
    block between the ends of an expanded one counts as expanded, so that an edit inside does not fold it again.
    `checkpoint` is called all along, and may raise to give up.
    """
    sequence = _Sequence(graph, live, checkpoint)
    opened = _Opened(expanded, sequence.place)
    closed: list[tuple[Repeat, Fold]] = []
    shown: list[Fold] = []
    for repeat in sequence.repeats(0, len(sequence.order)):
        fold = sequence.fold(repeat, 0)
        if not opened(repeat, 0):
            closed.append((repeat, fold))
            continue
        shown.append(fold)
        for inner in sequence.repeats(repeat.start, repeat.start + repeat.period):
            for shift in range(0, repeat.period * repeat.times, repeat.period):
                moved = inner._replace(start=inner.start + shift)
                fold = sequence.fold(moved, 1)
                if opened(moved, 1):
                    shown.append(fold)
                else:
                    closed.append((moved, fold))
    return Collapsed(*_contracted(graph, live, sequence, closed), tuple(fold for _, fold in closed), tuple(shown))


class _Opened:
    """Which blocks have been expanded, told by where the ends of the expanded ones stand now."""

    def __init__(self, ids: Iterable[str], place: Mapping[Hashable, int]) -> None:
        places = {str(name): at for name, at in place.items()}
        self._ranges: list[tuple[int, int, int]] = []
        for name in ids:
            try:
                level, first, last = json.loads(name)
                self._ranges.append((level, places[first], places[last]))
            except (KeyError, TypeError, ValueError):
                continue  # a block of a drawing before this one

    def __call__(self, repeat: Repeat, level: int) -> bool:
        return any(level == of and first <= repeat.start and repeat.end - 1 <= last for of, first, last in self._ranges)


class _Sequence:
    """A graph as a sequence of nodes in topological order, each with a sign of what it is and how it is wired."""

    def __init__(self, graph: nx.DiGraph, live: nx.DiGraph | None, checkpoint: Callable[[], None]) -> None:
        self.graph = graph
        self._checkpoint = checkpoint
        self.order: list[Hashable] = list(nx.lexicographical_topological_sort(graph, key=position(graph)))
        self.place = {name: at for at, name in enumerate(self.order)}
        self._kinds = [
            (*_kind(at, graph.nodes[name]), live is None or name in live) for at, name in enumerate(self.order)
        ]
        self._sources = [
            frozenset((self.place[a], *_passed(data)) for a, _, data in graph.in_edges(b, data=True))
            for b in self.order
        ]
        self._targets = [frozenset((self.place[b], None, False) for b in graph.successors(a)) for a in self.order]
        self._far = [
            max((abs(end - at) for end, *_ in self._sources[at] | self._targets[at]), default=0)
            for at in range(len(self.order))
        ]
        self._into, self._out = self._signs(self._sources), self._signs(self._targets)

    def repeats(self, start: int, stop: int) -> list[Repeat]:
        """The runs of repeated blocks between two places that together leave the fewest nodes when folded."""
        found: list[Repeat] = []
        crossing = self._crossing()
        for period in range(1, (stop - start) // 2 + 1):
            self._checkpoint()
            into = self._alike(self._into, self._sources, period, start, stop, found)
            if sum(into) < period or max(_stretches(into)) < period:
                continue
            out = self._alike(self._out, self._targets, period, start, stop, found)
            found += self._runs(_stretches(into), _stretches(out), period, start, crossing)
        return _lightest(found)

    def _runs(
        self, entered: Sequence[int], left: Sequence[int], period: int, start: int, crossing: Sequence[int]
    ) -> Iterator[Repeat]:
        """Runs of equal blocks: all are entered alike, and all but the last are left alike."""
        at = 0
        while at < len(entered):
            times = _times(entered, left, at, period)
            run = None
            if times >= _FEWEST.get(period, 2):
                # Where the run could begin later too, it begins where the fewest edges lead from block to block.
                begins = range(at, min(at + period, len(entered)))
                begins_alike = [i for i in begins if _times(entered, left, i, period) == times]
                best = min(begins_alike, key=lambda i: (crossing[start + i + period], i))
                run = self._closed(Repeat(start + best, period, times))
            if run is not None:
                yield run
            at = at + 1 if run is None else run.end - start - period + 1

    def _closed(self, run: Repeat) -> Repeat | None:
        """The longest part of a run outside which no block but the last has neighbours of its own."""
        reach = max(self._far[run.start : run.end])
        while run.times >= _FEWEST.get(run.period, 2):
            last = run.end - run.period
            leaving = [
                (at, target)
                for at in range(max(run.start, run.end - reach), last)
                for target, *_ in self._targets[at]
                if target >= run.end
            ]
            if all(self._leaves_alike(run, at, target) for at, target in leaving):
                return run
            run = run._replace(times=run.times - 1)
        return None

    def _leaves_alike(self, run: Repeat, at: int, target: int) -> bool:
        """Whether an edge out of the run is one that the last block has too, or one that leads on as many blocks."""
        offset = (at - run.start) % run.period
        ahead = run.start + offset + target - at
        shared = (target, None, False) in self._targets[run.end - run.period + offset]
        return shared or (ahead < run.end and (ahead, None, False) in self._targets[run.start + offset])

    def fold(self, repeat: Repeat, level: int) -> Fold:
        """The id and the name of a run."""
        first, last = self.order[repeat.start], self.order[repeat.end - 1]
        name = f"block of {repeat.period}"
        if repeat.period == 1:
            data = self.graph.nodes[first]
            name = look(data["op"]).label if data.get("op") is not None else str(data.get("label", "node"))
        return Fold(json.dumps([level, str(first), str(last)]), clipped(f"×{repeat.times} {name}"))

    def _signs(self, ends: Sequence[frozenset[Any]]) -> list[int]:
        """A number per node, equal where nodes of one kind have ends at the same distances."""
        signs: dict[Any, int] = {}
        wired = [(kind, _from(i, ends[i])) for i, kind in enumerate(self._kinds)]
        return [signs.setdefault(sign, len(signs)) for sign in wired]

    def _alike(
        self,
        signs: Sequence[int],
        ends: Sequence[frozenset[Any]],
        period: int,
        start: int,
        stop: int,
        found: Sequence[Repeat],
    ) -> list[bool]:
        """Whether each node is what the one `period` further on is, wired alike or to the same neighbours."""
        alike = [a == b for a, b in zip(signs[start : stop - period], signs[start + period : stop], strict=True)]
        if max(self._far[start:stop]) <= period:
            return alike  # no two nodes that far apart have a neighbour in common
        known = [r for r in found if period % r.period == 0]
        far = self._far[start:stop]
        for i, same in enumerate(alike):
            at = start + i
            if same or max(far[i], far[i + period]) <= period or self._kinds[at] != self._kinds[at + period]:
                continue  # alike, or too near to have a neighbour in common, or another thing
            if any(r.start <= at and at + period < r.end for r in known):
                continue  # a shorter block says it better
            shared = ends[at] & ends[at + period]
            alike[i] = bool(shared) and _from(at, ends[at] - shared) == _from(at + period, ends[at + period] - shared)
        return alike

    def _crossing(self) -> list[int]:
        """How many edges pass the place before each node."""
        change = [0] * (len(self.order) + 1)
        for a, b in self.graph.edges:
            change[self.place[a] + 1] += 1
            change[self.place[b] + 1] -= 1
        return list(accumulate(change))


def _kind(place: int, data: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a node shows, but for the number of a mere state; inputs and outputs are one of a kind."""
    role, op = data.get("role", "state"), _named(data.get("op"))
    if role in ("input", "output"):
        return role, place
    return role, op, None if op is not None or role == "state" else data.get("label")


def _named(op: object) -> str | None:
    return None if op is None else str(op)


def _passed(data: Mapping[str, Any]) -> tuple[str | None, bool]:
    """What an edge shows."""
    return _named(data.get("op")), bool(data.get("zero"))


def _from(place: int, ends: Iterable[tuple[int, Any, bool]]) -> frozenset[tuple[int, Any, bool]]:
    return frozenset((at - place, op, zero) for at, op, zero in ends)


def _times(entered: Sequence[int], left: Sequence[int], at: int, period: int) -> int:
    return min(entered[at] // period + 1, left[at] // period + 2)


def _stretches(true: Sequence[bool]) -> list[int]:
    """How many in a row are true from each place on."""
    counts = list(accumulate(reversed(true), lambda count, here: count + 1 if here else 0, initial=0))
    return counts[:0:-1]


def _lightest(found: Sequence[Repeat]) -> list[Repeat]:
    """The runs without common nodes that leave the fewest nodes; among equals, the shortest blocks."""
    runs = sorted(found, key=lambda run: (run.end, run.period))
    ends = [run.end for run in runs]
    saved: list[tuple[int, int]] = [(0, 0)]
    for i, run in enumerate(runs):
        before = saved[bisect_right(ends, run.start, 0, i)]
        saved.append(max(saved[-1], (before[0] + run.end - run.start - 1, before[1] - run.period)))
    chosen: list[Repeat] = []
    i = len(runs)
    while i:
        if saved[i] == saved[i - 1]:
            i -= 1
            continue
        chosen.append(runs[i - 1])
        i = bisect_right(ends, runs[i - 1].start, 0, i - 1)
    return chosen[::-1]


# -- folding ---------------------------------------------------------------------------------------------------


def _contracted(
    graph: nx.DiGraph, live: nx.DiGraph | None, sequence: _Sequence, closed: Sequence[tuple[Repeat, Fold]]
) -> tuple[nx.DiGraph, nx.DiGraph | None]:
    """The graph, and its live part, with one node for each closed run."""
    inside: dict[Hashable, Hashable] = {name: name for name in graph}
    nodes: dict[Hashable, dict[str, Any]] = {}
    asked: dict[Hashable, list[str]] = {}
    for run, fold in closed:
        members = sequence.order[run.start : run.end]
        inside.update(dict.fromkeys(members, fold.id))
        op = graph.nodes[members[0]].get("op") if run.period == 1 else None
        nodes[fold.id] = {"label": fold.label, "role": "op", "fold": fold.id, **({} if op is None else {"like": op})}
        asked[fold.id] = [question for name in members for question in _questions(graph.nodes[name])]
    edges: dict[tuple[Hashable, Hashable], list[dict[str, Any]]] = {}
    for a, b, data in graph.edges(data=True):
        edges.setdefault((inside[a], inside[b]), []).append(data)
    result = nx.DiGraph(**graph.graph)
    for name in graph:
        if inside[name] not in result:
            result.add_node(inside[name], **nodes.get(inside[name], graph.nodes[name]))
    for (a, b), several in edges.items():
        if a != b:
            result.add_edge(a, b, **(several[0] if len(several) == 1 else {}))
        if a == b or len(several) > 1:  # edges that are not drawn for themselves: their questions are in the block
            asked[a if a in asked else b] += [question for data in several for question in _questions(data)]
    for name, questions in asked.items():
        result.nodes[name]["questions"] = tuple(dict.fromkeys(questions))
    return result, None if live is None else _same_parts(live, inside)


def _same_parts(live: nx.DiGraph, inside: Mapping[Hashable, Hashable]) -> nx.DiGraph:
    part = nx.DiGraph()
    part.add_nodes_from(inside[name] for name in live if name in inside)
    part.add_edges_from((inside[a], inside[b]) for a, b in live.edges if a in inside and b in inside)
    return part


def _questions(data: Mapping[str, Any]) -> tuple[str, ...]:
    question = str(data.get("question", ""))
    return tuple(data.get("questions", (question,) if question else ()))
