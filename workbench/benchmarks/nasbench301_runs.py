"""The result files of NAS-Bench-301: one JSON file for each training run, read once for its final numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from workbench.benchmarks.files.table_cache import Arrays, checksum
from workbench.benchmarks.files.user_files import read_file
from workbench.benchmarks.records import Column, Floats, Number, Record
from workbench.errors import InvalidInput, MissingData, WorkbenchError
from workbench.progress import progress
from workbench.spaces.darts import DARTS, from_configspace

EPOCHS = 100
COLUMNS = (
    Column("valid_accuracy", "higher", "%", "accuracy on 10,000 validation images, mean over the runs", "mean"),
    Column("test_accuracy", "higher", "%", "accuracy on the test images, mean over the runs", "mean"),
    Column("train_accuracy", "higher", "%", "accuracy on the training images, mean over the runs", "mean"),
    Column("valid_loss", "lower", "nats", "cross-entropy on the validation images, mean over the runs", "mean"),
    Column("train_loss", "lower", "nats", "cross-entropy on the training images, mean over the runs", "mean"),
    Column("train_time_s", "lower", "s", "time of the training, mean over the runs", "mean"),
    Column("params_m", "lower", "M", "parameters"),
)
# Our column -> where a result file has it, and by what it is divided.
_PLACES: dict[str, tuple[tuple[str | int, ...], float]] = {
    "valid_accuracy": (("info", 0, "val_accuracy"), 1.0),
    "test_accuracy": (("test_accuracy",), 1.0),
    "train_accuracy": (("info", 0, "train_accuracy"), 1.0),
    "valid_loss": (("info", 0, "val_cross_entropy"), 1.0),
    "train_loss": (("info", 0, "train_cross_entropy"), 1.0),
    "train_time_s": (("runtime",), 1.0),
    "params_m": (("info", 0, "model_parameters"), 1e6),
}
_NEEDED = ("valid_accuracy", "test_accuracy")  # without them a file is no result of the benchmark
_CURVES = {
    "valid_accuracy": "Train/val_accuracy",
    "train_accuracy": "Train/train_accuracy",
    "valid_loss": "Train/val_cross_entropy",
    "train_loss": "Train/train_cross_entropy",
}
# The benchmark's own training; the folder also has runs of shallower or shorter ones, which are other networks.
_SETTINGS = {
    "NetworkSelectorDatasetInfo:darts:layers": 8,
    "NetworkSelectorDatasetInfo:darts:init_channels": 32,
    "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": EPOCHS,
}
_LARGEST = 2**20  # bytes of a result file; the real ones have some ten thousand
_MOST_FILES = 500_000
_AGAIN = "Unpack the archive of the runs again."


def files_of(folder: Path) -> list[Path]:
    """The result files, in order of their names."""
    files = sorted({*folder.glob("*/results_*.json"), *folder.glob("results_*.json")})
    if len(files) > _MOST_FILES:
        raise InvalidInput(f"{folder} has {len(files):,} result files: the benchmark has some 60,000.")
    return files


def fingerprint(folder: Path) -> str:
    """A checksum of the files' names, sizes and dates: it changes when the folder does."""
    lines = [f"{f.relative_to(folder)} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files_of(folder)]
    return checksum("\n".join(lines).encode())


def runs_of(folder: Path) -> Arrays:
    """Every run of the benchmark's training: (runs,) for each column, runs of one architecture side by side.

    `architectures` has (rows,) strings; `ends` (rows,) says where each one's runs end; `files` (runs,) names theirs.
    """
    space = DARTS()
    files = files_of(folder)
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for path in progress(files, len(files), "reading the runs of NAS-Bench-301"):
        record = _read(path)
        try:
            config = record["optimized_hyperparamater_config"]
            if any(config.get(name, value) != value for name, value in _SETTINGS.items()):
                continue
            text = str(from_configspace(space, config))
            numbers = [_number(record, column.name) for column in COLUMNS]
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, WorkbenchError) as error:
            raise InvalidInput(f"{path} is no result of NAS-Bench-301: {str(error)[:300]}. {_AGAIN}") from None
        found.setdefault(text, []).append((path.relative_to(folder).as_posix(), numbers))
    if not found:
        raise InvalidInput(f"{folder} holds no run of 8 cells, 32 channels and {EPOCHS} epochs. {_AGAIN}")
    runs = [run for measured in found.values() for run in measured]
    table = np.array([numbers for _, numbers in runs])
    return {
        "architectures": np.array(list(found), dtype="S"),
        "ends": np.cumsum([len(measured) for measured in found.values()]),
        "files": np.array([name.encode() for name, _ in runs]),
        **{column.name: table[:, place].copy() for place, column in enumerate(COLUMNS)},
    }


