"""Edges changed by hand: which answers do it, in spaces that say nothing about edges but what `suggest` says."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.spaces import SearchSpace
from workbench.spaces.choices import Choices
from workbench.widgets.editor.rewiring import Move, Rewiring, told

PATH = "100000/10000/1000/100/10/1:333mm"  # in 1 2 3 4 5 out, one after the other
FULL = "110011/01110/0101/000/00/0:mmm31"
NINE = "011100/11001/0010/011/00/1:3313m"  # as many edges as are allowed, all of them used
DARTS = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
    "('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_3x3', 0), ('dil_conv_5x5', 1)], normal_concat=range(2, 6), "
    "reduce=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1)], reduce_concat=range(2, 6))"
)


def space(name: str) -> SearchSpace:
    return wb.search_space(name)


def rewiring(name: str, text: str) -> Rewiring:
    return Rewiring(space(name).parse(text))


def after(move: Move, arch: Architecture) -> nx.DiGraph:
    """The graph that a move leads to."""
    assert move.decisions is not None, move.reason
    return arch.space.architecture(move.decisions).graph


def test_every_pair_of_nasbench101_is_an_edge_to_draw_or_one_that_is_there() -> None:
    work = rewiring("nasbench101", FULL)
    edges = set(work.arch.graph.edges)
    for source in range(7):
        for name, move in work.targets(str(source)).items():
            pair = tuple(sorted((source, int(name))))
            if pair in edges:
                assert move.reason.endswith("is there already.")
            else:
                assert set(after(move, work.arch).edges) == edges | {pair}


def test_an_edge_too_many_is_refused_with_the_spaces_own_words() -> None:
    move = rewiring("nasbench101", NINE).targets("0")["1"]
    assert move == Move(None, "The cell has 10 edges after pruning; nasbench101 allows 9: drop some.")


def test_an_edge_is_taken_away_and_nothing_else() -> None:
    work = rewiring("nasbench101", FULL)
    for source, target in work.arch.graph.edges:
        left = set(after(work.without(str(source), str(target)), work.arch).edges)
        assert left == set(work.arch.graph.edges) - {(source, target)}


def test_the_last_way_to_the_output_cannot_be_taken_away_and_the_reason_is_the_spaces() -> None:
    move = rewiring("nasbench101", PATH).without("2", "3")
    assert move.decisions is None
    assert move.reason == "No path leads from the input to the output: the cell is disconnected."


def test_one_answer_that_takes_and_one_that_draws_make_a_move_where_neither_is_feasible_alone() -> None:
    """Without 5 -> out nothing reaches the output; with nine edges no tenth may come."""
    work = rewiring("nasbench101", "100000/10000/1000/100/10/1:333mm")
    moved = after(work.targets("4", "5", end="target")["6"], work.arch)
    assert set(moved.edges) == {(0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (5, 6)}
    full = rewiring("nasbench101", NINE)
    allowed = [name for name, move in full.targets("0", "2", end="target").items() if move.decisions is not None]
    assert "5" in allowed
    assert "6" in allowed


def test_a_moved_edge_takes_its_operation_along_and_the_others_keep_theirs() -> None:
    """DARTS numbers a node's operations by its inputs: after 0,1 -> 1,3 the second question is about the moved edge."""
    work = rewiring("darts", DARTS)
    moved = after(work.targets("normal.0", "normal.5", end="source")["normal.3"], work.arch)
    assert moved.edges["normal.3", "normal.5"]["op"] == "dil_conv_3x3"
    assert moved.edges["normal.1", "normal.5"]["op"] == "dil_conv_5x5"
    untouched = set(work.arch.graph.edges(data="op")) - {("normal.0", "normal.5", "dil_conv_3x3")}
    assert untouched <= set(moved.edges(data="op"))


def test_where_edges_only_take_each_others_place_drawing_one_says_so() -> None:
    words = rewiring("darts", DARTS).targets("normal.2")["normal.4"].reason
    assert words == "No answer of darts draws 2 → 4. An edge that is there can be moved there by its end."


def test_in_another_space_the_edges_to_the_output_follow_by_themselves() -> None:
    work = rewiring("nasbench_graph", "([0,1,2,2],['arma','sage','gin','gin'])")
    move = work.targets("op2", "op4", end="source")["op3"]
    assert set(after(move, work.arch).edges) == {
        ("in", "op1"), ("op1", "op2"), ("op2", "op3"), ("op3", "op4"), ("op4", "out")
    }  # fmt: skip
    assert move.also == "op3 → out goes"


@pytest.mark.parametrize(
    ("name", "count"), [("nasbench201", 0), ("nasbench101", 21), ("darts", 6), ("nasbench_graph", 1), ("mnasnet", 0)]
)
def test_the_questions_about_edges_are_found(name: str, count: int) -> None:
    arch = space(name).sample(1)[0]
    work = Rewiring(arch)
    assert sum(work.rewires(question.name) for question in arch.space.questions(arch)) == count


def test_a_question_whose_other_answer_is_infeasible_here_is_about_edges_all_the_same() -> None:
    assert rewiring("nasbench101", NINE).rewires("0->1")


@pytest.mark.parametrize("name", wb.search_spaces())
def test_whatever_a_space_offers_is_an_architecture_of_it_with_that_edge(name: str) -> None:
    arch = space(name).sample(1, seed=3)[0]
    work = Rewiring(arch)
    named = {str(node): node for node in arch.graph}
    for source in list(named)[:4]:
        for target, move in work.targets(source).items():
            if move.decisions is None:
                assert move.reason
            else:
                edges = after(move, arch).edges
                assert (named[source], named[target]) in edges or (named[target], named[source]) in edges


class Guarded(SearchSpace):
    """Two edges of which at most one may be there, and a name that is markup."""

    name = "guarded"

    def suggest(self, choices: Choices) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_nodes_from(["a", "b", "<b>"], role="state")
        for target in ("b", "<b>"):
            if choices.suggest_categorical(f"a {target}", ("no", "yes")) == "yes":
                graph.add_edge("a", target, question=f"a {target}")
        if graph.number_of_edges() > 1:
            raise Infeasible("one at a time")
        return graph

    def network(self, graph: nx.DiGraph, task: Any) -> Any:
        raise Infeasible("only drawn")


def test_an_infeasible_answer_is_known_from_where_it_is_feasible() -> None:
    guarded = Guarded()
    work = Rewiring(guarded.architecture({"a b": "yes", "a <b>": "no"}))
    assert work.targets("a")["<b>"] == Move(None, "one at a time")
    assert work.targets("a", "b", end="target")["<b>"].decisions == {"a b": "no", "a <b>": "yes"}
    assert work.targets("b")["<b>"] == Move(None, "No answer of guarded draws b → <b>.")


def test_nodes_and_edges_that_are_not_drawn_are_refused() -> None:
    work = rewiring("nasbench101", PATH)
    with pytest.raises(InvalidInput, match=r"no node '9'. There are 0, 1"):
        work.targets("9")
    with pytest.raises(InvalidInput, match="no edge from 0 to 6"):
        work.without("0", "6")


def test_moves_travel_as_json() -> None:
    assert told({"a": Move(None, "why")}) == {"a": {"decisions": None, "reason": "why", "also": ""}}
