"""The kernel half of the front picker: the front, what is picked from it, and what is refused."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.samplers.scalarisation import chebyshev, losses
from workbench.spaces import search_space
from workbench.studies.fronts import knee, non_dominated

TWO = ["valid_accuracy", "params_m"]


@pytest.fixture(scope="module")
def table(bench: Benchmark) -> pd.DataFrame:
    return bench.table()


@pytest.fixture
def picker(bench: Benchmark) -> wb.FrontPicker:
    return wb.FrontPicker(bench, TWO)


@pytest.fixture
def small() -> pd.DataFrame:
    """Five points without architectures; the third is beaten, the last has no number."""
    names = pd.Index(["a", "b", "c", "d", "e"], name="architecture")
    return pd.DataFrame({"gain": [1.0, 5.0, 4.0, 9.0, 7.0], "cost": [1.0, 2.0, 3.0, 8.0, np.nan]}, index=names)


def small_picker(small: pd.DataFrame) -> wb.FrontPicker:
    return wb.FrontPicker(small, better={"gain": "higher", "cost": "lower"})


# -- the front ---------------------------------------------------------------------------------------------------------


def test_the_front_is_what_nothing_of_the_table_beats(picker: Any, table: pd.DataFrame) -> None:
    points = table[TWO].to_numpy() * [1, -1]
    assert set(picker.frame.index) == set(table.index[non_dominated(points)])
    assert picker.frame["valid_accuracy"].is_monotonic_decreasing
    assert picker.note == f"{len(picker.frame)} of 15,625 architectures are beaten by none"


def test_the_front_of_a_study_is_that_of_its_feasible_trials(bench: Benchmark) -> None:
    measures = [bench.measure("valid_accuracy"), bench.measure("params_m")]
    study = wb.search(bench.space, measures, n_trials=40, progress=False, constraints={"latency_ms": 16.0})
    picker = wb.FrontPicker(study)
    assert sorted(picker.frame.index) == sorted(wb.front(study).index)
    assert [one["better"] for one in picker.objectives] == ["higher", "lower"]
    assert isinstance(picker.picked, Architecture)
    assert bench.value(picker.picked, "latency_ms") <= 16


def test_rows_without_a_number_are_left_out_and_counted(small: pd.DataFrame) -> None:
    picker = small_picker(small)
    assert list(picker.frame.index) == ["d", "b", "a"]
    assert picker.note == "3 of 5 architectures are beaten by none, 1 left out: no number"


def test_equal_points_are_on_the_front_together(small: pd.DataFrame) -> None:
    twice = pd.concat([small, small.loc[["b"]].rename({"b": "twin"})])
    assert {"b", "twin"} <= set(small_picker(twice).frame.index)


def test_an_objective_that_is_the_same_everywhere_does_no_harm(small: pd.DataFrame) -> None:
    picker = wb.FrontPicker(small.assign(same=3.0), better=["higher", "lower", "higher"])
    assert list(picker.frame.index) == ["d", "b", "a"]
    picker.weights = [0.0, 0.0, 1.0]
    assert picker.picked in "abd"


# -- what is picked ----------------------------------------------------------------------------------------------------


def test_weights_pick_the_nearest_to_the_ideal(picker: Any) -> None:
    loss = losses(picker.frame[TWO].to_numpy(), [1, -1])
    for weights in ([1.0, 1.0], [9.0, 1.0], [1.0, 20.0], [0.0, 1.0]):
        picker.weights = weights
        assert str(picker.picked) == picker.frame.index[int(np.argmin(chebyshev(loss, weights)))]
    assert picker.opened["name"] == str(picker.picked)


def test_limits_leave_out_what_is_worse(picker: Any) -> None:
    picker.limits = [91.4, None]
    assert picker.frame.loc[str(picker.picked), "valid_accuracy"] >= 91.4
    picker.limits = [91.4, 0.3]
    assert picker.picked is None
    assert picker.choice == {"row": -1, "how": "weights"}
    picker.limits = [None, None]
    assert picker.picked is not None


def test_a_limit_equal_to_a_value_lets_it_pass(picker: Any) -> None:
    value = float(picker.frame["valid_accuracy"].iloc[0])
    picker.limits = [value, None]
    assert picker.frame.loc[str(picker.picked), "valid_accuracy"] == value


def test_what_is_picked_by_hand_stays_while_it_meets_the_limits(picker: Any) -> None:
    picker.pick(picker.frame.index[0])
    picker.limits = [91.4, None]
    assert (str(picker.picked), picker.choice["how"]) == (picker.frame.index[0], "hand")
    picker.limits = [None, 0.4]
    assert picker.choice["how"] == "weights"
    picker.pick(picker.frame.index[-1])
    picker.weights = [1.0, 2.0]
    assert picker.choice["how"] == "weights"
    picker.pick(picker.frame.index[-1])
    picker.pick()
    assert picker.choice["how"] == "weights"


def test_only_what_is_on_the_front_and_meets_the_limits_can_be_picked(picker: Any, table: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=r"is not on the front\. The front is picker\.frame, 13 rows"):
        picker.pick(table.index[1])
    picker.limits = [91.0, None]
    before = picker.picked
    with pytest.raises(InvalidInput, match=r"does not meet the limits \[91.0, None\]"):
        picker.pick(picker.frame.index[-1])
    assert picker.picked == before


def test_the_knee_is_the_point_farthest_from_the_line_between_the_ends(picker: Any, table: pd.DataFrame) -> None:
    front = picker.frame[TWO].to_numpy()
    scaled = (front - front.min(axis=0)) / np.ptp(front, axis=0)
    along = (scaled[-1] - scaled[0]) / np.linalg.norm(scaled[-1] - scaled[0])
    away = scaled - scaled[0]
    distance = np.abs(away[:, 0] * along[1] - away[:, 1] * along[0])
    assert table.index[picker.knee] == picker.frame.index[int(np.argmax(distance))]
    assert knee(losses(front, [1, -1])) == int(np.argmax(distance))


def test_picked_is_told_to_whoever_listens(picker: Any) -> None:
    seen: list[Any] = []
    picker.observe(lambda change: seen.append(change["new"]), "picked")
    picker.weights = [50.0, 1.0]
    picker.choice = {"row": picker.knee, "how": "knee"}
    assert [str(arch) for arch in seen] == [str(seen[0]), str(picker.picked)]
    assert seen[0] != seen[1]


def test_linked_editors_open_what_is_picked(picker: Any, bench: Benchmark) -> None:
    editor = wb.CellEditor(bench.space.sample(1)[0], bench, proxies=[])
    wb.link(editor, picker)
    picker.pick(picker.frame.index[2])
    assert str(editor.value) == picker.frame.index[2]
    editor.value = bench.space.parse(str(picker.frame.index[5]))
    assert picker._frame.index[picker.marked] == picker.frame.index[5]


# -- drawings and stills -----------------------------------------------------------------------------------------------


def test_every_architecture_of_the_front_has_its_drawing_on_one_layout(picker: Any) -> None:
    drawn = json.loads(zlib.decompress(picker.drawings))
    assert set(drawn["of"]) == set(picker.frame.index)
    assert len(drawn["layouts"]) == 1
    for name, (_, seats) in drawn["of"].items():
        ops = [drawn["looks"][seat]["op"] for seat in seats["edges"]]
        assert sorted(ops) == sorted(str(a) for a in picker._space.parse(name).decisions.values())


def test_cells_of_different_topology_have_layouts_of_their_own() -> None:
    space = search_space("nasbench101")
    archs = space.sample(6, seed=0)
    frame = pd.DataFrame({"x": range(6), "y": range(6)}, index=[str(arch) for arch in archs])
    picker = wb.FrontPicker(frame, better=["higher", "lower"], space=space)
    drawn = json.loads(zlib.decompress(picker.drawings))
    assert len(drawn["of"]) == 6
    assert len(drawn["layouts"]) > 1


def test_a_table_of_an_unknown_space_is_picked_from_without_drawings(small: pd.DataFrame) -> None:
    picker = small_picker(small)
    assert isinstance(picker.picked, str)
    assert json.loads(zlib.decompress(picker.drawings))["of"] == {}
    small.attrs["space"] = "nasbench201"  # which does not read these strings
    assert isinstance(small_picker(small).picked, str)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_still_has_a_panel_for_every_two_objectives(bench: Benchmark, count: int) -> None:
    names = ["valid_accuracy", "params_m", "latency_ms", "train_time_s"][:count]
    picker = wb.FrontPicker(bench, names)
    still = picker.still()
    assert still.count("rotate(-90)") == count * (count - 1) // 2
    words = "".join(ET.fromstring(still).itertext())
    assert str(picker.picked)[:30] in words
    bundle = picker._repr_mimebundle_()
    assert bundle is not None
    assert len(bundle[0]["image/svg+xml"]) < 250_000
    picker.limits = [99.0] + [None] * (count - 1)
    assert "Nothing on the front meets the limits" in picker.still()


def test_hostile_names_stay_text_in_the_still(small: pd.DataFrame) -> None:
    bad = small.rename(index={"b": "<script>1</script>"}, columns={"gain": "<img src=x>"})
    picker = wb.FrontPicker(bad, better=["higher", "lower"], title="<svg onload=1>")
    tags = {element.tag.split("}")[1] for element in ET.fromstring(picker.still()).iter()}
    assert not tags & {"script", "img"}


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({}, "Whether more or less of 'gain' is wanted is not known: say better={'gain': 'higher', 'cost': 'higher'}"),
        ({"better": "more"}, "got 'more'"),
        ({"better": ["higher"]}, "one direction for each of gain, cost"),
        ({"better": "lower", "objectives": ["gain"]}, "two to four different objectives; got 1: gain"),
        ({"better": "lower", "objectives": ["gain", "gain"]}, "two to four different objectives; got 2: gain, gain"),
    ],
)
def test_objectives_and_directions_are_checked(small: pd.DataFrame, keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        wb.FrontPicker(small, **keywords)


def test_unknown_names_are_refused_with_the_nearest(small: pd.DataFrame) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'gain'"):
        wb.FrontPicker(small, ["gian", "cost"])
    with pytest.raises(UnknownName, match="no objective named 'gian'"):
        wb.FrontPicker(small, better={"gian": "lower"})
    with pytest.raises(UnknownName, match="Did you mean 'better'"):
        wb.FrontPicker(small, beter="lower")


def test_something_else_and_an_empty_front_are_refused(small: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match="takes an optuna study, a Benchmark or a DataFrame"):
        wb.FrontPicker([1, 2])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="No architecture has a number for each of gain, cost"):
        wb.FrontPicker(small.assign(cost=np.nan), better="lower")


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("weights", [1.0], "one number for each of valid_accuracy, params_m"),
        ("weights", [1.0, -1.0], "numbers, 0 or more"),
        ("weights", [1.0, float("nan")], "numbers, 0 or more"),
        ("limits", [1.0], "or None, for each of valid_accuracy, params_m"),
        ("limits", ["ninety", None], "None for no limit"),
        ("choice", {"row": 1, "how": "hand"}, "A choice is a row of the front"),
        ("choice", {"row": -1, "how": "magic"}, "A choice is a row of the front"),
    ],
)
def test_a_value_that_is_none_is_refused_and_changes_nothing(picker: Any, trait: str, value: Any, words: str) -> None:
    before = (picker.weights, picker.limits, picker.choice, picker.picked)
    with pytest.raises(InvalidInput, match=re.escape(words)):
        setattr(picker, trait, value)
    assert (picker.weights, picker.limits, picker.choice, picker.picked) == before
