"""The browser half of the proxy board alone: six views in plain HTML, with a model that answers nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from workbench.benchmarks import benchmark
from workbench.widgets.proxy_board import ProxyBoard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
Show = Callable[..., "Page"]


@pytest.fixture
def show(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Show]:
    """Opens a board in a page of some width; the page must keep quiet and to this machine."""
    records, contexts = [], []

    def show(board: ProxyBoard, width: int = 1200, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 1300}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        records.append(lab_module.Record(page))
        contexts.append(context)
        page.set_content(pages.page_of(board, width=width - 40))
        page.wait_for_function("window.ready && document.querySelector('.wb-board').dataset.drawMs")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    names = {"CIFAR-10": "cifar10", "CIFAR-100": "cifar100"}
    return {name: benchmark("nasbench201", dataset=dataset).table().iloc[::47] for name, dataset in names.items()}


@pytest.fixture
def frame(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Real columns as scores."""
    table = tables["CIFAR-10"]
    scores = table[["latency_ms", "valid_accuracy_seed0", "params_m"]].copy()
    scores.columns = pd.Index(["latency", "run", "params"])
    scores["time"] = table["train_time_s"]
    scores["live_params"] = scores["params"]
    scores.attrs = {"space": "nasbench201", "seconds": {"latency": 0.02, "run": 40.0, "time": 1.5}}
    return scores


