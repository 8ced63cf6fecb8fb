"""The browser half of the map alone: its bundle in plain HTML, with a model that answers nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

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
    page.get_by_role("button", name="Drag a free shape").click()
    drag(page, at(page, -0.5, -0.5), at(page, 2.7, -0.5), at(page, -0.5, 2.7))
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


def test_the_pointer_shows_numbers_and_the_string(stage: Stage, grid: SpaceMap) -> None:
    page = stage.show(grid)
    page.mouse.move(*at(page, 4, 5))
    assert page.locator(".wb-tip").inner_text().split() == ["5", "y", "4", "x", "9", "z", "arch", "54"]
    assert page.evaluate("models[0].sent") == []


def test_a_string_that_the_page_lacks_is_shown_when_the_kernel_answers(
    stage: Stage, grid: SpaceMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.widgets.picking._NAMED", 50)
    page = stage.show(SpaceMap(grid._frame, x="x", y="y", color="z"))
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
