"""Executors: where the calls of a long computation run, and what comes back when one of them fails."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from math import ceil
from multiprocessing.connection import wait as wait_for_objects
from typing import Any, Protocol

from workbench.errors import InvalidInput
from workbench.main_module import IMPORT_IT, guard_missing, is_being_read, stays_behind
from workbench.progress import progress, say

_BATCH_S = 0.5  # seconds of work that are sent to a worker at a time, at least
_FEW = 3  # items after which a rest is estimated; the first, which pays for the start of everything, does not count
_WORTH_S = 20.0  # seconds of work left that are worth starting processes for
_EACH_S = 10.0  # seconds of work left for every process that is started


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: its value, or the error that its call ended with."""

    index: int
    name: str
    value: Any = None
    error: str | None = None


class Executor(Protocol):
    """Runs a function over items and yields an `Outcome` for each; `workers` at a time."""

    workers: int

    def map(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        names: Sequence[str] | None = None,
        label: str = "",
        show: bool = True,
        done: int = 0,
        ordered: bool = True,
    ) -> Iterator[Outcome]:
        """Outcomes in the items' order, or each as soon as it is there; a failed item is one with an error.

        The progress bar, which appears after a second, begins with what has been `done` before.
        """
        ...


class Here:
    """Runs everything in this process, one item after the other."""

    workers = 1

    def map(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        names: Sequence[str] | None = None,
        label: str = "",
        show: bool = True,
        done: int = 0,
        ordered: bool = True,
    ) -> Iterator[Outcome]:
        """Outcomes in order, whether asked for or not."""
        named = _named(items, names)
        for index, item in enumerate(progress(items, done + len(items), label, done, show)):
            yield _called(function, index, named[index], item)


class Auto:
    """Begins in this process, and goes on in one process a core when more than 20 seconds of work are left.

    The rest is estimated from the third item on. No process is started for less than 10 seconds of work, nor where
    it could not work: in a worker, in a script without `if __name__ == "__main__":`, which every process would run
    again, and for what was defined in a notebook or cannot be sent. Where a process is soon at work, `worth` and
    `each` say with how many seconds of work less is already worth it.
    """

    workers = 1

    def __init__(self, worth: float | None = None, each: float | None = None) -> None:
        self._worth = _WORTH_S if worth is None else worth
        self._each = _EACH_S if each is None else each

    def map(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        names: Sequence[str] | None = None,
        label: str = "",
        show: bool = True,
        done: int = 0,
        ordered: bool = True,
    ) -> Iterator[Outcome]:
        """Outcomes in order, or each as soon as it is there once processes have been started."""
        outcomes = self._outcomes(function, list(items), _named(items, names), show, ordered)
        yield from progress(outcomes, done + len(items), label, done, show)

    def _outcomes(
        self, function: Callable[[Any], Any], items: list[Any], names: list[str], show: bool, ordered: bool
    ) -> Iterator[Outcome]:
        spent, hindered = 0.0, False
        for index, item in enumerate(items):
            left = spent / (index - 1) * (len(items) - index) if index >= _FEW else 0.0
            workers = min(cores(), int(left / self._each))
            if left > self._worth and workers > 1 and not hindered:
                why = _hindrance(function, item)
                if why is None:
                    with Local(workers) as pool:
                        rest = pool.map(function, items[index:], names[index:], show=False, ordered=ordered)
                        yield from (replace(outcome, index=outcome.index + index) for outcome in rest)
                    return
                hindered = True
                if why and show:
                    say(f"One process works, about {left / 60:.1f} minutes are left, and {cores()} could share: {why}")
            start = time.perf_counter()
            outcome = _called(function, index, names[index], item)
            spent += time.perf_counter() - start if index else 0.0
            yield outcome


