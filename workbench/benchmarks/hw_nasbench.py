"""HW-NAS-Bench: latency and energy of all NAS-Bench-201 cells on six devices (Li et al., ICLR 2021)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.plain_pickle import NUMPY_ARRAYS, PlainArray, read_plain
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.files.user_files import find_file, read_file
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.nasbench201_rows import CELLS, in_rows, passes_nothing, rows_of, without_removed
from workbench.benchmarks.records import Column, ColumnTable, Floats
from workbench.errors import InvalidInput

FILE = "HW-NAS-Bench-v1_0.pickle"
DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16_120": "ImageNet16-120"}
_ORIGIN = "github.com/GATECH-EIC/HW-NAS-Bench"
_ADVICE = f"Get {FILE} from {_ORIGIN}."
_LARGEST = 256 * 2**20  # bytes
_DEVICES = {
    "edgegpu": "NVIDIA Jetson TX2",
    "raspi4": "Raspberry Pi 4",
    "edgetpu": "Google Edge TPU",
    "pixel3": "phone Pixel 3",
    "eyeriss": "ASIC Eyeriss, estimated",
    "fpga": "FPGA, measured",
}
REMOVED = ("raspi4_latency", "pixel3_latency")  # where compilers remove networks that compute nothing
# Our column of each official one.
SOURCES = {f"{name}_latency": Column(f"latency_{name}_ms", "lower", "ms", f"on: {w}") for name, w in _DEVICES.items()}
SOURCES |= {
    f"{name}_energy": Column(f"energy_{name}_mj", "lower", "mJ", f"energy of one image on: {_DEVICES[name]}")
    for name in ("edgegpu", "eyeriss", "fpga")
}
SOURCES["eyeriss_arithmetic_intensity"] = Column(
    "arithmetic_intensity_eyeriss", "higher", "op/byte", "operations for each byte moved, on: ASIC Eyeriss, estimated"
)
COLUMNS = tuple(SOURCES.values())


def settle(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The absolute path of the user's file; raises `MissingData`."""
    advice = (
        f"download it from {_ORIGIN} to $WORKBENCH_DATA/{FILE} or ./data/{FILE}, or pass its path or its folder as "
        "path=."
    )
    return {"path": str(find_file("HW-NAS-Bench file", [FILE], advice, path))}


def load(dataset: str, path: str) -> ColumnTable:
    """The table of one data set, from the cache where it has been converted before."""
    raw = read_file(Path(path), _LARGEST, _ADVICE)
    arrays = cached(f"hw_nasbench-{dataset}", checksum(raw), lambda: convert(raw, path, dataset))
    return ColumnTable("hw_nasbench", COLUMNS, {c.name: np.asarray(arrays[c.name], np.float64) for c in COLUMNS})


def convert(raw: bytes, what: str, dataset: str) -> Arrays:
    """One array (cells,) for each column; row i is the space's i-th cell.

    Where networks have been removed before they were measured, latencies are NaN. Raises `InvalidInput` for anything
    else than what the official file holds.
    """
    found = read_plain(raw, what, _ADVICE, NUMPY_ARRAYS)
    try:
        table = found["nasbench201"][DATASETS[dataset]]
        rows = rows_of([config["arch_str"] for config in _plain(table["config"])])
        nothing = passes_nothing()
        arrays = {}
        for source, column in SOURCES.items():
            values = in_rows(_numbers(table[source]), rows)
            arrays[column.name] = without_removed(values, nothing) if source in REMOVED else values
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise InvalidInput(f"{what} does not hold HW-NAS-Bench's cells: {str(error)[:300]}. {_ADVICE}") from None
    return arrays


def _plain(values: Any) -> Any:
    """The configurations as a list, which may also be keyed by the cells' numbers."""
    return [values[number] for number in range(len(values))] if isinstance(values, dict) else values


def _numbers(values: Any) -> Floats:
    """The numbers of a column, written as an array or as a list of numbers or of arrays of one number."""
    if isinstance(values, PlainArray):
        numbers = np.asarray(values.values, dtype=np.float64)
    else:
        singles = (value.values.item() if isinstance(value, PlainArray) else value for value in _plain(values))
        numbers = np.array([float(value) for value in singles])
    if numbers.shape != (CELLS,) or not np.isfinite(numbers).all():
        raise ValueError(f"a column of shape {numbers.shape} where {CELLS:,} numbers are expected")
    return numbers


LOADER = Loader(
    space="nasbench201",
    datasets=tuple(DATASETS),
    settle=settle,
    load=load,
    title="HW-NAS-Bench: latency and energy on six devices",
    paper="Li et al., HW-NAS-Bench, ICLR 2021",
    licence="MIT",
    keywords=("path",),
)
