"""The one-edit neighbourhood beside an editor in real JupyterLab: steps reach Python, numbers come from the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from workbench.benchmarks import Benchmark
from workbench.widgets.sheet import sheet_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
SETUP = f"""
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
editor = wb.CellEditor(bench.space.parse({CELL!r}), bench)
editor"""
AROUND = """
def letters(arch):
    return len(str(arch))
around = wb.Neighborhood(editor, ["valid_accuracy", letters])
around"""
READY = "document.querySelector('.wb-neighborhood .wb-matrix')?.textContent.includes('+0.79')"


@pytest.fixture(scope="module")
def notebook(jupyterlab: Any, browser: Browser, bench: Benchmark) -> Iterator[Any]:
    """One notebook with an editor and a neighbourhood that is linked to it; its kernel finds the sheet on disk."""
    sheet_of(bench.space, [bench])
    with jupyterlab.notebook(browser, [SETUP, AROUND]) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.wait_for_function(READY)
        yield notebook
        assert notebook.record.errors == []
        assert notebook.record.outside == []


def test_a_step_reaches_python_and_the_editor_and_the_path_is_kept(notebook: Any) -> None:
    page = notebook.page
    page.locator("td[data-at='3 1']").click()
    assert notebook.ask_until("print(editor.value.decisions['0->3'])", "skip_connect") == "skip_connect"
    page.wait_for_function(
        "document.querySelector(\"[data-question='0->3']\").textContent.includes('skip')"
        " && document.querySelector('.wb-stops').innerText.includes('90.72')"
    )
    assert notebook.ask("print(len(around.path), round(around.path.iloc[-1, 0], 2))") == "2 90.72"


def test_the_sheet_comes_by_itself_and_the_kernel_stops_counting(notebook: Any) -> None:
    assert notebook.ask_until("print(around.sheet.get('rows'), around.numbers)", "15625 {}") == "15625 {}"


def test_a_value_of_the_editors_set_in_python_is_a_step(notebook: Any) -> None:
    notebook.ask("editor.value = bench.best('valid_accuracy')[0]; print('set')")
    notebook.page.wait_for_function("document.querySelector('.wb-stops').innerText.endsWith('91.61')")
    notebook.page.wait_for_function("document.querySelector('.wb-best').innerText.startsWith('no neighbour is better')")


def test_a_measure_of_the_notebooks_own_is_worked_out_while_it_is_looked_at(notebook: Any) -> None:
    page = notebook.page
    page.get_by_label("Change in").select_option(label="letters")
    done = "print(around.numbers.get('measure'), around.numbers.get('done'))"
    assert notebook.ask_until(done, "measure letters 24") == "measure letters 24"
    page.wait_for_function("!document.querySelector('.wb-matrix').textContent.includes('…')")
