"""The browser half of exploring a map, alone: filters, density, paths, adding to a selection and taking away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.widgets.space_map import SpaceMap

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
Show = Callable[..., "Page"]
Place = tuple[float, float]


@pytest.fixture
def show(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Show]:
    """Opens widgets in a page of some width; the page must keep quiet and to this machine."""
    records, contexts = [], []

    def show(*widgets: Any, width: int = 720, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 1500}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        records.append(lab_module.Record(page))
        contexts.append(context)
        page.set_content(pages.page_of(*widgets, width=width - 40))
        page.wait_for_function("window.ready && document.querySelector('.wb-map').dataset.paintMs")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


@pytest.fixture
def frame() -> pd.DataFrame:
    """A grid of ten by ten points, row 10 * y + x."""
    y, x = np.divmod(np.arange(100), 10)
    numbers = {"x": x * 1.0, "y": y * 1.0, "z": (x + y) * 1.0, "w": np.arange(100) * 1.0}
    return pd.DataFrame(numbers, index=[f"arch {x}{y}" for x, y in zip(x, y, strict=True)])


@pytest.fixture
def grid(frame: pd.DataFrame) -> SpaceMap:
    return SpaceMap(frame, x="x", y="y", color="z")


def at(page: Page, x: float, y: float, number: int = 0) -> Place:
    """Where a place of the map is on the page."""
    box = page.locator(".wb-top").nth(number).bounding_box()
    assert box is not None
    axes = f"models[{number}].state.axes"
    (low_x, high_x), (low_y, high_y), color = page.evaluate(f"[{axes}.x.home, {axes}.y.home, !!{axes}.color.name]")
    width, height = box["width"] - 58 - (78 if color else 16), box["height"] - 30 - 46
    across, up = (x - low_x) / (high_x - low_x), (y - low_y) / (high_y - low_y)
    return box["x"] + 58 + across * width, box["y"] + 30 + (1 - up) * height


def drag(page: Page, *places: Place, key: str = "") -> None:
    if key:
        page.keyboard.down(key)
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def selected(page: Page, number: int = 0) -> list[int]:
    rows: list[int] = page.evaluate(f"[...new Uint32Array(models[{number}].state.selected.buffer)]")
    return rows


def inside(*span: int) -> list[int]:
    """Rows of the grid from x, y to x, y."""
    left, low, right, high = span
    return [10 * y + x for y in range(low, high + 1) for x in range(left, right + 1)]


def ink(page: Page, number: int = 0) -> int:
    """How many pixels of the points' canvas are coloured."""
    count: int = page.evaluate(
        """number => {
          const canvas = document.querySelectorAll(".wb-stage")[number].querySelector("canvas");
          const { data } = canvas.getContext("2d").getImageData(60, 0, canvas.width - 140, canvas.height);
          let coloured = 0;
          for (let i = 0; i < data.length; i += 4) coloured += data[i + 3] > 60 && Math.abs(data[i] - data[i + 2]) > 25;
          return coloured;
        }""",
        number,
    )
    return count


def settled(page: Page) -> None:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


# -- selecting -----------------------------------------------------------------------------------------------------


def test_shift_adds_a_box_and_alt_takes_one_away(show: Show, grid: SpaceMap) -> None:
    page = show(grid)
    drag(page, at(page, 0.5, 0.5), at(page, 3.5, 3.5))
    drag(page, at(page, 5.5, 5.5), at(page, 6.5, 6.5), key="Shift")
    assert selected(page) == sorted([*inside(1, 1, 3, 3), 66])
    drag(page, at(page, 1.5, -0.2), at(page, 9, 9.2), key="Alt")
    assert selected(page) == inside(1, 1, 1, 3)
    page.keyboard.down("Shift")
    page.mouse.click(*at(page, 9, 9))
    page.keyboard.up("Shift")
    assert selected(page) == [*inside(1, 1, 1, 3), 99]
    assert page.evaluate("models[0].state.click") == {}


