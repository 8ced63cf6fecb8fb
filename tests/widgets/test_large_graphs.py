"""Large drawings in a page: folded blocks, a layout that is waited for, a view that is panned, zoomed and tidied."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest

import workbench as wb
from workbench.errors import Infeasible
from workbench.spaces import SearchSpace
from workbench.spaces.choices import Choices
from workbench.widgets.cell_editor import CellEditor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
OPERATIONS = ("nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3")
HOSTILE = '<img src=x onerror="window.hacked=1">\'&'


class Macro(SearchSpace):
    """Blocks of four layers in a chain, each with a skip over it."""

    flat = True

    def __init__(self, blocks: int, prefix: str = "b") -> None:
        self.name = f"macro of {blocks} {prefix}"
        self._blocks, self._prefix = blocks, prefix

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """An operation for every layer."""
        graph = nx.DiGraph()
        graph.add_node("in", label="in", role="input")
        before = "in"
        for block in range(self._blocks):
            first = before
            for layer in range(4):
                name = f"{self._prefix}{block}.{layer}"
                graph.add_node(name, op=choices.suggest_categorical(name, OPERATIONS), question=name, role="op")
                graph.add_edge(before, name)
                before = name
            graph.add_edge(first, before)
        graph.add_node("out", label="out", role="output")
        graph.add_edge(before, "out")
        return graph

    def network(self, graph: nx.DiGraph, task: Any) -> Any:
        """None: this space is only drawn."""
        raise Infeasible("no network")

    def live(self, graph: nx.DiGraph) -> nx.DiGraph:
        """Everything."""
        return graph


class Stages:
    """Answers that repeat with every block."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[int(name.rsplit(".", 1)[1])]


def editor_of(blocks: int, prefix: str = "b") -> CellEditor:
    return wb.CellEditor(Macro(blocks, prefix).answered_by(Stages()), [])


class Stage:
    """Opens an editor in a page, and plays its kernel."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType) -> None:
        self._browser, self._pages, self._lab = browser, pages, lab
        self._editor: CellEditor
        self.page: Page
        self.record: Any

    def show(self, editor: CellEditor, scheme: str = "light") -> Page:
        context = self._browser.new_context(
            viewport={"width": 800, "height": 1000}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self._editor = editor
        self.page = context.new_page()
        self.record = self._lab.Record(self.page)
        self._wait()
        self.page.set_content(self._pages.page_of(editor))
        self.page.wait_for_function("window.ready")
        self.page.wait_for_selector(".wb-node", state="attached")
        return self.page

    def answer(self) -> None:
        """What the kernel would do with what the page has set."""
        names = ("expanded", "folding", "revision", "decisions")
        state = self.page.evaluate(
            "(names) => Object.fromEntries(names.map((name) => [name, models[0].get(name)]))", names
        )
        with self._editor.hold_trait_notifications():
            self._editor.expanded, self._editor.folding = state["expanded"], state["folding"]
        self._wait()
        about = {name: state[name] for name in ("revision", "decisions")}
        self.say(drawing={**self._editor.drawing, **about}, laying_out=0)

    def _wait(self) -> None:
        """Until the editor's graph is laid out, in the loop that drives the browser."""
        while self._editor.laying_out:
            self.page.wait_for_timeout(20)

    def say(self, **state: Any) -> None:
        self.page.evaluate("(state) => models[0].say(state)", state)


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    assert stage.page.evaluate("window.hacked") is None
    stage.page.context.close()


@pytest.fixture(scope="module")
def large() -> CellEditor:
    """240 layers, every block shown."""
    editor = editor_of(60)
    editor.folding = "off"
    return editor


