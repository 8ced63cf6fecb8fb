"""Picking rows of a table: what every widget that shows architectures as points does with boxes and clicks."""

from __future__ import annotations

import hashlib
import json
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets

from workbench.errors import InvalidInput, UnknownName
from workbench.widgets.linking import Linked, Selection, binary, later, link

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_UINT32 = np.dtype("<u4")
_NAMED = 100_000  # rows whose architectures the browser is told at once; beyond that it asks for one at a time


class Picking(Linked):
    """The abstract half of a widget over a table indexed by architecture string: selecting rows, clicking one.

    `selection` is the selected rows as a DataFrame, `clicked` the last clicked architecture's string; both can be
    observed, `clicked` also when the same one is clicked again. A subclass sets `_frame`, and `_space` where it
    knows it, before it calls `super().__init__`.
    """

    _frame: pd.DataFrame
    _space: SearchSpace | None = None

    selection = traitlets.Any().tag(sync=False)
    clicked = traitlets.Unicode().tag(sync=False)
    # Set by both halves.
    selected = binary()  # row numbers, little-endian uint32
    selected_stamp = traitlets.Float(0.0).tag(sync=True)  # when that was, in milliseconds
    click = traitlets.Dict().tag(sync=True)  # row number, and a counter that makes every click an event
    # Set by the kernel only.
    marked = traitlets.Int(-1).tag(sync=True)
    index = traitlets.Unicode().tag(sync=True)  # which architectures the rows are: equal for tables of the same ones
    names = binary()  # their strings, as deflated JSON

    def __init__(self, **state: Any) -> None:
        index, names = _told(self._frame)
        super().__init__(selection=self._frame.iloc[:0], index=index, names=names, **state)
        self.on_msg(self._name_row)

    def select(self, rows: Any = None) -> None:
        """Select rows from Python: a boolean mask of shape (n,), row numbers, architecture strings, or None.

        Raises `InvalidInput` for a mask of another length or a row that is not there, `UnknownName` for a string
        that is not in the table.
        """
        self._take(self._numbers(rows), later(self.selected_stamp))

    def link(self, *others: Linked) -> None:
        """Link this widget with others, as `wb.link` does: a click opens the architecture in an editor, for instance.

        Raises `InvalidInput` for anything that cannot be linked.
        """
        link(self, *others)

    # -- what the group says -----------------------------------------------------------------------------------

    def _opened(self, name: str) -> None:
        self.marked = self._places.get(name, -1)

    def _told(self) -> Selection:
        rows = self._selected_rows()
        return Selection(self.index, rows, lambda: [str(name) for name in self._frame.index[rows]], self.selected_stamp)

    def _hear(self, selection: Selection) -> None:
        if selection.stamp <= self.selected_stamp:
            return
        rows = selection.rows
        if selection.index != self.index:
            here = (self._places.get(name, -1) for name in selection.names())
            rows = np.array(sorted(row for row in here if row >= 0), np.intp)
        self._take(rows, selection.stamp)

    def _take(self, rows: np.ndarray, stamp: float) -> None:
        with self.hold_sync(), self.hold_trait_notifications():
            self.selected_stamp = stamp
            self.selected = rows.astype(_UINT32).tobytes()

    @traitlets.observe("selected")
    def _selected_set(self, _: dict[str, Any]) -> None:
        self.selection = self._frame.iloc[self._selected_rows()]
        self._tell(self._told())

    @traitlets.observe("click")
    def _click_set(self, change: dict[str, Any]) -> None:
        number = change["new"].get("index")
        if isinstance(number, int) and 0 <= number < len(self._frame):
            old, new = self.clicked, str(self._frame.index[number])
            self.clicked = new
            if old == new:  # a click on the same point is an event too
                self.notify_change(traitlets.Bunch(name="clicked", old=old, new=new, owner=self, type="change"))
            self.show(new)

    def _name_row(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser asks which architecture a row is."""
        number = content.get("index") if isinstance(content, dict) and content.get("kind") == "name" else None
        if isinstance(number, int) and 0 <= number < len(self._frame):
            self.send({"kind": "name", "index": number, "text": str(self._frame.index[number])})

    def _selected_rows(self) -> np.ndarray:
        """The numbers of the selected rows."""
        numbers = np.frombuffer(self.selected, _UINT32).astype(np.intp)
        return numbers[numbers < len(self._frame)]

    def _numbers(self, rows: Any) -> np.ndarray:
        if rows is None:
            return np.zeros(0, np.intp)
        values = np.asarray([rows] if isinstance(rows, str) else rows)
        n = len(self._frame)
        if not len(values):
            return np.zeros(0, np.intp)
        if values.dtype == bool:
            if values.shape != (n,):
                raise InvalidInput(f"A mask needs shape ({n},), one truth per row; got {values.shape}.")
            return np.flatnonzero(values)
        if np.issubdtype(values.dtype, np.integer):
            if values.min() < 0 or values.max() >= n:
                raise InvalidInput(f"Row numbers go from 0 to {n - 1}; got {values.min()} to {values.max()}.")
            return values.astype(np.intp)
        missing = next((str(v) for v in values if str(v) not in self._places), None)
        if missing is not None:
            raise UnknownName(f"The table has no architecture {missing!r}. select() takes a mask, rows or strings.")
        return np.array([self._places[str(v)] for v in values])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(name): i for i, name in enumerate(self._frame.index)}


def _told(frame: pd.DataFrame) -> tuple[str, bytes]:
    """The fingerprint of a table's index, and its strings as deflated JSON where they are not too many."""
    strings = json.dumps([str(name) for name in frame.index.tolist()]).encode()
    fingerprint = hashlib.blake2b(strings, digest_size=12).hexdigest()
    return fingerprint, zlib.compress(strings, 1) if len(frame) <= _NAMED else b""
