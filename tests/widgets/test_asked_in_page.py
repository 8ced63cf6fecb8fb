"""Computed numbers in the browser: what stands in the row, what is asked of the kernel, and a page without one."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.measure import Measure
from workbench.spaces import SearchSpace
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.editor.computed import LATENCY, Number

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
NUMBERS = {
    LATENCY: Number("6.12 ms", "median of 30 runs"),
    "synflow": Number("42.1", "higher is better"),
    "params": Number("0.587 M"),
}


class Stage:
    """Opens editors in a page, plays the kernel, and remembers what went wrong there."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType) -> None:
        self._browser, self._pages, self._lab = browser, pages, lab
        self.page: Page
        self.record: Any

    def show(self, *widgets: Any, alone: bool = False) -> Page:
        self.page = self._browser.new_context(viewport={"width": 760, "height": 1200}).new_page()
        self.record = self._lab.Record(self.page)
        script = f"for (const model of models) model.alone = {str(alone).lower()};"
        script = f'<script>document.addEventListener("workbench:models", () => {{ {script} }});</script>'
        html = self._pages.page_of(*widgets)
        self.page.set_content(html.replace('<script type="module">', f'{script}<script type="module">', 1))
        self.page.wait_for_function("window.ready")
        return self.page

    def say(self, **message: Any) -> None:
        """A message of the kernel."""
        self.page.evaluate("message => models[0].emit('msg:custom', message)", {"kind": "asked"} | message)

    def set(self, **state: Any) -> None:
        """New values of the kernel's traits."""
        self.page.evaluate("state => models[0].say(state)", state)

    def asked(self) -> list[Any]:
        """What was asked of the kernel, in order."""
        sent: list[Any] = self.page.evaluate("models[0].sent")
        return [{k: v for k, v in one.items() if k != "kind"} for one in sent if one["kind"] == "ask"]


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    stage.page.context.close()


@pytest.fixture
def arch(bench: Benchmark, cell: str) -> Architecture:
    return bench.space.parse(cell)


def editor_of(arch: Architecture, numbers: dict[str, Number], proxies: Any = None, bench: Any = ()) -> CellEditor:
    """An editor that knows these numbers, and offers the whole catalogue unless told otherwise."""
    editor = CellEditor(arch, bench, proxies=proxies)
    editor._asking._found(None)
    editor._asking._known[str(arch)] = numbers
    editor._asking._show()
    return editor


def row(page: Page) -> list[str]:
    return [text.replace("\n", " ") for text in page.locator(".wb-asked-row .wb-number").all_inner_texts()]


def jobs(arch: Architecture, *keys: str, **more: Any) -> list[dict[str, Any]]:
    job = {"decisions": dict(arch.decisions), "automatic": False, "elapsed": None, "expected": 0.0}
    return [{**job, "keys": [key], **more} for key in keys]


def test_the_browser_greets_once_and_shows_what_is_known(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, NUMBERS))
    stage.say(do="here")
    assert stage.asked() == [{"do": "hello"}]
    assert row(page)[0] == "this host 6.12 ms"
    assert "synflow 42.1" in row(page)
    assert not any(text.startswith("params") for text in row(page))  # the facts show it
    assert page.locator(".wb-number", has_text="this host").get_attribute("title") == (
        "median of 30 runs. Press to measure again."
    )


def test_a_number_of_another_architecture_is_not_shown_and_comes_back_with_its_own(
    stage: Stage, arch: Architecture
) -> None:
    page = stage.show(editor_of(arch, NUMBERS))
    stage.say(do="here")
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    assert page.evaluate("models[0].state.decisions['0->1']") == "skip_connect"
    assert not any("42.1" in text or "6.12" in text for text in row(page))
    assert "synflow …" in row(page)
    late = {"decisions": dict(arch.decisions), "numbers": {"synflow": Number("43.3")._asdict()}}
    stage.set(asked=late)
    assert "synflow …" in row(page)
    page.get_by_role("button", name="Undo").click()
    assert "synflow 43.3" in row(page)


