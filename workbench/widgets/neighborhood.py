"""The kernel half of the one-edit neighbourhood: works out every single edit of an architecture, and keeps the path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName, refuse_unknown
from workbench.rooms import room
from workbench.widgets.aside import Aside, Job, desk
from workbench.widgets.cell_editor import BESIDE, with_still
from workbench.widgets.facts import benchmarks_for
from workbench.widgets.linking import Linked, later, link
from workbench.widgets.sheet import Sheet, SheetTraits, has_sheet
from workbench.widgets.slices import Slices, kernel_loop
from workbench.widgets.steps.measures import Colouring, Given, Value, colourings_of, value_of
from workbench.widgets.steps.moves import Moves
from workbench.widgets.steps.numbers import known_numbers
from workbench.widgets.steps.still import matrix_svg

if TYPE_CHECKING:
    import pandas as pd

    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

# Seconds of work before the first picture, where no browser has spoken yet, and between two pictures.
_AT_FIRST, _AT_ONCE, _BETWEEN = 0.3, 0.05, 0.2
_URGENCY = 1  # after what an editor was asked for, before what it reads ahead


class Neighborhood(SheetTraits):
    """Every single edit of an architecture as a matrix of questions and answers, coloured by the change of a measure.

    `arch` is where it starts, or an editor, which it is then linked to. `measure` is what it is coloured by at first: a
    column of a benchmark, "params" or "macs", a proxy's name, a `Measure`, a function of an architecture, a fitted
    predictor of one-hot vectors or a pair (predictor, encoding); a list of these, or a dictionary of them by name. All
    of them, and all numbers of the benchmarks, are in its menu. `benchmark` is a `Benchmark`, or a list of them (None
    takes the editor's, or the first table of the space on this machine); `height` the most pixels the matrix takes.

    `value` is the present architecture; set it, or observe it. `neighbors` is the matrix as a DataFrame, `best` the
    best neighbour, `path` the path taken, which can be set to a list of architectures or strings.

    Raises `InvalidInput` for an architecture of another space and for what is no measure, `UnknownName` for an unknown
    measure or keyword.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    value = traitlets.Any()
    title = traitlets.Unicode("One edit away").tag(sync=True)
    height = traitlets.Int(420).tag(sync=True)
    # Set by both halves.
    measure = traitlets.Unicode().tag(sync=True)
    trail = traitlets.Dict().tag(sync=True)  # {"names": of the path, "at": where on it, "stamp": when, in milliseconds}
    # Set by the kernel only.
    measures: Any = traitlets.List().tag(sync=True)
    present = traitlets.Dict().tag(sync=True)  # the architecture: its name, decisions and questions
    numbers = traitlets.Dict().tag(sync=True)  # what the sheet does not have; see `known_numbers`
    message = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        arch: Architecture | Linked,
        measure: Given | Sequence[Given] | Mapping[str, Given] | None = None,
        benchmark: Benchmark | Sequence[Benchmark] | None = None,
        height: int = 420,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown, ("arch", "measure", "benchmark", "height"), "Neighborhood")
        editor = arch if isinstance(arch, Linked) else None
        start = getattr(editor, "value", None) if editor is not None else arch
        if not isinstance(start, Architecture):
            raise InvalidInput(
                "Neighborhood takes an Architecture, made by space.parse or space.sample, or a CellEditor; "
                f"got {arch!r}."
            )
        self._space = start.space
        if benchmark is None and isinstance(editor, SheetTraits):
            self._benchmarks = tuple(editor._sheet_wanted()[1])
        else:
            self._benchmarks = benchmarks_for(self._space, benchmark)
        self._colourings, first = colourings_of(self._space, self._benchmarks, measure, has_sheet(self._space))
        self._moves = Moves(start)
        self._slices: Slices | None = None
        self._job: Job | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__(
            _esm=(room("widgets") / "dist" / "neighborhood.js").read_text(encoding="utf-8"),
            layout=BESIDE,
            height=height,
            measures=[colouring.state() for colouring in self._colourings.values()],
            measure=first,
            value=start,
            present=self._moves.state(),
            trail={"names": [str(start)], "at": 0, "stamp": 0},
        )
        self.on_msg(self._heard)
        self.show(start)
        if editor is not None:
            link(editor, self)
        self._begin(_AT_FIRST)

    # -- what Python has of it ---------------------------------------------------------------------------------

    @property
    def neighbors(self) -> pd.DataFrame:
        """Every single edit: question, answer, its value and change, whether it is the same function, and the reason.

        Indexed by the neighbours' strings, empty where an edit makes no architecture. What is not known yet is worked
        out now.
        """
        import pandas as pd

        colouring, here = self._colouring, self._colouring.value(self.value).number
        rows, index = [], []
        for question, number in self._moves.cells:
            move = self._moves.move(question, number)
            value = colouring.value(move.arch) if move.arch is not None else Value(nan, move.reason)
            answer = next(row.question.answers[number] for row in self._moves.rows if row.question.name == question)
            rows.append((question, answer, value.number, value.number - here, move.same, value.reason))
            index.append("" if move.arch is None else str(move.arch))
        names = ["question", "answer", self.measure, "change", "same_function", "reason"]
        return pd.DataFrame(rows, columns=names, index=pd.Index(index, name="architecture"))

    @property
    def best(self) -> Architecture | None:
        """The neighbour with the best value, None where no neighbour is better than the architecture itself."""
        frame = self.neighbors
        changes = (frame["change"] * self._colouring.sign).to_numpy()
        better = [(change, name) for change, name in zip(changes, frame.index, strict=True) if change > 0]
        return self._space.parse(str(max(better)[1])) if better else None

    @property
    def path(self) -> pd.DataFrame:
        """The path taken, indexed by architecture strings, with the values of the chosen measure."""
        import pandas as pd

        names = self.trail["names"]
        values = [self._colouring.value(self._space.parse(name)).number for name in names]
        return pd.DataFrame({self.measure: values}, index=pd.Index(names, name="architecture"))

    @path.setter
    def path(self, stops: Sequence[Architecture | str] | pd.DataFrame) -> None:
        given: Any = stops.index if hasattr(stops, "columns") else stops
        archs = [self._own(stop) for stop in given]
        if not archs:
            raise InvalidInput("A path has at least one architecture; got none.")
        names = [str(arch) for arch in archs]
        self.trail = {"names": names, "at": len(names) - 1, "stamp": later(self.trail["stamp"])}
        self.value = archs[-1]
        self._begin()

    # -- what is set in Python or in the browser ---------------------------------------------------------------

    @traitlets.validate("value")
    def _check_value(self, proposal: dict[str, Any]) -> Architecture:
        return self._own(proposal["value"])

    @traitlets.validate("measure")
    def _check_measure(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        found = next((full for full in self._colourings if full == name or full.endswith(f" {name}")), None)
        if found is None:
            raise UnknownName.of("measure", name, self._colourings)
        return found

    @traitlets.validate("trail")
    def _check_trail(self, proposal: dict[str, Any]) -> dict[str, Any]:
        trail = proposal["value"]
        names, at, stamp = (trail.get(key) for key in ("names", "at", "stamp"))
        listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not listed or not isinstance(at, int) or not 0 <= at < len(names) or not isinstance(stamp, int | float):
            raise InvalidInput(f"A path is names, a place among them and a time; got {trail!r}.")
        return dict(trail)

    @traitlets.observe("value")
    def _value_set(self, change: dict[str, Any]) -> None:
        arch: Architecture = change["new"]
        if arch == self._moves.arch:
            return
        self._moves = Moves(arch)
        names, at = self.trail["names"], self.trail["at"]
        with self.hold_sync():
            self.message = ""
            if names[at] != str(arch):
                names = [*names[: at + 1], str(arch)]
                self.trail = {"names": names, "at": len(names) - 1, "stamp": later(self.trail["stamp"])}
            self.present = self._moves.state()
            self.show(arch)
            self._begin()

    @traitlets.observe("measure")
    def _measure_set(self, _: object) -> None:
        if self.present:
            self._begin()

    def _opened(self, name: str) -> None:
        if name == str(self.value):
            return
        try:
            self.value = self._space.parse(name)
        except (InvalidInput, Infeasible) as error:  # of a view of another space
            self.message = f"This cannot be shown here. {error}"

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser has drawn and wants the rest, or takes a step that it does not know the end of."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "more":
            self._loop = kernel_loop()
            self._begin()
        elif kind == "step":
            move = self._moves.move(content.get("question"), content.get("answer"))
            if move.arch is not None:
                self.value = move.arch
        elif kind == "still":
            self.send({"kind": "still", "svg": self.still()})

    # -- working it out ----------------------------------------------------------------------------------------

    @property
    def _colouring(self) -> Colouring:
        return self._colourings[self.measure]

    def _begin(self, seconds: float = _AT_ONCE) -> None:
        """Give up what was begun, and work out what the browser has not got of the present edits and measure."""
        self._stop()
        if self.sheet and self._colouring.in_sheet:
            self.numbers = {}
            return
        self._slices = Slices(self._work())
        if self._loop is None:
            self._slices.work(seconds)
            self.numbers = self._numbers()
        else:
            self._slices.work(_AT_ONCE / 10)
            self.numbers = self._numbers()
            self._slices.start(self._loop)

    def _stop(self) -> None:
        if self._slices is not None:
            self._slices.stop()
        if self._job is not None:
            desk().drop(self._job)
        self._slices = self._job = None

    def _work(self) -> Iterator[None]:
        """Every edit in turn, and its number unless that is dear; dear ones are worked out beside the kernel."""
        moves, colouring, shown = self._moves, self._colouring, perf_counter()
        dear = colouring.measure is not None
        wanted = [self.value]
        if not dear:
            colouring.value(self.value)
            yield
        for question, number in moves.cells:
            arch = moves.move(question, number).arch
            yield
            if arch is not None and not dear:
                colouring.value(arch)
                yield
            elif arch is not None:
                wanted.append(arch)
            if perf_counter() - shown > _BETWEEN:
                self.numbers, shown = self._numbers(), perf_counter()
        wanted += map(self._space.parse, self.trail["names"])
        missing = [arch for arch in dict.fromkeys(wanted) if colouring.known(arch) is None]
        if not dear:
            for arch in missing:
                colouring.value(arch)
                yield
        elif missing and self._loop is not None:
            self._job = Job(_URGENCY, partial(self._measure_aside, colouring, missing), self)
            desk().put(self._job)
        self.numbers = self._numbers()

    def _measure_aside(self, colouring: Colouring, archs: list[Architecture], aside: Aside) -> None:
        """In the thread that waits for the process beside the kernel: one number after the other."""
        for arch in archs:
            try:
                value = aside.call(value_of, (colouring.measure, arch))
            except RuntimeError as error:
                value = Value(nan, str(error))
            if self._loop is not None:
                with suppress(RuntimeError):  # the loop may have ended
                    self._loop.call_soon_threadsafe(self._learn, colouring, arch, value)

    def _learn(self, colouring: Colouring, arch: Architecture, value: Value) -> None:
        colouring.learn(arch, value)
        if colouring is self._colouring:
            self.numbers = self._numbers()

    def _numbers(self) -> dict[str, Any]:
        return known_numbers(self._moves, self.measure, self._colouring, self._stops())

    def _stops(self) -> list[Architecture]:
        return [self.value, *map(self._space.parse, self.trail["names"])]

    def _own(self, given: object) -> Architecture:
        arch = self._space.parse(given) if isinstance(given, str) else given
        if not isinstance(arch, Architecture):
            raise InvalidInput(f"The neighbourhood shows an Architecture of {self._space.name}; got {given!r}.")
        if arch.space.name != self._space.name:
            raise InvalidInput(f"This neighbourhood is of {self._space.name}; {arch} belongs to {arch.space.name}.")
        return arch

    # -- the sheet, and pages without a kernel -----------------------------------------------------------------

    def _sheet_wanted(self) -> tuple[SearchSpace, Sequence[Benchmark], bool]:
        return self._space, self._benchmarks, True

    def _give_sheet(self, sheet: Sheet) -> None:
        super()._give_sheet(sheet)
        self._begin()

    def complete(self) -> None:
        """Wait until everything is there that an exported page needs: the sheet, and the numbers it does not have."""
        super().complete()
        if not self._colouring.in_sheet or not has_sheet(self._space):
            self._stop()
            _ = self.neighbors, self.path
            self.numbers = self._numbers()

    def still(self) -> str:
        """The matrix and the path as one SVG element, for pages without a kernel; what is not known is left open."""
        Slices(self._work_for_still()).work(_AT_FIRST)
        return matrix_svg(self.title, self._colouring, self._moves, self._stops()[1:], self.trail["at"])

    def _work_for_still(self) -> Iterator[None]:
        if self._colouring.measure is None:
            for arch in self._stops():
                self._colouring.value(arch)
                yield
            for question, number in self._moves.cells:
                move = self._moves.move(question, number)
                if move.arch is not None:
                    self._colouring.value(move.arch)
                yield

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return with_still(super()._repr_mimebundle_(**options), self.still(), f"{self.title}: {self.value}")
