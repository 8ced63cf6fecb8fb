"""NAS-Bench-101's table: three training runs of each of the 423,624 unique cells on CIFAR-10, from the user's file."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.files.tfrecord import BLOCK, read_records
from workbench.benchmarks.files.user_files import find_file
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.nasbench101_file import BUDGETS, LARGEST, QUANTITIES, read_cell, read_metrics, read_run
from workbench.benchmarks.records import Column, ColumnTable, Floats, Record
from workbench.errors import InvalidInput
from workbench.progress import progress

RUNS = 3
SMALL, FULL = "nasbench_only108.tfrecord", "nasbench_full.tfrecord"
_HALF = "half_"  # before the names of the cached columns of half-way evaluations
_WIDTH = 2 * len(QUANTITIES) + 1  # numbers of one run: half-way, at the end, parameters
_LONGEST = 1e7  # seconds of training; the real ones are below 10,000
_FIRST, _EVERY = 1000, 50  # of whose cells the hash is worked out again, which for all would double the time
COLUMNS = (
    Column("valid_accuracy", "higher", "%", "accuracy on 10,000 validation images, mean over the runs", "mean"),
    Column("test_accuracy", "higher", "%", "accuracy on the 10,000 test images, mean over the runs", "mean"),
    Column("train_accuracy", "higher", "%", "accuracy on 10,000 training images, mean over the runs", "mean"),
    Column("train_time_s", "lower", "s", "time of all epochs so far on a TPU, mean over the runs", "mean"),
    Column("params_m", "lower", "M", "trainable parameters"),
)


@final
class HalfwayTable:
    """Records of networks that were evaluated twice: after half of their `epochs` and at the end."""

    at_hand = True

    def __init__(self, epochs: int, half: ColumnTable, last: ColumnTable) -> None:
        self.epochs = epochs
        self._tables = {epochs // 2: half, epochs: last}
        self._last = last

    @property
    def architectures(self) -> Sequence[str] | None:
        """The strings of the cells, row by row."""
        return self._last.architectures

    @property
    def keys(self) -> Sequence[str] | None:
        """The official hashes of the cells."""
        return self._last.keys

    @property
    def columns(self) -> tuple[Column, ...]:
        """The recorded quantities."""
        return self._last.columns

    @property
    def size(self) -> int:
        """How many cells are recorded."""
        return self._last.size

    def check_epoch(self, epoch: int) -> None:
        """Raise `InvalidInput` for an epoch after which nothing was evaluated."""
        if epoch not in self._tables:
            half, last = self._tables
            raise InvalidInput(
                f"epoch={epoch!r}: these networks were evaluated after {half} and {last} epochs. "
                f"Other lengths of training are opened with epochs=, one of {', '.join(map(str, BUDGETS))}."
            )

    def read(self, row: int, epoch: int | None = None) -> Record:
        """The record of a row at the end of training, or half-way."""
        if epoch is None:
            return self._last.read(row)
        self.check_epoch(epoch)
        return self._tables[epoch].read(row)

    def value(self, row: int, column: str) -> float:
        """The number shown for one row at the end of training."""
        return self._last.value(row, column)

    def curve(self, row: int, column: str, seed: int | None = None) -> Floats:
        """The quantity after each epoch, shape (epochs,): NaN but half-way and at the end."""
        curve = np.full(self.epochs, np.nan)
        for epoch, table in self._tables.items():
            record = table.read(row)
            number = record.numbers[column]
            if not number.per_seed:
                raise InvalidInput(f"{column!r} does not change during training: it has no learning curve.")
            if seed is not None and seed not in record.seeds:
                known = ", ".join(map(str, record.seeds))
                raise InvalidInput(f"seed={seed!r} is not recorded for this cell. Recorded seeds: {known}.")
            curve[epoch - 1] = number.shown if seed is None else number.per_seed[seed]
        return curve

    def shown(self, column: str) -> Floats:
        """The numbers shown of every row at the end of training."""
        return self._last.shown(column)

    def arrays(self) -> dict[str, Floats]:
        """Every number shown at the end of training, then those of every seed."""
        return self._last.arrays()


def settle(path: str | os.PathLike[str] | None = None, epochs: int = BUDGETS[0]) -> dict[str, Any]:
    """The absolute path of the official file, and the length of training: 108, 36, 12 or 4 epochs."""
    if epochs not in BUDGETS:
        raise InvalidInput(f"epochs={epochs!r}: NAS-Bench-101 was trained for {', '.join(map(str, BUDGETS))} epochs.")
    names = (SMALL, FULL) if epochs == BUDGETS[0] else (FULL,)
    file = find_file(f"NAS-Bench-101 of {epochs} epochs", names, _advice(names[0]), path)
    return {"path": str(file), "epochs": int(epochs)}


def load(dataset: str, path: str, epochs: int) -> HalfwayTable:
    """The table of one length of training, from the cache where the file has been converted before."""
    file = Path(path)
    about = file.stat()
    source = checksum(f"{file.name} {about.st_size} {about.st_mtime_ns} {epochs}".encode())
    arrays = cached(f"nasbench101-{epochs}", source, lambda: convert(file, epochs))
    architectures, keys = (arrays[name].astype(str).tolist() for name in ("architectures", "keys"))
    params = np.asarray(arrays["params_m"], dtype=np.float64)

    def table(prefix: str) -> ColumnTable:
        columns = {name: np.asarray(arrays[prefix + name], dtype=np.float64) for name in QUANTITIES}
        return ColumnTable("nasbench101", COLUMNS, columns | {"params_m": params}, architectures, keys)

    return HalfwayTable(epochs, table(_HALF), table(""))


def convert(path: Path, epochs: int) -> Arrays:
    """The arrays of the official file: one row for each cell, in the file's order, columns of shape (cells, 3).

    The file is read a MiB at a time. Raises `InvalidInput` where it is damaged, malformed or without such runs.
    """
    advice = _advice(SMALL if path.name == SMALL else FULL)
    blocks = progress(read_records(path, LARGEST, advice), -(-path.stat().st_size // BLOCK), f"converting {path.name}")
    try:
        arrays, others = _converted(blocks, epochs)
    except InvalidInput as error:
        if advice in str(error):
            raise
        raise InvalidInput(f"{path} is malformed: {error}. {advice}") from None
    if not arrays:
        held = f"runs of {', '.join(map(str, sorted(others)))} epochs" if others else "no records"
        raise InvalidInput(f"{path} holds {held}, and none of {epochs}. {_advice(FULL)}")
    return arrays


def _converted(blocks: Iterable[list[bytes]], epochs: int) -> tuple[Arrays, set[int]]:
    """The arrays of the runs of so many epochs, empty where there are none, and which other lengths there are."""
    rows: dict[str, int] = {}
    texts: list[str] = []
    owners, numbers = array("q"), array("d")
    others: set[int] = set()
    for run in (read_run(record) for block in blocks for record in block):
        if run.epochs != epochs:
            others.add(run.epochs)
            continue
        if run.key not in rows:
            rows[run.key] = len(texts)
            texts.append(read_cell(run, check=len(texts) < _FIRST or len(texts) % _EVERY == 0))
        half, last, params = read_metrics(run)
        owners.append(rows[run.key])
        numbers.extend((*half, *last, params))
    if not texts:
        return {}, others
    return _arranged(np.array(owners), np.array(numbers).reshape(-1, _WIDTH), texts, list(rows)), others


def _arranged(owners: np.ndarray, numbers: Floats, texts: list[str], keys: list[str]) -> Arrays:
    """The numbers of the runs, given in the file's order with the row each belongs to, cell by cell."""
    order = np.argsort(owners, kind="stable")
    runs = np.empty_like(owners)
    starts = np.searchsorted(owners[order], np.arange(len(texts)))
    runs[order] = np.arange(len(owners)) - starts[owners[order]]
    if runs.max() >= RUNS:
        raise InvalidInput(f"the cell {texts[owners[runs.argmax()]]} has more than {RUNS} runs")
    arrays: dict[str, np.ndarray] = {"architectures": np.array(texts, dtype="S"), "keys": np.array(keys, dtype="S")}
    names = [_HALF + name for name in QUANTITIES] + list(QUANTITIES)
    for i, name in enumerate(names):
        values, most = numbers[:, i], _LONGEST if name.endswith("_s") else 100.0
        if not ((values >= 0) & (values <= most)).all():
            raise InvalidInput(f"a {name} is not between 0 and {most:g}")
        arrays[name] = np.full((len(texts), RUNS), np.nan)
        arrays[name][owners, runs] = values
    arrays["params_m"] = np.empty(len(texts))
    arrays["params_m"][owners] = numbers[:, -1] / 1e6
    return arrays


def _advice(name: str) -> str:
    size = "499 MB" if name == SMALL else "1.95 GB"
    return (
        f"Download {name} ({size}) by the link at github.com/google-research/nasbench to $WORKBENCH_DATA/{name} "
        f"or ./data/{name}, or pass its path as path=."
    )


LOADER = Loader(
    space="nasbench101",
    datasets=("cifar10",),
    settle=settle,
    load=load,
    title="NAS-Bench-101: accuracies and training time of three runs half-way and at the end, parameters",
    paper="Ying et al., NAS-Bench-101, ICML 2019",
    licence="Apache-2.0",
    keywords=("path", "epochs"),
    rule="isomorphic",
)
