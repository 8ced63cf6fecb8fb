"""Encodings and distances of every space: columns that keep their meaning, ways back, and what isomorphs share."""

from __future__ import annotations

from itertools import combinations, islice, product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.spaces import catalogue as spaces
from workbench.spaces import search_space
from workbench.spaces.choices import Choices
from workbench.spaces.distances import catalogue as kinds_of_distance
from workbench.spaces.distances import distance, distances
from workbench.spaces.encodings import catalogue as encodings
from workbench.spaces.encodings.graph_tensors import from_graph_tensors, graph_tensors
from workbench.spaces.encodings.unit_cube import from_unit_cube
from workbench.spaces.encodings.wiring import wiring
from workbench.spaces.encodings.wl import wl_features
from workbench.spaces.space import SearchSpace

NASBENCH201 = search_space("nasbench201")
OPERATIONS = ("avg_pool_3x3", "none", "nor_conv_1x1", "nor_conv_3x3", "skip_connect")  # alphabetical
PATHS = ("0->3",), ("0->1", "1->3"), ("0->2", "2->3"), ("0->1", "1->2", "2->3")

every_space = pytest.mark.parametrize("space", list(spaces), ids=lambda space: space.name)


class Nested(SearchSpace):
    """A space whose second question depends on the first, with answers that are equal but for their kind."""

    name = "nested"

    def suggest(self, choices: Choices) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_node("in", role="input", label="in")
        before = "in"
        depth = choices.suggest_categorical("depth", (1, 2, 3))
        assert isinstance(depth, int)
        for i in range(depth):
            kernel = choices.suggest_categorical(f"kernel{i}", (3, 5))
            graph.add_node(i, role="op", label="conv", op=f"conv_{kernel}", questions=(f"kernel{i}",))
            graph.add_edge(before, i)
            before = i  # type: ignore[assignment]
        graph.add_node("out", role="output", label="out")
        graph.add_edge(before, "out")
        if choices.suggest_categorical("size", (1, True, 1.0)) is True and depth == 1:
            raise Infeasible("no size for a single layer")
        return graph

    def network(self, graph: nx.DiGraph, task: object) -> object:  # type: ignore[override]
        return None


@every_space
@pytest.mark.parametrize("kind", encodings.names())
def test_columns_depend_on_the_space_alone(space: SearchSpace, kind: str) -> None:
    archs = space.sample(6, seed=1)
    together = space.encode(archs, kind)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    assert space.encode([], kind).shape == (0, together.shape[1])
    for arch, row in zip(archs, together, strict=True):
        assert np.array_equal(space.encode([arch], kind)[0], row)


@every_space
def test_a_point_of_the_unit_cube_is_the_architecture_it_encodes(space: SearchSpace) -> None:
    archs = space.sample(10, seed=2)
    for arch, point in zip(archs, space.encode(archs, "unit_cube"), strict=True):
        assert from_unit_cube(space, point) == arch


@every_space
def test_every_point_of_the_unit_cube_is_an_architecture_or_says_why_not(space: SearchSpace) -> None:
    size = len(space.questions())
    points = np.random.default_rng(3).random((20, size))
    for point in [*points, np.zeros(size), np.ones(size)]:
        try:
            arch = from_unit_cube(space, point)
        except Infeasible as reason:
            assert str(reason)  # noqa: PT017  # a space may refuse any number of points
        else:
            assert space.parse(str(arch)) == arch


@every_space
def test_graph_tensors_show_each_operation_and_wire(space: SearchSpace) -> None:
    archs = space.sample(5, seed=4)
    tensors = graph_tensors(space, archs)
    shape = (len(archs), len(tensors.slots))
    assert tensors.nodes.shape == (*shape, len(tensors.operations))
    assert tensors.adjacency.shape == (*shape, len(tensors.slots))
    assert (np.tril(tensors.adjacency) == 0).all()
    shown = total = 0
    for i, arch in enumerate(archs):
        wires = wiring(space.graph(arch))
        assert (tensors.nodes[i].sum(axis=1) <= tensors.mask[i]).all()
        assert tensors.adjacency[i].sum() <= len(list(wires.edges()))
        shown += tensors.nodes[i].sum()
        total += len(wires.slots)
    assert shown >= 0.98 * total  # where places are too many to have all been seen


