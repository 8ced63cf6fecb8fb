"""Long work in short slices between the kernel's messages, so that an edit never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import final

_SLICE, _PAUSE = 0.012, 0.002  # seconds of work between two looks at the messages, and for those to be read


def kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop in which this code is run; None in a script."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@final
class Slices:
    """Work that a generator does step by step, each step short; `then` is called once with what it returns.

    `start` lets the kernel's event loop do it, in slices between messages. That is the thread of the user's own code:
    nothing is computed while a cell runs, and what torch and numpy keep for the whole process (random generators,
    switches) is never changed behind a computation's back. Without a loop, `start` does all of it at once, and so does
    `finish` in any case. `stop` leaves the rest undone.
    """

    def __init__(self, work: Iterator[object], then: Callable[[], None] = lambda: None) -> None:
        self._work = work
        self._then = then
        self._due: asyncio.TimerHandle | None = None
        self.running = True
        self.failure: Exception | None = None

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin, or go on, in a loop: the one that runs this code unless another is given."""
        loop = loop or kernel_loop()
        if loop is None:
            self.finish()
        elif self.running and self._due is None:
            self._due = loop.call_later(_PAUSE, self._slice, loop)

    def work(self, seconds: float) -> None:
        """Work for some time now."""
        until = perf_counter() + seconds
        while self.running and perf_counter() < until:
            self._step()

    def finish(self) -> None:
        """Do the rest now."""
        while self.running:
            self._step()

    def stop(self) -> None:
        """Leave the rest undone; `then` is not called."""
        self.running = False
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _slice(self, loop: asyncio.AbstractEventLoop) -> None:
        self.work(_SLICE)
        self._due = loop.call_later(_PAUSE, self._slice, loop) if self.running else None

    def _step(self) -> None:
        try:
            next(self._work)
        except StopIteration:
            self.stop()
            self._then()
        except Exception as error:
            # Nobody waits for this work: who asked for it looks at `failure`, and the loop's own log shows it.
            self.stop()
            self.failure = error
            raise
