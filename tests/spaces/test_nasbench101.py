"""NAS-Bench-101 as its authors count, hash, prune and build it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations, islice
from pathlib import Path
from time import perf_counter

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.networks.counting import count_module
from workbench.networks.counts import Counts
from workbench.networks.nasbench101 import Network
from workbench.networks.nasbench101_counts import counts, vertex_channels
from workbench.spaces import search_space
from workbench.spaces.nasbench101 import EDGES, from_matrix, from_naslib, from_record, question, to_matrix, to_naslib
from workbench.spaces.nasbench101_cells import (
    OPERATIONS,
    Cell,
    module_hash,
    pruned,
    unique_cells,
    unlabelled_cells,
)
from workbench.tasks import task

SPACE = search_space("nasbench101")
POOL, CONV1, CONV3 = OPERATIONS
TEXT = "100110/10000/1001/010/10/1:3m331"
DEAD = "100110/10100/1001/010/00/1:3m331"  # vertex 4 leads nowhere
ADJACENCY = "0100110001000000010010000010000001000000010000000"
LABELS = f"input,{CONV3},{POOL},{CONV3},{CONV3},{CONV1},output"
# Cells with their official hash and number of parameters, as google-research/nasbench and NNI print them.
PUBLISHED = [
    (TEXT, "00005c142e6f48ac74fdcf73e3439874", 8_555_530),
    ("111010/00001/0001/100/01/1:1333m", "28cfc7874f6d200472e1a9dcd8650aa0", 2_694_282),
    ("111100/00001/0001/001/10/1:31m33", "28cfc7874f6d200472e1a9dcd8650aa0", 2_694_282),
    ("110011/00010/1000/100/10/1:13m33", None, 32_426_634),
]
SharedData = Callable[[str], Path]


# -- how many there are ----------------------------------------------------------------------------------------


def fixed_by(permutation: tuple[int, ...]) -> int:
    """How many labellings of the inner vertices a permutation leaves as they are: 3 to the number of its cycles."""
    graph = nx.DiGraph(enumerate(permutation))
    return 3 ** (nx.number_weakly_connected_components(graph) - 2)


def test_the_isomorphism_classes_of_pruned_cells_are_423624() -> None:
    # Burnside: a graph's labellings up to its symmetries are as many as a symmetry fixes on average.
    found = {}
    for n in range(2, 8):
        found[n] = 0
        for _, symmetries in unlabelled_cells(n):
            orbits, rest = divmod(sum(map(fixed_by, symmetries)), len(symmetries))
            assert rest == 0
            found[n] += orbits
    assert found == {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}
    assert SPACE.size == sum(found.values()) == 423_624


def test_unique_cells_have_hashes_of_their_own() -> None:
    assert len(set(map(module_hash, islice(unique_cells(), 8_000)))) == 8_000


@pytest.mark.slow
def test_each_unique_cell_has_its_own_hash() -> None:
    cells = list(unique_cells())
    assert len(cells) == len(set(map(module_hash, cells))) == 423_624


def test_373754169_written_cells_are_feasible_which_is_three_in_four() -> None:
    edge = {pair: (np.arange(2**21) >> i & 1).astype(bool) for i, pair in enumerate(EDGES)}
    forward, backward = np.zeros((2, 7, 2**21), dtype=bool)
    forward[0] = backward[6] = True
    for a, b in EDGES:
        forward[b] |= forward[a] & edge[a, b]
    for a, b in reversed(EDGES):
        backward[a] |= backward[b] & edge[a, b]
    used = forward & backward
    feasible = forward[6] & (sum((edge[a, b] & used[a] & used[b]).astype(np.int8) for a, b in EDGES) <= 9)
    assert feasible.sum() * 3**5 == 373_754_169

    ops = dict.fromkeys(("op1", "op2", "op3", "op4", "op5"), POOL)
    for code in np.random.default_rng(0).integers(2**21, size=1_000):
        answers = {question(*pair): bool(edge[pair][code]) for pair in EDGES}
        assert can_be_answered(answers | ops) == feasible[code]


def can_be_answered(answers: dict[str, object]) -> bool:
    try:
        SPACE.architecture(answers)
    except Infeasible:
        return False
    return True


def test_enumeration_gives_pruned_cells_the_smallest_first() -> None:
    first = list(islice(SPACE.enumerate(), 3_000))
    assert str(first[0]) == "000001/00000/0000/000/00/0:mmmmm"
    sizes = [len(to_matrix(arch)[1]) for arch in first]
    assert sizes == sorted(sizes)
    assert sizes[:8] == [2, 3, 3, 3, 3, 3, 3, 4]
    assert len({SPACE.canonical(arch) for arch in first}) == 3_000
    edges = [sum(value is True for value in arch.decisions.values()) for arch in first]
    assert edges == [int(to_matrix(arch)[0].sum()) for arch in first]


# -- the official hash -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "official", "params"), PUBLISHED)
def test_hash_and_parameters_are_the_published_ones(text: str, official: str | None, params: int) -> None:
    arch = SPACE.parse(text)
    assert official in (None, SPACE.canonical(arch), SPACE.canonical(arch, "functional"))
    assert SPACE.counts(arch).params == params


def relabelled(cell: Cell, rng: np.random.Generator) -> Cell:
    """The same cell with its inner vertices numbered otherwise, also in an order that no written cell has."""
    order = [0, *(1 + rng.permutation(cell.n - 2)).tolist(), cell.n - 1]
    ops = [cell.ops[order.index(vertex) - 1] for vertex in range(1, cell.n - 1)]
    return Cell(cell.n, tuple((order[a], order[b]) for a, b in cell.edges), tuple(ops))


def cell_of_architecture(arch: Architecture) -> Cell:
    matrix, labels = to_matrix(arch)
    return Cell(len(labels), tuple((int(a), int(b)) for a, b in np.argwhere(matrix)), tuple(labels[1:-1]))


def as_graph(cell: Cell) -> nx.DiGraph:
    graph = nx.DiGraph(cell.edges)
    nx.set_node_attributes(graph, dict(enumerate(["input", *cell.ops, "output"])), "op")
    return graph


def are_isomorphic(a: Cell, b: Cell) -> bool:
    return nx.is_isomorphic(as_graph(a), as_graph(b), node_match=lambda x, y: x["op"] == y["op"])


def test_numbering_vertices_otherwise_never_changes_the_hash() -> None:
    rng = np.random.default_rng(0)
    for arch in SPACE.sample(300, seed=1):
        cell = cell_of_architecture(arch)
        hashes = {module_hash(relabelled(cell, rng)) for _ in range(5)}
        assert hashes == {SPACE.canonical(arch)}


def test_equal_hashes_mean_isomorphic_cells_and_different_ones_do_not() -> None:
    rng = np.random.default_rng(2)
    verdicts = {True: 0, False: 0}
    for arch in SPACE.sample(130, seed=3):
        cell = cell_of_architecture(arch)
        near = [cell_of_architecture(other) for other in SPACE.neighbors(arch)]
        shuffled = [cell._replace(ops=tuple(rng.permutation(cell.ops).tolist())) for _ in range(3)]
        for other in (*near, *shuffled, relabelled(cell, rng)):
            same = module_hash(cell) == module_hash(other)
            assert same == are_isomorphic(cell, other), (cell, other)
            verdicts[same] += 1
    assert sum(verdicts.values()) > 3_000
    assert min(verdicts.values()) > 300


def test_what_is_pruned_is_another_writing_of_the_same_cell() -> None:
    arch = SPACE.parse(DEAD)
    for change in ("op4", "0->4", "1->4"):
        other = SPACE.architecture(arch.decisions | {change: CONV1 if change == "op4" else not arch.decisions[change]})
        assert other != arch
        assert str(other) != str(arch)
        assert SPACE.canonical(other) == SPACE.canonical(arch)
        assert SPACE.counts(other) == SPACE.counts(arch)
    assert len(arch.graph) == 7
    assert 4 not in SPACE.live(arch.graph)
    matrix, labels = to_matrix(arch)
    assert labels == ["input", CONV3, POOL, CONV3, CONV1, "output"]
    assert SPACE.canonical(from_matrix(SPACE, matrix, labels)) == SPACE.canonical(arch)


def test_the_cells_of_one_hash_show_the_accuracies_of_at_most_three_runs(shared_data: SharedData) -> None:
    # NASLib asked the benchmark for 500 written cells, and was answered with one of the three runs of each unique one.
    table = np.load(shared_data("nb101_extract.npz"))
    runs: dict[str, list[float]] = {}
    for row in np.flatnonzero(~np.isnan(table["val_accuracy"])):
        key = SPACE.canonical(from_naslib(SPACE, str(table["adjacency"][row]), str(table["ops"][row])))
        runs.setdefault(key, []).append(float(table["val_accuracy"][row]))
    assert len(runs) == 292
    assert max(map(len, runs.values())) == 55
    assert max(len(set(values)) for values in runs.values()) == 3


def test_the_two_rules_are_one_and_there_is_no_third() -> None:
    for arch in SPACE.sample(20, seed=4):
        assert SPACE.canonical(arch, "functional") == SPACE.canonical(arch)
    with pytest.raises(UnknownName, match="Did you mean 'isomorphic'"):
        SPACE.canonical(arch, "isomorph")


# -- texts and matrices ----------------------------------------------------------------------------------------


def test_ten_thousand_samples_are_read_as_they_are_written() -> None:
    archs = SPACE.sample(10_000, seed=5)
    assert [SPACE.parse(str(arch)) for arch in archs] == archs
    assert len(set(map(str, archs))) == 10_000


def test_a_matrix_a_record_and_a_text_are_one_cell() -> None:
    arch = SPACE.parse(TEXT)
    assert from_record(SPACE, ADJACENCY, LABELS) == arch
    matrix, labels = to_matrix(arch, prune=False)
    assert matrix.tolist() == np.array(list(ADJACENCY), dtype=int).reshape(7, 7).tolist()
    assert ",".join(labels) == LABELS
    assert from_matrix(SPACE, matrix.tolist(), labels) == arch
    assert arch.decisions["0->4"] is True
    assert arch.decisions["op2"] == POOL


def test_a_small_matrix_gets_unconnected_vertices() -> None:
    arch = from_matrix(SPACE, [[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", CONV3, "output"])
    assert str(arch) == "100001/00001/0000/000/00/0:3mmmm"
    assert [part.tolist() if isinstance(part, np.ndarray) else part for part in to_matrix(arch)] == [
        [[0, 1, 1], [0, 0, 1], [0, 0, 0]],
        ["input", CONV3, "output"],
    ]


def chain(n: int) -> np.ndarray:
    return np.eye(n, k=1, dtype=int)


def test_a_large_matrix_is_pruned_before_its_vertices_are_counted() -> None:
    matrix = np.insert(np.insert(chain(7), 3, 0, axis=0), 3, 0, axis=1)
    matrix[0, 3] = 1
    arch = from_matrix(SPACE, matrix, ["input", *[CONV3] * 6, "output"])
    assert str(arch) == "100000/10000/1000/100/10/1:33333"
    with pytest.raises(InvalidInput, match="has 8 vertices after pruning; NAS-Bench-101 allows 7"):
        from_matrix(SPACE, chain(8), ["input", *[CONV3] * 6, "output"])


@pytest.mark.parametrize(
    ("matrix", "labels", "words"),
    [
        ([[0, 1], [1, 0]], ["input", "output"], "edge from vertex 1 to vertex 0 is not in the upper triangle.*cycle"),
        ([[1, 1], [0, 0]], ["input", "output"], "edge from vertex 0 to vertex 0 is not in the upper triangle"),
        ([[0, 0], [0, 0]], ["input", "output"], "No path leads from the input to the output: the cell is disconnected"),
        (np.triu(np.ones((6, 6)), 1), ["input", *[CONV3] * 4, "output"], "has 15 edges after pruning.*allows 9"),
        (np.eye(9, k=2), ["input", *[CONV3] * 7, "output"], None),
        (np.eye(8, k=3), ["input", *[CONV3] * 6, "output"], "disconnected"),
        (
            np.eye(101, k=1),
            ["input", *[CONV3] * 99, "output"],
            r"square, of 0 and 1, for 2 to 100 vertices; .*101, 101",
        ),
        ([[0, 2], [0, 0]], ["input", "output"], "square, of 0 and 1"),
        ([[0, float("nan")], [0, 0]], ["input", "output"], "square, of 0 and 1"),
        ([["0", "1"], ["0", "0"]], ["input", "output"], "square, of 0 and 1"),
        ([[0, 1, 0], [0, 0, 0]], ["input", "output"], r"square, of 0 and 1.*shape \(2, 3\)"),
        ([[0, 1], [0]], ["input", "output"], "square, of 0 and 1"),
        (None, ["input", "output"], "square, of 0 and 1"),
        (chain(3), ["input", "output"], "3 vertices take 3 labels; got 2"),
        (
            chain(3),
            ["input", "conv3x3-bn-rely", "output"],
            "Unknown operation 'conv3x3-bn-rely'. Did you mean 'conv3x3-bn",
        ),
        (chain(3), ["input", None, "output"], "Unknown operation 'None'"),
        (chain(2), ["output", "input"], "first label is 'input' and the last 'output'; got"),
    ],
)
def test_what_the_benchmark_refuses_is_refused_with_its_reason(
    matrix: object, labels: list[str], words: str | None
) -> None:
    if words is None:
        assert len(to_matrix(from_matrix(SPACE, matrix, labels))[1]) == 5
        return
    with pytest.raises(InvalidInput, match=words):
        from_matrix(SPACE, matrix, labels)


def test_infeasible_answers_give_their_reason() -> None:
    answers = dict(SPACE.parse(TEXT).decisions)
    every_edge = {question(*edge): True for edge in EDGES}
    with pytest.raises(Infeasible, match="cell has 21 edges after pruning; nasbench101 allows 9"):
        SPACE.architecture(answers | every_edge)
    with pytest.raises(Infeasible, match="cell is disconnected"):
        SPACE.architecture(answers | {"2->6": False, "5->6": False})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("1001", "100"), "six rows of its upper triangle.*as in 100110/10000"),
        (TEXT.replace(":", ""), "six rows of its upper triangle"),
        (TEXT.replace("10000", "10020"), "edge is written as 1 and no edge as 0; got '100110/10020"),
        (TEXT[:-1], "has 5 inner vertices; got operations '3m33'"),
        (TEXT.replace("m", "x"), r"Unknown operation 'x' in .*Known: m \(maxpool3x3\), 1 \(conv1x1"),
        (TEXT.replace("/1:", "/0:").replace("1001/", "1000/"), "is no cell of nasbench101. No path leads"),
        ("111111/11111/1111/111/11/1:33333", "is no cell of nasbench101. The cell has 21 edges after pruning"),
        (7, "six rows of its upper triangle.*got 7"),
        ("1" * 10_000_000, "six rows of its upper triangle"),
        (TEXT + "3" * 10_000_000, "has 5 inner vertices"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_text_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    began = perf_counter()
    with pytest.raises(InvalidInput, match=words) as caught:
        SPACE.parse(text)
    assert len(str(caught.value)) < 400
    assert perf_counter() - began < 1


@given(
    st.text(alphabet="01/:m3 1", max_size=40) | st.from_regex(r"[01]{6}/[01]{5}/[01]{4}/[01]{3}/[01]{2}/[01]:[m13]{5}")
)
def test_any_text_is_an_architecture_or_our_error(text: str) -> None:
    try:
        arch = SPACE.parse(text)
    except InvalidInput:
        return
    assert str(arch) == text.strip()


@pytest.mark.parametrize(
    ("adjacency", "labels"), [("0" * 48, "0" * 7), ("0" * 49, "05"), ("", ""), (None, "01"), ("0100", 3)]
)
def test_malformed_naslib_digits_are_refused(adjacency: str, labels: str) -> None:
    with pytest.raises(InvalidInput, match=r"square number of 0 and 1|digits from 0 to 4"):
        from_naslib(SPACE, adjacency, labels)
    with pytest.raises(InvalidInput, match=r"square number of 0 and 1|commas between|labels"):
        from_record(SPACE, adjacency, labels)


def test_naslib_digits_convert_both_ways(shared_data: SharedData) -> None:
    table = np.load(shared_data("nb101_extract.npz"))
    whole = 0
    for adjacency, labels in zip(table["adjacency"][::5].tolist(), table["ops"][::5].tolist(), strict=True):
        arch = from_naslib(SPACE, adjacency, labels)
        if len(labels) == 7:
            assert to_naslib(arch) == (adjacency, labels)
            whole += 1
        else:
            matrix, _ = to_matrix(arch, prune=False)
            inner = [*range(len(labels) - 1), 6]
            assert "".join(map(str, matrix[np.ix_(inner, inner)].ravel())) == adjacency
    assert whole == 1_815


# -- moving about ----------------------------------------------------------------------------------------------


def test_neighbors_are_one_edge_or_one_operation_away() -> None:
    for arch in SPACE.sample(20, seed=6):
        near = SPACE.neighbors(arch)
        assert 10 <= len(near) <= 21 + 5 * 2
        for other in near:
            assert sum(a != b for a, b in zip(arch.decisions.values(), other.decisions.values(), strict=True)) == 1


def test_edges_and_operations_are_drawn_with_their_questions() -> None:
    graph = SPACE.parse(TEXT).graph
    assert graph.nodes[2] == {"label": "2", "role": "op", "op": POOL, "question": "op2"}
    assert dict(graph.edges) == {(a, b): {"question": f"{a}->{b}"} for a, b in EDGES if ADJACENCY[7 * a + b] == "1"}
    assert [q.name for q in SPACE.questions()] == [question(a, b) for a, b in EDGES] + [f"op{v}" for v in range(1, 6)]
    assert len(SPACE.questions()) == 26


# -- the network -----------------------------------------------------------------------------------------------


def graph_of(matrix: list[list[int]], ops: list[str]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from((v, {"op": op} if op else {}) for v, op in enumerate(["", *ops, ""]))
    graph.add_edges_from(np.argwhere(np.array(matrix)).tolist())
    return graph


@pytest.mark.parametrize(
    ("edges", "c_in", "c_out", "expected"),
    [
        ([(0, 1), (1, 2), (2, 3)], 8, 16, [8, 16, 16, 16]),
        ([(0, 1)], 5, 1, [5, 1]),
        ([(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)], 16, 8, [16, 8, 8, 8, 8]),
        ([(0, 1), (0, 2), (1, 3), (2, 3)], 8, 15, [8, 8, 7, 15]),
        ([(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)], 8, 8, [8, 3, 3, 2, 8]),
        ([(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)], 8, 9, [8, 5, 5, 4, 9]),
        ([(0, 1), (0, 3), (1, 2), (1, 4), (2, 3), (3, 4)], 8, 15, [8, 8, 7, 7, 15]),
    ],
)
def test_vertices_have_the_official_channels(
    edges: list[tuple[int, int]], c_in: int, c_out: int, expected: list[int]
) -> None:
    # The cases of the authors' model_builder_test.py.
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(expected)))
    graph.add_edges_from(edges)
    assert list(dict(sorted(vertex_channels(graph, c_in, c_out).items())).values()) == expected


def written_out(net: Network, cell: Cell, x: torch.Tensor) -> torch.Tensor:
    """The network of Ying et al. (2019), section 2.3 and appendix S3, in calls that only borrow the weights."""

    def convolved(part: nn.Module, x: torch.Tensor) -> torch.Tensor:
        x = F.conv2d(x, part[0].weight, padding=part[0].kernel_size[0] // 2)
        return F.relu(F.batch_norm(x, None, None, part[1].weight, part[1].bias, training=True))

    x = convolved(net.stem, x)
    sink = cell.n - 1
    for block in net.body:
        if isinstance(block, nn.MaxPool2d):
            x = F.max_pool2d(x, 2)
            continue
        made: dict[int, torch.Tensor] = {}
        for vertex, op in enumerate(cell.ops, start=1):
            width = block.widths[str(vertex)]
            total = sum(made[a][:, :width] for a, b in cell.edges if b == vertex and a)
            if (0, vertex) in cell.edges:
                total = total + convolved(block.projections[str(vertex)], x)
            padded = F.pad(total, (1, 1, 1, 1), value=-torch.inf)
            made[vertex] = F.max_pool2d(padded, 3, 1) if op == POOL else convolved(block.operations[str(vertex)], total)
        last = [made[a] for a, b in cell.edges if b == sink and a]
        out = torch.cat(last, dim=1) if last else 0
        x = out + convolved(block.projections[str(sink)], x) if (0, sink) in cell.edges else out
    return F.linear(x.mean((2, 3)), net.classifier.weight, net.classifier.bias)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        DEAD,
        "000001/00000/0000/000/00/0:mmmmm",  # input to output and nothing else
        "100001/10000/1000/100/10/1:3m131",  # a chain with a shortcut
        "110000/00001/1001/010/01/0:1313m",  # three vertices share the output's channels, and some are cut
        "100000/11101/0001/001/00/0:333mm",  # vertices of 43 and 42 channels meet
    ],
)
def test_the_network_computes_what_the_paper_draws(text: str) -> None:
    arch = SPACE.parse(text)
    cell = cell_of_architecture(arch)
    graph = graph_of(to_matrix(arch)[0].tolist(), to_matrix(arch)[1][1:-1])
    torch.manual_seed(0)
    net = Network(graph, (3, 16, 16), 10, n_modules=2, channels=16)
    x = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(net(x), written_out(net, cell, x), rtol=1e-4, atol=1e-4)


def test_the_official_network_is_the_default() -> None:
    with torch.device("meta"):
        net = SPACE.network(SPACE.parse(TEXT).graph, task("cifar10"))
    assert net.stem[0].out_channels == 128
    assert len(net.body) == 3 * 3 + 2
    assert net.classifier.in_features == 512
    assert {(m.momentum, m.eps) for m in net.modules() if isinstance(m, nn.BatchNorm2d)} == {(0.003, 1e-5)}


def test_arithmetic_and_the_built_network_agree() -> None:
    for arch in SPACE.sample(5, seed=7):
        graph = SPACE.live(SPACE.graph(arch))
        for shape in ((3, 32, 32), (1, 8, 8), (2, 7, 5)):
            with torch.device("meta"):
                net = Network(graph, shape, 10)
            assert count_module(net, shape) == counts(graph, shape, 10), str(arch)
    assert SPACE.counts(SPACE.parse(TEXT)) == Counts(params=8_555_530, macs=1_261_835_264)


def test_a_batch_of_two_is_trained_on_images_of_one_pixel() -> None:
    net = Network(SPACE.live(SPACE.parse(TEXT).graph), (1, 1, 1), 3, n_modules=1, channels=8)
    assert net(torch.randn(2, 1, 1, 1)).shape == (2, 3)


def test_the_parameters_of_naslibs_table_are_those_of_the_network(shared_data: SharedData) -> None:
    table = np.load(shared_data("nb101_extract.npz"))
    known = ~np.isnan(table["params"])
    assert known.sum() == 500
    found = [
        SPACE.counts(from_naslib(SPACE, adjacency, labels)).params
        for adjacency, labels in zip(table["adjacency"][known].tolist(), table["ops"][known].tolist(), strict=True)
    ]
    # Millions, as 32-bit numbers.
    np.testing.assert_array_equal(np.float32(np.array(found) / 1e6), table["params"][known])


def other_operations(net: nn.Module, shape: tuple[int, int, int]) -> int:
    """Three for each value that is normalised and rectified, one for each pixel that a pooling looks at."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() * (layer.kernel_size**2 if isinstance(layer, nn.MaxPool2d) else 3)

    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.MaxPool2d):
            layer.register_forward_hook(count)
    net(torch.zeros(1, *shape, device="meta"))
    return total