@final
class TrainingRuns:
    """The runs of every architecture; a learning curve is read from its files when it is asked for."""

    at_hand = True
    keys = None

    def __init__(self, name: str, folder: Path, arrays: Arrays) -> None:
        self.name = name
        self.architectures: Sequence[str] | None = [text.decode() for text in arrays["architectures"].tolist()]
        self._folder = folder
        self._files = arrays["files"]
        self._ends = arrays["ends"].astype(int)
        self._starts = np.concatenate([[0], self._ends[:-1]])
        every = {column.name: arrays[column.name].astype(float) for column in COLUMNS}
        self.columns = tuple(column for column in COLUMNS if not np.isnan(every[column.name]).all())
        self._runs = {column.name: every[column.name] for column in self.columns}
        self._shown = {column.name: self._over_runs(column) for column in self.columns}

    @property
    def size(self) -> int:
        """How many architectures have been trained."""
        return len(self._ends)

    def check_epoch(self, epoch: int) -> None:
        """Raise `InvalidInput` unless these networks were trained for `epoch` epochs."""
        if type(epoch) is not int or not 1 <= epoch <= EPOCHS:
            raise InvalidInput(f"epoch={epoch!r}: these networks were trained for epochs 1 to {EPOCHS}.")

    def read(self, row: int, epoch: int | None = None) -> Record:
        """The record of a row; its runs are numbered 0, 1, 2 ... in the order of their files' names.

        With `epoch`, quantities that have a curve are those after that many epochs.
        """
        if epoch is not None:
            self.check_epoch(epoch)
        place = slice(self._starts[row], self._ends[row])
        numbers = {}
        for column in self.columns:
            shown, runs = float(self._shown[column.name][row]), tuple(self._runs[column.name][place].tolist())
            if epoch is not None and column.name in _CURVES:
                runs = tuple(float(curve[epoch - 1]) for curve in self._curves(row, column.name))
                shown = float(_mean(np.array(runs)))
            numbers[column.name] = Number(shown, runs if column.seeds == "mean" else ())
        return Record(tuple(range(place.stop - place.start)), numbers)

    def value(self, row: int, column: str) -> float:
        """The number shown for one row at the end of training."""
        value = float(self._shown[column][row])
        if math.isnan(value):
            assert self.architectures is not None
            raise MissingData(f"{self.architectures[row]} has no recorded {column} in {self.name!r}.")
        return value

    def curve(self, row: int, column: str, seed: int | None = None) -> Floats:
        """The quantity after each epoch, shape (epochs,): mean over the runs, or that of one run."""
        if column not in _CURVES:
            known = ", ".join(_CURVES)
            raise InvalidInput(f"{column!r} has no learning curve in {self.name!r}; {known} have.")
        curves = self._curves(row, column)
        if seed is None:
            return np.array([float(_mean(after)) for after in np.array(curves).T])
        if type(seed) is not int or not 0 <= seed < len(curves):
            raise InvalidInput(f"seed={seed!r} is not recorded: the runs are numbered 0 to {len(curves) - 1}.")
        return curves[seed]

    def shown(self, column: str) -> Floats:
        """The numbers shown of every row."""
        return self._shown[column]

    def arrays(self) -> dict[str, Floats]:
        """Every number shown and, as `<column>_seed<number>`, of every run."""
        most = int((self._ends - self._starts).max())
        arrays = dict(self._shown)
        for column in self.columns:
            if column.seeds == "mean":
                for number in range(most):
                    places = self._starts + number
                    here = places < self._ends
                    run = np.full(self.size, np.nan)
                    run[here] = self._runs[column.name][places[here]]
                    arrays[f"{column.name}_seed{number}"] = run
        return arrays

    def _over_runs(self, column: Column) -> Floats:
        """The mean over each row's runs that recorded the quantity, or the first one's number."""
        runs = self._runs[column.name]
        if column.seeds == "none":
            first: Floats = runs[self._starts]
            return first
        recorded = np.add.reduceat(~np.isnan(runs), self._starts, dtype=int)
        total: Floats = np.add.reduceat(np.nan_to_num(runs), self._starts)
        mean: Floats = np.where(recorded > 0, total / np.maximum(recorded, 1), np.nan)
        return mean

    def _curves(self, row: int, column: str) -> list[Floats]:
        """The curve of each run of a row."""
        return [self._curve(str(name, "utf-8"), column) for name in self._files[self._starts[row] : self._ends[row]]]

    def _curve(self, name: str, column: str) -> Floats:
        path = self._folder / name
        curves = _read(path).get("learning_curves")
        if not isinstance(curves, dict) or _CURVES[column] not in curves:
            raise MissingData(
                f"{path} has no learning curve {_CURVES[column]!r}: the archive nasbench301_full_data has them."
            )
        values = curves[_CURVES[column]]
        if not isinstance(values, list) or len(values) > EPOCHS:
            raise InvalidInput(f"{path} has a curve {_CURVES[column]!r} that is no list of {EPOCHS} numbers. {_AGAIN}")
        curve = np.full(EPOCHS, np.nan)
        try:
            curve[: len(values)] = [_plain(value) for value in values]
        except (TypeError, OverflowError) as error:
            raise InvalidInput(f"{path} has a malformed curve: {str(error)[:200]}. {_AGAIN}") from None
        return curve


def _read(path: Path) -> dict[str, Any]:
    """The record in a result file."""
    try:
        record = json.loads(read_file(path, _LARGEST, _AGAIN))
    except (ValueError, RecursionError) as error:
        if isinstance(error, WorkbenchError):
            raise
        raise InvalidInput(f"{path} is no JSON: {error}. {_AGAIN}") from None
    if not isinstance(record, dict):
        raise InvalidInput(f"{path} is no result of NAS-Bench-301: a JSON object is expected. {_AGAIN}")
    return record


def _number(record: Any, column: str) -> float:
    """The number of a column in our unit; NaN for one that is not recorded, unless every run has it."""
    place, divisor = _PLACES[column]
    try:
        for key in place:
            record = record[key]
    except (LookupError, TypeError):
        if column in _NEEDED:
            raise
        return math.nan
    number = _plain(record) / divisor
    if column in _NEEDED and not 0 <= number <= 100:
        raise ValueError(f"{place[-1]} is {record!r}: a percentage is expected"[:200])
    return number


def _plain(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} stands where a number is expected"[:200])
    number = float(value)
    return number if math.isfinite(number) else math.nan


def _mean(values: Floats) -> float:
    """The mean of the recorded values, NaN where there is none."""
    recorded = values[~np.isnan(values)]
    return float(recorded.mean()) if len(recorded) else math.nan
