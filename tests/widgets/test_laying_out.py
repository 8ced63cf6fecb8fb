"""Layouts beside the kernel's other work: nobody waits for one, a newer edit overtakes it, and it can be given up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import networkx as nx
import pytest
import traitlets

import workbench as wb
from workbench.drawing import Drawing, lay_out
from workbench.widgets.editor import laying_out
from workbench.widgets.editor.laying_out import LaidOutTraits, LayingOut

MANY = 240


class Shown(LaidOutTraits):
    """A widget that has nothing but its drawing."""

    _esm = "export default {}"
    drawing = traitlets.Dict().tag(sync=True)


class Gate:
    """A layout that takes until it is let go, asking all the time whether it is still wanted."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun, self.given_up = 0, 0

    def __call__(self, graph: nx.DiGraph, live: Any = None, checkpoint: Callable[[], None] = lambda: None) -> Drawing:
        self.begun += 1
        try:
            while not self.open.is_set():
                checkpoint()
                time.sleep(0.001)
        except laying_out.Cancelled:
            self.given_up += 1
            raise
        return lay_out(graph, live)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate()
    monkeypatch.setattr(laying_out, "lay_out", gate)
    return gate


@pytest.fixture
def shown() -> Shown:
    widget = Shown()
    widget._laying = LayingOut(widget)
    return widget


def chain(count: int, op: Callable[[int], str] = lambda i: f"op {i}") -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from((i, {"op": op(i), "question": f"q{i}"}) for i in range(count))
    nx.add_path(graph, range(count))
    return graph


def draw(shown: Shown, key: str, graph: nx.DiGraph) -> dict[str, Any]:
    shown.drawing = shown._laying.draw(key, graph, None, {"key": key})
    return shown.drawing


async def until(true: Callable[[], Any]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def names(drawing: dict[str, Any]) -> int:
    return len(drawing["nodes"])


def test_outside_a_kernel_every_graph_is_drawn_at_once(shown: Shown) -> None:
    drawing = draw(shown, "large", chain(MANY))
    assert (names(drawing), drawing["stale"], drawing["key"], shown.laying_out) == (MANY, "", "large", 0)


def test_a_large_graph_comes_later_and_keeps_nobody_waiting(shown: Shown, gate: Gate) -> None:
    async def edits() -> None:
        gate.open.set()
        draw(shown, "small", chain(3))
        gate.open.clear()
        waiting = draw(shown, "large", chain(MANY))
        assert (names(waiting), waiting["stale"], waiting["key"], shown.laying_out) == (3, "pending", "large", MANY)
        waits = []
        for _ in range(20):
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            waits.append(time.perf_counter() - began)
        assert sorted(waits)[10] < 0.1
        gate.open.set()
        await until(lambda: shown.laying_out == 0)
        assert (names(shown.drawing), shown.drawing["stale"], shown.drawing["key"]) == (MANY, "", "large")

    asyncio.run(edits())


def test_a_newer_graph_overtakes_the_one_that_is_being_laid_out(shown: Shown, gate: Gate) -> None:
    async def edits() -> None:
        draw(shown, "first", chain(MANY))
        draw(shown, "second", chain(MANY + 1))
        await until(lambda: gate.given_up == 1)
        assert shown.laying_out == MANY + 1
        gate.open.set()
        await until(lambda: shown.laying_out == 0)
        assert (names(shown.drawing), shown.drawing["key"], gate.begun) == (MANY + 1, "second", 2)

    asyncio.run(edits())


def test_the_same_graph_is_not_laid_out_again_for_an_answer_that_was_refused(shown: Shown, gate: Gate) -> None:
    async def edits() -> None:
        draw(shown, "one", chain(MANY))
        again = shown._laying.draw("one", chain(MANY), None, {"key": "refused"})
        assert (again["stale"], gate.begun) == ("pending", 1)
        gate.open.set()
        await until(lambda: shown.laying_out == 0)
        assert (shown.drawing["key"], shown.drawing["stale"]) == ("refused", "")

    asyncio.run(edits())


def test_a_cancelled_layout_leaves_the_last_drawing_until_it_is_wanted_after_all(shown: Shown, gate: Gate) -> None:
    async def edits() -> None:
        gate.open.set()
        draw(shown, "small", chain(3))
        gate.open.clear()
        draw(shown, "large", chain(MANY))
        shown._layout_asked(None, {"kind": "layout", "do": "cancel"}, [])
        assert (names(shown.drawing), shown.drawing["stale"], shown.laying_out) == (3, "cancelled", 0)
        await until(lambda: gate.given_up == 1)
        gate.open.set()
        await asyncio.sleep(0.02)
        assert names(shown.drawing) == 3
        shown._layout_asked(None, {"kind": "layout", "do": "again"}, [])
        await until(lambda: shown.laying_out == 0 and names(shown.drawing) == MANY)
        assert shown.drawing["stale"] == ""

    asyncio.run(edits())


@pytest.mark.parametrize("stranger", [None, "cancel", {}, {"kind": "layout"}, {"kind": "layout", "do": ["cancel"]}])
def test_other_messages_change_nothing(shown: Shown, stranger: object) -> None:
    drawing = draw(shown, "one", chain(3))
    shown._layout_asked(None, stranger, [])
    assert shown.drawing == drawing


def test_repeats_are_folded_from_200_nodes_on_and_otherwise_when_asked(shown: Shown) -> None:
    large = draw(shown, "large", chain(MANY, lambda i: "conv_3x3"))
    assert (names(large), large["folds"]["on"]) == (2, True)  # the first node follows no other
    small = draw(shown, "small", chain(8, lambda i: "conv_3x3"))
    assert (names(small), small["folds"]) == (8, {"on": False, "offered": True, "expanded": []})
    shown.folding = "on"
    assert names(shown.drawing) == 2
    shown.expanded = [shown.drawing["nodes"][1]["fold"]]
    assert names(shown.drawing) == 8
    assert [fold["label"] for fold in shown.drawing["folds"]["expanded"]] == ["×7 conv 3×3"]
    assert draw(shown, "other", chain(4))["folds"]["offered"] is False


def test_only_the_three_ways_of_folding_are_taken(shown: Shown) -> None:
    with pytest.raises(traitlets.TraitError):
        shown.folding = "sometimes"
    assert shown.folding == "auto"


def test_a_still_that_would_take_too_long_is_left_out(
    shown: Shown, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laying_out, "_PATIENCE", 0.05)
    assert shown._laying.still("large", chain(MANY), None).nodes == ()
    gate.open.set()
    assert len(shown._laying.still("large", chain(MANY), None).nodes) == MANY


def test_an_editor_folds_and_its_still_is_what_it_shows() -> None:
    arch = wb.search_space("mnasnet").sample(1, seed=0)[0]
    editor = wb.CellEditor(arch, [])
    whole = names(editor.drawing)
    editor.folding = "on"
    assert names(editor.drawing) < whole
    assert "×5 mbconv" in editor.still()
    assert editor.drawing["decisions"] == dict(arch.decisions)
    inside = {q for node in editor.drawing["nodes"] for q in node["questions"]}
    editor.folding = "off"
    assert inside == {q for node in editor.drawing["nodes"] for q in node["questions"]}
    assert "×5 mbconv" not in editor.still()