def test_the_flops_of_naslibs_table_count_normalisation_and_pooling_too(shared_data: SharedData) -> None:
    table = np.load(shared_data("nb101_extract.npz"))
    for row in range(0, 500, 60):
        arch = from_naslib(SPACE, str(table["adjacency"][row]), str(table["ops"][row]))
        with torch.device("meta"):
            net = SPACE.network(SPACE.graph(arch), task("cifar10"))
        flops = SPACE.counts(arch).macs + other_operations(net, (3, 32, 32))
        assert flops / 1e6 == pytest.approx(float(table["flops"][row]), rel=1e-6)


def test_a_cell_that_is_not_pruned_makes_no_network() -> None:
    with pytest.raises(InvalidInput, match=re.escape("Prune it with space.live(graph)")):
        Network(SPACE.parse(DEAD).graph, (3, 32, 32), 10)
    with pytest.raises(InvalidInput, match="n_modules of at least 1 and channels of at least the cell's 7 vertices"):
        Network(SPACE.parse(TEXT).graph, (3, 32, 32), 10, channels=4)
    graph = SPACE.parse(TEXT).graph
    graph.nodes[1]["op"] = "conv5x5"
    with pytest.raises(InvalidInput, match="has no operation 'conv5x5'"):
        counts(graph, (3, 32, 32), 10)


def test_pruning_is_what_the_paths_say() -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        edges = tuple(edge for edge in combinations(range(7), 2) if rng.random() < 0.3)
        cell = Cell(7, edges, tuple(rng.choice(OPERATIONS, 5).tolist()))
        graph = nx.DiGraph()
        graph.add_nodes_from(range(7))
        graph.add_edges_from(edges)
        on_paths = {vertex for path in nx.all_simple_paths(graph, 0, 6) for vertex in path}
        if not on_paths:
            with pytest.raises(Infeasible, match="disconnected"):
                pruned(cell)
            continue
        left = pruned(cell)
        assert left.ops == tuple(op for vertex, op in enumerate(cell.ops, start=1) if vertex in on_paths)
        assert len(left.edges) == graph.subgraph(on_paths).number_of_edges()


def test_the_quick_things_are_quick() -> None:
    began = perf_counter()
    archs = SPACE.sample(1_000, seed=9)
    hashes = {SPACE.canonical(arch) for arch in archs}
    sizes = [SPACE.counts(arch) for arch in archs]
    assert perf_counter() - began < 5
    assert len(sizes) == 1_000
    assert 400 < len(hashes) < 600  # uniform answers often make a small cell, as in the authors' random search
