"""The numbers of all architectures of a space, made in the background, so that the browser has each at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

import numpy as np
import traitlets
from numpy.typing import NDArray

from workbench.benchmarks.rows import EveryArchitecture
from workbench.drawing import Fact
from workbench.errors import InvalidInput
from workbench.spaces.space import SearchSpace
from workbench.widgets.facts import Figure, Quantity, Source, Template, filled, sources_of
from workbench.widgets.linking import Linked, binary
from workbench.widgets.sheet_parts import FUNCTION, Names, Part, identity, part_of
from workbench.widgets.slices import Slices

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.benchmarks import Benchmark

LARGEST = 100_000  # architectures of a space that has a sheet
_TRIED, _LONGEST = 20.0, 300.0  # seconds of work after which it is seen how long all of it takes, and how long it may


def has_sheet(space: SearchSpace) -> bool:
    """Whether all architectures of a space are numbered by their answers and few enough for a sheet."""
    return space.flat and space.size <= LARGEST


@final
class Sheet:
    """The numbers of every architecture of a flat space.

    `values` is float32 of shape (quantities, rows), NaN for what is not known; row i is about the i-th architecture of
    `space.enumerate()`. As facts the rounded numbers read exactly as those of the tables. `names` are the
    architectures' strings as deflated JSON.
    """

    def __init__(
        self, space: SearchSpace, sources: Sequence[Source], columns: Mapping[str, NDArray[np.float32]], names: bytes,
        every_column: bool,
    ) -> None:  # fmt: skip
        self.space = space
        self.templates = [template for source in sources for template in source.template]
        shown = {figure.column for template in self.templates for figure in template.figures}
        every = [quantity for source in sources for quantity in source.quantities]
        self.quantities = [quantity for quantity in every if every_column or quantity.name in shown]
        if every_column:
            self.quantities.append(Quantity(FUNCTION, ""))  # without words: no menu offers it
        self.values = np.stack([columns[quantity.name] for quantity in self.quantities])
        self.names = names
        self._places = EveryArchitecture(space)

    def row(self, arch: Architecture) -> int:
        """The row of an architecture; raises `LookupError` for answers that are not the space's."""
        return self._places.find(arch)

    def numbers(self, row: int) -> dict[str, float]:
        """The numbers of a row by name."""
        return {q.name: float(value) for q, value in zip(self.quantities, self.values[:, row], strict=True)}

    def facts(self, arch: Architecture) -> list[Fact]:
        """What `facts_of` says about an architecture, without asking anything again."""
        numbers = self.numbers(self.row(arch))
        facts = (filled(template, numbers) for template in self.templates)
        return [fact for fact in facts if fact is not None]

    @cached_property
    def state(self) -> dict[str, Any]:
        """The traits `sheet`, `sheet_values` and `sheet_names` that the browser reads."""
        about = {
            "space": self.space.name,
            "rows": self.values.shape[1],
            "questions": [{"name": q.name, "answers": list(q.answers)} for q in self.space.questions()],
            "columns": [quantity._asdict() for quantity in self.quantities],
            "facts": [_plain(template) for template in self.templates],
        }
        return {"sheet": about, "sheet_values": self.values.astype("<f4").tobytes(), "sheet_names": self.names}


def sheet_of(space: SearchSpace, benchmarks: Sequence[Benchmark] = (), every_column: bool = False) -> Sheet:
    """The sheet of a space, made now where it has not been made before: seconds for tens of thousands.

    It holds what `facts_of` shows and, with `every_column`, the other columns of the benchmarks' tables and a number
    for each function. It is shared in the process and, where nothing of the user's own code decides on its numbers,
    kept on disk. Raises `InvalidInput` for a space without a sheet, or one whose networks take too long to count.
    """
    making = making_of(space, benchmarks)
    making.finish()
    if not making.done:
        raise InvalidInput(f"The sheet of {space.name} would take more than {_LONGEST / 60:.0f} minutes to make.")
    return making.sheet(every_column)


def ready_sheet(space: SearchSpace, benchmarks: Sequence[Benchmark] = (), every_column: bool = False) -> Sheet | None:
    """The sheet of a space where this process or the disk has it; None where it would have to be made."""
    if not has_sheet(space):
        return None
    making = making_of(space, benchmarks)
    return making.sheet(every_column) if making.done else None


def making_of(space: SearchSpace, benchmarks: Sequence[Benchmark] = ()) -> Making:
    """The making of a sheet, shared by all who want the same one in this process."""
    if not has_sheet(space):
        raise InvalidInput(
            f"A sheet needs a flat space of at most {LARGEST:,} architectures; {space.name} is not flat or larger."
        )
    own, settings = identity(space)
    sources = tuple(sources_of(space, benchmarks))
    parts = tuple(part_of(source, settings if own else "") for source in sources)
    tables = tuple(part.tag or str(id(bench)) for bench, part in zip(benchmarks, parts, strict=False))
    return _shared(_Wanted((settings, *tables), space, sources, (Names(settings if own else ""), *parts)))


