"""The browser half of the family tree alone: in plain HTML, with a kernel that the test plays, or with none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import optuna
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
Show = Callable[..., "Page"]
VALUES, NAME = 3, 6

# How many pixels of a canvas are painted.
PAINTED = """(selector) => {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 === 3 && value > 60).length;
}"""


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
        page.wait_for_function("window.ready && document.querySelector('.wb-genealogy').dataset.points")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


@pytest.fixture(scope="module")
def bench() -> Benchmark:
    return wb.benchmark("nasbench201", dataset="cifar10")


@pytest.fixture(scope="module")
def study(bench: Benchmark) -> optuna.Study:
    return wb.search(bench.space, bench.measure("valid_accuracy"), "regularized_evolution", 80, progress=False)


def quiet(*arguments: Any, **keywords: Any) -> wb.Lineage:
    """A family tree that has drawn all it would and looks no more."""
    widget = wb.Lineage(*arguments, **keywords)
    if widget._gone is not None:
        widget._gone.set()
    widget.complete()
    return widget


def place(page: Page, number: int) -> tuple[float, float]:
    """Where a trial is on the canvas, found with the pointer's own tip: by walking there with the keyboard."""
    page.locator(".wb-genealogy .wb-top").focus()
    page.keyboard.press("Home")
    for _ in range(number):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "n => document.querySelector('.wb-forest .wb-tip').textContent.startsWith(`trial ${n}:`)", arg=number
    )
    found: list[float] = page.evaluate("""() => {
      const canvas = document.querySelector(".wb-genealogy .wb-top");
      const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let [x, y, n] = [0, 0, 0];
      const ring = getComputedStyle(document.querySelector(".wb-genealogy")).color.match(/[\\d.]+/g).map(Number);
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 200 || Math.abs(data[i] - ring[0]) + Math.abs(data[i + 1] - ring[1]) > 20) continue;
        x = Math.max(x, (i / 4) % width); // the youngest trial of its line is the rightmost
        n++;
      }
      for (let i = 0; i < data.length; i += 4) {
        if ((i / 4) % width === x && data[i + 3] >= 100) y = Math.floor(i / 4 / width);
      }
      return [x / devicePixelRatio - 8, y / devicePixelRatio];
    }""")
    return found[0], found[1]


# -- what is shown -------------------------------------------------------------------------------------------------


def test_everything_is_drawn(show: Show, study: optuna.Study, bench: Benchmark) -> None:
    page = show(quiet(study, bench))
    root = page.locator(".wb-genealogy")
    assert root.get_attribute("data-points") == "80"
    assert "80 of 80 trials" in page.locator(".wb-counts").inner_text()
    legend = page.locator(".wb-legend").inner_text()
    operators = [trial.user_attrs.get("operator", "") for trial in study.trials]
    assert f"mutation ({operators.count('mutation')})" in legend
    assert f"no parent known ({operators.count('')})" in legend
    label = page.locator(".wb-top").get_attribute("aria-label") or ""
    assert label.startswith("Family tree of 80 trials, valid accuracy (%) over trials; the best is trial ")
    assert page.evaluate(PAINTED, ".wb-forest canvas") > 2000
    assert page.locator(".wb-forest [data-order]").count() == 0  # it looks on, and steers nothing


def test_the_ancestors_of_the_best_are_shown_with_what_changed_marked(show: Show, study: optuna.Study) -> None:
    page = show(quiet(study))
    line = wb.ancestry(study)
    steps = page.locator(".wb-step")
    assert steps.count() == len(line)
    assert page.locator(".wb-lineage h3").inner_text() == f"Where trial {line.index[-1]} comes from"
    for k, (number, row) in enumerate(line.iterrows()):
        words = steps.nth(k).inner_text()
        assert f"#{number}" in words
        marked = steps.nth(k).locator(".wb-is-new")
        assert marked.count() == len(row.changed)
        for question in row.changed:
            assert f"{question}: " in words


def test_the_keyboard_goes_along_the_search_and_the_descent(show: Show, study: optuna.Study) -> None:
    page = show(quiet(study))
    top, tip = page.locator(".wb-genealogy .wb-top"), page.locator(".wb-forest .wb-tip")
    child = next(t for t in reversed(study.trials) if "parent" in t.user_attrs)
    top.focus()
    page.keyboard.press("End")
    for _ in range(79 - child.number):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('.wb-forest .wb-tip').textContent.startsWith('trial ')")
    assert tip.inner_text().startswith(f"trial {child.number}: ")
    assert f"mutation of {child.user_attrs['parent']}" in tip.inner_text()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(60)
    parent = child.user_attrs["parent"]
    assert tip.inner_text().startswith(f"trial {parent}: ")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(60)
    kin = [t for t in study.trials if t.user_attrs.get("parent") == parent]
    best = max(kin, key=lambda t: t.value).number
    assert tip.inner_text().startswith(f"trial {best}: ")
    page.keyboard.press("Enter")
    name = study.trials[best].user_attrs["architecture"]
    assert page.evaluate("models[0].state.opened.name") == name
    assert page.locator(".wb-lineage h3").inner_text() == f"Where trial {best} comes from"
    assert page.locator(".wb-unseen").last.inner_text().startswith(f"trial {best}: ")