@every_space
def test_hamming_is_a_metric_on_answers(space: SearchSpace) -> None:
    archs = space.sample(8, seed=5)
    archs += [space.mutate(arch, seed=0) for arch in archs[:4]]
    found = distances(archs, "hamming")
    assert (found == found.T).all()
    for i, j in combinations(range(len(archs)), 2):
        assert (found[i, j] == 0) == (archs[i] == archs[j])
        assert (found[i, j] <= found[i] + found[j]).all()


@every_space
@pytest.mark.parametrize("kind", kinds_of_distance.names())
def test_distances_are_symmetric_and_zero_to_oneself(space: SearchSpace, kind: str) -> None:
    archs = space.sample(5, seed=6)
    found = distances([*archs, archs[0]], kind)
    assert found.shape == (6, 6)
    assert found.dtype == np.float64
    assert (found >= 0).all()
    assert (found == found.T).all()
    assert (np.diag(found) == 0).all()
    assert found[0, 5] == 0
    assert distance(archs[1], archs[2], kind) == pytest.approx(found[1, 2])


@every_space
def test_flat_spaces_are_as_far_apart_as_their_one_hot_codes(space: SearchSpace) -> None:
    if not space.flat:
        pytest.skip("not flat")
    archs = space.sample(20, seed=7)
    codes = space.encode(archs).astype(np.float64)
    assert np.array_equal(distances(archs), np.abs(codes[:, None] - codes[None]).sum(axis=2) / 2)


def naszilla_paths(arch: Architecture) -> np.ndarray:
    """The 155 bits as naszilla numbers them: length by length, the first operation changing quickest."""
    bits = np.zeros(155)
    for edges in PATHS:
        word = [OPERATIONS.index(str(arch.decisions[edge])) for edge in edges]
        bits[sum(5**i for i in range(1, len(word))) + sum(op * 5**i for i, op in enumerate(word))] = 1
    return bits


def test_nasbench201_has_the_155_bits_of_bananas() -> None:
    archs = NASBENCH201.sample(200, seed=8)
    expected = np.array([naszilla_paths(arch) for arch in archs])
    assert np.array_equal(NASBENCH201.encode(archs, "path"), expected)
    assert np.array_equal(NASBENCH201.encode(archs, "path", n_paths=30), expected[:, :30])
    assert np.array_equal(NASBENCH201.encode(archs, "path", length=2), expected[:, :30])


@pytest.mark.parametrize(
    ("name", "kind", "columns"),
    [
        ("nasbench101", "path", 364),  # 3^0 + ... + 3^5, naszilla's encode_paths
        ("nasbench101", "adjacency", 21 + 5 * 3),  # White et al., 2020, section 3
        ("darts", "path", 4 * (7 + 49 + 343 + 2401)),  # two cells with two inputs each, seven operations
    ],
)
def test_published_numbers_of_columns(name: str, kind: str, columns: int) -> None:
    space = search_space(name)
    assert space.encode(space.sample(2), kind).shape == (2, columns)


def test_nasbench201_in_the_form_with_operations_on_nodes_is_the_published_graph() -> None:
    tensors = graph_tensors(NASBENCH201, NASBENCH201.sample(3, seed=9))
    wires = {(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)}
    assert tensors.slots == (0, (0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), 3)
    assert tensors.operations == ("input", "output", *sorted(OPERATIONS))
    assert {(int(a), int(b)) for a, b in zip(*np.nonzero(tensors.adjacency[0]), strict=True)} == wires


