"""NAS-Bench-101: cells of up to seven vertices, with operations on them, and nine edges (Ying et al., ICML 2019)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from reprlib import repr as brief
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, nearest
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.nasbench101_cells import (
    INPUT,
    MAX_EDGES,
    OPERATIONS,
    OUTPUT,
    VERTICES,
    Cell,
    Edge,
    module_hash,
    pruned,
    unique_cells,
    used_vertices,
)
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

Matrix = np.ndarray[tuple[int, int], np.dtype[np.int8]]

EDGES = tuple(combinations(range(VERTICES), 2))  # the upper triangle, row by row
_PLACE = {edge: place for place, edge in enumerate(EDGES)}
INNER = range(1, VERTICES - 1)
UNIQUE = 423_624
LETTERS = "m13"  # of the operations in the order of OPERATIONS
# NASLib's zero-cost tables number the labels of the vertices so.
NASLIB_LABELS = (INPUT, OUTPUT, "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")
_LARGEST = 100  # vertices of a matrix that is looked at before pruning
_EXAMPLE = "100110/10000/1001/010/10/1:3m331"


class NASBench101(SearchSpace):
    """The cells of NAS-Bench-101, and the network the benchmark stacks them into.

    An architecture is a cell as it is written: for each of the 21 pairs of seven vertices whether an edge joins them,
    and the operation of each of the five inner vertices. As in the benchmark, vertices and edges off every path from
    the input to the output are written but not used: they are pruned before the edges are counted (at most nine) and
    before the cell is hashed or built. So 373,754,169 written cells make 423,624 unique ones. Answered uniformly, as
    in the authors' random search, three in four cells are feasible, and small ones come often: about half of 1,000
    samples are isomorphic to another. `enumerate` gives every unique cell once.

    Its string is the upper triangle of the adjacency matrix row by row, then a letter for each inner vertex: m, 1 and
    3 for max-pooling, 1x1 and 3x3 convolution, as in `100110/10000/1001/010/10/1:3m331`.
    """

    name = "nasbench101"

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Twenty-one questions about edges, then five about operations.

        Raises `Infeasible` where the input does not reach the output, or more than nine edges lie between them.
        """
        edges, ops = self._chosen(choices)
        graph = nx.DiGraph(layout="arc")
        graph.add_node(0, label="in", role="input")
        for vertex, op in zip(INNER, ops, strict=True):
            graph.add_node(vertex, label=str(vertex), role="op", op=op, question=f"op{vertex}")
        graph.add_node(VERTICES - 1, label="out", role="output")
        graph.add_edges_from((a, b, {"question": question(a, b)}) for a, b in edges)
        return graph

    def ask(self, choices: Choices) -> None:
        """The questions of `suggest`."""
        self._chosen(choices)

    def _chosen(self, choices: Choices) -> tuple[list[Edge], list[Answer]]:
        """The edges, and the operations of the inner vertices."""
        edges = _chosen_edges(choices)
        used = used_vertices(VERTICES, edges)
        count = sum(a in used and b in used for a, b in edges)
        if count > MAX_EDGES:
            raise Infeasible(f"The cell has {count} edges after pruning; {self.name} allows {MAX_EDGES}: drop some.")
        return edges, [choices.suggest_categorical(f"op{vertex}", OPERATIONS) for vertex in INNER]

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official network of the pruned cell: a stem of 128 channels, three stacks of three modules."""
        from workbench.networks.nasbench101 import Network

        return Network(self.live(graph), task.shape, task.n_classes)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic; `live` changes nothing, as only the pruned cell is built."""
        from workbench.tasks import task as find_task

        task = find_task(task)
        return _counts(pruned(_written(self._own(arch))), task.shape, task.n_classes)

    @property
    def size(self) -> int:
        """How many unique cells there are: the isomorphism classes of pruned cells, the benchmark's 423,624."""
        return UNIQUE

    def enumerate(self) -> Iterator[Architecture]:
        """One written cell of each of the 423,624 unique ones, without anything to prune; the smallest first."""
        for cell in unique_cells():
            yield Architecture(self, _decisions(_padded(cell)))

    def parse(self, text: str) -> Architecture:
        """The architecture of a string such as `100110/10000/1001/010/10/1:3m331`."""
        rows, colon, letters = text.strip().partition(":") if isinstance(text, str) else ("", "", "")
        if [len(row) for row in rows[:100].split("/")] != list(range(VERTICES - 1, 0, -1)) or not colon:
            raise InvalidInput(
                f"A cell of {self.name} is written as the six rows of its upper triangle, of six digits to one, and "
                f"five letters, as in {_EXAMPLE}; got {brief(text)}."
            )
        digits = rows.replace("/", "")
        if not set(digits) <= {"0", "1"}:
            raise InvalidInput(f"An edge is written as 1 and no edge as 0; got {rows!r}.")
        if len(letters) != len(INNER):
            raise InvalidInput(f"{self.name} has {len(INNER)} inner vertices; got operations {brief(letters)}.")
        for letter in letters:
            if letter not in LETTERS:
                known = ", ".join(f"{x} ({op})" for x, op in zip(LETTERS, OPERATIONS, strict=True))
                raise InvalidInput(f"Unknown operation {letter!r} in {text.strip()!r}. Known: {known}.")
        edges = tuple(edge for edge, digit in zip(EDGES, digits, strict=True) if digit == "1")
        return _architecture(self, Cell(VERTICES, edges, tuple(OPERATIONS[LETTERS.index(x)] for x in letters)))

    def format(self, arch: Architecture) -> str:
        """The upper triangle of the adjacency matrix row by row, then the letters of the operations."""
        return text_of(_written(self._own(arch)))

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The official MD5 hash of the pruned cell, by which the benchmark's table is keyed.

        It is the same under both rules: pruning leaves nothing dead.
        """
        self._check_rule(rule)
        return module_hash(pruned(_written(self._own(arch))))


def question(source: int, target: int) -> str:
    """The name of the question whether there is an edge."""
    return f"{source}->{target}"


def from_matrix(space: SearchSpace, matrix: Any, ops: Sequence[str]) -> Architecture:
    """The architecture of an adjacency matrix (V, V) and its V labels, first "input" and last "output".

    With fewer than seven vertices, unconnected ones are added before the output; with more, the cell is pruned first.
    Raises `InvalidInput` with the reason for what the benchmark refuses: a matrix that is not square or not strictly
    upper triangular, other labels or operations, too many vertices or edges, an output out of the input's reach.
    """
    return _architecture(space, _sized(cell_of(matrix, ops)))


def to_matrix(arch: Architecture, *, prune: bool = True) -> tuple[Matrix, list[str]]:
    """The adjacency matrix, int8 (V, V), and V labels of the pruned cell, or of the written one where V is 7."""
    cell = _written(arch)
    if prune:
        cell = pruned(cell)
    matrix: Matrix = np.zeros((cell.n, cell.n), dtype=np.int8)
    for edge in cell.edges:
        matrix[edge] = 1
    return matrix, [INPUT, *cell.ops, OUTPUT]


def from_record(space: SearchSpace, adjacency: str, operations: str) -> Architecture:
    """The architecture of the two texts in the official file: V * V digits, and V labels with commas between them."""
    if not isinstance(operations, str):
        raise InvalidInput(f"The labels of the vertices are written with commas between them; got {brief(operations)}.")
    return from_matrix(space, square(adjacency), operations.split(","))


def from_naslib(space: SearchSpace, adjacency: str, labels: str) -> Architecture:
    """The architecture of V * V digits of a matrix and V digits of labels, as NASLib's zero-cost tables write it.

    Labels are 0 input, 1 output, 2 maxpool3x3, 3 conv1x1-bn-relu, 4 conv3x3-bn-relu.
    """
    if not (isinstance(labels, str) and labels[:100].isdecimal() and set(labels) <= set("01234")):
        raise InvalidInput(f"NASLib labels vertices with digits from 0 to 4, such as 0224441; got {brief(labels)}.")
    return from_matrix(space, square(adjacency), [NASLIB_LABELS[int(digit)] for digit in labels])


def to_naslib(arch: Architecture) -> tuple[str, str]:
    """The digits of the matrix and of the labels of the written cell, as NASLib's zero-cost tables have them."""
    matrix, labels = to_matrix(arch, prune=False)
    return "".join(map(str, matrix.ravel())), "".join(str(NASLIB_LABELS.index(label)) for label in labels)


