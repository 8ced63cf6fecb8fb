"""The widgets in every host that can be run here: Notebook 7, marimo, and the layouts of ipywidgets in JupyterLab."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"
SETUP = f"""
import ipywidgets
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
start = bench.space.parse({CELL!r})
editor = wb.CellEditor(start, bench)
atlas = wb.SpaceMap(bench)
wb.link(editor, atlas)
"""
EDGE = "[data-question='0->1']"
# What Notebook 7.6 says of itself on its console, with a notebook that holds no widget too.
NOTEBOOK_ITSELF = {"Cannot read properties of undefined (reading 'schema')"}
START = 60.0  # seconds for a server


def box(page: Page, number: int = 0) -> None:
    """Select part of a map by dragging."""
    place = page.locator(".wb-map .wb-top").nth(number)
    place.scroll_into_view_if_needed()
    area = place.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 66, area["y"] + 36)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 0.5 * area["height"], steps=5)
    page.mouse.up()
    assert soon(lambda: " selected" in page.locator(".wb-foot").nth(number).inner_text())


def count(page: Page, number: int = 0) -> str:
    return page.locator(".wb-foot").nth(number).inner_text().split(" selected")[0].replace(",", "")


def ready(page: Page, maps: int = 1) -> None:
    page.wait_for_selector(".wb-editor .wb-edge", state="attached")
    assert soon(lambda: page.locator(".wb-map[data-paint-ms]").count() == maps)  # also behind marimo's shadow roots


# -- Notebook 7 ------------------------------------------------------------------------------------------------------


def test_editor_and_map_work_in_notebook_7(jupyterlab: Any, browser: Browser) -> None:
    pytest.importorskip("notebook", reason="Notebook 7 is not installed: pip install 'nas-workbench[dev]'")
    cells = [SETUP + "ipywidgets.VBox([editor, atlas])"]
    with jupyterlab.notebook(browser, cells, size=(1000, 1500), place="notebooks") as notebook:
        notebook.run(0)
        ready(notebook.page)
        notebook.page.locator(EDGE).focus()
        notebook.page.keyboard.press("1")
        asked = "print(editor.value.decisions['0->1'], str(editor.value) == atlas.opened['name'])"
        assert notebook.ask_until(asked, "none True") == "none True"
        box(notebook.page)
        selected = count(notebook.page)
        assert notebook.ask_until("print(len(atlas.selection))", selected) == selected
        assert set(notebook.record.errors) <= NOTEBOOK_ITSELF
        assert notebook.record.outside == []


# -- marimo ----------------------------------------------------------------------------------------------------------

APP = f"""
import marimo

app = marimo.App()


@app.cell
def _():
    from pathlib import Path
    {SETUP.strip().replace(chr(10), chr(10) + "    ")}
    editor.observe(lambda change: Path("value").write_text(str(change["new"].decisions["0->1"])), "value")
    atlas.observe(lambda change: Path("selection").write_text(str(len(change["new"]))), "selection")
    return atlas, editor


@app.cell
def _(editor):
    editor
    return


@app.cell
def _(atlas):
    atlas
    return
"""


@pytest.fixture
def marimo_app(tmp_path: Path, repository: Path) -> Iterator[str]:
    """The address of an app that marimo runs."""
    pytest.importorskip("marimo", reason="marimo is not installed: pip install 'nas-workbench[dev]'")
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token", "--no-sandbox",
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    own = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    paths = os.pathsep.join(filter(None, [str(repository), os.environ.get("PYTHONPATH", "")]))
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, env={**os.environ, **own, "PYTHONPATH": paths}
        )
        try:
            if not soon(lambda: answers(f"http://127.0.0.1:{port}/health"), START):
                raise RuntimeError(f"marimo did not start: {(tmp_path / 'server.log').read_text()[-2000:]}")
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def soon(true: Any, patience: float = 20.0) -> bool:
    """Whether something becomes true within some seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)
    return False


def says(file: Path, expected: str) -> bool:
    return soon(lambda: file.exists() and file.read_text() == expected)


def test_editor_and_map_work_in_marimo(
    marimo_app: str, browser: Browser, lab_module: ModuleType, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 1500})
    record = lab_module.Record(page)
    page.goto(marimo_app)
    page.wait_for_selector(".wb-editor .wb-edge", state="attached", timeout=60_000)
    ready(page)
    before = page.locator(".wb-facts").first.inner_text()
    page.locator(EDGE).focus()
    page.keyboard.press("1")
    assert says(tmp_path / "value", "none")
    assert soon(lambda: page.locator(".wb-facts").first.inner_text() != before)
    box(page)
    assert says(tmp_path / "selection", count(page))
    assert record.errors == []
    assert record.outside == []
    page.close()