def place(page: Page, selector: str) -> tuple[float, float]:
    """The middle of an element."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], dx: float, dy: float, button: Any = "left") -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(start[0] + dx, start[1] + dy, steps=6)
    frame(page)
    page.mouse.up(button=button)


def frame(page: Page) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def world(page: Page) -> dict[str, float]:
    """How the drawing is moved on its paper and scaled, in the window's pixels."""
    found: dict[str, float] = page.evaluate(
        """() => {
          const { a, e, f } = document.querySelector(".wb-world").getScreenCTM();
          const { left, top } = document.querySelector(".wb-picture").getBoundingClientRect();
          return { a, e: e - left, f: f - top };
        }"""
    )
    return found


# -- folded blocks -------------------------------------------------------------------------------------------------


def test_a_graph_of_many_equal_blocks_is_one_node_that_says_what_is_inside(stage: Stage) -> None:
    page = stage.show(editor_of(60))
    block = page.locator("[data-fold]")
    assert page.locator(".wb-node").count() == 3
    assert block.locator("text").text_content() == "×60 block of 4"
    words = block.get_attribute("aria-label") or ""
    assert all(f"b{i}.{j}" in words for i in (0, 30, 59) for j in range(4))
    assert page.locator("select").count() == 0  # what is folded is not offered as lists instead
    assert page.get_by_role("button", name="Draw each run").get_attribute("aria-pressed") == "true"


def test_a_click_or_enter_expands_a_block_and_it_can_be_folded_again(stage: Stage) -> None:
    page = stage.show(editor_of(60))
    page.locator("[data-fold]").click()
    (fold,) = page.evaluate("models[0].get('expanded')")
    assert page.evaluate("models[0].saved") >= 1
    stage.answer()
    assert page.locator(".wb-node").count() == 242
    frame(page)
    assert page.evaluate("document.activeElement.dataset.node") == "b0.0"
    page.get_by_role("button", name="Fold ×60 block of 4").click()
    stage.answer()
    assert page.locator(".wb-node").count() == 3
    frame(page)
    page.locator("[data-fold]").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("models[0].get('expanded')") == [fold]


def test_folding_is_offered_where_something_repeats(stage: Stage) -> None:
    page = stage.show(editor_of(5))
    assert page.locator(".wb-node").count() == 22
    toggle = page.get_by_role("button", name="Draw each run")
    assert toggle.get_attribute("aria-pressed") == "false"
    toggle.click()
    stage.answer()
    assert page.locator(".wb-node").count() == 3
    assert toggle.get_attribute("aria-pressed") == "true"


def test_folding_is_not_offered_where_nothing_repeats(stage: Stage) -> None:
    page = stage.show(wb.CellEditor(wb.search_space("nasbench201").sample(1, seed=0)[0], []))
    assert not page.locator(".wb-folds").is_visible()


def test_without_a_kernel_an_expansion_says_that_it_needs_one(stage: Stage) -> None:
    page = stage.show(editor_of(60))
    page.locator("[data-fold]").click()
    page.wait_for_selector(".wb-alert:has-text('only the kernel lays graphs out')", timeout=8000)
    assert page.locator(".wb-node").count() == 3


def test_hostile_names_inside_a_block_stay_text(stage: Stage) -> None:
    page = stage.show(editor_of(60, HOSTILE))
    page.locator("[data-fold]").click()
    stage.answer()
    assert page.locator(".wb-node").count() == 242
    assert page.locator("img").count() == 0


# -- a layout that takes long --------------------------------------------------------------------------------------


def test_a_layout_under_way_is_named_can_be_cancelled_and_wanted_again(stage: Stage) -> None:
    editor = editor_of(5)
    page = stage.show(editor)
    stage.say(laying_out=1234, drawing={**editor.drawing, "stale": "pending"})
    assert page.locator(".wb-folds [role=status]").text_content() == "laying out 1,234 nodes…"
    page.get_by_role("button", name="Stop laying out").click()
    assert {"kind": "layout", "do": "cancel"} in page.evaluate("models[0].sent")
    stage.say(laying_out=0, drawing={**editor.drawing, "stale": "cancelled"})
    assert "cancelled" in (page.locator(".wb-folds [role=status]").text_content() or "")
    assert page.locator(".wb-node").count() == 22
    page.get_by_role("button", name="Lay the graph out after all").click()
    assert {"kind": "layout", "do": "again"} in page.evaluate("models[0].sent")
    stage.say(drawing={**editor.drawing, "stale": ""})
    assert not page.locator(".wb-folds [role=status]").is_visible()


