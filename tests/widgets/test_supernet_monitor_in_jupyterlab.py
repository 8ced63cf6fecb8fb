"""The monitor of a supernet in real JupyterLab: it follows a training that keeps its own kernel busy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SETUP = """
import time
import workbench as wb
from workbench import supernets as sn
data = wb.task("digits").split(0)
net = wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)
learned = sn.Softmax(net)
monitor = wb.SupernetMonitor(net, limit=80_000)
editor = wb.CellEditor(net.space.sample(1, seed=0)[0], [])
wb.link(monitor, editor)
display(monitor, editor)"""
TRAIN = """
training = sn.train(net, data, sn.Mixture(learned), architecture=sn.FirstOrder(learned, lr=0.1),
                    recipe=sn.Recipe(epochs=40), watch=monitor, show=False)
print(training.ended)"""
EPOCHS = "Number(document.querySelector('.wb-supernet').dataset.epochs)"


@pytest.fixture(scope="module")
def notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    """A notebook with a supernet, its monitor and an editor, and a training that is not begun."""
    with jupyterlab.notebook(browser, [SETUP, TRAIN], size=(1200, 2000)) as notebook:
        notebook.run(0)
        notebook.page.wait_for_selector(".wb-supernet", state="attached")
        yield notebook


def test_it_follows_a_training_in_its_own_kernel_goes_back_and_says_that_it_was_interrupted(notebook: Any) -> None:
    page = notebook.page
    assert page.locator(".wb-supernet").get_attribute("data-epochs") == "0"
    page.evaluate("() => { const n = jupyterapp.shell.currentWidget.content; n.activeCellIndex = 1; n.deselectAll(); "
                  "void jupyterapp.commands.execute('notebook:run-cell'); }")  # fmt: skip
    page.wait_for_function(f"{EPOCHS} >= 2", timeout=60_000)
    seen = page.evaluate(EPOCHS)
    page.wait_for_function(f"n => {EPOCHS} > n", arg=seen, timeout=60_000)  # the kernel is busy all the time
    assert page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.status") == "busy"
    assert "of 40 epochs" in page.locator(".wb-phase").inner_text()
    page.locator(".wb-when input").focus()
    page.keyboard.press("Home")  # back to the first epoch, while it goes on
    page.locator(".wb-gates .wb-head span").get_by_text("after epoch 1", exact=True).wait_for()
    page.locator(".wb-winner button").click()  # linked views open it without the kernel
    page.wait_for_function(f"{EPOCHS} >= 6", timeout=60_000)
    page.locator(".wb-gates .wb-head span").get_by_text("after epoch 1", exact=True).wait_for()
    page.evaluate("() => void jupyterapp.commands.execute('notebook:interrupt-kernel')")
    page.locator(".wb-phase").get_by_text("Interrupted after").wait_for(timeout=60_000)
    assert notebook.ask("print(training.ended, monitor.epoch, monitor.value == editor.value)") == "interrupted 1 True"
    assert notebook.ask("print(len(training.history))") == page.locator(".wb-supernet").get_attribute("data-epochs")
    assert notebook.record.errors == []
    assert notebook.record.outside == []
