"""Filters of a map: which rows of a table are shown, by ranges of numbers and by text in the architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InvalidInput, refuse_unknown
from workbench.widgets.axes import column

if TYPE_CHECKING:
    import pandas as pd

_ALLOWED = (
    "A filter is {'column': name, 'least': number, 'most': number}, either bound left out or None, or {'text': what "
    "the architecture contains}."
)


def checked(filters: Any, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The filters in the form in which both halves keep them.

    Raises `InvalidInput` for what is no filter and `UnknownName` for a column that is not there.
    """
    if isinstance(filters, str | bytes | dict) or not isinstance(filters, Sequence):
        raise InvalidInput(f"filters is a list; got {filters!r}. {_ALLOWED}")
    return [_checked(one, frame) for one in filters]


def passing(filters: Sequence[dict[str, Any]], frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows pass every one of the checked filters: bool (n,); a row without the number does not.

    Numbers are compared as float32, as the browser knows them.
    """
    kept = np.ones(len(frame), dtype=bool)
    for one in filters:
        if "text" in one:
            kept &= containing(one["text"], frame)
            continue
        values = column(frame, one["column"])
        kept &= ~np.isnan(values)
        if one["least"] is not None:
            kept &= values >= np.float32(one["least"])
        if one["most"] is not None:
            kept &= values <= np.float32(one["most"])
    return kept


def containing(words: str, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows' architecture strings contain `words`, letter by letter: bool (n,)."""
    return np.fromiter((words in str(name) for name in frame.index), dtype=bool, count=len(frame))


def _checked(one: Any, frame: pd.DataFrame) -> dict[str, Any]:
    if not isinstance(one, dict):
        raise InvalidInput(f"{one!r} is no filter. {_ALLOWED}")
    if "text" in one:
        refuse_unknown(map(str, one), ("text",), "A filter by text")
        if not isinstance(one["text"], str):
            raise InvalidInput(f"A filter's text is a string; got {one['text']!r}.")
        return {"text": one["text"]}
    refuse_unknown(map(str, one), ("column", "least", "most"), "A filter")
    if not isinstance(one.get("column"), str):
        raise InvalidInput(f"{one!r} names no column. {_ALLOWED}")
    column(frame, one["column"])
    bounds = {key: _bound(one.get(key), key) for key in ("least", "most")}
    return {"column": one["column"], **bounds}


def _bound(value: Any, key: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise InvalidInput(f"A filter's {key!r} is a finite number or None; got {value!r}.")
    return float(value)
