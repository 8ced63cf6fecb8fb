"""The browser half of the view of a pipeline: in plain HTML, with a kernel that the test plays, or with none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import pytest

import workbench as wb
from workbench.pipelines.outcome import RunFailed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Show = Callable[..., "Page"]

# Where everything stands that must not move while a run goes on.
PLACES = """() => [...document.querySelectorAll(".wb-stage, .wb-all, .wb-sum, .wb-panel h4")].map((one) => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x, y, width, height].map(Math.round).join(" ");
})"""


@pytest.fixture
def show(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Show]:
    """Opens a view in a page of some width; the page must keep quiet and to this machine."""
    records, contexts = [], []

    def show(*widgets: Any, width: int = 1200, scheme: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(viewport={"width": width + 24, "height": 1200}, color_scheme=scheme)
        page = context.new_page()
        records.append(lab_module.Record(page))
        contexts.append(context)
        page.set_content(pages.page_of(*widgets, width=width))
        page.wait_for_function("window.ready && document.querySelector('.wb-stage').style.height")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


def quiet(*arguments: Any, **keywords: Any) -> wb.PipelineView:
    """A view that has told all it knows and looks no more."""
    one = wb.PipelineView(*arguments, **keywords)
    assert one._gone is not None
    one._gone.set()
    one.complete()
    return one


@pytest.fixture(scope="module")
def matrix(runs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[wb.PipelineView, list[str]]:
    """A run in the middle of a matrix of 60 stages, and the names of these."""
    folder = tmp_path_factory.mktemp("matrix") / "r"
    names = runs.matrix_run(folder)
    return quiet(folder), names


@pytest.fixture(scope="module")
def failed(runs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> wb.PipelineView:
    """A real run in which a stage has failed."""
    folder = tmp_path_factory.mktemp("failed")
    with pytest.raises(RunFailed) as error:
        wb.run(runs.small_pipeline(folder / "p", failing=True), {"factor": 7}, folder / "r", progress=False)
    return quiet(error.value.run)


def node(page: Page, name: str) -> Any:
    return page.locator(f"[data-node={name}]")


def now(view: wb.PipelineView, **changes: dict[str, Any]) -> dict[str, Any]:
    """What the kernel says when stages have changed."""
    stages = [one | changes.get(one["name"].replace("-", "_"), {}) for one in json.loads(json.dumps(view.stages))]
    counts: dict[str, int] = {}
    for one in stages:
        counts[one["state"]] = counts.get(one["state"], 0) + 1
    return {"stages": stages, "head": {**view.head, "counts": counts}}


# -- what is shown -------------------------------------------------------------------------------------------------


def test_a_real_run_is_a_graph_whose_nodes_say_how_they_stand(show: Show, failed: wb.PipelineView) -> None:
    page = show(failed)
    nodes = page.locator(".wb-stage")
    assert nodes.count() == 4
    signs = dict(zip(nodes.locator("b").all_inner_texts(), nodes.locator(".wb-sign").all_inner_texts(), strict=True))
    assert signs == {"numbers": "✓", "aside": "✓", "sum": "✗", "tell": "–"}
    colours = {one: node(page, one).locator("..").get_attribute("data-state") for one in signs}
    assert colours == {"numbers": "done", "aside": "done", "sum": "failed", "tell": "skipped"}
    assert node(page, "sum").get_attribute("aria-label").startswith("sum: failed, ")
    assert "ValueError: no sum of 7" in node(page, "sum").inner_text()
    assert "it needs sum" in node(page, "tell").inner_text()
    assert page.locator(".wb-lines path.wb-line").count() == 2
    assert page.locator(".wb-words-of").inner_text() == "failed"
    assert page.locator(".wb-sum b").inner_text() == "2 of 4 stages"
    assert page.locator(".wb-counts").inner_text().split("\n") == ["✓", "2 done", "✗", "1 failed", "–", "1 skipped"]
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "50"
    across = [page.locator(".wb-stage").nth(i).bounding_box()["x"] for i in range(4)]
    order = dict(zip(nodes.locator("b").all_inner_texts(), across, strict=True))
    assert order["numbers"] < order["sum"] < order["tell"]


def test_a_click_opens_a_panel_with_the_cell_that_failed(show: Show, failed: wb.PipelineView) -> None:
    page = show(failed)
    node(page, "sum").click()
    assert page.evaluate("models[0].state.chosen") == "sum"
    panel = page.get_by_role("complementary", name="Stage sum")
    words = panel.inner_text()
    assert "ValueError: no sum of 7" in words
    assert "raise ValueError(f'no sum of {factor}')" in words
    assert "factor\n7" in words
    assert panel.locator(".wb-log").inner_text() != ""
    link = panel.get_by_role("link", name="Open the executed notebook")
    assert link.get_attribute("href").endswith("sum.partial/notebook.ipynb")
    panel.locator("summary").click()
    assert "Traceback" in panel.locator("details pre").inner_text()
    panel.get_by_role("button", name="numbers").click()  # what it needs
    assert page.get_by_role("complementary").locator("h4").inner_text() == "numbers"
    assert "numbers.txt" in page.get_by_role("complementary").inner_text()
    node(page, "numbers").click()
    assert page.get_by_role("complementary").count() == 0
    assert page.evaluate("models[0].state.chosen") == ""


def test_a_node_is_still_seen_when_its_panel_takes_its_place(show: Show, matrix: Any) -> None:
    page = show(matrix[0])
    node(page, "report").click()
    assert page.get_by_role("complementary", name="Stage report").is_visible()
    inside = """() => {
      const [box, board] = [".wb-stage:has([data-node=report])", ".wb-flow"].map((one) =>
        document.querySelector(one).getBoundingClientRect());
      return box.left >= board.left && box.right <= board.right;
    }"""
    page.wait_for_function(inside)
    assert page.evaluate("document.querySelector('.wb-flow').scrollLeft") > 0


def test_the_keyboard_goes_from_node_to_node_opens_and_closes(show: Show, failed: wb.PipelineView) -> None:
    page = show(failed)
    page.locator(".wb-sheet [tabindex='0']").focus()
    focused = "document.activeElement.dataset.node ?? document.activeElement.textContent"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "sum"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "tell"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "tell"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.get_by_role("complementary", name="Stage sum").is_visible()
    assert page.locator(".wb-unseen").last.inner_text().startswith("sum: failed, ")
    assert page.locator(".wb-sheet [tabindex='0']").count() == 1
    page.get_by_role("button", name="Close the panel").focus()
    page.keyboard.press("Escape")
    assert page.get_by_role("complementary").count() == 0
    assert page.evaluate(focused) == "sum"
    assert page.evaluate("document.querySelectorAll('.wb button').length > 3")
    suppressed = "document.activeElement.closest('[data-lm-suppress-shortcuts=true]') !== null"
    assert page.evaluate(suppressed)


def test_sixty_stages_are_one_node_that_unfolds_into_a_table(show: Show, matrix: Any) -> None:
    view, names = matrix
    page = show(view)
    assert page.locator(".wb-stage").count() == 5
    search = node(page, "search").locator("..")
    assert search.locator(".wb-cell").count() == 60
    assert search.locator(".wb-cell[data-state=done]").count() == 37
    assert {cell.inner_text() for cell in search.locator(".wb-cell[data-state=failed]").all()} == {"✗"}
    assert "37 of 60 done · 1 failed" in node(page, "search").inner_text()
    assert (
        node(page, "search")
        .get_attribute("aria-label")
        .startswith("search, 60 stages: 1 failed · 2 running · 20 waiting · 37 done.")
    )
    assert node(page, "search").get_attribute("aria-expanded") == "false"
    node(page, "search").click()
    assert node(page, "search").get_attribute("aria-expanded") == "true"
    table = page.get_by_role("region", name="search: 60 stages")
    assert table.locator("thead th").all_inner_texts() == [
        "dataset", "strategy", "seed 0", "seed 1", "seed 2", "seed 3", "seed 4",
    ]  # fmt: skip
    assert table.locator("tbody tr").count() == 12
    assert table.locator("tbody button").count() == 60
    running = table.get_by_role("button", name=f"{names[38]}: ")
    assert running.inner_text().split() == ["▶", "3/8"]
    table.locator("tbody button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate("models[0].state.chosen") == names[6]
    assert table.get_by_role("button", name=f"{names[6]}: ").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.get_by_role("region").count() == 0
    assert page.evaluate("document.activeElement.dataset.node") == "search"
    search.locator(".wb-cell[data-state=failed]").click()  # a small cell opens its stage
    assert page.get_by_role("complementary", name=f"Stage {names[17]}").is_visible()


def test_thousands_of_stages_are_shares_and_the_worst_are_listed_first(
    show: Show, runs: ModuleType, tmp_path: Path
) -> None:
    stages = [runs.stage(f"s-{i}", "failed" if i == 1900 else "done", base="s", matrix={"i": i}) for i in range(2000)]
    (tmp_path / "run.json").write_text(json.dumps(runs.record(stages, "failed")))
    page = show(quiet(tmp_path))
    assert page.locator(".wb-strip .wb-cell").count() == 2
    node(page, "s").click()
    assert page.locator(".wb-one").count() == 400
    assert page.locator(".wb-one").first.inner_text().split("\n")[:2] == ["✗", "i 1900"]
    assert "400 of 2,000" in page.locator(".wb-unfolded").inner_text()


# -- while a run goes on -------------------------------------------------------------------------------------------


def test_it_fills_in_without_anything_moving(show: Show, matrix: Any) -> None:
    view, names = matrix
    page = show(view)
    page.evaluate("said => models[0].say(said)", {"chosen": "compare"})
    page.wait_for_selector(".wb-panel:not([hidden])")
    before = page.evaluate(PLACES)
    page.evaluate("said => models[0].say(said)", {"progress": {"seconds": 72.0, "cells": {names[38]: [8, 8, 22.0]}}})
    page.wait_for_function("document.querySelector('.wb-sum .wb-time').textContent === '1 min 12 s'")
    told = now(
        view,
        compare={
            "state": "failed",
            "error": "KeyError: " + "a very long explanation of what went wrong " * 9,
            "seconds": 3,
        },
        report={"state": "skipped", "why": "it needs compare"},
    )
    page.evaluate("said => models[0].say(said)", told)
    page.wait_for_function("document.querySelector('[data-node=compare]').parentNode.dataset.state === 'failed'")
    assert "KeyError" in page.locator(".wb-panel").inner_text()
    assert page.locator(".wb-unseen").last.inner_text().startswith("compare: failed")
    assert page.locator(".wb-counts").inner_text().count("2 failed") == 1
    assert page.evaluate(PLACES) == before


def test_a_log_that_grows_is_followed_unless_it_is_being_read(show: Show, matrix: Any) -> None:
    view, names = matrix
    page = show(view)
    page.evaluate("name => models[0].say({ chosen: name })", names[17])
    log = page.locator(".wb-log")
    at_end = "document.querySelector('.wb-log').scrollTop + document.querySelector('.wb-log').clientHeight >= " + (
        "document.querySelector('.wb-log').scrollHeight - 2"
    )
    page.wait_for_function(at_end)
    assert "its last 200 lines" in page.locator(".wb-panel").inner_text()
    more = """lines => models[0].say({ details: { ...models[0].state.details, [models[0].state.chosen]:
      { ...models[0].state.details[models[0].state.chosen], log: lines } } })"""
    page.evaluate(more, [f"line {i}" for i in range(250)])
    page.wait_for_function("document.querySelector('.wb-log').textContent.endsWith('line 249')")
    assert page.evaluate(at_end)
    log.evaluate("log => void (log.scrollTop = 10)")
    page.evaluate(more, [f"line {i}" for i in range(260)])
    page.wait_for_function("document.querySelector('.wb-log').textContent.endsWith('line 259')")
    assert log.evaluate("log => log.scrollTop") == 10


def test_other_stages_make_another_graph(show: Show, matrix: Any, failed: wb.PipelineView) -> None:
    page = show(matrix[0])
    node(page, "search").click()
    told = {"graph": failed.graph, "stages": failed.stages, "head": failed.head, "details": {}, "title": "Another"}
    page.evaluate("said => models[0].say(said)", json.loads(json.dumps(told)))
    page.wait_for_function("document.querySelectorAll('.wb-stage').length === 4")
    assert page.get_by_role("region").count() == 0
    assert page.locator(".wb-pipeline h3").inner_text() == "Another"


def test_a_plan_says_what_would_run_and_the_calls_are_copied(show: Show, runs: ModuleType) -> None:
    plan = quiet(
        runs.small_pipeline(Path("p")),
        calls=[("in Python", "wb.run('nasbench201')"), ("in a shell", "workbench run x")],
    )
    page = show(plan)
    assert page.locator(".wb-words-of").inner_text() == "4 of 4 stages would run"
    assert node(page, "sum").inner_text().split("\n")[-2:] == ["would run", "no result yet"]
    page.evaluate(
        "navigator.clipboard && (navigator.clipboard.writeText = async (text) => void (window.copied = text))"
    )
    page.evaluate("document.execCommand = () => { window.copied = document.activeElement.value; return true; }")
    page.get_by_role("button", name="Copy: in a shell").click()
    page.wait_for_function("window.copied === 'workbench run x'")
    page.locator(".wb-unseen").last.get_by_text("copied").wait_for(state="attached")


# -- widths, themes, pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1240, 480])
def test_nothing_sticks_out_at_any_width(show: Show, matrix: Any, width: int, scheme: Literal["light", "dark"]) -> None:
    view, names = matrix
    page = show(view, width=width, scheme=scheme)
    node(page, "search").click()
    page.get_by_role("button", name=f"{names[17]}: ").click()
    assert page.evaluate("document.querySelector('.wb-pipeline').scrollWidth") <= width
    layout = page.locator(".wb-flow").get_attribute("data-layout")
    assert layout == ("graph" if width > 900 else "stacked")
    boxes = [one.bounding_box() for one in page.locator(".wb-stage").all()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
            assert beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    paper = page.evaluate("getComputedStyle(document.querySelector('.wb-pipeline')).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 28, 35)")


def test_an_exported_page_stays_alive_with_the_last_state(browser: Browser, matrix: Any, tmp_path: Path) -> None:
    view, names = matrix
    wb.page([view], tmp_path / "p.html")
    page = browser.new_page()
    page.goto((tmp_path / "p.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.widgets === 'alive'")
    node(page, "search").click()
    page.get_by_role("button", name=f"{names[17]}: ").click()
    panel = page.locator(".wb-panel")
    assert "print(best)" in panel.inner_text()
    assert panel.locator("a").count() == 0  # the run's folder may be anywhere from here
    assert "executed notebook: " in panel.inner_text()
    node(page, "report").click()
    assert "for compare" in panel.inner_text()
    page.close()
