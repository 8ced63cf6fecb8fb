"""The browser half of the enrichment panel, alone beside a map: rows point at who has it and select those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from workbench.benchmarks import Benchmark
from workbench.spaces import SearchSpace
from workbench.widgets.enrichment_panel import EnrichmentPanel
from workbench.widgets.space_map import SpaceMap

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Show = Callable[..., "Page"]


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
        page.wait_for_function("window.ready")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


@pytest.fixture(scope="module")
def table(bench: Benchmark) -> pd.DataFrame:
    return bench.table().sample(650, random_state=0)


@pytest.fixture
def both(table: pd.DataFrame) -> tuple[SpaceMap, EnrichmentPanel]:
    atlas = SpaceMap(table, height=300)
    panel = EnrichmentPanel(atlas)
    panel.complete()
    atlas.select((table["valid_accuracy"].rank(pct=True) > 0.9).to_numpy())
    return atlas, panel


def selected(page: Page, number: int) -> list[int]:
    rows: list[int] = page.evaluate(f"[...new Uint32Array(models[{number}].state.selected.buffer)]")
    return rows


def red(page: Page) -> int:
    """Pixels in the colour of what is pointed at, on the canvas above the points."""
    count: int = page.evaluate(
        """() => {
          const canvas = document.querySelector(".wb-top");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let found = 0;
          for (let i = 0; i < data.length; i += 4) found += data[i] > 190 && data[i + 1] < 110 && data[i + 3] > 200;
          return found;
        }"""
    )
    return count


def skips(table: pd.DataFrame, rows: list[int]) -> list[int]:
    return [row for row in rows if table.index[row].split("+")[2].startswith("|skip_connect~0")]


def test_pointing_at_a_row_marks_who_has_it_on_the_map(show: Show, both: Any) -> None:
    page = show(*both)
    assert page.locator(".wb-enrichment h3").inner_text() == "What the 65 selected share"
    row = page.locator(".wb-line", has_text="skip on in→out")
    assert row.count() == 1
    assert red(page) == 0
    row.hover()
    page.wait_for_timeout(100)
    assert red(page) > 100
    page.mouse.move(5, 5)
    page.wait_for_timeout(100)
    assert red(page) == 0
    row.focus()
    page.wait_for_timeout(100)
    assert red(page) > 100


def test_a_click_selects_those_everywhere_and_there_is_a_way_back(show: Show, both: Any, table: pd.DataFrame) -> None:
    page = show(*both)
    before = selected(page, 0)
    page.locator(".wb-line", has_text="skip on in→out").press("Enter")
    page.wait_for_function("document.querySelector('.wb-enrichment h3').textContent !== 'What the 65 selected share'")
    assert selected(page, 0) == selected(page, 1) == skips(table, before)
    assert page.locator(".wb-note").inner_text().endswith("Waiting for Python.")
    page.evaluate("models[1].alone = true")
    page.get_by_role("button", name="back to the 65").click()
    assert selected(page, 0) == selected(page, 1) == before
    assert page.locator(".wb-note").is_hidden()


def test_without_a_kernel_the_last_rows_stay_and_say_so(show: Show, both: Any) -> None:
    page = show(*both)
    page.evaluate("models[1].alone = true")
    lines = page.locator(".wb-line").count()
    page.locator(".wb-map .wb-top").focus()
    page.keyboard.press("Control+a")
    page.wait_for_function("document.querySelector('.wb-enrichment h3').textContent === 'What the 650 selected share'")
    note = page.locator(".wb-note").inner_text()
    assert note.startswith("These rows are about an earlier selection of 65. Counting another one needs Python")
    assert page.locator(".wb-line").count() == lines


def test_kinds_are_switched_here(show: Show, both: Any) -> None:
    page = show(*both)
    assert page.locator(".wb-rows h4").all_inner_texts() == ["more often", "less often"]
    page.get_by_role("button", name="motifs").click()
    page.get_by_role("button", name="operations").click()
    words = page.locator(".wb-line .wb-words").all_inner_texts()
    assert "skip on in→out" in words
    assert not [one for one in words if "after" in one or "at least" in one]
    assert page.evaluate("models[1].state.kinds") == ["answer"]
    page.get_by_role("button", name="answers").click()
    assert page.locator(".wb-note").inner_text() == "Nothing of this kind stands out."


def test_the_preparation_is_driven_from_here(show: Show, table: pd.DataFrame) -> None:
    panel = EnrichmentPanel(SpaceMap(table))
    page = show(panel)
    page.wait_for_function("models[0].sent.length === 1")
    assert page.evaluate("models[0].sent[0]") == {"kind": "more"}
    assert page.locator(".wb-note").inner_text() == "The features of the table are being worked out. 0 %"
    page.evaluate("models[0].say({found: {...models[0].state.found, share: 0.5}})")
    page.wait_for_function("models[0].sent.length === 2")
    assert page.locator(".wb-note").inner_text().endswith("50 %")


def test_hostile_answers_are_text(show: Show, awkward: SearchSpace) -> None:
    archs = list(awkward.enumerate())
    frame = pd.DataFrame({"x": range(len(archs)), "y": range(len(archs))}, index=[str(arch) for arch in archs])
    atlas = SpaceMap(frame, space=awkward)
    panel = EnrichmentPanel(atlas)
    panel.complete()
    atlas.select(np.array([arch.decisions["wide"] is True for arch in archs]))
    page = show(atlas, panel)
    page.locator(".wb-line").first.hover()
    assert page.locator(".wb-enrichment img").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(show: Show, both: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = show(*both, scheme=scheme)
    page.locator(".wb-line").first.click()
    found = axe.Axe().run(page, context=".wb-enrichment").response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