def test_a_number_is_asked_for_in_the_menu_and_stays_in_the_row(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, NUMBERS))
    stage.say(do="here")
    page.get_by_role("button", name="+ more").click()
    groups = page.locator("[role=menu] [role=group]").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert groups == ["counted", "a forward pass", "forward and backward passes"]
    assert "0.587 M" in page.get_by_role("menuitem", name="params", exact=False).first.inner_text()
    page.get_by_role("menuitem", name="nwot compute").click()
    assert stage.asked()[-1] == {"do": "compute", "key": "nwot"}
    stage.say(do="jobs", jobs=jobs(arch, "nwot", elapsed=2.0, expected=8.0))
    assert "nwot …" in row(page)
    assert page.locator(".wb-strip").inner_text().startswith("nwot: 2 s of about 8 s")
    assert 0.2 < float(page.locator("progress").get_attribute("value") or 0) < 0.5
    stage.set(asked={"decisions": dict(arch.decisions), "numbers": {"nwot": Number("769")._asdict()}})
    stage.say(do="jobs", jobs=[])
    assert "nwot 769" in row(page)
    assert page.locator(".wb-strip").count() == 0
    assert page.locator("[aria-live]").first.inner_text() == "nwot 769"


def test_what_is_computed_can_be_stopped_and_says_for_which_architecture_it_is(
    stage: Stage, arch: Architecture
) -> None:
    page = stage.show(editor_of(arch, {}))
    stage.say(do="here")
    other = arch.space.neighbors(arch)[0]
    stage.say(do="jobs", jobs=[*jobs(other, "zico", elapsed=1.0), *jobs(arch, "nwot")])
    words = page.locator(".wb-strip").inner_text()
    assert words.startswith("zico of another architecture: 1 s, 1 more")
    assert page.locator("progress").get_attribute("value") is None
    page.wait_for_function("document.querySelector('.wb-strip').textContent.includes('2 s')")
    page.get_by_role("button", name="stop").click()
    assert stage.asked()[-1] == {"do": "cancel"}


def test_what_comes_by_itself_is_not_announced_as_something_to_stop(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, {}))
    stage.say(do="here")
    stage.say(do="jobs", jobs=jobs(arch, "synflow", automatic=True, elapsed=0.1))
    assert page.locator(".wb-strip").count() == 0
    assert "synflow …" in row(page)


def test_what_has_no_number_is_said_in_words(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, {"naslid": Number(reason="every unit is dead")}))
    stage.say(do="here")
    assert "naslid no number: every unit is dead" in row(page)


def test_what_fails_in_the_kernel_is_shown(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, {}))
    stage.say(do="failed", words="Not computed. <b>no table</b>")
    assert page.get_by_role("alert").inner_text() == "Not computed. <b>no table</b>"


def test_the_latency_is_measured_again_on_a_click(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, NUMBERS))
    assert page.locator("button.wb-number", has_text="this host").is_disabled()
    stage.say(do="here")
    page.locator("button.wb-number", has_text="this host").click()
    assert stage.asked()[-1] == {"do": "compute", "key": LATENCY}


def test_the_menu_is_worked_by_keyboard_alone(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, {}))
    stage.say(do="here")
    more = page.get_by_role("button", name="+ more")
    more.focus()
    page.keyboard.press("ArrowDown")
    assert more.get_attribute("aria-expanded") == "true"
    page.keyboard.press("z")
    assert page.evaluate("document.activeElement.textContent").startswith("zen")
    page.keyboard.press("End")
    last = page.get_by_role("menuitem").last.inner_text()
    assert page.evaluate("document.activeElement.innerText") == last
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == page.get_by_role("menuitem").first.inner_text()
    page.keyboard.press("Escape")
    assert not page.get_by_role("menu", name="Other numbers").is_visible()
    assert page.evaluate("document.activeElement.innerText") == "+ more"
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    assert stage.asked()[-1]["do"] == "compute"


def test_the_menu_keeps_its_place_while_numbers_arrive(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, {}))
    stage.say(do="here")
    page.get_by_role("button", name="+ more").click()
    page.keyboard.press("z")
    before = page.evaluate("document.activeElement.textContent")
    stage.set(asked={"decisions": dict(arch.decisions), "numbers": {"synflow": Number("43.3")._asdict()}})
    assert page.evaluate("document.activeElement.textContent") == before
    assert "43.3" in page.get_by_role("menuitem", name="synflow 43.3").inner_text()


def test_without_a_kernel_the_known_numbers_stay_and_the_others_say_why_not(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, NUMBERS), alone=True)
    assert stage.asked() == []
    assert "synflow 42.1" in row(page)
    assert "zen not computed" in row(page)
    chip = page.locator("button.wb-number", has_text="zen")
    assert chip.is_disabled()
    assert (chip.get_attribute("title") or "").endswith("This page has no kernel to compute it.")
    page.get_by_role("button", name="+ more").click()
    entry = page.get_by_role("menuitem", name="nwot compute")
    assert entry.get_attribute("aria-disabled") == "true"
    assert entry.get_attribute("title") == "This page has no kernel to compute it."
    entry.dispatch_event("click")
    assert stage.asked() == []


