"""The official NATS-Bench topology archive: one compressed pickle per architecture, read when asked for."""

from __future__ import annotations

import bz2
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.plain_pickle import NUMPY_NUMBERS, read_plain
from workbench.benchmarks.records import Floats
from workbench.benchmarks.table_cache import checksum
from workbench.errors import InvalidInput, MissingData
from workbench.spaces.nasbench201 import OPERATIONS

FOLDER = "NATS-tss-v1_0-3ffb9-simple"
CELLS = 5**6
_EXTENSION = ".pickle.pbz2"
_META = "meta" + _EXTENSION
_OPERATION = re.compile(r"[a-z0-9_]+(?=~)")
_LARGEST = 32 * 2**20  # bytes unpacked; the real files hold 0.3 MB, the list of architectures 1.4 MB
_ADVICE = f"Unpack it again from the official {FOLDER}.tar."


@dataclass(frozen=True)
class Run:
    """One training run: its curves, shape (epochs,), NaN where not recorded, and its costs.

    `curves` is keyed by official set and quantity, such as ("x-valid", "accuracy"); sets are "train",
    "x-valid", "x-test" and "ori-test", quantities "accuracy" (%), "loss", "time" (seconds of that epoch's
    pass) and, for "train", "total_time". `costs` holds "latency_ms", "params_m" and "flops_m".
    """

    epochs: int
    curves: Mapping[tuple[str, str], Floats]
    costs: Mapping[str, float]


def find_archive(archive: str | os.PathLike[str] | None = None) -> Path:
    """The archive's folder: `archive`, else in $WORKBENCH_DATA, else in ./data; raises `MissingData`."""
    if archive is not None:
        places = [Path(archive), Path(archive) / FOLDER]
    else:
        data = os.environ.get("WORKBENCH_DATA")
        places = [Path(data) / FOLDER] if data else []
        places.append(Path("data") / FOLDER)
    for place in places:
        if (place / _META).is_file():
            return place.resolve()
    looked = " or ".join(str(place) for place in places)
    raise MissingData(
        f"No NATS-Bench topology archive at {looked}: unpack {FOLDER}.tar (github.com/D-X-Y/NATS-Bench) to "
        f"$WORKBENCH_DATA/{FOLDER} or ./data/{FOLDER}, or pass its folder as archive=."
    )


class Archive:
    """The files of one folder; row i is the i-th cell of the space, whatever its number in the archive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._strings = self._architectures()
        self._numbers = {row_of(text): number for number, text in enumerate(self._strings)}

    def rows(self) -> list[int]:
        """The rows whose files are here, in the archive's order."""
        present = self._present()
        return [row for row, number in self._numbers.items() if number in present]

    def fingerprint(self) -> str:
        """A checksum of the files' names, sizes and dates: it changes when the folder does."""
        lines = sorted(f"{e.name} {e.stat().st_size} {e.stat().st_mtime_ns}" for e in os.scandir(self.folder))
        return checksum("\n".join(lines).encode())

    def read(self, row: int, budget: str) -> dict[tuple[str, int], Run]:
        """(official data set, seed) -> run, of one architecture and one budget: "12" or "200" epochs."""
        number = self._numbers[row]
        path = self._path(number)
        record = _unpack(path)
        try:
            text = record[budget]["arch_str"]
            results = record[budget]["all_results"]
            runs = {(str(name), int(seed)): _run(result, int(budget)) for (name, seed), result in results.items()}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"{path} is no record of NATS-Bench: {error!r}. {_ADVICE}") from None
        if text != self._strings[number]:
            raise InvalidInput(f"{path} holds {text}; {_META} has {self._strings[number]} there. {_ADVICE}")
        return runs

    def _path(self, number: int) -> Path:
        for name in (f"{number:06d}{_EXTENSION}", f"{number}{_EXTENSION}"):
            if (self.folder / name).is_file():
                return self.folder / name
        raise MissingData(
            f"{self._strings[number]} is not recorded: {self.folder} lacks {number:06d}{_EXTENSION}. {_ADVICE}"
        )

    def _present(self) -> set[int]:
        stems = (entry.name.removesuffix(_EXTENSION) for entry in os.scandir(self.folder))
        return {int(stem) for stem in stems if stem.isdecimal()}

    def _architectures(self) -> list[str]:
        path = self.folder / _META
        meta = _unpack(path)
        strings = meta.get("meta_archs") if isinstance(meta, dict) else None
        if not isinstance(strings, list) or {row_of(text) for text in strings} != set(range(CELLS)):
            raise InvalidInput(f"{path} does not list the {CELLS:,} cells once each. {_ADVICE}")
        return strings


def row_of(text: object) -> int:
    """The row of an official string, its operations read as digits in base five; -1 for anything else."""
    operations = _OPERATION.findall(text) if isinstance(text, str) else []
    if len(operations) != 6 or not set(operations) <= set(OPERATIONS):
        return -1
    row = 0
    for operation in operations:
        row = row * len(OPERATIONS) + OPERATIONS.index(operation)
    return row


def _unpack(path: Path) -> Any:
    """The value in a compressed pickle that may hold plain numbers only."""
    try:
        with bz2.open(path) as file:
            raw = file.read(_LARGEST + 1)
    except (OSError, EOFError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be unpacked: {error}. {_ADVICE}") from None
    if len(raw) > _LARGEST:
        raise InvalidInput(f"{path} unpacks to more than {_LARGEST:,} bytes, as no record does. {_ADVICE}")
    return read_plain(raw, str(path), _ADVICE, NUMPY_NUMBERS)


def _run(result: Mapping[str, Any], epochs: int) -> Run:
    if result["epochs"] != epochs:
        raise ValueError(f"a run of {result['epochs']} epochs among those of {epochs}")
    curves = {
        ("train", "accuracy"): _by_epoch(result["train_acc1es"], epochs),
        ("train", "loss"): _by_epoch(result["train_losses"], epochs),
        ("train", "time"): _by_epoch(result["train_times"], epochs),
    }
    curves["train", "total_time"] = np.cumsum(curves["train", "time"])
    for quantity, key in (("accuracy", "eval_acc1es"), ("loss", "eval_losses"), ("time", "eval_times")):
        for name in result["eval_names"]:
            curves[name, quantity] = _by_epoch(result[key], epochs, f"{name}@")
    latencies = [float(x) for x in result["latency"] or () if x > 0]
    costs = {
        "latency_ms": 1000.0 * float(np.mean(latencies)) if latencies else float("nan"),
        "params_m": float(result["params"]),
        "flops_m": float(result["flop"]),
    }
    return Run(epochs, curves, costs)


def _by_epoch(values: Mapping[Any, float] | None, epochs: int, prefix: str = "") -> Floats:
    """Values keyed by epoch number, or by "<set>@<epoch>", as an array; NaN for epochs that are not there."""
    values = values or {}
    keys: list[Any] = [f"{prefix}{epoch}" for epoch in range(epochs)] if prefix else list(range(epochs))
    return np.array([float(values.get(key, np.nan)) for key in keys])
