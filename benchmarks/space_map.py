"""How quick the map is in real JupyterLab, linked and very large, and plotly's FigureWidget in the same run."""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "widgets"))

from lab import Notebook, chromium_browser, running_lab

SELECTIONS, MOVES = 20, 200
PREPARED = """
import time
import numpy as np
import pandas as pd
import ipywidgets
import plotly.graph_objects as go
import workbench as wb
frame = wb.benchmark("nasbench201", dataset="cifar10").table()
wb.SpaceMap(frame.iloc[:50])
print("prepared")"""
LINKED = """
first = wb.SpaceMap(frame)
second = wb.SpaceMap(frame, x="latency_ms", color="params_m")
wb.link(first, second)
arrived = []
first.observe(lambda change: arrived.append(time.time() * 1000), "selection")
ipywidgets.HBox([first, second])"""
PLOTLY = """
def figure(x):
    y = frame["valid_accuracy"]
    marker = dict(color=y, size=3, showscale=True)
    return go.FigureWidget(go.Scattergl(x=frame[x], y=y, mode="markers", text=frame.index, marker=marker))
ipywidgets.HBox([figure("params_m"), figure("latency_ms")])"""
# As many rows as NAS-Bench-101 has. The numbers are made up: what counts here is how many there are.
LARGE = """
rng = np.random.default_rng(0)
n = 423_624
params = rng.gamma(2, 3, n) + 2 * rng.integers(0, 9, n)
numbers = {"params_m": params, "valid_accuracy": 95 - 20 / (1 + params) - rng.gamma(1, 1.2, n), "time_s": params * 100}
large = wb.SpaceMap(pd.DataFrame(numbers, index=[f"made up {i}" for i in range(n)]))
came = []
large.observe(lambda change: came.append(time.time() * 1000), "selection")
large"""
PAINTED = "document.querySelectorAll('.wb-map[data-paint-ms]').length >= {count}"
# A map's paint ends by writing how long it took: that is within the frame that shows it.
WATCH = """() => {
  window.released = [];
  window.repainted = [];
  window.forget?.();
  const release = () => window.released.push([performance.now(), Date.now()]);
  const painted = new MutationObserver(() => window.repainted.push(performance.now()));
  const maps = document.querySelectorAll(".wb-map");
  addEventListener("pointerup", release, true);
  painted.observe(maps[maps.length - 1], { attributeFilter: ["data-paint-ms"] });
  window.forget = () => {
    removeEventListener("pointerup", release, true);
    painted.disconnect();
  };
}"""
HOVER = """moves => {
  const tops = document.querySelectorAll(".wb-map .wb-top");
  const top = tops[tops.length - 1];
  const box = top.getBoundingClientRect();
  const times = [];
  for (let i = 0; i < moves; i++) {
    const [clientX, clientY] = [box.x + 80 + (i * 37) % 300, box.y + 60 + (i * 53) % 200];
    const started = performance.now();
    top.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    times.push(performance.now() - started);
  }
  return times;
}"""


@contextmanager
def socket_bytes(notebook: Notebook) -> Iterator[list[int]]:
    """The sizes of what comes through the page's web sockets meanwhile."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    sizes: list[int] = []

    def received(event: dict) -> None:
        frame = event["response"]
        size = len(frame["payloadData"])
        sizes.append(size if frame["opcode"] == 1 else size * 3 // 4)  # binary ones are told in base64

    session.on("Network.webSocketFrameReceived", received)
    session.send("Network.enable")
    yield sizes
    session.detach()


def ready(notebook: Notebook, cell: int, there: str) -> tuple[float, float]:
    """Seconds from running a cell until the page has what it makes, and the megabytes that came for it."""
    page = notebook.page
    with socket_bytes(notebook) as sizes:
        started = time.perf_counter()
        page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", cell)
        page.evaluate("() => void jupyterapp.commands.execute('notebook:run-cell')")
        page.wait_for_function(there, timeout=120_000)
        seconds = time.perf_counter() - started
        page.wait_for_timeout(500)
    return seconds, sum(sizes) / 1e6


def boxes(notebook: Notebook, number: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each mouse-up over a map to Python, and to the last map's next picture."""
    page = notebook.page
    page.evaluate(WATCH)
    top = page.locator(".wb-map .wb-top").nth(number)
    top.scroll_into_view_if_needed()
    box = top.bounding_box()
    assert box is not None
    painted = []
    for i in range(SELECTIONS):
        page.evaluate("() => { window.repainted = []; }")
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 34)
        page.mouse.down()
        share = 0.4 + 0.45 * i / SELECTIONS
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=3)
        page.evaluate("() => { window.repainted = []; }")
        page.mouse.up()
        page.wait_for_function("window.repainted.length > 0")
        painted.append(float(page.evaluate("window.repainted[0] - window.released.at(-1)[0]")))
        page.wait_for_timeout(150)
    name = "arrived" if number == 0 else "came"
    reached = [float(part) for part in notebook.ask(f"print(*{name})").split()][-SELECTIONS:]
    released: list[float] = [both[1] for both in page.evaluate("window.released")]
    return [after - before for before, after in zip(released, reached, strict=True)], painted