def test_a_click_opens_and_the_pointer_says_what_it_means(show: Show, study: optuna.Study) -> None:
    page = show(quiet(study))
    number = max(study.trials, key=lambda t: t.value).number
    x, y = place(page, number)
    box = page.locator(".wb-genealogy .wb-top").bounding_box()
    assert box is not None
    page.locator(".wb-genealogy .wb-top").blur()
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.wait_for_function(
        "n => document.querySelector('.wb-forest .wb-tip').textContent.startsWith(`trial ${n}:`)", arg=number
    )
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("models[0].state.opened.name") == study.trials[number].user_attrs["architecture"]


def test_generations_can_stand_upwards(show: Show, study: optuna.Study) -> None:
    page = show(quiet(study))
    page.locator(".wb-tools select").select_option("generation")
    assert page.evaluate("models[0].state.y") == "generation"
    assert "generation over trials" in (page.locator(".wb-top").get_attribute("aria-label") or "")
    assert page.get_by_role("button", name="whole range").count() == 0
    page.evaluate("models[0].say({ y: 'valid_accuracy' })")  # and Python can say so
    page.wait_for_function("document.querySelector('.wb-tools select').value === 'valid_accuracy'")


def test_a_search_without_descent_says_so(show: Show, bench: Benchmark) -> None:
    plain = optuna.create_study()
    plain.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=12)
    page = show(quiet(plain))
    assert "does not say what its trials were made from" in page.locator(".wb-note-of").inner_text()
    assert page.locator(".wb-genealogy").get_attribute("data-points") == "12"
    assert "trial (12)" in page.locator(".wb-legend").inner_text()


def test_several_objectives_have_a_menu_and_a_front(show: Show, bench: Benchmark) -> None:
    measures = [bench.measure("valid_accuracy"), bench.measure("latency_ms")]
    page = show(quiet(wb.search(bench.space, measures, "random", 60, progress=False), bench))
    assert page.locator(".wb-tools select option").all_text_contents() == [
        "valid accuracy (%)", "latency (ms)", "generation",
    ]  # fmt: skip
    assert "on the front" in page.locator(".wb-legend").inner_text()
    page.locator(".wb-tools select").select_option("latency_ms")
    assert "latency (ms) over trials" in (page.locator(".wb-top").get_attribute("aria-label") or "")


# -- what comes in, and what goes out ------------------------------------------------------------------------------


def test_it_grows_as_the_kernel_tells_more(show: Show, study: optuna.Study) -> None:
    widget = quiet(study)
    rows = json.loads(json.dumps(widget.trials))
    widget.trials = rows[:50]
    page = show(widget)
    assert page.locator(".wb-genealogy").get_attribute("data-points") == "50"
    assert next(m for m in page.evaluate("models[0].sent") if m["kind"] == "hello")["have"] == 50
    sizes = "[models[0].state.cells.shapes.length, models[0].state.cells.inks.length]"
    shapes, inks = page.evaluate(sizes)
    page.evaluate(
        "m => models[0].emit('msg:custom', m)",
        {"kind": "more", "from": 50, "rows": rows[50:], "cells": [], "shapes": shapes, "inks": inks},
    )
    page.wait_for_function("document.querySelector('.wb-genealogy').dataset.points === '80'")
    page.evaluate(
        "m => models[0].emit('msg:custom', m)",
        {"kind": "more", "from": 99, "rows": [], "cells": [], "shapes": 0, "inks": 0},
    )
    assert page.evaluate("models[0].sent").pop() == {"kind": "hello", "have": -1}  # something was missed


def test_a_box_selects_here_in_the_kernel_and_in_linked_views(
    show: Show, study: optuna.Study, bench: Benchmark
) -> None:
    widget, atlas = quiet(study, bench), wb.SpaceMap(bench)
    wb.link(widget, atlas)
    page = show(widget, atlas)
    box = page.locator(".wb-genealogy .wb-top").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 70, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 150, steps=4)
    page.mouse.up()
    picked = page.evaluate("models[0].state.picked")
    assert len(picked["trials"]) > 5
    assert page.locator(".wb-genealogy .wb-foot").inner_text().startswith(f"{len(picked['trials'])} selected")
    page.wait_for_function("models[1].state.selected.byteLength > 0")
    rows = page.evaluate("[...new Uint32Array(models[1].state.selected.buffer.slice(0))]")
    names = {study.trials[number].user_attrs["architecture"] for number in picked["trials"]}
    assert {bench.table().index[row] for row in rows} == names
    assert page.evaluate("models[1].state.selected_stamp") == picked["stamp"]
    page.locator(".wb-genealogy .wb-top").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("models[0].state.picked.trials") == []
    page.wait_for_function("models[1].state.selected.byteLength === 0")


