"""Widgets in reports: alive from the states that a notebook holds, run by installed code, small when stored."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

import workbench as wb
from workbench.pipelines.execution import run
from workbench.pipelines.outputs import Unshowable
from workbench.pipelines.report import report
from workbench.pipelines.states import KEPT, make_small
from workbench.widgets.page import STATES

EVIL = "window.fired=1;export default{render(){window.fired=1}}"


@pytest.fixture(scope="module")
def table() -> Any:
    return wb.benchmark("nasbench201", dataset="cifar10").table().iloc[::60]


@pytest.fixture
def maps(table: Any) -> list[wb.SpaceMap]:
    found = [wb.SpaceMap(table), wb.SpaceMap(table)]
    wb.link(*found)
    return found


def notebook(path: Path, *shown: Any, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
    """An executed notebook as Jupyter saves it, with the states of its widgets."""
    cells = []
    for widget in shown:
        bundle = widget._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        cells.append(new_code_cell("show()", outputs=[new_output("display_data", data)]))
    inside = [child for widget in shown for child in getattr(widget, "children", ())]
    state = json.loads(json.dumps(ipywidgets.Widget.get_manager_state(widgets=[*shown, *inside])))
    change(state["state"])
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {STATES: state}}), path)
    return path


class Opened:
    """A report opened offline from its file."""

    def __init__(self, browser: Any, path: Path) -> None:
        self.complaints: list[str] = []
        self.page = browser.new_page(viewport={"width": 1100, "height": 900})
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: r.url[:5] in ("data:", "file:", "blob:") or self.complaints.append(r.url))
        self.page.goto(path.resolve().as_uri())


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


@pytest.mark.browser
def test_widgets_of_a_notebook_with_states_are_alive_and_linked_in_its_report(
    tmp_path: Path, browser: Any, maps: list[wb.SpaceMap]
) -> None:
    made = report(notebook(tmp_path / "n.ipynb", *maps), tmp_path / "page.html")
    assert made.read_text(encoding="utf-8").count(".space_map=") == 1
    opened = Opened(browser, made)
    page = opened.page
    page.wait_for_function("document.querySelectorAll('.wb-map[data-paint-ms]').length === 2")
    assert not page.locator("img.still").first.is_visible()
    area = page.locator(".wb-top").first.bounding_box()
    page.mouse.move(area["x"] + 62, area["y"] + 34)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 0.6 * area["height"], steps=4)
    page.mouse.up()
    page.wait_for_function("!document.querySelectorAll('.wb-foot')[1].textContent.startsWith('nothing')")
    page.emulate_media(media="print")
    assert page.locator("img.still").first.is_visible()
    assert opened.complaints == []


@pytest.mark.browser
def test_the_code_in_a_notebooks_states_never_runs(tmp_path: Path, browser: Any, maps: list[wb.SpaceMap]) -> None:
    def spoil(states: dict[str, Any]) -> None:
        ours = [states[one.model_id]["state"] for one in maps]
        ours[0]["_esm"] = EVIL  # named as ours: the installed bundle runs in its place
        ours[1].update(_esm=EVIL, _anywidget_id="somebody.elses.Widget", _css="*{display:none}")

    made = report(notebook(tmp_path / "n.ipynb", *maps, change=spoil), tmp_path / "page.html")
    assert "window.fired" not in made.read_text(encoding="utf-8")
    opened = Opened(browser, made)
    opened.page.wait_for_function("document.querySelectorAll('.wb-map[data-paint-ms]').length === 1")
    assert opened.page.locator("img.picture:not(.still)").count() == 1, "the other one keeps its still"
    assert opened.page.evaluate("typeof fired") == "undefined"
    assert opened.complaints == []


@pytest.mark.browser
def test_a_state_that_its_widget_cannot_read_breaks_no_other_one(
    tmp_path: Path, browser: Any, maps: list[wb.SpaceMap]
) -> None:
    def spoil(states: dict[str, Any]) -> None:
        states[maps[0].model_id]["state"].update(columns=7, axes=None)

    page = Opened(browser, report(notebook(tmp_path / "n.ipynb", *maps, change=spoil), tmp_path / "page.html")).page
    page.wait_for_selector(".wb-map[data-paint-ms]", state="attached")  # evaluates nothing, which the page forbids
    assert page.get_by_role("alert").first.inner_text().startswith("This widget failed in the browser")


def test_a_box_of_our_widgets_is_shown_and_one_of_others_is_refused(tmp_path: Path, maps: list[wb.SpaceMap]) -> None:
    text = report(notebook(tmp_path / "n.ipynb", ipywidgets.HBox(maps)), tmp_path / "p.html").read_text()
    assert text.count('<div data-widget="') == 2
    mixed = ipywidgets.HBox([maps[0], ipywidgets.IntSlider()])
    with pytest.raises(Unshowable, match="give the widget a still"):
        report(notebook(tmp_path / "n.ipynb", mixed), tmp_path / "p.html")


def test_states_are_made_small_and_nothing_is_stored_twice(tmp_path: Path, maps: list[wb.SpaceMap]) -> None:
    path = notebook(tmp_path / "n.ipynb", *maps, *maps)
    before = path.stat().st_size
    make_small(path)
    document = nbformat.read(path, as_version=4)
    nbformat.validate(document)
    assert "widgets" not in document.metadata
    assert set(document.metadata[KEPT]["widgets"]) >= {one.model_id for one in maps}
    buffers = document.metadata[KEPT]["buffers"]
    assert len(buffers) == len(set(buffers))
    assert "_esm" not in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 0.6 * before
    first = report(path, tmp_path / "p.html").read_text(encoding="utf-8")
    assert first.count('<div data-widget="') == 4
    stored = path.read_bytes()
    make_small(path)
    assert path.read_bytes() == stored


@pytest.mark.parametrize("metadata", [{KEPT: {"widgets": 3}}, {KEPT: []}, {"widgets": []}, {"widgets": {STATES: 1}}])
def test_damaged_states_leave_the_stills(tmp_path: Path, maps: list[wb.SpaceMap], metadata: dict[str, Any]) -> None:
    path = notebook(tmp_path / "n.ipynb", maps[0])
    document = nbformat.read(path, as_version=4)
    document.metadata = nbformat.from_dict(metadata)
    path.write_text(json.dumps(document), encoding="utf-8")
    text = report(path, tmp_path / "p.html").read_text(encoding="utf-8")
    assert "data-widget" not in text
    assert base64.b64encode(maps[0].still().encode()).decode()[:200] in text


def test_the_report_of_a_pipeline_is_alive_and_its_notebook_small(
    tmp_path: Path, write_notebook: Callable[..., Path]
) -> None:
    write_notebook("tell", "import workbench as wb\nspace = wb.search_space('nasbench201')\n"
                   "editors = [wb.CellEditor(space.sample(1, seed=i)[0], []) for i in range(3)]\n"
                   "display(*editors)", "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass")  # fmt: skip
    (tmp_path / "small.toml").write_text('[stages.tell]\nnotebook = "tell.ipynb"\n')
    done = run(tmp_path / "small.toml", folder=tmp_path / "run", progress=False)
    executed = tmp_path / "run" / "tell" / "notebook.ipynb"
    assert executed.stat().st_size < 200_000  # with the numbers of all 15,625 architectures, which the three share
    kept = nbformat.read(executed, as_version=4).metadata[KEPT]["widgets"]
    assert [one["bundle"] for one in kept.values()] == ["cell_editor"] * 3
    assert done.report is not None
    assert done.report.read_text(encoding="utf-8").count('<div data-widget="') == 3
