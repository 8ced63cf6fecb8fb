"""The kernel half of the monitor of a supernet: shows a training while it runs in the same kernel, and afterwards."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName, refuse_unknown
from workbench.rooms import room
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.gates.cells import cells_of
from workbench.widgets.gates.looks import gates_of, ordered
from workbench.widgets.gates.records import Records
from workbench.widgets.gates.still import Picture, supernet_svg
from workbench.widgets.linking import Linked, binary

if TYPE_CHECKING:
    from workbench.supernets.supernet import Supernet
    from workbench.supernets.training import Training

COSTS = {"macs": "multiply-adds", "params": "parameters"}
_KEYWORDS = ("training_or_net", "limit", "cost", "title")
_PAUSE, _SHARE = 0.2, 0.05  # seconds between two tellings at least; share of the time that telling may take


class SupernetMonitor(Linked):
    """A supernet while it is trained, and afterwards: loss, accuracy, cost, and what its gates tend to.

    Given as `watch=` to `supernets.train` it is told every epoch, and the page follows while the kernel is at work;
    called with a `Training` it shows that one, and a `Supernet` before it is trained shows its gates. Each gate with
    several options has its flow: bands of the options' probabilities over the epochs, or where no architecture is
    learned, of how often each ran. Where the gates are the edges of cells, the cells are drawn with every edge split
    into its options; other gates are a strip. `limit` is what the expected `cost`, "macs" or "params", should keep to.

    `epoch` is the epoch that is shown, from 1, and 0 the newest: the slider and a click on a curve go back. `value` is
    the architecture of the most probable options then, which a button opens in linked widgets.

    Raises `InvalidInput` for anything but a training or a supernet and for a limit that is no positive number, and
    `UnknownName` for an unknown cost or keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    gates: Any = traitlets.List().tag(sync=True)
    cells: Any = traitlets.List().tag(sync=True)
    cost = traitlets.Dict().tag(sync=True)  # {"label": str, "limit": float or None}
    said = traitlets.Unicode().tag(sync=True)  # what the numbers of the options are
    # What grows, always told as a whole: a page that opens while the kernel is at work cannot ask for what it missed.
    curves = traitlets.Dict().tag(sync=True)
    flow = binary()
    best: Any = traitlets.List().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    # Set by both halves.
    epoch = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        training_or_net: Training | Supernet | None = None,
        *,
        limit: float | None = None,
        cost: str = "macs",
        title: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "SupernetMonitor")
        if cost not in COSTS:
            raise UnknownName.of("cost", cost, COSTS)
        number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if limit is not None and not (number and math.isfinite(limit) and limit > 0):
            raise InvalidInput(f"limit is the most {COSTS[cost]} that are wanted, a number above 0; got {limit!r}.")
        self._cost = cost
        self._training: Any = None
        self._records: Records | None = None
        self._aside = False  # whether the last epoch was told by another thread than the kernel's
        self._next = 0.0
        self._heard = 0  # questions of pages, by which they know their answers
        self._titled = title is not None
        super().__init__(
            _esm=(room("widgets") / "dist" / "supernet_monitor.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            title=title or "Supernet",
            cost={"label": COSTS[cost], "limit": None if limit is None else float(limit)},
            status=_status("waiting", "Nothing has been trained yet.", 0),
        )
        self.on_msg(self._asked)
        if training_or_net is None:
            return
        given: Any = training_or_net  # known by what they have: torch is not loaded for a type
        if hasattr(given, "history"):
            self(given)
        elif hasattr(given, "options"):
            self._begin(given)
        else:
            raise InvalidInput(f"SupernetMonitor shows a Training or a Supernet; got {given!r}.")

    def __call__(self, training: Training) -> None:
        """Show how far `training` is; `supernets.train(..., watch=monitor)` calls it after every epoch."""
        records = self._records
        another = records is None or training is not self._training
        if another or len(training.history) < len(records or ()):
            self._begin(training.net)
        self._training = training
        self._aside = threading.current_thread() is not threading.main_thread()
        self._follow(_phase(training))

    @property
    def value(self) -> Architecture | None:
        """The architecture of the most probable options after the epoch that is shown; None where they make none."""
        records = self._records
        if records is None or not len(records):
            return None
        name = records.name((self.epoch or len(records)) - 1)
        return records.net.space.parse(name) if name else None

    @traitlets.validate("epoch")
    def _check_epoch(self, proposal: dict[str, Any]) -> int:
        known = 0 if self._records is None else len(self._records)
        if not 0 <= proposal["value"] <= known:
            raise InvalidInput(f"epoch is one of the {known} that are over, from 1, or 0; got {proposal['value']}.")
        return int(proposal["value"])

    # -- telling -----------------------------------------------------------------------------------------------

    def _begin(self, net: Any) -> None:
        """Show another net, of which nothing is known yet."""
        self._records = Records(net, self._cost)
        self._next = 0.0
        with self.hold_sync():
            self.epoch = 0
            if not self._titled:
                self.title = f"Supernet of {net.space.name}"
            options = ordered(net.options)
            self.gates, self.cells = gates_of(options), cells_of(options, net.space)
            self._put(_status("waiting", "Waiting for the first epoch.", 0))

    def _follow(self, status: dict[str, Any]) -> None:
        """Take in what is new, and tell the page unless it was told a moment ago."""
        assert self._records is not None
        self._records.take(self._training.history)
        now = time.monotonic()
        if status["phase"] == "running" and now < self._next:
            return
        with self.hold_sync():
            self._put(status)
        self._next = now + max(_PAUSE, (time.monotonic() - now) / _SHARE)

    def _put(self, status: dict[str, Any]) -> None:
        assert self._records is not None
        self.curves = {name: list(values) for name, values in self._records.curves.items()}
        self.flow = self._records.bytes
        self.best = [list(one) for one in self._records.best]
        self.said = self._records.said
        self.status = status | {"heard": self._heard}

    def _asked(self, _: Any, content: Any, buffers: Any) -> None:
        """Answer a page that asks how it stands: a kernel that answers trains nothing in the foreground any more."""
        if not isinstance(content, dict) or content.get("kind") != "hello":
            return
        self._heard += 1
        self.complete()
        self.status = self.status | {"heard": self._heard}

    def complete(self) -> None:
        """Tell everything that is known, also how a training ended that nobody was told of."""
        if self._training is not None:
            self._next = 0.0
            self._follow(_phase(self._training, over=not self._aside))

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The curves, the gates after the epoch that is shown, and their flows, as one SVG element."""
        records = self._records
        return supernet_svg(
            Picture(
                title=self.title,
                words=str(self.status["words"]),
                cost=dict(self.cost),
                gates=self.gates,
                cells=self.cells,
                records=records,
                epoch=0 if records is None else (self.epoch or len(records)),
            )
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return with_still(super()._repr_mimebundle_(**options), self.still(), f"{self.title}: {self.status['words']}")


def _phase(training: Any, over: bool = False) -> dict[str, Any]:
    """How a training stands; `over` says that it does not run any more, whatever it says itself."""
    done, goal = len(training.history), training.recipe.epochs
    if training.ended == "done" or done >= goal:
        return _status("done", f"Done: {_epochs(done)}.", goal)
    if training.ended == "interrupted":
        return _status("stopped", f"Interrupted after {done} of {_epochs(goal)}.", goal)
    if training.ended:
        return _status("stopped", f"Ended after {done} of {_epochs(goal)}: {training.ended}", goal)
    if over:
        return _status("stopped", f"Ended after {done} of {_epochs(goal)}.", goal)
    return _status("running", f"Training: {done} of {_epochs(goal)}.", goal)


def _epochs(n: int) -> str:
    return f"{n} epoch{'' if n == 1 else 's'}"


def _status(phase: str, words: str, goal: int) -> dict[str, Any]:
    return {"phase": phase, "words": words, "goal": goal, "heard": 0}