def square(digits: str) -> Matrix:
    """The adjacency matrix (V, V) whose V * V digits are given row by row."""
    n = math.isqrt(len(digits)) if isinstance(digits, str) else 0
    if not 0 < n <= _LARGEST or n * n != len(digits) or not set(digits) <= {"0", "1"}:
        raise InvalidInput(f"An adjacency matrix is written as a square number of 0 and 1; got {brief(digits)}.")
    return np.array([int(digit) for digit in digits], dtype=np.int8).reshape(n, n)


def cell_of(matrix: Any, ops: Sequence[str]) -> Cell:
    """The cell of an adjacency matrix (V, V) and its V labels; raises `InvalidInput` unless it is one."""
    array, labels = _binary(matrix), [str(op) for op in ops]
    if len(labels) != len(array):
        raise InvalidInput(f"{len(array)} vertices take {len(array)} labels; got {len(labels)}: {brief(labels)}.")
    edges = tuple((int(a), int(b)) for a, b in np.argwhere(array))
    for a, b in edges:
        if a >= b:
            raise InvalidInput(
                f"The edge from vertex {a} to vertex {b} is not in the upper triangle: number the vertices so that "
                "every edge leads to a higher one, which a cycle does not allow."
            )
    first, *inner, last = labels
    if first != INPUT or last != OUTPUT:
        raise InvalidInput(f"The first label is {INPUT!r} and the last {OUTPUT!r}; got {brief([first, last])}.")
    for op in inner:
        if op not in OPERATIONS:
            raise InvalidInput(f"Unknown operation {brief(op)}. {nearest(op[:100], OPERATIONS)}")
    return Cell(len(array), edges, tuple(inner))


