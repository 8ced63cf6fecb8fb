"""Which node of one graph stands for which of another: the assignment with the fewest edits, found or searched for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from math import factorial, prod
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Ints = NDArray[np.int64]
Matched = dict[Hashable, Hashable]

_EXACT = factorial(8)  # assignments up to which the best one is found for certain
_EFFORT = 8_000  # swaps that local search tries from one start


class Pair(NamedTuple):
    """Two graphs as matrices of one size: what one of them lacks is filled with blanks.

    `first` and `second` are the nodes, None for a blank; both are sorted into the same `blocks` of nodes that may
    stand for each other, each as its start and end. `nodes` (n, n) is the cost of each pairing, `edges_a` and
    `edges_b` (n, n) number the operations on edges, 0 where there is none; `unit` is the cost of one edit: what is
    below it counts the names that differ, and settles ties.
    """

    first: list[Hashable | None]
    second: list[Hashable | None]
    blocks: list[tuple[int, int]]
    nodes: Ints
    edges_a: Ints
    edges_b: Ints
    unit: int

    def cost(self, taken: Ints) -> int:
        """What an assignment costs: row i of the first graph stands for row `taken[i]` of the second."""
        wrong = int((self.edges_a != self.edges_b[np.ix_(taken, taken)]).sum())
        return int(self.nodes[np.arange(len(taken)), taken].sum()) + self.unit * wrong


def correspondence(a: nx.DiGraph, b: nx.DiGraph) -> tuple[Matched, bool]:
    """The nodes of `a` that stand for nodes of `b`, and whether no other assignment takes fewer edits.

    Only nodes of the same role and cell stand for each other, and inputs and outputs in the order in which the
    graphs list them. Up to 40,320 assignments, such as 8 free nodes, are searched to the end by branch and bound; in
    larger graphs three first guesses (equal names; the linear assignment by operation, depth and Weisfeiler-Lehman
    labels, after Riesen and Bunke, Image and Vision Computing 2009; the operations in topological order, aligned as
    sequences after Needleman and Wunsch, 1970) are improved by swaps as long as that saves edits.
    """
    pair = _paired(a, b)
    guesses = [_by_name(pair), _by_likeness(pair, a, b), _by_sequence(pair, a, b)]
    found = [_improved(pair, guess) for guess in guesses]
    best = min(found, key=pair.cost)
    exact = prod(factorial(end - start) for start, end in pair.blocks) <= _EXACT
    if exact:
        best = _searched(pair, best)
    at = [(pair.first[i], pair.second[j]) for i, j in enumerate(best)]
    return {one: other for one, other in at if one is not None and other is not None}, exact


def kinds(graph: nx.DiGraph) -> Matched:
    """What each node may stand for: a node of equal kind."""
    seen: Counter[Hashable] = Counter()
    found: Matched = {}
    for node, data in graph.nodes(data=True):
        kind: tuple[str, ...] = (str(data.get("role", "state")), str(data.get("cell", "")))
        if kind[0] in {"input", "output"}:
            kind = (*kind, str(data.get("label", "")))
            seen[kind] += 1
            kind = (*kind, str(seen[kind]))
        found[node] = kind
    return found


def operation(data: dict[str, Any]) -> str:
    """The operation of a node or edge, an empty text where it has none."""
    return "" if data.get("op") is None else str(data["op"])


# -- two graphs as matrices ------------------------------------------------------------------------------------


def _paired(a: nx.DiGraph, b: nx.DiGraph) -> Pair:
    sides = []
    for graph in (a, b):
        members: dict[Hashable, list[Hashable]] = {}
        for node, kind in kinds(graph).items():
            members.setdefault(kind, []).append(node)
        sides.append(members)
    first: list[Hashable | None] = []
    second: list[Hashable | None] = []
    blocks = []
    for kind in sorted({*sides[0], *sides[1]}, key=str):
        here, there = sides[0].get(kind, []), sides[1].get(kind, [])
        size = max(len(here), len(there))
        blocks.append((len(first), len(first) + size))
        first += [*here, *[None] * (size - len(here))]
        second += [*there, *[None] * (size - len(there))]
    unit = len(first) + 1
    numbers: dict[str, int] = {}
    return Pair(
        first, second, blocks, _pairings(a, b, first, second, unit),
        _edge_codes(a, first, numbers), _edge_codes(b, second, numbers), unit,
    )  # fmt: skip


def _pairings(
    a: nx.DiGraph, b: nx.DiGraph, first: Sequence[Hashable | None], second: Sequence[Hashable | None], unit: int
) -> Ints:
    costs = np.zeros((len(first), len(second)), np.int64)
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            if one is None or other is None:
                costs[i, j] = 0 if one is other else unit
            else:
                costs[i, j] = unit * (operation(a.nodes[one]) != operation(b.nodes[other])) + (one != other)
    return costs


def _edge_codes(graph: nx.DiGraph, nodes: Sequence[Hashable | None], numbers: dict[str, int]) -> Ints:
    place = {node: i for i, node in enumerate(nodes) if node is not None}
    codes = np.zeros((len(nodes), len(nodes)), np.int64)
    for source, target, data in graph.edges(data=True):
        codes[place[source], place[target]] = numbers.setdefault(operation(data), len(numbers) + 1)
    return codes


# -- first guesses ---------------------------------------------------------------------------------------------


def _by_name(pair: Pair) -> Ints:
    taken: dict[int, int] = {}
    for start, end in pair.blocks:
        there = {pair.second[j]: j for j in range(start, end) if pair.second[j] is not None}
        for i in range(start, end):
            if pair.first[i] in there:
                taken[i] = there[pair.first[i]]
    return _completed(pair, taken)


def _by_likeness(pair: Pair, a: nx.DiGraph, b: nx.DiGraph) -> Ints:
    """The cheapest assignment when every node is judged by itself, its surroundings and its depth."""
    labels = _surroundings(a), _surroundings(b)
    depths = _depths(a), _depths(b)
    taken: dict[int, int] = {}
    for start, end in pair.blocks:
        costs = np.full((end - start, end - start), 6.0)
        for i, one in enumerate(pair.first[start:end]):
            for j, other in enumerate(pair.second[start:end]):
                if one is not None and other is not None:
                    unlike = [x != y for x, y in zip(labels[0][one], labels[1][other], strict=True)]
                    costs[i, j] = 3 * unlike[0] + 2 * unlike[1] + unlike[2] + abs(depths[0][one] - depths[1][other])
        rows, columns = linear_sum_assignment(costs)
        taken |= {start + int(i): start + int(j) for i, j in zip(rows, columns, strict=True)}
    return _completed(pair, taken)


def _surroundings(graph: nx.DiGraph) -> dict[Hashable, tuple[Hashable, ...]]:
    """Each node's operation and its Weisfeiler-Lehman labels after one and two rounds, in and out told apart."""
    labels: dict[Hashable, Hashable] = {node: operation(data) for node, data in graph.nodes(data=True)}
    rounds = [labels]
    for _ in range(2):
        labels = {
            node: _text(
                labels[node],
                sorted(str((operation(graph.edges[p, node]), labels[p])) for p in graph.pred[node]),
                sorted(str((operation(graph.edges[node, s]), labels[s])) for s in graph.succ[node]),
            )
            for node in graph
        }
        rounds.append(labels)
    return {node: tuple(labels[node] for labels in rounds) for node in graph}


