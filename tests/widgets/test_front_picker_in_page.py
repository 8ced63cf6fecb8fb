"""The browser half of the front picker in a plain page, without a kernel behind it."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
TWO = ["valid_accuracy", "params_m"]


class Stage:
    """Opens widgets in a page and remembers what went wrong there."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType) -> None:
        self._browser, self._pages, self._lab = browser, pages, lab
        self.page: Page
        self.record: Any

    def show(self, *widgets: Any, scheme: Any = "light", width: int = 900) -> Page:
        context = self._browser.new_context(viewport={"width": width + 40, "height": 1100}, color_scheme=scheme)
        self.page = context.new_page()
        self.record = self._lab.Record(self.page)
        self.page.set_content(self._pages.page_of(*widgets, width=width))
        self.page.wait_for_function("window.ready")
        self.page.wait_for_selector(".wb-pick code:not(:empty)")
        return self.page


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    stage.page.context.close()


@pytest.fixture(scope="module")
def table(bench: Benchmark) -> pd.DataFrame:
    """Every tenth architecture, for quick pages."""
    return bench.table().iloc[::10]


@pytest.fixture
def picker(table: pd.DataFrame) -> wb.FrontPicker:
    return wb.FrontPicker(table, TWO, better=["higher", "lower"])


def slide(page: Page, label: str, value: float) -> None:
    """Move a slider as a hand does."""
    page.get_by_role("slider", name=label).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def choice(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("models[0].state.choice")
    return found


def mirrored(picker: Any, page: Page) -> dict[str, Any]:
    """What Python picks under the browser's weights and limits."""
    state = page.evaluate("({weights: models[0].state.weights, limits: models[0].state.limits})")
    picker.limits = state["limits"]
    picker.weights = state["weights"]
    found: dict[str, Any] = picker.choice
    return found


def place(page: Page, row: int, panel: int = 0) -> tuple[float, float]:
    """Where a row of the front stands on the screen: the picked ring is looked at after picking it."""
    page.evaluate("row => models[0].set('choice', {row, how: 'hand'})", row)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = page.locator(".wb-panel").nth(panel).locator(".wb-picked").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_card_shows_what_is_picked_with_its_drawing_and_numbers(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    assert page.locator(".wb-pick code").inner_text() == str(picker.picked)
    assert page.locator(".wb-pick h4").inner_text() == "picked by the weights"
    row = picker.frame.loc[str(picker.picked)]
    assert page.locator(".wb-pick td b").all_inner_texts() == [f"{row[name]:.4g}" for name in TWO]
    ops = page.locator(".wb-pick .wb-edge text").all_text_contents()
    assert len(ops) == 6
    assert page.locator(".wb-head").inner_text().endswith(picker.note)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_browser_and_python_pick_the_same_under_random_weights_and_limits(
    stage: Stage, table: pd.DataFrame, count: int
) -> None:
    names = ["valid_accuracy", "params_m", "latency_ms", "train_time_s"][:count]
    picker = wb.FrontPicker(table, names, better=["higher"] + ["lower"] * (count - 1))
    page = stage.show(picker)
    assert page.locator(".wb-panel").count() == count * (count - 1) // 2
    sliders = page.get_by_role("slider")
    tops = [int(top) for top in sliders.evaluate_all("all => all.map((slider) => slider.max)")]
    labels = sliders.evaluate_all("all => all.map((slider) => slider.getAttribute('aria-label'))")
    rng = np.random.default_rng(count)
    rows = set()
    for _ in range(12):
        at = int(rng.integers(len(labels)))
        slide(page, labels[at], int(rng.integers(tops[at] // 2 + 1)))
        assert choice(page) == mirrored(picker, page)
        rows.add(choice(page)["row"])
    assert len(rows) > 2


def test_a_limit_greys_what_does_not_meet_it_and_moves_the_pick(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    slide(page, "Limit of valid accuracy", 3)
    steps = sorted(picker.frame["valid_accuracy"])
    assert page.evaluate("models[0].state.limits") == [steps[3], None]
    assert page.locator(".wb-count").inner_text() == f"{len(steps) - 3} of {len(steps)} meet the limits"
    page.wait_for_function("document.querySelector('.wb-not').getAttribute('d').split('M').length === 4")
    assert page.locator(".wb-met").get_attribute("d").count("M") == len(steps) - 3
    assert page.locator(".wb-forbidden rect").count() == 1
    assert page.locator(".wb-value").nth(1).inner_text() == f"≥ {steps[3]:.4g}"
    page.get_by_role("button", name="Take all limits away").click()
    assert page.evaluate("models[0].state.limits") == [None, None]
    page.wait_for_function("document.querySelectorAll('.wb-forbidden rect').length === 0")


def test_nothing_that_meets_the_limits_is_said(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    slide(page, "Limit of valid accuracy", len(picker.frame) - 1)
    slide(page, "Limit of params (M)", len(picker.frame) - 1)
    assert choice(page)["row"] == -1
    assert page.locator(".wb-nothing").inner_text() == "Nothing on the front meets the limits: loosen one."


def test_the_knee_and_back_to_the_weights(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    slide(page, "Weight of params (M)", 5)
    page.get_by_role("button", name="Pick where the front bends most").click()
    assert choice(page) == {"row": picker.knee, "how": "knee"}
    assert page.locator(".wb-pick h4").inner_text() == "the knee"
    slide(page, "Limit of valid accuracy", 1)
    assert choice(page) == {"row": picker.knee, "how": "knee"}
    slide(page, "Limit of valid accuracy", len(picker.frame) - 1)
    assert choice(page)["how"] == "weights"
    assert page.get_by_role("button", name="Pick where the front bends most").is_disabled()


def test_a_click_on_the_front_picks_and_opens(stage: Stage, picker: Any, bench: Benchmark) -> None:
    editor = wb.CellEditor(bench.space.sample(1)[0], [], proxies=[])
    wb.link(picker, editor)
    page = stage.show(picker, editor)
    row = int(picker._front.rows[2])
    x, y = place(page, row)
    page.evaluate("r => models[0].set('choice', {row: r, how: 'weights'})", int(picker._front.rows[0]))
    page.mouse.move(x, y)
    assert str(picker.frame.index[2]) in page.locator(".wb-tip").inner_text()
    page.mouse.click(x, y)
    assert choice(page) == {"row": row, "how": "hand"}
    assert page.evaluate("models[1].state.opened.name") == picker.frame.index[2]
    page.wait_for_function("models[0].saved > 0")


def test_a_dragged_box_selects_rows_in_linked_views(stage: Stage, picker: Any, table: pd.DataFrame) -> None:
    other = wb.FrontPicker(table.iloc[::-1], TWO, better=["higher", "lower"])
    wb.link(picker, other)
    page = stage.show(picker, other)
    box = page.locator("#widget-0 .wb-panel").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    page.mouse.up()
    script = "i => [...new Uint32Array(models[i].state.selected.buffer)]"
    page.wait_for_function("models[1].state.selected.byteLength > 0")
    here, there = (page.evaluate(script, i) for i in (0, 1))
    assert len(here) > 5
    assert {table.index[i] for i in here} == {table.index[::-1][i] for i in there}
    page.locator("#widget-0 .wb-panel svg").press("Escape")
    assert page.evaluate(script, 0) == []


def test_arrows_go_along_the_front_and_enter_picks(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    page.locator(".wb-panel svg").focus()
    page.evaluate("row => models[0].set('choice', {row, how: 'hand'})", int(picker._front.rows[-1]))
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.keyboard.press("ArrowRight")
    assert "params (M)" in page.locator("[aria-live]").inner_text()
    page.keyboard.press("Enter")
    assert choice(page)["how"] == "hand"
    assert choice(page)["row"] in picker._front.rows[-4:-1]


def test_the_views_can_be_brought_near_to_what_the_limits_leave(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    slide(page, "Limit of valid accuracy", 4)
    texts = page.locator(".wb-axes").text_content()
    page.get_by_role("button", name="Show only what the limits leave").click()
    page.wait_for_function("before => document.querySelector('.wb-axes').textContent !== before", arg=texts)
    page.wait_for_function("document.querySelector('.wb-not').getAttribute('d') === ''")


def test_values_from_python_are_shown(stage: Stage, picker: Any) -> None:
    page = stage.show(picker)
    picker.limits = [90.0, None]
    picker.pick(picker.frame.index[0])
    page.evaluate("s => models[0].say(s)", {"limits": picker.limits, "choice": picker.choice})
    assert page.locator(".wb-pick h4").inner_text() == "picked by hand"
    assert page.locator(".wb-pick code").inner_text() == picker.frame.index[0]
    assert page.locator(".wb-value").nth(1).inner_text() == "≥ 90"


def test_the_pick_goes_to_the_compare_tray(stage: Stage, picker: Any, bench: Benchmark) -> None:
    tray = wb.ArchitectureDiff(benchmark=[], space=bench.space)
    page = stage.show(picker)
    assert not page.get_by_role("button", name="Put this on the compare tray").is_visible()
    page.context.close()
    wb.link(picker, tray)
    page = stage.show(picker, tray)
    page.get_by_role("button", name="Put this on the compare tray").click()
    assert page.evaluate("models[1].state.order") == [str(picker.picked)]


def test_hostile_names_are_shown_as_text(stage: Stage) -> None:
    bad = "<img src=x onerror=window.hacked=1>"
    frame = pd.DataFrame({bad: [1.0, 2.0, 3.0], "cost": [1.0, 2.0, 4.0]}, index=[f"{bad}{i}" for i in range(3)])
    page = stage.show(wb.FrontPicker(frame, better=["higher", "lower"], title=bad))
    assert page.locator("h3").inner_text() == bad
    assert page.locator(".wb-pick code").inner_text().startswith(bad)
    assert page.locator("img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_dragging_a_slider_over_the_whole_table_keeps_up(stage: Stage, bench: Benchmark) -> None:
    page = stage.show(wb.FrontPicker(bench))
    assert page.locator(".wb-panel").count() == 6
    took = page.get_by_role("slider", name="Limit of valid accuracy").evaluate(
        """async (slider) => {
          const frames = [];
          for (let value = 1; value < 20; value++) {
            const began = performance.now();
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
            frames.push(performance.now() - began);
          }
          return frames.sort((a, b) => a - b)[9];
        }"""
    )
    assert took < 150  # a loaded machine is given room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(stage: Stage, picker: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = stage.show(picker, scheme=scheme)
    found = axe.Axe().run(page, context=".wb").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_narrow_page_keeps_everything_in_it(stage: Stage, picker: Any) -> None:
    page = stage.show(picker, width=400)
    over = page.locator(".wb-front").evaluate(
        "root => [...root.querySelectorAll('.wb-panel, .wb-controls *, .wb-pick td, .wb-pick code')]"
        ".filter((one) => one.getBoundingClientRect().right > root.getBoundingClientRect().right)"
        ".map((one) => one.outerHTML.slice(0, 80))"
    )
    assert over == []
