"""Telling how a run goes: lines in a terminal or a log, one table that fills itself in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from workbench.pipelines.outcome import STATES, Run, StageState

Watcher = Callable[[Run, StageState | None], None]
"""Told of each change: the run, and the stage that changed, None for the mere passing of time."""


def watcher() -> Watcher:
    """Return the watcher that suits where we are: a notebook, a terminal or a log file."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if type(shell).__name__ == "ZMQInteractiveShell":
        return NotebookTable()
    return Lines(sys.stderr)


class Lines:
    """One line for each change; on a terminal also a line that shows what is running now."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._live = stream.isatty()
        self._shown = ""
        self._next = 0.0

    def __call__(self, run: Run, changed: StageState | None) -> None:
        """Tell of a change, or keep the time going."""
        if changed is not None:
            self._replace("")
            width = max(len(stage.name) for stage in run.stages)
            words = changed.words if changed.state != "running" else f"starts: {changed.why}"
            self.stream.write(f"  {STATES[changed.state][1]} {changed.name:<{width}}  {words}\n")
            self.stream.flush()
        elif self._live and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            running = [stage for stage in run.stages if stage.state == "running"]
            self._replace(" · ".join(f"{s.name} {s.words.removeprefix('running, ')}" for s in running))

    def _replace(self, text: str) -> None:
        if self._live and text != self._shown:
            self.stream.write("\r" + text.ljust(len(self._shown)) + ("\r" if not text else ""))
            self.stream.flush()
            self._shown = text


class NotebookTable:
    """The run as a table in a notebook's output, filled in as it goes."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._next = 0.0

    def __call__(self, run: Run, changed: StageState | None) -> None:
        """Show the table as it is now, at most twice a second unless something changed."""
        if changed is None and run.report is None and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.5
        from IPython.display import display

        if self._handle is None:
            self._handle = display(run, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(run)


def silent(_run: Run, _changed: StageState | None) -> None:
    """Tell nothing."""
