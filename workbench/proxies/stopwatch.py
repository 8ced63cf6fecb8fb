"""A stopwatch that tells what every proxy would cost alone, although passes over the network are shared."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass
class Lap:
    """One stretch of work: `seconds` of its own and, each once, of every pass that it looked at, whoever ran them."""

    seconds: float = 0.0
    own: float = 0.0
    within: float = 0.0
    looked_at: set[Hashable] = field(default_factory=set)


class Stopwatch:
    """Seconds of passes, each without the passes that it asked for itself, and who looked at which."""

    def __init__(self) -> None:
        self._passes: dict[Hashable, Lap] = {}
        self._running: list[Lap] = []

    @contextmanager
    def lap(self, of: Hashable = None) -> Iterator[Lap]:
        """Time what happens inside: the pass called `of`, or, without a name, whoever looks at passes.

        A pass that fails is none: its time is its asker's own.
        """
        lap, finished = Lap(), False
        self._running.append(lap)
        start = _now()
        try:
            yield lap
            finished = True
        finally:
            elapsed = _now() - start
            self._running.pop()
            lap.own = elapsed - lap.within
            lap.seconds = lap.own + sum(self._passes[each].own for each in lap.looked_at)
            if finished and self._running:
                self._running[-1].within += elapsed
            if finished and of is not None:
                self._passes[of] = lap

    def look(self, *passes: Hashable) -> None:
        """Put passes that have been timed, and what they looked at, on the bill of whoever is timed now."""
        if self._running:
            for each in self._passes.keys() & set(passes):
                self._running[-1].looked_at |= {each} | self._passes[each].looked_at


def _now() -> float:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()  # what was begun on a GPU is work of the stretch that began it
    return time.perf_counter()
