"""Picking rows of a table: what every widget that shows architectures as points does with boxes and clicks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from workbench.errors import InvalidInput, UnknownName
from workbench.widgets.cell_editor import CellEditor

if TYPE_CHECKING:
    import pandas as pd

    from workbench.spaces.space import SearchSpace

_UINT32 = np.dtype("<u4")


def binary() -> Any:
    """A trait of bytes; the browser's binary messages arrive as memoryviews, which `traitlets.Bytes` refuses."""
    return traitlets.Bytes().tag(sync=True, from_json=lambda value, widget: bytes(value or b""))


class Picking(anywidget.AnyWidget):
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
    click = traitlets.Dict().tag(sync=True)  # row number, and a counter that makes every click an event
    # Set by the kernel only.
    marked = traitlets.Int(-1).tag(sync=True)

    def __init__(self, **state: Any) -> None:
        super().__init__(selection=self._frame.iloc[:0], **state)
        self.on_msg(self._name_row)

    def select(self, rows: Any = None) -> None:
        """Select rows from Python: a boolean mask of shape (n,), row numbers, architecture strings, or None.

        Raises `InvalidInput` for a mask of another length or a row that is not there, `UnknownName` for a string
        that is not in the table.
        """
        self.selected = self._numbers(rows).astype(_UINT32).tobytes()

    def link(self, editor: CellEditor) -> None:
        """Let clicks load `editor`, and mark the editor's value on the map.

        Raises `InvalidInput` for anything but a `CellEditor`.
        """
        if not isinstance(editor, CellEditor):
            raise InvalidInput(f"{type(self).__name__} links to a CellEditor; got {editor!r}.")
        space = self._space or editor.value.space

        def load(change: dict[str, Any]) -> None:
            editor.value = space.parse(change["new"])

        def mark(_: object = None) -> None:
            self.marked = self._places.get(str(editor.value), -1)

        self.observe(load, "clicked")
        editor.observe(mark, "value")
        mark()

    @traitlets.observe("selected")
    def _selected_set(self, _: dict[str, Any]) -> None:
        self.selection = self._frame.iloc[self._selected_rows()]

    @traitlets.observe("click")
    def _click_set(self, change: dict[str, Any]) -> None:
        number = change["new"].get("index")
        if isinstance(number, int) and 0 <= number < len(self._frame):
            old, new = self.clicked, str(self._frame.index[number])
            self.clicked = new
            if old == new:  # a click on the same point is an event too
                self.notify_change(traitlets.Bunch(name="clicked", old=old, new=new, owner=self, type="change"))

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
