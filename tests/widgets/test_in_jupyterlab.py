"""The widgets in real JupyterLab: what is done in the browser arrives in Python, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
SETUP = f"""
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
start = bench.space.parse({CELL!r})
editor = wb.CellEditor(start, bench)
editor"""
MAP = """
atlas = wb.SpaceMap(bench, editor=editor)
seen = []
editor.observe(lambda change: seen.append(change["new"].decisions["0->1"]), "value")
atlas"""
EDGE = "[data-question='0->1']"


@pytest.fixture(scope="module")
def open_notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    """One notebook with an editor and a map; its kernel ends with the module."""
    with jupyterlab.notebook(browser, [SETUP, MAP]) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.wait_for_selector(".wb-edge", state="attached")
        notebook.page.wait_for_function("document.querySelector('.wb-map')?.dataset.paintMs")
        yield notebook


@pytest.fixture
def notebook(open_notebook: Any) -> Iterator[Any]:
    """The notebook put back to where it started; the page must have kept quiet and to this machine."""
    open_notebook.ask("editor.value = start; atlas.select(None); seen.clear(); print('ready')")
    open_notebook.page.wait_for_function(_SHOWN, arg=["0->1", "conv 3×3"])
    yield open_notebook
    assert open_notebook.record.errors == []
    assert open_notebook.record.outside == []


def value_of(notebook: Any, question: str, expected: str) -> str:
    """Python's answer to a question, once it is the expected one or time is up."""
    answer: str = notebook.ask_until(f"print(editor.value.decisions[{question!r}])", expected)
    return answer


def on_screen(page: Page, question: str, label: str) -> None:
    """Wait until an edge shows a label."""
    page.wait_for_function(_SHOWN, arg=[question, label])


def test_an_operation_changed_by_mouse_changes_pythons_value(notebook: Any) -> None:
    page = notebook.page
    page.locator(f"{EDGE} .wb-pill").click()
    page.get_by_role("menuitemradio", name="skip").click()
    assert value_of(notebook, "0->1", "skip_connect") == "skip_connect"
    assert notebook.ask("print(seen)") == "['skip_connect']"


def test_an_operation_changed_by_keyboard_changes_pythons_value_and_the_numbers_on_screen(notebook: Any) -> None:
    page = notebook.page
    before = page.locator(".wb-facts").inner_text()
    page.locator(EDGE).focus()
    page.keyboard.press("1")
    assert value_of(notebook, "0->1", "none") == "none"
    page.wait_for_function("before => document.querySelector('.wb-facts').innerText !== before", arg=before)
    accuracy = notebook.ask("print(f\"{bench.query(editor.value)['valid_accuracy']:.2f}\")")
    assert page.locator(".wb-facts").inner_text().startswith(accuracy)


def test_undo_and_redo_reach_python(notebook: Any) -> None:
    page = notebook.page
    page.locator(EDGE).focus()
    page.keyboard.press("5")
    assert value_of(notebook, "0->1", "avg_pool_3x3") == "avg_pool_3x3"
    page.get_by_role("button", name="Undo").click()
    assert value_of(notebook, "0->1", "nor_conv_3x3") == "nor_conv_3x3"
    page.locator(EDGE).focus()
    page.keyboard.press("Control+y")
    assert value_of(notebook, "0->1", "avg_pool_3x3") == "avg_pool_3x3"
    page.locator(EDGE).focus()  # running a cell has moved the focus
    page.keyboard.press("Control+z")
    assert value_of(notebook, "0->1", "nor_conv_3x3") == "nor_conv_3x3"


def test_many_quick_edits_end_where_the_last_one_said(notebook: Any) -> None:
    page = notebook.page
    page.locator(EDGE).focus()
    for key in "1234512345123":
        page.keyboard.press(key)
    assert value_of(notebook, "0->1", "nor_conv_1x1") == "nor_conv_1x1"
    on_screen(page, "0->1", "conv 1×1")


