"""Accuracies of NAS-Bench-201 on simulated analog hardware: the table that the package analog-nasbench carries."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.packages import ANALOG_NASBENCH
from workbench.benchmarks.files.plain_pickle import read_plain
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.nasbench201_rows import CELLS, in_rows, rows_of
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput
from workbench.spaces.nasbench201 import NASBench201, from_naslib

FILE = "data.anb"
_ADVICE = ANALOG_NASBENCH.advice
_TRAINED = {
    "baseline_accuracy": "test accuracy of the digital network",
    "ptq_accuracy": "test accuracy after post-training quantisation",
    "qat_accuracy": "test accuracy after quantisation-aware training",
    "noisy_accuracy": "test accuracy of the digitally trained network on analog hardware",
    "analog_accuracy": "test accuracy after hardware-aware training, on analog hardware",
}
_AGES = {"60": "a minute", "3600": "an hour", "86400": "a day", "2592000": "30 days"}
_KINDS = {"baseline": "the digitally trained network", "analog": "the network trained for the hardware"}
_DRIFTS = {f"{kind}_drift_{s}": f"{who}, {age} later" for kind, who in _KINDS.items() for s, age in _AGES.items()}


def _columns() -> Iterator[Column]:
    for name, meaning in _TRAINED.items():
        yield Column(name, "higher", "%", meaning)
    for name, meaning in _DRIFTS.items():
        yield Column(name, "higher", "%", f"test accuracy on analog hardware of {meaning}, mean over its noise")
        yield Column(f"{name}_std", "lower", "%", f"spread of the test accuracy of {meaning}")


COLUMNS = tuple(_columns())


class Fields:
    """Stands in for the package's two classes: a record of plain values."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        if type(state) is not dict:
            raise pickle.UnpicklingError("a record without fields")
        self.values = state


_ALLOWED = {("analognasbench.data", name): Fields for name in ("Architecture", "DriftMeasurement")}


def load(dataset: str, folder: str) -> ColumnTable:
    """The table, from the cache where it has been converted before."""
    path = Path(folder) / FILE
    raw = ANALOG_NASBENCH.read(path)
    arrays = cached(f"analog_nasbench-{dataset}", checksum(raw), lambda: convert(raw, str(path)))
    return ColumnTable("analog_nasbench", COLUMNS, {c.name: np.asarray(arrays[c.name], np.float64) for c in COLUMNS})


def convert(raw: bytes, what: str) -> Arrays:
    """An array (cells,) for each column; row i is the space's i-th cell.

    A key is a tuple of six numbers in NASLib's order of edges and operations, which is not that of NAS-Bench-201.
    """
    space = NASBench201()
    found = read_plain(raw, what, _ADVICE, _ALLOWED)
    if not isinstance(found, dict) or len(found) != CELLS:
        raise InvalidInput(f"{what} does not hold the {CELLS:,} cells of NAS-Bench-201. {_ADVICE}")
    try:
        rows = rows_of([str(from_naslib(space, "".join(map(str, key)))) for key in found])
        records = [_numbers(record) for record in found.values()]
        arrays = {
            column.name: in_rows(np.array([record[column.name] for record in records], np.float64), rows)
            for column in COLUMNS
        }
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise InvalidInput(f"{what} holds a malformed cell: {str(error)[:200]}. {_ADVICE}") from None
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise InvalidInput(f"{what} lacks some numbers of its cells. {_ADVICE}")
    return arrays


def _numbers(record: Fields) -> dict[str, float]:
    """The numbers of a cell by column; a drift is a record of its own, with a value and an uncertainty."""
    numbers: dict[str, float] = {name: record.values[name] for name in _TRAINED}
    for name in _DRIFTS:
        drift = record.values[name].values
        numbers[name], numbers[f"{name}_std"] = drift["value"], drift["uncertainty"]
    return numbers


LOADER = Loader(
    space="nasbench201",
    datasets=("cifar10",),
    settle=lambda: {"folder": str(ANALOG_NASBENCH.folder("AnalogNAS-Bench"))},
    load=load,
    title="AnalogNAS-Bench: accuracy quantised, on simulated analog hardware, and drifting with time",
    paper="AnalogNAS-Bench: A NAS Benchmark for Analog In-Memory Computing, 2025 (arXiv:2506.18495)",
    licence="none stated in the package; MIT in its authors' setup.py",
)
