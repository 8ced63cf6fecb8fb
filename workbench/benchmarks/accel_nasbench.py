"""Accel-NASBench: ImageNet accuracies of MnasNet networks, with throughput and latency on six accelerators."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from workbench.benchmarks.files.packed_files import unpacked
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.files.user_files import find_file, read_file
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.records import Column, ColumnTable, Floats
from workbench.errors import InvalidInput, WorkbenchError
from workbench.spaces.choices import Answer, Question
from workbench.spaces.mnasnet import MnasNet, text_of

FILE = "anb_dataset_jsons.tar.gz"
RUNS = 2  # thirteen architectures were trained and measured twice
COLUMNS = (
    Column("valid_accuracy", "higher", "%", "top-1 accuracy on ImageNet's validation images, mean of the runs", "mean"),
    Column("valid_top5_accuracy", "higher", "%", "top-5 accuracy on the same images, mean of the runs", "mean"),
    Column("train_time_s", "lower", "s", "time of the training, mean of the runs", "mean"),
    Column("flops_m", "lower", "M", "multiply-adds as thop counts them: also normalisations (4 a value) and poolings"),
    Column("params_m", "lower", "M", "parameters"),
    Column("latency_zcu102_ms", "lower", "ms", "latency on the FPGA ZCU102"),
    Column("latency_vck190_ms", "lower", "ms", "latency on the FPGA VCK190"),
    Column("throughput_a100", "higher", "images/s", "throughput on the GPU A100"),
    Column("throughput_3090", "higher", "images/s", "throughput on the GPU RTX 3090"),
    Column("throughput_tpuv2", "higher", "images/s", "throughput on the TPU v2"),
    Column("throughput_tpuv3", "higher", "images/s", "throughput on the TPU v3"),
    Column("throughput_zcu102", "higher", "images/s", "throughput on the FPGA ZCU102"),
    Column("throughput_vck190", "higher", "images/s", "throughput on the FPGA VCK190"),
)
# Our column -> where a file has it; devices have theirs under their own names.
_PLACES = {
    "valid_accuracy": ("metrics", "val_top1"),
    "valid_top5_accuracy": ("metrics", "val_top5"),
    "train_time_s": ("metrics", "train_time"),
    "flops_m": ("model_info", "macs"),
    "params_m": ("model_info", "params"),
}
_MEMBER = re.compile(r"(?:\./)?anb_dataset_jsons/result_([0-9]{1,6})\.json")
_LARGEST, _LARGEST_UNPACKED = 16 * 2**20, 64 * 2**20  # bytes; the official archive has 1.2 MB, unpacked 10.5 MB
_ORIGIN = f"github.com/afzalxo/Accel-NASBench (anb_dataset/{FILE})"


def settle(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The absolute path of the official archive; raises `MissingData` where there is none."""
    advice = f"download it from {_ORIGIN} to $WORKBENCH_DATA/{FILE} or ./data/{FILE}, or pass its path as path=."
    return {"path": str(find_file("archive of Accel-NASBench", [FILE], advice, path))}


def load(dataset: str, path: str) -> ColumnTable:
    """The table of the archive at `path`, from the cache where it has been converted before."""
    raw = read_file(Path(path), _LARGEST, f"Download it again from {_ORIGIN}.")
    arrays = cached(f"accel_nasbench-{dataset}", checksum(raw), lambda: convert(raw, path))
    numbers = {column.name: np.asarray(arrays[column.name], np.float64) for column in COLUMNS}
    return ColumnTable("accel_nasbench", COLUMNS, numbers, architectures=arrays["architectures"].tolist())


def convert(raw: bytes, what: str) -> Arrays:
    """The architectures' strings and one array for each column, (rows,) or (rows, runs), in the order of the files.

    An architecture that several files record has one row: their runs side by side, other numbers averaged. Raises
    `InvalidInput` for what is not the official archive.
    """
    questions = {question.name: question for question in MnasNet().questions()}
    runs: dict[str, list[list[float]]] = {}
    try:
        for name, content in sorted(unpacked(raw, _LARGEST_UNPACKED), key=lambda member: _number(member[0])):
            try:
                text, numbers = _read(json.loads(content), questions)
            except (ValueError, TypeError, LookupError, RecursionError, WorkbenchError) as error:
                raise ValueError(f"{name} is malformed: {str(error)[:300]}") from None
            runs.setdefault(text, []).append(numbers)
    except ValueError as error:
        raise InvalidInput(f"{what} is not the archive of Accel-NASBench: {error}. Get it from {_ORIGIN}.") from None
    if not runs or max(map(len, runs.values())) > RUNS:
        raise InvalidInput(f"{what} records no architecture, or one more than {RUNS} times. Get it from {_ORIGIN}.")
    table = np.full((len(runs), RUNS, len(COLUMNS)), np.nan)
    for row, measured in enumerate(runs.values()):
        table[row, : len(measured)] = measured
    arrays = {
        column.name: table[:, :, i].copy() if column.seeds == "mean" else _mean(table[:, :, i])
        for i, column in enumerate(COLUMNS)
    }
    return {"architectures": np.array(list(runs)), **arrays}


def _number(member: str) -> int:
    """The number of a file; raises `ValueError` for a name that is not official."""
    found = _MEMBER.fullmatch(member)
    if found is None:
        raise ValueError(f"it holds {member!r}, and only files such as anb_dataset_jsons/result_0.json are expected")
    return int(found[1])


def _read(record: Any, questions: dict[str, Question]) -> tuple[str, list[float]]:
    """The architecture's string and the numbers of one file."""
    given: dict[str, Answer] = record["architecture"]
    if set(given) != set(questions):
        raise ValueError("its architecture does not answer the questions of the space")
    decisions = {name: question.check(given[name]) for name, question in questions.items()}
    return text_of(decisions), [_value(record, _place(column.name)) for column in COLUMNS]


def _place(column: str) -> tuple[str, ...]:
    """The keys under which a file has the number of a column."""
    if column in _PLACES:
        return _PLACES[column]
    measured = column.removesuffix("_ms")
    return "platform_perf", measured, measured.partition("_")[0] + "_mean"


def _value(record: Any, place: tuple[str, ...]) -> float:
    """The number at a place of a file, NaN where the file has null; raises `ValueError` for one that cannot be."""
    for key in place:
        record = record[key]
    if record is None:
        return float("nan")
    if type(record) not in (int, float) or not 0 <= record < 1e12:
        raise ValueError(f"{place[-1]} is {record!r}")
    return float(record)


def _mean(runs: Floats) -> Floats:
    """The mean over the runs that there are, NaN where there is none."""
    counted = np.count_nonzero(~np.isnan(runs), axis=1)
    mean: Floats = np.nansum(runs, axis=1) / np.where(counted > 0, counted, np.nan)
    return mean


LOADER = Loader(
    space="mnasnet",
    datasets=("imagenet",),
    settle=settle,
    load=load,
    title="Accel-NASBench: ImageNet accuracy of 5,125 networks, throughput and latency on six accelerators",
    paper="Ahmad, Du, Xie & Zhang, Accel-NASBench, DAC 2024",
    licence="Apache-2.0",
    keywords=("path",),
)
