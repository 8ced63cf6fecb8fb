"""How quick the widgets are in real JupyterLab: from a key press, a cell or a selection to what it shows."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "widgets"))

from lab import Notebook, chromium_browser, running_lab

EDITS, REPAINTS, SELECTIONS = 100, 20, 20
SETUP = """
import time
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")"""
EDITOR = """
editor = wb.CellEditor(bench.space.sample(1, seed=0)[0], bench)
reached = []
editor.observe(lambda change: reached.append(time.time() * 1000), "value")
editor"""
# What the page showed after each edit must be what the kernel knows: quick numbers that are wrong would not count.
CHECK = """
from workbench.widgets.facts import facts_of
def said(fact):
    return "".join([fact.value, f" {fact.spread}" if fact.spread else "", fact.label, fact.note])
print(all(shown == [said(f) for f in facts_of(bench.space.parse(text), [bench])] for text, shown in SHOWN))"""
MAP = "wb.SpaceMap(bench, editor=editor)"
SCORES = """
import time
names = {"CIFAR-10": "cifar10", "CIFAR-100": "cifar100", "ImageNet16-120": "imagenet16_120"}
tables = {name: wb.benchmark("nasbench201", dataset=dataset).table() for name, dataset in names.items()}
frame = tables["CIFAR-10"][["latency_ms", "train_time_s"]].copy()
for name, table in tables.items():
    frame[[f"{name} run {i}" for i in range(3)]] = table[[f"valid_accuracy_seed{i}" for i in range(3)]]
archs = [bench.space.parse(text) for text in frame.index]
frame["params"] = [bench.space.counts(arch).params for arch in archs]
frame["live_params"] = [bench.space.counts(arch, live=True).params for arch in archs]
frame.attrs = {"space": "nasbench201", "seconds": dict.fromkeys(frame.columns[:2], 0.1)}
truth = {name: table.valid_accuracy for name, table in tables.items()}"""
BOARD = """
board = wb.ProxyBoard(frame, truth)
board.chosen = ["latency_ms", "CIFAR-10"]
arrived = []
board.observe(lambda change: arrived.append((time.time() * 1000, len(change["new"]))), "selection")
board"""

# The text below the drawing comes from the kernel only: when it changes, the numbers have changed with it, and the
# second frame after that is when they are on the screen.
WATCH = """() => {
  window.edits = [];
  window.shown = [];
  window.pressed = [];
  let pressed = 0;
  addEventListener("keydown", () => { pressed = performance.now(); window.pressed.push(Date.now()); }, true);
  const facts = () => [...document.querySelectorAll(".wb-facts > div")].map((fact) => fact.textContent);
  const text = document.querySelector(".wb-text");
  let last = text.textContent;
  new MutationObserver(() => {
    if (text.textContent === last) return;
    last = text.textContent;
    const started = pressed;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.edits.push(performance.now() - started);
      window.shown.push([last, facts()]);
    }));
  }).observe(text, { childList: true, characterData: true, subtree: true });
}"""


def edit_times(notebook: Notebook) -> tuple[list[float], list[float]]:
    """Milliseconds from each of the key presses to the numbers on screen, and to Python."""
    page = notebook.page
    page.wait_for_timeout(8000)  # the numbers of all architectures follow the first paint
    page.evaluate(WATCH)
    rng = np.random.default_rng(0)
    edges = page.locator(".wb-edge")
    for done in range(EDITS):
        edge = edges.nth(int(rng.integers(edges.count())))
        edge.focus()
        page.keyboard.press("ArrowRight" if rng.random() < 0.5 else "ArrowLeft")
        page.wait_for_function("done => window.edits.length > done", arg=done)
        page.wait_for_timeout(100)  # Jupyter joins changes that come faster than it sends them
    times: list[float] = page.evaluate("window.edits")
    shown = page.evaluate("window.shown")
    if notebook.ask(f"SHOWN = {shown!r}{CHECK}").strip() != "True":
        sys.exit("The editor showed other numbers than the kernel knows.")
    reached = [float(part) for part in notebook.ask("print(*reached)").split()]
    pressed: list[float] = page.evaluate("window.pressed")
    return times, [after - before for before, after in zip(pressed, reached, strict=True)]


