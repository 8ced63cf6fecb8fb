"""The kernel half of exploring a map: filters, what is visible, paths of searches, density, places by structure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.widgets.map import still as map_still
from workbench.widgets.space_map import SpaceMap

HOSTILE = "</text><script>alert(1)</script>"


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"params": [1.0, 2.0, 3.0, 4.0], "accuracy": [90.0, np.nan, 92.1, 93.0], "time": [5.0, 6.0, np.nan, 8.0]},
        index=["a|x~0", "b|x~0", "c|x~1", "d|x~1"],
    )


def browser_asks(widget: SpaceMap, content: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, list[bytes]]]:
    sent: list[tuple[Any, list[bytes]]] = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=(): sent.append((content, list(buffers))))
    widget._handle_custom_msg(content, [])
    return sent


# -- filters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ([], "acd"),  # b has no accuracy and is no point
        ([{"column": "accuracy", "least": 92.1}], "cd"),  # 92.1 itself too, though it is not exact as float32
        ([{"column": "params", "least": 2, "most": 3}], "c"),
        ([{"column": "time", "most": 8}], "ad"),  # no number, no point
        ([{"text": "x~1"}], "cd"),
        ([{"text": "X~1"}], ""),
        ([{"text": "x~1"}, {"column": "params", "most": 3}], "c"),
        ([{"column": "time", "least": None, "most": None}], "ad"),
    ],
)
def test_visible_are_the_rows_that_pass_every_filter(frame: pd.DataFrame, filters: list[Any], left: str) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    widget.filters = filters
    assert "".join(name[0] for name in widget.visible.index) == left
    assert list(widget.visible.columns) == list(frame.columns)


def test_filters_come_from_the_browser_as_from_python(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    seen = []
    widget.observe(lambda change: seen.append(len(widget.visible)), "filters")
    widget.set_state({"filters": [{"column": "params", "least": 3, "most": None}]})
    assert seen == [2]
    assert widget.filters == [{"column": "params", "least": 3.0, "most": None}]


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"column": "params"}, "filters is a list; got {'column': 'params'}"),
        (["params > 3"], "'params > 3' is no filter. A filter is {'column'"),
        ([{"least": 3}], "names no column"),
        ([{"column": "parms"}], "no column named 'parms'. Did you mean 'params'"),
        ([{"column": "params", "lest": 3}], "no keyword 'lest'. Did you mean 'least'"),
        ([{"column": "params", "least": "3"}], "'least' is a finite number or None; got '3'"),
        ([{"column": "params", "most": float("nan")}], "'most' is a finite number or None; got nan"),
        ([{"text": 3}], "text is a string; got 3"),
        ([{"text": "x", "column": "params"}], "no keyword 'column'"),
    ],
)
def test_a_filter_that_is_none_is_refused_and_nothing_changes(frame: pd.DataFrame, filters: Any, words: str) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    widget.filters = [{"text": "x~1"}]
    with pytest.raises((InvalidInput, UnknownName), match=re.escape(words)):
        widget.filters = filters
    assert widget.filters == [{"text": "x~1"}]


def test_numbers_and_matches_that_the_browser_lacks_are_sent_when_asked_for(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    (content, (values,)) = browser_asks(widget, {"kind": "column", "name": "time"}, monkeypatch)[0]
    assert content == {"kind": "column", "name": "time"}
    np.testing.assert_array_equal(np.frombuffer(values, "<f4"), frame["time"].astype("float32"))
    (content, (bits,)) = browser_asks(widget, {"kind": "text", "text": "x~1"}, monkeypatch)[0]
    assert np.unpackbits(np.frombuffer(bits, np.uint8), count=4, bitorder="little").tolist() == [0, 0, 1, 1]
    assert browser_asks(widget, {"kind": "column", "name": "nobody"}, monkeypatch) == []
    assert browser_asks(widget, {"kind": "text", "text": 3}, monkeypatch) == []


def test_a_page_without_a_kernel_gets_every_numeric_column(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    assert widget.shelf == b""
    widget.complete()
    values = np.frombuffer(widget.shelf, "<f4").reshape(3, 4)
    np.testing.assert_array_equal(values, frame.to_numpy("float32").T)
    assert [axis["name"] for axis in widget.shelved] == ["params", "accuracy", "time"]


# -- paths ---------------------------------------------------------------------------------------------------------


def test_the_path_of_a_list_gets_better_where_y_rises(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    name = widget.add_path(["a|x~0", "d|x~1", "b|x~0", "elsewhere", "c|x~1"])
    assert name == "search 1"
    (trail,) = widget.trails
    assert trail["rows"] == [0, 3, 1, 2]
    assert trail["better"] == [0, 1]
    assert trail["missing"] == 1
    assert list(widget.paths["search 1"].index) == ["a|x~0", "d|x~1", "b|x~0", "c|x~1"]


def test_the_path_of_a_study_gets_better_as_the_study_says(bench: Benchmark) -> None:
    study = wb.search(bench.space, [bench.measure("latency_ms")], sampler="random", n_trials=12, seed=0)
    widget = SpaceMap(bench)
    widget.add_path(study, "random")
    visited = widget.paths["random"]
    assert list(visited.index) == [trial.user_attrs["architecture"] for trial in study.trials]
    better = visited["latency_ms"].iloc[widget.trails[0]["better"]]
    assert better.is_monotonic_decreasing
    assert better.iloc[-1] == visited["latency_ms"].min()


def test_several_paths_differ_in_colour_and_dash_and_can_be_removed(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    for _ in range(8):
        widget.add_path(["a|x~0", "c|x~1"])
    looks = [(trail["colour"], trail["dash"]) for trail in widget.trails]
    assert len(set(looks)) == 8
    widget.remove_path("search 3")
    assert widget.add_path(["a|x~0"]) == "search 3"
    assert (widget.trails[-1]["colour"], widget.trails[-1]["dash"]) == looks[2]
    assert len(widget.paths) == 8


def test_a_path_that_cannot_be_drawn_is_refused(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    widget.add_path(["a|x~0"], "mine")
    with pytest.raises(InvalidInput, match="a path named 'mine' already"):
        widget.add_path(["a|x~0"], "mine")
    with pytest.raises(InvalidInput, match="visited no architecture yet"):
        widget.add_path([])
    with pytest.raises(InvalidInput, match="it holds 3"):
        widget.add_path([3])  # type: ignore[list-item]
    with pytest.raises(UnknownName, match="no path named 'mein'. Did you mean 'mine'"):
        widget.remove_path("mein")
    assert list(widget.paths) == ["mine"]


# -- places by structure -------------------------------------------------------------------------------------------


def test_an_embedding_adds_two_columns_and_says_how_far_to_believe_it(bench: Benchmark) -> None:
    table = bench.table().iloc[::40]
    widget = SpaceMap(table, embedding="hamming")
    assert (widget.x, widget.y, widget.color) == ("structure 1", "structure 2", "valid_accuracy")
    assert re.search(r"by hamming distance, stress 0\.\d\d, trustworthiness 0\.\d\d", widget.note)
    assert "structure 1" not in table.columns
    assert "structure 1" in widget.visible.columns
    widget.x, widget.y = "params_m", "valid_accuracy"
    assert "stress" not in widget.note
    with pytest.raises(UnknownName, match="no distance named 'haming'"):
        SpaceMap(table, embedding="haming")


# -- stills and density --------------------------------------------------------------------------------------------


def test_the_still_shows_paths_and_leaves_out_what_is_filtered(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="params", y="accuracy")
    everything = widget.still()
    widget.filters = [{"text": "x~1"}]
    assert "2 shown" in "".join(ET.fromstring(widget.still()).itertext())
    assert widget.still() != everything
    widget.add_path(["c|x~1", "d|x~1"], HOSTILE)
    root = ET.fromstring(widget.still())
    assert HOSTILE in "".join(root.itertext())
    assert {e.tag.split("}")[1] for e in root.iter()} <= {"svg", "rect", "text", "path", "image", "circle"}
    drawn = len(root.findall(".//{*}circle"))
    widget.hidden_paths = [HOSTILE]
    assert drawn - len(ET.fromstring(widget.still()).findall(".//{*}circle")) == 2


def test_very_many_points_are_a_small_still(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    many = pd.DataFrame(rng.normal(size=(5_000, 3)), columns=list("xyz"), index=[f"a{i}" for i in range(5_000)])
    one_by_one = SpaceMap(many, color="z").still()
    assert SpaceMap(many, color="z", density=True).still() != one_by_one
    monkeypatch.setattr("workbench.widgets.space_map.DENSE", 4_000)
    dense = SpaceMap(many, color="z")
    assert dense.still() == SpaceMap(many, color="z", density=True).still()
    dense.filters = [{"column": "z", "least": 1.5}]  # few enough to be points again
    assert dense.still() == _with(SpaceMap(many, color="z", density=False), dense.filters).still()
    assert map_still.DENSE == 100_000


def _with(widget: SpaceMap, filters: list[Any]) -> SpaceMap:
    widget.filters = filters
    return widget


def test_density_is_true_false_or_none(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, density=True)
    with pytest.raises(InvalidInput, match="density is True, False, or None"):
        widget.density = "counts"
    assert widget.density is True