class Local:
    """Runs items in `workers` processes of this machine, one a core without a number, each with one thread.

    Short items are sent together, about half a second of work at a time. A worker that dies takes only the item that
    killed it: the others are run again, and that one is reported. The processes stay for the next call, until
    `close()` or the end of a `with` block. Raises `InvalidInput` where no process can be started.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise InvalidInput(f"Local needs at least one worker; got {workers}.")
        self.workers = workers or cores()
        self._pool: ProcessPoolExecutor | None = None
        self._began: Future[None] | None = None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        names: Sequence[str] | None = None,
        label: str = "",
        show: bool = True,
        done: int = 0,
        ordered: bool = True,
    ) -> Iterator[Outcome]:
        """Outcomes in the items' order, each as soon as those before it are there, or as soon as it is itself."""
        work = _Work(function, list(items), _named(items, names))
        ready: dict[int, Outcome] = {}
        following = 0
        for outcome in progress(self._unordered(work), done + len(items), label, done, show):
            if not ordered:
                yield outcome
                continue
            ready[outcome.index] = outcome
            while following in ready:
                yield ready.pop(following)
                following += 1

    def _unordered(self, work: _Work) -> Iterator[Outcome]:
        if work.items and stays_behind((work.function, work.items[0])) == IMPORT_IT:
            raise InvalidInput(f"No worker process can do this: {IMPORT_IT}")
        waiting = deque(range(len(work.items)))
        while waiting:
            suspects: list[int] = []
            yield from self._pooled(work, waiting, suspects)
            # Of a batch that could not be sent or that broke the pool, the item that did it is found by running each
            # alone.
            for index in suspects:
                fallen: list[int] = []
                yield from self._pooled(work, deque([index]), fallen)
                if fallen:
                    name = work.names[index]
                    yield Outcome(index, name, error=f"{name}: the worker process died.")

    def _pooled(self, work: _Work, waiting: deque[int], suspects: list[int]) -> Iterator[Outcome]:
        """Outcomes until nothing waits, or until the pool breaks; what is to be run alone becomes `suspects`."""
        pool = self._started()
        flying: dict[Future[_Landed], list[int]] = {}
        try:
            while waiting or flying:
                while waiting and len(flying) < 2 * self.workers:
                    batch = work.batch(waiting, self.workers)
                    flying[pool.submit(_call_all, work.function, work.sent(batch))] = batch
                    for _ in batch:
                        waiting.popleft()
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    outcomes = work.landed(future, flying[future], suspects)
                    del flying[future]
                    yield from outcomes
        except BrokenProcessPool:
            self._check_began()
            suspects.extend(sorted(index for batch in flying.values() for index in batch))
            self.close()
        finally:
            for future in flying:
                future.cancel()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            script = guard_missing()
            if script or is_being_read():
                raise _no_guard(script)
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_start_worker)
            self._began = self._pool.submit(_begin)
        return self._pool

    def _check_began(self) -> None:
        """Raise `InvalidInput` if no worker ever came to work: then it is no item that ended them."""
        if self._began is not None and self._began.done() and self._began.exception() is not None:
            self.close()
            raise _no_guard(None)


_Landed = tuple[list[Outcome], float]


class _Work:
    """A function and the items it is called with, and how long an item takes."""

    def __init__(self, function: Callable[[Any], Any], items: list[Any], names: list[str]) -> None:
        self.function, self.items, self.names = function, items, names
        self._seconds, self._known = 0.0, 0

    def batch(self, waiting: deque[int], workers: int) -> list[int]:
        """The next items that make up a batch: half a second's, but so many that every worker has two to come."""
        each = self._seconds / self._known if self._known else _BATCH_S
        most = ceil(len(waiting) / (2 * workers))
        n = max(1, min(ceil(_BATCH_S / max(each, 1e-6)), most))
        return [waiting[place] for place in range(n)]

    def sent(self, batch: list[int]) -> list[tuple[int, str, Any]]:
        """A batch as it goes to a worker."""
        return [(index, self.names[index], self.items[index]) for index in batch]

    def landed(self, future: Future[_Landed], batch: list[int], suspects: list[int]) -> list[Outcome]:
        """The outcomes of a batch; what could not be sent to or from the worker is an error of its item."""
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            raise error
        if error is None:
            outcomes, seconds = future.result()
            self._seconds, self._known = self._seconds + seconds, self._known + len(batch)
            return outcomes
        if len(batch) > 1:
            suspects.extend(batch)
            return []
        words = f"{type(error).__name__}: {error} (on the way to or from a worker)"
        return [Outcome(batch[0], self.names[batch[0]], error=words)]


def cores() -> int:
    """How many cores this process may use."""
    may_use = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(may_use(0)) if may_use else os.cpu_count() or 1


def _hindrance(function: Callable[[Any], Any], item: Any) -> str | None:
    """Why processes cannot take over, as advice to the user, which may be empty; None where they can."""
    if is_being_read():
        raise _no_guard(None)
    if multiprocessing.parent_process() is not None:
        return ""
    script = guard_missing()
    if script:
        return f'put what {script} does under `if __name__ == "__main__":`.'
    return stays_behind((function, item))


def _no_guard(script: str | None) -> InvalidInput:
    what = script or "the script that was started"
    return InvalidInput(
        f"No worker process can start: each reads {what} first, and would do again what it does. "
        'Put what the script does under `if __name__ == "__main__":`, or leave out the executor.'
    )


def _named(items: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    return list(names) if names is not None else [str(item) for item in items]


def _called(function: Callable[[Any], Any], index: int, name: str, item: Any) -> Outcome:
    try:
        return Outcome(index, name, value=function(item))
    except Exception as error:  # a failure of one item is a result, reported by name
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(index, name, error=f"{type(error).__name__}: {error} ({frame.name}, line {frame.lineno})")


def _call_all(function: Callable[[Any], Any], batch: list[tuple[int, str, Any]]) -> _Landed:
    start = time.perf_counter()
    return [_called(function, *each) for each in batch], time.perf_counter() - start


def _begin() -> None:
    """The first task of a pool, which shows that its processes can start."""


def _start_worker() -> None:
    """Keep a worker to one thread, as many processes as cores being quicker than threads fighting; end it with us.

    A process that is killed cannot end its workers: each watches for its parent's end itself. An interrupt at the
    keyboard reaches the workers too; what becomes of them then is their parent's matter.
    """
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_objects([parent.sentinel])
        os._exit(1)