def lasso(notebook: Notebook, number: int) -> float:
    """Milliseconds in which the browser finds the points inside a free shape of 80 corners."""
    page = notebook.page
    top = page.locator(".wb-map .wb-top").nth(number)
    page.locator(".wb-map").nth(number).get_by_role("button", name="Drag a free shape").click()
    box = top.bounding_box()
    assert box is not None
    middle = box["x"] + 0.4 * box["width"], box["y"] + 0.45 * box["height"]
    corners = [(middle[0] + 120 * math.cos(a / 12.7), middle[1] + 80 * math.sin(a / 12.7)) for a in range(80)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()
    return float(page.locator(".wb-map").nth(number).get_attribute("data-pick-ms") or "nan")


def main() -> None:
    """Measure and print a small table."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("No Chromium on the PATH: scripts/install_chromium.sh installs one on Debian.")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder) / "lab") as lab,
        chromium_browser(chromium) as browser,
        lab.notebook(browser, [PREPARED, LINKED, PLOTLY, LARGE], size=(1500, 1300)) as notebook,
    ):
        notebook.run(0)
        linked_ready, linked_bytes = ready(notebook, 1, PAINTED.format(count=2))
        reached, redrawn = boxes(notebook, 0)
        large_ready, large_bytes = ready(notebook, 3, PAINTED.format(count=3))
        large_reached, large_redrawn = boxes(notebook, 2)
        picked = lasso(notebook, 2)
        moved: list[float] = notebook.page.evaluate(HOVER, MOVES)
        plotly = "document.querySelectorAll('.js-plotly-plot .gl-canvas-context').length >= 2"
        plotly_ready, plotly_bytes = ready(notebook, 2, plotly)
    rows = [
        ("two linked maps of 15,625 points, cell run to both painted", linked_ready * 1000, "ms"),
        ("    through the web socket for them", linked_bytes, "MB"),
        ("    a box to the selection in Python, median", median(reached), "ms"),
        ("    a box to the selection in Python, worst", max(reached), "ms"),
        ("    a box to the linked map's picture, median", median(redrawn), "ms"),
        ("    a box to the linked map's picture, worst", max(redrawn), "ms"),
        ("two FigureWidgets (scattergl) of the same, cell run to both drawn", plotly_ready * 1000, "ms"),
        ("    through the web socket for them", plotly_bytes, "MB"),
        ("423,624 made-up points as density, cell run to painted", large_ready * 1000, "ms"),
        ("    through the web socket for them", large_bytes, "MB"),
        ("    a box to the selection in Python, median", median(large_reached), "ms"),
        ("    a box to its own picture, median", median(large_redrawn), "ms"),
        ("    finding the points in a lasso of 80 corners", picked, "ms"),
        ("    following the pointer, median of a move", median(moved), "ms"),
        ("    following the pointer, 95th percentile", float(np.percentile(moved, 95)), "ms"),
    ]
    for name, value, unit in rows:
        print(f"{name:<68} {value:9.1f} {unit}")


if __name__ == "__main__":
    main()
