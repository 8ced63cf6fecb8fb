"""The family tree in real JupyterLab: it grows while the search runs, and what is picked in it reaches Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SEARCH = """
import time
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
accuracy = bench.measure("valid_accuracy")
def measured(arch):
    time.sleep(0.04)
    return accuracy(arch)
slow = wb.Measure("valid_accuracy", "higher", measured)
study = wb.search(bench.space, slow, "regularized_evolution", 120, background=True)
tree = wb.Lineage(study, bench)
tree"""
MAP = """
atlas = wb.SpaceMap(bench)
atlas.trace(study, "evolution")
wb.link(tree, atlas)
atlas"""


@pytest.fixture(scope="module")
def notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    """A notebook with a search and its family tree, and a map for later."""
    with jupyterlab.notebook(browser, [SEARCH, MAP], size=(1200, 1900)) as notebook:
        notebook.run(0)
        notebook.page.wait_for_selector(".wb-genealogy[data-points]", state="attached")
        yield notebook


def test_it_grows_with_the_search_and_is_linked_with_the_map(notebook: Any) -> None:
    page = notebook.page
    before = int(page.locator(".wb-genealogy").get_attribute("data-points"))
    page.wait_for_function("n => Number(document.querySelector('.wb-genealogy').dataset.points) > n", arg=before)
    notebook.run(1)
    page.wait_for_selector(".wb-map[data-paint-ms]")
    picture = "() => document.querySelector('.wb-map .wb-stage canvas').toDataURL()"
    at_first = page.evaluate(picture)
    page.wait_for_function("document.querySelector('.wb-genealogy').dataset.points === '120'")
    assert notebook.ask_until("print(len(atlas.paths['evolution']))", "120") == "120"  # the trace has grown, too
    page.wait_for_function(f"before => ({picture})() !== before", arg=at_first)
    page.locator(".wb-phase").get_by_text("Finished: 120 trials.").wait_for()

    top = page.locator(".wb-genealogy .wb-top")
    top.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    opened = (
        "print(tree.opened.get('name') == atlas.opened.get('name') == study.trials[119].user_attrs['architecture'])"
    )
    assert notebook.ask_until(opened, "True") == "True"
    page.locator(".wb-lineage .wb-step:last-child .wb-cell").wait_for(state="attached")  # drawn when it was asked for

    box = top.bounding_box()
    page.mouse.move(box["x"] + 70, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 200, steps=4)
    page.mouse.up()
    chosen = "print(len(tree.selection) > 5 and len(atlas.selection) == len(tree.selection))"
    assert notebook.ask_until(chosen, "True") == "True"
    assert notebook.record.errors == []
    assert notebook.record.outside == []
