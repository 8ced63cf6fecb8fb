"""How smooth drawings move in real JupyterLab, frame by frame, and how long graphs of many nodes are laid out."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import networkx as nx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "widgets"))

from lab import Notebook, chromium_browser, running_lab

from workbench.collapsing import collapsed
from workbench.drawing import lay_out

MOVES = 90
CELLS = {"NAS-Bench-201 cell": "nasbench201", "NAS-Bench-101 cell": "nasbench101"}
EDITOR = """
import workbench as wb
wb.CellEditor(wb.search_space({space!r}).sample(1, seed=0)[0], [])"""
MACRO = """
import random
import networkx as nx
import workbench as wb
from workbench.errors import Infeasible
from workbench.spaces import SearchSpace

OPERATIONS = ("nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3")

class Macro(SearchSpace):
    name, flat = "macro", True

    def suggest(self, choices):
        graph = nx.DiGraph()
        graph.add_node("in", label="in", role="input")
        before = "in"
        for block in range(125):
            first = before
            for layer in range(4):
                name = f"block{block}.{layer}"
                op = choices.suggest_categorical(name, OPERATIONS)
                graph.add_node(name, op=op, question=name, role="op")
                graph.add_edge(before, name)
                before = name
            graph.add_edge(first, before)
        graph.add_node("out", label="out", role="output")
        graph.add_edge(before, "out")
        return graph

    def network(self, graph, task):
        raise Infeasible("this space is only drawn")

    def live(self, graph):
        return graph

class Drawn:
    def suggest_categorical(self, question, answers):
        return random.Random(question).choice(answers)

editor = wb.CellEditor(Macro().answered_by(Drawn()), [])
editor.folding = "off"
editor"""
# Every frame's time from the first movement to the last.
WATCH = """() => {
  window.frames = [];
  const step = (now) => { window.frames.push(now); window.watching = requestAnimationFrame(step); };
  window.watching = requestAnimationFrame(step);
}"""
STOP = "() => { cancelAnimationFrame(window.watching); return window.frames; }"


def frame_times(notebook: Notebook, start: tuple[float, float], pans: bool) -> np.ndarray:
    """Milliseconds between frames while the pointer is dragged to and fro from a place, with Alt where it pans."""
    page = notebook.page
    page.mouse.move(*start)
    if pans:
        page.keyboard.down("Alt")
    page.mouse.down()
    page.evaluate(WATCH)
    for i in range(1, MOVES + 1):
        angle = i / MOVES * 3.3 * np.pi
        page.mouse.move(start[0] + 60 * np.sin(angle), start[1] + 40 * np.sin(2 * angle))
        page.wait_for_timeout(8)
    frames = page.evaluate(STOP)
    page.mouse.up()
    if pans:
        page.keyboard.up("Alt")
    return np.diff(np.asarray(frames, dtype=float))


def drags(notebook: Notebook, pans: bool) -> np.ndarray:
    """Frame times of a drag of a node in the middle of what is seen, or of the paper; the drawing must follow."""
    page = notebook.page
    page.wait_for_selector(".wb-node", state="attached")
    page.locator(".wb-picture").scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    at, index = page.evaluate(_MIDDLE)
    state = "() => document.querySelector('.wb-world').getAttribute('transform')" if pans else (
        f"() => document.querySelectorAll('.wb-node')[{index}].getAttribute('transform')"
    )  # fmt: skip
    before = page.evaluate(state)
    times = frame_times(notebook, (at[0], at[1]), pans)
    if page.evaluate(state) == before:
        raise RuntimeError("nothing has moved: the numbers would mean nothing")
    return times


_MIDDLE = """() => {
  const picture = document.querySelector(".wb-picture").getBoundingClientRect();
  const x = (picture.left + picture.right) / 2;
  const y = (Math.max(0, picture.top) + Math.min(innerHeight, picture.bottom)) / 2;
  const nodes = [...document.querySelectorAll(".wb-node")].map((node, i) => {
    const box = node.querySelector(".wb-box").getBoundingClientRect();
    return [[(box.left + box.right) / 2, (box.top + box.bottom) / 2], i];
  });
  const far = ([at]) => Math.hypot(at[0] - x, at[1] - y);
  return nodes.reduce((best, one) => (far(one) < far(best) ? one : best));
}"""


def told(times: np.ndarray) -> str:
    """Median, 95th percentile and worst, in milliseconds."""
    middle, high = np.percentile(times, [50, 95])
    return f"median {middle:5.1f} ms, 95th percentile {high:5.1f} ms, worst {times.max():5.1f} ms ({len(times)} frames)"


def blocks(count: int) -> nx.DiGraph:
    """A chain of `count` nodes in blocks of four with a skip over each, every one of another make."""
    graph, rng = nx.DiGraph(), random.Random(0)
    graph.add_node(0, label="in", role="input")
    for i in range(1, count):
        graph.add_node(i, op=rng.choice(["nor_conv_3x3", "nor_conv_1x1", "skip_connect", "avg_pool_3x3"]))
        graph.add_edge(i - 1, i)
        if i % 4 == 0:
            graph.add_edge(i - 4, i)
    return graph


def wired(count: int) -> nx.DiGraph:
    """The same with a quarter as many edges between nodes anywhere, which every layer between them has to let by."""
    graph, rng = blocks(count), random.Random(1)
    for _ in range(count // 4):
        graph.add_edge(*sorted(rng.sample(range(count), 2)))
    return graph


def main() -> None:
    """Print every figure."""
    for count in (50, 200, 500, 1000, 2000):
        words = []
        for kind, graph in (("blocks", blocks(count)), ("blocks and long edges", wired(count))):
            if count > 1000 and kind != "blocks":
                continue
            began = time.perf_counter()
            lay_out(graph)
            words.append(f"{kind} {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        collapsed(graph)
        print(f"layout of {count:5,} nodes: {', '.join(words)}; looked for repeats {time.perf_counter() - began:.2f} s")
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium_browser(shutil.which("chromium") or "chromium") as browser,
        running_lab(Path(folder) / "lab") as lab,
    ):
        for name, space in CELLS.items():
            with lab.notebook(browser, [EDITOR.format(space=space)]) as notebook:
                notebook.run(0)
                print(f"{name}, a node dragged: {told(drags(notebook, pans=False))}")
        with lab.notebook(browser, [MACRO]) as notebook:
            notebook.run(0)
            notebook.page.wait_for_function("document.querySelectorAll('.wb-node').length === 502")
            print(f"macro graph of 500 nodes, a node dragged: {told(drags(notebook, pans=False))}")
            print(f"macro graph of 500 nodes, panned: {told(drags(notebook, pans=True))}")
            notebook.page.get_by_role("button", name="Show the whole graph").click()
            print(f"macro graph of 500 nodes, all seen, panned: {told(drags(notebook, pans=True))}")


if __name__ == "__main__":
    main()
