"""The kernel half of the one-edit neighbourhood: which edits there are, what they are worth, where one has been."""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.spaces import SearchSpace, search_space
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.linking import link
from workbench.widgets.neighborhood import Neighborhood
from workbench.widgets.steps.moves import Moves
from workbench.widgets.steps.still import scale_of, written_change


@pytest.fixture
def arch(bench: Benchmark, cell: str) -> Architecture:
    return bench.space.parse(cell)


@pytest.fixture
def around(arch: Architecture, bench: Benchmark) -> Neighborhood:
    return Neighborhood(arch, benchmark=bench)


def letters(arch: Architecture) -> float:
    """A measure of the user's own."""
    return float(len(str(arch)))


# -- which edits there are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "darts", "transnas_macro", "elastic_decoder", "lhd"])
def test_the_edits_are_the_neighbours_of_the_space(name: str) -> None:
    space = search_space(name)
    arch = space.sample(1, seed=3)[0]
    moves = Moves(arch)
    made = [moves.move(*cell) for cell in moves.cells]
    assert {move.arch for move in made if move.arch is not None} - {arch} == set(space.neighbors(arch))
    assert all(move.reason for move in made if move.arch is None)


def test_an_edit_that_makes_nothing_says_why_and_one_that_asks_anew_is_answered_first(awkward: SearchSpace) -> None:
    arch = next(a for a in awkward.enumerate() if not a.decisions["wide"])
    moves = Moves(arch)
    assert moves.move("kind", 2).reason == "this kind fits nothing"
    wide = moves.move("wide", 1).arch
    assert wide is not None
    assert wide.decisions["depth"] == 1.0
    with pytest.raises(InvalidInput, match="has no answer number 9 to a question 'wide'"):
        moves.move("wide", 9)


def test_edits_that_change_no_function_are_known(arch: Architecture) -> None:
    dead = arch.space.architecture({**arch.decisions, "0->1": "none", "0->2": "none"})  # 1 -> 2 carries nothing
    moves = Moves(dead)
    assert all(moves.move("1->2", i).same for i in range(5) if i != 1)
    assert not moves.move("0->3", 0).same


def test_questions_are_called_by_their_edges_where_that_tells_them_apart(arch: Architecture) -> None:
    assert [row.label for row in Moves(arch).rows] == ["in→1", "in→2", "1→2", "in→out", "1→out", "2→out"]
    darts = search_space("darts").sample(1, seed=0)[0]
    assert [row.label for row in Moves(darts).rows] == list(darts.decisions)


def test_of_many_questions_those_that_matter_come_first() -> None:
    arch = search_space("hierarchical_nasbench201").sample(1, seed=1)[0]
    matters = [row.matters for row in Moves(arch).rows]
    assert matters == sorted(matters, reverse=True)
    assert 0 < sum(matters) < len(matters)


# -- what they are worth -----------------------------------------------------------------------------------------------


def test_the_matrix_is_the_table_of_every_edit(around: Neighborhood, arch: Architecture, bench: Benchmark) -> None:
    frame = around.neighbors
    assert set(frame.index) == {str(other) for other in arch.space.neighbors(arch)}
    here = bench.value(arch, "valid_accuracy")
    for name, row in frame.iterrows():
        value = bench.value(arch.space.parse(str(name)), "valid_accuracy")
        assert row["change"] == pytest.approx(value - here)
        assert arch.space.parse(str(name)).decisions[row["question"]] == row["answer"]
    assert around.best == arch.space.parse(str(frame["change"].idxmax()))


def test_the_best_neighbour_of_a_cost_is_the_lowest_and_there_may_be_none(arch: Architecture) -> None:
    around = Neighborhood(arch, "params", [])
    assert around.best is not None
    assert arch.space.counts(around.best).params == min(arch.space.counts(o).params for o in arch.space.neighbors(arch))
    nothing = arch.space.architecture(dict.fromkeys(arch.decisions, "none"))
    assert Neighborhood(nothing, "macs", []).best is None


def test_the_first_picture_has_numbers_without_a_browser_or_a_sheet(around: Neighborhood) -> None:
    assert around.sheet == {}
    assert around.numbers["done"] == around.numbers["total"] == 24
    cell = around.numbers["cells"]["0->3"][1]
    assert (round(cell["value"], 2), cell["same"], cell["makes"]) == (90.72, False, True)


def test_the_menu_has_every_number_there_is(around: Neighborhood) -> None:
    names = {measure["name"].removeprefix("nasbench201 cifar10 ") for measure in around.measures}
    assert {
        "valid_accuracy",
        "valid_accuracy rank",
        "train_time_s",
        "latency_ms",
        "params",
        "live_macs",
        "twins",
    } <= names
    around.measure = "latency_ms"
    assert around.measure == "nasbench201 cifar10 latency_ms"
    with pytest.raises(UnknownName, match="There is no measure named 'latency'"):
        around.measure = "latency"
    assert around.measure == "nasbench201 cifar10 latency_ms"


