"""Executors: where the calls of a long computation run, and what comes back when one of them fails."""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for_objects
from typing import Any, Protocol

from workbench.errors import InvalidInput
from workbench.progress import progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: its value, or the error that its call ended with."""

    index: int
    name: str
    value: Any = None
    error: str | None = None


class Executor(Protocol):
    """Runs a function over items and yields an `Outcome` for each, in the items' order; `workers` at a time."""

    workers: int

    def map(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        names: Sequence[str] | None = None,
        label: str = "",
        show: bool = True,
    ) -> Iterator[Outcome]:
        """Outcomes in order; an item that fails is one outcome with an error, and the others go on."""
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
    ) -> Iterator[Outcome]:
        """Outcomes in order, with a progress bar after a second."""
        named = _named(items, names)
        for index, item in enumerate(progress(items, len(items), label, show=show)):
            yield _called(function, index, named[index], item)


class Local:
    """Runs items in `workers` processes of this machine, each with one thread; results come back in order.

    A worker that dies takes only the item that killed it: the others are run again, and that one is reported.
    The processes stay for the next call, until `close()` or the end of a `with` block.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise InvalidInput(f"Local needs at least one worker; got {workers}.")
        self.workers = workers or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

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
    ) -> Iterator[Outcome]:
        """Outcomes in the items' order, each as soon as those before it are there."""
        outcomes = self._unordered(function, list(items), _named(items, names))
        ready: dict[int, Outcome] = {}
        following = 0
        for outcome in progress(outcomes, len(items), label, show=show):
            ready[outcome.index] = outcome
            while following in ready:
                yield ready.pop(following)
                following += 1

    def _unordered(self, function: Callable[[Any], Any], items: list[Any], names: list[str]) -> Iterator[Outcome]:
        waiting = deque(range(len(items)))
        while waiting:
            suspects: list[int] = []
            yield from self._pooled(function, items, names, waiting, suspects, 2 * self.workers)
            # The pool broke: whichever of the items in flight did it is found by running each of them alone.
            for index in suspects:
                fallen: list[int] = []
                yield from self._pooled(function, items, names, deque([index]), fallen, 1)
                if fallen:
                    yield Outcome(index, names[index], error=f"{names[index]}: the worker process died.")

    def _pooled(
        self,
        function: Callable[[Any], Any],
        items: list[Any],
        names: list[str],
        waiting: deque[int],
        broken: list[int],
        in_flight: int,
    ) -> Iterator[Outcome]:
        """Outcomes until nothing waits, or until the pool breaks with the items `broken` in flight."""
        pool = self._started()
        flying: dict[Future[Outcome], int] = {}
        try:
            while waiting or flying:
                while waiting and len(flying) < in_flight:
                    index = waiting.popleft()
                    flying[pool.submit(_called, function, index, names[index], items[index])] = index
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    outcome = _landed(future, flying[future], names)
                    del flying[future]
                    yield outcome
        except BrokenProcessPool:
            broken.extend(sorted(flying.values()))
            self.close()
        finally:
            for future in flying:
                future.cancel()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_start_worker)
        return self._pool


def _landed(future: Future[Outcome], index: int, names: list[str]) -> Outcome:
    """The outcome of a finished future; what could not be sent to or from the worker is an error of its item."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenProcessPool):
        raise error
    return Outcome(index, names[index], error=f"{type(error).__name__}: {error} (on the way to or from a worker)")


def _named(items: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    return list(names) if names is not None else [str(item) for item in items]


def _called(function: Callable[[Any], Any], index: int, name: str, item: Any) -> Outcome:
    try:
        return Outcome(index, name, value=function(item))
    except Exception as error:  # a failure of one item is a result, reported by name
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(index, name, error=f"{type(error).__name__}: {error} ({frame.name}, line {frame.lineno})")


def _start_worker() -> None:
    """Keep a worker to one thread, as many processes as cores being quicker than threads fighting; end it with us.

    A process that is killed cannot end its workers: each watches for its parent's end itself.
    """
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_objects([parent.sentinel])
        os._exit(1)