def _text(*parts: Hashable | list[str]) -> str:
    """Parts as one text: unlike `hash`, the same in every process."""
    return repr(parts)


def _depths(graph: nx.DiGraph) -> dict[Hashable, float]:
    """The longest path to each node, as a share of the longest of all."""
    depth: dict[Hashable, float] = {}
    for node in nx.topological_sort(graph):
        depth[node] = 1.0 + max((depth[p] for p in graph.pred[node]), default=-1.0)
    deepest = max(depth.values(), default=0.0) or 1.0
    return {node: at / deepest for node, at in depth.items()}


def _by_sequence(pair: Pair, a: nx.DiGraph, b: nx.DiGraph) -> Ints:
    """Each block's nodes in topological order, aligned with the fewest changed and skipped operations."""
    order = [{node: i for i, node in enumerate(nx.lexicographical_topological_sort(g, key=str))} for g in (a, b)]
    taken: dict[int, int] = {}
    for start, end in pair.blocks:
        rows = [i for i in range(start, end) if pair.first[i] is not None]
        columns = [j for j in range(start, end) if pair.second[j] is not None]
        rows.sort(key=lambda i: order[0][pair.first[i]])
        columns.sort(key=lambda j: order[1][pair.second[j]])
        ops = [operation(a.nodes[pair.first[i]]) for i in rows], [operation(b.nodes[pair.second[j]]) for j in columns]
        taken |= {rows[i]: columns[j] for i, j in _sequence_pairs(*ops)}
    return _completed(pair, taken)


