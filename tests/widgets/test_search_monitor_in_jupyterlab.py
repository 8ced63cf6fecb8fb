"""The search monitor in real JupyterLab: a search goes on while the notebook is used, and obeys the buttons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SEARCH = """
import time
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
accuracy = bench.measure("valid_accuracy")
def measured(arch):
    time.sleep(0.06)
    return accuracy(arch)
slow = wb.Measure("valid_accuracy", "higher", measured)
study = wb.search(bench.space, slow, "regularized_evolution", 200, background=True)
monitor = wb.SearchMonitor(study, bench)
monitor"""
WEIGHED = """
import time
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
accuracy, latency = bench.measure("valid_accuracy"), bench.measure("latency_ms")
def measured(arch):
    time.sleep(0.06)
    return accuracy(arch)
slow = wb.Measure("valid_accuracy", "higher", measured, unit="%")
weights = {"latency_ms": 0.3}
study = wb.search(bench.space, [slow, latency], "random", 10_000, weights=weights, background=True)
monitor = wb.SearchMonitor(study)
monitor"""
EDITOR = """
def pooled(arch):
    return bench.space.architecture({**arch.decisions, "0->1": "avg_pool_3x3"})
def key(arch):
    return bench.space.canonical(arch, "functional")
# The same search without waiting: what it will ask for is known, and what is edited is not among it.
asked = wb.search(bench.space, accuracy, "regularized_evolution", 200, progress=False)
asked = {key(bench.space.parse(t.user_attrs["architecture"])) for t in asked.trials}
unknown = (a for a in bench.space.sample(500, seed=3) if a.decisions["0->1"] == "none" and key(pooled(a)) not in asked)
editor = wb.CellEditor(next(unknown), bench)
wb.link(monitor, editor)
editor"""
DONE = "sum(t.state.is_finished() for t in study.get_trials(deepcopy=False))"


@pytest.fixture(scope="module")
def notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    """A notebook with a search, its monitor and an editor."""
    with jupyterlab.notebook(browser, [SEARCH, EDITOR], size=(1300, 1900)) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.wait_for_selector(".wb-edge", state="attached")
        notebook.page.wait_for_selector(".wb-monitor .wb-cell", state="attached")
        yield notebook


def shown(page: Page) -> int:
    return int(page.locator(".wb-monitor").get_attribute("data-trials") or 0)


def button(page: Page, order: str) -> Any:
    return page.locator(f".wb-monitor [data-order='{order}']")


def test_a_search_goes_on_while_the_notebook_is_used_and_obeys_the_browser(notebook: Any) -> None:
    page = notebook.page
    before = shown(page)
    page.wait_for_function("n => Number(document.querySelector('.wb-monitor').dataset.trials) > n", arg=before)

    # An editor in the next cell answers an edit meanwhile.
    page.locator("[data-question='0->1'] .wb-pill").click()
    page.get_by_role("menuitemradio", name="avg pool").click()
    asked = "print(editor.value.decisions['0->1'], study.running)"
    assert notebook.ask_until(asked, "avg_pool_3x3 True") == "avg_pool_3x3 True"

    # What is open in it can be enqueued.
    page.get_by_role("button", name="Enqueue what is open").click()
    page.locator(".wb-notice").get_by_text("Enqueued as trial").wait_for()
    by_hand = "[t.user_attrs['architecture'] for t in study.trials if t.user_attrs.get('operator') == 'by hand']"
    assert notebook.ask(f"print({by_hand} == [str(editor.value)])") == "True"

    # Stop, and go on.
    button(page, "stop").click()
    page.locator(".wb-phase").get_by_text("as it was told").wait_for()
    assert notebook.ask("study.wait(20); print(study.running)") == "False"
    stopped = int(notebook.ask(f"print({DONE})"))
    assert stopped < 200
    page.locator(".wb-phase").get_by_text("searching").wait_for(state="detached")
    button(page, "resume").click()
    page.locator(".wb-phase").get_by_text("searching").wait_for()

    # A pin from the browser holds for all later trials.
    page.locator(".wb-pin[data-key='1->2:1']").click()
    page.locator(".wb-pin[data-key='1->2:1'][aria-pressed='true']").wait_for()
    answer = notebook.ask("n = len(study.trials); print(wb.steer(study).pins)")
    assert answer == "{'1->2': 'skip_connect'}"
    notebook.ask("study.wait()")
    later = "{t.params['1->2'] for t in study.trials[n:] if t.params}"
    assert notebook.ask(f"print({later}, len(study.trials[n:]) > 5)") == "{'skip_connect'} True"
    page.wait_for_function("document.querySelector('.wb-monitor').dataset.trials >= '200'")
    page.locator(".wb-phase").get_by_text("Finished: 200 trials.").wait_for()
    assert notebook.record.errors == []
    assert notebook.record.outside == []


def test_a_kernel_that_is_gone_is_said_and_what_was_shown_stays(notebook: Any) -> None:
    page = notebook.page
    trials = shown(page)
    notebook.ask("again = wb.search(bench.space, slow, 'random', 10_000, seed=9, background=True)")
    notebook.ask("monitor._feeds[:] = [type(monitor._feeds[0])(again, 0, bench.space)]")
    page.locator(".wb-phase").get_by_text("searching").wait_for()
    notebook.ask("import os, signal, threading; threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()")
    page.locator(".wb-notice").get_by_text("The kernel does not answer").wait_for(timeout=40_000)
    assert shown(page) >= trials
    assert button(page, "stop").is_disabled()
    page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()  # JupyterLab says that it starts a new kernel
    page.locator(".wb-last tbody tr").first.click()
    assert page.locator(".wb-lineage .wb-step").count() >= 1
    # JupyterLab itself logs what it could not send; nothing else may have failed.
    assert all("Cannot send" in error for error in notebook.record.errors)


def test_weights_are_set_by_their_sliders_and_follow_python(jupyterlab: Any, browser: Browser) -> None:
    with jupyterlab.notebook(browser, [WEIGHED], size=(1300, 1400)) as notebook:
        notebook.run(0)
        page = notebook.page
        page.get_by_role("slider", name="Weight of latency (ms)").focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        weights = "print(wb.steer(study).weights)"
        expected = "{'valid_accuracy': 1.0, 'latency_ms': 0.35}"
        assert notebook.ask_until(weights, expected) == expected
        notebook.ask("wb.steer(study, weights={'valid_accuracy': 0.65}); study.running")
        page.wait_for_function("document.querySelector('.wb-share').textContent === '65 %'")
        number = page.get_by_role("spinbutton", name="Weight of valid accuracy (%)")
        assert number.input_value() == "0.65"
        page.get_by_role("spinbutton", name="Weight of latency (ms)").fill("0")
        number.fill("0")
        page.keyboard.press("Enter")
        page.locator(".wb-refused").get_by_text("must be above 0").wait_for()
        assert number.input_value() == "0.65"
        assert notebook.ask("print(study.running); study.stop()") == "True"
        assert notebook.record.errors == []
