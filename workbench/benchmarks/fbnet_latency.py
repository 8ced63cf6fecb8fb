"""Latencies of FBNet networks on 27 devices, measured for HELP (Lee et al., NeurIPS 2021)."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.files.torch_file import read_torch_file
from workbench.benchmarks.files.user_files import find_file, read_file
from workbench.benchmarks.help_devices import devices
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.records import Column, ColumnTable, Floats
from workbench.errors import InvalidInput, MissingData
from workbench.spaces.fbnet import LAYERS, OPERATIONS

FILE, FOLDER = "fbnet_latency_help.npz", "HELP/data/fbnet"
DEVICES = devices((1, 32, 64))
COLUMNS = tuple(Column(f"latency_{name}_ms", "lower", "ms", f"latency on: {what}") for name, what in DEVICES.items())
_ORIGIN = "github.com/HayeonLee/HELP (data/fbnet)"
_AGAIN = f"Get it from {_ORIGIN}."
_LARGEST = 8 * 2**20  # bytes of a file and of what it unpacks to; HELP's have at most 0.3 MB
# What a damaged .npz file makes its readers raise.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    OSError,
    RuntimeError,
    MemoryError,
    SyntaxError,
)


def settle(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The absolute path of HELP's folder or of the .npz file; raises `MissingData` where there is neither."""
    advice = (
        f"clone {_ORIGIN} to $WORKBENCH_DATA/HELP or ./data/HELP, or pass the path of its folder data/fbnet, or of an "
        ".npz file with the same arrays, as path=."
    )
    what = "FBNet latencies"
    try:
        return {"path": str(find_file(what, [FOLDER], advice, path, marker="arch.pt"))}
    except MissingData:
        return {"path": str(find_file(what, [FILE, FOLDER], advice, path))}


def load(dataset: str, path: str) -> ColumnTable:
    """The table of the folder or file at `path`, from the cache where it has been converted before."""
    source = checksum(*(read_file(file, _LARGEST, _AGAIN) for file in _files(Path(path)).values()))
    arrays = cached(f"fbnet_latency-{dataset}", source, lambda: convert(Path(path)))
    numbers = {column.name: np.asarray(arrays[column.name], np.float64) for column in COLUMNS}
    return ColumnTable("fbnet_latency", COLUMNS, numbers, architectures=arrays["architectures"].tolist())


def convert(path: Path) -> Arrays:
    """The architectures' strings and one array (rows,) for each device, in the order of the source.

    A latency that is not above zero is NaN. Raises `InvalidInput` for anything else than what HELP's files hold, and
    `MissingData` for a folder that lacks one of them.
    """
    if path.is_file():
        found = _from_npz(path)
    else:
        found = {name: read_torch_file(file, _LARGEST, _AGAIN) for name, file in _files(path).items()}
    try:
        strings = [_text(arch) for arch in found["arch"]]
        arrays: dict[str, Any] = {"architectures": np.array(strings)}
        for device in DEVICES:
            arrays[f"latency_{device}_ms"] = _latencies(found[device], len(strings))
        if not 0 < len(strings) == len(set(strings)):
            raise ValueError(f"{len(strings):,} architectures, {len(set(strings)):,} of them different")
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise _refusal(path, error) from None
    return arrays


def _files(path: Path) -> dict[str, Path]:
    """The .npz file, or all that is needed of HELP's folder by the names of the arrays."""
    if path.is_file():
        return {FILE: path}
    return {"arch": path / "arch.pt"} | {device: path / "latency" / f"{device}.pt" for device in DEVICES}


def _from_npz(path: Path) -> dict[str, Any]:
    """The arrays `arch` and one for each device, as lists."""
    raw = io.BytesIO(read_file(path, _LARGEST, _AGAIN))
    try:
        with zipfile.ZipFile(raw) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise ValueError(f"it unpacks to more than {_LARGEST:,} bytes")
        with np.load(raw, allow_pickle=False) as arrays:
            return {name: arrays[name].tolist() for name in ("arch", *DEVICES)}
    except _DAMAGE as error:
        raise _refusal(path, error) from None


def _refusal(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(f"{path} does not hold HELP's latencies of FBNet: {str(error)[:300]}. {_AGAIN}")


def _text(arch: Any) -> str:
    """The string of an architecture: given as such, or as HELP's list of the numbers of its blocks."""
    digits = "".join(map(str, arch)) if isinstance(arch, list | str) else ""
    if len(digits) != len(LAYERS) or not set(digits) <= set("012345678"[: len(OPERATIONS)]):
        raise ValueError(f"{str(arch)[:80]} is no architecture of FBNet")
    return digits


def _latencies(values: Any, n: int) -> Floats:
    """The latencies of a device in ms, NaN for those that are not above zero."""
    if not isinstance(values, list) or len(values) != n or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"{n:,} latencies are expected for every device")
    latencies = np.array(values, dtype=np.float64)
    return np.where((latencies > 0) & np.isfinite(latencies), latencies, np.nan)


LOADER = Loader(
    space="fbnet",
    datasets=("cifar100",),
    settle=settle,
    load=load,
    title="HELP: latencies of 5,000 FBNet networks on 27 devices",
    paper="Lee, Lee, Chong & Hwang, HELP, NeurIPS 2021",
    licence="MIT",
    keywords=("path",),
)