def map_times(notebook: Notebook) -> tuple[float, list[float]]:
    """Milliseconds from running the map's cell to its points being painted, and for each later repaint."""
    page = notebook.page
    started = time.perf_counter()
    page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", 2)
    page.evaluate("() => void jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function("document.querySelector('.wb-map')?.dataset.paintMs")
    ready = (time.perf_counter() - started) * 1000
    repaints = []
    for i in range(REPAINTS):
        page.evaluate("delete document.querySelector('.wb-map').dataset.paintMs")
        page.get_by_role("button", name="Zoom in" if i % 2 else "Zoom out").click()
        page.wait_for_function("document.querySelector('.wb-map').dataset.paintMs")
        repaints.append(float(page.evaluate("document.querySelector('.wb-map').dataset.paintMs")))
    return ready, repaints


# What the kernel says of a selection is on screen two frames after the sentence that counts it has changed.
LINKED = """() => {
  window.linked = [];
  let released = 0;
  addEventListener("pointerup", () => { released = performance.now(); window.released = Date.now(); }, true);
  const words = document.querySelector(".wb-agreement .wb-words");
  let last = "";
  new MutationObserver(() => {
    const said = /within the ([0-9,]+) selected/.exec(words.textContent)?.[1] ?? "";
    if (said === last) return;
    last = said;
    const started = released;
    requestAnimationFrame(() => requestAnimationFrame(() => window.linked.push(performance.now() - started)));
  }).observe(words, { childList: true, characterData: true, subtree: true });
}"""


def board_times(notebook: Notebook) -> tuple[float, list[float], list[float]]:
    """Milliseconds from running the board's cell to all views, and from each mouse-up to Python and to all views."""
    page = notebook.page
    notebook.run(3)
    started = time.perf_counter()
    page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", 4)
    page.evaluate("() => void jupyterapp.commands.execute('notebook:run-cell')")
    board = "document.querySelector('.wb-board')?.dataset"
    page.wait_for_function(f"{board}.paintMs && {board}.drawMs")
    ready = (time.perf_counter() - started) * 1000
    page.wait_for_function("/[0-9] resamples/.test(document.querySelector('.wb-agreement .wb-words').textContent)")
    page.evaluate(LINKED)
    scatter = page.locator(".wb-board .wb-top")
    scatter.scroll_into_view_if_needed()
    box = scatter.bounding_box()
    assert box is not None
    released = []
    for i in range(SELECTIONS):
        page.mouse.move(box["x"] + 72, box["y"] + 34)
        page.mouse.down()
        share = 0.4 + 0.5 * i / SELECTIONS
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=4)
        page.mouse.up()
        page.wait_for_function("done => window.linked.length > done", arg=i)
        released.append(float(page.evaluate("window.released")))
    arrived = [float(part) for part in notebook.ask("print(*(at for at, _ in arrived))").split()]
    linked: list[float] = page.evaluate("window.linked")
    return ready, [after - before for before, after in zip(released, arrived, strict=True)], linked


def main() -> None:
    """Measure and print a small table."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No Chromium on the PATH: scripts/install_chromium.sh installs one on Debian.")
    rows: list[tuple[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder) / "lab") as lab,
        chromium_browser(chromium) as browser,
        lab.notebook(browser, [SETUP, EDITOR, MAP, SCORES, BOARD], size=(1300, 1300)) as notebook,
    ):
        notebook.run(0)
        started = time.perf_counter()
        notebook.page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", 1)
        notebook.page.evaluate("() => void jupyterapp.commands.execute('notebook:run-cell')")
        notebook.page.wait_for_selector(".wb-edge", state="attached")
        first = (time.perf_counter() - started) * 1000
        times, reached = edit_times(notebook)
        ready, repaints = map_times(notebook)
        board_ready, arrived, linked = board_times(notebook)
    rows += [
        ("running the editor's cell to its first paint", first),
        (f"an edit to its numbers on screen, median of {len(times)}", median(times)),
        (f"an edit to its numbers on screen, worst of {len(times)}", max(times)),
        (f"an edit to Python, median of {len(reached)}", median(reached)),
        (f"an edit to Python, 95th percentile of {len(reached)}", float(np.percentile(reached, 95))),
        ("running the map's cell to 15,625 points on screen", ready),
        (f"repainting the map, median of {len(repaints)}", median(repaints)),
        (f"repainting the map, worst of {len(repaints)}", max(repaints)),
        ("running the board's cell to 15,625 x 13 in all views", board_ready),
        (f"a box on the board to Python, median of {len(arrived)}", median(arrived)),
        (f"a box on the board to Python, worst of {len(arrived)}", max(arrived)),
        (f"a box on the board to all views, median of {len(linked)}", median(linked)),
        (f"a box on the board to all views, worst of {len(linked)}", max(linked)),
    ]
    for name, milliseconds in rows:
        print(f"{name:<58} {milliseconds:7.1f} ms")


if __name__ == "__main__":
    main()