def test_a_lasso_by_key_then_back_to_a_box(show: Show, grid: SpaceMap) -> None:
    page = show(grid)
    page.locator(".wb-top").focus()
    page.keyboard.press("l")
    drag(page, at(page, -0.4, -0.4), at(page, 2.6, -0.4), at(page, -0.4, 2.6))
    assert selected(page) == [0, 1, 2, 10, 11, 20]
    page.keyboard.press("b")
    drag(page, at(page, 8.5, 8.5), at(page, 9.4, 9.4))
    assert selected(page) == [99]


def test_all_none_inverted_and_the_top_hundredth(show: Show, grid: SpaceMap) -> None:
    page = show(grid)
    page.locator(".wb-top").focus()
    page.keyboard.press("Control+a")
    assert selected(page) == list(range(100))
    drag(page, at(page, -0.4, -0.4), at(page, 9.4, 7.5))
    page.keyboard.press("i")
    assert selected(page) == list(range(80, 100))
    page.get_by_label("Of what").select_option("lowest z")
    page.get_by_role("button", name="top 1 %").click()
    assert selected(page) == [0]
    page.get_by_label("Of what").select_option("highest y")
    page.get_by_role("button", name="top 1 %").click()
    assert selected(page) == [90]  # of ten with the same y, the first
    page.get_by_role("button", name="Select nothing").click()
    assert selected(page) == []


def test_points_join_the_selection_by_keyboard(show: Show, grid: SpaceMap) -> None:
    grid.marked = 44
    page = show(grid)
    page.locator(".wb-top").focus()
    for key in ("ArrowRight", "Shift+Enter", "ArrowRight", "Shift+Enter"):
        page.keyboard.press(key)
    assert selected(page) == [44, 45]
    assert page.evaluate("models[0].state.click") == {}


def test_the_space_bar_moves_the_map_instead(show: Show, grid: SpaceMap) -> None:
    page = show(grid)
    page.locator(".wb-top").focus()
    place = at(page, 5, 5)
    drag(page, place, (place[0] - 200, place[1]), key=" ")
    page.wait_for_function("document.querySelector('.wb-foot').textContent.includes('outside this view')")
    assert selected(page) == []
    assert page.locator(".wb-top").get_attribute("data-mode") == "box"


# -- filters -------------------------------------------------------------------------------------------------------


def test_a_filter_by_range_hides_points_from_eyes_pointer_and_gestures(show: Show, grid: SpaceMap) -> None:
    page = show(grid)
    before = ink(page)
    page.get_by_role("button", name="+ filter").click()
    page.get_by_label("Filter 1 by").select_option("x")
    page.get_by_label("at least").fill("3")
    page.get_by_label("at most").fill("6")
    assert page.evaluate("models[0].state.filters") == [{"column": "x", "least": 3, "most": 6}]
    assert page.locator(".wb-told").inner_text() == "40 of 100 shown"
    settled(page)
    assert ink(page) < before * 0.6
    page.locator(".wb-top").focus()
    page.keyboard.press("Control+a")
    assert selected(page) == sorted(inside(3, 0, 6, 9))
    page.mouse.move(*at(page, 1, 1))
    assert page.locator(".wb-tip").is_hidden()
    page.mouse.move(*at(page, 4, 1))
    assert page.locator(".wb-tip").is_visible()
    page.get_by_label("at most").fill("3")
    assert page.locator(".wb-foot").inner_text().startswith("40 selected, 30 of them filtered out")
    page.get_by_label("Remove filter 1").click()
    assert page.locator(".wb-chips").is_hidden()
    settled(page)
    assert page.evaluate("models[0].state.filters") == []


def test_filters_set_in_python_are_chips_and_several_hold_at_once(show: Show, grid: SpaceMap) -> None:
    grid.filters = [{"column": "y", "most": 4}, {"text": "arch 7"}]
    page = show(grid)
    assert page.get_by_label("at most").input_value() == "4"
    assert page.get_by_label("at least").get_attribute("placeholder") == "0"
    assert page.get_by_label("text in the architecture").input_value() == "arch 7"
    page.wait_for_function("document.querySelector('.wb-told').textContent === '5 of 100 shown'")
    page.get_by_label("text in the architecture").fill("rch 7")
    page.keyboard.type("2")
    page.wait_for_function("document.querySelector('.wb-told').textContent === '1 of 100 shown'")
    page.evaluate("models[0].say({filters: [{text: 'arch'}]})")
    page.wait_for_function("document.querySelector('.wb-told').textContent === '100 of 100 shown'")


