"""Alignment: the fewest edits between two graphs, against brute force and by its own rules."""

from __future__ import annotations

from itertools import pairwise, permutations

import networkx as nx
import pytest

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces import search_space, search_spaces
from workbench.spaces.alignment import align, align_graphs, fixed_topology

NB101 = search_space("nasbench101")
NB201 = search_space("nasbench201")
START = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
FREE = ("nasbench101", "darts", "mnasnet", "transnas_macro", "typed_convolutions", "ofa_mobilenetv3", "lhd")


def parts(graph: nx.DiGraph, names: dict[object, object]) -> dict[object, str]:
    """Every node and edge with its operation, under other names."""
    found: dict[object, str] = {names[n]: f"{d['role']} {d.get('op')}" for n, d in graph.nodes(data=True)}
    return found | {(names[a], names[b]): "edge" for a, b in graph.edges}


def fewest_edits(a: nx.DiGraph, b: nx.DiGraph) -> int:
    """The least number of parts that differ, over every way to name the inner nodes of both alike."""
    inner = [[n for n, role in g.nodes(data="role") if role == "op"] for g in (a, b)]
    size = max(map(len, inner))
    ends = {n: n for n, role in a.nodes(data="role") if role != "op"}
    here = parts(a, ends | {n: f"x{i}" for i, n in enumerate(inner[0])})
    least = 10**9
    for order in permutations(range(size), len(inner[1])):
        there = parts(b, ends | {n: f"x{i}" for i, n in zip(order, inner[1], strict=True)})
        least = min(least, sum(here.get(part) != there.get(part) for part in {*here, *there}))
    return least


def live(arch: Architecture) -> nx.DiGraph:
    return arch.space.live(arch.graph)


def test_the_cost_is_the_least_of_all_correspondences_of_small_cells() -> None:
    archs = NB101.sample(36, seed=3)
    pairs = [(archs[i], archs[j]) for i in range(0, 36, 3) for j in range(1, 36, 4)]
    assert len({align(a, b).cost for a, b in pairs}) > 5
    for a, b in pairs:
        found = align(a, b)
        assert found.exact
        assert found.cost == fewest_edits(live(a), live(b)), f"{a} {b}"


def test_an_isomorphic_cell_is_no_edit_away_whatever_its_vertices_are_called() -> None:
    a = NB101.parse("110000/01000/1000/001/00/0:31mmm")
    graph = live(a)
    other = nx.relabel_nodes(graph, {1: 2, 2: 1, 3: 5})
    found = align_graphs(graph, other)
    assert found.cost == 0
    assert found.matched[1] == 2


def test_what_is_pruned_from_a_cell_is_no_difference() -> None:
    a, b = NB101.parse("100000/00001/0000/000/00/0:3mmmm"), NB101.parse("100000/00001/0000/000/00/0:31331")
    assert align(a, b).cost == 0


def test_an_added_node_and_its_edges_are_named() -> None:
    straight = NB101.parse("100000/00001/0000/000/00/0:3mmmm")
    found = align(straight, NB101.parse("110000/00001/0001/000/00/0:31mmm"))
    assert found.nodes.added == [2]
    assert found.edges.added == [(0, 2), (2, 6)]
    assert found.nodes.kept == [(0, 0), (1, 1), (6, 6)]
    assert (found.cost, found.nodes.removed, found.edges.removed) == (3, [], [])


def test_a_changed_operation_is_one_edit_and_the_nodes_keep_their_names() -> None:
    a, b = NB101.parse("110000/00001/0001/000/00/0:33mmm"), NB101.parse("110000/00001/0001/000/00/0:3mmmm")
    found = align(a, b)
    assert found.nodes.changed == [(2, 2)]
    assert found.cost == 1


def test_a_fixed_topology_is_compared_by_name_though_a_swap_would_be_cheaper() -> None:
    a = NB201.parse("|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|")
    b = NB201.parse("|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|")
    found = align(a, b)
    assert [first for first, _ in found.edges.changed] == [(0, 1), (0, 2), (1, 3), (2, 3)]
    assert found.cost == 4
    assert align_graphs(a.graph, b.graph).cost == 2


def test_a_zero_edge_is_an_operation_like_others_where_the_topology_is_fixed() -> None:
    a = NB201.parse(START)
    for neighbor in NB201.neighbors(a):
        assert align(a, neighbor).cost == 1


def test_the_spaces_whose_graphs_never_differ_are_known() -> None:
    assert fixed_topology(NB201)
    assert fixed_topology(search_space("fbnet"))
    assert not fixed_topology(NB101)
    assert not fixed_topology(search_space("darts"))
    few = {q.name: q.answers[:1] for q in NB201.questions()} | {"0->1": ("none", "skip_connect")}
    assert fixed_topology(NB201.restrict(few))


@pytest.mark.parametrize("name", FREE)
def test_the_way_back_is_the_same_and_every_call_gives_it(name: str) -> None:
    archs = search_space(name).sample(4, seed=5)
    for a, b in pairwise(archs):
        found = align(a, b)
        back = align(b, a)
        assert (back.cost, list(back.matched.items())) == (found.cost, list(found.backwards().matched.items()))
        assert align(a, b).matched == found.matched


@pytest.mark.parametrize("name", search_spaces())
def test_every_node_and_edge_is_counted_once_and_an_architecture_equals_itself(name: str) -> None:
    a, b = search_space(name).sample(2, seed=1)
    found = align(a, b)
    for parts_, first, second in (
        (found.nodes, found.first.nodes, found.second.nodes),
        (found.edges, found.first.edges, found.second.edges),
    ):
        pairs = parts_.kept + parts_.changed
        assert sorted(map(str, [p for p, _ in pairs] + parts_.removed)) == sorted(map(str, first))
        assert sorted(map(str, [p for _, p in pairs] + parts_.added)) == sorted(map(str, second))
    assert align(a, a).cost == 0
    assert found.cost >= abs(len(found.first) - len(found.second))


def test_a_chain_with_a_block_more_differs_by_that_block() -> None:
    def chain(ops: str) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_node("in", role="input", label="in")
        graph.add_nodes_from((i, {"role": "op", "op": op}) for i, op in enumerate(ops))
        graph.add_node("out", role="output", label="out")
        nx.add_path(graph, ["in", *range(len(ops)), "out"])
        return graph

    found = align_graphs(chain("abcdeabcde"), chain("abxcdeabcde"))
    assert not found.exact
    assert found.nodes.added == [2]
    assert found.cost == 1 + 3  # the node, and one edge that became two


def test_a_reversed_edge_is_one_removed_and_one_added() -> None:
    a = NB101.parse("110000/10001/0001/000/00/0:31mmm").graph.subgraph([0, 1, 2, 6]).copy()
    b = nx.relabel_nodes(a, {1: 1})
    b.remove_edge(1, 2)
    b.add_edge(2, 1)
    found = align_graphs(a, b)
    assert found.cost == 2
    assert (found.edges.removed, found.edges.added) == ([(1, 2)], [(2, 1)])


def test_architectures_of_two_spaces_are_refused() -> None:
    with pytest.raises(InvalidInput, match="belongs to nasbench101 and .* to nasbench201"):
        align(NB101.sample(1)[0], NB201.parse(START))
    with pytest.raises(InvalidInput, match="takes two Architectures"):
        align(START, NB201.parse(START))  # type: ignore[arg-type]