def test_what_another_view_selects_and_opens_is_marked_here(show: Show, study: optuna.Study, bench: Benchmark) -> None:
    widget, atlas = quiet(study, bench), wb.SpaceMap(bench)
    wb.link(widget, atlas)
    page = show(widget, atlas)
    page.locator(".wb-map .wb-top").focus()
    page.keyboard.press("Control+a")
    page.wait_for_function(
        "document.querySelector('.wb-genealogy .wb-foot span').textContent.startsWith('80 selected')"
    )
    name = study.trials[21].user_attrs["architecture"]
    page.evaluate("name => models[0].say({ opened: { name, stamp: Date.now() + 1000 } })", name)
    page.wait_for_function("document.querySelector('.wb-lineage h3').textContent === 'Where trial 21 comes from'")


def test_the_arrows_on_the_map_follow_what_the_tree_opens(show: Show, study: optuna.Study, bench: Benchmark) -> None:
    widget, atlas = quiet(study, bench), wb.SpaceMap(bench)
    atlas.trace(study)
    wb.link(widget, atlas)
    page = show(widget, atlas)
    page.wait_for_function("document.querySelector('.wb-map').dataset.paintMs")
    page.wait_for_timeout(200)
    above = "() => document.querySelector('.wb-map .wb-top').toDataURL()"
    before = page.evaluate(above)
    page.locator(".wb-genealogy .wb-top").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    index = list(bench.table().index)
    page.wait_for_function("models[1].state.marked >= 0")
    assert index[page.evaluate("models[1].state.marked")] == study.trials[79].user_attrs["architecture"]
    page.wait_for_function(f"before => ({above})() !== before", arg=before)
    page.locator(".wb-map .wb-legend button").click()  # hidden: no arrows, the ring alone
    shown = page.evaluate(above)
    page.wait_for_timeout(100)
    assert len(page.evaluate(above)) <= len(shown)


def test_a_trace_that_grows_is_painted_and_keeps_its_button(show: Show, study: optuna.Study, bench: Benchmark) -> None:
    widget, atlas = quiet(study, bench), wb.SpaceMap(bench)
    atlas.trace(study)
    atlas.add_path(study, "way")
    page = show(widget, atlas)
    page.evaluate("""() => {
      const [whole, way] = models[1].state.trails;
      window.whole = whole;
      window.grown = (n, trouble = "") => models[1].say({ trails: [{ ...whole, trouble, rows: whole.rows.slice(0, n),
        better: whole.better.filter((step) => step < n), parents: whole.parents.slice(0, n) }, way] });
      grown(10);
    }""")
    picture = "() => document.querySelector('.wb-map .wb-stage canvas').toDataURL()"
    page.wait_for_timeout(200)
    before = page.evaluate(picture)
    legend = page.locator(".wb-map .wb-legend button")
    box = legend.first.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.evaluate("grown(80)")
    page.wait_for_function(f"before => ({picture})() !== before", arg=before)
    page.mouse.up()  # growing between press and release takes no click away
    assert legend.first.get_attribute("aria-pressed") == "false"
    assert page.evaluate("models[1].state.hidden_paths") == [study.study_name]
    page.evaluate("grown(80, 'The study cannot be read.')")
    legend.first.get_by_text("The study cannot be read.").wait_for()
    page.evaluate("models[1].say({ trails: [models[1].state.trails[1]] })")
    page.wait_for_function("document.querySelectorAll('.wb-map .wb-legend button').length === 1")
    assert legend.inner_text().strip() == "way"


def test_ten_thousand_trials_are_painted_and_walked_through(show: Show, bench: Benchmark) -> None:
    archs = bench.space.sample(400, seed=0)
    many = optuna.create_study(direction="maximize", study_name="many")
    many.add_trials(
        [
            optuna.trial.create_trial(
                value=i % 977 + i / 100,
                user_attrs={"architecture": str(archs[i % 400]), "operator": ("mutation", "crossover")[i % 2]}
                | ({"parent": max(0, i - 1 - i % 50)} if i else {}),
            )
            for i in range(10_000)
        ]
    )
    page = show(quiet(many, bench))
    assert page.locator(".wb-genealogy").get_attribute("data-points") == "10000"
    page.locator(".wb-genealogy .wb-top").focus()
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.wb-forest .wb-tip').textContent.startsWith('trial 9999:')")
    for _ in range(8):
        page.keyboard.press("+")
    page.wait_for_timeout(300)
    assert float(page.locator(".wb-genealogy").get_attribute("data-paint-ms") or 1e9) < 2000  # a loaded machine


def test_nothing_is_wider_than_a_narrow_page(show: Show, study: optuna.Study) -> None:
    page = show(quiet(study), width=420)
    assert page.evaluate(
        "document.querySelector('.wb-genealogy').scrollWidth <= document.querySelector('.wb-genealogy').clientWidth"
    )
