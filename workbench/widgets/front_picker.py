"""The kernel half of the front picker: holds the front, mirrors what is weighed, limited and picked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName, WorkbenchError, refuse_unknown
from workbench.rooms import room
from workbench.samplers.scalarisation import chebyshev
from workbench.studies.fronts import within
from workbench.widgets.axes import axis, axis_state, column
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.front.data import Front, Wanted, front_of
from workbench.widgets.front.still import front_svg
from workbench.widgets.linking import binary
from workbench.widgets.own_drawings import deflated, drawings
from workbench.widgets.picking import Picking

if TYPE_CHECKING:
    import optuna

    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_KEYWORDS = ("objectives", "better", "space", "height", "title")
_HOWS = ("weights", "knee", "hand")


class FrontPicker(Picking):
    """The front of two to four objectives, and one architecture picked from it by weights, limits, knee or hand.

    `front` is a study of `wb.search` (its feasible trials), a `Benchmark`, or a DataFrame indexed by architecture
    string; `objectives` names two to four numeric columns (without it: the study's measures, the benchmark's or
    table's columns where they are so few); `better` says "higher" or "lower" of each, by name or in their order, and
    is needed where the source does not know. `space` reads the strings of a table whose attrs do not name it.
    Rows without a number for every objective are left out and counted; of equal points all are on the front.

    `weights` (k numbers, 0 or more) pick the point of the front with the least augmented weighted Chebyshev distance
    from the ideal (Steuer and Choo, 1983) on the scale from the front's best, 0, to its worst, 1, in each objective.
    `limits` (k numbers or None) leave out what is worse than them. The knee is the point farthest from the plane
    through the front's extremes (Das, 1999). `picked` is the Architecture picked, its string where the space is not
    known, or None where nothing meets the limits: observe it. `frame` is the front, best in the first objective first.

    Raises `InvalidInput` for objectives other than two to four or without a direction, and for weights and limits
    that are none; `UnknownName` for an unknown column or keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode("Front").tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(320).tag(sync=True)
    picked = traitlets.Any().tag(sync=False)
    # Set by both halves.
    weights: Any = traitlets.List().tag(sync=True)
    limits: Any = traitlets.List().tag(sync=True)
    choice = traitlets.Dict().tag(sync=True)  # {"row": number in the table or -1, "how": "weights", "knee", "hand"}
    # Set by the kernel only.
    objectives: Any = traitlets.List().tag(sync=True)  # axes, each with "better"
    points = binary()  # float32 of shape (k, n), all rows of the table
    front_rows = binary()  # uint32 of shape (m,), rows of the table, best in the first objective first
    front_values = binary()  # float64 of shape (m, k)
    knee = traitlets.Int(-1).tag(sync=True)  # row of the table
    drawings = binary()  # of the front's architectures, see `own_drawings`

    def __init__(
        self,
        front: optuna.Study | pd.DataFrame | Benchmark,
        objectives: Sequence[str] | None = None,
        better: Wanted = None,
        space: SearchSpace | None = None,
        height: int = 320,
        title: str = "Front",
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "FrontPicker")
        self._front, home = front_of(front, objectives, better)
        self._frame = self._front.frame
        self._space = space or _space(home)
        k = len(self._front.objectives)
        super().__init__(
            _esm=(room("widgets") / "dist" / "front_picker.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            title=title,
            weights=[1.0] * k,
            limits=[None] * k,
            **_shown(self._front),
            drawings=deflated(drawings(self._architectures())),
        )
        self._pick()

    # -- what a user does in Python ----------------------------------------------------------------------------

    @property
    def frame(self) -> pd.DataFrame:
        """The rows of the front, best in the first objective first."""
        return self._frame.iloc[self._front.rows]

    def pick(self, arch: Architecture | str | None = None) -> None:
        """Pick one architecture of the front by hand; without it, the one that the weights and limits pick.

        Raises `InvalidInput` for one that is not on the front, or does not meet the limits.
        """
        if arch is None:
            self._pick(by_weights=True)
            return
        row = self._places.get(str(arch), -1)
        if row not in self._order:
            raise InvalidInput(
                f"{arch} is not on the front. The front is picker.frame, {len(self._front.rows):,} rows."
            )
        if not self._allowed[self._order[row]]:
            raise InvalidInput(f"{arch} does not meet the limits {self.limits}: loosen them first.")
        self.choice = {"row": row, "how": "hand"}

    # -- from either half --------------------------------------------------------------------------------------

    @traitlets.validate("weights")
    def _check_weights(self, proposal: dict[str, Any]) -> list[float]:
        weights: list[float] = proposal["value"]
        names = ", ".join(self._front.objectives)
        if len(weights) != len(self._front.objectives):
            raise InvalidInput(f"weights are one number for each of {names}; got {weights!r}.")
        if not all(_is_number(weight) and weight >= 0 for weight in weights):
            raise InvalidInput(f"weights are numbers, 0 or more, for {names}; got {weights!r}.")
        return weights

    @traitlets.validate("limits")
    def _check_limits(self, proposal: dict[str, Any]) -> list[float | None]:
        limits: list[float | None] = proposal["value"]
        names = ", ".join(self._front.objectives)
        if len(limits) != len(self._front.objectives):
            raise InvalidInput(f"limits are one number, or None, for each of {names}; got {limits!r}.")
        if not all(limit is None or _is_number(limit) for limit in limits):
            raise InvalidInput(f"limits are numbers, or None for no limit, for {names}; got {limits!r}.")
        return limits

    @traitlets.validate("choice")
    def _check_choice(self, proposal: dict[str, Any]) -> dict[str, Any]:
        choice: dict[str, Any] = proposal["value"]
        row, how = choice.get("row"), choice.get("how")
        if not isinstance(row, int) or (row != -1 and row not in self._order) or how not in _HOWS:
            raise InvalidInput(f"A choice is a row of the front and one of {', '.join(_HOWS)}; got {choice!r}.")
        return {"row": row, "how": how}

    @traitlets.observe("weights")
    def _weights_set(self, change: dict[str, Any]) -> None:
        if change["old"] is not traitlets.Undefined and self.choice:
            self._pick(by_weights=True)

    @traitlets.observe("limits")
    def _limits_set(self, change: dict[str, Any]) -> None:
        if change["old"] is not traitlets.Undefined and self.choice:
            self._pick()

    @traitlets.observe("choice")
    def _choice_set(self, change: dict[str, Any]) -> None:
        row = change["new"]["row"]
        name = str(self._frame.index[row]) if row >= 0 else None
        self.picked = name if name is None or self._space is None else self._space.parse(name)
        if name is not None and change["old"]:
            self.show(name)

    # -- inside ------------------------------------------------------------------------------------------------

    @cached_property
    def _order(self) -> dict[int, int]:
        """Row of the table -> its number on the front."""
        return {int(row): i for i, row in enumerate(self._front.rows)}

    @property
    def _allowed(self) -> np.ndarray:
        return within(self._front.values, self._front.signs, self.limits)

    def _pick(self, by_weights: bool = False) -> None:
        """Pick what the weights say, unless what is picked by hand or as the knee can stay."""
        allowed = self._allowed
        row = self.choice.get("row", -1)
        stays = not by_weights and self.choice.get("how") in ("hand", "knee") and row in self._order
        if stays and allowed[self._order[row]]:
            return
        distance = np.where(allowed, chebyshev(self._front.loss, self.weights), np.inf)
        best = int(self._front.rows[int(np.argmin(distance))]) if allowed.any() else -1
        self.choice = {"row": best, "how": "weights"}

    def _architectures(self) -> list[Architecture]:
        """Those of the front that can be drawn: none where the space is not known, or is another one."""
        if self._space is None:
            return []
        try:
            return [self._space.parse(str(name)) for name in self.frame.index]
        except WorkbenchError:
            self._space = None  # strings of something else: what is picked stays a string
            return []

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """The front and what is picked as one SVG element, for pages without a kernel."""
        picked = self._order.get(self.choice["row"])
        return front_svg(f"{self.title} · {self.note}", self._front, self._allowed, picked, self.objectives)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        words = f"{self.title}: {self.note}; picked {self.picked}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), words)


def _shown(front: Front) -> dict[str, Any]:
    """Every trait that follows from the front."""
    columns = [column(front.frame, name) for name in front.objectives]
    axes = []
    for i, (name, sign) in enumerate(zip(front.objectives, front.signs, strict=True)):
        shown = axis_state(axis(name, columns[i]))
        low, high = float(front.values[:, i].min()), float(front.values[:, i].max())
        pad = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
        axes.append({**shown, "home": [low - pad, high + pad], "better": "higher" if sign > 0 else "lower"})
    n, m = len(front.frame), len(front.rows)
    note = f"{m:,} of {n:,} architectures are beaten by none"
    return {
        "objectives": axes,
        "points": np.stack(columns).astype("<f4").tobytes(),
        "front_rows": front.rows.astype("<u4").tobytes(),
        "front_values": front.values.astype("<f8").tobytes(),
        "knee": -1 if front.knee is None else int(front.rows[front.knee]),
        "note": note + (f", {front.missing:,} left out: no number" if front.missing else ""),
    }


def _space(home: str | SearchSpace | None) -> SearchSpace | None:
    from workbench.spaces import search_space

    if not isinstance(home, str):
        return home
    try:
        return search_space(home)
    except UnknownName:
        return None  # a user's own space, which is not in the catalogue


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
