"""Cells of NAS-Bench-101 as matrices and operations: what is pruned, what is isomorphic, which are unique."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import md5
from itertools import combinations, permutations, product
from operator import itemgetter
from typing import NamedTuple

from workbench.errors import Infeasible

VERTICES, MAX_EDGES = 7, 9
INPUT, OUTPUT = "input", "output"
OPERATIONS = ("maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")  # cheapest first
_HASHED = {"conv3x3-bn-relu": 0, "conv1x1-bn-relu": 1, "maxpool3x3": 2}  # the numbers that the official hash sees

Edge = tuple[int, int]
Permutation = tuple[int, ...]


class Cell(NamedTuple):
    """A cell of `n` vertices, numbered so that edges go upwards: 0 is the input, n - 1 the output.

    `edges` are in the order of an adjacency matrix, row by row; `ops` are those of vertices 1 to n - 2.
    """

    n: int
    edges: tuple[Edge, ...]
    ops: tuple[str, ...]


def used_vertices(n: int, edges: Iterable[Edge]) -> list[int]:
    """The vertices on a path from the first to the last, in order; none where no path leads there."""
    ordered = sorted(edges)
    forward, backward = {0}, {n - 1}
    for source, target in ordered:
        if source in forward:
            forward.add(target)
    for source, target in sorted(ordered, key=itemgetter(1), reverse=True):
        if target in backward:
            backward.add(source)
    return sorted(forward & backward)


def pruned(cell: Cell) -> Cell:
    """`cell` without the vertices off every path from input to output, those left numbered anew (section 2.1).

    Raises `Infeasible` where no path leads from the input to the output.
    """
    used = used_vertices(cell.n, cell.edges)
    if not used:
        raise Infeasible("No path leads from the input to the output: the cell is disconnected.")
    place = {vertex: i for i, vertex in enumerate(used)}
    edges = tuple((place[a], place[b]) for a, b in cell.edges if a in place and b in place)
    return Cell(len(used), edges, tuple(cell.ops[vertex - 1] for vertex in used[1:-1]))


def is_pruned(n: int, edges: Collection[Edge]) -> bool:
    """Whether each of `n` vertices lies on a path from the first to the last, given edges that go upwards."""
    # A way in and a way out suffice: followed upwards and downwards, they can only end at the last and the first.
    return len({a for a, _ in edges}) == len({b for _, b in edges}) == n - 1


def module_hash(cell: Cell) -> str:
    """The official hash of a pruned cell: equal for isomorphic cells, and within the benchmark only for them.

    Every vertex starts with its degrees and its operation and takes in, as often as there are vertices, what its
    neighbours before and after it have become; MD5 at each step (Ying et al., 2019, section 2.2, and the authors'
    `hash_module`, which they checked to be free of collisions up to seven vertices and nine edges).
    """
    before: list[list[int]] = [[] for _ in range(cell.n)]
    after: list[list[int]] = [[] for _ in range(cell.n)]
    for source, target in cell.edges:
        after[source].append(target)
        before[target].append(source)
    labels = [-1, *(_HASHED.get(op, op) for op in cell.ops), -2]
    codes = [_digest(f"({len(after[v])}, {len(before[v])}, {labels[v]})") for v in range(cell.n)]
    for _ in range(cell.n):
        codes = [
            _digest(
                "".join(sorted([codes[w] for w in before[v]]))
                + "|"
                + "".join(sorted([codes[w] for w in after[v]]))
                + "|"
                + codes[v]
            )
            for v in range(cell.n)
        ]
    return _digest(str(sorted(codes)))


def _digest(words: str) -> str:
    return md5(words.encode(), usedforsecurity=False).hexdigest()


# -- the unique cells ------------------------------------------------------------------------------------------


def unique_cells() -> Iterator[Cell]:
    """One pruned cell of every isomorphism class, 423,624 in all, those of few vertices first."""
    for n in range(2, VERTICES + 1):
        for edges, symmetries in unlabelled_cells(n):
            for ops in product(OPERATIONS, repeat=n - 2):
                if all(ops <= _permuted(ops, symmetry) for symmetry in symmetries):
                    yield Cell(n, edges, ops)


def unlabelled_cells(n: int) -> Iterator[tuple[tuple[Edge, ...], list[Permutation]]]:
    """The pruned graphs of `n` vertices up to isomorphism, each with all its symmetries.

    A symmetry permutes the vertices 0 to n - 1, input and output fixed, and leaves the edges as they are.
    """
    fixed_ends = [(0, *inner, n - 1) for inner in permutations(range(1, n - 1))]
    seen: set[frozenset[Edge]] = set()
    for edges in _pruned_graphs(n):
        this = frozenset(edges)
        if this in seen:
            continue
        copies = [frozenset((p[a], p[b]) for a, b in edges) for p in fixed_ends]
        seen.update(copies)
        yield edges, [p for p, copy in zip(fixed_ends, copies, strict=True) if copy == this]


def _pruned_graphs(n: int) -> Iterator[tuple[Edge, ...]]:
    """Every set of at most nine upward edges between `n` vertices in which each vertex lies on a path."""
    pairs = list(combinations(range(n), 2))
    for count in range(n - 1, min(MAX_EDGES, len(pairs)) + 1):
        for edges in combinations(pairs, count):
            if is_pruned(n, edges):
                yield edges


def _permuted(ops: Sequence[str], permutation: Permutation) -> tuple[str, ...]:
    return tuple(ops[permutation[vertex] - 1] for vertex in range(1, len(ops) + 1))
