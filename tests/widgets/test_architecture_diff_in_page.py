"""The browser half of the comparison in a plain page, without a kernel behind it."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import workbench as wb
from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark
from workbench.spaces import SearchSpace, search_space

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


class Stage:
    """Opens widgets in a page and remembers what went wrong there."""

    def __init__(self, browser: Browser, pages: ModuleType, lab: ModuleType) -> None:
        self._browser, self._pages, self._lab = browser, pages, lab
        self.page: Page
        self.record: Any

    def show(self, *widgets: Any, scheme: Any = "light", width: int = 1000) -> Page:
        context = self._browser.new_context(viewport={"width": width + 40, "height": 1100}, color_scheme=scheme)
        self.page = context.new_page()
        self.record = self._lab.Record(self.page)
        self.page.set_content(self._pages.page_of(*widgets, width=width))
        self.page.wait_for_function("window.ready")
        return self.page


@pytest.fixture
def stage(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Stage]:
    stage = Stage(browser, pages, lab_module)
    yield stage
    assert stage.record.errors == []
    assert stage.record.outside == []
    stage.page.context.close()


@pytest.fixture(scope="module")
def archs(bench: Benchmark, cell: str) -> list[Architecture]:
    first = bench.space.parse(cell)
    other = bench.space.architecture({**first.decisions, "0->1": "skip_connect"})
    return [first, other, bench.space.sample(1, seed=7)[0]]


@pytest.fixture
def diff(archs: list[Architecture], bench: Benchmark) -> wb.ArchitectureDiff:
    return wb.ArchitectureDiff(*archs, benchmark=bench)


def statuses(page: Page, card: int) -> list[str]:
    """What became of each part of a card's drawing."""
    found: list[str] = (
        page.locator(".wb-card")
        .nth(card)
        .locator("[data-status]")
        .evaluate_all("parts => parts.map((part) => part.dataset.status)")
    )
    return sorted(found)


def order(page: Page, widget: int = 0) -> list[str]:
    found: list[str] = page.evaluate("i => models[i].state.order", widget)
    return found


def names(page: Page) -> list[str]:
    found: list[str] = page.locator(".wb-card").evaluate_all("cards => cards.map((card) => card.dataset.name)")
    return found


def test_what_changed_is_told_by_word_and_form_and_the_rest_is_quiet(stage: Stage, diff: Any, archs: Any) -> None:
    page = stage.show(diff)
    assert set(statuses(page, 0)) == {"plain"}
    assert statuses(page, 1).count("changed") == 1
    assert set(statuses(page, 1)) == {"changed", "kept"}
    changed = page.locator(".wb-card").nth(1).locator("[data-status=changed]")
    assert changed.locator("text").all_text_contents() == ["skip", "was conv 3×3"]
    assert page.locator(".wb-card").nth(1).locator("header span").inner_text() == "1 edit from A"
    assert page.locator(".wb-card").nth(1).locator(".wb-changes li").all_inner_texts() == ["in→1: conv 3×3 → skip"]


def test_added_and_removed_parts_carry_signs(stage: Stage) -> None:
    space = search_space("nasbench101")
    straight, branched = (
        space.parse("100000/00001/0000/000/00/0:3mmmm"),
        space.parse("110000/00001/0001/000/00/0:31mmm"),
    )
    page = stage.show(wb.ArchitectureDiff(straight, branched))
    assert statuses(page, 1).count("added") == 3
    assert page.locator(".wb-card").nth(1).locator(".wb-sign").all_text_contents() == ["+", "+", "+"]
    page.get_by_role("button", name="Make this the reference: B").click()
    assert statuses(page, 0).count("removed") == 3
    assert page.locator(".wb-card").nth(0).locator(".wb-sign").all_text_contents() == ["−", "−", "−"]
    dashes = page.locator(".wb-removed .wb-line").evaluate_all(
        "lines => lines.map((l) => l.getAttribute('stroke-dasharray'))"
    )
    assert dashes == ["7 5", "7 5"]


def test_the_same_node_stands_at_the_same_place_on_every_card(stage: Stage) -> None:
    page = stage.show(wb.ArchitectureDiff(*search_space("nasbench101").sample(3, seed=4)))
    boxes = page.locator(".wb-card").evaluate_all(
        "cards => cards.map((c) => [...c.querySelectorAll('.wb-role-input, .wb-role-output')].map((b) => "
        "[b.getAttribute('x'), b.getAttribute('y')].join(' ')).sort().join(','))"
    )
    assert len(set(boxes)) == 1


