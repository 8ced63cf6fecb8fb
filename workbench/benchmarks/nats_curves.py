"""Learning curves and final numbers out of a NATS-Bench archive, for one data set and training budget."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np

from workbench.benchmarks.loader import Loader
from workbench.benchmarks.nats_archive import Archive, Edition, Run
from workbench.benchmarks.nats_columns import RUNS, Source, columns_of
from workbench.benchmarks.records import Column, Floats, Number, Record
from workbench.benchmarks.summary import Summary
from workbench.errors import InvalidInput, MissingData

_REMEMBERED = 64  # architectures kept in memory, about 100 kB each
_Runs = dict[tuple[str, int], Run]


def loader(name: str, space: str, edition: Edition, title: str) -> Loader:
    """The loader of the benchmark called `name`, which is one edition of the archive."""

    def settle(archive: str | os.PathLike[str] | None = None, epochs: int = max(edition.budgets)) -> dict[str, Any]:
        """The archive's absolute folder, and the training budget in epochs."""
        # True is equal to 1, which is a budget of one edition.
        if isinstance(epochs, bool) or epochs not in tuple(edition.budgets):
            *most, last = map(str, edition.budgets)
            known = f"{', of '.join(most)} and of {last} epochs"
            raise InvalidInput(f"epochs={epochs!r}: the archive holds runs of {known}.")
        return {"archive": str(edition.find(archive)), "epochs": int(epochs)}

    def load(dataset: str, archive: str, epochs: int) -> CurveArchive:
        """The records of one data set and budget; reads the list of architectures and none of their files."""
        return CurveArchive(name, Archive(Path(archive), edition), dataset, epochs)

    return Loader(
        space=space,
        datasets=tuple(RUNS),
        settle=settle,
        load=load,
        title=title,
        paper="Dong, Liu, Musial & Gabrys, NATS-Bench, IEEE TPAMI 2021",
        licence="MIT",
        keywords=("archive", "epochs"),
    )


@final
class CurveArchive:
    """Records of one data set and budget; one file is read for every architecture asked about."""

    architectures = keys = None  # every architecture of the space, in its order

    def __init__(self, name: str, archive: Archive, dataset: str, epochs: int) -> None:
        self.epochs = epochs
        self._archive = archive
        self._sources = columns_of(dataset)
        self._runs: Callable[[int], _Runs] = lru_cache(_REMEMBERED)(self._read_runs)
        self._rows = archive.edition.rows
        self._summary = Summary(f"{name}-{dataset}-{epochs}", archive, self._row_numbers, self._rows)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The recorded quantities."""
        return tuple(self._sources)

    @property
    def size(self) -> int:
        """How many architectures have a file in the archive."""
        return len(self._archive.rows())

    @property
    def at_hand(self) -> bool:
        """Whether the whole archive has been read before, which takes minutes."""
        return self._summary.made

    def read(self, row: int, epoch: int | None = None) -> Record:
        """The record of a row after `epoch` epochs, by default the last; seeds are the official numbers."""
        last = self._epoch(epoch)
        runs = self._runs(row)
        seeds = tuple(sorted({seed for _, seed in runs}))
        return Record(seeds, {c.name: _number(c, s, runs, seeds, last) for c, s in self._sources.items()})

    def check_epoch(self, epoch: int) -> None:
        """Raise `InvalidInput` unless these networks were trained for `epoch` epochs."""
        self._epoch(epoch)

    def value(self, row: int, column: str) -> float:
        """The number shown for one row at the end of training."""
        return self.read(row).numbers[column].shown

    def curve(self, row: int, column: str, seed: int | None = None) -> Floats:
        """The quantity after each epoch: mean over the runs, or one seed's run."""
        (source,) = [source for found, source in self._sources.items() if found.name == column]
        if not source.images:
            raise InvalidInput(f"{column!r} does not change during training: it has no learning curve.")
        runs = {s: run for (name, s), run in self._runs(row).items() if name == source.runs}
        if seed is not None and seed not in runs:
            known = ", ".join(map(str, sorted(runs)))
            raise InvalidInput(f"seed={seed!r} is not recorded for {column!r}. Recorded seeds: {known}.")
        curves = [_curve(run, source, self.epochs) for s, run in runs.items() if seed in (None, s)]
        return _mean(curves) if curves else np.full(self.epochs, np.nan)

    def shown(self, column: str) -> Floats:
        """The numbers shown of every row; the first call reads the whole archive, with a progress bar."""
        return self._summary.arrays().get(column, np.full(self._rows, np.nan))

    def arrays(self) -> dict[str, Floats]:
        """Every number shown and of every seed; the first call reads the whole archive, with a bar."""
        return self._summary.arrays()

    def _read_runs(self, row: int) -> _Runs:
        names = {source.runs for source in self._sources.values()}
        every = self._archive.read(row, self.epochs)
        runs = {key: run for key, run in every.items() if key[0] in names}
        if not runs:
            raise MissingData(f"The archive has no {self.epochs}-epoch run of this architecture on {sorted(names)}.")
        return dict(sorted(runs.items()))

    def _epoch(self, epoch: int | None) -> int:
        if epoch is None:
            return self.epochs
        if type(epoch) is not int or not 1 <= epoch <= self.epochs:
            raise InvalidInput(f"epoch={epoch!r}: these networks were trained for epochs 1 to {self.epochs}.")
        return epoch

    def _row_numbers(self, row: int) -> dict[str, float]:
        """Everything `arrays` holds about one row."""
        seeds, numbers = self.read(row)
        flat = {name: number.shown for name, number in numbers.items()}
        for name, number in numbers.items():
            flat |= {f"{name}_seed{seed}": x for seed, x in zip(seeds, number.per_seed, strict=False)}
        return flat


def _number(column: Column, source: Source, runs: _Runs, seeds: tuple[int, ...], epoch: int) -> Number:
    """A column's number; NaN for a seed whose run did not record it."""
    found = {s: _value(run, source, epoch) for (name, s), run in runs.items() if name == source.runs}
    values = list(found.values()) or [float("nan")]
    shown = values[0] if column.seeds == "first" else float(_mean(values))
    return Number(shown, tuple(found.get(s, float("nan")) for s in seeds) if column.seeds != "none" else ())


def _value(run: Run, source: Source, epoch: int) -> float:
    return float(_curve(run, source, run.epochs)[epoch - 1]) if source.images else run.costs[source.quantity]


def _curve(run: Run, source: Source, epochs: int) -> Floats:
    """What a run recorded about one set of images; not every run was evaluated on every set."""
    curve = run.curves.get((source.images, source.quantity))
    return np.full(epochs, np.nan) if curve is None else curve


def _mean(values: list[Any]) -> Floats:
    mean: Floats = np.mean(np.asarray(values, dtype=np.float64), axis=0)
    return mean
