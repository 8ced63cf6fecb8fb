"""The front picker and the compare tray in real JupyterLab: what is done in the browser arrives in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SETUP = """
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
picker = wb.FrontPicker(bench, ["valid_accuracy", "params_m"])
tray = wb.ArchitectureDiff(benchmark=bench)
wb.link(picker, tray)
picker"""


@pytest.fixture(scope="module")
def notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    with jupyterlab.notebook(browser, [SETUP, "tray"]) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.wait_for_selector(".wb-pick code:not(:empty)")
        notebook.page.wait_for_selector(".wb-empty")
        yield notebook
    assert notebook.record.errors == []
    assert notebook.record.outside == []


def test_weights_limits_and_the_pick_arrive_in_python(notebook: Any) -> None:
    page = notebook.page
    slider = page.get_by_role("slider", name="Weight of params (M)")
    slider.focus()
    for _ in range(3):
        slider.press("PageDown")
    shown = page.locator(".wb-pick code").inner_text()
    assert notebook.ask_until("print(picker.picked)", shown) == shown
    weights = page.locator(".wb-value").first.inner_text()
    assert notebook.ask("print(f'{100 * picker.weights[0] / sum(picker.weights):.0f} %')") == weights
    page.get_by_role("button", name="Pick where the front bends most").click()
    assert notebook.ask_until("print(picker.choice['how'])", "knee") == "knee"
    notebook.ask("picker.limits = [91.0, None]")
    page.wait_for_function("document.querySelector('.wb-count').textContent.includes('meet the limits')")


def test_what_the_page_puts_on_the_tray_is_drawn_and_counted_by_python(notebook: Any) -> None:
    page = notebook.page
    for row in (0, 3):
        notebook.ask(f"picker.limits = [None, None]; picker.pick(picker.frame.index[{row}])")
        name = notebook.ask("print(picker.picked)")
        page.wait_for_function("name => document.querySelector('.wb-pick code').textContent === name", arg=name)
        page.get_by_role("button", name="Put this on the compare tray").click()
        page.wait_for_selector(f".wb-card:nth-child({1 + (row > 0)}) .wb-diff-drawing")
    names = "print([str(arch) for arch in tray.architectures])"
    assert notebook.ask(names) == notebook.ask("print([str(picker.frame.index[i]) for i in (0, 3)])")
    assert "seeds" in page.locator(".wb-card").nth(1).locator(".wb-gap").first.inner_text()
    page.get_by_role("button", name="Make this the reference: B").click()
    last = "print(tray.reference == str(tray.architectures[1]))"
    assert notebook.ask_until(last, "True") == "True"
    page.get_by_role("button", name="Remove: A").click()
    assert notebook.ask_until("print(len(tray.architectures))", "1") == "1"