@pytest.fixture
def board(frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> ProxyBoard:
    truth = {name: table["valid_accuracy"] for name, table in tables.items()}
    return ProxyBoard(frame, truth, n_boot=20, ceiling=0.98)


def state(page: Page, name: str) -> Any:
    return page.evaluate("name => models[0].state[name]", name)


def test_every_view_is_drawn(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    assert page.locator(".wb-row .wb-name").all_text_contents() == ["run", "latency", "time"]
    assert page.locator(".wb-row .wb-dot").count() == 6
    assert page.locator(".wb-row .wb-interval").count() == 3
    assert page.locator(".wb-guide").count() == 4  # two baselines and the ceiling; the stronger baseline by cost too
    assert page.locator(".wb-square").count() == 7 * 6 / 2
    assert page.locator(".wb-point").count() == 3
    assert page.locator(".wb-card").count() == 6
    assert page.locator(".wb-table tbody tr").count() == 5
    assert float(page.evaluate("document.querySelector('.wb-board').dataset.paintMs")) > 0
    assert board.population in page.locator(".wb-agreement").inner_text()
    assert "20 resamples" in page.locator(".wb-agreement .wb-words").inner_text()


def test_dots_lie_where_the_axis_says(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    places = page.evaluate("""() => {
      const across = (element) => { const box = element.getBoundingClientRect(); return box.x + box.width / 2; };
      const ticks = [...document.querySelectorAll(".wb-agreement .wb-tick:not(.wb-over)")];
      const last = (row) => [...row.querySelectorAll(".wb-dot")].at(-1);
      const dots = [...document.querySelectorAll(".wb-row")].map((row) => across(last(row)));
      return { ticks: ticks.map((tick) => [Number(tick.textContent), across(tick)]), dots };
    }""")
    values, pixels = np.array(places["ticks"]).T
    slope, start = np.polyfit(values, pixels, 1)
    agreed = board.agreement.loc["CIFAR-10"]
    expected = agreed[~agreed["baseline"]]["spearman"].sort_values(ascending=False)
    np.testing.assert_allclose((np.array(places["dots"]) - start) / slope, expected, atol=0.004)


def test_a_clicked_row_becomes_the_scatters_x_and_is_marked_everywhere(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    page.locator(".wb-row[data-name='time']").click()
    assert state(page, "chosen") == ["time", "CIFAR-10"]
    page.wait_for_function("document.querySelector('.wb-row.wb-chosen')?.dataset.name === 'time'")
    assert page.locator(".wb-point.wb-chosen").get_attribute("data-name") == "time"
    assert page.locator("tr.wb-chosen th").inner_text() == "time"
    assert page.locator(".wb-scatter h3").inner_text() == "time against CIFAR-10"


def test_rows_are_worked_by_keyboard(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    page.locator(".wb-row[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert state(page, "chosen") == ["time", "CIFAR-10"]
    assert page.evaluate("document.activeElement.dataset.name") == "time"  # still there after the redraw
    label = page.locator(".wb-row[data-name='time']").get_attribute("aria-label")
    assert label is not None
    assert label.startswith("time: CIFAR-10 0.")
    assert "95 % interval on CIFAR-10" in label


def test_a_square_puts_its_columns_on_the_scatter(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    page.locator(".wb-square", has=page.locator("title", has_text="time and latency")).click()
    assert sorted(state(page, "chosen")) == ["latency", "time"]
    page.locator(".wb-heat").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    said = page.locator(".wb-unseen").inner_text()
    assert said.split(": ")[0] == "time and latency"
    for _ in range(8):
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert set(state(page, "chosen")) == {"CIFAR-10", "CIFAR-100"}


def test_a_truth_stands_on_the_y_axis(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    page.locator(".wb-square", has=page.locator("title", has_text="time and CIFAR-100")).click()
    assert state(page, "chosen") == ["time", "CIFAR-100"]


def test_statistic_truth_sign_and_axes_are_asked_of_the_kernel(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    page.get_by_label("Statistic of agreement").select_option("kendall")
    page.get_by_role("button", name="CIFAR-100", exact=True).click()
    page.get_by_role("button", name="Turn the sign of time round").click()
    page.get_by_role("button", name="values").click()
    page.get_by_label("colour").select_option("params")
    page.locator("select[data-axis='y']").select_option("latency")
    names = ("statistic", "truth", "flipped", "by_rank", "color", "chosen")
    assert [state(page, name) for name in names] == [
        "kendall", "CIFAR-100", ["time"], False, "params", ["run", "latency"],
    ]  # fmt: skip
    page.get_by_role("button", name="Turn the sign of time round").click()
    assert state(page, "flipped") == []


def test_a_box_on_the_scatter_selects(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    box = page.locator(".wb-top").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 70, box["y"] + 32)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] - 50, steps=4)
    page.mouse.up()
    rows = page.evaluate("new Uint32Array(models[0].state.selected.buffer).length")
    assert rows == len(board._frame)
    assert page.locator(".wb-foot").inner_text().startswith(f"{rows} selected")


def test_agreement_within_the_selection_is_hollow_and_said(show: Show, board: ProxyBoard) -> None:
    board.select(np.arange(100))
    page = show(board)
    assert page.locator(".wb-row .wb-hollow").count() == 3
    assert "Hollow: within the 100 selected." in page.locator(".wb-agreement .wb-words").inner_text()
    assert "rank 1 is the best within the 100 selected" in page.locator(".wb-disagree").inner_text()
    label = page.locator(".wb-row[data-name='time']").get_attribute("aria-label")
    assert label is not None
    assert "within the selection 0." in label


def test_a_card_is_clicked_and_rings_its_point(show: Show, board: ProxyBoard) -> None:
    page = show(board)
    card = page.locator(".wb-card").nth(1)
    assert (card.get_attribute("aria-label") or "").endswith(board.cards[1]["text"])
    card.hover()
    page.wait_for_function("!document.querySelector('.wb-tip').hidden")
    card.click()
    assert state(page, "click") == {"index": board.cards[1]["index"], "event": 1}


def test_more_resamples_are_asked_for_until_they_are_done(show: Show, board: ProxyBoard) -> None:
    board.agreed = {**board.agreed, "done": False, "made": 5}
    page = show(board)
    page.wait_for_function("models[0].sent.length === 1")
    assert "resample 5 of 20" in page.locator(".wb-agreement .wb-words").inner_text()
    for made, done in ((10, False), (20, True)):
        page.evaluate("agreed => models[0].say({agreed})", {**board.agreed, "made": made, "done": done})
        page.wait_for_timeout(100)
    assert page.evaluate("models[0].sent") == [{"kind": "more"}, {"kind": "more"}]


def test_without_times_there_is_no_cost_view(show: Show, frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> None:
    frame.attrs.pop("seconds")
    page = show(ProxyBoard(frame, tables["CIFAR-10"]["valid_accuracy"], n_boot=2))
    assert not page.locator(".wb-cost").is_visible()
    assert page.locator(".wb-table").is_visible()


def test_hostile_names_are_shown_as_text(show: Show, frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> None:
    odd = frame.rename(columns={"run": HOSTILE})
    page = show(ProxyBoard(odd, {f"truth {HOSTILE}": tables["CIFAR-10"]["valid_accuracy"]}, n_boot=2, title=HOSTILE))
    assert page.locator(".wb-agreement h3").inner_text() == HOSTILE
    page.locator(".wb-row").first.click()
    assert state(page, "chosen")[0] == HOSTILE
    assert page.locator("img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("width", [420, 700, 1000, 1400])
def test_nothing_sticks_out_at_any_width(show: Show, board: ProxyBoard, width: int) -> None:
    page = show(board, width=width)
    sticking = page.evaluate("""() => [...document.querySelectorAll(".wb-panel")]
      .filter((panel) => panel.scrollWidth > panel.clientWidth + 1).map((panel) => panel.className)""")
    assert sticking == []
    columns = page.evaluate(
        "getComputedStyle(document.querySelector('.wb-panels')).gridTemplateColumns.split(' ').length"
    )
    assert columns == (2 if width >= 1000 else 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_told_from_the_paper(show: Show, board: ProxyBoard, scheme: str) -> None:
    page = show(board, scheme=scheme)
    contrasts = page.evaluate("""() => {
      const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
      const light = (colour) => {
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
        return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
      };
      const against = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const paper = light(getComputedStyle(document.querySelector(".wb-panel")).backgroundColor);
      const fill = (selector) => light(getComputedStyle(document.querySelector(selector)).fill);
      const squares = [...document.querySelectorAll(".wb-square")].filter((square) => square.querySelector("text"))
        .map((square) => against(light(getComputedStyle(square.querySelector("rect")).fill),
          light(getComputedStyle(square.querySelector("text")).fill)));
      return { name: against(fill(".wb-row .wb-name"), paper), tick: against(fill(".wb-tick"), paper),
        alarm: against(fill("text.wb-alarm-line"), paper), squares: Math.min(...squares) };
    }""")
    assert contrasts["name"] > 7
    assert contrasts["tick"] > 4.5
    assert contrasts["alarm"] > 4.5
    assert contrasts["squares"] > 4.4