def test_numbers_that_the_page_lacks_are_asked_of_python_once(show: Show, grid: SpaceMap) -> None:
    grid.filters = [{"column": "w", "least": 90}]
    page = show(grid)
    asked = {"kind": "column", "name": "w"}
    assert page.evaluate("models[0].sent.filter((one) => one.kind === 'column')") == [asked]
    assert page.locator(".wb-told").inner_text().startswith("100 of 100 shown")
    page.evaluate(
        """() => models[0].emit("msg:custom", {kind: "column", name: "w"},
          [new DataView(Float32Array.from({length: 100}, (_, i) => i).buffer)])"""
    )
    assert page.locator(".wb-told").inner_text() == "10 of 100 shown"
    assert page.evaluate("models[0].sent.filter((one) => one.kind === 'column').length") == 1


def test_names_that_the_page_lacks_are_matched_by_python(
    show: Show, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.widgets.picking._NAMED", 50)
    widget = SpaceMap(frame, x="x", y="y")
    widget.filters = [{"text": "arch 7"}]
    page = show(widget)
    page.wait_for_function("models[0].sent.some((one) => one.kind === 'text')")
    bits = np.packbits([name.startswith("arch 7") for name in frame.index], bitorder="little").tolist()
    page.evaluate(
        """bits => models[0].emit("msg:custom", {kind: "text", text: "arch 7"},
          [new DataView(Uint8Array.from(bits).buffer)])""",
        bits,
    )
    assert page.locator(".wb-told").inner_text() == "10 of 100 shown"


def test_an_exported_page_filters_and_changes_axes_by_itself(show: Show, grid: SpaceMap) -> None:
    grid.complete()
    page = show(grid)
    page.evaluate("models[0].alone = true")
    page.get_by_role("button", name="+ filter").click()
    page.get_by_label("Filter 1 by").select_option("w")
    page.get_by_label("at least").fill("95")
    assert page.locator(".wb-told").inner_text() == "5 of 100 shown"
    page.locator("select[data-axis=x]").select_option("w")
    page.wait_for_function("document.querySelector('.wb-top').ariaLabel.includes('w across')")
    page.locator("select[data-axis=color]").select_option("")
    page.mouse.move(*at(page, 97, 9))
    assert page.locator(".wb-tip").inner_text().split()[:4] == ["9", "y", "97", "w"]


# -- density -------------------------------------------------------------------------------------------------------


def test_density_is_a_button_and_selecting_stays_exact(show: Show, grid: SpaceMap) -> None:
    page = show(grid)
    button = page.get_by_role("button", name="density")
    assert button.get_attribute("aria-pressed") == "false"
    before = ink(page)
    button.click()
    settled(page)
    assert button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("models[0].state.density") is True
    assert ink(page) != before
    drag(page, at(page, 1.5, 1.5), at(page, 3.5, 4.5))
    assert selected(page) == [22, 23, 32, 33, 42, 43]


@pytest.fixture(scope="module")
def very_many() -> SpaceMap:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(150_000, 2)).astype("float32")
    return SpaceMap(pd.DataFrame(values, columns=["x", "y"], index=np.arange(150_000).astype(str)), color="")


