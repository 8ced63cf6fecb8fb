"""The browser half of the one-edit neighbourhood in a page: with a sheet it needs no kernel, without one it asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.spaces import SearchSpace, search_space
from workbench.widgets.linking import link
from workbench.widgets.neighborhood import Neighborhood

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Stand = Callable[..., "Page"]
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'


@pytest.fixture
def stand(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stand]:
    """Opens widgets in a page of their own, which must stay without errors."""
    opened: list[tuple[Page, Any]] = []

    def show(*widgets: Any, scheme: Any = "light", alone: bool = False) -> Page:
        page = browser.new_context(color_scheme=scheme, viewport={"width": 900, "height": 900}).new_page()
        opened.append((page, lab_module.Record(page)))
        page.set_content(pages.page_of(*widgets))
        page.wait_for_function("window.ready")
        if alone:
            page.evaluate("models.forEach((model) => { model.alone = true; })")
        if any(widget.sheet for widget in widgets):
            script = "new Promise((done) => workbenchBundles.neighborhood.sheetOf(models[0]).onReady(done))"
            page.evaluate(script)
        return page

    yield show
    for page, record in opened:
        assert (record.errors, record.outside) == ([], [])
        page.context.close()


@pytest.fixture
def arch(bench: Benchmark, cell: str) -> Architecture:
    return bench.space.parse(cell)


@pytest.fixture
def around(arch: Architecture, bench: Benchmark) -> Neighborhood:
    """With its sheet: what an exported page has."""
    around = Neighborhood(arch, benchmark=bench)
    around.complete()
    return around


def texts(page: Page) -> list[str]:
    return page.locator("td[data-at]").all_inner_texts()


def stops(page: Page) -> str:
    return str(page.locator(".wb-stops").inner_text())


def cell_at(page: Page, label: str, column: int) -> Any:
    """The cell of a question in a column counted from nought."""
    return page.locator("tr", has=page.locator("th[scope=row]", has_text=label)).locator("td[data-at]").nth(column)


def test_the_matrix_shows_the_change_of_every_edit(stand: Stand, around: Neighborhood) -> None:
    page = stand(around)
    frame = around.neighbors
    shown = [words for words in texts(page) if words != "·"]
    assert shown == [f"{'+' if c > 0 else '−' if c < 0 else ''}{abs(c):.2f}" for c in frame["change"]]
    assert texts(page).count("·") == 6
    assert cell_at(page, "in→out", 1).get_attribute("aria-label") == "in→out to skip: +0.79, to 90.72"
    assert page.locator(".wb-best").inner_text().startswith("best neighbour +0.79")


def test_before_the_sheet_is_there_the_kernels_numbers_are_shown(stand: Stand, arch: Architecture, bench: Any) -> None:
    around = Neighborhood(arch, benchmark=bench)
    page = stand(around)
    assert "+0.79" in texts(page)
    assert stops(page) == "89.93"
    cell_at(page, "in→out", 1).click()
    assert page.evaluate("models[0].sent.at(-1)") == {"kind": "step", "question": "0->3", "answer": 1}


def test_a_step_is_taken_and_saved_without_a_kernel(stand: Stand, around: Neighborhood, arch: Architecture) -> None:
    page = stand(around, alone=True)
    cell_at(page, "in→out", 1).click()
    page.get_by_role("button", name="Take the best step: 1→2 to conv 3×3").click()
    assert stops(page) == "89.93 → 90.72 → 91.03"
    second = arch.space.architecture({**arch.decisions, "0->3": "skip_connect"})
    third = arch.space.architecture({**second.decisions, "1->2": "nor_conv_3x3"})
    assert page.evaluate("models[0].state.trail.names") == list(map(str, (arch, second, third)))
    assert page.evaluate("models[0].state.opened.name") == str(third)
    around.value = third
    changes = around.neighbors["change"]
    assert [t for t in texts(page) if t != "·"] == [
        f"{'+' if c > 0 else '−' if c < 0 else ''}{abs(c):.2f}" for c in changes
    ]
    assert page.get_by_role("alert").count() == 0


def test_the_path_is_walked_by_mouse_and_by_keyboard_and_a_new_step_leaves_its_end(
    stand: Stand, around: Neighborhood, arch: Architecture
) -> None:
    page = stand(around)
    for _ in range(3):
        page.get_by_role("button", name="Take the best step").click()
    whole = stops(page)
    page.locator("[data-stop='1']").click()
    assert page.evaluate("models[0].state.trail.at") == 1
    assert page.evaluate("[models[0].state.opened.name, models[0].state.trail.names[1]]")[0] == page.evaluate(
        "models[0].state.trail.names[1]"
    )
    page.locator("[aria-current=step]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("models[0].state.opened.name") == str(arch)
    assert page.locator("[aria-current=step]").inner_text() == "89.93"
    page.keyboard.press("End")
    assert page.evaluate("models[0].state.trail.at") == 3
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    assert page.evaluate("models[0].state.trail.at") == 2
    assert stops(page) == whole
    cell_at(page, "in→1", 0).click()
    assert page.evaluate("models[0].state.trail.names.length") == 4
    assert stops(page) != whole


def test_the_path_is_played_from_its_beginning_and_stopped(stand: Stand, around: Neighborhood) -> None:
    others = around.value.space.neighbors(around.value)
    around.path = [around.value, *others[:2]]
    page = stand(around)
    page.clock.install()
    page.get_by_role("button", name="Play the path").click()
    seen = [page.evaluate("models[0].state.trail.at")]
    for _ in range(2):
        page.clock.run_for(800)
        seen.append(page.evaluate("models[0].state.trail.at"))
    assert seen == [0, 1, 2]
    assert page.evaluate("models[0].state.opened.name") == str(others[1])
    page.get_by_role("button", name="Play the path").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.clock.run_for(5000)
    assert page.evaluate("models[0].state.trail.at") == 0


def test_the_grid_is_worked_by_keyboard(stand: Stand, around: Neighborhood) -> None:
    page = stand(around)
    assert page.locator("td[tabindex='0']").count() == 1
    page.locator("td[tabindex='0']").focus()
    for key in (
        "ArrowDown",
        "ArrowDown",
        "ArrowDown",
        "ArrowRight",
        "ArrowUp",
        "ArrowDown",
        "End",
        "Home",
        "ArrowRight",
    ):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.at") == "3 1"
    page.keyboard.press("Enter")
    assert stops(page) == "89.93 → 90.72"
    assert page.evaluate("document.activeElement.dataset.at") == "3 1"
    assert page.locator("td[tabindex='0']").inner_text() == "·"
    page.keyboard.press("Enter")  # the present answer is no step
    assert stops(page) == "89.93 → 90.72"
    assert "validation 90.72" in page.locator("[aria-live]").inner_text()


def test_another_measure_is_shown_at_once_and_saved(stand: Stand, around: Neighborhood, arch: Architecture) -> None:
    page = stand(around)
    page.get_by_label("Change in").select_option(label="parameters")
    assert page.evaluate("[models[0].state.measure, models[0].saved]") == ["params", 1]
    fewer = (
        arch.space.counts(arch).params
        - arch.space.counts(arch.space.architecture({**arch.decisions, "0->1": "none"})).params
    )
    assert cell_at(page, "in→1", 0).inner_text() == f"−{fewer / 1e6:.3f} M"
    colours = cell_at(page, "in→1", 0).get_attribute("style")
    assert colours is not None
    assert "rgb(33 102 172)" in colours  # fewer parameters are better: blue


def test_edits_of_the_same_function_are_marked(stand: Stand, arch: Architecture, bench: Benchmark) -> None:
    dead = arch.space.architecture({**arch.decisions, "0->1": "none", "0->2": "none"})
    around = Neighborhood(dead, benchmark=bench)
    for widget in (around, around):
        page = stand(widget)
        same = page.locator("td.wb-same").evaluate_all("tds => tds.map((td) => td.dataset.at)")
        assert "2 0" in same
        assert "3 0" not in same
        assert cell_at(page, "1→2", 0).get_attribute("title").endswith("; same function")
        around.complete()


def test_an_edit_that_makes_nothing_shows_why_and_is_no_step(stand: Stand, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"])
    around = Neighborhood(start, {"letters": lambda other: float(len(str(other)))}, [])
    around.complete()
    page = stand(around)
    never = page.locator("td.wb-never")
    assert never.get_attribute("title") == "kind to impossible: this kind fits nothing"
    assert never.get_attribute("aria-disabled") == "true"
    never.dispatch_event("click")
    assert page.evaluate("models[0].sent.filter(({ kind }) => kind === 'step')") == []


def test_hostile_names_are_shown_as_text_in_the_neighbourhood(stand: Stand, awkward: SearchSpace) -> None:
    start = next(a for a in awkward.enumerate() if a.decisions["wide"])
    around = Neighborhood(start, {HOSTILE: lambda other: 1.0}, [])
    around.title = HOSTILE
    around.complete()
    page = stand(around)
    page.evaluate("words => models[0].say({ message: words })", HOSTILE)
    assert page.locator("h3").inner_text() == HOSTILE
    assert page.locator(".wb img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_numbers_come_in_while_the_kernel_works_them_out(stand: Stand, arch: Architecture) -> None:
    around = Neighborhood(arch, {"letters": lambda other: float(len(str(other)))}, [])
    page = stand(around)
    assert page.evaluate("models[0].sent.map(({ kind }) => kind)").count("more") == 1
    assert texts(page).count("…") == 24
    assert "0 of 24 edits worked out" in page.locator(".wb-head").inner_text()
    around.complete()
    page.evaluate("numbers => models[0].say({ numbers })", around.numbers)
    page.wait_for_function("!document.querySelector('.wb-matrix').textContent.includes('…')")
    assert stops(page) == f"{len(str(arch))}"


def test_numbers_of_another_architecture_are_not_shown(stand: Stand, around: Neighborhood, arch: Architecture) -> None:
    page = stand(around)
    cell_at(page, "in→out", 1).click()
    shown = texts(page)
    late = Neighborhood(arch, benchmark=[])
    page.evaluate("state => models[0].say(state)", {"present": late.present, "numbers": late.numbers})
    page.wait_for_timeout(100)
    assert texts(page) == shown


def test_an_older_path_of_the_kernels_does_not_undo_a_step(stand: Stand, around: Neighborhood) -> None:
    page = stand(around)
    cell_at(page, "in→out", 1).click()
    page.evaluate("trail => models[0].say({ trail })", around.trail)
    page.wait_for_timeout(100)
    assert stops(page) == "89.93 → 90.72"


def test_a_page_without_a_kernel_says_what_needs_one(stand: Stand, arch: Architecture) -> None:
    around = Neighborhood(arch, {"letters": lambda other: float(len(str(other)))}, [])
    around.complete()
    page = stand(around, alone=True)
    cell_at(page, "in→out", 1).click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "This page has no kernel, which these numbers need."


def test_linked_views_open_and_point_at_the_same_architectures(stand: Stand, around: Neighborhood) -> None:
    other = Neighborhood(around.value, "params", [])
    other.complete()
    link(around, other)
    page = stand(around, other)
    page.locator("#widget-0 td[data-at='3 1']").click()
    assert page.locator(".wb-stops").nth(1).inner_text().count("→") == 1
    assert (
        page.evaluate("models.map((model) => model.state.opened.name)").count(
            page.evaluate("models[0].state.opened.name")
        )
        == 2
    )
    page.locator(".wb").first.locator("td[data-at='0 0']").hover()
    assert page.locator(".wb").nth(1).locator("td.wb-pointed").get_attribute("data-at") == "0 0"


def test_many_questions_are_shown_bit_by_bit(stand: Stand) -> None:
    arch = search_space("hierarchical_nasbench201").sample(1, seed=1)[0]
    around = Neighborhood(arch, "params", [])
    page = stand(around)
    assert page.locator("th[scope=row]").count() == 60
    page.get_by_role("button", name="more questions").click()
    assert page.locator("th[scope=row]").count() == len(around.present["rows"])


def test_the_matrix_can_be_read_in_light_and_in_dark(stand: Stand, around: Neighborhood) -> None:
    for scheme in ("light", "dark"):
        page = stand(around, scheme=scheme)
        assert (
            page.evaluate("""() => Math.min(...[...document.querySelectorAll("td[data-at]:not(.wb-here)")].map((td) => {
          const style = getComputedStyle(td);
          const luminance = (words) => {
            const rgb = words.match(/[\\d.]+/g).map((v) => v / 255);
            const [r, g, b] = rgb.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const [a, b] = [luminance(style.color), luminance(style.backgroundColor)];
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }))""")
            > 4.5
        )
