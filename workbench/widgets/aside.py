"""A process beside the kernel that computes one thing at a time, the most urgent first, and can be stopped."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from workbench.executors import Here, Outcome
from workbench.main_module import guard_missing, is_being_read, stays_behind

_LOOK = 0.05  # seconds between two looks at whether what is waited for has been stopped
_LAST_WORDS = 1.0  # seconds that the process has to end by itself
_IDLE = 300.0  # seconds without work after which the process and its memory are given back


class Stopped(Exception):
    """What was being computed was stopped: there is no result."""


@dataclass(order=True)
class Job:
    """Something to compute for an `owner`, not before `due` on the monotonic clock, the lower `urgency` first.

    `work` is called with the process and may call it several times.
    """

    urgency: int
    number: int = field(init=False, default=0)
    work: Callable[[Aside], None] = field(compare=False)
    owner: object = field(compare=False)
    due: float = field(default=0.0, compare=False)


class Aside:
    """One process with one thread for torch, started when it is first needed.

    It is a process and not a thread, because scoring a network draws from torch's global generator, which belongs to
    whatever the user's cells are doing, and because a thread could not be stopped.
    """

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._ends = float("inf")

    def call(self, function: Callable[[Any], Any], item: Any) -> Any:
        """What `function` makes of `item` in the process; raises `Stopped`, and `RuntimeError` with its error's words.

        What cannot be sent to a process, such as a function written in a notebook, is called in this thread.
        """
        if time.monotonic() > self._ends:
            raise Stopped
        hindrance = stays_behind((function, item)) or guard_missing() or is_being_read()
        outcome = _called(function, item) if hindrance else self._sent(function, item)
        if time.monotonic() > self._ends:
            raise Stopped
        if outcome.error is not None:
            raise RuntimeError(outcome.error)
        return outcome.value

    def stop(self, grace: float = 0.0) -> None:
        """Stop what is being computed unless it ends by itself within `grace` seconds."""
        self._ends = min(self._ends, time.monotonic() + grace)

    def ready(self) -> None:
        """Forget that something was stopped."""
        self._ends = float("inf")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(_LAST_WORDS)
            self._process.kill()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _sent(self, function: Callable[[Any], Any], item: Any) -> Outcome:
        pipe = self._started()
        try:
            pipe.send((function, item))
            while not pipe.poll(_LOOK):
                if time.monotonic() > self._ends:
                    self.close()
                    raise Stopped
            outcome: Outcome = pipe.recv()
        except (EOFError, OSError):
            self.close()
            raise RuntimeError("the process that computed it died") from None
        return outcome

    def _started(self) -> Connection:
        if self._pipe is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs,), name="workbench-aside", daemon=True)
            self._process.start()
            theirs.close()  # so that the end of the process is the end of the pipe
        return self._pipe


class Desk:
    """The jobs of all the editors of a kernel, done one at a time by a thread that waits for the process."""

    def __init__(self) -> None:
        self._aside = Aside()
        self._numbers = itertools.count(1)
        self._waiting: list[Job] = []
        self._running: Job | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, job: Job) -> None:
        """Have `job` done; of two that are equally urgent the first put is the first done."""
        with self._changed:
            job.number = next(self._numbers)
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="workbench-desk", daemon=True)
                self._thread.start()
            self._changed.notify()

    def drop(self, job: Job, grace: float = 0.0) -> None:
        """Do not begin `job`, or stop it unless it ends by itself within `grace` seconds."""
        with self._changed:
            if job in self._waiting:
                self._waiting = [other for other in self._waiting if other is not job]
            elif job is self._running:
                self._aside.stop(grace)

    def close(self) -> None:
        """Drop every job and end the process; a later job starts another one."""
        with self._changed:
            self._waiting.clear()
            self._aside.stop()
            if self._running is None:
                self._aside.close()

    def _work(self) -> None:
        while True:
            job = self._next()
            try:
                job.work(self._aside)
            except Stopped:
                pass  # whoever stopped it knows
            except Exception:  # the job's own matter: the others are done all the same
                traceback.print_exc()
            with self._changed:
                self._running = None
                self._aside.ready()

    def _next(self) -> Job:
        """The most urgent job that is due, as soon as there is one."""
        idle_at = time.monotonic() + _IDLE
        with self._changed:
            while True:
                now = time.monotonic()
                due = [job for job in self._waiting if job.due <= now]
                if due:
                    self._running = min(due)
                    self._waiting = [job for job in self._waiting if job is not self._running]
                    return self._running
                if now >= idle_at and not self._waiting:
                    self._aside.close()
                    idle_at = float("inf")
                soonest = min((job.due for job in self._waiting), default=idle_at)
                self._changed.wait(None if soonest == float("inf") else max(0.0, soonest - now))


@cache
def desk() -> Desk:
    """The one desk of this kernel: a process has torch in it, which is too much memory to have one for each editor."""
    return Desk()


def _serve(pipe: Connection) -> None:
    """What the process does until the pipe ends: it answers each (function, item) with an `Outcome`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # interrupting the kernel is no reason to die
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that what it holds of the system is given back
    if hasattr(os, "nice"):  # not on every system
        os.nice(10)  # edits and the browser come first
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            outcome = _answer(pipe)
            try:
                pipe.send(outcome)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                pipe.send(Outcome(0, "", error=f"Its result cannot be sent: {error}"))


def _answer(pipe: Connection) -> Outcome:
    try:
        function, item = pipe.recv()
    except (ImportError, AttributeError) as error:  # what the kernel has and a new process does not find
        return Outcome(0, "", error=f"{type(error).__name__}: {error}")
    return _called(function, item)


def _called(function: Callable[[Any], Any], item: Any) -> Outcome:
    """What became of the call, its error in words."""
    return next(iter(Here().map(function, [item], [""], show=False)))
