"""What TransNAS-Bench-101 records for each task, as columns and as arrays (Duan et al., CVPR 2021, section 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.benchmarks.files.table_cache import Arrays
from workbench.benchmarks.records import Column, Floats
from workbench.measure import Better

TASKS = ("class_scene", "class_object", "room_layout", "jigsaw", "segmentsemantic", "normal", "autoencoder")
_IMAGES = {"train": "training", "valid": "validation", "test": "test"}
# Official quantity -> our name, which is better, unit, meaning.
_Quantity = tuple[str, Better, str, str]
_TOP: dict[str, _Quantity] = {
    "top1": ("accuracy", "higher", "%", "top-1 accuracy"),
    "top5": ("top5_accuracy", "higher", "%", "top-5 accuracy"),
    "loss": ("loss", "lower", "nats", "cross-entropy"),
}
_ROOM: dict[str, _Quantity] = {
    "loss": ("loss", "lower", "1", "mean squared error of the room's layout"),
    "neg_loss": ("neg_loss", "higher", "1", "negative mean squared error of the room's layout"),
}
_PIXELS: dict[str, _Quantity] = {
    "loss": ("loss", "lower", "nats", "cross-entropy of the pixels"),
    "acc": ("accuracy", "higher", "%", "accuracy of the pixels"),
    "mIoU": ("miou", "higher", "%", "mean intersection over union of the classes"),
}
_IMAGE: dict[str, _Quantity] = {
    "ssim": ("ssim", "higher", "1", "structural similarity of the images"),
    "l1_loss": ("l1_loss", "lower", "1", "mean absolute difference of the pixels"),
}
_QUANTITIES: dict[str, dict[str, _Quantity]] = {
    "class_scene": _TOP,
    "class_object": _TOP,
    "room_layout": _ROOM,
    "jigsaw": _TOP,
    "segmentsemantic": _PIXELS,
    "normal": _IMAGE,
    "autoencoder": _IMAGE,
}
_TIME = Column("train_time_s", "lower", "s", "time since the training began")
_INFO = {
    "inference_time": Column("latency_ms", "lower", "ms", "time of one image of 720 x 1080 pixels through the network"),
    "model_params": Column("params_m", "lower", "M", "parameters of the network with the task's decoder"),
    "model_FLOPs": Column("flops_m", "lower", "M", "multiply-adds of the network with the task's decoder"),
    "encoder_params": Column("encoder_params_m", "lower", "M", "parameters of the backbone"),
    "encoder_FLOPs": Column("encoder_flops_m", "lower", "M", "multiply-adds of the backbone"),
}
_MILLIONS = 1e4  # no network is so small, and none has so many millions: below this a number counts millions
_MOST_EPOCHS = 200


def columns_of(task: str) -> tuple[Column, ...]:
    """Every column that a task can have."""
    return (*(column for _, column in _metrics(task)), _TIME, *_INFO.values())


def table_of(task: str, rows: Mapping[str, Any]) -> Arrays:
    """The arrays of one task: `architectures`, `epochs` (rows,), and each recorded column.

    `rows` maps an architecture's string to its official entry. Raises `ValueError`, `TypeError` or `LookupError` for
    what is none. A column of which nothing is recorded is left out.
    """
    lengths = np.array([_length(entry["metrics"]) for entry in rows.values()])
    shape = (len(rows), int(lengths.max()))
    arrays: dict[str, Floats] = {}
    for metric, column in [*_metrics(task), ("time_elapsed", _TIME)]:
        array = np.full(shape, np.nan)
        for row, entry in enumerate(rows.values()):
            values = entry["metrics"].get(metric, ())
            if len(values) not in (0, lengths[row]):
                raise ValueError(f"{metric} has {len(values)} numbers where other quantities have {lengths[row]}")
            array[row, : len(values)] = [_seconds(v) if column is _TIME else _number(v) for v in values]
        arrays[column.name] = array
    for info, column in _INFO.items():
        arrays[column.name] = np.array([_info(column, entry["model_info"].get(info)) for entry in rows.values()])
    recorded = {name: array for name, array in arrays.items() if not np.isnan(array).all()}
    return {"architectures": np.array(list(rows), dtype="S"), "epochs": lengths, **recorded}


def _metrics(task: str) -> list[tuple[str, Column]]:
    """Official names of a task's metrics with their columns."""
    return [
        (f"{images}_{metric}", Column(f"{images}_{name}", better, unit, f"{meaning} on the {words} images"))
        for metric, (name, better, unit, meaning) in _QUANTITIES[task].items()
        for images, words in _IMAGES.items()
    ]


def _length(metrics: Mapping[str, Any]) -> int:
    """The epochs of an entry's metrics."""
    length = max((len(values) for values in metrics.values()), default=0)
    if not 1 <= length <= _MOST_EPOCHS:
        raise ValueError(f"{length} epochs are recorded: 1 to {_MOST_EPOCHS} are possible")
    return length


def _number(value: Any) -> float:
    """A recorded number; what is not finite was not recorded."""
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} stands where a number is expected"[:200])
    number = float(value)
    return number if math.isfinite(number) else math.nan


def _seconds(value: Any) -> float:
    """A time in seconds, or written as hours, minutes and seconds."""
    if not isinstance(value, str):
        return _number(value)
    parts = value.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts):
        raise ValueError(f"{value!r} is no time such as '00:12:34'"[:200])
    hours, minutes, seconds = map(int, parts)
    return float(3600 * hours + 60 * minutes + seconds)


def _info(column: Column, value: Any) -> float:
    """A fact about a network in our unit; the official file leaves some empty."""
    if value is None or value == "":
        return math.nan
    number = _number(value)
    if column.unit == "ms":
        return 1000.0 * number
    return number if number < _MILLIONS else number / 1e6
