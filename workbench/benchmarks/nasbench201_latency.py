"""Latencies of all NAS-Bench-201 cells on 27 devices, measured for HELP (Lee et al., NeurIPS 2021)."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.plain_pickle import read_plain
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.files.user_files import find_file, read_file
from workbench.benchmarks.help_devices import devices
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.nasbench201_rows import CELLS, in_rows, passes_nothing, rows_of, without_removed
from workbench.benchmarks.records import Column, ColumnTable, Floats
from workbench.errors import InvalidInput, MissingData

FILE, FOLDER, ARCHITECTURES = "nb201_latency_help.npz", "HELP/data/nasbench201", "str_arch2idx.pt"
DEVICES = devices(batches=(1, 32, 256))
REMOVED = ("pixel3", "raspi4")  # whose compilers remove networks that compute nothing
COLUMNS = tuple(Column(f"latency_{name}_ms", "lower", "ms", f"latency on: {what}") for name, what in DEVICES.items())
_ORIGIN = "github.com/HayeonLee/HELP (data/nasbench201)"
_LARGEST = 16 * 2**20  # bytes of a file and of what it unpacks to; the official ones have at most 8 million
_DAMAGE = (
    InvalidInput,
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    OSError,
    RuntimeError,
    MemoryError,
)


def settle(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The absolute path of HELP's folder or of the .npz file; raises `MissingData` where there is neither."""
    advice = (
        f"clone {_ORIGIN} to $WORKBENCH_DATA/HELP or ./data/HELP, or pass the path of its folder data/nasbench201, or "
        "of an .npz file with the same arrays, as path=."
    )
    what = "NAS-Bench-201 latencies"
    try:
        return {"path": str(find_file(what, [FOLDER], advice, path, marker=ARCHITECTURES))}
    except MissingData:
        return {"path": str(find_file(what, [FILE, FOLDER], advice, path))}


def load(dataset: str, path: str) -> ColumnTable:
    """The table of the folder or file at `path`, from the cache where it has been converted before."""
    raw = read_all(Path(path))
    source = checksum(*(part for name, content in raw.items() for part in (name.encode(), b"\0", content)))
    arrays = cached(f"nasbench201_latency-{dataset}", source, lambda: convert(raw, path))
    numbers = {column.name: np.asarray(arrays[column.name], np.float64) for column in COLUMNS}
    return ColumnTable("nasbench201_latency", COLUMNS, numbers)


def convert(raw: Mapping[str, bytes], what: str) -> Arrays:
    """One array (cells,) for each device in ms; row i is the space's i-th cell.

    `raw` holds the bytes of one .npz file, or of HELP's files by name. On the devices of `REMOVED`, times of networks
    that were never run are NaN. Raises `InvalidInput` for anything else than what these files hold.
    """
    try:
        strings, latencies = _from_npz(raw[FILE]) if FILE in raw else _from_folder(raw)
        rows, nothing = rows_of(strings), passes_nothing()
        arrays = {}
        for device, values in latencies.items():
            times = in_rows(_checked(values), rows)
            arrays[f"latency_{device}_ms"] = without_removed(times, nothing) if device in REMOVED else times
    except _DAMAGE as error:
        why = str(error)[:300].rstrip(". ")
        raise InvalidInput(
            f"{what} does not hold HELP's latencies of NAS-Bench-201: {why}. Get them from {_ORIGIN}."
        ) from None
    return arrays


def read_all(path: Path) -> dict[str, bytes]:
    """The bytes of the .npz file, or of every file that is needed of HELP's folder, by name."""
    advice = f"Get it from {_ORIGIN}."
    if path.is_file():
        return {FILE: read_file(path, _LARGEST, advice)}
    files = {ARCHITECTURES: path / ARCHITECTURES} | {name: path / "latency" / f"{name}.pt" for name in DEVICES}
    return {name: read_file(file, _LARGEST, advice) for name, file in files.items()}


def _from_npz(raw: bytes) -> tuple[list[str], dict[str, Any]]:
    """The array of strings `arch_str`, and one array for each device."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _LARGEST:
            raise ValueError(f"it unpacks to more than {_LARGEST:,} bytes")
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return arrays["arch_str"].tolist(), {device: arrays[device] for device in DEVICES}


def _from_folder(raw: Mapping[str, bytes]) -> tuple[list[str], dict[str, Any]]:
    """The cells in the order of their numbers in HELP, and a list of latencies for each device."""
    numbers = _from_torch(raw[ARCHITECTURES])
    if sorted(numbers.values()) != list(range(CELLS)):
        raise ValueError(f"{ARCHITECTURES} does not number {CELLS:,} cells")
    return sorted(numbers, key=numbers.__getitem__), {device: _from_torch(raw[device]) for device in DEVICES}


def _from_torch(raw: bytes) -> Any:
    """What one of HELP's .pt files holds: a zip archive with one pickle of plain values, and no tensor."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        member = archive.getinfo("archive/data.pkl")
        if member.file_size > _LARGEST:
            raise ValueError(f"it unpacks to more than {_LARGEST:,} bytes")
        return read_plain(archive.read(member), "A .pt file", "")


def _checked(values: Sequence[Any]) -> Floats:
    """The latencies of a device, all there and above zero."""
    latencies = np.array(values, dtype=np.float64)
    if latencies.shape != (CELLS,) or not np.isfinite(latencies).all() or latencies.min() <= 0:
        raise ValueError(f"{CELLS:,} latencies above zero are expected for every device")
    return latencies


LOADER = Loader(
    space="nasbench201",
    datasets=("cifar10",),
    settle=settle,
    load=load,
    title="HELP: latencies of all NAS-Bench-201 cells on 27 devices",
    paper="Lee, Lee, Chong & Hwang, HELP, NeurIPS 2021; Dudziak et al., BRP-NAS, 2020; Li et al., HW-NAS-Bench, 2021",
    licence="MIT",
    keywords=("path",),
)
