"""The proxy board in real JupyterLab: what is picked in any view arrives in Python and in the other views."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SETUP = """
import workbench as wb
benches = {name: wb.benchmark("nasbench201", dataset=name) for name in ("cifar10", "cifar100")}
table = benches["cifar10"].table().iloc[::3]
space = benches["cifar10"].space
frame = table[["latency_ms", "train_time_s", "valid_accuracy_seed0"]].copy()
frame.columns = ["latency", "time", "run"]
frame["params"] = table["params_m"]
frame["live_params"] = [space.counts(space.parse(text), live=True).params for text in frame.index]
frame.attrs = {"space": "nasbench201", "seconds": {"latency": 0.02, "time": 1.5, "run": 60.0}}
editor = wb.CellEditor(space.parse(frame.index[0]), [])
truth = {name: bench.table().valid_accuracy for name, bench in benches.items()}
board = wb.ProxyBoard(frame, truth, editor=editor)
board"""


@pytest.fixture(scope="module")
def open_notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    """One notebook with a board of 5,209 architectures; its kernel ends with the module."""
    with jupyterlab.notebook(browser, [SETUP], size=(1400, 1900)) as notebook:
        notebook.run(0)
        notebook.page.wait_for_function("document.querySelector('.wb-board')?.dataset.paintMs")
        yield notebook


@pytest.fixture
def notebook(open_notebook: Any) -> Iterator[Any]:
    """The board as it was at first; the page must have kept quiet and to this machine."""
    open_notebook.ask(
        "board.select(None); board.flipped = []; board.statistic = 'spearman'; board.chosen = ['run', 'cifar10']; "
        "board.truth = 'cifar10'; print('ready')"
    )
    wait_for(open_notebook.page, "document.querySelector('.wb-row.wb-chosen')?.dataset.name === 'run'")
    yield open_notebook
    assert open_notebook.record.errors == []
    assert open_notebook.record.outside == []


def wait_for(page: Page, truth: str) -> None:
    page.wait_for_function(truth)


def drag(page: Page, *shares: tuple[float, float], lasso: bool = False) -> None:
    """Drag over the scatter, through places given as shares of its width and height."""
    page.locator(".wb-top").scroll_into_view_if_needed()
    box = page.locator(".wb-top").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]
    if lasso:
        page.get_by_role("button", name="Drag a free shape").click()
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_a_clicked_row_is_the_scatters_x_in_python_and_on_screen(notebook: Any) -> None:
    page = notebook.page
    page.locator(".wb-row[data-name='latency']").click()
    assert notebook.ask_until("print(board.chosen)", "['latency', 'cifar10']") == "['latency', 'cifar10']"
    wait_for(page, "document.querySelector('.wb-top').ariaLabel.includes('latency: rank')")
    wait_for(page, "document.querySelector('.wb-disagree h3').textContent.includes('latency and cifar10')")


def test_a_lasso_narrows_agreement_and_cards_and_is_a_dataframe_in_python(notebook: Any) -> None:
    page = notebook.page
    page.locator(".wb-row[data-name='latency']").click()
    wait_for(page, "document.querySelector('.wb-top').ariaLabel.includes('latency: rank')")
    drag(page, (0.3, 0.2), (0.8, 0.2), (0.8, 0.7), (0.4, 0.8), lasso=True)
    wait_for(page, "document.querySelector('.wb-agreement .wb-words').textContent.includes('Hollow')")
    count = int(page.locator(".wb-scatter .wb-foot").inner_text().split(" selected")[0].replace(",", ""))
    assert 200 < count < 5_000
    assert notebook.ask_until("print(len(board.selection))", str(count)) == str(count)
    assert page.locator(".wb-row .wb-hollow").count() == 3
    expected = notebook.ask(
        "from scipy.stats import spearmanr\n"
        "rows = board.selection\n"
        "print(f\"{spearmanr(rows['latency'], rows['cifar10']).statistic:.3f}\".replace('-', '−'))"
    )
    label = page.locator(".wb-row[data-name='latency']").get_attribute("aria-label")
    assert label.endswith(f"within the selection {expected}")
    assert notebook.ask("print({c['index'] for c in board.cards} <= set(board._selected_rows()))") == "True"
    shot = page.locator(".wb-board").screenshot()
    assert _colours(page, shot) > 500


def test_a_selection_made_in_python_is_shown_in_every_view(notebook: Any) -> None:
    notebook.ask("board.select(frame['latency'] > frame['latency'].median()); print('selected')")
    count = notebook.ask("print(f'{len(board.selection):,}')")
    wait_for(notebook.page, f"document.querySelector('.wb-foot').textContent.startsWith('{count} selected')")
    wait_for(
        notebook.page, f"document.querySelector('.wb-agreement .wb-words').textContent.includes('{count} selected')"
    )
    wait_for(notebook.page, f"document.querySelector('.wb-disagree').textContent.includes('{count} selected')")


def test_a_card_opens_in_the_editor(notebook: Any) -> None:
    notebook.page.locator(".wb-card").nth(2).click()
    text = notebook.ask("print(board.cards[2]['text'])")
    assert notebook.ask_until("print(str(editor.value))", text) == text
    assert notebook.ask("print(board.clicked == str(editor.value), frame.index[board.marked] == board.clicked)") == (
        "True True"
    )


def test_a_turned_sign_and_another_statistic_are_computed_by_the_kernel(notebook: Any) -> None:
    page = notebook.page
    page.get_by_role("button", name="Turn the sign of time round").click()
    assert notebook.ask_until("print(board.flipped)", "['time']") == "['time']"
    wait_for(page, "document.querySelector('.wb-row[data-name=time]').ariaLabel.includes('cifar10 −0.')")
    page.get_by_label("Statistic of agreement").select_option("top")
    wait_for(page, "document.querySelector('.wb-table thead').textContent.includes('share of the best 10 % found')")
    assert notebook.ask("print(board.statistic, board.agreed['rows'][0]['name'])") == "top latency"


def test_intervals_are_finished_while_one_looks(notebook: Any) -> None:
    wait_for(notebook.page, "/[0-9]+ resamples\\./.test(document.querySelector('.wb-agreement .wb-words').textContent)")
    assert notebook.ask("print(board.agreed['made'] == board.agreed['wanted'] == 614)") == "True"


def test_letters_typed_in_the_board_are_no_commands_of_the_notebook(notebook: Any) -> None:
    page, before = notebook.page, notebook.cells()
    for place in (".wb-row[tabindex='0']", ".wb-heat", ".wb-top", ".wb-card", ".wb-table button", ".wb-board select"):
        page.locator(place).first.focus()
        for key in "badd":
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert notebook.cells() == before


def test_points_and_lines_follow_the_theme(notebook: Any) -> None:
    page = notebook.page
    for theme, line in (("Dark", "50,60,71"), ("Light", "223,228,234")):
        page.evaluate(
            "name => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", f"JupyterLab {theme}"
        )
        page.wait_for_function(_HAS_LINE, arg=line)


def test_a_saved_notebook_holds_a_still(notebook: Any) -> None:
    bundle = notebook.page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.toJSON()[0].data"
    )
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "How alike they rank" in "".join(bundle["image/svg+xml"])


def _colours(page: Page, png: bytes) -> int:
    """How many different colours a screenshot has."""
    found: int = page.evaluate(
        """async (data) => {
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
          const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
          context.drawImage(image, 0, 0);
          return new Set(new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer)).size;
        }""",
        base64.b64encode(png).decode(),
    )
    return found


# Whether the canvas of the points has a grid line of this colour.
_HAS_LINE = """(line) => {
  const canvas = document.querySelector(".wb-board canvas");
  const { data } = canvas.getContext("2d").getImageData(canvas.width / 2, 0, 1, canvas.height);
  const pixels = Array.from({ length: canvas.height }, (_, i) => [...data.slice(4 * i, 4 * i + 4)]);
  return pixels.some(([r, g, b, opacity]) => opacity > 250 && [r, g, b].join() === line);
}"""