def test_numbers_stand_beside_their_difference_and_its_meaning(stage: Stage, diff: Any, archs: Any) -> None:
    page = stage.show(diff)
    pair = diff.comparison["pairs"][str(archs[0])][str(archs[2])]["differences"][0]
    row = page.locator(".wb-card").nth(2).locator("[data-row='CIFAR-10 validation']")
    assert row.locator(".wb-gap b").inner_text() == pair["text"]
    assert row.locator(".wb-gap span").inner_text() == pair["words"]
    assert "seeds' spread" in pair["words"]
    assert page.locator(".wb-card").nth(0).locator(".wb-gap b").count() == 0
    assert page.locator(".wb-legend").inner_text().endswith(diff.comparison["footnote"])


def test_all_numbers_of_the_table_come_on_demand(stage: Stage, diff: Any) -> None:
    page = stage.show(diff)
    shown = [row for row in diff.comparison["rows"] if not row["more"]]
    assert page.locator(".wb-card").nth(0).locator("tr").count() == len(shown)
    page.get_by_role("button", name="all numbers").click()
    assert page.locator(".wb-card").nth(0).locator("tr").count() == len(diff.comparison["rows"])


def test_drawings_can_be_put_away(stage: Stage, diff: Any) -> None:
    page = stage.show(diff)
    page.get_by_role("button", name="drawings").click()
    assert page.locator(".wb-diff-drawing").count() == 0
    assert page.locator(".wb-card header span").nth(1).inner_text() == "1 edit from A"


def test_any_card_becomes_the_reference_without_a_kernel(stage: Stage, diff: Any, archs: Any) -> None:
    page = stage.show(diff)
    page.get_by_role("button", name="Make this the reference: C").press("Enter")
    assert page.evaluate("models[0].state.reference") == str(archs[2])
    assert page.locator(".wb-card header span").all_inner_texts()[2] == "reference"
    pair = diff.comparison["pairs"][str(archs[2])][str(archs[0])]
    assert page.locator(".wb-card").nth(0).locator(".wb-gap b").first.inner_text() == pair["differences"][0]["text"]
    assert set(statuses(page, 2)) == {"plain"}
    assert page.evaluate("models[0].saved") == 1


def test_cards_are_moved_and_removed_by_keyboard_and_focus_stays(stage: Stage, diff: Any, archs: Any) -> None:
    page = stage.show(diff)
    page.get_by_role("button", name="Move to the right: A").focus()
    page.keyboard.press("Enter")
    assert names(page) == order(page) == [str(archs[i]) for i in (1, 0, 2)]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move to the right: A"
    page.keyboard.press("Enter")
    assert names(page) == [str(archs[i]) for i in (1, 2, 0)]
    # There is nothing to its right any more: focus stays on the card.
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move to the left: A"
    page.get_by_role("button", name="Remove: A").press("Enter")
    assert names(page) == order(page) == [str(archs[1]), str(archs[2])]
    assert page.evaluate("models[0].state.reference") == str(archs[1])
    assert "removed" in page.locator("[aria-live]").inner_text()


def test_a_linked_view_fills_the_tray_and_what_is_there_is_not_added_twice(
    stage: Stage, bench: Benchmark, archs: Any
) -> None:
    tray, editor = wb.ArchitectureDiff(benchmark=bench), wb.CellEditor(archs[0], bench)
    wb.link(tray, editor)
    page = stage.show(tray, editor)
    assert page.locator(".wb-empty").inner_text().startswith("Nothing to compare yet")
    button = page.locator("#widget-1").get_by_role("button", name="compare tray")
    button.click()
    button.click()
    assert order(page) == [str(archs[0])]
    assert page.locator(".wb-card").inner_text().find("waiting for Python") >= 0
    made = wb.ArchitectureDiff(archs[0], benchmark=bench)
    page.evaluate("s => models[0].say(s)", {"comparison": made.comparison, "reference": made.reference})
    assert page.locator(".wb-card h4").inner_text() == "A"


def test_a_full_tray_says_so(stage: Stage, bench: Benchmark) -> None:
    archs = bench.space.sample(9, seed=0)
    tray, editor = wb.ArchitectureDiff(*archs[:8], benchmark=bench), wb.CellEditor(archs[8], bench)
    wb.link(tray, editor)
    tray.opened, editor.value = {}, archs[8]
    page = stage.show(tray, editor)
    page.locator("#widget-1").get_by_role("button", name="compare tray").click()
    alert = page.locator("#widget-0").get_by_role("alert").inner_text()
    assert alert == "At most 8 architectures are compared at once. Remove one first."
    assert len(order(page)) == 8


