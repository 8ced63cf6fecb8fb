"""What differs between two files that a stage left: CSV column by column, JSON value by value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 200 * 1024**2
MOST_VALUES = 1_000_000


@dataclass(frozen=True)
class ValueChange:
    """How the values of one name differ: a column of a table, or what stands at one place of a JSON file.

    `kind` is changed, added or removed. Of numbers, `largest` is the largest absolute difference and `relative` the
    largest difference relative to the larger of the two, from 0 to 2; both are None where no two numbers differ.
    `before` and `after` are the first two values that differ.
    """

    name: str
    kind: str
    changed: int
    of: int
    largest: float | None = None
    relative: float | None = None
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        if self.kind != "changed":
            return f"{self.name} {self.kind}"
        count = f"{self.name} differs" + (f" in {self.changed:,} of {self.of:,}" if self.of > 1 else "")
        if self.largest is None:
            return f"{count}: {shown(self.before)} → {shown(self.after)}"
        if self.of == 1:
            return f"{self.name}: {shown(self.before)} → {shown(self.after)} (by {_size(self)})"
        return f"{count}, by at most {_size(self)}"


def _size(change: ValueChange) -> str:
    relative = "" if change.relative is None else f", {100 * change.relative:.3g} %"
    return f"{change.largest:.4g}{relative}"


def shown(value: object) -> str:
    """Return a value in few letters."""
    text = "nothing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def compared(before: Path, after: Path) -> tuple[tuple[ValueChange, ...], str]:
    """Return which values of two versions of a file differ, and in words why that cannot be told where it cannot."""
    readers = {".csv": _tables, ".json": _documents}
    reader = readers.get(after.suffix.lower())
    if reader is None:
        return (), ""
    for path in (before, after):
        if not path.is_file():
            return (), f"{path.parent.parent.name} does not have the file any more"
        if path.stat().st_size > MOST_BYTES:
            return (), "too large to be compared value by value"
    try:
        return reader(before, after)
    except (OSError, ValueError, ArithmeticError, RecursionError) as error:  # a damaged file, to pandas and json
        why = (str(error).splitlines() or [type(error).__name__])[0]
        return (), f"not readable as {after.suffix[1:].upper()}: {why}"


# -- tables ----------------------------------------------------------------------------------------------------------


def _tables(before: Path, after: Path) -> tuple[tuple[ValueChange, ...], str]:
    import pandas as pd

    a, b = (pd.read_csv(path) for path in (before, after))
    notes = []
    key = str(a.columns[0]) if len(a.columns) and len(b.columns) and a.columns[0] == b.columns[0] else ""
    if key and _names_rows(a[key]) and _names_rows(b[key]):
        a, b = a.set_index(key), b.set_index(key)
        if gone := len(a.index.difference(b.index)):
            notes.append(_rows(gone, "removed"))
        if new := len(b.index.difference(a.index)):
            notes.append(_rows(new, "added"))
        common = a.index.intersection(b.index, sort=False)
        if not gone and not new and not a.index.equals(b.index):
            notes.append("rows in another order")
        a, b = a.loc[common], b.loc[common]
    elif len(a) != len(b):
        notes.append(f"{len(a):,} rows became {len(b):,}")
        a, b = a.iloc[: len(b)], b.iloc[: len(a)]
    found = [ValueChange(str(name), "removed", len(a), len(a)) for name in a.columns if name not in b.columns]
    found += [ValueChange(str(name), "added", len(b), len(b)) for name in b.columns if name not in a.columns]
    both = [name for name in a.columns if name in b.columns]
    found += [change for name in both if (change := _columns(str(name), a[name], b[name]))]
    return tuple(found), ", ".join(notes)


def _rows(number: int, what: str) -> str:
    return f"{number:,} row{'' if number == 1 else 's'} {what}"


def _names_rows(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    return not is_numeric_dtype(column) and column.is_unique and bool(column.notna().all())


def _columns(name: str, a: pd.Series[Any], b: pd.Series[Any]) -> ValueChange | None:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    x, y = a.to_numpy(dtype=object), b.to_numpy(dtype=object)
    equal = (x == y) | (a.isna().to_numpy() & b.isna().to_numpy())
    changed = [place for place, same in enumerate(equal) if not same]
    if not changed:
        return None
    numbers = all(is_numeric_dtype(one) and not is_bool_dtype(one) for one in (a, b))
    pairs = [(x[place], y[place]) for place in changed]
    return _changed(name, pairs, len(equal), numbers)


# -- documents -------------------------------------------------------------------------------------------------------


def _documents(before: Path, after: Path) -> tuple[tuple[ValueChange, ...], str]:
    a, b = (dict(_leaves(json.loads(path.read_text(encoding="utf-8")), "")) for path in (before, after))
    groups: dict[str, list[str]] = {}
    for place in {**a, **b}:
        groups.setdefault(re.sub(r"\[\d+\]", "[]", place), []).append(place)
    found = []
    for name, places in groups.items():
        both = [place for place in places if place in a and place in b]
        pairs = [(a[place], b[place]) for place in both if not _same(a[place], b[place])]
        if pairs:
            found.append(_changed(name, pairs, len(both), all(map(_is_number, [v for pair in pairs for v in pair]))))
        for kind, these, those in (("removed", a, b), ("added", b, a)):
            if lone := sum(place in these and place not in those for place in places):
                found.append(ValueChange(name, kind, lone, lone))
    return tuple(found), ""


def _leaves(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Any]] = [(place, value)]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        place, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [(f"{place}.{name}" if place else str(name), inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list) and value:
            waiting += [(f"{place}[{i}]", value[i]) for i in reversed(range(len(value)))]
        else:
            yield place or "the value", value
    raise ValueError(f"more than {MOST_VALUES:,} values")


def _same(a: Any, b: Any) -> bool:
    if _is_number(a) and _is_number(b):
        return bool(a == b) or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and bool(a == b)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _changed(name: str, pairs: list[tuple[Any, Any]], of: int, numbers: bool) -> ValueChange:
    before, after = (_plain(value) for value in pairs[0])
    if not numbers:
        return ValueChange(name, "changed", len(pairs), of, before=before, after=after)
    known = [(float(x), float(y)) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
    largest = max((abs(x - y) for x, y in known), default=None)
    relative = max((abs(x - y) / max(abs(x), abs(y)) for x, y in known), default=None)
    return ValueChange(name, "changed", len(pairs), of, largest, relative, before, after)


def _plain(value: Any) -> Any:
    """A value as JSON knows it: numpy's numbers as Python's, none that are not finite."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
