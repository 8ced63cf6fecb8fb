"""Laying out beside the kernel's other work: a large graph keeps nobody waiting, and a newer edit comes first."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import traitlets

from workbench.collapsing import LARGE, Fold, collapsed
from workbench.drawing import Drawing, lay_out
from workbench.errors import WorkbenchError
from workbench.widgets.linking import Linked

_BUDGET = 0.1  # seconds that an edit waits for its drawing
_PATIENCE = 5.0  # seconds that a page without a kernel may take


class Cancelled(WorkbenchError):
    """A layout that nobody wants any longer."""


class LaidOutTraits(Linked):
    """The abstract half of a widget with a drawing of one graph whose repeated blocks can be folded.

    `folding` is "on", "off", or "auto", which folds graphs of more than 200 nodes; `expanded` lists the ids of the
    blocks that are shown in full all the same; `laying_out` is the number of nodes that are being laid out right now.
    """

    _laying: LayingOut
    drawing: Any
    folding = traitlets.Enum(("auto", "on", "off"), "auto").tag(sync=True)
    expanded: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    laying_out = traitlets.Int(0).tag(sync=True)

    def __init__(self, **state: Any) -> None:
        super().__init__(**state)
        self.on_msg(self._layout_asked)

    def _layout_asked(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser gives a layout up, or wants it after all."""
        if isinstance(content, dict) and content.get("kind") == "layout":
            if content.get("do") == "cancel":
                self._laying.cancel()
            elif content.get("do") == "again":
                self._laying.again()

    @traitlets.observe("folding", "expanded")
    def _folded_otherwise(self, _: dict[str, Any]) -> None:
        self._laying.again()


@dataclass(frozen=True)
class Wanted:
    """A graph to draw, told from others by its `key`; the part of it that is live; how its blocks are folded."""

    key: str
    graph: nx.DiGraph = field(compare=False)
    live: nx.DiGraph | None = field(compare=False)
    folding: str = "auto"
    expanded: tuple[str, ...] = ()

    def drawn(self, given_up: threading.Event | None = None, until: float = float("inf")) -> Drawn:
        """The drawing; raises `Cancelled` when it is given up, or not there until a time."""

        def checkpoint() -> None:
            if (given_up is not None and given_up.is_set()) or time.monotonic() > until:
                raise Cancelled(f"The layout of {self.graph.number_of_nodes()} nodes was given up.")
            if given_up is not None:
                time.sleep(0)  # gives way to the kernel's own thread, which would otherwise wait for its turn

        small = collapsed(self.graph, self.live, self.expanded, checkpoint)
        folds = self.folding == "on" or (self.folding == "auto" and self.graph.number_of_nodes() > LARGE)
        graph, live = (small.graph, small.live) if folds else (self.graph, self.live)
        offered = bool(small.folded or small.expanded)
        return Drawn(lay_out(graph, live, checkpoint), folds, offered, small.expanded if folds else ())


@dataclass(frozen=True)
class Drawn:
    """A drawing, whether its repeated blocks are folded, whether it has any, and those shown in full all the same."""

    drawing: Drawing
    folds: bool = False
    offered: bool = False
    expanded: tuple[Fold, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The drawing as dictionaries and lists, ready for JSON."""
        expanded = [fold._asdict() for fold in self.expanded]
        folds = {"on": self.folds, "offered": self.offered, "expanded": expanded}
        return {**self.drawing.as_dict(), "folds": folds}


class LayingOut:
    """The drawing of one widget: at once for up to 200 nodes, and in a thread where it would keep the kernel busy.

    A thread and not a process: a message to the kernel waits no longer, and neither the graph nor the drawing has to
    be copied. `draw` is called for every edit; what comes later is set in the kernel's own loop.
    """

    def __init__(self, widget: LaidOutTraits) -> None:
        self._widget = widget
        self._about: dict[str, Any] = {}
        self._wanted: Wanted | None = None
        self._shown: Wanted | None = None
        self._drawn = Drawn(Drawing(0.0, 0.0, (), ()))
        self._given_up: threading.Event | None = None  # of the layout that is being made

    def draw(self, key: str, graph: nx.DiGraph, live: nx.DiGraph | None, about: dict[str, Any]) -> dict[str, Any]:
        """The drawing of a graph with what it says `about` it; the one before, marked as stale, until it is there.

        Stale is "pending" while the graph is laid out and "cancelled" when that was given up, otherwise empty.
        """
        self._about = about
        wanted = self._want(key, graph, live)
        if wanted != self._wanted:
            self._begin(wanted)
        return self._told()

    def again(self) -> None:
        """Draw the same graph once more, as the widget's `folding` and `expanded` are now."""
        if self._wanted is not None:
            self._begin(self._want(self._wanted.key, self._wanted.graph, self._wanted.live))
            self._widget.drawing = self._told()

    def cancel(self) -> None:
        """Leave the last drawing where it is."""
        if self._given_up is not None:
            self._give_up()
            self._widget.drawing = self._told()

    def still(self, key: str, graph: nx.DiGraph, live: nx.DiGraph | None) -> Drawing:
        """The drawing for a page without a kernel; an empty one where it would take many seconds."""
        wanted = self._want(key, graph, live)
        if wanted == self._shown:
            return self._drawn.drawing
        try:
            return wanted.drawn(until=time.monotonic() + _PATIENCE).drawing
        except Cancelled:
            return Drawing(0.0, 0.0, (), ())

    def _want(self, key: str, graph: nx.DiGraph, live: nx.DiGraph | None) -> Wanted:
        return Wanted(key, graph, live, self._widget.folding, tuple(self._widget.expanded))

    def _begin(self, wanted: Wanted) -> None:
        self._give_up()
        self._wanted = wanted
        loop = _running_loop()
        if loop is None or wanted.graph.number_of_nodes() <= LARGE:
            self._drawn, self._shown = wanted.drawn(), wanted
            return
        given_up = threading.Event()
        work = _in_thread(wanted, given_up)
        with suppress(TimeoutError):
            self._drawn, self._shown = work.result(_BUDGET), wanted
            return
        self._given_up = given_up
        self._widget.laying_out = wanted.graph.number_of_nodes()

        def done(work: Future[Drawn]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._take, wanted, given_up, work)

        work.add_done_callback(done)

    def _take(self, wanted: Wanted, given_up: threading.Event, work: Future[Drawn]) -> None:
        if given_up is not self._given_up:
            return  # a newer edit has come first
        self._give_up()
        self._drawn, self._shown = work.result(), wanted
        self._widget.drawing = self._told()

    def _give_up(self) -> None:
        if self._given_up is not None:
            self._given_up.set()
            self._given_up = None
            self._widget.laying_out = 0

    def _told(self) -> dict[str, Any]:
        stale = "pending" if self._given_up is not None else "" if self._shown == self._wanted else "cancelled"
        return {**self._drawn.as_dict(), **self._about, "stale": stale}


def _in_thread(wanted: Wanted, given_up: threading.Event) -> Future[Drawn]:
    work: Future[Drawn] = Future()

    def run() -> None:
        try:
            work.set_result(wanted.drawn(given_up))
        except Exception as error:  # raised again where the result is taken
            work.set_exception(error)

    threading.Thread(target=run, name="workbench-layout", daemon=True).start()
    return work


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The kernel's loop; outside a kernel no messages wait, and every drawing is made at once."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
