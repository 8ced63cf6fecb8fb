"""Pages of living widgets: one file, nothing to load, nothing foreign run, and everything linked without a kernel."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput
from workbench.widgets.page import Stock, bundles, inline_script, slim, states_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"


@pytest.fixture(scope="module")
def table(bench: Benchmark) -> pd.DataFrame:
    return bench.table().iloc[::40]


@pytest.fixture
def maps(table: pd.DataFrame) -> tuple[wb.SpaceMap, wb.SpaceMap]:
    """Two linked maps of the same rows."""
    first, second = wb.SpaceMap(table), wb.SpaceMap(table, x="train_time_s")
    wb.link(first, second)
    return first, second


@pytest.fixture
def editor(bench: Benchmark, table: pd.DataFrame) -> wb.CellEditor:
    return wb.CellEditor(bench.space.parse(table.index[0]), bench)


def states(text: str) -> str:
    """The data of a page's widgets."""
    found = re.search(r"<script type=\"application/json\" data-widgets>(.*?)</script>", text, re.DOTALL)
    assert found
    return found[1]


# -- what is in the file ---------------------------------------------------------------------------------------------


def test_a_page_holds_each_bundle_once_and_says_its_size(tmp_path: Path, maps: Any, editor: wb.CellEditor) -> None:
    made = wb.page(["# Found\n\nSome *words*.", editor, list(maps)], tmp_path / "found.html")
    text = Path(made).read_text(encoding="utf-8")
    assert made.size == len(text.encode())
    assert re.fullmatch(r".*found\.html: \d\.\d\d MB, 3 widgets, opens without a network", repr(made))
    assert text.count(".space_map=") == text.count(".cell_editor=") == 1
    assert "proxy_board=" not in text
    assert "<title>Found</title>" in text
    assert "<em>words</em>" in text


def test_equal_binary_values_are_in_the_page_once(tmp_path: Path, table: pd.DataFrame) -> None:
    one = wb.page([wb.SpaceMap(table)], tmp_path / "one.html")
    stills = len(base64.b64encode(wb.SpaceMap(table).still().encode()))
    five = wb.page([wb.SpaceMap(table) for _ in range(5)], tmp_path / "five.html")
    assert five.size - one.size < 4 * stills + 20_000
    assert sum(len(v) for v in wb.SpaceMap(table).get_state().values() if isinstance(v, bytes)) > 4_000


def test_a_page_asks_for_nothing_and_runs_only_what_is_in_it(tmp_path: Path, editor: wb.CellEditor) -> None:
    text = Path(wb.page([editor], tmp_path / "p.html")).read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(?!data:)[^\s"'>]+""", text)


def test_rows_and_columns_of_ipywidgets_are_rows_and_columns_of_the_page(
    tmp_path: Path, editor: wb.CellEditor, maps: Any
) -> None:
    box = ipywidgets.VBox([editor, ipywidgets.HBox(maps)])
    made = wb.page([box], tmp_path / "p.html")
    assert made.widgets == 3
    assert re.search(r'class="column".*class="row"', Path(made).read_text(encoding="utf-8"), re.DOTALL)


def test_a_subclass_lives_on_the_bundle_of_the_class_it_refines(
    tmp_path: Path, table: pd.DataFrame, browser: Browser
) -> None:
    class Mine(wb.SpaceMap):
        pass

    wb.page([Mine(table)], tmp_path / "mine.html")
    with opened(browser, tmp_path / "mine.html") as page:
        assert page.locator(".wb-map").count() == 1


