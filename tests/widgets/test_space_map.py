"""The kernel half of the map: columns out, rows back, and the still."""

from __future__ import annotations

import base64
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.widgets.axes import axis, column, tick_labels, ticks
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.map.still import png
from workbench.widgets.space_map import SpaceMap

HOSTILE = "</text><script>alert(1)</script>"


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {"params": [1e6, 2e6, 3e6, 4e6], "valid_accuracy": [90.0, np.nan, 92.0, 93.0], "kind": list("abcd")},
        index=["a", "b", "c", "d"],
    )


def browser_selects(widget: SpaceMap, rows: list[int]) -> None:
    """The browser's message: binary parts arrive as memoryviews."""
    widget.set_state({"selected": memoryview(np.array(rows, "<u4").tobytes())})


def browser_clicks(widget: SpaceMap, row: int) -> None:
    widget.set_state({"click": {"index": row, "event": widget.click.get("event", 0) + 1}})


def test_what_the_browser_selects_is_a_dataframe(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame)
    assert widget.selection.empty
    seen = []
    widget.observe(lambda change: seen.append(list(change["new"].index)), "selection")
    browser_selects(widget, [2, 0])
    pd.testing.assert_frame_equal(widget.selection, frame.iloc[[2, 0]])
    browser_selects(widget, [])
    assert widget.selection.empty
    assert list(widget.selection.columns) == list(frame.columns)
    assert seen == [["c", "a"], []]


@pytest.mark.parametrize("rows", [[1, 3], np.array([False, True, False, True]), ["b", "d"], pd.Index(["b", "d"])])
def test_rows_are_selected_from_python_by_mask_number_or_string(frame: pd.DataFrame, rows: Any) -> None:
    widget = SpaceMap(frame)
    widget.select(rows)
    assert list(widget.selection.index) == ["b", "d"]
    assert list(np.frombuffer(widget.selected, "<u4")) == [1, 3]
    widget.select(None)
    assert widget.selection.empty


def test_a_condition_on_the_frame_selects_its_rows(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame)
    widget.select(frame["valid_accuracy"] > 91)
    assert list(widget.selection.index) == ["c", "d"]
    widget.select("a")
    assert list(widget.selection.index) == ["a"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([True, False], "shape (4,)"),
        ([7], "from 0 to 3; got 7"),
        ([-1], "from 0 to 3; got -1"),
        (["zz"], "no architecture 'zz'"),
    ],
)
def test_rows_that_are_not_there_are_refused_and_the_selection_stays(
    frame: pd.DataFrame, rows: Any, words: str
) -> None:
    widget = SpaceMap(frame)
    widget.select([0])
    with pytest.raises((InvalidInput, UnknownName), match=re.escape(words)):
        widget.select(rows)
    assert list(widget.selection.index) == ["a"]


def test_clicking_the_same_point_twice_is_two_events(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame)
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "clicked")
    for row in (2, 2, 1):
        browser_clicks(widget, row)
    assert seen == ["c", "c", "b"]
    browser_clicks(widget, 99)
    assert seen == ["c", "c", "b"]


def test_a_click_loads_the_linked_editor_and_the_editor_is_marked(bench: Benchmark, cell: str) -> None:
    editor = CellEditor(bench.space.parse(cell), bench)
    frame = bench.table()
    widget = SpaceMap(frame, editor=editor)
    assert frame.index[widget.marked] == cell
    browser_clicks(widget, 100)
    assert str(editor.value) == frame.index[100]
    assert widget.marked == 100
    editor.value = bench.space.parse(cell)
    assert frame.index[widget.marked] == cell


def test_an_architecture_that_is_not_on_the_map_is_not_marked(bench: Benchmark, cell: str) -> None:
    widget = SpaceMap(bench.table().iloc[:10], editor=CellEditor(bench.space.parse(cell), bench))
    assert widget.marked == -1


def test_only_a_widget_can_be_linked(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match="can be linked, such as CellEditor and SpaceMap; got 3"):
        SpaceMap(frame).link(3)  # type: ignore[arg-type]


def test_columns_travel_as_float32_with_what_their_axes_need(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame)
    assert (widget.x, widget.y, widget.color) == ("params", "valid_accuracy", "")
    np.testing.assert_array_equal(np.frombuffer(widget.x_values, "<f4"), frame["params"].astype("float32"))
    assert widget.axes["x"]["factor"] == 1e6
    assert widget.axes["x"]["label"] == "params (M)"
    assert widget.columns == ["params", "valid_accuracy"]


def test_rows_without_a_number_are_left_out_and_counted(frame: pd.DataFrame) -> None:
    assert SpaceMap(frame).note == "3 architectures, 1 left out: no number"


def test_another_column_can_be_chosen_in_the_browser_and_in_python(frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame)
    widget.set_state({"x": "valid_accuracy"})
    assert widget.axes["x"]["name"] == "valid_accuracy"
    assert np.isnan(np.frombuffer(widget.x_values, "<f4")[1])
    widget.color = "params"
    assert len(widget.color_values) == 16
    widget.color = ""
    assert widget.color_values == b""


