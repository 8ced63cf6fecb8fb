"""The kernel half of the proxy board: holds scores and truths, and answers what is picked in any of its views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import traitlets

from workbench.analysis.statistics import catalogue as statistics
from workbench.errors import InvalidInput, UnknownName, refuse_unknown
from workbench.palette import VIRIDIS
from workbench.rooms import room
from workbench.widgets.board.columns import Column, Columns, Truth, columns_of
from workbench.widgets.board.numbers import BoardNumbers
from workbench.widgets.board.still import Picture, board_svg
from workbench.widgets.board.views import marks, words
from workbench.widgets.cell_editor import BESIDE, CellEditor, with_still
from workbench.widgets.linking import binary
from workbench.widgets.picking import Picking

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_KEYWORDS = (
    "frame", "truth", "statistic", "n_boot", "costs", "ceiling", "space", "editor", "height", "title",
)  # fmt: skip
_AT_FIRST, _AT_ONCE = 0.5, 0.05  # seconds of resampling before the board is shown, and between two messages


class ProxyBoard(Picking):
    """Proxies against measured truth in linked views: what is picked in one is shown in all, and in Python.

    `frame` is a table of `wb.score` (index: architecture strings, columns: scores; what attrs say about space,
    direction and seconds is used); parameters and parameters without dead edges are counted where they are missing.
    `truth` is a `Measure`, numbers by architecture string (a Series or a dictionary), or a dictionary of such truths
    by name; the first one sorts the proxies. `statistic` is one of those of `wb.agreement`; its 95 % intervals come
    from `n_boot` resamples (None: 1,000 for small tables, fewer for large ones; the board says how many), made while
    the board is looked at. `costs` is seconds per architecture by column; `ceiling` the agreement that noise allows,
    a number for `statistic` or numbers by statistic (`wb.ceiling`). `editor` is a `CellEditor` that a click loads.

    All of these can be observed: `selection` (the selected rows, scores and truths, as a DataFrame), `clicked` (the
    last clicked architecture's string), `chosen` (the names of the scatter's x and y), `color`, `by_rank`,
    `statistic`, `truth` (the name of the one that sorts) and `flipped` (the columns whose sign is turned round). All
    but the first two can be set. `agreement` is the table behind the first view.

    Raises `UnknownName` for an unknown statistic, column or keyword and `InvalidInput` for scores and truths that
    cannot be compared.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode("Agreement with trained accuracy").tag(sync=True)
    height = traitlets.Int(340).tag(sync=True)
    ramp = traitlets.List(list(VIRIDIS)).tag(sync=True)
    # Set by both halves.
    statistic = traitlets.Unicode().tag(sync=True)
    truth = traitlets.Unicode().tag(sync=True)
    flipped: Any = traitlets.List().tag(sync=True)
    chosen: Any = traitlets.List().tag(sync=True)
    color = traitlets.Unicode().tag(sync=True)
    by_rank = traitlets.Bool(True).tag(sync=True)
    # Set by the kernel only: what stays, ...
    columns: Any = traitlets.List().tag(sync=True)
    truths: Any = traitlets.List().tag(sync=True)
    statistics: Any = traitlets.List().tag(sync=True)
    cost_note = traitlets.Unicode().tag(sync=True)
    # ... what follows from the statistic and the signs, ...
    population = traitlets.Unicode().tag(sync=True)
    agreed = traitlets.Dict().tag(sync=True)
    matrix = binary()  # float32 of shape (m, m), m columns with the truths last
    # ... from the selection, ...
    inside = traitlets.Dict().tag(sync=True)
    # ... and from the two chosen columns: float32 of shape (n,) each, and cards.
    axes = traitlets.Dict().tag(sync=True)
    x_values = binary()
    y_values = binary()
    color_values = binary()
    note = traitlets.Unicode().tag(sync=True)
    cards: Any = traitlets.List().tag(sync=True)

    def __init__(
        self,
        frame: pd.DataFrame,
        truth: Truth,
        *,
        statistic: str = "spearman",
        n_boot: int | None = None,
        costs: Mapping[str, float] | pd.Series | None = None,
        ceiling: float | Mapping[str, float] | pd.Series | None = None,
        space: SearchSpace | None = None,
        editor: CellEditor | None = None,
        height: int = 340,
        title: str = "Agreement with trained accuracy",
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, _KEYWORDS, "ProxyBoard")
        statistics.find(statistic)
        self._given = columns_of(frame, truth, space, costs)
        self._frame, self._space = self._given.frame, self._given.space
        self._board = BoardNumbers(self._given, n_boot, _ceilings(ceiling, statistic))
        first = next(iter(self._given.truths))
        self._board.work(statistic, first, _AT_FIRST)
        super().__init__(
            _esm=(room("widgets") / "dist" / "proxy_board.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            title=title,
            statistic=statistic,
            truth=first,
            chosen=[self._board.strongest(statistic, first), first],
            columns=[_column_state(column) for column in (*self._given.scores.values(), *self._given.truths.values())],
            truths=[{**mark._asdict()} for mark in marks(list(self._given.truths))],
            statistics=[{"name": name, "words": words(name)} for name in statistics.names()],
            cost_note=_cost_note(self._given, costs is not None),
        )
        self._show(self._agreed(), self._matrix(), self._scatter(), self._cards())
        self.on_msg(self._go_on)
        if editor is not None:
            self.link(editor)

    @property
    def agreement(self) -> pd.DataFrame:
        """The table behind the first view, all resamples made: as `wb.agreement` returns it.

        With several truths the rows of each stand below each other, the truth's name being the index's first level.
        """
        self._board.progress(self.statistic).finish()
        self._show(self._agreed())
        tables = {truth: self._board.table(self.statistic, truth) for truth in self._given.truths}
        return pd.concat(tables, names=["truth"]) if len(tables) > 1 else next(iter(tables.values()))

    # -- what is set in Python or in the browser ---------------------------------------------------------------

    @traitlets.validate("statistic")
    def _check_statistic(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        statistics.find(name)
        return name

    @traitlets.validate("truth")
    def _check_truth(self, proposal: dict[str, Any]) -> str:
        return self._known("truth", proposal["value"], self._given.truths)

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: dict[str, Any]) -> list[str]:
        names = list(proposal["value"])
        if len(names) != 2:
            raise InvalidInput(f"chosen is the names of the scatter's x and y; got {names!r}.")
        return [self._known("column", name, self._given.names) for name in names]

    @traitlets.validate("color")
    def _check_color(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        return self._known("column", name, self._given.names) if name else ""

    @traitlets.validate("flipped")
    def _check_flipped(self, proposal: dict[str, Any]) -> list[str]:
        wanted = {self._known("score", name, self._given.scores) for name in proposal["value"]}
        return [name for name in self._given.scores if name in wanted]

    @traitlets.observe("statistic", "truth")
    def _statistic_set(self, _: object) -> None:
        if self.agreed:
            self._work()
            self._show(self._agreed(), self._inside(), self._cards())

    @traitlets.observe("flipped")
    def _flipped_set(self, change: dict[str, Any]) -> None:
        for name in set(change["old"] or []) ^ set(change["new"]):
            self._board.turn(name)
        self._work()
        self._show(self._agreed(), self._matrix(), self._inside(), self._scatter(), self._cards())

    @traitlets.observe("chosen", "color", "by_rank")
    def _chosen_set(self, _: object) -> None:
        if self.agreed:
            self._show(self._scatter(), self._cards())

    @traitlets.observe("selected")
    def _selection_linked(self, _: object) -> None:
        self._show(self._inside(), self._cards())

    @traitlets.observe("click")
    def _clicked_marked(self, _: object) -> None:
        self.marked = self._places.get(self.clicked, -1)

    def _go_on(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser has drawn the intervals so far and asks for more of them."""
        if isinstance(content, dict) and content.get("kind") == "more":
            self._work()
            self._show(self._agreed())

    # -- what follows ------------------------------------------------------------------------------------------

    def _known(self, noun: str, name: Any, known: Mapping[str, Any] | Sequence[str]) -> str:
        if name not in known:
            raise UnknownName.of(noun, name, known)
        return str(name)

    def _show(self, *states: dict[str, Any]) -> None:
        """Tell the browser in one message."""
        with self.hold_sync():
            for state in states:
                for name, value in state.items():
                    setattr(self, name, value)

    def _work(self) -> None:
        self._board.work(self.statistic, self.truth, _AT_ONCE)

    def _agreed(self) -> dict[str, Any]:
        return self._board.agreed(self.statistic, self.truth)

    def _matrix(self) -> dict[str, Any]:
        return {"matrix": self._board.correlations.astype("<f4").tobytes()}

    def _inside(self) -> dict[str, Any]:
        return self._board.inside(self.statistic, self.truth, self._selected_rows())

    def _scatter(self) -> dict[str, Any]:
        x, y = self.chosen
        return self._board.scatter({"x": x, "y": y, "color": self.color}, self.by_rank)

    def _cards(self) -> dict[str, Any]:
        return self._board.cards((self.chosen[0], self.chosen[1]), self.truth, self._selected_rows())

    # -- pages without a kernel --------------------------------------------------------------------------------

    def still(self) -> str:
        """Agreement, correlations, costs and disagreements as one SVG element, for pages without a kernel."""
        picture = Picture(
            title=self.title,
            population=self.population,
            agreed=self.agreed,
            inside=self.inside,
            marks=marks(list(self._given.truths)),
            names=self._given.names,
            matrix=self._board.correlations,
            seconds={name: c.seconds for name, c in self._given.scores.items() if c.seconds is not None},
            cost_note=self.cost_note,
            chosen=(self.chosen[0], self.chosen[1]),
            flipped=tuple(self.flipped),
            cards=self.cards,
        )
        return board_svg(picture)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        best = f"{self.chosen[0]} against {self.chosen[1]}"
        said = f"{self.title}: {self.agreed['words']}, {self.population}; {best}"
        return with_still(super()._repr_mimebundle_(**options), self.still(), said)


def _column_state(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "kind": column.kind,
        "lower": column.sign < 0,
        "seconds": column.seconds,
        "needs": column.needs,
        "cost": column.cost,
    }


def _cost_note(columns: Columns, given: bool) -> str:
    if not any(column.seconds for column in columns.scores.values()):
        return "No times are known: score with wb.score, or give costs={name: seconds}."
    if given:
        return "seconds per architecture, as given"
    return "seconds per architecture; each proxy with all the passes it looks at, as if it were scored alone"


def _ceilings(ceiling: float | Mapping[str, float] | pd.Series | None, statistic: str) -> dict[str, float]:
    """Ceilings by statistic; one number is that of the statistic the board starts with."""
    if ceiling is None:
        return {}
    numbers = dict(ceiling.items()) if isinstance(ceiling, Mapping | pd.Series) else {statistic: ceiling}
    for name, value in numbers.items():
        statistics.find(name)
        if isinstance(value, bool) or not isinstance(value, float | int | np.number) or not isfinite(value):
            raise InvalidInput(f"ceiling is the agreement that noise allows, a number; got {value!r} for {name}.")
    return {name: float(value) for name, value in numbers.items()}
