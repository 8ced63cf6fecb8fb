"""A report on paper: light, nothing cut off, nothing to click, figures drawn for the width of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

import workbench as wb
from workbench.pipelines.report import report
from workbench.widgets.page import complete, slim, states_of

PAPER = 680  # CSS pixels between the margins of A4
WIDGET = "application/vnd.jupyter.widget-view+json"


def cell(source: str, **bundle: Any) -> nbformat.NotebookNode:
    data = {name.replace("__", "/"): value for name, value in bundle.items()}
    return new_code_cell(source, outputs=[new_output("display_data", data)])


def figure(**layout: Any) -> dict[str, Any]:
    drawn = go.Figure([go.Scatter(x=[1, 2, 3], y=[i, 2, 1], name=f"strategy number {i}") for i in range(9)])
    drawn.update_layout(**layout)
    return {"application/vnd.plotly.v1+json": json.loads(drawn.to_json())}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with wide and narrow figures, wide and long tables, code, a formula and a widget."""
    folder = tmp_path_factory.mktemp("printed")
    rng = np.random.default_rng(0)
    index = [f"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|{row}" for row in range(4)]
    wide = pd.DataFrame(rng.random((4, 26)), index=index).add_prefix("measure_")
    long = pd.DataFrame({"name": [f"row {row}" for row in range(120)], "x": range(120)})
    space = wb.search_space("nasbench201")
    editor = wb.CellEditor(space.sample(1, seed=0)[0])
    complete([editor])
    cells = [
        new_markdown_cell("# On paper\n\nWith $x^2$ and a [link](https://example.org).\n\n## Figures"),
        cell("FOLDED = 1", **figure(title="A figure")),
        cell("FOLDED = 2", **figure(title="1500 wide", width=1500, height=500)),
        new_markdown_cell("## Tables"),
        cell("FOLDED = 3", text__html=wide.to_html()),
        cell("FOLDED = 4", text__html=long.to_html()),
        new_markdown_cell("## Text\n\n```\n" + "word " * 60 + "\n```"),
        cell("FOLDED = 5", **{WIDGET: {"model_id": editor.model_id}, "image/svg+xml": editor.still()}),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["workbench_widgets"] = slim(states_of([editor]))
    (folder / "tell").mkdir()
    nbformat.write(notebook, folder / "tell" / "notebook.ipynb")
    record = {
        "pipeline": "small", "title": "A small pipeline", "report_stage": "tell",
        "updated": "2031-02-03T04:05:06+00:00",
        "parameters": {"n": 3, "tokens": "x" * 300}, "stages": [{"name": "tell", "file": "tell.ipynb"}],
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    return report(folder, folder / "report.html")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


def opened(browser: Any, path: Path, scheme: str = "light", width: int = 1400) -> Any:
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function("[...document.querySelectorAll('.plot')].every(p => p.dataset.drawn)", timeout=60_000)
    page.wait_for_selector(".widget.alive", state="attached")
    return page


def seen(page: Any, selector: str) -> list[bool]:
    found: list[bool] = page.locator(selector).evaluate_all("all => all.map(one => one.checkVisibility())")
    return found


@pytest.mark.browser
def test_paper_shows_what_is_read_and_hides_what_is_clicked(printed: Path, browser: Any) -> None:
    page = opened(browser, printed)
    assert seen(page, ".contents, details.input") == [True] * 6
    assert seen(page, ".front") == [False]
    page.emulate_media(media="print")
    assert seen(page, ".contents, details.input, .modebar-container") == [False] * 8
    assert seen(page, ".front, math, .still") == [True] * 3
    assert seen(page, ".live") == [False]
    title = page.locator(".front").inner_text()
    assert title.startswith("A small pipeline\n")
    assert "Pipeline small · 3 February 2031, 04:05 UTC" in title
    assert "n = 3" in title
    page.locator("details.input").first.evaluate("code => { code.open = true }")
    assert seen(page, "details.input > summary") == [False] * 5
    assert seen(page, "details.input > .code")[:2] == [True, False], "what the reader opened is printed"
    page.close()


@pytest.mark.browser
def test_nothing_is_wider_than_the_page(printed: Path, browser: Any) -> None:
    page = opened(browser, printed)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    widths = page.evaluate("""() => [...document.querySelectorAll('main *')].map(one => [
        one.tagName, one.className.baseVal ?? one.className, one.getBoundingClientRect().right])""")
    assert [one for one in widths if one[2] > PAPER + 1] == []
    drawn = page.locator(".plot .main-svg:first-child").evaluate_all(
        "all => all.map(s => s.getBoundingClientRect().width)"
    )
    assert len(drawn) == 2
    assert all(0.9 * PAPER < width <= PAPER for width in drawn), "figures take the width of the page"
    numbers = page.locator("td.number").evaluate_all(
        "all => all.map(one => one.getClientRects().length + one.offsetHeight)"
    )
    assert max(numbers) < 40, "no number is cut in two"
    page.close()


@pytest.mark.browser
def test_paper_is_light_and_the_screen_is_afterwards_as_it_was(printed: Path, browser: Any) -> None:
    page = opened(browser, printed, "dark")
    words = "document.querySelector('.plot .gtitle').style.fill"
    looks = f"[{words}, getComputedStyle(document.body).color, document.querySelector('.plot').layout.width]"
    before = page.evaluate(looks)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    fill, text, _ = page.evaluate(looks)
    assert fill == text == "rgb(27, 39, 51)"
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(looks) == before
    assert before[0] == "rgb(227, 232, 238)"
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_can_be_used_by_everybody(printed: Path, browser: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_context(bypass_csp=True, color_scheme=scheme).new_page()  # axe is a script of ours
    page.goto(printed.as_uri())
    page.wait_for_selector(".widget.alive", state="attached")
    found = Axe().run(page).response["violations"]
    page.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.mark.browser
def test_the_pages_are_numbered_and_few(printed: Path, browser: Any) -> None:
    page = opened(browser, printed)
    assert printed.stat().st_size < 10_000_000, "with widgets that live"
    content = page.pdf(format="A4", prefer_css_page_size=True)
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 8
    page.close()
