"""How quick the widgets are in real JupyterLab: from a key press to the new numbers, and from a cell to the map."""

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

EDITS, REPAINTS = 50, 20
EDITOR = """
import workbench as wb
bench = wb.benchmark("nasbench201", dataset="cifar10")
editor = wb.CellEditor(bench.space.sample(1, seed=0)[0], bench)
editor"""
MAP = "wb.SpaceMap(bench, editor=editor)"

# The text below the drawing comes from the kernel only: when it changes, the numbers have changed with it, and the
# second frame after that is when they are on the screen.
WATCH = """() => {
  window.edits = [];
  let pressed = 0;
  addEventListener("keydown", () => { pressed = performance.now(); }, true);
  const text = document.querySelector(".wb-text");
  let last = text.textContent;
  new MutationObserver(() => {
    if (text.textContent === last) return;
    last = text.textContent;
    const started = pressed;
    requestAnimationFrame(() => requestAnimationFrame(() => window.edits.push(performance.now() - started)));
  }).observe(text, { childList: true, characterData: true, subtree: true });
}"""


def edit_times(notebook: Notebook) -> list[float]:
    """Milliseconds from each of the key presses to the numbers on screen."""
    page = notebook.page
    page.evaluate(WATCH)
    rng = np.random.default_rng(0)
    edges = page.locator(".wb-edge")
    for done in range(EDITS):
        edge = edges.nth(int(rng.integers(edges.count())))
        edge.focus()
        page.keyboard.press("ArrowRight" if rng.random() < 0.5 else "ArrowLeft")
        page.wait_for_function("done => window.edits.length > done", arg=done)
    times: list[float] = page.evaluate("window.edits")
    return times


def map_times(notebook: Notebook) -> tuple[float, list[float]]:
    """Milliseconds from running the map's cell to its points being painted, and for each later repaint."""
    page = notebook.page
    started = time.perf_counter()
    page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", 1)
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
        lab.notebook(browser, [EDITOR, MAP], size=(1300, 1300)) as notebook,
    ):
        notebook.run(0)
        notebook.page.wait_for_selector(".wb-edge", state="attached")
        times = edit_times(notebook)
        ready, repaints = map_times(notebook)
    rows += [
        (f"an edit to its numbers on screen, median of {len(times)}", median(times)),
        (f"an edit to its numbers on screen, worst of {len(times)}", max(times)),
        ("running the map's cell to 15,625 points on screen", ready),
        (f"repainting the map, median of {len(repaints)}", median(repaints)),
        (f"repainting the map, worst of {len(repaints)}", max(repaints)),
    ]
    for name, milliseconds in rows:
        print(f"{name:<58} {milliseconds:7.1f} ms")


if __name__ == "__main__":
    main()
