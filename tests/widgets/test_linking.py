"""Linked widgets show one architecture and one selection, in Python and in a page without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput
from workbench.widgets.linking import later

if TYPE_CHECKING:
    from types import ModuleType

    from playwright.sync_api import Browser, Page

SELECTED = "i => [...new Uint32Array(models[i].get('selected').buffer ?? models[i].get('selected'))]"


@pytest.fixture
def table(bench: Benchmark) -> pd.DataFrame:
    return bench.table()[["params_m", "valid_accuracy"]].iloc[:400]


@pytest.fixture
def maps(table: pd.DataFrame) -> tuple[wb.SpaceMap, wb.SpaceMap]:
    """The same architectures twice, in the second without the first hundred and the other way round."""
    return wb.SpaceMap(table), wb.SpaceMap(table.iloc[:99:-1])


# -- in Python ---------------------------------------------------------------------------------------------------------


def test_what_is_opened_in_one_is_opened_in_all(maps: Any, bench: Benchmark) -> None:
    first, second = maps
    editor = wb.CellEditor(bench.space.parse(first._frame.index[250]), bench)
    wb.link(editor, first, second)
    assert (first.marked, second.marked) == (250, 149)
    second.click = {"index": 3, "event": 1}
    assert str(editor.value) == second._frame.index[3] == first._frame.index[first.marked]
    editor.value = bench.space.parse(first._frame.index[20])
    assert (first.marked, second.marked) == (20, -1)
    editor.decisions = {**editor.decisions, "0->1": "nor_conv_3x3"}
    assert first.opened["name"] == second.opened["name"] == str(editor.value)


def test_a_selection_is_translated_by_architecture_between_tables(maps: Any) -> None:
    first, second = maps
    first.link(second)
    first.select([5, 150, 399])
    assert list(second.selection.index) == [first._frame.index[399], first._frame.index[150]]
    second.select(None)
    assert first.selection.empty
    second.select([0])
    assert list(first.selection.index) == [second._frame.index[0]]


def test_tables_of_the_same_architectures_have_one_index(table: pd.DataFrame, maps: Any) -> None:
    first, second = maps
    assert first.index == wb.SpaceMap(table[::-1][::-1]).index
    assert first.index != second.index


def test_linking_gives_all_what_the_first_shows(maps: Any, bench: Benchmark) -> None:
    first, second = maps
    one, other = (wb.CellEditor(bench.space.parse(first._frame.index[row]), bench) for row in (1, 2))
    second.select([7])
    wb.link(one, first)
    wb.link(second, other)
    wb.link(first, other)
    assert str(other.value) == str(one.value) == first._frame.index[1]
    assert list(first.selection.index) == [second._frame.index[7]]
    assert len({widget.group for widget in (one, first, second, other)}) == 1


def test_an_older_state_does_not_undo_a_newer_one(maps: Any) -> None:
    first, second = maps
    wb.link(first, second)
    first.select([200])
    stamp = first.selected_stamp
    second.set_state({"selected": np.array([1], "<u4").tobytes(), "selected_stamp": later(stamp)})
    newer = list(second.selection.index)
    first.set_state({"selected": np.array([9], "<u4").tobytes(), "selected_stamp": stamp})
    assert list(second.selection.index) == newer
    first.show(first._frame.index[3])
    opened = dict(first.opened)
    first.show(first._frame.index[4])
    second.opened = opened
    assert first.opened["name"] == first._frame.index[4]


def test_an_architecture_of_another_space_changes_nothing_and_is_explained(
    bench: Benchmark, table: pd.DataFrame
) -> None:
    editor = wb.CellEditor(bench.space.parse(table.index[0]), bench)
    other = wb.SpaceMap(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=["some", "thing"]))
    wb.link(editor, other)
    other.click = {"index": 1, "event": 1}
    assert str(editor.value) == table.index[0]
    assert editor.message.startswith("This cannot be shown here. 'thing' has 1 nodes")


@pytest.mark.parametrize(("given", "words"), [((3,), "such as CellEditor and SpaceMap; got 3"), ((), "got 0")])
def test_what_cannot_be_linked_is_refused(given: tuple[Any, ...], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        wb.link(*given)


def test_a_widget_alone_is_no_link(maps: Any) -> None:
    with pytest.raises(InvalidInput, match="two widgets or more; got 1"):
        wb.link(maps[0], maps[0])
    assert maps[0].group == ""


# -- in a page without a kernel ----------------------------------------------------------------------------------------


@pytest.fixture
def page(browser: Browser, pages: ModuleType, maps: Any, tmp_path: Any) -> Any:
    wb.link(*maps)
    file = tmp_path / "page.html"
    file.write_text(pages.page_of(*maps), encoding="utf-8")
    page = browser.new_page(viewport={"width": 760, "height": 1200})
    page.goto(file.as_uri())
    page.wait_for_function("window.ready && document.querySelectorAll('.wb-map[data-paint-ms]').length === 2")
    yield page
    page.close()


def selected(page: Page, number: int) -> list[int]:
    rows: list[int] = page.evaluate(SELECTED, number)
    return rows


@pytest.mark.browser
def test_a_box_selects_in_the_other_table_too(page: Page, maps: Any) -> None:
    first, second = maps
    box = page.locator(".wb-top").nth(0).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 31)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=3)
    page.mouse.up()
    page.wait_for_function("() => models[1].get('selected_stamp') > 0")
    here, there = selected(page, 0), selected(page, 1)
    expected = {first._frame.index[row] for row in here} & set(second._frame.index)
    assert expected
    assert {second._frame.index[row] for row in there} == expected
    assert page.locator(".wb-foot").nth(1).inner_text().startswith(f"{len(there)} selected")
    assert page.evaluate("models[0].get('selected_stamp') === models[1].get('selected_stamp')")
    page.locator(".wb-top").nth(1).press("Escape")
    page.wait_for_function("() => models[0].get('selected').byteLength === 0")


@pytest.mark.browser
def test_what_is_opened_is_marked_in_both(page: Page, maps: Any) -> None:
    first, second = maps
    canvas = page.locator(".wb-top").nth(1)
    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        canvas.press(key)
    row = page.evaluate("models[1].get('click').index")
    name = second._frame.index[row]
    assert page.evaluate("models[0].get('opened').name") == name
    assert page.evaluate("models[0].get('marked')") == list(first._frame.index).index(name)
    assert page.evaluate("models[1].get('marked')") == row
    assert page.evaluate("models[0].saved") > 0


@pytest.mark.browser
def test_an_echo_of_an_older_state_undoes_nothing(page: Page, maps: Any) -> None:
    first, _ = maps
    newer, older = first._frame.index[250], first._frame.index[300]
    page.evaluate("name => models[0].say({ opened: { name, stamp: Date.now() + 1000 } })", newer)
    page.wait_for_function("() => models[0].get('marked') === 250")
    page.evaluate("name => models[0].say({ opened: { name, stamp: 1 } })", older)
    page.wait_for_timeout(200)
    assert page.evaluate("models[0].get('marked')") == 250