def _sequence_pairs(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[int, int]]:
    costs = np.zeros((len(one) + 1, len(other) + 1), np.int64)
    costs[:, 0] = np.arange(len(one) + 1)
    costs[0] = np.arange(len(other) + 1)
    for i, x in enumerate(one):
        for j, y in enumerate(other):
            costs[i + 1, j + 1] = min(costs[i, j] + 2 * (x != y), costs[i, j + 1] + 1, costs[i + 1, j] + 1)
    i, j = len(one), len(other)
    while i and j:
        if costs[i, j] == costs[i - 1, j - 1] + 2 * (one[i - 1] != other[j - 1]):
            i, j = i - 1, j - 1
            yield i, j
        elif costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1


def _completed(pair: Pair, taken: dict[int, int]) -> Ints:
    """The assignment with the rows that have nothing yet given what is left of their block, in order."""
    whole = np.zeros(len(pair.first), np.int64)
    for start, end in pair.blocks:
        used = {taken[i] for i in range(start, end) if i in taken}
        free = iter([j for j in range(start, end) if j not in used])
        for i in range(start, end):
            whole[i] = taken[i] if i in taken else next(free)
    return whole


# -- fewer edits -----------------------------------------------------------------------------------------------


def _improved(pair: Pair, taken: Ints) -> Ints:
    """The assignment after swaps within blocks, each of which saves something, until none does."""
    taken = taken.copy()
    tried, saved = 0, True
    while saved and tried < _EFFORT:
        saved = False
        for start, end in pair.blocks:
            for i in range(start, end):
                for j in range(i + 1, end):
                    tried += 1
                    if tried < _EFFORT and _saving(pair, taken, i, j) > 0:
                        taken[[i, j]] = taken[[j, i]]
                        saved = True
    return taken


def _saving(pair: Pair, taken: Ints, i: int, j: int) -> int:
    """What swapping the partners of rows i and j saves."""
    if pair.first[i] is None and pair.first[j] is None:
        return 0
    now = _share(pair, taken, i, j)
    if now == 0:
        return 0
    swapped = taken.copy()
    swapped[[i, j]] = taken[[j, i]]
    return now - _share(pair, swapped, i, j)


def _share(pair: Pair, taken: Ints, i: int, j: int) -> int:
    """What rows i and j and all their edges cost."""
    out = (pair.edges_a[[i, j]] != pair.edges_b[np.ix_(taken[[i, j]], taken)]).sum()
    into = pair.edges_a[:, [i, j]] != pair.edges_b[np.ix_(taken, taken[[i, j]])]
    into[[i, j]] = False  # counted already
    return pair.unit * int(out + into.sum()) + int(pair.nodes[i, taken[i]] + pair.nodes[j, taken[j]])


def _searched(pair: Pair, known: Ints) -> Ints:
    """The best assignment of all, by branch and bound from a good one."""
    size = len(known)
    nodes, edges_a, edges_b = pair.nodes.tolist(), pair.edges_a.tolist(), pair.edges_b.tolist()
    block_of = {i: block for block in pair.blocks for i in range(*block)}
    best, least = known.tolist(), pair.cost(known)
    taken: list[int] = []
    used = [False] * size

    def added(i: int, j: int) -> int:
        wrong = 0
        for k, other in enumerate(taken):
            wrong += (edges_a[i][k] != edges_b[j][other]) + (edges_a[k][i] != edges_b[other][j])
        return int(nodes[i][j] + pair.unit * (wrong + (edges_a[i][i] != edges_b[j][j])))

    def descend(i: int, cost: int) -> None:
        nonlocal best, least
        if cost >= least:
            return
        if i == size:
            best, least = taken.copy(), cost
            return
        blank = False
        for j in range(*block_of[i]):
            if used[j] or (blank and pair.second[j] is None):
                continue
            blank = blank or pair.second[j] is None  # one blank is like another
            used[j] = True
            step = added(i, j)
            taken.append(j)
            descend(i + 1, cost + step)
            taken.pop()
            used[j] = False

    descend(0, 0)
    return np.array(best, np.int64)