def test_widgets_that_hold_something_back_say_it_first(tmp_path: Path, table: pd.DataFrame) -> None:
    class Slow(wb.SpaceMap):
        def complete(self) -> None:
            self.note = "all of it"

    wb.page([ipywidgets.HBox([Slow(table)])], tmp_path / "slow.html")
    assert '"note":"all of it"' in states((tmp_path / "slow.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], r"takes a list of widgets and texts, such as \[editor, atlas\]; got \[\]"),
        ("words", "takes a list of widgets and texts"),
        ([7], "made of widgets, texts, and lists of these; got 7"),
        ([ipywidgets.IntSlider()], "the workbench's own widgets, and HBox and VBox of them; got IntSlider"),
        ([ipywidgets.HBox([ipywidgets.IntSlider()])], "the workbench's own widgets"),
    ],
)
def test_what_cannot_be_on_a_page_is_refused(tmp_path: Path, parts: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        wb.page(parts, tmp_path / "p.html")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_refused_and_a_page_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text("old")
    with pytest.raises(InvalidInput, match=r"cannot be written: No such file or directory. Give another path"):
        wb.page(["words"], tmp_path / "nowhere" / "p.html")
    with pytest.raises(InvalidInput):
        wb.page(["words", ipywidgets.IntSlider()], tmp_path / "p.html")
    assert (tmp_path / "p.html").read_text() == "old"
    wb.page(["new"], tmp_path / "p.html", title="A <title>")
    assert "<title>A &lt;title&gt;</title>" in (tmp_path / "p.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["p.html"]


# -- states from a notebook that nobody has to trust -----------------------------------------------------------------


def test_what_is_kept_of_a_state_is_neither_code_nor_layout(maps: Any) -> None:
    kept = slim(states_of(maps))
    one = kept["widgets"][maps[0].model_id]
    assert set(one) == {"bundle", "state", "buffers"}
    assert one["bundle"] == "space_map"
    assert not [name for name in one["state"] if name.startswith("_") or name in {"layout", "tabbable", "tooltip"}]
    assert one["buffers"]["y_values"] == kept["widgets"][maps[1].model_id]["buffers"]["y_values"]
    y_values = zlib.decompress(base64.b64decode(kept["buffers"][one["buffers"]["y_values"]]))
    assert y_values == maps[0].y_values


@pytest.mark.parametrize(
    "name",
    ["__main__.Mine", "workbench.widgets.page.X", "workbench.widgets...x.Y", "workbench.widgets.cell_editor/../x.Y",
     "workbench.widgets.", "workbench.widgets.cell_editor", "", None, 7, ["workbench.widgets.cell_editor.CellEditor"]],
)  # fmt: skip
def test_only_the_packages_own_bundles_can_be_named(name: Any) -> None:
    entry = {"model_name": "AnyModel", "state": {"_anywidget_id": name, "_esm": "export default {}"}}
    assert slim({"state": {"a": entry}}) == {"widgets": {}, "buffers": []}


def test_every_public_widget_has_a_bundle_and_the_host_is_none() -> None:
    homes = {name: getattr(wb, name).__module__ for name in dir(wb) if name[0].isupper()}
    ours = {home.rpartition(".")[2] for home in homes.values() if home.startswith("workbench.widgets.")}
    assert ours <= set(bundles())
    assert "page" not in bundles()


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"widgets": [], "buffers": {}},
        {"widgets": {"a": None, "b": [], "c": {"bundle": ["x"]}}, "buffers": [1]},
        {"widgets": {"a": {"bundle": "nothing", "state": {}, "buffers": {}}}, "buffers": []},
        {"widgets": {"a": {"bundle": "space_map", "state": [], "buffers": {}}}, "buffers": []},
        {"widgets": {"a": {"bundle": "space_map", "state": {}, "buffers": {"x": 0}}}, "buffers": []},
        {"widgets": {"a": {"bundle": "space_map", "state": {}, "buffers": {"x": -1}}}, "buffers": ["eJwDAAAAAAE="]},
        {"widgets": {"a": {"bundle": "space_map", "state": {}, "buffers": {"x": True}}}, "buffers": ["x", "y"]},
        {"widgets": {"a": {"bundle": "space_map", "state": {}, "buffers": {"x": 0}}}, "buffers": ["no base64"]},
        {"widgets": {"a": {"bundle": "space_map", "state": {}, "buffers": {"x": 0}}}, "buffers": ["AAAA"]},
        {"widgets": {"a": {"flow": "row", "members": ["a"]}}, "buffers": []},
        {"widgets": {"a": {"flow": "row onload=x", "members": []}}, "buffers": []},
        {"widgets": {"a": {"flow": "row", "members": ["b"]}, "b": {"flow": "row", "members": ["a"]}}},
    ],
)
def test_a_damaged_store_shows_nothing_and_breaks_nothing(kept: Any) -> None:
    assert "a" not in Stock(kept)


