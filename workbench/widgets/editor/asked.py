"""The kernel half of the numbers that have to be computed beside an editor, automatically or when asked for."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.tasks import catalogue as tasks
from workbench.widgets.aside import Aside, Job, Stopped, desk
from workbench.widgets.editor import computed
from workbench.widgets.editor.computed import LATENCY, Number, Offer, Request
from workbench.widgets.editor.exporting import file_of, format_of
from workbench.widgets.editor.kin import Kin, read
from workbench.widgets.linking import Linked

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.proxies.proxy import Proxy

Proxies = Sequence["str | Proxy | Measure"] | None
_PAUSE = 0.4  # seconds after the last edit until something is computed for it
_GRACE = 2.0  # seconds in which what an edit made pointless may end by itself: a new process takes longer to start
_REMEMBERED = 1_000  # architectures
_NOW, _ASKED, _AUTOMATIC, _READING = range(4)  # urgencies
_LATENCY = Offer(LATENCY, "this host", "", "How long the network takes for one input on this machine.", automatic=True)


class AskedTraits(Linked):
    """The abstract half of a widget of one architecture, its `value`, beside which computed numbers stand."""

    value: Any
    offers: Any = traitlets.List().tag(sync=True)  # what can be computed, as `Offer`s
    asked = traitlets.Dict().tag(sync=True)  # {"space", "decisions", "numbers": key -> `Number`}, of one architecture
    kin = traitlets.Dict().tag(sync=True)  # {"decisions", "twins", "nearest"}, of one architecture


@dataclass(eq=False)
class _Task:
    """Numbers of one architecture that wait to be computed, or are being computed since a time."""

    arch: Architecture
    keys: tuple[str, ...]
    automatic: bool
    job: Job
    since: float | None = None


class Asking:
    """The numbers of an editor's present architecture: nothing is computed before a browser shows the editor.

    A little after the last edit the latency and whatever proxies need no data are computed in the process beside the
    kernel, and stopped by the next edit; everything else when asked for. `proxies` are what is offered: names of the
    catalogue, proxies and measures, or None for the whole catalogue. `task` is what networks are built for.
    Raises `InvalidInput` for anything else in the list, and `UnknownName` for an unknown name.
    """

    def __init__(self, editor: AskedTraits, benchmarks: Sequence[Benchmark] = (), proxies: Proxies = None) -> None:
        self._editor = editor
        self._task = benchmarks[0].dataset if benchmarks and benchmarks[0].dataset in tasks else "cifar10"
        self._members: dict[str, str | Proxy | Measure] = {}
        self._offers: dict[str, Offer] = {LATENCY: _LATENCY}
        self._open = proxies is None  # whether the offers have yet to be read from the catalogue
        self._known: dict[str, dict[str, Number]] = {}
        self._cost: dict[str, float] = {}
        self._tasks: list[_Task] = []
        self._kin = Kin(editor.value.space, benchmarks[0] if benchmarks else None)
        self._reading: Job | None = None
        self._seen = False
        self._told = False  # whether the browser thinks that something is being computed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.RLock()
        self._offer({} if proxies is None else _offered(proxies, editor.value.space.name))
        self._show()
        editor.observe(self._edited, "value")
        editor.on_msg(self._heard)

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        """What the browser says: it is there, it asks for a number, the kin or a file, or it asks no longer."""
        if not isinstance(content, dict) or content.get("kind") not in ("ask", "export"):
            return
        do, key = content.get("do"), content.get("key")
        with self._lock:
            if content["kind"] == "export":
                self._export(content.get("format"))
            elif do == "hello":
                self._begin()
            elif do == "compute" and isinstance(key, str) and key in self._offers:
                self._compute(key)
            elif do == "cancel":
                self._cancel()
            elif do == "kin":
                self._put(Job(_NOW, self._find_kin, self))

    def complete(self) -> None:
        """Find the kin now, for a page that will have no kernel, unless a table would have to be read for it."""
        arch = self._editor.value
        if self._kin.unread(arch) is None:
            self._editor.kin = {"decisions": dict(arch.decisions), **self._kin.of(arch)}

    # -- what is to be computed ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """A browser shows the editor, perhaps not the first one."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        if self._open and _at_hand():
            self._found(None)
        elif self._open:
            # Reading the catalogue loads torch, for which the kernel would stand still for seconds.
            self._put(Job(_NOW, self._read_catalogue, self))
        self._seen = True
        self._editor.send({"kind": "asked", "do": "here"})
        self._present()

    def _edited(self, change: dict[str, Any]) -> None:
        with self._lock:
            self._present()

    def _present(self) -> None:
        """Show what is known of the editor's present architecture, and have the rest of what is cheap computed."""
        arch = self._editor.value
        for task in [task for task in self._tasks if task.automatic and task.arch != arch]:
            self._drop(task, _GRACE)
        known = self._known.get(str(arch), {})
        self._show()
        busy = {key for task in self._tasks if task.arch == arch for key in task.keys}
        missing = [key for key, offer in self._offers.items() if offer.automatic and key not in known.keys() | busy]
        if self._seen and missing:
            for part in ([key for key in missing if key == LATENCY], [key for key in missing if key != LATENCY]):
                self._ask(arch, part, automatic=True)
        self._tell()

    def _compute(self, key: str) -> None:
        """One number of the present architecture, again where it is the latency, which is never twice the same."""
        arch = self._editor.value
        busy = any(task.arch == arch and key in task.keys and not task.automatic for task in self._tasks)
        if not busy and (key == LATENCY or key not in self._known.get(str(arch), {})):
            self._ask(arch, [key], automatic=False)
        self._tell()

    def _export(self, format: object) -> None:
        """Send a file: at once where it is only written, from the process where a network is built for it."""
        found = format_of(format)
        if found is None:
            return
        what = (self._editor.value, found.name, self._task)
        if not found.builds:
            self._editor.send(file_of(what))
        else:
            self._put(Job(_NOW, partial(self._send_built, what), self))

    def _cancel(self) -> None:
        for task in list(self._tasks):
            self._drop(task, 0.0)
        self._tell()

    def _ask(self, arch: Architecture, keys: Sequence[str], automatic: bool) -> None:
        if not keys:
            return
        due = time.monotonic() + _PAUSE if automatic else 0.0
        job = Job(_AUTOMATIC if automatic else _ASKED, lambda aside: self._work(task, aside), self, due)
        task = _Task(arch, tuple(keys), automatic, job)
        self._tasks.append(task)
        self._put(job)

    def _drop(self, task: _Task, grace: float) -> None:
        desk().drop(task.job, grace)
        if task.since is None or not grace:
            self._tasks = [other for other in self._tasks if other is not task]

    def _put(self, job: Job) -> None:
        work = job.work

        def reported(aside: Aside) -> None:
            try:
                work(aside)
            except Stopped:
                raise
            except Exception as error:  # of a table that cannot be read, say: the browser shows it
                message = {"kind": "asked", "do": "failed", "words": f"Not computed. {type(error).__name__}: {error}"}
                self._deliver(partial(self._editor.send, message))

        job.work = reported
        desk().put(job)

    # -- in the thread that waits for the process ---------------------------------------------------------------

    def _work(self, task: _Task, aside: Aside) -> None:
        task.since = time.monotonic()
        self._deliver(self._tell)
        try:
            numbers = self._numbers(task, aside)
        except Stopped:
            self._deliver(partial(self._ended, task, {}))
            raise
        except Exception as error:  # whatever a stranger's measure or network raises is this number's reason
            numbers = {key: Number(reason=str(error)) for key in task.keys}
        self._deliver(partial(self._ended, task, numbers))

    def _numbers(self, task: _Task, aside: Aside) -> dict[str, Number]:
        # It brings SQLAlchemy, for which an editor's first paint need not wait.
        from workbench.ledger import default_ledger

        wanted = tuple(self._members[key] for key in task.keys if key != LATENCY)
        request = Request(task.arch, self._task, default_ledger(), wanted)
        found: dict[str, Number] = {}
        if LATENCY in task.keys:
            found |= aside.call(computed.latency_of, request)
        if any(isinstance(each, Measure) for each in wanted):
            found |= aside.call(computed.measured, request)
        if any(not isinstance(each, Measure) for each in wanted):
            found |= aside.call(computed.scores_of, request)
        return found

    def _read_catalogue(self, aside: Aside) -> None:
        offers = aside.call(computed.catalogue_offers, self._editor.value.space.name)
        self._deliver(partial(self._found, offers))

    def _send_built(self, what: tuple[Architecture, str, str], aside: Aside) -> None:
        try:
            message = aside.call(file_of, what)
        except RuntimeError as error:
            message = {"kind": "file", "format": what[1], "error": str(error)}
        self._deliver(partial(self._editor.send, message))

    def _find_kin(self, aside: Aside) -> None:
        arch = self._editor.value
        kin = {"decisions": dict(arch.decisions), **self._kin.of(arch)}
        self._deliver(lambda: setattr(self._editor, "kin", kin))
        if self._reading is None and self._kin.unread(arch) is not None:
            self._reading = Job(_READING, self._read_part, self)
            self._put(self._reading)

    def _read_part(self, aside: Aside) -> None:
        """A second's worth of reading the table, after which something more urgent may come first."""
        self._reading = None
        part = self._kin.unread(self._editor.value)
        if part is not None:
            self._kin.add(aside.call(read, part))
            self._find_kin(aside)

    # -- what came of it ----------------------------------------------------------------------------------------

    def _ended(self, task: _Task, numbers: dict[str, Number]) -> None:
        self._tasks = [other for other in self._tasks if other is not task]
        known = self._known.pop(str(task.arch), {}) | numbers
        self._known[str(task.arch)] = known
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._cost |= {key: number.seconds for key, number in numbers.items() if number.seconds}
        if task.arch == self._editor.value:
            self._show()
        self._tell()

    def _found(self, offers: list[Offer] | None) -> None:
        """The catalogue was read: here, where whoever wrote a proxy in a notebook entered it, or in the process."""
        if not self._open:
            return
        self._open = False
        if offers is None:
            from workbench.proxies import catalogue

            self._offer(_offered(catalogue, self._editor.value.space.name))
        else:
            self._offer({offer.key: (offer, offer.key) for offer in offers})
        self._present()

    def _offer(self, members: dict[str, tuple[Offer, str | Proxy | Measure]]) -> None:
        offers = [*self._offers.values(), *(offer for offer, _ in members.values())]
        self._offers = {offer.key: offer for offer in sorted(offers, key=lambda offer: offer.rank)}
        self._members |= {key: member for key, (_, member) in members.items()}
        self._editor.offers = [offer._asdict() for offer in self._offers.values()]

    def _show(self) -> None:
        arch = self._editor.value
        numbers = {key: number._asdict() for key, number in self._known.get(str(arch), {}).items()}
        self._editor.asked = {"space": arch.space.name, "decisions": dict(arch.decisions), "numbers": numbers}

    def _tell(self) -> None:
        """What waits and what is being computed, for which architecture, and how long it may take."""
        if not (self._tasks or self._told):
            return
        self._told = bool(self._tasks)
        now = time.monotonic()
        jobs = [
            {
                "keys": list(task.keys),
                "decisions": dict(task.arch.decisions),
                "automatic": task.automatic,
                "elapsed": None if task.since is None else now - task.since,
                "expected": max((self._cost.get(key, 0.0) for key in task.keys), default=0.0),
            }
            for task in self._tasks
        ]
        self._editor.send({"kind": "asked", "do": "jobs", "jobs": jobs})

    def _deliver(self, work: Callable[[], None]) -> None:
        """Do `work` in the kernel's own loop, between edits; at once where there is no loop."""

        def guarded() -> None:
            with self._lock:
                work()

        loop = self._loop
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(guarded)
        else:
            guarded()


def _at_hand() -> bool:
    """Whether the catalogue has been loaded, so that it may hold the user's own proxies."""
    return "workbench.proxies" in sys.modules


def _offered(proxies: Iterable[str | Proxy | Measure], space: str) -> dict[str, tuple[Offer, str | Proxy | Measure]]:
    """Key -> the offer and what it stands for, of what a user lists; raises `InvalidInput` and `UnknownName`."""
    found: dict[str, tuple[Offer, str | Proxy | Measure]] = {}
    for each in [proxies] if isinstance(proxies, str) else proxies:
        if isinstance(each, Measure):
            offer = computed.offer_of_measure(each)
            found[offer.key] = (offer, each)
        else:
            from workbench.proxies import Proxy, catalogue

            if not isinstance(each, str | Proxy):
                raise InvalidInput(f"proxies= takes names of wb.proxies(), proxies and measures; got {each!r}.")
            member = catalogue.find(each) if isinstance(each, str) else each
            found[member.name] = (computed.offer_of(member, space), member)
    return found
