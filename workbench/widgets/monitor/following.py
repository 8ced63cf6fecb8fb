"""What widgets that follow studies have in common: trials as they come, drawings of them, and how the search stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets
from optuna import Study

from workbench.errors import InvalidInput, WorkbenchError
from workbench.palette import look
from workbench.studies.steering import space_of
from workbench.widgets.linking import Linked
from workbench.widgets.looking import EVERY, IDLE, READING, follow
from workbench.widgets.monitor.cells import Cells
from workbench.widgets.monitor.feed import Feed, Phase
from workbench.widgets.monitor.references import optimum_of

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_AT_FIRST = 0.5  # CPU seconds that the first look may take for reading trials
_DRAWING = 0.02  # share of the time that may be spent on drawings while a search is running
_BEAT = 2.0  # seconds after which the browser hears that the kernel is still there
_DRAWN = 300_000  # characters of drawings that a page is given without being asked
_CURRENT, _ANCESTORS = 4, 60


class Following(Linked):
    """The abstract half of a widget that follows studies while they are searched, and afterwards.

    A subclass calls `super().__init__` with the studies and its own state. Trials are followed four times a second, for
    a few hundredths of the time that the search itself takes; `close()` ends that.
    """

    title = traitlets.Unicode().tag(sync=True)
    # What stays.
    names: Any = traitlets.List().tag(sync=True)
    objectives: Any = traitlets.List().tag(sync=True)
    questions: Any = traitlets.List().tag(sync=True)
    # What grows. Only what is new is sent, as messages; the traits are the whole, for views that come later.
    trials: Any = traitlets.List().tag(sync=True)
    cells = traitlets.Dict().tag(sync=True)
    # What changes.
    status = traitlets.Dict().tag(sync=True)

    _gone: threading.Event | None = None  # set when nobody is to follow any more; None before

    def __init__(
        self,
        studies: Sequence[Study],
        benchmark: Benchmark | None,
        space: SearchSpace | None,
        title: str | None,
        **state: Any,
    ) -> None:
        self._space = space or (None if benchmark is None else benchmark.space) or _space(studies[0])
        self._feeds = [Feed(study, number, self._space) for number, study in enumerate(studies)]
        self._cells = Cells()
        self._wanted: list[str] = []
        self._best: dict[int, tuple[float, str]] = {}  # study -> its best value, upwards, and architecture
        self._draw_after = 0.0
        self._message, self._trouble = "", ""
        self._last_word = 0.0
        self._lock = threading.RLock()  # the follower's thread and the browser's messages take turns
        names = [study.study_name for study in studies]
        self._look(_AT_FIRST)  # before the browser hears of the widget: it then begins with all there is
        super().__init__(
            title=names[0] if title is None else title,
            names=names,
            questions=[] if self._space is None else [_question(q) for q in self._space.questions()],
            cells=self._cells.state(),
            **state,
        )
        self.on_msg(self._asked)
        self._gone = follow(self)

    @property
    def studies(self) -> list[Study]:
        """The studies that are followed."""
        return [feed.study for feed in self._feeds]

    def close(self) -> None:
        """Stop following; the search itself goes on."""
        if self._gone is not None:
            self._gone.set()
        super().close()

    def complete(self) -> None:
        """Read all trials there are, for a page without a kernel."""
        while any(feed.behind for feed in self._feeds):
            self._look(_AT_FIRST)

    # -- following ---------------------------------------------------------------------------------------------

    def _look(self, seconds: float = READING) -> float:
        """Read what is new and tell the browser; returns seconds until the next look."""
        with self._lock:
            fresh = [row for feed in self._feeds for row in feed.rows(seconds / len(self._feeds))]
            self._note_best(fresh)
            phases = [feed.phase() for feed in self._feeds]
            active = any(phase.active for phase in phases)
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
            return EVERY if active or fresh or cells or any(feed.behind for feed in self._feeds) else IDLE

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
        return {
            "stamp": time.time() * 1000,
            "studies": [phase._asdict() for phase in phases],
            "current": [
                {"study": feed.number, "trial": trial.number, "name": trial.user_attrs.get("architecture")}
                for feed in self._feeds
                for trial in feed.current[:_CURRENT]
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
            if spent > (EVERY * _DRAWING if active else EVERY / 2):
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

    def _answers(self) -> dict[str, Callable[[Mapping[str, Any]], None]]:
        """Kind of message -> what is done about it."""
        return {"hello": self._hello, "cells": self._want}

    def _asked(self, _: Any, content: Any, buffers: Any) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        asked = self._answers().get(str(kind))
        if asked is None:
            return
        with self._lock:
            try:
                asked(content)
            except WorkbenchError as error:
                self._message = str(error)
            except Exception as error:  # a storage that is locked or away for a moment: whoever asked is told
                self._message = f"That could not be done: {type(error).__name__}: {error}"
            self._draw_after = 0.0
            self._look()
            self.send({"kind": "beat"})  # what was asked was heard, also where it changed nothing

    def _hello(self, content: Mapping[str, Any]) -> None:
        """A view that has missed something is told everything."""
        if content.get("have") != len(self.trials):
            self.send({"kind": "all", "rows": self.trials, "cells": self._cells.state()})

    def _want(self, content: Mapping[str, Any]) -> None:
        names = content.get("names")
        known = {name for feed in self._feeds for name in feed.names}
        self._wanted += [str(name) for name in names[:_ANCESTORS] if name in known] if isinstance(names, list) else []

    def _words(self) -> str:
        words = "; ".join(dict.fromkeys(study["words"] for study in self.status["studies"]))
        return f"{len(self.trials)} trials; {words}"

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self._trouble = unreadable(error)
            self.status = {**self.status, "message": self._trouble, "stamp": time.time() * 1000}


def unreadable(error: Exception) -> str:
    """In words, that a look at a study failed."""
    return f"The study cannot be read: {type(error).__name__}: {error}"


def checked(studies: Study | Sequence[Study], who: str) -> list[Study]:
    """One study or several of the same objectives as a list; raises `InvalidInput` for anything else."""
    listed = list(studies) if isinstance(studies, Sequence) and not isinstance(studies, str) else [studies]
    for study in listed:
        if not isinstance(study, Study):
            raise InvalidInput(f"{who} follows studies, as wb.search returns them; got {study!r}.")
    if not listed or any(study.directions != listed[0].directions for study in listed):
        raise InvalidInput(f"{who} follows one study or more, all of the same objectives.")
    return listed


def _space(study: Study) -> SearchSpace | None:
    try:
        return space_of(study)
    except InvalidInput:
        return None  # its trials are shown all the same, without drawings and steering


def objectives_of(study: Study, benchmark: Benchmark | None) -> list[dict[str, Any]]:
    """What is wanted of a study, for the browser: name, label, sign, and the best there is where that is known."""
    attrs = study.user_attrs
    names = attrs.get("measures") or [f"value {i}" if i else "value" for i in range(len(study.directions))]
    units = attrs.get("units") or {}
    if benchmark is not None:
        units = units | {column.name: column.unit for column in benchmark.columns()}
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
