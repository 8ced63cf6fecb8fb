"""A study that is searched in a background thread, while the notebook that asked for it stays usable."""

from __future__ import annotations

import atexit
import sys
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import optuna
from optuna import Study

from workbench.progress import say
from workbench.studies.driver import Driver
from workbench.studies.steering import steer

_FAREWELL = 2.0  # seconds that the trial in hand gets when the interpreter ends
_BREATH = 1e-4  # seconds after every trial in which other threads get the interpreter


class LiveStudy(Study):
    """An `optuna.Study` whose search goes on in a background thread.

    `running` says whether it does; `ending` says in words why it is over, and `error` keeps what it died of. What
    `wb.best` and `wb.front` say holds for the trials so far. When the interpreter ends, so does the search; with a
    storage, asking for it again takes it up where it was. Sent to another process it is a plain `optuna.Study`.
    """

    def __init__(self, study: Study, driver: Driver, work: Callable[[Study], str]) -> None:
        # The same storage object: a study in memory is nowhere else.
        super().__init__(study.study_name, study._storage, study.sampler, study.pruner)
        self.error: BaseException | None = None
        self.ending = ""
        self._driver = driver
        self._work = work
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        atexit.register(_farewell, weakref.ref(self))
        self.begin()

    @property
    def running(self) -> bool:
        """Whether the search is going on, or paused."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, `timeout` seconds at most, until the search has ended; whether it has.

        Raises what the search died of. Interrupting the waiting does not interrupt the search. A paused search is
        waited for too.
        """
        if self._thread is not None:
            self._thread.join(timeout)
        if self.error is not None and not self.running:
            raise self.error
        return not self.running

    def pause(self) -> None:
        """Ask for nothing more, until `resume`; the trials in hand are finished."""
        steer(self, "pause")

    def resume(self) -> None:
        """Go on: after a pause, and also after a stop or an error."""
        steer(self, "resume")
        self.begin()

    def stop(self) -> None:
        """End the search after the trials in hand; `resume` takes it up again."""
        steer(self, "stop")

    def begin(self) -> None:
        """Start the thread where none is running."""
        with self._starting:
            if self.running:
                return
            self.error, self.ending = None, ""
            self._driver.leave.clear()
            self._driver.thread = f"search {uuid.uuid4().hex[:12]}"
            self._thread = threading.Thread(target=self._run, name=self._driver.thread, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self.ending = self._work(self) or "Finished."
        except BaseException as error:  # kept for `wait`, and told here: nobody above this thread would hear of it
            self.error = error
            self.ending = f"{type(error).__name__}: {error}"
            if not sys.is_finalizing():
                say(f"The search {self.study_name!r} ended with {self.ending}. study.resume() goes on with it.")

    def tell(self, *arguments: Any, **keywords: Any) -> optuna.trial.FrozenTrial:
        """Optuna's, after which other threads get a turn: a search of a table would keep them waiting."""
        told = super().tell(*arguments, **keywords)
        if threading.current_thread() is self._thread:
            self._driver.leave.wait(_BREATH)
        return told

    def __reduce__(self) -> tuple[type[Study], tuple[Any, ...]]:
        return Study, (self.study_name, self._storage, self.sampler, self.pruner)


def _farewell(reference: weakref.ref[LiveStudy]) -> None:
    """Let the search finish its trial when the interpreter ends."""
    study = reference()
    if study is not None and study.running:
        study._driver.leave.set()
        study._thread.join(_FAREWELL)  # type: ignore[union-attr]
