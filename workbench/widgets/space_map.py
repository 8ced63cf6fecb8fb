"""The kernel half of the map of a search space: holds the table, and turns what is picked on the map into its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from workbench.errors import InvalidInput, UnknownName, refuse_unknown
from workbench.palette import VIRIDIS
from workbench.rooms import room
from workbench.widgets.axes import axis, axis_state, colour_range, column, numeric_columns
from workbench.widgets.cell_editor import BESIDE, CellEditor, with_still
from workbench.widgets.map_still import Cloud, map_svg

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_PREFERRED = {"x": ("params_m", "params"), "y": ("valid_accuracy",), "color": ("latency_ms",)}
_KEYWORDS = ("frame", "x", "y", "color", "space", "editor", "height", "title")
_UINT32 = np.dtype("<u4")


def _bytes() -> Any:
    # The browser's binary messages arrive as memoryviews, which traitlets.Bytes refuses.
    return traitlets.Bytes().tag(sync=True, from_json=lambda value, widget: bytes(value or b""))


class SpaceMap(anywidget.AnyWidget):
    """All architectures of a table as points: selecting gives rows, clicking opens one.

    `frame` is a DataFrame indexed by architecture string, or a `Benchmark`, whose table is taken. `x`, `y` and
    `color` name numeric columns (without a name: parameters, validation accuracy and latency where the table has
    them, else its first columns). Rows without a number for x or y are left out and counted. `editor` is a
    `CellEditor` that a click loads and whose value is marked; `space` reads the clicked strings (default: the
    editor's). `selection` is the selected rows as a DataFrame, `clicked` the last clicked architecture's string;
    both can be observed, `clicked` also when the same point is clicked again.

    Raises `UnknownName` for an unknown column or keyword and `InvalidInput` for a column that is not numeric.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    selection = traitlets.Any().tag(sync=False)
    clicked = traitlets.Unicode().tag(sync=False)
    title = traitlets.Unicode("Map of the space").tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(360).tag(sync=True)
    columns: Any = traitlets.List().tag(sync=True)
    ramp = traitlets.List(list(VIRIDIS)).tag(sync=True)
    # Set by both halves.
    x = traitlets.Unicode().tag(sync=True)
    y = traitlets.Unicode().tag(sync=True)
    color = traitlets.Unicode().tag(sync=True)
    selected = _bytes()  # row numbers, little-endian uint32
    click = traitlets.Dict().tag(sync=True)  # row number, and a counter that makes every click an event
    # Set by the kernel only: what to draw, float32 of shape (n,) each.
    axes = traitlets.Dict().tag(sync=True)
    x_values = _bytes()
    y_values = _bytes()
    color_values = _bytes()
    marked = traitlets.Int(-1).tag(sync=True)

    def __init__(
        self,
        frame: pd.DataFrame | Benchmark,
        x: str | None = None,
        y: str | None = None,
        color: str | None = None,
        space: SearchSpace | None = None,
        editor: CellEditor | None = None,
        height: int = 360,
        title: str = "Map of the space",
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "SpaceMap")
        self._frame = _table(frame)
        self._space = space
        self._drawn: dict[str, Any] = {}
        names = _chosen_columns(self._frame, {"x": x, "y": y, "color": color})
        super().__init__(
            _esm=(room("widgets") / "dist" / "space_map.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            selection=self._frame.iloc[:0],
            height=height,
            title=title,
            columns=numeric_columns(self._frame),
            **self._state(names),
        )
        self.on_msg(self._name_row)
        if editor is not None:
            self.link(editor)

    # -- picking -----------------------------------------------------------------------------------------------

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
            raise InvalidInput(f"SpaceMap links to a CellEditor; got {editor!r}.")
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

    # -- columns -----------------------------------------------------------------------------------------------

    @traitlets.validate("x", "y", "color")
    def _check_column(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name or proposal["trait"].name != "color":
            column(self._frame, name)
        return name

    @traitlets.observe("x", "y", "color")
    def _columns_set(self, _: dict[str, Any]) -> None:
        names = {"x": self.x, "y": self.y, "color": self.color}
        if {key: shown.get("name", "") for key, shown in self.axes.items()} != names:
            with self.hold_sync():
                for name, state in self._state(names).items():
                    setattr(self, name, state)

    def _state(self, names: dict[str, str]) -> dict[str, Any]:
        """Every trait that follows from the three columns."""
        arrays = {key: column(self._frame, name) if name else None for key, name in names.items()}
        axes = {key: axis_state(axis(names[key], a)) if a is not None else {} for key, a in arrays.items()}
        if arrays["color"] is not None:
            axes["color"]["home"] = list(colour_range(arrays["color"]))
        assert arrays["x"] is not None
        assert arrays["y"] is not None
        shown = int(np.isfinite(arrays["x"] + arrays["y"]).sum())
        missing = len(self._frame) - shown
        note = f"{shown:,} architectures" + (f", {missing:,} left out: no number" if missing else "")
        values = {f"{key}_values": b"" if a is None else a.astype("<f4").tobytes() for key, a in arrays.items()}
        return {"axes": axes, "note": note, **values, **names}

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The map at its first view as one SVG element, for pages without a kernel."""
        x, y = column(self._frame, self.x), column(self._frame, self.y)
        color = column(self._frame, self.color) if self.color else np.full(len(x), np.nan, np.float32)
        axes = (axis(self.x, x), axis(self.y, y), axis(self.color, color) if self.color else None)
        cloud = Cloud(x, y, color, axes, colour_range(color), self._selected_rows(), self.marked)
        return map_svg(cloud, f"{self.title} · {self.note}")

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        words = f"{self.title}: {self.note}; x {self.x}, y {self.y}, colour {self.color or 'none'}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), words)


def _table(frame: pd.DataFrame | Benchmark) -> pd.DataFrame:
    from workbench.benchmarks import Benchmark

    table = frame.table() if isinstance(frame, Benchmark) else frame
    if not isinstance(table, pd.DataFrame):
        raise InvalidInput(f"SpaceMap takes a DataFrame indexed by architecture string, or a Benchmark; got {frame!r}.")
    if len(numeric_columns(table)) < 2:
        raise InvalidInput(f"SpaceMap needs two numeric columns or more; this table has {list(table.columns)}.")
    return table


def _chosen_columns(frame: pd.DataFrame, asked: dict[str, str | None]) -> dict[str, str]:
    """The column of each axis: the one asked for, else a preferred one, else the first that is still free."""
    names: dict[str, str] = {}
    for key, name in asked.items():
        free = [known for known in numeric_columns(frame) if known not in names.values()]
        names[key] = name if name is not None else _first(_PREFERRED[key], free)
        if names[key]:
            column(frame, names[key])
    return names


def _first(preferred: Sequence[str], free: Iterable[str]) -> str:
    names = list(free)
    return next((name for name in preferred if name in names), names[0] if names else "")