@pytest.mark.parametrize("key", ["x", "y", "color"])
def test_an_unknown_column_shows_the_nearest_ones_and_nothing_changes(frame: pd.DataFrame, key: str) -> None:
    with pytest.raises(UnknownName, match="no column named 'parms'. Did you mean 'params'"):
        SpaceMap(frame, **{key: "parms"})
    widget = SpaceMap(frame)
    before = widget.axes
    with pytest.raises(UnknownName, match="'params'"):
        setattr(widget, key, "parms")
    assert widget.axes == before


def test_a_column_of_text_is_refused_with_the_numeric_ones(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidInput, match=r"'kind' holds .* Numeric: params, valid_accuracy"):
        SpaceMap(frame, y="kind")


def test_an_unknown_keyword_is_refused_with_the_nearest_one(frame: pd.DataFrame) -> None:
    with pytest.raises(UnknownName, match=r"no keyword 'colour'. Did you mean 'color'"):
        SpaceMap(frame, colour="params")


@pytest.mark.parametrize("table", [[1, 2], pd.DataFrame({"a": [1.0]})])
def test_something_that_cannot_be_a_map_is_refused(table: Any) -> None:
    with pytest.raises(InvalidInput, match="SpaceMap"):
        SpaceMap(table)


def test_a_benchmark_is_shown_by_its_table(bench: Benchmark) -> None:
    widget = SpaceMap(bench)
    assert (widget.x, widget.y, widget.color) == ("params_m", "valid_accuracy", "latency_ms")
    assert widget.note == "15,625 architectures"


def test_the_browsers_question_for_a_name_is_answered(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    widget, sent = SpaceMap(frame), []
    monkeypatch.setattr(widget, "send", sent.append)
    for content in ({"kind": "name", "index": 1}, {"kind": "name", "index": 9}, "noise"):
        widget._handle_custom_msg(content, [])
    assert sent == [{"kind": "name", "index": 1, "text": "b"}]


def test_the_still_of_a_whole_space_is_a_small_svg_with_axes_and_points(bench: Benchmark, cell: str) -> None:
    widget = SpaceMap(bench, editor=CellEditor(bench.space.parse(cell), bench))
    still = widget.still()
    assert len(still) < 150_000
    root = ET.fromstring(still)
    words = "".join(root.itertext())
    assert "params (M)" in words
    assert "valid accuracy" in words
    assert "latency (ms)" in words
    assert root.find(".//{*}circle") is not None
    bundle = widget._repr_mimebundle_()
    assert bundle is not None
    assert bundle[0]["image/svg+xml"] == still


def test_the_stills_points_lie_where_the_axes_say() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}, index=["a", "b"])
    pixels = _pixels(SpaceMap(frame).still())
    rows, columns = np.nonzero(pixels)
    middle = pixels.shape[0] / 2, pixels.shape[1] / 2
    low_left, high_right = (rows > middle[0]) & (columns < middle[1]), (rows < middle[0]) & (columns > middle[1])
    assert low_left.any()
    assert high_right.any()
    assert (low_left | high_right).all()


def test_names_in_the_still_are_only_text() -> None:
    frame = pd.DataFrame({HOSTILE: [0.0, 1.0], "y": [0.0, 1.0]}, index=[HOSTILE, "b"])
    tags = {e.tag.split("}")[1] for e in ET.fromstring(SpaceMap(frame, x=HOSTILE, title=HOSTILE).still()).iter()}
    assert tags <= {"svg", "rect", "text", "path", "image", "circle"}


def test_a_column_that_is_constant_empty_or_huge_still_has_an_axis() -> None:
    for values in ([5.0, 5.0], [np.nan, np.nan], [1e300, 1.0], [-np.inf, 2.0]):
        frame = pd.DataFrame({"x": values, "y": [1.0, 2.0]}, index=["a", "b"])
        low, high = SpaceMap(frame).axes["x"]["home"]
        assert low < high
        ET.fromstring(SpaceMap(frame).still())


def test_the_first_view_leaves_a_long_tail_of_few_points_out() -> None:
    values = np.r_[np.full(4, 10.0), np.linspace(80, 90, 200)].astype(np.float32)
    shown = axis("accuracy", values)
    assert shown.home[0] > 70
    assert shown.whole[0] < 10


def test_a_nullable_column_is_read_with_gaps_as_nan() -> None:
    frame = pd.DataFrame({"x": pd.array([1, None], dtype="Int64")})
    np.testing.assert_array_equal(column(frame, "x"), np.array([1, np.nan], np.float32))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (78.2, 91.4, ["80", "85", "90"]),
        (-3, 3, ["-2", "0", "2"]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, labels: list[str]) -> None:
    assert tick_labels(ticks(low, high, 5 if high < 50 else 4)) == labels


def test_the_png_is_read_back_as_it_was_written() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(_read_png(png(image, np.zeros((12, 4), np.uint8))), image)


def _pixels(still: str) -> np.ndarray:
    data = re.search(r"base64,([^\"]+)", still)
    assert data is not None
    return _read_png(base64.b64decode(data[1]))


def _read_png(data: bytes) -> np.ndarray:
    """The palette indices of a PNG, its checksums verified."""
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    return np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)[:, 1:]
