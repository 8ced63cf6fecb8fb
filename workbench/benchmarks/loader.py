"""A loader: how one benchmark's records are found and opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.benchmarks.records import Records
from workbench.errors import MissingData


@dataclass(frozen=True)
class Loader:
    """A benchmark that can be opened.

    `settle(**options)` finds the files and returns options that mean the same in every process (absolute
    paths); it raises `MissingData` where they are absent. `load(dataset, **settled)` opens the records.
    `keywords` are the options a user may give; the first of `datasets` is opened when none is named. With `rule`,
    records hold for every architecture that is equal under that canonical rule.
    """

    space: str
    datasets: tuple[str, ...]
    settle: Callable[..., dict[str, Any]]
    load: Callable[..., Records]
    title: str
    paper: str
    licence: str
    keywords: tuple[str, ...] = ()
    rule: str | None = None

    @property
    def at_hand(self) -> bool:
        """Whether the benchmark's files are on this machine."""
        try:
            self.settle()
        except MissingData:
            return False
        return True

    def card(self) -> dict[str, Any]:
        """One row of the table of benchmarks."""
        return {
            "title": self.title,
            "space": self.space,
            "datasets": ", ".join(self.datasets),
            "at_hand": self.at_hand,
            "paper": self.paper,
            "licence": self.licence,
        }
