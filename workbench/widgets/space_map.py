"""The kernel half of the map of a search space: holds the table, and turns what is picked on the map into its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets

from workbench.errors import InvalidInput, refuse_unknown
from workbench.palette import VIRIDIS
from workbench.rooms import room
from workbench.widgets.axes import axis, axis_state, colour_range, column, numeric_columns
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.linking import Linked
from workbench.widgets.map_still import Cloud, map_svg
from workbench.widgets.picking import Picking, binary

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_PREFERRED = {"x": ("params_m", "params"), "y": ("valid_accuracy",), "color": ("latency_ms",)}
_KEYWORDS = ("frame", "x", "y", "color", "space", "editor", "height", "title")


class SpaceMap(Picking):
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
    title = traitlets.Unicode("Map of the space").tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(360).tag(sync=True)
    columns: Any = traitlets.List().tag(sync=True)
    ramp = traitlets.List(list(VIRIDIS)).tag(sync=True)
    # Set by both halves.
    x = traitlets.Unicode().tag(sync=True)
    y = traitlets.Unicode().tag(sync=True)
    color = traitlets.Unicode().tag(sync=True)
    # Set by the kernel only: what to draw, float32 of shape (n,) each.
    axes = traitlets.Dict().tag(sync=True)
    x_values = binary()
    y_values = binary()
    color_values = binary()

    def __init__(
        self,
        frame: pd.DataFrame | Benchmark,
        x: str | None = None,
        y: str | None = None,
        color: str | None = None,
        space: SearchSpace | None = None,
        editor: Linked | None = None,
        height: int = 360,
        title: str = "Map of the space",
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "SpaceMap")
        self._frame = _table(frame)
        self._space = space
        names = _chosen_columns(self._frame, {"x": x, "y": y, "color": color})
        super().__init__(
            _esm=(room("widgets") / "dist" / "space_map.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            title=title,
            columns=numeric_columns(self._frame),
            **self._state(names),
        )
        if editor is not None:
            self.link(editor)

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