def test_a_kernel_that_does_not_answer_is_reported_at_the_buttons(stage: Stage, arch: Architecture) -> None:
    page = stage.show(editor_of(arch, {}))
    chip = page.locator("button.wb-number", has_text="synflow")
    assert (chip.get_attribute("title") or "").endswith("Waiting for the kernel.")
    page.wait_for_function(
        "[...document.querySelectorAll('.wb-number')].some(one => one.title.includes('The kernel does not answer'))"
    )
    stage.say(do="here")
    assert chip.is_enabled()


# -- twins and nearest ---------------------------------------------------------------------------------------------


def unfold(stage: Stage, editor: CellEditor) -> Page:
    page = stage.show(editor)
    stage.say(do="here")
    page.locator(".wb-kin summary").click()
    page.locator(".wb-kin li").first.wait_for(state="attached")  # unfolding is an event of its own
    return page


def kin_of(editor: CellEditor) -> dict[str, Any]:
    return {"decisions": dict(editor.value.decisions), **editor._asking._kin.of(editor.value)}


def test_twins_are_asked_for_when_the_list_is_unfolded_and_open_on_a_click(
    stage: Stage, arch: Architecture, bench: Benchmark
) -> None:
    editor = editor_of(arch, {}, bench=bench)
    page = stage.show(editor)
    stage.say(do="here")
    page.wait_for_timeout(500)
    assert {"do": "kin"} not in stage.asked()
    page.locator(".wb-kin summary").click()
    page.wait_for_function("models[0].sent.some(one => one.do === 'kin')")
    kin = kin_of(editor)
    stage.set(kin=kin)
    entries = page.get_by_role("list", name="Twins").get_by_role("listitem")
    assert entries.count() == len(kin["twins"]["entries"]) > 3
    first = kin["twins"]["entries"][0]
    assert entries.first.inner_text().split("\n") == [first["value"], first["note"], first["name"]]
    assert "The table knows every architecture of the space." in page.locator(".wb-kin").inner_text()
    entries.first.get_by_role("button").click()
    assert page.evaluate("models[0].state.opened.name") == first["name"]


def test_the_kin_of_another_architecture_is_not_shown(stage: Stage, arch: Architecture, bench: Benchmark) -> None:
    editor = editor_of(arch, {}, bench=bench)
    editor.kin = kin_of(editor)
    page = unfold(stage, editor)
    page.get_by_role("list", name="Twins").wait_for()
    page.locator("[data-question='0->1']").focus()
    page.keyboard.press("2")
    page.get_by_role("list", name="Twins").wait_for(state="detached")
    page.wait_for_function("models[0].sent.some(one => one.do === 'kin')")


def test_an_entry_goes_to_the_compare_tray_where_there_is_one(
    stage: Stage, arch: Architecture, bench: Benchmark
) -> None:
    editor = editor_of(arch, {}, bench=bench)
    editor.kin, editor.group = kin_of(editor), "together"
    page = unfold(stage, editor)
    name = editor.kin["twins"]["entries"][0]["name"]
    assert page.get_by_role("button", name=f"Compare {name}").count() == 0
    page.evaluate(
        """() => {
          const members = globalThis[Symbol.for("nas-workbench/groups")].get("together");
          const tray = { works: { compare: [] }, work: (what, name) => { if (what === "compare") window.put = name; } };
          members.add(tray);
          for (const one of members) if (one !== tray) one.work("members", undefined);
        }"""
    )
    page.get_by_role("button", name=f"Compare {name}").click()
    assert page.evaluate("window.put") == name


def test_hostile_names_are_text(stage: Stage, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"])
    number = Number(HOSTILE, HOSTILE)
    editor = editor_of(start, {f"measure {HOSTILE}": number}, [Measure(HOSTILE, "higher", lambda _: 1.0, unit=HOSTILE)])
    entries = [{"name": HOSTILE, "value": HOSTILE, "note": HOSTILE}]
    part = {"entries": entries, "more": 3, "words": HOSTILE}
    editor.kin = {"decisions": dict(start.decisions), "twins": part, "nearest": part}
    page = unfold(stage, editor)
    stage.say(do="jobs", jobs=jobs(start, HOSTILE, elapsed=1.0))
    page.get_by_role("button", name="+ more").click()
    assert HOSTILE in page.locator(".wb-kin").inner_text()
    assert HOSTILE in page.locator(".wb-asked-row").inner_text()
    assert page.locator("img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None