def test_bytes_that_would_fill_the_memory_are_left_out() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(1 << 28), 9)).decode()
    one = {"bundle": "space_map", "state": {}, "buffers": {"x_values": 0}}
    assert "a" not in Stock({"widgets": {"a": one}, "buffers": [bomb]})


def test_a_text_in_a_script_cannot_end_it() -> None:
    assert inline_script("a='</Script><!--'") == "a='<\\/Script>\\u003c!--'"


# -- in a browser, from a file, without a network --------------------------------------------------------------------


class opened:
    """A page opened from its file, offline; it must ask for nothing and complain about nothing."""

    def __init__(self, browser: Browser, path: Path, scheme: Any = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": 900, "height": 1000}, offline=True, color_scheme=scheme, accept_downloads=True
        )
        self.path = path

    def __enter__(self) -> Page:
        page = self.context.new_page()
        self.complaints: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("dialog", lambda d: self.complaints.append(d.message))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("data:", "blob:", "file:")) else self.complaints.append(r.url),
        )
        page.goto(self.path.as_uri())
        page.wait_for_function("document.documentElement.dataset.widgets === 'alive'")
        return page

    def __exit__(self, *failed: Any) -> None:
        self.context.close()
        assert failed[0] is not None or self.complaints == []


def painted(page: Page, count: int = 1) -> None:
    page.wait_for_function(f"document.querySelectorAll('.wb-map[data-paint-ms]').length === {count}")


def box(page: Page, number: int = 0) -> None:
    """Select part of a map by dragging."""
    place = page.locator(".wb-top").nth(number)
    place.scroll_into_view_if_needed()
    area = place.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 62, area["y"] + 34)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.55 * area["width"], area["y"] + 0.5 * area["height"], steps=4)
    page.mouse.up()


def foot(page: Page, number: int) -> str:
    return page.locator(".wb-foot").nth(number).inner_text().split(" selected")[0]


@pytest.mark.browser
def test_a_selection_in_one_map_is_one_in_the_other_without_a_kernel(
    tmp_path: Path, browser: Browser, maps: Any
) -> None:
    wb.page([list(maps)], tmp_path / "p.html")
    with opened(browser, tmp_path / "p.html") as page:
        painted(page, 2)
        box(page)
        page.wait_for_function("!document.querySelectorAll('.wb-foot')[1].textContent.startsWith('nothing')")
        assert int(foot(page, 0)) > 3
        assert foot(page, 0) == foot(page, 1)


@pytest.mark.browser
def test_a_clicked_point_opens_in_a_linked_editor_and_is_named(
    tmp_path: Path, browser: Browser, maps: Any, editor: wb.CellEditor, table: pd.DataFrame
) -> None:
    wb.link(editor, *maps)
    wb.page([editor, *maps], tmp_path / "p.html")
    with opened(browser, tmp_path / "p.html") as page:
        painted(page, 2)
        canvas = page.locator(".wb-top").first
        canvas.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('.wb-tip code').textContent.startsWith('|')")
        name = page.locator(".wb-tip code").first.inner_text()
        assert name in table.index
        page.keyboard.press("Enter")
        page.wait_for_function("name => document.querySelector('.wb-text').textContent === name", arg=name)