def test_an_edit_is_seen_at_once_while_its_layout_is_under_way(stage: Stage) -> None:
    editor = editor_of(5)
    page = stage.show(editor)
    page.locator("[data-question='b2.1']").focus()
    page.keyboard.press("4")
    revision, decisions = page.evaluate("[models[0].get('revision'), models[0].get('decisions')]")
    pending = {**editor.drawing, "revision": revision, "decisions": decisions, "stale": "pending"}
    stage.say(laying_out=22, drawing=pending)
    assert page.locator("[data-question='b2.1'] text").text_content() == "avg pool"
    assert page.locator("[data-question='b2.2'] text").text_content() == "skip"


# -- the view ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["Alt", "Space", "middle"])
def test_the_paper_is_panned_with_alt_space_or_the_middle_button(stage: Stage, large: CellEditor, way: str) -> None:
    page = stage.show(large)
    before = world(page)
    start = place(page, ".wb-picture")
    page.mouse.move(*start)
    if way != "middle":
        page.keyboard.down(way)
    drag(page, start, 30, -80, "middle" if way == "middle" else "left")
    if way != "middle":
        page.keyboard.up(way)
    after = world(page)
    assert (after["e"] - before["e"], after["f"] - before["f"]) == pytest.approx((30, -80), abs=1)
    assert after["a"] == before["a"]
    assert not page.locator(".wb-menu").is_visible()


def test_a_space_that_is_typed_while_the_pointer_is_over_the_drawing_is_typed(stage: Stage, large: CellEditor) -> None:
    page = stage.show(large)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div id=typed contenteditable>a</div>')")
    page.mouse.move(*place(page, ".wb-picture"))
    page.locator("#typed").focus()
    page.keyboard.press("End")
    page.keyboard.type(" b c")
    assert (page.locator("#typed").text_content() or "").replace("\xa0", " ") == "a b c"


def test_a_plain_drag_on_the_paper_moves_nothing(stage: Stage, large: CellEditor) -> None:
    page = stage.show(large)
    before = world(page)
    box = page.locator(".wb-picture").bounding_box()
    assert box is not None
    drag(page, (box["x"] + 3, box["y"] + 3), 100, 60)
    assert world(page) == before


