"""A trace over a map: where a search went and what came from what, drawn anew as the search goes on."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from optuna import Study

from workbench.errors import InvalidInput
from workbench.studies.processes import is_alive
from workbench.widgets import looking
from workbench.widgets.map.paths import path_state, traced
from workbench.widgets.monitor.feed import Feed
from workbench.widgets.monitor.following import unreadable

_SHARE = 0.03  # of the time, that drawing a trace anew may take


class Trace:
    """A study as a path over a map, which has a `name` there and a `number` that says its colour and dash.

    The trials so far are read at once. `follow` reads those that come, until the search is over or `stop`; `drawn` is
    called, under the map's `lock`, where the path has changed. Raises `InvalidInput` where nothing was visited yet,
    unless `wb.search` is at it.
    """

    def __init__(
        self,
        study: Study,
        name: str,
        number: int,
        places: Mapping[str, int],
        drawn: Callable[[Trace], None],
        lock: threading.RLock,
    ) -> None:
        self.name = name
        self._number = number
        self._places = places
        self._drawn = drawn
        self._lock = lock
        self._feed = Feed(study, 0, None)
        self._trouble = ""
        self._gone: threading.Event | None = None
        self._phase = self._feed.phase()
        self._rows = self._feed.rows(math.inf)
        visited = any(row[3] is not None and row[6] is not None for row in self._rows)
        if not visited and not (self._phase.active and self._phase.orders):
            raise InvalidInput("This search has visited no architecture yet: there is no path to draw.")

    def state(self) -> dict[str, Any]:
        """The trace for the browser, see `path_state`; `trouble` says why it may not be up to date."""
        seen, parents = traced(self._rows, self._feed.directions[0])
        return path_state(self.name, seen, self._places, self._number, parents) | {"trouble": self._trouble}

    def follow(self) -> None:
        """Look at the study in a thread of its own while trials may come."""
        if not self._ends():
            self._gone = looking.follow(self)

    def stop(self) -> None:
        """Look no more, and draw nothing from now on."""
        if self._gone is not None:
            self._gone.set()

    def catch_up(self) -> None:
        """Read all trials there are."""
        self._take(math.inf)

    def _look(self) -> float | None:
        began = time.thread_time()
        with self._lock:
            self._phase = self._feed.phase()  # before reading: what was told until the end is read then
            fresh = self._take(looking.READING)
            if self._ends():
                return None
        pause = looking.EVERY if fresh or self._phase.active or self._feed.behind else looking.IDLE
        return max(pause, (time.thread_time() - began) / _SHARE)

    def _take(self, seconds: float) -> bool:
        """Take in the trials that have finished since, as many as can be read in some CPU seconds; whether any had."""
        with self._lock:
            fresh = self._feed.rows(seconds)
            self._rows += fresh
            if fresh or self._trouble:
                self._trouble = ""
                self._draw()
            return bool(fresh)

    def _ends(self) -> bool:
        """Whether the search is over, and nobody has one of its trials in hand."""
        over = self._phase.over and not self._feed.behind
        return over and not any(is_alive(trial.user_attrs) for trial in self._feed.current)

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self._trouble = unreadable(error)
            self._draw()

    def _draw(self) -> None:
        if self._gone is None or not self._gone.is_set():
            self._drawn(self)