def test_a_value_set_in_python_is_shown_and_can_be_undone(notebook: Any) -> None:
    page = notebook.page
    notebook.ask("editor.value = bench.best('valid_accuracy')[0]; best = editor.value.decisions; print('set')")
    shown = notebook.ask("print(next(e['label'] for e in editor.drawing['edges'] if e['question'] == '0->3'))")
    on_screen(page, "0->3", shown)
    page.get_by_role("button", name="Undo").click()
    assert notebook.ask_until("print(editor.value == start)", "True") == "True"


def test_letters_typed_in_a_widget_are_no_commands_of_the_notebook(notebook: Any) -> None:
    page, before = notebook.page, notebook.cells()
    for place in (EDGE, ".wb-top", ".wb-editor button:enabled", ".wb-map select"):
        page.locator(place).first.focus()
        for key in "badd":
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert notebook.cells() == before


def test_points_selected_on_the_map_are_a_dataframe_in_python(notebook: Any) -> None:
    page = notebook.page
    page.locator(".wb-top").scroll_into_view_if_needed()
    box = page.locator(".wb-top").bounding_box()
    page.mouse.move(box["x"] + 70, box["y"] + 35)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=8)
    page.mouse.up()
    page.wait_for_function("!document.querySelector('.wb-foot').textContent.startsWith('nothing')")
    count = int(page.locator(".wb-foot").inner_text().split(" selected")[0].replace(",", ""))
    assert 500 < count < 15_000
    assert notebook.ask_until("print(len(atlas.selection))", str(count)) == str(count)
    assert notebook.ask("print(type(atlas.selection).__name__, list(atlas.selection.columns[:2]))") == (
        "DataFrame ['valid_accuracy', 'train_time_s']"
    )
    inside = "atlas.selection.valid_accuracy.min() > bench.table().valid_accuracy.quantile(0.05)"
    assert notebook.ask(f"print({inside})") == "True"


def test_a_selection_made_in_python_is_shown_on_the_map(notebook: Any) -> None:
    notebook.ask("atlas.select(bench.table().valid_accuracy > 91); print('selected')")
    count = int(notebook.ask("print(len(atlas.selection))"))
    notebook.page.wait_for_function(
        "words => document.querySelector('.wb-foot').textContent.startsWith(words)", arg=f"{count} selected"
    )


def test_a_clicked_point_is_loaded_into_the_editor(notebook: Any) -> None:
    page = notebook.page
    page.locator(".wb-top").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert notebook.ask_until("print(editor.value != start and str(editor.value) == atlas.clicked)", "True") == "True"
    assert notebook.ask("print(bench.table().index[atlas.marked] == atlas.clicked)") == "True"
    shown = notebook.ask("print(next(e['label'] for e in editor.drawing['edges'] if e['question'] == '1->3'))")
    on_screen(page, "1->3", shown)


def test_the_tooltip_gets_the_architectures_string_from_the_kernel(notebook: Any) -> None:
    page = notebook.page
    page.locator(".wb-top").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.wb-tip code').textContent.startsWith('|')")
    assert page.locator(".wb-tip code").inner_text() == CELL


def test_a_saved_notebook_holds_a_still_beside_each_widget(notebook: Any) -> None:
    for number, words in ((0, "conv 3×3"), (1, "params (M)")):
        bundle = notebook.page.evaluate(
            "i => jupyterapp.shell.currentWidget.content.widgets[i].model.outputs.toJSON()[0].data", number
        )
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert words in "".join(bundle["image/svg+xml"])


def test_choosing_another_column_repaints_the_map_and_is_known_in_python(notebook: Any) -> None:
    page = notebook.page
    page.get_by_label("colour").select_option("train_time_s")
    assert notebook.ask_until("print(atlas.axes['color']['name'])", "train_time_s") == "train_time_s"
    page.wait_for_function("document.querySelector('.wb-top').ariaLabel.includes('15,625')")
    notebook.ask("atlas.color = 'latency_ms'; print('back')")


_SHOWN = """([question, label]) =>
  document.querySelector(`[data-question='${question}'] text`)?.textContent === label"""
