"""The two official NATS-Bench archives: one compressed pickle per architecture, read when asked for."""

from __future__ import annotations

import bz2
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.plain_pickle import NUMPY_NUMBERS, read_plain
from workbench.benchmarks.files.table_cache import checksum
from workbench.benchmarks.files.user_files import find_file
from workbench.benchmarks.records import Floats
from workbench.errors import InvalidInput, MissingData

_EXTENSION = ".pickle.pbz2"
_META = "meta" + _EXTENSION
_LARGEST = 32 * 2**20  # bytes unpacked; the real files hold 0.3 MB, the list of architectures 1.4 MB
_ENORMOUS = 1e15


@dataclass(frozen=True)
class Edition:
    """One of the two archives.

    `kind` and `noun` are what its search space and its architectures are called, `folder` is the official name.
    `budgets` maps a number of training epochs to its key in the records, the longest first. `row_of` gives the row of
    an official string, from 0 to `rows` - 1, and -1 for anything else.
    """

    kind: str
    noun: str
    folder: str
    budgets: Mapping[int, str]
    rows: int
    row_of: Callable[[object], int]

    def find(self, archive: str | os.PathLike[str] | None = None) -> Path:
        """The archive's folder: `archive`, else in $WORKBENCH_DATA, else in ./data; raises `MissingData`."""
        advice = (
            f"unpack {self.folder}.tar (github.com/D-X-Y/NATS-Bench) to $WORKBENCH_DATA/{self.folder} or "
            f"./data/{self.folder}, or pass its folder as archive=."
        )
        return find_file(f"NATS-Bench {self.kind} archive", [self.folder], advice, archive, marker=_META)

    @property
    def again(self) -> str:
        """What to do about a damaged file."""
        return f"Unpack it again from the official {self.folder}.tar."


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


class Archive:
    """The files of one folder; row i is the i-th architecture of the space, whatever its number in the archive."""

    def __init__(self, folder: Path, edition: Edition) -> None:
        self.folder = folder
        self.edition = edition
        self._strings = self._architectures()
        self._numbers = {edition.row_of(text): number for number, text in enumerate(self._strings)}

    def rows(self) -> list[int]:
        """The rows whose files are here, in the archive's order."""
        present = self._present()
        return [row for row, number in self._numbers.items() if number in present]

    def fingerprint(self) -> str:
        """A checksum of the files' names, sizes and dates: it changes when the folder does."""
        lines = sorted(f"{e.name} {e.stat().st_size} {e.stat().st_mtime_ns}" for e in os.scandir(self.folder))
        return checksum("\n".join(lines).encode())

    def read(self, row: int, epochs: int) -> dict[tuple[str, int], Run]:
        """(official data set, seed) -> run, of one architecture and one training budget."""
        number, budget = self._numbers[row], self.edition.budgets[epochs]
        path = self._path(number)
        record = _unpack(path, self.edition.again)
        try:
            text = record[budget]["arch_str"]
            results = record[budget]["all_results"]
            runs = {(str(name), int(seed)): _run(result, epochs) for (name, seed), result in results.items()}
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise InvalidInput(f"{path} is no record of NATS-Bench: {error!r}. {self.edition.again}") from None
        if text != self._strings[number]:
            raise InvalidInput(f"{path} holds {text}; {_META} has {self._strings[number]} there. {self.edition.again}")
        return runs

    def _path(self, number: int) -> Path:
        for name in (f"{number:06d}{_EXTENSION}", f"{number}{_EXTENSION}"):
            if (self.folder / name).is_file():
                return self.folder / name
        raise MissingData(
            f"{self._strings[number]} is not recorded: {self.folder} lacks {number:06d}{_EXTENSION}. "
            f"{self.edition.again}"
        )

    def _present(self) -> set[int]:
        stems = (entry.name.removesuffix(_EXTENSION) for entry in os.scandir(self.folder))
        return {int(stem) for stem in stems if stem.isdecimal()}

    def _architectures(self) -> list[str]:
        path, edition = self.folder / _META, self.edition
        meta = _unpack(path, edition.again)
        strings = meta.get("meta_archs") if isinstance(meta, dict) else None
        if not isinstance(strings, list) or sorted(map(edition.row_of, strings)) != list(range(edition.rows)):
            raise InvalidInput(f"{path} does not list the {edition.rows:,} {edition.noun} once each. {edition.again}")
        return strings


def _unpack(path: Path, again: str) -> Any:
    """The value in a compressed pickle that may hold plain numbers only."""
    try:
        with bz2.open(path) as file:
            raw = file.read(_LARGEST + 1)
    except (OSError, EOFError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be unpacked: {error}. {again}") from None
    if len(raw) > _LARGEST:
        raise InvalidInput(f"{path} unpacks to more than {_LARGEST:,} bytes, as no record does. {again}")
    return read_plain(raw, str(path), again, NUMPY_NUMBERS)


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
    latencies = [_number(x) for x in result["latency"] or () if x > 0]
    costs = {
        "latency_ms": 1000.0 * float(np.mean(latencies)) if latencies else float("nan"),
        "params_m": _number(result["params"]),
        "flops_m": _number(result["flop"]),
    }
    return Run(epochs, curves, costs)


def _by_epoch(values: Mapping[Any, float] | None, epochs: int, prefix: str = "") -> Floats:
    """Values keyed by epoch number, or by "<set>@<epoch>", as an array; NaN for epochs that are not there."""
    values = values or {}
    keys: list[Any] = [f"{prefix}{epoch}" for epoch in range(epochs)] if prefix else list(range(epochs))
    return np.array([_number(values.get(key, np.nan)) for key in keys])


def _number(value: Any) -> float:
    """A recorded value, refused where sums of a few would overflow."""
    number = float(value)
    if abs(number) > _ENORMOUS:
        raise ValueError(f"a value of {number:g}")
    return number
