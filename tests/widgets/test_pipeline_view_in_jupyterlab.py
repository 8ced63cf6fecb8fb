"""The view of a pipeline and its form in real JupyterLab: a run is filled in, planned, run, stopped, opened."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

FORM = """
import workbench as wb
form = wb.run_form("p/small.toml", folder="runs/first")
form"""
VIEW = """
view = wb.PipelineView("runs/first")
view"""


@pytest.fixture(scope="module")
def notebook(jupyterlab: Any, browser: Browser, runs: ModuleType) -> Iterator[Any]:
    """A notebook with a form and, for later, a view of the run that it begins."""
    runs.small_pipeline(jupyterlab.folder / "p", slow=3.0)
    with jupyterlab.notebook(browser, [FORM, VIEW], size=(1300, 2200)) as notebook:
        notebook.run(0)
        notebook.page.wait_for_selector(".wb-stage", state="attached")
        yield notebook


def test_a_form_plans_runs_and_its_view_opens_what_was_run(notebook: Any) -> None:
    page = notebook.page
    field = page.get_by_label("factor")
    run = page.get_by_role("button", name="Run", exact=True)

    field.fill("x")  # said while typing, and nothing can be run
    page.get_by_text("'x' is not a whole number. Allowed: a whole number.").wait_for()
    page.wait_for_function("document.querySelector('.wb-first').disabled")
    field.fill("3")
    page.get_by_text(
        "wb.run('p/small.toml', parameters={'factor': 3}, folder='runs/first', background=True)"
    ).wait_for()
    page.get_by_text("workbench run p/small.toml -p factor=3 --folder runs/first").wait_for()
    assert notebook.ask("print(form.values)") == "{'n': 3, 'seed': 0, 'factor': 3}"

    page.get_by_role("button", name="Plan", exact=True).click()
    page.locator(".wb-words-of").get_by_text("4 of 4 stages would run").wait_for()
    run.click()
    page.locator(".wb-stage[data-state=running]").first.wait_for(timeout=60_000)
    page.wait_for_function(
        "!['planned', 'running'].includes(document.querySelector('.wb-pipeline').dataset.state)", timeout=240_000
    )
    assert (page.locator(".wb-words-of").inner_text(), page.locator(".wb-said").inner_text()) == ("done", "")
    assert page.locator(".wb-stage[data-state=done]").count() == 4
    page.wait_for_function("!document.querySelector('.wb-first').disabled")

    page.locator("[data-node=sum]").click()
    page.get_by_role("complementary", name="Stage sum").get_by_text("sum.txt").wait_for()
    assert notebook.ask("print(form.view.chosen)") == "sum"
    page.get_by_role("link", name="Open the executed notebook").click()
    page.get_by_role("dialog").get_by_text("runs/first/sum/notebook.ipynb").wait_for()  # this notebook is not trusted
    page.get_by_role("button", name="Run Once").click()
    page.wait_for_function("jupyterapp.shell.currentWidget.context?.path === 'runs/first/sum/notebook.ipynb'")
    assert len(page.context.pages) == 1  # in the lab itself, not in another page of the browser
    page.evaluate("jupyterapp.shell.activateById([...jupyterapp.shell.widgets('main')][0].id)")
    page.wait_for_function("jupyterapp.shell.currentWidget.context?.path.startsWith('test-')")


def test_a_run_is_stopped_and_seen_from_another_view(notebook: Any) -> None:
    page = notebook.page
    page.get_by_label("factor").fill("4")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-node=sum]").locator("xpath=..").and_(page.locator("[data-state=running]")).wait_for(
        timeout=90_000
    )
    notebook.run(1)
    page.wait_for_function("document.querySelectorAll('.wb-pipeline').length === 2")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function(
        "[...document.querySelectorAll('.wb-pipeline')].every((one) => one.dataset.state === 'interrupted')",
        timeout=60_000,
    )
    assert page.locator(".wb-words-of").first.inner_text() == "stopped; the same call takes it up"
    assert notebook.record.errors == []
    assert notebook.record.outside == []