def test_ctrl_and_the_wheel_zoom_about_the_pointer_and_the_plain_wheel_does_not(
    stage: Stage, large: CellEditor
) -> None:
    page = stage.show(large)
    x, y = place(page, ".wb-picture")
    page.mouse.move(x, y)
    before = world(page)
    page.mouse.wheel(0, 5)
    frame(page)
    assert world(page)["a"] == before["a"]
    page.mouse.wheel(0, -5)
    frame(page)
    before = world(page)
    box = page.locator(".wb-picture").bounding_box()
    assert box is not None
    x, y = x - box["x"], y - box["y"]
    under = ((x - before["e"]) / before["a"], (y - before["f"]) / before["a"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    frame(page)
    after = world(page)
    assert after["a"] > before["a"] * 1.1
    assert ((x - after["e"]) / after["a"], (y - after["f"]) / after["a"]) == pytest.approx(under, abs=1)


def test_the_buttons_zoom_and_fit_shows_every_node_of_a_graph_taller_than_its_window(
    stage: Stage, large: CellEditor
) -> None:
    page = stage.show(large)
    start = world(page)["a"]
    page.get_by_role("button", name="Zoom in").click()
    assert world(page)["a"] == pytest.approx(start * 1.25)
    page.get_by_role("button", name="Zoom out").click()
    assert world(page)["a"] == pytest.approx(start)
    assert not page.evaluate(_ALL_SEEN)
    page.get_by_role("button", name="Show the whole graph").click()
    assert page.evaluate(_ALL_SEEN)


def test_a_small_cell_has_no_buttons_to_zoom_until_it_is_zoomed(stage: Stage) -> None:
    page = stage.show(wb.CellEditor(wb.search_space("nasbench201").sample(1, seed=0)[0], []))
    fit = page.get_by_role("button", name="Show the whole graph")
    assert not fit.is_visible()
    rest = world(page)
    page.mouse.move(*place(page, ".wb-picture"))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    assert world(page)["a"] > rest["a"]
    fit.click()
    assert world(page) == pytest.approx(rest)


def test_what_the_keyboard_reaches_is_brought_into_the_window(stage: Stage, large: CellEditor) -> None:
    page = stage.show(large)
    page.locator("[data-node='b50.2']").evaluate("(node) => node.focus({ preventScroll: true })")
    inside = page.evaluate(
        """() => {
          const box = document.activeElement.querySelector(".wb-box").getBoundingClientRect();
          const seen = document.querySelector(".wb-picture").getBoundingClientRect();
          return box.top >= seen.top && box.bottom <= seen.bottom && box.left >= seen.left && box.right <= seen.right;
        }"""
    )
    assert inside


# -- nodes moved by hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoomed", [False, True])
def test_a_dragged_node_follows_the_pointer_and_only_its_own_edges_follow_it(
    stage: Stage, large: CellEditor, zoomed: bool
) -> None:
    page = stage.show(large)
    if zoomed:
        page.get_by_role("button", name="Zoom out").click()
    x, y = place(page, "[data-node='b1.1'] .wb-box")
    before = page.evaluate(_LINES)
    drag(page, (x, y), 40, 25)
    assert place(page, "[data-node='b1.1'] .wb-box") == pytest.approx((x + 40, y + 25), abs=1)
    after = page.evaluate(_LINES)
    assert sorted(name for name in after if after[name] != before[name]) == ["b1.0 b1.1", "b1.1 b1.2"]
    assert not page.locator(".wb-menu").is_visible()  # it was dragged, not clicked
    ends = page.evaluate(_ENDS, ["b1.0 b1.1", "b1.1 b1.2", "b1.1"])
    assert ends == pytest.approx([0, 0, 0, 0], abs=15)
    page.get_by_role("button", name="Show the whole graph").click()
    assert page.evaluate(_LINES) == before


def test_the_label_and_arrow_of_an_edge_go_with_its_nodes(stage: Stage) -> None:
    page = stage.show(wb.CellEditor(wb.search_space("nasbench201").sample(1, seed=0)[0], []))
    pill = "[data-edge='1 2'] .wb-pill"
    before = place(page, pill)
    drag(page, place(page, "[data-node='2'] .wb-box"), 0, 40)
    assert place(page, pill) == pytest.approx((before[0], before[1] + 20), abs=1.5)


def test_a_node_moved_by_hand_stays_when_an_operation_changes_and_not_when_the_layout_does(stage: Stage) -> None:
    editor = editor_of(5)
    page = stage.show(editor)
    at = place(page, "[data-node='b1.1'] .wb-box")
    drag(page, at, 30, 20)
    moved = place(page, "[data-node='b1.1'] .wb-box")
    page.locator("[data-question='b3.1']").focus()
    page.keyboard.press("1")
    assert place(page, "[data-node='b1.1'] .wb-box") == pytest.approx(moved, abs=1)
    page.get_by_role("button", name="Draw each run").click()
    stage.answer()
    page.get_by_role("button", name="Draw each run").click()
    stage.answer()
    assert page.locator("[data-node='b1.1']").get_attribute("transform") is None


def test_a_press_without_a_movement_still_opens_the_menu(stage: Stage, large: CellEditor) -> None:
    page = stage.show(large)
    page.mouse.click(*place(page, "[data-node='b1.1'] .wb-box"))
    assert page.locator(".wb-menu").is_visible()


def test_a_large_drawing_breaks_no_rule_of_accessibility_that_a_small_one_keeps(
    stage: Stage, large: CellEditor
) -> None:
    page = stage.show(large, scheme="dark")
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('[role=button], button')].filter((one) => "
        "!(one.getAttribute('aria-label') || one.textContent.trim())).length"
    )
    assert unnamed == 0
    assert page.locator(".wb-view").get_attribute("aria-label") == "View"


# -- in JupyterLab ---------------------------------------------------------------------------------------------

SLOW = """
import random
import networkx as nx
import workbench as wb
from workbench.errors import Infeasible
from workbench.spaces import SearchSpace

class Tangle(SearchSpace):
    name, flat = "tangle", True

    def suggest(self, choices):
        rng = random.Random(0)
        graph = nx.DiGraph()
        for i in range(500):
            op = choices.suggest_categorical(f"q{i}", ("nor_conv_3x3", "skip_connect"))
            graph.add_node(i, op=op, question=f"q{i}", role="op")
        nx.add_path(graph, range(500))
        graph.add_edges_from(sorted(rng.sample(range(500), 2)) for _ in range(150))
        return graph

    def network(self, graph, task):
        raise Infeasible("this space is only drawn")

    def live(self, graph):
        return graph

class First:
    def suggest_categorical(self, question, answers):
        return answers[0]

editor = wb.CellEditor(Tangle().answered_by(First()), [])
editor"""


def test_the_kernel_answers_while_it_lays_out_and_a_cancelled_layout_can_be_had_after_all(
    jupyterlab: Any, browser: Browser
) -> None:
    with jupyterlab.notebook(browser, [SLOW]) as notebook:
        notebook.run(0)
        page = notebook.page
        page.wait_for_selector(".wb-folds [role=status]:has-text('laying out 500 nodes…')")
        assert notebook.ask("print(editor.laying_out, len(editor.drawing['nodes']))") == "500 0"
        page.get_by_role("button", name="Stop laying out").click()
        page.wait_for_selector(".wb-folds [role=status]:has-text('cancelled')")
        assert notebook.ask("print(editor.laying_out, editor.drawing['stale'])") == "0 cancelled"
        page.get_by_role("button", name="Lay the graph out after all").click()
        page.wait_for_selector(".wb-node", state="attached", timeout=60_000)
        assert notebook.ask_until("print(editor.laying_out, editor.drawing['stale'])", "0") == "0"
        assert notebook.record.errors == []


_ALL_SEEN = """() => {
  const seen = document.querySelector(".wb-picture").getBoundingClientRect();
  return [...document.querySelectorAll(".wb-node")].every((node) => {
    const { top, bottom, left, right } = node.getBoundingClientRect();
    return top >= seen.top - 1 && bottom <= seen.bottom + 1 && left >= seen.left - 1 && right <= seen.right + 1;
  });
}"""
_LINES = """() => Object.fromEntries([...document.querySelectorAll(".wb-edge")].map((edge) =>
  [edge.dataset.edge, edge.querySelector(".wb-line").getAttribute("d")]))"""
# How far an edge's end is from the node that it points at, and another's beginning from where it leaves, in pixels.
_ENDS = """([into, out, name]) => {
  const box = document.querySelector(`[data-node="${name}"] .wb-box`).getBoundingClientRect();
  const end = (edge, at) => {
    const line = document.querySelector(`[data-edge="${edge}"] .wb-line`);
    const point = line.getPointAtLength(at === "end" ? line.getTotalLength() : 0);
    return new DOMPoint(point.x, point.y).matrixTransform(line.getScreenCTM());
  };
  const [first, last] = [end(into, "end"), end(out, "start")];
  const middle = (box.top + box.bottom) / 2;
  return [first.x - box.left, first.y - middle, last.x - box.right, last.y - middle];
}"""