@dataclass(frozen=True)
class _Wanted:
    key: tuple[str, ...]
    space: SearchSpace = field(compare=False)
    sources: tuple[Source, ...] = field(compare=False)
    parts: tuple[Part, ...] = field(compare=False)


@lru_cache(maxsize=4)
def _shared(wanted: _Wanted) -> Making:
    return Making(wanted)


@final
class Making:
    """The making of one sheet: from the disk where it can be, else step by step."""

    def __init__(self, wanted: _Wanted) -> None:
        self._wanted = wanted
        self._arrays = {part: stored for part in wanted.parts if (stored := part.stored())}
        self._waiting: list[Callable[[], None]] = []
        self._slices: Slices | None = None

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        return len(self._arrays) == len(self._wanted.parts)

    def soon(self, then: Callable[[], None]) -> None:
        """Call `then` when the sheet is there: now, or after the kernel has made it between its messages.

        It is never called where making the sheet takes too long.
        """
        if self.done:
            then()
            return
        self._waiting.append(then)
        self._begun().start()

    def finish(self) -> None:
        """Make it now."""
        if not self.done:
            self._begun().finish()

    def sheet(self, every_column: bool = False) -> Sheet:
        """The sheet, once it is done; made once for each of the two kinds."""
        return self._with_every_column if every_column else self._with_facts

    @cached_property
    def _with_every_column(self) -> Sheet:
        return self._made(every_column=True)

    @cached_property
    def _with_facts(self) -> Sheet:
        return self._made(every_column=False)

    def _made(self, every_column: bool) -> Sheet:
        columns = {name: array for arrays in self._arrays.values() for name, array in arrays.items()}
        names = columns.pop("names").tobytes()
        return Sheet(self._wanted.space, self._wanted.sources, columns, names, every_column)

    def _begun(self) -> Slices:
        if self._slices is None or self._slices.failure is not None:
            self._slices = Slices(self._work(), self._tell)
        return self._slices

    def _work(self) -> Iterator[None]:
        missing = [part for part in self._wanted.parts if part not in self._arrays]
        space = self._wanted.space
        for part in missing:
            part.begin(space)
        spent = 0.0
        for row, arch in enumerate(space.enumerate()):
            began = perf_counter()
            for part in missing:
                part.add(row, arch)
            spent += perf_counter() - began
            if spent > _TRIED and row < space.size * spent / _LONGEST:
                return  # where networks have to be built, tens of thousands take hours
            yield
        for part in missing:
            arrays: dict[str, Any] = {}
            yield from part.end(arrays)
            part.store(arrays)
            self._arrays[part] = arrays

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting if self.done else ():
            then()


def _plain(template: Template) -> dict[str, Any]:
    """A template as dictionaries and lists, ready for JSON."""

    def piece(parts: Sequence[str | Figure]) -> list[Any]:
        return [part._asdict() if isinstance(part, Figure) else part for part in parts]

    label = [piece(parts) for parts in template.label]
    return {"value": piece(template.value), "label": label, "note": piece(template.note),
            "spread": piece(template.spread), "column": template.column}  # fmt: skip


# -- a widget's share -----------------------------------------------------------------------------------------------


class SheetTraits(Linked):
    """The abstract half of a widget that gives the browser a sheet when it has drawn and asks, by `{"kind": "sheet"}`.

    A subclass says in `_sheet_wanted` which. The traits stay empty until the sheet is there, and for good where the
    space has none.
    """

    sheet = traitlets.Dict().tag(sync=True)
    sheet_values = binary()  # little-endian float32 of shape (columns, rows)
    sheet_names = binary()  # the architectures' strings, as deflated JSON

    def __init__(self, **state: Any) -> None:
        super().__init__(**state)
        self.on_msg(self._asked_for_sheet)

    def _sheet_wanted(self) -> tuple[SearchSpace, Sequence[Benchmark], bool]:
        """The space, the benchmarks, and whether every column of their tables is wanted."""
        raise InvalidInput(f"{type(self).__name__} does not say which sheet it wants.")

    def _asked_for_sheet(self, _: Any, content: Any, buffers: Any) -> None:
        """The browser has drawn and asks."""
        if not isinstance(content, dict) or content.get("kind") != "sheet":
            return
        space, benchmarks, every_column = self._sheet_wanted()
        if not self.sheet and has_sheet(space):
            making = making_of(space, benchmarks)
            making.soon(lambda: self._give_sheet(making.sheet(every_column)))

    def complete(self) -> None:
        """Wait until everything is there that an exported page needs."""
        space, benchmarks, every_column = self._sheet_wanted()
        if not self.sheet and has_sheet(space):
            making = making_of(space, benchmarks)
            making.finish()
            if making.done:
                self._give_sheet(making.sheet(every_column))

    def _give_sheet(self, sheet: Sheet) -> None:
        with self.hold_sync():
            for name, value in sheet.state.items():
                setattr(self, name, value)
