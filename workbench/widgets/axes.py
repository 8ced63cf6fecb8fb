"""A column of numbers as an axis of the map: its label, its scale, the part worth seeing first and its ticks."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float32]

_UNITS = {"_ms": "ms", "_s": "s", "_m": "M", "_mb": "MB", "_kb": "kB", "_mj": "mJ"}
_SIZES = ((1e9, "G"), (1e6, "M"), (1e4, "k"))
_JITTER, _CROWD = 3.2, 50  # pixels, and from how many points per value on
_TAIL = 5.0  # percent of the points that may be left outside the first view


class Axis(NamedTuple):
    """How a column is shown: values are divided by `factor`; `home` is the first view, `whole` all there is.

    Points of a column with few different values are spread by up to `jitter` pixels to either side, so that how
    many lie on each other can be seen.
    """

    name: str
    label: str
    factor: float
    home: tuple[float, float]
    whole: tuple[float, float]
    jitter: float = 0.0


def numeric_columns(frame: pd.DataFrame) -> list[str]:
    """The names of the columns that hold numbers, in the frame's order."""
    return [str(name) for name in frame.select_dtypes("number").columns]


def column(frame: pd.DataFrame, name: str) -> Floats:
    """A numeric column as float32 of shape (n,), infinities as NaN.

    Raises `UnknownName` for a column that is not there and `InvalidInput` for one that is not numeric.
    """
    known = [str(known) for known in frame.columns]
    if name not in known:
        raise UnknownName.of("column", name, known)
    if name not in numeric_columns(frame):
        kind = frame.dtypes.iloc[known.index(name)]
        raise InvalidInput(
            f"Column {name!r} holds {kind} and cannot be an axis. Numeric: {', '.join(numeric_columns(frame))}."
        )
    values = frame.iloc[:, known.index(name)].to_numpy(dtype="float64", na_value=np.nan)
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def axis(name: str, values: Floats) -> Axis:
    """The axis of a column; the far tail of a few points is left out of the first view where it takes most of it."""
    finite = values[np.isfinite(values)].astype(float)
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    factor, letter = next(((f, letter) for f, letter in _SIZES if max(abs(low), abs(high)) >= f), (1.0, ""))
    ending = next((ending for ending in _UNITS if name.endswith(ending)), "")
    unit = letter or _UNITS.get(ending, "")
    words = name.removesuffix(ending).replace("_", " ") if unit and ending else name.replace("_", " ")
    first, last = low, high
    if len(finite) and high > low:
        bottom, top = np.percentile(finite, [_TAIL, 100 - _TAIL])
        first = float(bottom) if bottom - low > (high - low) / 2 else low
        last = float(top) if high - top > (high - low) / 2 else high
    jitter = _JITTER if len(np.unique(finite)) * _CROWD < len(finite) else 0.0
    label = f"{words} ({unit})" if unit else words
    return Axis(name, label, factor, _padded(first, last), _padded(low, high), jitter)


def scattered(n: int) -> NDArray[np.float64]:
    """A number from -1 to 1 for each of n points, always the same and evenly spread (golden ratio)."""
    share = np.arange(n, dtype=np.float64) * 0.6180339887498949
    return 2 * (share - np.floor(share)) - 1


def colour_range(values: Floats) -> tuple[float, float]:
    """Where the colours of a scale start and end: the 1st and 99th percentile, so that a few cannot bleach all."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, [1, 99]))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers from `low` to `high`, 1, 2 or 5 times a power of ten apart."""
    step = _step((high - low) / max(about, 1))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def tick_labels(values: Sequence[float]) -> list[str]:
    """The ticks as texts with as many decimals as their step needs."""
    step = values[1] - values[0] if len(values) > 1 else 1.0
    if not 1e-4 <= abs(step) < 1e6:
        return [f"{value:.2g}" for value in values]
    decimals = max(0, -floor(log10(step) + 1e-9))
    return [f"{value + 0.0:,.{decimals}f}" for value in values]


def _step(raw: float) -> float:
    power: float = 10.0 ** floor(log10(raw)) if raw > 0 else 1.0
    return next((m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999), 10 * power)


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = (high - low) * 0.03 or abs(high) * 0.05 or 0.5
    return low - pad, high + pad


def axis_state(shown: Axis) -> dict[str, Any]:
    """The axis for the browser."""
    return {**shown._asdict(), "home": list(shown.home), "whole": list(shown.whole)}