@pytest.mark.browser
def test_an_edit_is_drawn_and_nothing_waits_for_a_kernel(
    tmp_path: Path, browser: Browser, editor: wb.CellEditor
) -> None:
    wb.page([editor], tmp_path / "p.html")
    with opened(browser, tmp_path / "p.html") as page:
        edge = page.locator("[data-question='0->1']")
        edge.focus()
        page.keyboard.press("2")
        assert edge.text_content() == "skip"
        page.wait_for_timeout(5_500)
        assert page.get_by_role("alert").filter(has_text="kernel").count() == 0


@pytest.mark.browser
def test_two_views_of_one_widget_stay_equal(tmp_path: Path, browser: Browser, maps: Any) -> None:
    wb.page([maps[0], maps[0]], tmp_path / "p.html")
    with opened(browser, tmp_path / "p.html") as page:
        painted(page, 2)
        box(page, 1)
        page.wait_for_function("!document.querySelector('.wb-foot').textContent.startsWith('nothing')")
        assert foot(page, 0) == foot(page, 1)


@pytest.mark.browser
def test_printed_or_without_scripts_a_widget_is_its_still(tmp_path: Path, browser: Browser, maps: Any) -> None:
    wb.page([maps[0]], tmp_path / "p.html")
    with opened(browser, tmp_path / "p.html", scheme="dark") as page:
        painted(page)
        assert not page.locator("img.still").is_visible()
        page.emulate_media(media="print")
        assert page.locator("img.still").is_visible()
        assert not page.locator(".wb-map").is_visible()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "p.html").as_uri())
    assert page.locator("img.still").is_visible()
    context.close()


@pytest.mark.browser
def test_the_hosts_model_is_a_model_without_a_kernel(tmp_path: Path, browser: Browser, maps: Any) -> None:
    wb.page([maps[0]], tmp_path / "p.html")
    with opened(browser, tmp_path / "p.html") as page:
        heard = page.evaluate("""() => {
          const [model] = workbenchModels, heard = [];
          const hear = (_, value) => heard.push(value);
          model.on("change:title", hear);
          model.set("title", "a"); model.set("title", "a"); model.set("title", { b: [1, { c: 2 }] });
          model.set("title", { b: [1, { c: 2 }] }); model.set("title", new Uint8Array([1, 2]));
          model.set("title", new Uint8Array([1, 2])); model.set("title", new Uint8Array([1, 3]));
          model.off("change:title", hear);
          model.set("title", "b"); model.save_changes();
          return [heard.map(String), model.send({ any: "thing" }) ?? null, model.get("nothing") ?? null, model.alone];
        }""")
        assert heard == [["a", "[object Object]", "1,2", "1,3"], None, None, True]


@pytest.fixture(scope="module")
def read(browser: Browser) -> Callable[..., Any]:
    """What a page's models hold."""

    def look(path: Path, script: str) -> Any:
        with opened(browser, path) as page:
            return page.evaluate(script)

    return look


@pytest.mark.browser
def test_values_arrive_in_the_page_as_they_were(tmp_path: Path, read: Callable[..., Any], table: pd.DataFrame) -> None:
    atlas = wb.SpaceMap(table, title=HOSTILE)
    atlas.select(table.index[:3])
    wb.page([HOSTILE, atlas], tmp_path / "p.html", title=HOSTILE)
    script = """() => { const m = workbenchModels[0], view = m.get("y_values");
      return [m.get("title"), [...new Float32Array(view.buffer, view.byteOffset, 5)], m.get("selected").byteLength,
        typeof window.hacked, document.title]; }"""
    title, y, selected, hacked, page_title = read(tmp_path / "p.html", script)
    assert (title, selected, hacked, page_title) == (HOSTILE, 12, "undefined", HOSTILE)
    np.testing.assert_array_equal(np.array(y, np.float32), table["valid_accuracy"].to_numpy(np.float32)[:5])
