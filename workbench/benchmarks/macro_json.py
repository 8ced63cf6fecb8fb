"""The JSON tables of NAS-Bench-Macro and Channel-Bench-Macro: three training runs of every architecture (Su et al.)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.files.user_files import find_file, read_file
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput

RUNS = 3
COLUMNS = (
    Column(
        "test_accuracy", "higher", "%", "accuracy on the test images at the best epoch of a run, mean over runs", "mean"
    ),
    Column("params_m", "lower", "M", "parameters"),
    Column("flops_m", "lower", "M", "multiply-adds"),
)
_LARGEST = 16 * 2**20  # bytes; the official files have 1.2 and 2.8 MB
_ROUNDING = 1e-6


@dataclass(frozen=True)
class MacroTable:
    """One of these files: `name` is the benchmark's, `file` the official file's, `origin` where it is to be had.

    A key has a digit from `digits` for each of `layers` layers, the first the most significant; read as a number it is
    the row. A value holds the runs' accuracies under the key `runs` and their mean under `mean`.
    """

    name: str
    file: str
    origin: str
    digits: str
    layers: int
    runs: str
    mean: str

    @property
    def rows(self) -> int:
        """How many architectures there are."""
        return int(len(self.digits) ** self.layers)

    def settle(self, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """The absolute path of the file; raises `MissingData` where there is none."""
        advice = (
            f"download it from {self.origin} to $WORKBENCH_DATA/{self.file} or ./data/{self.file}, or pass its path "
            "as path=."
        )
        return {"path": str(find_file(f"file of {self.name}", [self.file], advice, path))}

    def load(self, dataset: str, path: str) -> ColumnTable:
        """The table of the file at `path`, from the cache where it has been converted before."""
        raw = read_file(Path(path), _LARGEST, self._again)
        arrays = cached(f"{self.name}-{dataset}", checksum(raw), lambda: self.convert(raw, path))
        return ColumnTable(self.name, COLUMNS, {c.name: np.asarray(arrays[c.name], np.float64) for c in COLUMNS})

    def convert(self, raw: bytes, what: str) -> Arrays:
        """One array for each column, (rows,) or (rows, runs); raises `InvalidInput` unless every row is there."""
        try:
            entries = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{what} is no JSON: {error}. {self._again}") from None
        if not isinstance(entries, dict) or len(entries) != self.rows:
            raise InvalidInput(f"{what} does not hold {self.rows:,} architectures. {self._again}")
        rows = np.full((self.rows, RUNS + 2), np.nan)
        for key, entry in entries.items():
            try:
                rows[self._row(key)] = self._numbers(entry)
            except (ValueError, TypeError, LookupError, OverflowError) as error:
                raise InvalidInput(
                    f"{what} holds a malformed architecture {key[:20]!r}: {error}. {self._again}"
                ) from None
        accuracies, params, flops = rows[:, :RUNS], rows[:, RUNS], rows[:, RUNS + 1]
        return {"test_accuracy": accuracies.copy(), "params_m": params / 1e6, "flops_m": flops / 1e6}

    @property
    def _again(self) -> str:
        return f"Download it again from {self.origin}."

    def _row(self, key: str) -> int:
        """The row of a key; as many different keys as rows, each with its own, fill the table."""
        if len(key) != self.layers:
            raise ValueError(f"{self.layers} digits are expected")
        row = 0
        for digit in key:
            row = row * len(self.digits) + self.digits.index(digit)
        return row

    def _numbers(self, entry: Any) -> list[float]:
        """The accuracies of the runs, the parameters and the multiply-adds."""
        runs, mean, sizes = entry[self.runs], entry[self.mean], [entry["params"], entry["flops"]]
        if not isinstance(runs, list) or len(runs) != RUNS:
            raise ValueError(f"{RUNS} runs are expected")
        if not all(type(number) in (int, float) for number in [*runs, mean]):
            raise TypeError("accuracies are numbers")
        if not all(0 <= run <= 100 for run in runs) or not abs(sum(runs) / RUNS - mean) <= _ROUNDING:
            raise ValueError(f"the runs {runs} do not have the mean {mean}")
        if not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError(f"params and flops are whole numbers; got {sizes}"[:200])
        return [*map(float, runs), *map(float, sizes)]