def test_the_adjacency_encoding_of_nasbench201_is_its_wires_and_its_one_hot_operations() -> None:
    archs = NASBENCH201.sample(50, seed=10)
    codes = NASBENCH201.encode(archs, "adjacency")
    assert codes.shape == (50, 8 * 7 // 2 + 30)
    assert (codes[:, :28].sum(axis=1) == 10).all()
    assert np.array_equal(codes[:, 28:], NASBENCH201.encode(archs, "one_hot"))


def test_graph_tensors_of_nasbench201_are_read_back_hard_and_soft() -> None:
    archs = NASBENCH201.sample(30, seed=11)
    nodes = graph_tensors(NASBENCH201, archs).nodes
    noise = np.random.default_rng(0).random(nodes.shape).astype(np.float32) * 0.9
    assert from_graph_tensors(NASBENCH201, nodes) == archs
    assert from_graph_tensors(NASBENCH201, nodes + noise) == archs
    with pytest.raises(InvalidInput, match=r"have shape \(n, 8, 7\); got \(30, 8, 6\)"):
        from_graph_tensors(NASBENCH201, nodes[:, :, :6])


def swapped(arch: Architecture) -> Architecture:
    """The isomorphic cell with its inner nodes in the other order, where no edge joins them."""
    d = arch.decisions
    names = {"0->1": "0->2", "0->2": "0->1", "1->3": "2->3", "2->3": "1->3"}
    return NASBENCH201.architecture({name: d[names.get(name, name)] for name in d})


@given(st.tuples(*[st.sampled_from(OPERATIONS)] * 5))
def test_isomorphic_cells_of_nasbench201_share_motifs_and_live_paths(ops: tuple[str, ...]) -> None:
    names = ("0->1", "0->2", "0->3", "1->3", "2->3")
    arch = NASBENCH201.architecture({**dict(zip(names, ops, strict=True)), "1->2": "none"})
    twins = [arch, swapped(arch)]
    assert NASBENCH201.canonical(arch, "functional") == NASBENCH201.canonical(twins[1], "functional")
    for kind, settings in (("wl", {}), ("wl", {"h": 4}), ("path", {"live": True})):
        first, second = NASBENCH201.encode(twins, kind, **settings)
        assert np.array_equal(first, second)
    assert distance(*twins, kind="wl") == 0
    assert distance(*twins, kind="edit") == distance(*twins, kind="hamming") == sum(a != b for a, b in pairs(twins))


def pairs(archs: list[Architecture]) -> list[tuple[object, object]]:
    return [(archs[0].decisions[name], archs[1].decisions[name]) for name in archs[0].decisions]


def test_motifs_are_counted_under_names_that_can_be_read() -> None:
    arch = NASBENCH201.parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|")
    motifs = wl_features(NASBENCH201.live(arch.graph), h=1)
    assert motifs == {
        "input": 1, "nor_conv_3x3": 2, "skip_connect": 1, "avg_pool_3x3": 1, "output": 1,
        "input()": 1, "nor_conv_3x3(input)": 1, "nor_conv_3x3(nor_conv_3x3)": 1, "skip_connect(nor_conv_3x3)": 1,
        "avg_pool_3x3(skip_connect)": 1, "output(avg_pool_3x3, nor_conv_3x3)": 1,
    }  # fmt: skip
    assert wl_features(arch.graph, h=0)["none"] == 2
    deep = wl_features(arch.graph, h=30)
    assert max(map(len, deep)) < 1000  # the parts of long names are hashes
    assert sum(deep.values()) == 8 * 31


def test_hashed_motif_columns_hold_every_count() -> None:
    archs = NASBENCH201.sample(20, seed=12)
    wide, narrow = NASBENCH201.encode(archs, "wl"), NASBENCH201.encode(archs, "wl", width=7)
    counts = [sum(wl_features(NASBENCH201.live(arch.graph)).values()) for arch in archs]
    assert wide.shape == (20, 1024)
    assert (wide.sum(axis=1) == counts).all()
    assert (narrow.sum(axis=1) == counts).all()


def test_wl_distance_is_that_of_the_normalised_kernel() -> None:
    a, b = NASBENCH201.sample(2, seed=13)
    phi, psi = (wl_features(NASBENCH201.live(arch.graph)) for arch in (a, b))
    dot = sum(phi[motif] * psi[motif] for motif in phi)
    norms = np.sqrt(sum(v * v for v in phi.values()) * sum(v * v for v in psi.values()))
    assert distance(a, b, "wl") == pytest.approx(np.sqrt(2 - 2 * dot / norms))


def test_a_conditional_space_keeps_unasked_questions_apart() -> None:
    space = Nested()
    short = space.architecture({"depth": 1, "kernel0": 5, "size": 1})
    long = space.architecture({"depth": 2, "kernel0": 5, "kernel1": 3, "size": 1.0})
    assert [q.name for q in space.questions()] == ["depth", "kernel0", "size", "kernel1", "kernel2"]
    assert space.encode([short, long]).tolist() == [
        [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0],
    ]
    assert np.allclose(space.encode([long], "unit_cube"), [[0.5, 0.75, 5 / 6, 0.25, 0.5]])
    assert distance(short, long) == 3  # depth, kernel1 asked of one only, 1 against 1.0
    assert distance(short, long, "edit") == 4  # a node, two of three edges, and the edge that they replace
    with pytest.raises(Infeasible, match="no size for a single layer"):
        from_unit_cube(space, [0.0, 0.0, 0.5, 0.0, 0.0])


def test_questions_that_the_graph_does_not_show_are_in_the_adjacency_encoding() -> None:
    space = Nested()
    a = space.architecture({"depth": 2, "kernel0": 3, "kernel1": 3, "size": 1})
    b = space.architecture({"depth": 2, "kernel0": 3, "kernel1": 3, "size": 1.0})
    codes = space.encode([a, b], "adjacency")
    assert codes.shape[1] == 5 * 4 // 2 + 3 * 2 + 3  # five places, three kernels, the size; the depth is in the wires
    assert np.abs(codes[0] - codes[1]).sum() == 2


def test_one_hot_of_all_nasbench201_cells_is_every_combination() -> None:
    every = list(NASBENCH201.enumerate())
    codes = NASBENCH201.encode(every)
    expected = list(islice(product(np.eye(5), repeat=6), 7000, 7010))
    assert np.array_equal(codes[7000:7010].reshape(10, 6, 5), np.array(expected))


def test_distances_of_two_thousand_architectures_are_one_array() -> None:
    found = distances(NASBENCH201.sample(2000, seed=14))
    assert found.shape == (2000, 2000)
    assert set(np.unique(found)) == set(range(7))


def test_unknown_names_and_settings_show_the_known_ones() -> None:
    archs = NASBENCH201.sample(2)
    with pytest.raises(UnknownName, match="no encoding named 'paths'. Did you mean 'path'"):
        NASBENCH201.encode(archs, "paths")
    with pytest.raises(UnknownName, match=r"encoding 'wl' takes no keyword 'depth'. .* Known: h, live, width"):
        NASBENCH201.encode(archs, "wl", depth=3)
    with pytest.raises(UnknownName, match="no distance named 'haming'. Did you mean 'hamming'"):
        distances(archs, "haming")


def test_impossible_settings_are_refused() -> None:
    archs = NASBENCH201.sample(1)
    for kind, settings in (("wl", {"h": -1}), ("wl", {"width": 0}), ("path", {"length": 0}), ("path", {"n_paths": -3})):
        with pytest.raises(InvalidInput, match=next(iter(settings))):
            NASBENCH201.encode(archs, kind, **settings)


@pytest.mark.parametrize("point", [[0.5] * 5, [0.5] * 5 + [1.1], [0.5] * 5 + [float("nan")], [[0.5] * 6]])
def test_what_is_no_point_of_the_unit_cube_is_refused(point: list[float]) -> None:
    with pytest.raises(InvalidInput, match="coordinates|Coordinates"):
        from_unit_cube(NASBENCH201, point)


def test_architectures_of_two_spaces_have_no_distance() -> None:
    with pytest.raises(InvalidInput, match="one space; got 'nasbench201', 'nested'"):
        distance(NASBENCH201.sample(1)[0], Nested().sample(1)[0])
    with pytest.raises(InvalidInput, match="cannot be read from their operations alone"):
        from_graph_tensors(Nested(), np.zeros((1, 5, 4), dtype=np.float32))
