"""The browser half of the monitor of a supernet alone: in plain HTML, with a kernel that the test plays."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import workbench as wb
from workbench import supernets as sn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Show = Callable[..., "Page"]
NOTE = ".wb-gates .wb-head span"
# A state as the kernel tells it; bytes come as they do over the websocket.
SAY = """([state, flow]) => models[0].say({ ...state,
  flow: new DataView(Uint8Array.from(atob(flow), (letter) => letter.charCodeAt(0)).buffer) })"""


@pytest.fixture
def show(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Show]:
    """Opens widgets in a page of some width; the page must keep quiet and to this machine."""
    records, contexts = [], []

    def show(*widgets: Any, width: int = 1000) -> Page:
        context = browser.new_context(viewport={"width": width + 24, "height": 1500})
        page = context.new_page()
        records.append(lab_module.Record(page))
        contexts.append(context)
        page.set_content(pages.page_of(*widgets, width=width))
        page.wait_for_function("window.ready && document.querySelector('.wb-supernet').dataset.epochs")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


@pytest.fixture(scope="module")
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("nasbench201"), "digits", n_cells=1, channels=4)


def made(net: wb.Supernet, epochs: int, goal: int = 8, key: str = "probabilities") -> sn.Training:
    """A training whose every gate goes from its first option to its last."""
    records = []
    for epoch in range(epochs):
        share = epoch / (goal - 1)
        worth = {n: [1 - share, *[0.0] * (len(a) - 2), share] for n, a in net.options.items() if len(a) > 1}
        records.append({"epoch": epoch, "loss": 2.0 - share, "accuracy": share, "macs": 9e4 - 1e4 * share, key: worth})
    return sn.Training(net, sn.Recipe(epochs=goal), records)


def say(page: Page, monitor: wb.SupernetMonitor) -> None:
    """Tell the page what the kernel half holds now."""
    names = ("status", "curves", "best", "said", "gates", "cells", "epoch")
    page.evaluate(SAY, [{name: getattr(monitor, name) for name in names}, b64encode(monitor.flow).decode()])


def test_curves_gates_and_flows_are_drawn_with_their_numbers(show: Show, net: wb.Supernet) -> None:
    page = show(wb.SupernetMonitor(made(net, 8), limit=85_000))
    assert page.locator(".wb-curve-of:visible figcaption").all_inner_texts() == [
        "loss\n1", "training accuracy (%)\n100.0", "expected multiply-adds\n80 k",
    ]  # fmt: skip
    assert page.locator(".wb-limit").count() == 1
    assert page.locator(".wb-rows em").inner_text() == "limit 85 k"
    assert page.locator(".wb-ribbon").count() == page.locator(".wb-many .wb-flow").count() == 6
    assert page.locator(".wb-pill").all_text_contents() == ["avg"] * 6
    assert page.locator(".wb-legend").inner_text().split("\n") == [
        "none", "skip", "conv 1×1", "conv 3×3", "avg pool"
    ]  # fmt: skip
    assert page.locator(".wb-ribbon").first.get_attribute("aria-label", timeout=500).startswith("0->1: avg pool 100 %")
    assert "avg_pool_3x3" in page.locator(".wb-winner code").inner_text()


def test_the_slider_and_the_loss_go_back_to_an_epoch(show: Show, net: wb.Supernet) -> None:
    page = show(wb.SupernetMonitor(made(net, 8)))
    stage = page.locator(".wb-curve-of .wb-stage-of").first
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 2 / 7, box["y"] + 20)  # looked at, and let go again
    assert page.locator(NOTE).inner_text() == "after epoch 3"
    assert page.locator(".wb-pill").first.text_content() == "none"
    assert page.locator(".wb-many .wb-flow-now").first.inner_text().split() == ["none", "71", "%"]
    page.mouse.move(box["x"], box["y"] - 60)
    assert page.locator(NOTE).inner_text() == "after epoch 8"
    page.mouse.click(box["x"] + 2, box["y"] + 20)  # kept
    page.mouse.move(box["x"], box["y"] - 60)
    assert page.locator(NOTE).inner_text() == "after epoch 1"
    assert page.evaluate("models[0].state.epoch") == 1
    assert "none" in page.locator(".wb-winner code").inner_text()
    page.locator(".wb-when input").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(NOTE).inner_text() == "after epoch 2"
    assert page.locator(".wb-when button").get_attribute("aria-pressed") == "false"
    page.locator(".wb-when button").click()
    assert page.evaluate("models[0].state.epoch") == 0
    assert page.locator(NOTE).inner_text() == "after epoch 8"


def test_a_gate_is_enlarged_by_click_and_by_key_and_says_its_numbers(show: Show, net: wb.Supernet) -> None:
    page = show(wb.SupernetMonitor(made(net, 5)))
    page.locator(".wb-ribbon").nth(3).locator(".wb-under").click(position={"x": 2, "y": 2}, force=True)
    name = page.locator(".wb-one-head b").inner_text()
    assert page.locator(".wb-shares .wb-most").inner_text().split() == ["avg", "pool", "57", "%"]
    assert page.locator(".wb-many [aria-selected=true]").count() == 1
    assert page.locator(".wb-tip em").inner_text() == name
    assert page.locator(".wb-tip div").all_inner_texts()[:2] == ["avg pool\n57 %", "none\n43 %"]
    page.get_by_role("button", name="Close the large flow").click()
    assert page.locator(".wb-one").is_hidden()
    page.locator(".wb-many .wb-flow").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator(".wb-one-head b").inner_text() == page.locator(".wb-tip em").inner_text() == "0->2"
    assert "0->2: avg pool 57 %, none 43 %" in page.locator(".wb-unseen").inner_text()
    page.keyboard.press("Enter")
    assert page.locator(".wb-one").is_hidden()


def test_it_grows_as_the_kernel_tells_and_asks_once_what_a_busy_kernel_cannot_answer(
    show: Show, net: wb.Supernet
) -> None:
    monitor = wb.SupernetMonitor(net)
    page = show(monitor)
    assert page.locator(".wb-phase").inner_text() == "Waiting for the first epoch."
    assert page.locator(".wb-panel:visible").count() == 0
    monitor(made(net, 3))
    say(page, monitor)
    page.wait_for_function("document.querySelector('.wb-supernet').dataset.epochs === '3'")
    assert page.locator(".wb-phase").inner_text() == "Training: 3 of 8 epochs."
    assert page.locator(".wb-curve-of .wb-ends").first.inner_text().split() == ["1", "epoch", "8"]
    page.locator(".wb-when input").focus()
    page.keyboard.press("Home")
    monitor.epoch = 1
    training = made(net, 8)
    monitor(training)
    monitor.epoch = 1
    say(page, monitor)
    page.wait_for_function("document.querySelector('.wb-supernet').dataset.epochs === '8'")
    assert page.locator(".wb-phase").inner_text() == "Done: 8 epochs."
    assert page.locator(NOTE).inner_text() == "after epoch 1"  # what a person looks at stays
    assert [one["kind"] for one in page.evaluate("models[0].sent")] in ([], ["hello"])


def test_while_it_runs_the_kernel_is_asked_and_an_answer_is_shown(show: Show, net: wb.Supernet) -> None:
    monitor, training = wb.SupernetMonitor(net), made(net, 3)
    monitor(training)
    page = show(monitor)
    assert page.evaluate("models[0].sent") == [{"kind": "hello"}]
    page.wait_for_timeout(3500)
    assert len(page.evaluate("models[0].sent")) == 1  # no second question before the first is answered
    training.ended = "interrupted"
    monitor._asked(None, {"kind": "hello"}, [])
    say(page, monitor)
    page.locator(".wb-phase").get_by_text("Interrupted after 3 of 8 epochs.").wait_for()
    assert page.locator(".wb-curve-of .wb-ends").first.inner_text().split() == ["1", "epoch", "3"]


def test_gates_that_are_no_edges_are_a_strip_and_nothing_is_most_probable_of_shares(show: Show) -> None:
    net = wb.Supernet(wb.search_space("mbconv"), "digits")
    page = show(wb.SupernetMonitor(made(net, 4, key="shares")))
    assert page.locator(".wb-gate").count() == 12
    assert page.locator(".wb-gate").first.get_attribute("aria-label") == "s1.width: 12 57 %, 16 43 %"
    assert page.locator(".wb-flows h3").inner_text() == "Share of the runs over the epochs"
    assert page.locator(".wb-winner").is_hidden()
    page.locator(".wb-gate").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator(".wb-one-head b").inner_text() == "s1.depth"
    assert page.evaluate("document.activeElement.dataset.name") == "1"  # drawn anew, and the place is kept


def test_it_opens_the_most_probable_architecture_in_linked_views(show: Show, net: wb.Supernet) -> None:
    monitor, editor = wb.SupernetMonitor(made(net, 8)), wb.CellEditor(net.space.sample(1, seed=0)[0], [])
    wb.link(monitor, editor)
    page = show(monitor, editor)
    page.locator(".wb-winner button").click()
    assert page.evaluate("models[1].state.opened.name") == page.locator(".wb-winner code").inner_text()


@pytest.mark.parametrize("space", ["nasbench201", "darts", "mbconv"])
def test_nothing_is_wider_than_a_narrow_page(show: Show, space: str) -> None:
    net = wb.Supernet(wb.search_space(space), "digits")
    page = show(wb.SupernetMonitor(made(net, 4), limit=85_000), width=420)
    page.locator(".wb-many .wb-flow").first.click()
    wide = "one => one.scrollWidth <= one.clientWidth"
    assert page.locator(".wb-supernet").evaluate(wide)
    assert page.locator(".wb-panel:visible").evaluate_all(f"all => all.every({wide})")