def test_very_many_points_are_cells_and_pointer_click_and_lasso_are_exact(show: Show, very_many: SpaceMap) -> None:
    page = show(very_many)
    assert page.get_by_role("button", name="density").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Drag a free shape").click()
    box = page.locator(".wb-top").bounding_box()
    assert box is not None
    angles = np.linspace(0, 2 * np.pi, 40)[:-1]
    middle = box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"]
    ring = [(round(middle[0] + 70 * np.cos(a)), round(middle[1] + 50 * np.sin(a))) for a in angles]
    page.mouse.move(*ring[0])
    page.mouse.down()
    for place in ring[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    rows = selected(page)
    # The same by hand: pixels of the density's own view, which has a bar of colours to its right.
    axes = very_many.axes
    x = 58 + (_column(very_many, "x") - axes["x"]["home"][0]) / np.ptp(axes["x"]["home"]) * (box["width"] - 136)
    y = 30 + (1 - (_column(very_many, "y") - axes["y"]["home"][0]) / np.ptp(axes["y"]["home"])) * (box["height"] - 76)
    expected = _inside([(a - box["x"], b - box["y"]) for a, b in ring], x, y)
    assert len(rows) > 5_000
    assert set(rows) ^ set(expected.tolist()) == set() or len(set(rows) ^ set(expected.tolist())) < 3  # at the line
    page.mouse.move(*middle)
    near = np.hypot(x - (middle[0] - box["x"]), y - (middle[1] - box["y"])).argmin()
    assert page.evaluate("models[0].sent.at(-1)") == {"kind": "name", "index": int(near)}


def _column(widget: SpaceMap, key: str) -> np.ndarray:
    return np.frombuffer(getattr(widget, f"{key}_values"), "<f4").astype(float)


def _inside(corners: list[Place], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    odd = np.zeros(len(x), bool)
    for (ax, ay), (bx, by) in zip(corners, [corners[-1], *corners[:-1]], strict=True):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            odd ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return np.flatnonzero(odd)


# -- paths ---------------------------------------------------------------------------------------------------------


def test_paths_are_drawn_and_each_can_be_hidden(show: Show, frame: pd.DataFrame) -> None:
    widget = SpaceMap(frame, x="x", y="y", color="")
    widget.add_path(["arch 00", "arch 95", "arch 59", "nowhere"], "first")
    widget.add_path(["arch 90", "arch 09"], HOSTILE)
    page = show(widget)
    buttons = page.locator(".wb-legend button")
    assert [words.strip() for words in buttons.all_inner_texts()] == ["first (1 not on the map)", HOSTILE]
    inked = ink(page)
    buttons.nth(0).click()
    settled(page)
    assert page.evaluate("models[0].state.hidden_paths") == ["first"]
    assert buttons.nth(0).get_attribute("aria-pressed") == "false"
    assert ink(page) < inked
    buttons.nth(0).click()
    settled(page)
    assert ink(page) == inked
    assert page.evaluate("window.hacked") is None


# -- linked --------------------------------------------------------------------------------------------------------


def test_a_selection_of_visible_points_is_shown_in_a_linked_map_without_a_kernel(
    show: Show, frame: pd.DataFrame, grid: SpaceMap
) -> None:
    other = SpaceMap(frame.iloc[::-1], x="z", y="x", color="")
    wb.link(grid, other)
    grid.filters = [{"column": "x", "most": 4}]
    page = show(grid, other)
    drag(page, at(page, 3.5, 0.5), at(page, 6.5, 1.5))
    page.wait_for_function("document.querySelectorAll('.wb-foot')[1].textContent.startsWith('1 selected')")
    assert selected(page) == [14]
    assert selected(page, 1) == [99 - 14]


def test_hostile_names_and_filters_are_text(show: Show) -> None:
    widget = SpaceMap(pd.DataFrame({HOSTILE: [1.0, 2.0], "y": [1.0, 2.0]}, index=[HOSTILE, "b"]), x=HOSTILE, y="y")
    widget.filters = [{"column": HOSTILE, "most": 5}, {"text": HOSTILE}]
    page = show(widget)
    page.wait_for_function("document.querySelector('.wb-told').textContent === '1 of 2 shown'")
    assert page.get_by_label("text in the architecture").input_value() == HOSTILE
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(show: Show, grid: SpaceMap, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    grid.filters = [{"column": "x", "most": 4}, {"text": "arch"}]
    grid.add_path(["arch 00", "arch 95"])
    grid.add_path(["arch 00", "arch 95"])
    grid.hidden_paths = ["search 2"]
    page = show(grid, scheme=scheme)
    found = axe.Axe().run(page, context=".wb").response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
