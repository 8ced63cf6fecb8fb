"""The browser half alone: the bundles in plain HTML with a model that answers nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from workbench.benchmarks import Benchmark
from workbench.spaces import SearchSpace
from workbench.spaces.choices import Choices
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.space_map import SpaceMap

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'


class Stage:
    """Opens widgets in a page and remembers what went wrong there."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType) -> None:
        self._browser, self._pages, self._lab = browser, pages, lab
        self.page: Page
        self.record: Any

    def show(self, *widgets: Any, scheme: str = "light") -> Page:
        context = self._browser.new_context(
            viewport={"width": 900, "height": 1100}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page = context.new_page()
        self.record = self._lab.Record(self.page)
        self.page.set_content(self._pages.page_of(*widgets))
        self.page.wait_for_function("window.ready")
        return self.page


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    stage.page.context.close()


@pytest.fixture
def editor(bench: Benchmark, cell: str) -> CellEditor:
    return CellEditor(bench.space.parse(cell), bench)


def labels(page: Page) -> dict[str, str]:
    """Question -> the label shown on its edge."""
    found = page.locator("g[data-question]").evaluate_all("gs => gs.map(g => [g.dataset.question, g.textContent])")
    return dict(found)


def test_the_editor_draws_every_edge_with_its_operation_and_the_facts(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    assert labels(page) == {e["question"]: e["label"] for e in editor.drawing["edges"]}
    assert page.locator(".wb-facts").inner_text().startswith(editor.facts[0]["value"])
    assert page.locator(".wb-text").inner_text() == editor.text


def test_every_edge_tells_a_screen_reader_what_it_is(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    edge = page.get_by_role("button", name="edge in to 1, operation conv 3×3, press 1 to 5 to change")
    assert edge.count() == 1
    assert edge.get_attribute("tabindex") == "0"


def test_an_edit_is_shown_before_the_kernel_answers_and_sent_whole(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    assert labels(page)["0->1"] == "skip"
    sent = page.evaluate("[models[0].state.decisions, models[0].state.revision, models[0].saved]")
    assert sent == [{**editor.decisions, "0->1": "skip_connect"}, 1, 1]


def test_an_answer_to_an_edit_that_a_newer_one_has_overtaken_is_not_shown(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    page.keyboard.press("1")
    late = CellEditor(editor.value.space.architecture({**editor.decisions, "0->1": "skip_connect"}), [])
    page.evaluate("drawing => models[0].say({drawing})", {**late.drawing, "revision": 1})
    assert labels(page)["0->1"] == "none"


def test_undo_and_redo_go_back_and_forth_and_a_new_edit_ends_redo(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("1")
    page.keyboard.press("2")
    seen = []
    for keys in ("Control+z", "Control+z", "Control+z", "Control+y", "Control+Shift+Z"):
        page.keyboard.press(keys)
        seen.append(labels(page)["0->1"])
    assert seen == ["none", "conv 3×3", "conv 3×3", "none", "skip"]
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("5")
    assert page.get_by_role("button", name="Redo").is_disabled()


def test_a_refused_edit_is_taken_back_and_the_reason_is_shown(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    refusal = {**editor.drawing, "revision": 1, "refused": True}
    page.evaluate("s => models[0].say(s)", {"message": "not in this space", "drawing": refusal})
    assert labels(page)["0->1"] == "conv 3×3"
    assert page.get_by_role("alert").inner_text() == "not in this space"
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_a_value_from_python_enters_the_history(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    editor.value = editor.value.space.neighbors(editor.value)[0]
    changed = {e["question"]: e["label"] for e in editor.drawing["edges"]}
    before = labels(page)
    page.evaluate("s => models[0].say(s)", {"revision": editor.revision, "drawing": editor.drawing})
    assert labels(page) == changed
    page.get_by_role("button", name="Undo").click()
    assert labels(page) == before


def test_the_menu_at_an_edge_is_worked_by_mouse_and_by_keyboard(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='1->3'] .wb-pill").click()
    page.get_by_role("menuitemradio", name="skip").click()
    assert labels(page)["1->3"] == "skip"
    assert page.evaluate("document.activeElement.dataset.question") == "1->3"
    page.keyboard.press("Enter")
    assert page.get_by_role("menuitemradio", checked=True).inner_text().endswith("skip")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert labels(page)["1->3"] == "conv 1×1"
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert not page.get_by_role("menu").is_visible()


def test_arrow_keys_and_the_palette_change_the_chosen_edge(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='1->2']").focus()
    page.keyboard.press("ArrowRight")
    assert labels(page)["1->2"] == "conv 1×1"
    page.locator(".wb-chip", has_text="avg pool").click()
    assert labels(page)["1->2"] == "avg pool"


def test_tab_goes_from_edge_to_edge(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.question") == "0->2"


def test_the_new_numbers_are_read_out(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.evaluate("d => models[0].say({drawing: d})", {**editor.drawing, "revision": 0})
    assert editor.facts[0]["value"] in page.locator("[aria-live]").inner_text()


def test_hostile_names_are_shown_as_text_in_the_editor(stage: Stage, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"] and a.decisions["kind"] == HOSTILE)
    page = stage.show(CellEditor(start, []))
    page.locator("[data-question='kind']").focus()
    page.keyboard.press("Enter")
    assert page.locator("h3").inner_text() == f"{awkward.name} cell"
    assert page.locator("img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_questions_beside_the_drawing_are_answered_in_lists(stage: Stage, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions.get("depth") == 1)
    page = stage.show(CellEditor(start, []))
    page.get_by_label("depth").select_option(index=1)
    assert page.evaluate("models[0].state.decisions.depth") == 2


class OneBlock(SearchSpace):
    """A block whose operation two answers make."""

    name = "one_block"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        kernel = choices.suggest_categorical("b.kernel", (3, 5, 7))
        expand = choices.suggest_categorical("b.expand", (3, 6))
        graph = nx.DiGraph()
        graph.add_node("in", role="input", label="in")
        graph.add_node("b", role="op", op=f"mbconv_k{kernel}_e{expand}", questions=("b.kernel", "b.expand"))
        graph.add_node("out", role="output", label="out")
        nx.add_path(graph, ["in", "b", "out"])
        return graph

    def network(self, graph: nx.DiGraph, task: object) -> torch.nn.Module:
        return torch.nn.Identity()


def test_a_node_made_of_several_answers_offers_each_of_them(stage: Stage) -> None:
    page = stage.show(CellEditor(OneBlock().architecture({"b.kernel": 3, "b.expand": 6}), []))
    assert page.locator(".wb-more select").count() == 0  # the node asks both, so that no list has to
    page.locator("[data-question='b.kernel']").click()
    assert page.locator(".wb-section").all_inner_texts() == ["b.kernel\n13\n25\n37", "b.expand\n43\n56"]
    page.keyboard.press("3")
    assert page.evaluate("models[0].state.decisions") == {"b.kernel": 7, "b.expand": 6}
    page.locator("[data-question='b.kernel']").click()
    page.get_by_role("group", name="b.expand").get_by_role("menuitemradio").first.click()
    assert page.evaluate("models[0].state.decisions") == {"b.kernel": 7, "b.expand": 3}
    assert page.locator(".wb-chip").count() == 5


def test_an_error_in_the_browser_half_is_shown_in_the_page(stage: Stage, editor: CellEditor) -> None:
    page = stage.show(editor)
    page.evaluate("d => models[0].say({drawing: d})", {**editor.drawing, "edges": 3})
    assert page.get_by_role("alert").inner_text().startswith("This widget failed in the browser: ")
    assert len(stage.record.errors) == 1
    stage.record.errors.clear()


def test_text_and_lines_can_be_told_from_the_paper_in_light_and_in_dark(stage: Stage, editor: CellEditor) -> None:
    for scheme in ("light", "dark"):
        page = stage.show(editor, scheme=scheme)
        paper = _colour(page, ".wb", "background-color")
        assert _contrast(_colour(page, ".wb-picture text", "fill"), paper) > 7
        assert _contrast(_colour(page, ".wb-facts span", "color"), paper) > 4.5
        strokes = [_colour(page, f"[data-question='{q}'] .wb-line", "stroke") for q in ("0->1", "1->2", "1->3")]
        assert min(_contrast(stroke, paper) for stroke in strokes) > 2.1


# -- the map -------------------------------------------------------------------------------------------------------


@pytest.fixture
def grid() -> SpaceMap:
    """A hundred points on a grid of ten by ten, one of them without a number."""
    y, x = np.divmod(np.arange(100.0), 10)
    y[99] = np.nan
    frame = pd.DataFrame({"x": x, "y": y, "z": x + y}, index=[f"arch {i}" for i in range(100)])
    return SpaceMap(frame, x="x", y="y", color="z", height=400)


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the grid is on the page."""
    box = page.locator(".wb-top").bounding_box()
    assert box is not None
    (low_x, high_x), (low_y, high_y) = page.evaluate("[models[0].state.axes.x.home, models[0].state.axes.y.home]")
    left, top, width, height = 58, 30, box["width"] - 58 - 78, box["height"] - 30 - 46
    across, up = (x - low_x) / (high_x - low_x), (y - low_y) / (high_y - low_y)
    return box["x"] + left + across * width, box["y"] + top + (1 - up) * height


def drag(page: Page, *places: tuple[float, float]) -> None:
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def selected(page: Page) -> list[int]:
    rows: list[int] = page.evaluate("[...new Uint32Array(models[0].state.selected.buffer)]")
    return rows


def test_all_points_are_painted_and_those_without_a_number_are_counted(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.wait_for_function("document.querySelector('.wb-map').dataset.paintMs")
    painted = page.evaluate("""() => {
      const canvas = document.querySelector(".wb-stage canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let coloured = 0;
      for (let i = 0; i < data.length; i += 4) coloured += data[i + 3] > 60 && Math.abs(data[i] - data[i + 2]) > 25;
      return coloured;
    }""")
    assert painted > 300
    assert "99 architectures, 1 left out: no number" in page.locator(".wb-head").inner_text()


def test_a_box_selects_the_points_inside_and_escape_clears(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    drag(page, at(page, 1.5, 1.5), at(page, 3.5, 4.5))
    assert selected(page) == [22, 23, 32, 33, 42, 43]
    assert page.locator(".wb-foot").inner_text().startswith("6 selected")
    page.keyboard.press("Escape")
    assert selected(page) == []


def test_a_lasso_selects_the_points_inside_its_shape(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.keyboard.down("Shift")
    drag(page, at(page, -0.5, -0.5), at(page, 2.7, -0.5), at(page, -0.5, 2.7))
    page.keyboard.up("Shift")
    assert selected(page) == [0, 1, 2, 10, 11, 20]


def test_a_selection_made_in_python_is_shown(stage: Stage, grid: SpaceMap) -> None:
    grid.select(["arch 3", "arch 7"])
    page = stage.show(grid)
    assert page.locator(".wb-foot").inner_text().startswith("2 selected")


def test_clicking_a_point_is_sent_each_time(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    for event in (1, 2):
        page.mouse.click(*at(page, 4, 4))
        assert page.evaluate("models[0].state.click") == {"index": 44, "event": event}


def test_the_pointer_shows_numbers_at_once_and_the_string_when_the_kernel_answers(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.mouse.move(*at(page, 4, 5))
    tip = page.locator(".wb-tip")
    assert tip.inner_text().split() == ["5", "y", "4", "x", "9", "z", "…"]
    assert page.evaluate("models[0].sent.at(-1)") == {"kind": "name", "index": 54}
    page.evaluate("models[0].emit('msg:custom', {kind: 'name', index: 54, text: '<b>arch</b>'})")
    assert tip.inner_text().endswith("<b>arch</b>")


def test_the_map_is_worked_by_keyboard(stage: Stage, grid: SpaceMap) -> None:
    grid.marked = 44
    page = stage.show(grid)
    page.locator(".wb-top").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert page.evaluate("models[0].state.click") == {"index": 34, "event": 1}
    assert page.locator("[aria-live]").inner_text() == "y 3, x 4, z 7"


def test_zooming_leaves_points_outside_and_a_double_click_brings_them_back(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.locator(".wb-top").focus()
    page.mouse.move(*at(page, 5, 5))
    for _ in range(4):
        page.mouse.wheel(0, -200)
    page.wait_for_function("document.querySelector('.wb-foot').textContent.includes('outside this view')")
    page.mouse.dblclick(*at(page, 5.5, 5.5))
    page.wait_for_function("!document.querySelector('.wb-foot').textContent.includes('outside this view')")


def test_the_wheel_scrolls_the_page_until_the_map_is_used(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.mouse.move(*at(page, 5, 5))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    assert "outside this view" not in page.locator(".wb-foot").inner_text()


def test_another_column_is_asked_of_the_kernel(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.get_by_label("colour").select_option("x")
    assert page.evaluate("[models[0].state.color, models[0].saved]") == ["x", 1]


def test_hostile_names_are_shown_as_text_on_the_map(stage: Stage) -> None:
    frame = pd.DataFrame({HOSTILE: [1.0, 2.0], "y": [1.0, 2.0]}, index=[HOSTILE, "b"])
    page = stage.show(SpaceMap(frame, x=HOSTILE, title=HOSTILE))
    page.evaluate("text => models[0].emit('msg:custom', {kind: 'name', index: 0, text})", HOSTILE)
    page.locator(".wb-top").focus()
    page.keyboard.press("ArrowRight")
    assert HOSTILE in page.locator(".wb-tip").inner_text()
    assert page.locator("h3").inner_text() == HOSTILE
    assert page.evaluate("window.hacked") is None


def _colour(page: Page, selector: str, name: str) -> list[float]:
    words: str = page.locator(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name)
    return [float(part) for part in words.removeprefix("rgb(").removesuffix(")").split(",")]


def _contrast(a: list[float], b: list[float]) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(rgb: list[float]) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
