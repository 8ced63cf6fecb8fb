"""`10_space.ipynb` as nbconvert exports it: one file, whose linked views live without kernel and network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from workbench.pipelines.report import ReportExporter
from workbench.rooms import room

if TYPE_CHECKING:
    from types import ModuleType

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """What `jupyter nbconvert --to workbench --execute` makes of the part that is looked at."""
    notebook = nbformat.read(room("notebooks") / "10_space.ipynb", as_version=4)
    ends = next(i for i, cell in enumerate(notebook.cells) if cell.source.startswith("## Count"))
    notebook.cells = notebook.cells[:ends]
    file = tmp_path_factory.mktemp("exported") / "10_space.html"
    exporter = ReportExporter(config={"ExecutePreprocessor": {"enabled": True, "timeout": 300}})
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"path": str(repository)}})
    file.write_text(html, encoding="utf-8")
    return file


@pytest.fixture
def page(browser: Browser, lab_module: ModuleType, exported: Path) -> Any:
    context = browser.new_context(viewport={"width": 1200, "height": 1500}, offline=True)
    page = context.new_page()
    record = lab_module.Record(page)
    page.goto(exported.as_uri())
    page.wait_for_selector(".wb-map[data-paint-ms]")
    yield page
    context.close()
    assert (record.errors, record.outside) == ([], [])


def drag(page: Page) -> None:
    """A box round the upper part of the map."""
    canvas = page.locator(".wb-map .wb-top")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 32)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
    page.mouse.up()


def test_a_box_on_the_map_still_selects(page: Page) -> None:
    assert page.locator(".wb-map .wb-foot").inner_text().startswith("156 selected")
    drag(page)
    page.wait_for_function("() => !document.querySelector('.wb-map .wb-foot').textContent.startsWith('156 ')")
    chosen = re.match(r"([\d,]+) selected", page.locator(".wb-map .wb-foot").inner_text())
    assert chosen is not None
    assert int(chosen.group(1).replace(",", "")) > 1000


def test_a_point_opens_in_every_view_with_the_numbers_of_the_table(page: Page, bench: Any) -> None:
    canvas = page.locator(".wb-map .wb-top")
    canvas.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter"):
        canvas.press(key)
    page.wait_for_function("() => /edited 1 time/.test(document.querySelector('.wb-editor .wb-head').textContent)")
    name = page.locator(".wb-editor .wb-text").inner_text()
    accuracy = bench.query(bench.space.parse(name))["valid_accuracy"]
    assert page.locator(".wb-editor .wb-facts b").first.inner_text().startswith(f"{accuracy:.2f}")
    assert f"{accuracy:.2f}" in page.locator(".wb-neighborhood").inner_text()


def test_an_edit_needs_no_kernel(page: Page, bench: Any) -> None:
    edge = page.locator(".wb-editor .wb-edge").first
    edge.focus()
    edge.press("ArrowRight")
    page.wait_for_function("() => /edited 1 time/.test(document.querySelector('.wb-editor .wb-head').textContent)")
    name = page.locator(".wb-editor .wb-text").inner_text()
    accuracy = bench.query(bench.space.parse(name))["valid_accuracy"]
    assert page.locator(".wb-editor .wb-facts b").first.inner_text().startswith(f"{accuracy:.2f}")