# -- the layouts of ipywidgets, two views, a kernel that is gone: JupyterLab -----------------------------------------

LAYOUTS = """
tab = ipywidgets.Tab([ipywidgets.HBox([editor, atlas]), ipywidgets.Accordion([wb.SpaceMap(bench, height=300)])])
tab"""
INTERACT = """
@ipywidgets.interact(seed=(0, 3))
def show(seed=0):
    display(wb.CellEditor(bench.space.sample(1, seed=seed)[0], []))"""


@pytest.fixture(scope="module")
def open_notebook(jupyterlab: Any, browser: Browser) -> Iterator[Any]:
    cells = [SETUP + LAYOUTS, INTERACT, "ipywidgets.VBox([editor, atlas])"]
    with jupyterlab.notebook(browser, cells, size=(1500, 1100)) as notebook:
        notebook.run(0)
        ready(notebook.page)
        yield notebook
        assert notebook.record.errors == []
        assert notebook.record.outside == []


def test_widgets_share_a_row_and_a_hidden_tab_is_drawn_when_it_is_opened(open_notebook: Any) -> None:
    page = open_notebook.page
    editor, atlas = (page.locator(selector).first.bounding_box() for selector in (".wb-editor", ".wb-map"))
    assert editor["x"] + editor["width"] <= atlas["x"] + 4
    assert min(editor["width"], atlas["width"]) > 300
    page.locator(".jupyter-widget-tab .lm-TabBar-tab").nth(1).click()
    page.locator(".jupyter-widget-Collapse-header").first.click()
    page.wait_for_function("document.querySelectorAll('.wb-map[data-paint-ms]').length === 2")
    page.locator(".jupyter-widget-tab .lm-TabBar-tab").first.click()


def test_a_widget_made_by_interact_is_replaced_by_the_next_one(open_notebook: Any) -> None:
    open_notebook.run(1)
    page = open_notebook.page
    output = page.locator(".jp-Cell").nth(1)
    output.locator(".wb-editor .wb-edge").first.wait_for(state="attached")
    before = output.locator(".wb-text").inner_text()
    output.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        """before => { const found = document.querySelectorAll(".jp-Cell")[1].querySelectorAll(".wb-text");
          return found.length === 1 && found[0].textContent !== before; }""",
        arg=before,
    )
    expected = open_notebook.ask("print(bench.space.sample(1, seed=show.widget.children[0].value)[0])")
    assert output.locator(".wb-text").inner_text() == expected


def test_two_views_of_one_widget_stay_equal_in_jupyterlab(open_notebook: Any) -> None:
    open_notebook.run(2)
    page = open_notebook.page
    second = page.locator(".jp-Cell").nth(2)
    second.locator(".wb-editor .wb-edge").first.wait_for(state="attached")
    page.wait_for_function("document.querySelectorAll('.jp-Cell')[2].querySelector('.wb-map')?.dataset.paintMs")
    second.locator(EDGE).focus()
    page.keyboard.press("2")
    texts = "[0, 2].map(n => document.querySelectorAll('.jp-Cell')[n].querySelector('.wb-text').textContent)"
    page.wait_for_function(f"() => {{ const [a, b] = {texts}; return a === b && a.startsWith('|skip_connect~0|+'); }}")
    facts = "[0, 2].map(n => document.querySelectorAll('.jp-Cell')[n].querySelector('.wb-facts').textContent)"
    page.wait_for_function(f"() => {{ const [a, b] = {facts}; return a === b && a !== ''; }}")


def test_when_the_kernel_is_gone_the_views_say_so_and_stay(open_notebook: Any) -> None:
    page = open_notebook.page
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.wait_for_function(
        """() => [...document.querySelectorAll(".wb")].filter((one) => one.checkVisibility())
          .every((one) => /kernel is gone/.test(one.textContent))""",
        timeout=30_000,
    )
    first = page.locator(".jp-Cell").first
    before = first.locator(".wb-text").inner_text()
    first.locator(EDGE).focus()
    page.keyboard.press("4")
    page.wait_for_timeout(500)
    first.locator(".wb-top").first.focus()
    page.keyboard.press("ArrowRight")
    assert first.locator(".wb-tip").first.inner_text() != ""
    assert before.startswith("|")
    assert first.locator(".wb-text").inner_text().startswith("|")
