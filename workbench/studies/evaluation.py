"""Measuring one architecture: every number asked for, with the reason where one cannot be had."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from workbench.architecture import Architecture
from workbench.errors import LedgerError
from workbench.ledger import Entry, Keeper, Key, Ledger
from workbench.measure import Measure


@dataclass(frozen=True)
class Evaluation:
    """A picklable function from an architecture to one `Entry` per measure."""

    measures: tuple[Measure, ...]

    def __call__(self, arch: Architecture) -> list[Entry]:
        """The numbers, in the measures' order; a measure that raises gives NaN and its words."""
        return [_measured(measure, arch) for measure in self.measures]


def _measured(measure: Measure, arch: Architecture) -> Entry:
    start = time.perf_counter()
    try:
        value = measure(arch)
    except Exception as error:  # the failure of one measure is this architecture's reason, not the search's end
        return Entry(math.nan, f"{measure.name}: {type(error).__name__}: {error}", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    if not math.isfinite(value):
        return Entry(math.nan, getattr(value, "reason", None) or f"{measure.name} is {value}", seconds)
    return Entry(value, None, seconds)


class Known:
    """The numbers already in the ledger, and the way new ones get there; a search without dear measures needs none.

    A ledger that cannot be opened is said before the search starts. One that gives way later costs a warning at the
    end, never the study: what it cannot tell is measured, what it cannot take is held and tried again.
    """

    def __init__(self, measures: Sequence[Measure], ledger: Ledger | None) -> None:
        self._measures = list(measures)
        self._ledger = None
        if any(m.kept for m in measures):
            self._ledger = Ledger() if ledger is None else ledger
        self._keeper = Keeper(self._ledger)
        self.close = self._keeper.close  # itself, so that its warning points at the user's line

    def find(self, arch: Architecture) -> list[Entry | None]:
        """The entry of each measure, where there is one."""
        found: dict[Key, Entry] = {}
        if self._ledger is not None:
            with suppress(LedgerError):
                found = self._ledger.read(_key(m, arch) for m in self._measures if m.kept)
        return [found.get(_key(m, arch)) if m.kept else None for m in self._measures]

    def keep(self, arch: Architecture, entries: Sequence[Entry]) -> None:
        """Write the entries of the dear measures."""
        self._keeper.keep({_key(m, arch): e for m, e in zip(self._measures, entries, strict=True) if m.kept})


def _key(measure: Measure, arch: Architecture) -> Key:
    return Key(arch.space.name, str(arch), measure.name, measure.task, measure.seed, measure.settings)
