"""Edges drawn, taken away and moved by hand: which answers do that, found by trying them in any space."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.spaces.choices import Answer, Question, Walk
from workbench.spaces.space import SearchSpace

Edge = tuple[Hashable, Hashable]
Answers = dict[str, Answer]

_TRIED = 20_000  # answers times edges up to which every answer is tried, well under a second
_ELSEWHERE = 24  # other architectures in which an answer that is refused here is tried, to learn what it would do
_ENOUGH = 8  # answers to a question that are tried to see whether it is about edges


class Move(NamedTuple):
    """What becomes of a gesture: the decisions it leads to, or None and the reason; `also` names what follows it."""

    decisions: Answers | None
    reason: str = ""
    also: str = ""


class _Gesture(NamedTuple):
    """The edge that goes and the edge that comes: one of them, or two that share an end."""

    gone: Edge | None
    come: Edge | None


class _Change(NamedTuple):
    """Answers, what they make of the graph, and its decisions; None where the answers are infeasible here."""

    answers: Answers
    come: frozenset[Edge]
    gone: frozenset[Edge]
    decisions: Answers | None
    reason: str = ""


class Rewiring:
    """Every change of one architecture's edges that one answer makes, or two where one takes an edge and one gives it.

    Nothing but `suggest` is asked: each other answer to each question is tried, and the graph compared with the
    present one. An edge that carries no operation and begins at an input or ends at an output may come or go as a
    consequence (`Move.also`), as where whatever feeds no other node is joined to the output. Nodes are named as in
    the drawing, by the text of their name in the graph.
    """

    def __init__(self, arch: Architecture) -> None:
        self.arch = arch
        self._space: SearchSpace = arch.space
        self._decisions: Answers = dict(arch.decisions)
        self._graph = arch.space.graph(arch)
        self._named = {str(node): node for node in self._graph}
        self._edges = frozenset(self._graph.edges)

    # -- what a hand can do ------------------------------------------------------------------------------------

    def targets(self, source: str, target: str = "", end: str = "") -> dict[str, Move]:
        """Node -> what dropping there does: a new edge from `source`, or the `end` of the edge to `target` moved.

        `end` is "source" or "target". Raises `InvalidInput` for nodes and edges that are not there.
        """
        node, edge = self._node(source), self._edge(source, target) if target else None
        found: dict[str, Move] = {}
        for name, other in self._named.items():
            if edge is None:
                if other != node:
                    found[name] = self.add(node, other)
            elif other not in edge:
                found[name] = self.retarget(edge, (other, edge[1]) if end == "source" else (edge[0], other))
        return found

    def without(self, source: str, target: str) -> Move:
        """The architecture without an edge; raises `InvalidInput` for one that is not there."""
        edge = self._edge(source, target)
        return self._move(_Gesture(edge, None), f"No answer of {self._space.name} takes {self._told(edge)} away.")

    def add(self, source: Hashable, target: Hashable) -> Move:
        """The architecture with an edge between two nodes, in the direction that the space allows."""
        edge, back = (source, target), (target, source)
        for there in (edge, back):
            if there in self._edges:
                return Move(None, f"{self._told(there)} is there already.")
        words = f"No answer of {self._space.name} draws {self._told(edge)}."
        if any(gesture.come == edge and gesture.gone for gesture in self._known):
            words += " An edge that is there can be moved there by its end."
        forth = self._move(_Gesture(None, edge), words)
        return forth if forth.decisions is not None else self._better(forth, self._move(_Gesture(None, back), words))

    def retarget(self, edge: Edge, to: Edge) -> Move:
        """The architecture in which `to` stands in the place of `edge`, and has its operation."""
        if to in self._edges:
            return Move(None, f"{self._told(to)} is there already.")
        words = f"No answer of {self._space.name} turns {self._told(edge)} into {self._told(to)}."
        return self._move(_Gesture(edge, to), words)

    def rewires(self, question: str) -> bool:
        """Whether an answer to a question changes edges alone; a few of its answers are tried."""
        mine = [one for one in self._questions if one.name == question and not self._names_operation(one)]
        tried = (self._tried({question: answer}) for one in mine for answer in islice(self._others(one), _ENOUGH))
        changes = (self._learned(one, []) if one.decisions is None else one for one in tried)
        return any(self._gestures(change) for change in changes)

    # -- which answers make a gesture --------------------------------------------------------------------------

    def _move(self, gesture: _Gesture, otherwise: str) -> Move:
        known = self._known.get(gesture, []) or self._joined(gesture)
        feasible = [change for change in known if change.decisions is not None]
        if not feasible:
            return Move(None, next((change.reason for change in known), otherwise))
        best = min(feasible, key=lambda change: len(change.come) + len(change.gone))
        extra = [(edge, "comes") for edge in best.come if edge != gesture.come]
        extra += [(edge, "goes") for edge in best.gone if edge != gesture.gone]
        also = "; ".join(sorted(f"{self._told(edge)} {what}" for edge, what in extra))
        return Move(self._carried(best, gesture), also=also)

    @cached_property
    def _known(self) -> dict[_Gesture, list[_Change]]:
        """Gesture -> the single answers that make it, or would if they were feasible here."""
        found: dict[_Gesture, list[_Change]] = {}
        for change in self._singles:
            for gesture in self._gestures(change):
                found.setdefault(gesture, []).append(change)
        return found

    @cached_property
    def _singles(self) -> list[_Change]:
        tried = [self._tried({one.name: answer}) for one in self._questions for answer in self._others(one)]
        feasible = [change for change in tried if change.decisions is not None and change.come | change.gone]
        return feasible + [self._learned(change, feasible) for change in tried if change.decisions is None]

    @cached_property
    def _questions(self) -> list[Question]:
        """The questions to try; in a large space not those that only name an operation, in a huge one none."""
        walk = Walk(lambda question: self._decisions[question.name])
        self._space.ask(walk)
        every = list(walk.asked.values())
        for questions in (every, [question for question in every if not self._names_operation(question)]):
            if sum(len(question.answers) for question in questions) * len(self._edges) <= _TRIED:
                return questions
        return []

    def _names_operation(self, question: Question) -> bool:
        """Whether the answer is the very operation that stands on an edge or a node."""
        data: list[dict[str, Any]] = [data for _, data in self._graph.nodes(data=True)]
        data += [data for _, _, data in self._graph.edges(data=True)]
        mine = [one for one in data if question.name in (one.get("question"), *one.get("questions", ()))]
        return any(one.get("op") == self._decisions[question.name] for one in mine)

    def _others(self, question: Question) -> Iterator[Answer]:
        return (answer for answer in question.answers if answer != self._decisions[question.name])

    def _tried(self, answers: Answers) -> _Change:
        try:
            decisions, graph = self._made({**self._decisions, **answers})
        except Infeasible as reason:
            return _Change(answers, frozenset(), frozenset(), None, str(reason))
        if set(graph) != set(self._graph):  # another number of nodes is more than another wiring
            return _Change(answers, frozenset(), frozenset(), decisions)
        edges = frozenset(graph.edges)
        return _Change(answers, edges - self._edges, self._edges - edges, decisions)

    def _learned(self, refused: _Change, feasible: list[_Change]) -> _Change:
        """What refused answers would do to the edges here, seen in another architecture that allows them."""
        for decisions in islice(self._elsewhere(refused, feasible), _ELSEWHERE):
            with suppress(Infeasible):
                before, after = self._made(decisions)[1], self._made({**decisions, **refused.answers})[1]
                come, gone = frozenset(after.edges) - set(before.edges), frozenset(before.edges) - set(after.edges)
                if come | gone and set(before) == set(after) == set(self._graph):
                    return refused._replace(come=come - self._edges, gone=gone & self._edges)
        return refused

    def _elsewhere(self, refused: _Change, feasible: list[_Change]) -> Iterator[Answers]:
        yield from (change.decisions for change in feasible[: _ELSEWHERE // 2] if change.decisions is not None)
        here = {name: self._decisions[name] for name in refused.answers if name in self._decisions}
        for arch in self._sampled:
            yield {**arch.decisions, **here}

    @cached_property
    def _sampled(self) -> list[Architecture]:
        with suppress(Infeasible, InvalidInput):
            return self._space.sample(_ELSEWHERE // 2, seed=0)
        return []

    def _made(self, wanted: Mapping[str, Answer]) -> tuple[Answers, nx.DiGraph]:
        """The decisions and the graph of wanted answers; what is newly asked takes its first answer."""

        def answer(question: Question) -> Answer:
            given = wanted.get(question.name, question.answers[0])
            return given if given in question.answers else question.answers[0]

        walk = Walk(answer)
        graph = self._space.suggest(walk)
        return walk.decisions, graph

    def _gestures(self, change: _Change) -> list[_Gesture]:
        """The gestures that a change is, when whatever else it does to edges follows by itself."""
        come, gone = set(change.come), set(change.gone)
        if len(come) + len(gone) > 2 and len([e for e in come | gone if not self._follows(e)]) > 2:
            return []
        found = [_Gesture(None, edge) for edge in come] + [_Gesture(edge, None) for edge in gone]
        found += [_Gesture(old, new) for old in gone for new in come if set(old) & set(new)]
        return [g for g in found if all(self._follows(e) for e in (come | gone) - {g.gone, g.come})]

    def _follows(self, edge: Edge) -> bool:
        data = self._graph.edges.get(edge, {})
        bare = data.get("op") is None and not data.get("question")
        roles = (self._graph.nodes[edge[0]].get("role"), self._graph.nodes[edge[1]].get("role"))
        return bare and (roles[0] == "input" or roles[1] == "output") and not self._edges_ask

    @cached_property
    def _edges_ask(self) -> bool:
        """Whether the graph's edges are what the questions are about: then none comes or goes by itself."""
        return any(data.get("question") for _, _, data in self._graph.edges(data=True))

    def _joined(self, gesture: _Gesture) -> list[_Change]:
        """Two answers at once, one that takes an edge away and one that draws another."""
        if gesture.gone is None or gesture.come is None:
            return []
        found = []
        for taking in self._known.get(_Gesture(gesture.gone, None), []):
            for giving in self._known.get(_Gesture(None, gesture.come), []):
                both = self._tried({**taking.answers, **giving.answers})
                if both.decisions is None or (set(both.come), set(both.gone)) == ({gesture.come}, {gesture.gone}):
                    found.append(both)
        return found

    def _carried(self, change: _Change, gesture: _Gesture) -> Answers | None:
        """The decisions of a change, with every edge's answer taken along to the question that it now stands under."""
        if change.decisions is None:
            return None
        decisions, graph = self._made(change.decisions)
        wanted = dict(decisions)
        for edge in graph.edges:
            before = gesture.gone if edge == gesture.come and gesture.gone is not None else edge
            old = self._graph.edges[before].get("question") if before in self._edges else None
            new = graph.edges[edge].get("question")
            if old in self._decisions and new in wanted and old != new:
                wanted[new] = self._decisions[old]
        with suppress(Infeasible):
            carried, moved = self._made(wanted)
            if set(moved.edges) == set(graph.edges):
                return carried
        return decisions

    # -- words -------------------------------------------------------------------------------------------------

    def _told(self, edge: Edge) -> str:
        source, target = (self._label(node) for node in edge)
        return f"{source} → {target}"

    def _label(self, node: Hashable) -> str:
        return str(self._graph.nodes[node].get("label", node))

    def _better(self, forth: Move, back: Move) -> Move:
        """What is possible, or the better reason of two: that of the space itself."""
        return back if back.decisions is not None or not back.reason.startswith("No answer of") else forth

    def _node(self, name: str) -> Hashable:
        if name not in self._named:
            raise InvalidInput(f"The drawing has no node {name!r}. There are {', '.join(self._named)}.")
        node: Hashable = self._named[name]
        return node

    def _edge(self, source: str, target: str) -> Edge:
        edge = (self._node(source), self._node(target))
        if edge not in self._edges:
            raise InvalidInput(f"The drawing has no edge from {source} to {target}.")
        return edge


def told(moves: Mapping[str, Move]) -> dict[str, dict[str, Any]]:
    """The moves as the browser reads them."""
    return {name: move._asdict() for name, move in moves.items()}
