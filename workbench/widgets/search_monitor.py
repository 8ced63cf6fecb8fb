"""The kernel half of the search monitor: follows studies while they are searched, and steers them."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from optuna import Study

from workbench.errors import InvalidInput, UnknownName, WorkbenchError, refuse_unknown
from workbench.palette import VIRIDIS, look
from workbench.rooms import room
from workbench.studies.live import LiveStudy
from workbench.studies.steering import Steering, enqueue, space_of, steer
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.linking import Linked, Selection, later
from workbench.widgets.monitor.cells import Cells
from workbench.widgets.monitor.feed import ACTIVE, Feed, Phase
from workbench.widgets.monitor.references import optimum_of, random_search
from workbench.widgets.monitor.still import Picture, monitor_svg

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_KEYWORDS = ("studies", "benchmark", "reference", "space", "height", "title")
_EVERY, _IDLE = 0.25, 1.0  # seconds between two looks at the studies: while they are searched, and later
_READING, _AT_FIRST = 0.01, 0.5  # CPU seconds that one look may take for reading trials; the first look
_DRAWING = 0.02  # share of the time that may be spent on drawings while a search is running
_BEAT = 2.0  # seconds after which the browser hears that the kernel is still there
_DRAWN = 300_000  # characters of drawings that a page is given without being asked
_CURRENT, _ANCESTORS = 4, 60


class SearchMonitor(Linked):
    """A search while it runs, and afterwards: its best so far, its candidates, where they come from; and its wheel.

    `studies` is one study or several of the same search, such as seeds: those of `wb.search(..., background=True)`,
    those that another process searches (loaded from the storage that both share), or any Optuna study whose trials
    carry `user_attrs["architecture"]`. One objective is shown as the best so far, with median and quartiles over
    several studies; several objectives as points with their Pareto front. `benchmark` adds what random search would
    reach in expectation, and the best there is; `reference` is other curves to compare with, name -> best value after
    1, 2, ... trials. `space` is needed only where it is not in the catalogue.

    The buttons pause, resume and stop the search; answers are pinned and forbidden in the list or at the best cell,
    and what is open in a linked editor can be enqueued: all of it with `wb.steer` and `wb.enqueue`, so that searches
    in other processes obey too. `opened` follows clicks. Trials are followed four times a second, for a few
    hundredths of the time that the search itself takes; `close()` ends that.

    Raises `InvalidInput` for anything but studies of the same objectives and `UnknownName` for an unknown keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(300).tag(sync=True)
    ramp = traitlets.List(list(VIRIDIS)).tag(sync=True)
    # What stays.
    names: Any = traitlets.List().tag(sync=True)
    objectives: Any = traitlets.List().tag(sync=True)
    questions: Any = traitlets.List().tag(sync=True)
    references: Any = traitlets.List().tag(sync=True)
    # What grows. Only what is new is sent, as messages; the traits are the whole, for views that come later.
    trials: Any = traitlets.List().tag(sync=True)
    cells = traitlets.Dict().tag(sync=True)
    # What changes.
    status = traitlets.Dict().tag(sync=True)
    marked: Any = traitlets.List().tag(sync=True)  # architectures that are selected elsewhere

    _gone: threading.Event | None = None  # set when nobody is to follow any more; None before

    def __init__(
        self,
        studies: Study | Sequence[Study],
        benchmark: Benchmark | None = None,
        *,
        reference: Mapping[str, Sequence[float]] | None = None,
        space: SearchSpace | None = None,
        height: int = 300,
        title: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "SearchMonitor")
        listed = _checked(studies)
        self._space = space or (None if benchmark is None else benchmark.space) or _space(listed[0])
        self._feeds = [Feed(study, number, self._space) for number, study in enumerate(listed)]
        self._cells = Cells()
        self._wanted: list[str] = []
        self._best: dict[int, tuple[float, str]] = {}  # study -> its best value, upwards, and architecture
        self._draw_after = 0.0
        self._message, self._trouble = "", ""
        self._last_word = 0.0
        self._lock = threading.RLock()  # the follower's thread and the browser's messages take turns
        names = [study.study_name for study in listed]
        objectives = _objectives(listed[0], benchmark)
        self._look(_AT_FIRST)  # before the browser hears of the widget: it then begins with all there is
        super().__init__(
            _esm=(room("widgets") / "dist" / "search_monitor.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            title=names[0] if title is None else title,
            names=names,
            objectives=objectives,
            questions=[] if self._space is None else [_question(q) for q in self._space.questions()],
            references=random_search(objectives, benchmark) + _given(reference, objectives),
            cells=self._cells.state(),
        )
        self.on_msg(self._asked)
        self._gone = threading.Event()
        threading.Thread(target=_follow, args=(weakref.ref(self), self._gone), daemon=True).start()

    @property
    def studies(self) -> list[Study]:
        """The studies that are followed."""
        return [feed.study for feed in self._feeds]

    def close(self) -> None:
        """Stop following; the search itself goes on."""
        if self._gone is not None:
            self._gone.set()
        super().close()

    # -- following ---------------------------------------------------------------------------------------------

    def _look(self, seconds: float = _READING) -> float:
        """Read what is new and tell the browser; returns seconds until the next look."""
        with self._lock:
            fresh = [row for feed in self._feeds for row in feed.rows(seconds / len(self._feeds))]
            self._note_best(fresh)
            phases = [feed.phase() for feed in self._feeds]
            active = any(phase.name in ACTIVE or phase.name == "stopping" for phase in phases)
            cells = self._draw(active)
            self._send_more(fresh, cells)
            self._trouble = ""
            status = self._status(phases)
            changed = {**status, "stamp": 0} != {**self.status, "stamp": 0}
            if changed:
                self.status = status
            now = time.monotonic()
            if active and not (fresh or changed) and now - self._last_word > _BEAT:
                self.send({"kind": "beat"})
                self._last_word = now
            elif fresh or changed:
                self._last_word = now
            return _EVERY if active or fresh or cells or any(feed.behind for feed in self._feeds) else _IDLE

    def _send_more(self, rows: list[list[Any]], cells: list[dict[str, Any]]) -> None:
        if not rows and not cells:
            return
        more: dict[str, Any] = {"kind": "more", "from": len(self.trials), "rows": rows, "cells": cells}
        more["shapes"] = len(self._cells.shapes) - sum(len(one["shapes"]) for one in cells)
        more["inks"] = len(self._cells.inks) - sum(len(one["inks"]) for one in cells)
        self.trials.extend(rows)  # in place: the trait as a whole is not sent again
        if self.comm is not None:
            self.send(more)

    def _status(self, phases: list[Phase]) -> dict[str, Any]:
        steering = Steering.of(self._feeds[0].study)
        return {
            "stamp": time.time() * 1000,
            "studies": [phase._asdict() for phase in phases],
            "current": [
                {"study": feed.number, "trial": trial.number, "name": trial.user_attrs.get("architecture")}
                for feed in self._feeds
                for trial in feed.current[:_CURRENT]
            ],
            "pins": [[name, self._number(name, answer)] for name, answer in steering.pins.items()],
            "forbidden": [
                [name, self._number(name, answer)] for name, answers in steering.forbidden.items() for answer in answers
            ],
            "message": self._trouble or self._message,
        }

    def _note_best(self, rows: list[list[Any]]) -> None:
        sign = self._feeds[0].directions[0]
        for study, _, state, values, _, _, name, *_ in rows:
            if state == "c" and values is not None and name is not None:
                known = self._best.get(study)
                if known is None or sign * values[0] > known[0]:
                    self._best[study] = (sign * values[0], name)

    # -- drawings ----------------------------------------------------------------------------------------------

    def _draw(self, active: bool) -> list[dict[str, Any]]:
        """Draw what is wanted; while a search is running no more than it can spare, and the rest when it is over."""
        fresh: list[dict[str, Any]] = []
        began = time.monotonic()
        if began < self._draw_after:
            return fresh
        for name in self._to_draw(active):
            arch = self._feeds[0].architecture(name)
            if arch is not None:
                fresh.append(self._cells.draw(name, arch))
            spent = time.monotonic() - began
            if spent > (_EVERY * _DRAWING if active else _EVERY / 2):
                self._draw_after = began + spent / _DRAWING if active else 0.0
                break
        return fresh

    def _to_draw(self, active: bool) -> list[str]:
        """Architectures without a drawing, the most wanted first."""
        wanted = [*self._wanted, *(name for _, name in self._best.values())]
        if str(self.opened.get("name", "")):
            wanted.append(self.opened["name"])
        if self._cells.size < _DRAWN:
            wanted += [str(trial.user_attrs.get("architecture", "")) for feed in self._feeds for trial in feed.current]
            if not active:
                sign = self._feeds[0].directions[0]
                ranked = sorted((r for r in self.trials if r[3]), key=lambda r: -sign * r[3][0])
                wanted += [row[6] for row in ranked if row[6]]
        self._wanted = []
        return [name for name in dict.fromkeys(wanted) if name and name not in self._cells]

    def _opened(self, name: str) -> None:
        with self._lock:
            self._wanted.append(name)

    # -- what the browser asks ---------------------------------------------------------------------------------

    def _asked(self, _: Any, content: Any, buffers: Any) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        asked = {
            "hello": self._hello,
            "order": self._order,
            "steer": self._steer,
            "enqueue": self._enqueue,
            "cells": self._want,
            "select": self._select,
        }.get(str(kind))
        if asked is None:
            return
        with self._lock:
            try:
                asked(content)
            except WorkbenchError as error:
                self._message = str(error)
            self._draw_after = 0.0
            self._look()

    def _hello(self, content: Mapping[str, Any]) -> None:
        """A view that has missed something is told everything."""
        if content.get("have") != len(self.trials):
            self.send({"kind": "all", "rows": self.trials, "cells": self._cells.state()})
        else:
            self.send({"kind": "beat"})

    def _order(self, content: Mapping[str, Any]) -> None:
        self._message = ""
        order = str(content.get("order"))
        for feed in self._feeds:
            if order in feed.phase().orders:
                steer(feed.study, order)
                if order == "resume" and isinstance(feed.study, LiveStudy):
                    feed.study.begin()

    def _steer(self, content: Mapping[str, Any]) -> None:
        """Pin a question to an answer, forbid it there, or let go of either: `how` is "pin", "forbid" or "free"."""
        self._message = ""
        question, answer = self._answer(content)
        for feed in self._feeds:
            now = Steering.of(feed.study)
            kept = [a for a in now.forbidden.get(question, ()) if a != answer]
            pins = {question: now.pins[question]} if question in now.pins and now.pins[question] != answer else {}
            if content.get("how") == "pin":
                pins = {question: answer}
            elif content.get("how") == "forbid":
                kept.append(answer)
            steer(feed.study, free=[question], pin=pins, forbid={question: kept}, space=self._space)

    def _enqueue(self, content: Mapping[str, Any]) -> None:
        numbers = [enqueue(feed.study, str(content.get("name")), space=self._space) for feed in self._feeds]
        self._message = f"Enqueued as trial {', '.join(map(str, numbers))}."

    def _want(self, content: Mapping[str, Any]) -> None:
        names = content.get("names")
        known = {name for feed in self._feeds for name in feed.names}
        self._wanted += [str(name) for name in names[:_ANCESTORS] if name in known] if isinstance(names, list) else []

    def _select(self, content: Mapping[str, Any]) -> None:
        names = [str(name) for name in content.get("names") or []]
        self._tell(Selection("", np.arange(len(names)), lambda: names, later(self._stamp)))

    def _hear(self, selection: Selection) -> None:
        known = {name for feed in self._feeds for name in feed.names}
        self.marked = [name for name in selection.names() if name in known]

    def _answer(self, content: Mapping[str, Any]) -> tuple[str, Any]:
        name, number = str(content.get("question")), content.get("answer")
        asked = {} if self._space is None else {q.name: q.answers for q in self._space.questions()}
        if name not in asked:
            raise UnknownName.of("question", name, asked)
        if not isinstance(number, int) or not 0 <= number < len(asked[name]):
            raise InvalidInput(f"Answers to {name!r} are numbered from 0 to {len(asked[name]) - 1}; got {number!r}.")
        return name, asked[name][number]

    def _number(self, question: str, answer: Any) -> int:
        """The number of an answer to a question."""
        asked = {} if self._space is None else {q.name: q.answers for q in self._space.questions()}
        return next((i for i, a in enumerate(asked.get(question, ())) if a == answer), -1)

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The curve or the front, the best cell and how the search stands, as one SVG element."""
        upwards, name = max(self._best.values(), default=(0.0, ""))
        value = upwards * self._feeds[0].directions[0]
        picture = Picture(
            title=self.title,
            words=self._words(),
            rows=self.trials,
            objectives=self.objectives,
            references=self.references,
            n_studies=len(self._feeds),
            best=self._feeds[0].architecture(name) if name and len(self.objectives) == 1 else None,
            best_words=f"best so far: {value:.6g}",
        )
        return monitor_svg(picture)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        said = f"{self.title}: {self._words()}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), said)

    def _words(self) -> str:
        words = "; ".join(dict.fromkeys(study["words"] for study in self.status["studies"]))
        return f"{len(self.trials)} trials; {words}"

    def _fail(self, sentence: str) -> None:
        with self._lock:
            self._trouble = sentence
            self.status = {**self.status, "message": sentence, "stamp": time.time() * 1000}


def _follow(reference: weakref.ref[SearchMonitor], gone: threading.Event) -> None:
    """Look at the studies until the monitor is closed or nobody has it any more."""
    pause = _EVERY
    while not gone.wait(pause):
        monitor = reference()
        if monitor is None:
            return
        try:
            pause = monitor._look()
        except Exception as error:  # a storage that is locked or away for a moment: said in the view, and tried again
            monitor._fail(f"The study cannot be read: {type(error).__name__}: {error}")
            pause = _IDLE
        del monitor


def _checked(studies: Study | Sequence[Study]) -> list[Study]:
    listed = list(studies) if isinstance(studies, Sequence) and not isinstance(studies, str) else [studies]
    for study in listed:
        if not isinstance(study, Study):
            raise InvalidInput(f"SearchMonitor follows studies, as wb.search returns them; got {study!r}.")
    if not listed or any(study.directions != listed[0].directions for study in listed):
        raise InvalidInput("SearchMonitor follows one study or more, all of the same objectives.")
    return listed


def _space(study: Study) -> SearchSpace | None:
    try:
        return space_of(study)
    except InvalidInput:
        return None  # its trials are shown all the same, without drawings and steering


def _objectives(study: Study, benchmark: Benchmark | None) -> list[dict[str, Any]]:
    names = study.user_attrs.get("measures") or [f"value {i}" if i else "value" for i in range(len(study.directions))]
    units = {} if benchmark is None else {column.name: column.unit for column in benchmark.columns()}
    return [
        {
            "name": str(name),
            "label": _label(str(name), units.get(name, "")),
            "sign": 1 if direction.name == "MAXIMIZE" else -1,
            "optimum": optimum_of(str(name), benchmark),
        }
        for name, direction in zip(names, study.directions, strict=True)
    ]


def _label(name: str, unit: str) -> str:
    words = name.removesuffix(f"_{unit}").replace("_", " ")
    return f"{words} ({unit})" if unit else words


def _question(question: Any) -> dict[str, Any]:
    looks = [look(answer) for answer in question.answers]
    return {"name": question.name, "answers": [[one.label, one.colour, one.dark, one.dashed] for one in looks]}


def _given(reference: Mapping[str, Sequence[float]] | None, objectives: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if reference and len(objectives) > 1:
        raise InvalidInput("reference= is curves of one objective; these studies have several.")
    curves = []
    for name, values in (reference or {}).items():
        middle = np.asarray(values, float)
        if middle.ndim != 1 or not len(middle) or not np.isfinite(middle).all():
            raise InvalidInput(f"reference {name!r} must be the best value after 1, 2, ... trials; got {values!r}.")
        at = list(range(1, len(middle) + 1))
        curves.append({"name": str(name), "at": at, "middle": middle.tolist(), "low": [], "high": []})
    return curves
