"""Computed numbers in real JupyterLab: they come by themselves, on request, and never hold an edit up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
EDITOR = f"""
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
mine = wb.Measure("length", "lower", lambda arch: float(len(str(arch))))
editor = wb.CellEditor(bench.space.parse({CELL!r}), bench, proxies=["synflow", "nwot", "grasp", mine])
editor"""
ROW = "words => document.querySelector('.wb-asked-row')?.innerText.replace(/\\s+/g, ' ').includes(words)"
WAIT = 90_000.0  # ms: a process with torch in it starts


def test_numbers_come_by_themselves_on_request_and_in_files(jupyterlab: Any, browser: Browser) -> None:
    with jupyterlab.notebook(browser, [EDITOR]) as notebook:
        page = notebook.page
        notebook.run(0)
        page.wait_for_function("() => / ms/.test(document.querySelector('.wb-asked-row')?.innerText)", timeout=WAIT)
        page.wait_for_function(
            "() => /synflow\\s+[\\d.]+/.test(document.querySelector('.wb-asked-row')?.innerText)", timeout=WAIT
        )
        for entry in ("length", "grasp"):
            page.get_by_role("button", name="+ more").click()
            page.get_by_role("menuitem", name=f"{entry} compute").click()
        page.wait_for_function(ROW, arg=f"length {len(CELL)}", timeout=WAIT)
        page.locator("[data-question='0->1']").focus()
        page.keyboard.press("1")
        assert notebook.ask_until("print(editor.value.decisions['0->1'])", "none") == "none"
        assert not page.evaluate(ROW, f"length {len(CELL)}")
        page.wait_for_function(
            "() => /synflow\\s+[\\d.]+/.test(document.querySelector('.wb-asked-row')?.innerText)", timeout=WAIT
        )
        with page.expect_download(timeout=WAIT) as download:
            page.get_by_role("button", name="export").click()
            page.get_by_role("menuitem", name="torch code").click()
        assert download.value.suggested_filename.endswith(".py")
        assert notebook.ask("print(sorted(editor.asked['numbers']))") == "['latency', 'synflow']"
        assert notebook.record.errors == []
        assert notebook.record.outside == []