class Half:
    """What a fitted regressor looks like."""

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Half of the first column."""
        return rows[:, 0] / 2


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        (letters, "letters", None),
        (Measure("mine", "lower", letters, unit="s"), "mine", None),
        ({"half": Half()}, "half", 0.0),
        ([(Half(), "one_hot"), "params"], "Half", 0.0),
        ("nwot", "nwot", None),
    ],
)
def test_a_neighbourhood_takes_whatever_says_a_number(arch: Architecture, given: Any, name: str, value: Any) -> None:
    around = Neighborhood(arch, given, [])
    assert around.measure == f"measure {name}"
    assert around.measures[-1]["words"] == name
    assert around.numbers["done"] == 0  # it may be dear: nothing is asked before a browser shows the neighbourhood
    if value is not None:
        assert around.path.iloc[0, 0] == value


def test_a_column_is_meant_before_a_proxy_of_the_same_name(arch: Architecture) -> None:
    assert Neighborhood(arch, "params", []).measure == "params"


def test_what_is_no_measure_is_refused(arch: Architecture) -> None:
    with pytest.raises(InvalidInput, match="measure= takes a Measure, the name of a column or a proxy, a function"):
        Neighborhood(arch, 3)
    with pytest.raises(UnknownName, match=r"There is no measure named 'valid_acuracy'. Did you mean 'valid_accuracy'"):
        Neighborhood(arch, "valid_acuracy")
    with pytest.raises(InvalidInput, match="Neighborhood takes an Architecture, made by space.parse"):
        Neighborhood("|none~0|")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="measures"):
        Neighborhood(arch, measures="params")


def test_a_measure_that_fails_costs_one_number_and_says_why(arch: Architecture) -> None:
    def fails(other: Architecture) -> float:
        if other.decisions["0->1"] == "none":
            raise ZeroDivisionError("mine")
        return nan if other.decisions["0->1"] == "skip_connect" else 1.0

    frame = Neighborhood(arch, fails, []).neighbors.set_index(["question", "answer"])
    assert frame.loc[("0->1", "none"), "reason"] == "fails failed: ZeroDivisionError: mine"
    assert frame.loc[("0->1", "skip_connect"), "reason"] == "fails has no number here"
    assert isnan(frame.loc[("0->1", "none"), "change"])
    assert frame.loc[("0->2", "skip_connect"), "change"] == 0


def test_nothing_is_worked_out_twice(arch: Architecture) -> None:
    asked: list[str] = []

    def counting(other: Architecture) -> float:
        asked.append(str(other))
        return letters(other)

    around = Neighborhood(arch, counting, [])
    around.complete()
    around.value = arch.space.neighbors(arch)[0]
    around.complete()
    assert len(asked) == len(set(asked)) > 24


def test_the_kernel_works_a_dear_measure_out_bit_by_bit_and_the_next_step_ends_it(arch: Architecture) -> None:
    asked: list[str] = []

    def slow(other: Architecture) -> float:
        asked.append(str(other))
        return letters(other)

    around = Neighborhood(arch, slow, [])
    seen: list[int] = []
    around.observe(lambda change: seen.append(change["new"]["done"]), "numbers")

    async def shown() -> None:
        around._handle_custom_msg({"kind": "more"}, [])
        while around.numbers["done"] < 12:
            await asyncio.sleep(0.005)
        around._handle_custom_msg({"kind": "step", "question": "0->1", "answer": 0}, [])
        while around.numbers["of"] != str(around.value) or around.numbers["done"] < 24:
            await asyncio.sleep(0.005)

    asyncio.run(asyncio.wait_for(shown(), 60))
    assert around.value.decisions["0->1"] == "none"
    assert len(set(seen)) > 12
    assert len(asked) == len(set(asked))


def test_the_sheet_makes_the_kernel_stop_counting(around: Neighborhood, arch: Architecture) -> None:
    around.complete()
    assert around.sheet["rows"] == 5**6
    assert around.numbers == {}
    around.measure = "twins"
    assert around.numbers == {}


def test_complete_works_out_what_the_sheet_does_not_have(arch: Architecture) -> None:
    around = Neighborhood(arch, letters, [])
    around.complete()
    assert around.numbers["done"] == around.numbers["total"] == 24
    assert around.numbers["path"] == {str(arch): letters(arch)}


# -- where one has been ------------------------------------------------------------------------------------------------


def test_steps_make_a_path_with_values(around: Neighborhood, arch: Architecture, bench: Benchmark) -> None:
    around._handle_custom_msg({"kind": "step", "question": "0->3", "answer": 1}, [])
    second = around.value
    assert second.decisions["0->3"] == "skip_connect"
    around.value = around.best
    path = around.path
    assert list(path.index) == [str(arch), str(second), str(around.value)]
    assert path.iloc[:, 0].round(2).tolist() == [89.93, 90.72, 91.03]


def test_a_step_from_an_earlier_stop_leaves_the_later_ones_behind(around: Neighborhood, arch: Architecture) -> None:
    others = arch.space.neighbors(arch)
    around.path = [arch, *others[:2]]
    around.set_state({"trail": {**around.trail, "at": 0, "stamp": around.trail["stamp"] + 1}, "opened": {
        "name": str(arch), "stamp": around.opened["stamp"] + 1,
    }})  # fmt: skip
    assert (around.value, around.trail["at"]) == (arch, 0)
    around.value = others[5]
    assert around.trail["names"] == [str(arch), str(others[5])]


def test_a_path_can_be_set_and_read_again(around: Neighborhood, arch: Architecture) -> None:
    others = arch.space.neighbors(arch)
    around.path = [arch, str(others[0]), others[1]]
    assert around.value == others[1]
    again = Neighborhood(arch, benchmark=[])
    again.path = around.path
    assert again.trail["names"] == around.trail["names"]
    with pytest.raises(InvalidInput, match="A path has at least one architecture"):
        around.path = []
    with pytest.raises(InvalidInput, match="This neighbourhood is of nasbench201"):
        around.path = [search_space("darts").sample(1, seed=0)[0]]
    assert len(around.trail["names"]) == 3


def test_what_a_page_sends_as_a_path_is_checked(around: Neighborhood) -> None:
    for trail in ({}, {"names": [], "at": 0, "stamp": 0}, {"names": ["a"], "at": 1, "stamp": 0}, {"names": 3}):
        with pytest.raises(InvalidInput, match="A path is names, a place among them and a time"):
            around.trail = trail


def test_it_follows_an_editor_and_the_editor_follows_it(arch: Architecture, bench: Benchmark) -> None:
    editor = CellEditor(arch, bench)
    around = Neighborhood(editor)
    first, second = arch.space.neighbors(arch)[:2]
    editor.value = first
    assert around.value == first
    assert around.present["name"] == str(first)
    around.value = second
    assert editor.value == second
    assert around.trail["names"] == [str(arch), str(first), str(second)]
    assert around._benchmarks == (bench,)


def test_what_is_no_architecture_of_the_space_leaves_it_as_it_was(around: Neighborhood, arch: Architecture) -> None:
    other = search_space("darts").sample(1, seed=0)[0]
    with pytest.raises(InvalidInput, match="This neighbourhood is of nasbench201"):
        around.value = other
    with pytest.raises(InvalidInput, match="shows an Architecture of nasbench201; got 3"):
        around.value = 3
    link(around, CellEditor(arch, []))
    around.opened = {"name": str(other), "stamp": around.opened["stamp"] + 1}
    assert around.value == arch
    assert around.message.startswith("This cannot be shown here. ")


# -- pages without a kernel --------------------------------------------------------------------------------------------


def test_the_still_has_every_change_the_present_answers_and_the_path(around: Neighborhood) -> None:
    around._handle_custom_msg({"kind": "step", "question": "0->3", "answer": 1}, [])
    picture = ET.fromstring(around.still())
    said = ["".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert said.count("·") == 6
    assert sum(bool(re.fullmatch(r"[+−]?\d+\.\d\d( =)?", words)) for words in said) == 24
    assert said[-1] == "path so far 89.93 → 90.72"
    data = around._repr_mimebundle_()
    assert data is not None
    assert data[0]["image/svg+xml"] == around.still()
    assert data[0]["text/plain"] == f"One edit away: {around.value}"


def test_hostile_names_are_escaped_in_the_still(awkward: SearchSpace) -> None:
    arch = next(a for a in awkward.enumerate() if a.decisions["wide"])
    around = Neighborhood(arch, {'<script>"': letters}, [])
    around.complete()
    still = around.still()
    assert "<script" not in still
    assert "<img" not in still
    assert "×" in "".join(ET.fromstring(still).itertext())


def test_a_measure_that_is_dear_is_not_worked_out_for_a_still(arch: Architecture) -> None:
    asked: list[Architecture] = []
    around = Neighborhood(arch, lambda other: asked.append(other) or 1.0, [])
    assert "…" in around.still()
    assert asked == []


def test_one_disaster_does_not_pale_the_other_changes() -> None:
    assert scale_of([0.1] * 22 + [0.5, -80.0]) == pytest.approx(0.1)
    assert (scale_of([]), scale_of([0.0, 0.0]), scale_of([0.0] * 20 + [3.0])) == (0.0, 0.0, 3.0)


def test_changes_are_written_with_their_sign() -> None:
    assert [written_change(v, "%") for v in (0.791, -3.6, 0.0)] == ["+0.79", "−3.60", "0.00"]
    assert [written_change(v, "") for v in (2_760_000, -1000.0)] == ["+2.76 M", "−1 k"]