def _binary(matrix: Any) -> np.ndarray:
    """`matrix` as a square array of 0 and 1; raises `InvalidInput`."""
    try:
        array = np.asarray(matrix)
    except ValueError:  # rows of unequal length
        array = np.zeros(0)
    n = len(array) if array.ndim == 2 else 0
    if not 2 <= n <= _LARGEST or array.shape != (n, n) or array.dtype.kind not in "biuf" or not _is_binary(array):
        raise InvalidInput(
            f"An adjacency matrix is square, of 0 and 1, for 2 to {_LARGEST} vertices; "
            f"got {brief(matrix)} of shape {array.shape}."
        )
    return array


def _is_binary(array: np.ndarray) -> bool:
    return bool(np.isin(array, (0, 1)).all())


def text_of(cell: Cell) -> str:
    """The string of a cell of up to seven vertices."""
    cell = _padded(cell)
    digits = ["0"] * len(EDGES)
    for edge in cell.edges:
        digits[_PLACE[edge]] = "1"
    triangle = "".join(digits)
    rows = [triangle[_PLACE[a, a + 1] : _PLACE[a, VERTICES - 1] + 1] for a in range(VERTICES - 1)]
    return "/".join(rows) + ":" + "".join(LETTERS[OPERATIONS.index(op)] for op in cell.ops)


def _chosen_edges(choices: Choices) -> list[Edge]:
    """The edges that `choices` wants, asked row by row; a cell that cannot reach its output is given up at once."""
    edges: list[Edge] = []
    reached = {0}
    for source in range(VERTICES - 1):
        for target in range(source + 1, VERTICES):
            if choices.suggest_categorical(question(source, target), (False, True)):
                edges.append((source, target))
                if source in reached:
                    reached.add(target)
        if max(reached) <= source:
            raise Infeasible("No path leads from the input to the output: the cell is disconnected.")
    return edges


def _architecture(space: SearchSpace, cell: Cell) -> Architecture:
    try:
        return space.architecture(_decisions(cell))
    except Infeasible as reason:
        raise InvalidInput(f"{text_of(cell)} is no cell of {space.name}. {reason}") from None


def _decisions(cell: Cell) -> dict[str, Answer]:
    edges: Collection[Edge] = cell.edges
    answers: dict[str, Answer] = {question(*edge): edge in edges for edge in EDGES}
    return answers | {f"op{vertex}": op for vertex, op in zip(INNER, cell.ops, strict=True)}


def _written(arch: Architecture) -> Cell:
    """The cell of seven vertices that an architecture's answers write down."""
    answers = arch.decisions
    edges = tuple(edge for edge in EDGES if answers[question(*edge)])
    return Cell(VERTICES, edges, tuple(str(answers[f"op{vertex}"]) for vertex in INNER))


def _sized(cell: Cell) -> Cell:
    """`cell` with seven vertices; raises `InvalidInput` where pruning leaves more."""
    if cell.n > VERTICES:
        try:
            cell = pruned(cell)
        except Infeasible as reason:
            raise InvalidInput(str(reason)) from None
    if cell.n > VERTICES:
        raise InvalidInput(f"The cell has {cell.n} vertices after pruning; NAS-Bench-101 allows {VERTICES}.")
    return _padded(cell)


@lru_cache(2_000)
def _counts(cell: Cell, shape: tuple[int, int, int], n_classes: int) -> Counts:
    """Parameters and multiply-adds of the network of a pruned cell."""
    from workbench.networks.nasbench101_counts import counts

    graph = nx.DiGraph()
    graph.add_nodes_from((vertex, {"op": op}) for vertex, op in enumerate((INPUT, *cell.ops, OUTPUT)))
    graph.add_edges_from(cell.edges)
    return counts(graph, shape, n_classes)


def _padded(cell: Cell) -> Cell:
    """`cell` with unconnected vertices of the cheapest operation put before the output, seven vertices in all."""
    place = {cell.n - 1: VERTICES - 1}
    edges = tuple((a, place.get(b, b)) for a, b in cell.edges)
    return Cell(VERTICES, edges, cell.ops + OPERATIONS[:1] * (VERTICES - cell.n))
