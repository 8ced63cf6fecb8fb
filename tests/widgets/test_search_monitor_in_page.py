"""The browser half of the search monitor alone: in plain HTML, with a kernel that the test plays, or with none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.measure import Measure

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
Show = Callable[..., "Page"]
NAME = 6  # of a row: its architecture


@pytest.fixture
def show(browser: Browser, pages: ModuleType, lab_module: ModuleType) -> Iterator[Show]:
    """Opens widgets in a page of some width; the page must keep quiet and to this machine."""
    records, contexts = [], []

    def show(*widgets: Any, width: int = 1150, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width + 24, "height": 1500}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        records.append(lab_module.Record(page))
        contexts.append(context)
        page.set_content(pages.page_of(*widgets, width=width))
        page.wait_for_function("window.ready && document.querySelector('.wb-plot').dataset.points")
        return page

    yield show
    for record, context in zip(records, contexts, strict=True):
        assert record.errors == []
        assert record.outside == []
        context.close()


def quiet(*arguments: Any, **keywords: Any) -> wb.SearchMonitor:
    """A monitor that has drawn all it would and looks no more."""
    monitor = wb.SearchMonitor(*arguments, **keywords)
    if monitor._gone is not None:
        monitor._gone.set()
    while monitor._look(5.0) < 1:
        pass
    return monitor


@pytest.fixture(scope="module")
def bench() -> Benchmark:
    return wb.benchmark("nasbench201", dataset="cifar10")


@pytest.fixture(scope="module")
def evolved(bench: Benchmark) -> wb.SearchMonitor:
    """One search of 80 trials, finished."""
    study = wb.search(bench.space, bench.measure("valid_accuracy"), "regularized_evolution", 80, progress=False)
    return quiet(study, bench)


@pytest.fixture(scope="module")
def seeds(bench: Benchmark) -> wb.SearchMonitor:
    """Five seeds of one search."""
    accuracy = bench.measure("valid_accuracy")
    return quiet([wb.search(bench.space, accuracy, n_trials=40, seed=seed, progress=False) for seed in range(5)])


@pytest.fixture(scope="module")
def front(bench: Benchmark) -> wb.SearchMonitor:
    """A search for two objectives."""
    measures = [bench.measure("valid_accuracy"), bench.measure("latency_ms")]
    return quiet(wb.search(bench.space, measures, n_trials=80, progress=False))


@pytest.fixture(scope="module")
def weighed(bench: Benchmark) -> wb.SearchMonitor:
    """A search for two objectives by their weights."""
    measures, weights = [bench.measure("valid_accuracy"), bench.measure("latency_ms")], {"latency_ms": 0.3}
    return quiet(wb.search(bench.space, measures, "random", 40, weights=weights, progress=False))


def asked(page: Page, kind: str, model: int = 0) -> list[dict[str, Any]]:
    """What the widget has sent of a kind."""
    return [m for m in page.evaluate("i => models[i].sent", model) if m["kind"] == kind]


def tell(page: Page, **status: Any) -> None:
    """Play the kernel: a changed status."""
    page.evaluate("s => models[0].say({ status: { ...models[0].state.status, stamp: Date.now(), ...s } })", status)


def running(page: Page, **status: Any) -> None:
    phase = {"name": "running", "words": "searching", "orders": ["pause", "stop"], "goal": 200}
    tell(page, studies=[phase], **status)
    page.wait_for_function("document.querySelector('.wb-phase').textContent === 'searching'")


def rows_of(monitor: wb.SearchMonitor, first: int, last: int) -> list[Any]:
    rows: list[Any] = json.loads(json.dumps(monitor.trials[first:last]))
    return rows


# -- what is shown -------------------------------------------------------------------------------------------------


def test_everything_is_drawn(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    assert page.locator(".wb-plot").get_attribute("data-points") == "80"
    assert page.locator(".wb-best .wb-cell").count() == 1
    assert page.locator(".wb-last tbody tr").count() == 8
    assert page.locator(".wb-question").count() == 6
    assert page.locator(".wb-pin").count() == 30
    assert page.locator(".wb-curve.wb-reference").count() == 1
    counts = page.locator(".wb-counts").inner_text()
    assert "80 of 80 trials" in counts
    assert "100 % unique" in counts
    assert "no failures" in counts
    assert page.locator(".wb-phase").inner_text() == "Finished: 80 trials."
    best = max(row[3][0] for row in evolved.trials)
    assert f"{best:.3f}" in page.locator(".wb-best .wb-head").inner_text()
    labels = page.locator(".wb-best .wb-label").all_text_contents()
    assert labels
    assert set(labels) <= {"3×3", "1×1", "skip", "avg"}


def test_the_curve_is_the_best_so_far(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    corners = page.evaluate("""() => {
      const numbers = (d) => d.slice(1).split("L").map((pair) => pair.split(",").map(Number));
      return numbers(document.querySelector(".wb-curve.wb-best").getAttribute("d"));
    }""")
    grid = page.evaluate("""() => [...document.querySelectorAll(".wb-plot svg")[0].querySelectorAll("text")]
      .filter((text) => text.getAttribute("text-anchor") === "end")
      .map((text) => [Number(text.textContent), Number(text.getAttribute("y")) - 4])""")
    (value, y), (other, y_other) = grid[0], grid[-1]
    height = corners[-1][1]
    shown = value + (height - y) / (y_other - y) * (other - value)
    assert shown == pytest.approx(max(row[3][0] for row in evolved.trials), abs=0.02)
    assert [y for _, y in corners] == sorted((y for _, y in corners), reverse=True)  # it only gets better: upwards


def test_several_seeds_have_a_median_a_band_and_a_line_each(show: Show, seeds: wb.SearchMonitor) -> None:
    page = show(seeds)
    assert page.locator(".wb-curve.wb-seed").count() == 5
    assert page.locator(".wb-band-seeds").count() == 1
    assert "median of 5 searches" in page.locator(".wb-legend").inner_text()
    assert page.locator(".wb-plot").get_attribute("data-points") == "200"
    middle = page.evaluate("""() => document.querySelector(".wb-curve.wb-best").getAttribute("d")""")
    assert middle.startswith("M")


def test_the_front_is_what_nothing_beats(show: Show, front: wb.SearchMonitor) -> None:
    page = show(front)
    expected = wb.front(front.studies[0])
    assert page.locator(".wb-on-front").count() == len(expected)
    assert page.locator(".wb-curve-panel h3").inner_text() == "Pareto front"
    page.get_by_role("button", name="select the front").click()
    (message,) = asked(page, "select")
    assert set(message["names"]) == set(expected.index)


def test_a_clicked_point_opens_its_architecture_with_its_ancestors(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    page.locator(".wb-last tbody tr").first.click()
    last = evolved.trials[-1]
    assert page.evaluate("models[0].state.opened.name") == last[NAME]
    assert page.locator(".wb-lineage h3").inner_text() == f"Where trial {last[1]} comes from"
    line = [last]
    while line[0][8] is not None:
        line.insert(0, evolved.trials[line[0][8]])
    steps = page.locator(".wb-step")
    assert steps.count() == len(line) > 2
    numbers = [int(words.lstrip("#")) for words in page.locator(".wb-result span:first-child").all_inner_texts()]
    assert numbers == [row[1] for row in line]
    for k, (before, after) in enumerate(pairwise(line), start=1):
        changed = sum(a != b for a, b in zip(before[7], after[7], strict=True))
        assert steps.nth(k).locator(".wb-change span").count() == min(changed, 3) + (changed > 3)
    assert page.locator(".wb-step .wb-cell").count() == len(line)
    steps.nth(0).click()
    page.wait_for_function("document.querySelectorAll('.wb-step').length === 1")
    assert page.evaluate("models[0].state.opened.name") == line[0][NAME]


def test_points_are_reached_by_mouse_and_by_keyboard(show: Show, front: wb.SearchMonitor) -> None:
    page = show(front)
    ring = page.locator(".wb-on-front").first.bounding_box()
    page.mouse.move(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    assert page.locator(".wb-tip").inner_text().startswith("trial ")
    page.mouse.click(ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2)
    assert page.evaluate("models[0].state.opened.name") in set(wb.front(front.studies[0]).index)
    page.wait_for_selector(".wb-marked", state="attached")
    page.locator(".wb-plot").focus()
    page.keyboard.press("Home")
    assert page.locator(".wb-unseen").inner_text().startswith("trial 0: valid accuracy")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.evaluate("models[0].state.opened.name") == front.trials[1][NAME]


# -- while it runs -------------------------------------------------------------------------------------------------


def test_new_trials_are_appended_as_they_come(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    page.evaluate("""() => {
      const rows = models[0].state.trials;
      window.rest = rows.splice(50);
      models[0].emit("msg:custom", { kind: "all", rows: rows.slice(), cells: models[0].state.cells });
    }""")
    page.wait_for_function("document.querySelector('.wb-monitor').dataset.trials === '50'")
    say = """from => models[0].emit("msg:custom", {
      kind: "more", from, rows: rest.slice(from - 50, from - 40), cells: [],
      shapes: models[0].state.cells.shapes.length, inks: models[0].state.cells.inks.length })"""
    page.evaluate(say, 50)
    page.wait_for_function("document.querySelector('.wb-monitor').dataset.trials === '60'")
    page.evaluate(say, 50)  # as another view of the same widget would hear it
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.evaluate("models[0].state.trials.length") == 60
    before = len(asked(page, "hello"))
    page.evaluate(say, 70)  # something in between was lost: all is asked for
    assert len(asked(page, "hello")) == before + 1
    assert page.evaluate("models[0].state.trials.length") == 60


def test_buttons_ask_for_what_is_possible(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    assert page.locator("[data-order='stop']").is_disabled()
    running(page)
    page.locator("[data-order='pause']").click()
    tell(page, studies=[{"name": "paused", "words": "paused", "orders": ["resume", "stop"], "goal": 200}])
    page.locator("[data-order='resume']").click()
    page.locator("[data-order='stop']").click()
    assert [message["order"] for message in asked(page, "order")] == ["pause", "resume", "stop"]
    assert "80 of 200 trials" in page.locator(".wb-counts").inner_text()


def test_what_is_left_is_estimated(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    page.evaluate("models[0].state.trials.forEach((row, i) => { row[4] = 1000 + 2 * i; row[5] = 1.5; })")
    running(page)
    counts = page.locator(".wb-counts").inner_text()
    assert "2 s a trial" in counts
    assert "about 4 min left" in counts


def test_answers_are_pinned_and_forbidden_by_mouse_and_keyboard(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    running(page)
    page.locator(".wb-pin[data-key='0->2:1']").click()
    page.locator(".wb-pin[data-key='0->2:0'] + .wb-ban").click()
    page.locator(".wb-pin[data-key='0->1:0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    assert [(m["question"], m["answer"], m["how"]) for m in asked(page, "steer")] == [
        ("0->2", 1, "pin"), ("0->2", 0, "forbid"), ("0->2", 1, "pin"), ("0->2", 1, "forbid"),
    ]  # fmt: skip
    tell(page, pins=[["0->2", 1]], forbidden=[["0->2", 0], ["1->3", 2]])
    page.wait_for_function("document.querySelector('.wb-pins .wb-head').textContent.includes('1 pinned, 2 forbidden')")
    pinned = page.locator(".wb-pin[data-key='0->2:1']")
    assert pinned.get_attribute("aria-pressed") == "true"
    assert pinned.get_attribute("aria-label") == "0->2: skip, pinned"
    assert "pinned to another answer" in str(page.locator(".wb-pin[data-key='0->2:3']").get_attribute("aria-label"))
    assert page.locator(".wb-pin[data-key='1->3:2']").get_attribute("aria-label") == "1->3: conv 1×1, forbidden"
    assert pinned.evaluate("e => e === document.activeElement")  # drawing afresh keeps the keyboard's place
    pinned.click()
    assert asked(page, "steer")[-1]["how"] == "free"


def test_an_operation_of_the_best_cell_is_pinned_by_clicking_it(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    running(page)
    part = page.locator(".wb-best [data-question='1->3']")
    part.focus()
    page.keyboard.press("Enter")
    best = max(evolved.trials, key=lambda row: row[3][0])
    (message,) = asked(page, "steer")
    assert (message["question"], message["answer"], message["how"]) == ("1->3", best[7][4], "pin")
    tell(page, pins=[["1->3", best[7][4]]])
    page.wait_for_selector(".wb-is-pinned", state="attached")
    page.locator(".wb-best [data-question='1->3']").dispatch_event("click")
    assert asked(page, "steer")[-1]["how"] == "free"


def answer(page: Page, weights: list[float], refused: str = "") -> None:
    """Play the kernel: the last weight that was asked for is taken, or refused."""
    name = asked(page, "weigh")[-1]["asked"]
    tell(page, weights=weights, weighed={"asked": name, "refused": refused})


def asked_weights(page: Page, n: int) -> list[tuple[int, float]]:
    """The weights that were asked for, once there are so many."""
    page.wait_for_function("n => models[0].sent.filter((one) => one.kind === 'weigh').length >= n", arg=n)
    return [(message["objective"], message["weight"]) for message in asked(page, "weigh")]


def test_weights_are_set_when_they_are_let_go_and_show_what_the_study_says(
    show: Show, weighed: wb.SearchMonitor
) -> None:
    page = show(weighed)
    running(page)
    accuracy, latency = (page.get_by_role("slider", name=name) for name in ("valid accuracy (%)", "latency (ms)"))
    numbers = page.get_by_role("spinbutton")
    shares = page.locator(".wb-share")
    assert [slider.get_attribute("aria-label") for slider in (accuracy, latency)] == [
        "Weight of valid accuracy (%)", "Weight of latency (ms)",
    ]  # fmt: skip
    assert (accuracy.input_value(), latency.input_value()) == ("1", "0.3")
    assert [number.input_value() for number in numbers.all()] == ["1", "0.3"]
    assert shares.all_inner_texts() == ["77 %", "23 %"]

    box = latency.bounding_box()
    page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2, steps=5)
    held = float(latency.input_value())
    assert held == pytest.approx(1.0, abs=0.1)
    assert float(numbers.nth(1).input_value()) == held  # what is held is shown, and not yet asked for
    tell(page, weights=[1.0, 0.3])
    page.wait_for_timeout(400)
    assert float(latency.input_value()) == held
    assert asked(page, "weigh") == []
    page.mouse.up()
    assert asked_weights(page, 1) == [(1, held)]
    answer(page, [1.0, held])
    assert str(latency.get_attribute("aria-valuetext")) == f"{held:g}, {round(100 * held / (1 + held))} % of all"

    accuracy.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert asked_weights(page, 2)[1:] == [(0, 0.95)]  # a key that is held down asks once
    tell(page, weights=[1.0, held])  # a word of the kernel that is no answer yet
    page.wait_for_timeout(100)
    assert accuracy.input_value() == "0.95"
    answer(page, [0.95, held])

    numbers.nth(0).fill("4")
    page.keyboard.press("Enter")
    assert asked_weights(page, 3)[2:] == [(0, 4)]
    answer(page, [4.0, held])
    assert (accuracy.input_value(), accuracy.get_attribute("max")) == ("4", "10")  # the scale grows with the weights

    tell(page, weights=[2.0, 2.0])  # changed elsewhere
    page.wait_for_function("document.querySelector('.wb-share').textContent === '50 %'")
    assert [number.input_value() for number in numbers.all()] == ["2", "2"]
    numbers.nth(1).fill("7")
    page.keyboard.press("Escape")
    assert numbers.nth(1).input_value() == "2"
    assert len(asked(page, "weigh")) == 3

    tell(page, weights=[])  # let go of
    page.wait_for_function("document.querySelector('.wb-weights').hidden")


def test_a_weight_that_is_refused_goes_back_and_says_why(show: Show, weighed: wb.SearchMonitor) -> None:
    page = show(weighed)
    running(page)
    numbers, words = page.get_by_role("spinbutton"), page.locator(".wb-weights .wb-words")
    height = page.locator(".wb-weights").bounding_box()["height"]
    numbers.nth(0).fill("0")
    page.keyboard.press("Tab")
    assert asked_weights(page, 1) == [(0, 0)]
    why = "One of the weights of valid_accuracy, latency_ms must be above 0; got {'valid_accuracy': 0.0}."
    answer(page, [1.0, 0.3], why)
    words.get_by_text(why).wait_for()
    assert numbers.nth(0).input_value() == "1"
    assert words.get_attribute("role") == "status"
    assert page.locator(".wb-weights").bounding_box()["height"] == height  # nothing below it jumps
    numbers.nth(0).fill("")
    page.keyboard.press("Tab")
    words.get_by_text("A weight is a number of 0 or more.").wait_for()
    assert numbers.nth(0).input_value() == "1"
    assert len(asked(page, "weigh")) == 1
    numbers.nth(0).fill("2")
    words.get_by_text("What is asked for next is judged by these weights").wait_for()

    tell(page, studies=[{"name": "watched", "words": "watched", "orders": [], "goal": None}])
    words.get_by_text("There is no search to steer.").wait_for()
    assert page.locator(".wb-weights input:enabled").count() == 0


def test_there_are_no_weights_where_nothing_is_weighed(
    show: Show, front: wb.SearchMonitor, evolved: wb.SearchMonitor
) -> None:
    for monitor in (front, evolved):
        page = show(monitor)
        assert page.locator(".wb-weights").is_hidden()


def test_an_exported_page_shows_the_weights_and_takes_none(
    browser: Browser, weighed: wb.SearchMonitor, tmp_path: Path
) -> None:
    wb.page([weighed], tmp_path / "p.html")
    page = browser.new_page()
    page.goto((tmp_path / "p.html").as_uri())
    page.locator(".wb-weights").wait_for()
    assert [number.input_value() for number in page.locator(".wb-weight input[type='number']").all()] == ["1", "0.3"]
    assert page.locator(".wb-weights input:enabled").count() == 0
    assert page.locator(".wb-weights .wb-words").inner_text() == "As they were when this page was written."
    page.close()


def test_the_candidates_in_hand_are_drawn(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    running(page, current=[{"study": 0, "trial": 80, "name": evolved.trials[3][NAME]}])
    page.wait_for_selector(".wb-candidates .wb-cell", state="attached")
    assert "trial 80" in page.locator(".wb-candidates").inner_text()


def test_what_is_open_in_a_linked_editor_can_be_enqueued(show: Show, evolved: wb.SearchMonitor, bench: Any) -> None:
    known = {row[NAME] for row in evolved.trials}
    arch = next(a for a in bench.space.sample(50, seed=2) if str(a) not in known)
    editor = wb.CellEditor(arch, bench)
    wb.link(editor, evolved)
    page = show(evolved, editor)
    assert page.locator(".wb-enqueue").is_visible()
    page.locator(".wb-enqueue").click()
    assert asked(page, "enqueue") == [{"kind": "enqueue", "name": str(arch)}]
    tell(page, message="Enqueued as trial 80.")
    page.locator(".wb-notice").get_by_text("Enqueued as trial 80.").wait_for()
    page.locator(".wb-last tbody tr").first.click()
    assert page.evaluate("models[1].state.opened.name") == evolved.trials[-1][NAME]
    assert page.locator(".wb-enqueue").is_hidden()


# -- without a kernel ----------------------------------------------------------------------------------------------


def test_a_page_without_a_kernel_says_so_and_stays_clickable(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    page.locator(".wb-notice").get_by_text("There is no kernel behind this page").wait_for(timeout=15_000)
    page.locator(".wb-last tbody tr").nth(2).click()
    assert page.locator(".wb-step .wb-cell").count() >= 1
    page.get_by_role("button", name="whole range").click()
    assert page.locator(".wb-plot").get_attribute("data-points") == "80"


def test_a_kernel_that_falls_silent_is_said_and_comes_back(show: Show, weighed: wb.SearchMonitor) -> None:
    page = show(weighed)
    running(page)
    page.evaluate("models[0].emit('msg:custom', { kind: 'beat' })")
    later = "ms => { const now = Date.now; Date.now = () => now() + ms; }"
    page.evaluate(later, 8_000)
    page.wait_for_function("models[0].sent.filter((one) => one.kind === 'hello').length === 2")
    notice = page.locator(".wb-notice")
    assert notice.is_hidden()
    page.evaluate(later, 5_000)
    notice.get_by_text("The kernel does not answer: it is busy, or gone.").wait_for()
    assert page.locator("[data-order='stop']").is_disabled()
    assert page.locator(".wb-weights input:enabled").count() == 0
    assert len(asked(page, "hello")) == 2  # at first, and when it fell silent
    page.evaluate("models[0].emit('msg:custom', { kind: 'beat' })")
    page.wait_for_function("document.querySelector('.wb-notice').hidden")
    assert page.locator("[data-order='stop']").is_enabled()
    assert page.locator(".wb-weights input:enabled").count() == 4


# -- itself --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), [(420, "light"), (420, "dark"), (1150, "dark")])
def test_nothing_sticks_out_at_any_width(
    show: Show, evolved: wb.SearchMonitor, weighed: wb.SearchMonitor, width: int, scheme: str
) -> None:
    for monitor in (evolved, weighed):
        page = show(monitor, width=width, scheme=scheme)
        page.locator(".wb-last tbody tr").first.click()
        assert page.evaluate("document.querySelector('.wb-monitor').scrollWidth") <= width
        outside = page.evaluate(
            """width => [...document.querySelectorAll('.wb-monitor :is(button, h3, .wb-panel, select, .wb-weight *)')]
          .filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > width + 12)
          .map((e) => e.outerHTML)""",
            width,
        )
        assert outside == []


def test_drawing_2000_trials_takes_a_few_frames(show: Show, evolved: wb.SearchMonitor) -> None:
    page = show(evolved)
    page.evaluate("""() => {
      const [first] = models[0].state.trials;
      const value = () => [80 + 10 * Math.random()];
      const rows = Array.from({ length: 2000 }, (_, i) =>
        [0, i, "c", value(), 1000 + i, 1, first[6], first[7], null, "", false, ""]);
      models[0].emit("msg:custom", { kind: "all", rows, cells: models[0].state.cells });
    }""")
    page.wait_for_function("document.querySelector('.wb-plot').dataset.points === '2000'")
    page.evaluate("models[0].emit('change:status')")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert float(page.evaluate("document.querySelector('.wb-monitor').dataset.drawMs")) < 150


def test_hostile_names_stay_text_everywhere(show: Show, awkward: Any) -> None:
    measure = Measure(f"m {HOSTILE}", "lower", lambda arch: float(len(str(arch))))
    study = wb.search(awkward, measure, n_trials=6, name=HOSTILE, progress=False)
    other = wb.search(awkward, measure, n_trials=4, name=f"2 {HOSTILE}", seed=1, progress=False)
    monitor = quiet([study, other], title=HOSTILE, space=awkward, reference={HOSTILE: [9.0, 8.0]})
    monitor.status = {**monitor.status, "message": HOSTILE}
    page = show(monitor)
    page.locator(".wb-last tbody tr").first.click()
    page.evaluate(
        """hostile => {
      models[0].state.trials.forEach((row) => { row[9] = hostile; row[11] = hostile; row[6] = hostile; });
      models[0].emit("msg:custom", { kind: "all", rows: models[0].state.trials.slice(), cells: models[0].state.cells });
      const phase = { name: "failed", words: hostile, orders: [], goal: 9 };
      models[0].say({ status: { ...models[0].state.status, message: hostile, studies: [phase, phase] } });
      models[0].say({ marked: [hostile], opened: { name: hostile, stamp: Date.now() + 1000 } });
    }""",
        HOSTILE,
    )
    page.locator(".wb-plot").focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert page.locator(".wb-monitor img, .wb-monitor script").count() == 0
    assert HOSTILE in page.locator(".wb-monitor").inner_text()


def test_hostile_names_of_weights_stay_text(show: Show, awkward: Any) -> None:
    measures = [Measure(f"{k} {HOSTILE}", "lower", lambda arch: float(len(str(arch))), unit=HOSTILE) for k in range(2)]
    weights = {measures[0].name: 0.5}
    study = wb.search(awkward, measures, "random", 4, weights=weights, name=HOSTILE, progress=False)
    monitor = quiet(study, space=awkward)
    monitor.status = {**monitor.status, "weighed": {"asked": HOSTILE, "refused": HOSTILE}}
    page = show(monitor)
    page.get_by_role("spinbutton").first.fill("0")
    page.keyboard.press("Tab")
    asked_weights(page, 1)
    answer(page, [0.5, 1.0], HOSTILE)
    page.locator(".wb-refused").wait_for()
    assert page.locator(".wb-refused").inner_text() == HOSTILE
    assert HOSTILE in page.locator(".wb-weight").first.inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".wb-monitor img, .wb-monitor script").count() == 0