def test_without_a_kernel_a_new_card_says_why_it_is_bare_unless_the_page_has_its_numbers(
    stage: Stage, bench: Benchmark
) -> None:
    two = {question.name: ("skip_connect", "nor_conv_3x3") for question in bench.space.questions()}
    first, second, third = bench.space.restrict(two).sample(3, seed=1)
    bare, full = (wb.ArchitectureDiff(first, second, benchmark=[]) for _ in range(2))
    full.complete()
    page = stage.show(bare, full)
    for model in (0, 1):
        page.evaluate(
            "([i, name]) => { models[i].alone = true; models[i].set('order', [...models[i].get('order'), name]); }",
            [model, str(third)],
        )
    assert "there is no drawing and no number of this one" in page.locator("#widget-0 .wb-card").nth(2).inner_text()
    card = page.locator("#widget-1 .wb-card").nth(2)
    card.locator("tr").first.wait_for()
    known = wb.ArchitectureDiff(third, benchmark=[]).comparison["cards"][str(third)]["numbers"]
    assert card.locator("td b").all_inner_texts() == [number["text"] for number in known]
    changed = {name for name, answer in third.decisions.items() if answer != first.decisions[name]}
    assert {words.split(":")[0] for words in card.locator("li").all_inner_texts()} == changed


def test_a_refusal_of_python_is_shown(stage: Stage, diff: Any, archs: Any) -> None:
    page = stage.show(diff)
    page.evaluate("names => models[0].set('order', names)", [*map(str, archs), "strange"])
    assert page.locator(".wb-card").count() == 4
    diff.order = [*map(str, archs), "strange"]
    page.evaluate("s => models[0].say(s)", {"message": diff.message, "order": diff.order})
    assert page.get_by_role("alert").inner_text() == diff.message
    assert page.locator(".wb-card").count() == 3


def test_opening_and_pointing_go_both_ways(stage: Stage, diff: Any, archs: Any, bench: Benchmark) -> None:
    editor = wb.CellEditor(archs[2], bench)
    wb.link(diff, editor)
    page = stage.show(diff, editor)
    page.get_by_role("button", name="Open in the linked views: B").click()
    page.wait_for_function("name => models[1].state.opened.name === name", arg=str(archs[1]))
    assert page.locator(".wb-opened").get_attribute("data-name") == str(archs[1])
    page.evaluate("name => models[1].say({opened: {name, stamp: Date.now() + 9}})", str(archs[2]))
    page.evaluate("name => models[0].say({opened: {name, stamp: Date.now() + 9}})", str(archs[2]))
    assert page.locator(".wb-opened").get_attribute("data-name") == str(archs[2])


def test_two_views_of_one_comparison_stay_equal(stage: Stage, diff: Any, archs: Any) -> None:
    page = stage.show(diff)
    page.evaluate("s => models[0].say(s)", {"order": [str(archs[1]), str(archs[0])], "reference": str(archs[1])})
    assert names(page) == [str(archs[1]), str(archs[0])]
    assert page.locator(".wb-card header span").all_inner_texts() == ["reference", "1 edit from B"]


def test_hostile_names_are_shown_as_text(stage: Stage, awkward: SearchSpace) -> None:
    archs = awkward.sample(3, seed=1)
    page = stage.show(wb.ArchitectureDiff(*archs, titles=["<img src=x onerror=window.hacked=1>", "b", "c"]))
    assert page.locator("h4").first.inner_text() == "<img src=x onerror=window.hacked=1>"
    assert page.locator("img, .wb script").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("width", [400, 1180])
def test_everything_stays_within_its_card(stage: Stage, diff: Any, width: int) -> None:
    page = stage.show(diff, width=width)
    page.get_by_role("button", name="all numbers").click()
    over = page.locator(".wb-card").evaluate_all(
        "cards => cards.flatMap((card) => [...card.querySelectorAll('table, td b, header, li, code')]"
        ".filter((one) => one.getBoundingClientRect().right > card.getBoundingClientRect().right + 0.5)"
        ".map((one) => one.textContent))"
    )
    assert over == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(stage: Stage, diff: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = stage.show(diff, wb.ArchitectureDiff(), scheme=scheme)
    found = axe.Axe().run(page, context=".wb").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
