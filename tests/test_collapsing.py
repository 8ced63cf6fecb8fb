"""Repeated blocks folded into one node: every run that repeats, and nothing that does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.collapsing import collapsed
from workbench.drawing import lay_out


def chain(ops: Sequence[str], skips: Sequence[tuple[int, int]] = ()) -> nx.DiGraph:
    """A chain of operations n0, n1 ... between an input and an output; skips join its nodes by number."""
    graph = nx.DiGraph()
    graph.add_node("in", label="in", role="input")
    names = [f"n{i}" for i in range(len(ops))]
    for name, op in zip(names, ops, strict=True):
        graph.add_node(name, op=op, question=name, role="op")
    graph.add_node("out", label="out", role="output")
    nx.add_path(graph, ["in", *names, "out"])
    graph.add_edges_from((names[a], names[b]) for a, b in skips)
    return graph


def labels(graph: nx.DiGraph, expanded: Sequence[str] = ()) -> list[str]:
    """What the folded drawing's nodes say, from left to right."""
    drawing = lay_out(collapsed(graph, None, expanded).graph)
    return [node.label for node in sorted(drawing.nodes, key=lambda node: (node.y // 50, node.x))]


def test_stages_of_the_same_operations_become_one_node_with_all_their_questions() -> None:
    small = collapsed(chain(["conv_3x3", "conv_1x1", "skip_connect"] * 5))
    (fold,) = small.folded
    assert fold.label == "×5 block of 3"
    assert list(small.graph.edges) == [("in", fold.id), (fold.id, "out")]
    (node,) = [node for node in lay_out(small.graph).nodes if node.fold]
    assert (node.fold, node.questions, node.question) == (fold.id, tuple(f"n{i}" for i in range(15)), "")


def test_one_operation_again_and_again_is_folded_under_its_own_name_and_colour() -> None:
    small = collapsed(chain(["conv_1x1", *["conv_3x3"] * 4, "skip_connect"]))
    assert labels(chain(["conv_1x1", *["conv_3x3"] * 4, "skip_connect"])) == [
        "in",
        "conv 1×1",
        "×4 conv 3×3",
        "skip",
        "out",
    ]
    (node,) = [node for node in lay_out(small.graph).nodes if node.fold]
    assert node.colour == lay_out(chain(["conv_3x3"])).nodes[1].colour


@pytest.mark.parametrize("ops", [["conv_3x3"], ["conv_3x3"] * 2, ["conv_3x3", "conv_1x1", "skip_connect"]])
def test_what_does_not_repeat_stays(ops: list[str]) -> None:
    graph = chain(ops)
    small = collapsed(graph)
    assert small.folded == ()
    assert nx.utils.graphs_equal(small.graph, graph)


def test_the_same_operations_wired_otherwise_are_no_repetition() -> None:
    skips = [(0, 3), (3, 6), (6, 9)]
    assert labels(chain(["conv_3x3"] * 9 + ["conv_1x1"], skips))[1] != "×9 conv 3×3"
    broken = chain(["conv_3x3", "conv_1x1", "skip_connect"] * 4, [(0, 2), (3, 5), (9, 11)])
    assert "×4 block of 3" not in labels(broken)
    whole = chain(["conv_3x3", "conv_1x1", "skip_connect"] * 4, [(0, 2), (3, 5), (6, 8), (9, 11)])
    assert labels(whole) == ["in", "×4 block of 3", "out"]


def test_operations_on_edges_tell_blocks_apart() -> None:
    graph = nx.DiGraph()
    for i in range(6):
        graph.add_edge(i, i + 1, op="conv_3x3" if i != 3 else "skip_connect", question=f"{i}->{i + 1}")
    small = collapsed(graph)
    assert all(json.loads(fold.id)[1:] != ["0", "6"] for fold in small.folded)
    assert {q for *_, q in small.graph.edges(data="question")} >= {"3->4"}


def test_blocks_that_all_hear_one_node_and_all_speak_to_one_are_repeated() -> None:
    graph = chain(["conv_3x3", "conv_1x1"] * 6)
    graph.add_edges_from(("in", f"n{i}") for i in range(1, 12, 2))
    graph.add_edges_from((f"n{i}", "out") for i in range(0, 12, 2))
    (fold,) = collapsed(graph).folded
    assert fold.label == "×6 block of 2"


def test_a_block_that_alone_speaks_to_another_node_ends_the_run() -> None:
    graph = chain(["conv_3x3", "conv_1x1"] * 6)
    graph.add_node("aside", role="output")
    graph.add_edge("n5", "aside")
    assert [fold.label for fold in collapsed(graph).folded] == ["×3 block of 2"] * 2


def test_a_skip_over_two_blocks_repeats_too() -> None:
    skips = [(i, i + 4) for i in range(0, 16, 2)]
    small = collapsed(chain(["conv_3x3", "conv_1x1"] * 10, skips))
    assert max(len(questions) for _, questions in small.graph.nodes(data="questions", default=())) >= 14


def test_questions_of_edges_that_are_not_drawn_for_themselves_are_inside() -> None:
    graph = nx.DiGraph()
    nx.add_path(graph, range(8), op="conv_3x3")
    for a, b in graph.edges:
        graph.edges[a, b]["question"] = f"{a}->{b}"
    small = collapsed(graph)
    inside = {q for name in small.graph for q in small.graph.nodes[name].get("questions", ())}
    assert inside | {q for *_, q in small.graph.edges(data="question")} == {f"{i}->{i + 1}" for i in range(7)}


def test_an_expanded_block_is_shown_in_full_and_folded_once_more_inside() -> None:
    graph = chain(["conv_3x3"] * 4 + ["skip_connect"] + (["conv_3x3"] * 4 + ["skip_connect"]) * 2)
    (outer,) = collapsed(graph).folded
    assert outer.label == "×3 block of 5"
    small = collapsed(graph, None, [outer.id])
    assert small.expanded == (outer,)
    assert [fold.label for fold in small.folded] == ["×4 conv 3×3"] * 3
    full = collapsed(graph, None, [outer.id, *(fold.id for fold in small.folded)])
    assert full.folded == ()
    assert nx.utils.graphs_equal(full.graph, graph)


def test_an_edit_inside_an_expanded_block_does_not_fold_the_rest_again() -> None:
    ops = ["conv_3x3", "conv_1x1"] * 8
    (outer,) = collapsed(chain(ops)).folded
    ops[7] = "skip_connect"
    assert collapsed(chain(ops)).folded != ()
    assert collapsed(chain(ops), None, [outer.id]).folded == ()


@pytest.mark.parametrize("stranger", ["", "x", "[]", "[0]", '[0, "n0", "no such node"]', '{"a": 1}', "[[], 0, 0]"])
def test_an_id_of_no_block_is_ignored(stranger: str) -> None:
    graph = chain(["conv_3x3"] * 5)
    assert collapsed(graph, None, [stranger]).folded == collapsed(graph).folded


def test_dead_blocks_are_not_folded_with_live_ones_and_stay_dead() -> None:
    graph = chain(["conv_3x3"] * 8)
    live = graph.subgraph(["in", "out", "n0", "n1", "n2", "n3"])
    small = collapsed(graph, live)
    assert [fold.label for fold in small.folded] == ["×4 conv 3×3"] * 2
    assert [node.live for node in lay_out(small.graph, small.live).nodes if node.fold] == [True, False]


@given(
    st.lists(st.sampled_from(["a", "b"]), max_size=24),
    st.sets(st.tuples(st.integers(0, 23), st.integers(0, 23)), max_size=6),
)
def test_a_folded_graph_of_any_kind_has_no_cycle_and_loses_no_question(
    ops: list[str], skips: set[tuple[int, int]]
) -> None:
    graph = chain(ops, sorted({(a, b) for a, b in skips if a < b < len(ops)}))
    small = collapsed(graph, graph)
    assert nx.is_directed_acyclic_graph(small.graph)
    questions = [
        q for _, data in small.graph.nodes(data=True) for q in data.get("questions", [data.get("question")]) if q
    ]
    assert sorted(questions) == sorted(f"n{i}" for i in range(len(ops)))
    assert len(small.graph) == len(graph) - sum(
        len(data["questions"]) - 1 for _, data in small.graph.nodes(data=True) if "fold" in data
    )
    everything = collapsed(graph, graph, [fold.id for fold in small.folded])
    assert {a for pair in pairwise(["in", "out"]) for a in pair} <= set(everything.graph)


def test_giving_up_leaves_the_search_for_repeats_at_once() -> None:
    def give_up() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        collapsed(chain(["conv_3x3"] * 20), checkpoint=give_up)
