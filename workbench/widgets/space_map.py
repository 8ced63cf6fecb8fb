"""The kernel half of the map of a search space: holds the table, and turns what is picked on the map into its rows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets

from workbench.errors import InvalidInput, UnknownName, refuse_unknown
from workbench.palette import VIRIDIS
from workbench.rooms import room
from workbench.widgets.axes import axis, axis_state, colour_range, column, numeric_columns
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.linking import Linked, binary
from workbench.widgets.map.filters import checked, containing, passing
from workbench.widgets.map.paths import free_name, path_state, visited
from workbench.widgets.map.still import DENSE, Cloud, map_svg
from workbench.widgets.picking import Picking

if TYPE_CHECKING:
    import optuna

    from workbench.architecture import Architecture
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace
    from workbench.widgets.map.traces import Trace

_PREFERRED = {"x": ("params_m", "params"), "y": ("valid_accuracy",), "color": ("latency_ms",)}
_BY_STRUCTURE = {"x": ("structure 1",), "y": ("structure 2",), "color": ("valid_accuracy",)}
_KEYWORDS = ("frame", "x", "y", "color", "space", "editor", "embedding", "density", "height", "title")


class SpaceMap(Picking):
    """All architectures of a table as points: selecting gives rows, clicking opens one.

    `frame` is a DataFrame indexed by architecture string, or a `Benchmark`, whose table is taken. `x`, `y` and
    `color` name numeric columns (without a name: parameters, validation accuracy and latency where the table has
    them, else its first columns). Rows without a number for x or y are left out and counted. `editor` is a
    `CellEditor` that a click loads and whose value is marked. `embedding` names a distance ("wl", "edit", "hamming")
    and adds the columns "structure 1" and "structure 2", see `wb.embedding`; `space` reads the strings where the
    table's attrs do not name it. `density` shows counts instead of points (None: above 100,000 of them).

    `selection` is the selected rows as a DataFrame, `clicked` the last clicked architecture's string; both can be
    observed, `clicked` also when the same point is clicked again. `filters` is a list of `{"column": name, "least":
    number, "most": number}` and `{"text": what the architecture contains}`: only points that pass all of them are
    there; `visible` is their rows. `add_path` draws what a search visited, `trace` what came from what in it, also
    while it runs; `close()` ends that.

    Raises `UnknownName` for an unknown column, distance or keyword and `InvalidInput` for a column that is not
    numeric.
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
    filters: Any = traitlets.Any().tag(sync=True)
    density: Any = traitlets.Any().tag(sync=True)  # True, False, or None for what the number of points asks for
    hidden_paths: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    # Set by the kernel only: what to draw, float32 of shape (n,) each.
    trails: Any = traitlets.List().tag(sync=True)
    shelf = binary()  # every numeric column, for a page without a kernel
    shelved: Any = traitlets.List().tag(sync=True)  # their axes
    axes = traitlets.Dict().tag(sync=True)
    x_values = binary()
    y_values = binary()
    color_values = binary()

    _traces: Mapping[str, Trace] = {}  # name -> the study that is drawn under it

    def __init__(
        self,
        frame: pd.DataFrame | Benchmark,
        x: str | None = None,
        y: str | None = None,
        color: str | None = None,
        space: SearchSpace | None = None,
        editor: Linked | None = None,
        embedding: str | None = None,
        density: bool | None = None,
        height: int = 360,
        title: str = "Map of the space",
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "SpaceMap")
        self._frame = _table(frame)
        self._space = space if isinstance(frame, pd.DataFrame) else space or frame.space
        self._judgement = ""
        self._lock = threading.RLock()  # those who follow studies and those who ask for paths take turns
        if embedding is not None:
            self._embed(embedding)
        names = _chosen_columns(
            self._frame, {"x": x, "y": y, "color": color}, _PREFERRED if embedding is None else _BY_STRUCTURE
        )
        super().__init__(
            _esm=(room("widgets") / "dist" / "space_map.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            title=title,
            columns=numeric_columns(self._frame),
            filters=[],
            density=density,
            **self._state(names),
        )
        self.on_msg(self._give)
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
        if self._judgement and not {"structure 1", "structure 2"}.isdisjoint((names["x"], names["y"])):
            note += self._judgement
        values = {f"{key}_values": b"" if a is None else a.astype("<f4").tobytes() for key, a in arrays.items()}
        return {"axes": axes, "note": note, **values, **names}

    def _embed(self, distance: str) -> None:
        from workbench.analysis.embedding import embedding

        places = embedding(self._frame, distance, space=self._space)
        self._frame = self._frame.assign(**{name: places[name].to_numpy() for name in places.columns})
        stress, trust = places.attrs["stress"], places.attrs["trustworthiness"]
        self._judgement = f" · by {distance} distance, stress {stress:.2f}, trustworthiness {trust:.2f}"

    # -- what is there -----------------------------------------------------------------------------------------

    @property
    def visible(self) -> pd.DataFrame:
        """The rows that are points now: those with a number for x and y that pass every filter."""
        return self._frame[self._shown()]

    def _shown(self) -> np.ndarray:
        shown = passing(self.filters, self._frame)
        shown &= np.isfinite(column(self._frame, self.x) + column(self._frame, self.y))
        return shown

    @traitlets.validate("filters")
    def _check_filters(self, proposal: dict[str, Any]) -> list[dict[str, Any]]:
        return checked(proposal["value"], self._frame)

    @traitlets.validate("density")
    def _check_density(self, proposal: dict[str, Any]) -> bool | None:
        value = proposal["value"]
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(f"density is True, False, or None for what suits the number of points; got {value!r}.")
        return value

    def _give(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser asks for the numbers of a column, or for the rows whose architectures contain a text."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "column" and content.get("name") in self.columns:
            self.send(content, [column(self._frame, content["name"]).astype("<f4").tobytes()])
        elif kind == "text" and isinstance(content.get("text"), str):
            found = containing(content["text"], self._frame)
            self.send(content, [np.packbits(found, bitorder="little").tobytes()])

    # -- paths -------------------------------------------------------------------------------------------------

    def add_path(self, visits: optuna.Study | Iterable[Architecture | str], name: str | None = None) -> str:
        """Draw the order in which a search visited architectures, and return the path's name.

        `visits` is an Optuna study of `wb.search`, or architectures or their strings, which are better the larger the
        map's y is; the steps that were better than all before are emphasised. Architectures that the map does not
        have are left out and counted in the legend.

        Raises `InvalidInput` for a name that is taken and for a search that has visited nothing.
        """
        with self._lock:
            name = free_name(name, [trail["name"] for trail in self.trails])
            known = dict(zip(map(str, self._frame.index), column(self._frame, self.y).astype(float), strict=True))
            state = path_state(name, visited(visits, known), self._places, self._free_number())
            self.trails = [*self.trails, state]
        return name

    def trace(self, study: optuna.Study, name: str | None = None) -> str:
        """Draw where a search went and what came from what, and return the trace's name, by default the study's.

        Every trial is a dot, the later the stronger; arrows lead along the ancestors of the architecture that is open,
        here or in a linked view such as `wb.Lineage(study)`, and along those of the best trial (in the first objective)
        where none of this search is open. The trace grows with the search, in this process or in another one that
        shares its storage: it is looked at four times a second, for a few hundredths of the time at most, until the
        search is over. `remove_path` takes the trace away and ends that, `close()` ends it for all traces. Tracing a
        study again draws its trials so far, and follows those of a search that was asked to go on.

        Raises `InvalidInput` for anything but a study, for one that has no trial with an architecture and a value while
        no `wb.search` runs, and for a name that a path has.
        """
        import optuna

        from workbench.widgets.map.traces import Trace

        if not isinstance(study, optuna.Study):
            raise InvalidInput(f"trace follows a study, as wb.search returns it; got {study!r}.")
        with self._lock:
            wanted = study.study_name if name is None else name
            before = next((trail for trail in self.trails if trail["name"] == wanted and "parents" in trail), None)
            others = [trail for trail in self.trails if trail is not before]
            number = self._free_number() if before is None else before["number"]
            wanted = free_name(wanted, [trail["name"] for trail in others])
            trace = Trace(study, wanted, number, self._places, self._draw_trace, self._lock)
            self._follow_no_more(wanted)
            self.trails = [*others, trace.state()]
            self._traces = {**self._traces, wanted: trace}
            trace.follow()
        return wanted

    def _draw_trace(self, trace: Trace) -> None:
        self.trails = [trace.state() if trail["name"] == trace.name else trail for trail in self.trails]

    def _follow_no_more(self, name: str) -> None:
        if name in self._traces:
            self._traces[name].stop()
        self._traces = {other: trace for other, trace in self._traces.items() if other != name}

    def _free_number(self) -> int:
        """The first number that no path has: it says colour and dash."""
        used = {trail["number"] for trail in self.trails}
        return next(i for i in range(len(used) + 1) if i not in used)

    def remove_path(self, name: str) -> None:
        """Take a path or a trace away; raises `UnknownName` for one that is not there."""
        with self._lock:
            names = [trail["name"] for trail in self.trails]
            if name not in names:
                raise UnknownName.of("path", name, names)
            self._follow_no_more(name)
            self.trails = [trail for trail in self.trails if trail["name"] != name]

    def close(self) -> None:
        """Stop following the studies that are traced; the searches themselves go on."""
        for trace in self._traces.values():
            trace.stop()
        super().close()

    @property
    def paths(self) -> Mapping[str, pd.DataFrame]:
        """Name -> the rows that the search visited, in its order; a row visited twice is there twice."""
        return {trail["name"]: self._frame.iloc[trail["rows"]] for trail in self.trails}

    # -- pages without a kernel --------------------------------------------------------------------------------

    def complete(self) -> None:
        """Give the browser every numeric column and all trials, so that everything works where no kernel is."""
        for trace in self._traces.values():
            trace.catch_up()
        arrays = {name: column(self._frame, name) for name in self.columns}
        with self.hold_sync():
            self.shelved = [axis_state(axis(name, a)) | {"colors": colour_range(a)} for name, a in arrays.items()]
            self.shelf = b"".join(a.astype("<f4").tobytes() for a in arrays.values())

    def still(self) -> str:
        """The map at its first view as one SVG element, for pages without a kernel."""
        x, y = column(self._frame, self.x), column(self._frame, self.y)
        shown = self._shown()
        color = column(self._frame, self.color) if self.color else np.full(len(x), np.nan, np.float32)
        axes = (axis(self.x, x), axis(self.y, y), axis(self.color, color) if self.color else None)
        trails = [trail for trail in self.trails if trail["name"] not in self.hidden_paths]
        dense = self.density if self.density is not None else int(shown.sum()) > DENSE
        cloud = Cloud(x, y, color, axes, colour_range(color), self._selected_rows(), self.marked, shown, dense, trails)
        kept = f" · {int(shown.sum()):,} shown" if self.filters else ""
        return map_svg(cloud, f"{self.title} · {self.note}{kept}")

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


def _chosen_columns(
    frame: pd.DataFrame, asked: dict[str, str | None], preferred: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The column of each axis: the one asked for, else a preferred one, else the first that is still free."""
    names: dict[str, str] = {}
    for key, name in asked.items():
        free = [known for known in numeric_columns(frame) if known not in names.values()]
        names[key] = name if name is not None else _first(preferred[key], free)
        if names[key]:
            column(frame, names[key])
    return names


def _first(preferred: Sequence[str], free: Iterable[str]) -> str:
    names = list(free)
    return next((name for name in preferred if name in names), names[0] if names else "")
