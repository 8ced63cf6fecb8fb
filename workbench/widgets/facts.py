"""What is known about one architecture, as the short texts an editor shows: never an invented number.

A fact is a template and the numbers that fill it. The browser fills the same templates with the numbers of a sheet
(`widgets/src/shared/facts.ts`): a new format needs both halves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, isnan, nan
from typing import TYPE_CHECKING, NamedTuple, Protocol, final

import numpy as np

from workbench.drawing import Fact
from workbench.errors import InvalidInput, WorkbenchError
from workbench.tasks import catalogue as tasks

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.benchmarks import Benchmark
    from workbench.spaces.space import SearchSpace

_DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
_QUALITY = {"valid_accuracy": "validation", "test_accuracy": "test accuracy"}


class Figure(NamedTuple):
    """A number inside a text: which one, and how it is written (a name in `FORMATS`).

    The format "noun" writes `one` where the number is 1 and `many` where it is not.
    """

    column: str
    format: str
    digits: int = 0
    one: str = ""
    many: str = ""


Piece = tuple["str | Figure", ...]
"""Text and numbers that are left out together where one of the numbers is not known."""


class Template(NamedTuple):
    """A fact before its numbers are filled in; without its value there is no fact."""

    value: Piece
    label: tuple[Piece, ...]
    note: Piece = ()
    spread: Piece = ()

    @property
    def figures(self) -> list[Figure]:
        """Every number that is written."""
        pieces = (self.value, *self.label, self.note, self.spread)
        return [part for piece in pieces for part in piece if isinstance(part, Figure)]

    @property
    def column(self) -> str:
        """The number that the fact is about."""
        return next(part.column for part in self.value if isinstance(part, Figure))


class Quantity(NamedTuple):
    """A number that every architecture has or has not: its name, words for a menu, unit and wanted direction."""

    name: str
    words: str
    better: str = ""
    unit: str = ""


class Source(Protocol):
    """Where some of an architecture's numbers come from, and the facts that they make."""

    @property
    def quantities(self) -> list[Quantity]:
        """The numbers, in the order in which they are shown."""
        ...

    @property
    def template(self) -> list[Template]:
        """The facts that the numbers make."""
        ...

    def numbers(self, arch: Architecture) -> dict[str, float]:
        """The numbers of one architecture by name; raises `WorkbenchError` where there are none."""
        ...


def sources_of(space: SearchSpace, benchmarks: Sequence[Benchmark] = ()) -> list[Source]:
    """Each benchmark's records, then parameters and multiply-adds, then the number of twins.

    Networks are counted for the first benchmark's data set where that is a task.
    """
    task = benchmarks[0].dataset if benchmarks and benchmarks[0].dataset in tasks else "cifar10"
    names = [f"{bench.name} {bench.dataset}" for bench in benchmarks]
    copies = [names[:i].count(name) for i, name in enumerate(names)]  # of one table with two settings
    prefixes = [f"{name} {copy + 1}" if copy else name for name, copy in zip(names, copies, strict=True)]
    return [*map(Recorded, benchmarks, prefixes), Counted(task), Twins()]


def benchmarks_for(
    space: SearchSpace, benchmark: Benchmark | Sequence[Benchmark] | None = None
) -> tuple[Benchmark, ...]:
    """The benchmarks to be shown for a space: those given, or without any the first table that is on this machine.

    Raises `InvalidInput` for what is no benchmark, or one of another space.
    """
    from workbench.benchmarks import Benchmark, for_space
    from workbench.benchmarks import benchmark as open_benchmark

    if benchmark is None:
        try:
            return tuple(open_benchmark(name, dataset=dataset) for name, dataset in for_space(space)[:1])
        except WorkbenchError:
            return ()  # nobody asked for this table: without it fewer facts are shown
    benchmarks = (benchmark,) if isinstance(benchmark, Benchmark) else tuple(benchmark)
    for bench in benchmarks:
        if not isinstance(bench, Benchmark):
            raise InvalidInput(f"benchmark= takes what wb.benchmark(name) gives, or a list of these; got {bench!r}.")
        if bench.space.name != space.name:
            raise InvalidInput(f"{bench!r} records architectures of {bench.space.name}, not of {space.name}.")
    return benchmarks


def facts_of(arch: Architecture, benchmarks: Sequence[Benchmark] = ()) -> list[Fact]:
    """What each benchmark records first of all, with its rank, then parameters, multiply-adds and number of twins.

    That is the validation or test accuracy, in percent, or else a benchmark's first column; the spread is the standard
    deviation over training seeds. Networks are counted for the first benchmark's data set where that is a task. What
    cannot be had (no table, no record, a space too large to list) is left out.
    """
    found: list[Fact | None] = []
    for source in sources_of(arch.space, benchmarks):
        try:
            numbers = source.numbers(arch)
        except WorkbenchError:
            continue  # the fact does not exist for this architecture: it is absent, not zero
        found += [filled(template, numbers) for template in source.template]
    return [fact for fact in found if fact is not None]


def filled(template: Template, numbers: Mapping[str, float]) -> Fact | None:
    """The fact that a template and its numbers make; None where its value is not known (missing or NaN)."""
    value = _written(template.value, numbers)
    if not value:
        return None
    label = "".join(_written(piece, numbers) for piece in template.label)
    return Fact(value, label, _written(template.note, numbers), _written(template.spread, numbers))


def _written(piece: Piece, numbers: Mapping[str, float]) -> str:
    values = [numbers.get(part.column, nan) for part in piece if isinstance(part, Figure)]
    if any(map(isnan, values)):
        return ""
    return "".join(written(part, numbers[part.column]) if isinstance(part, Figure) else part for part in piece)


def written(figure: Figure, value: float) -> str:
    """A number in the figure's format."""
    return FORMATS[figure.format](value, figure)


_SCALES = {"k": 1e3, "M": 1e6, "G": 1e9}  # units that only say how many


def quantity(value: float, unit: str = "") -> str:
    """A number with three digits and its thousands as k, M or G: 587386 is "0.587 M", and so is 0.587386 of unit M.

    With another unit, which may have a letter of its own, the thousands are written out: 1234.5 ms is "1,234 ms".
    """
    value *= _SCALES.get(unit, 1.0)
    if unit and unit not in _SCALES:
        return f"{_three_digits(value)} {unit}" if abs(value) < 1000 else f"{value:,.0f} {unit}"
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor / 10:
            return f"{_three_digits(value / factor)} {letter}"
    return _three_digits(value)


def _three_digits(value: float) -> str:
    size = abs(value)
    if value == int(value) and size < 1000:
        return str(int(value))
    if size < 1:
        return f"{value:.3g}"
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 2}f}"


FORMATS: Mapping[str, Callable[[float, Figure], str]] = {
    "quantity": lambda value, _: quantity(value),
    "thousands": lambda value, _: f"{value:,.0f}",
    "fixed": lambda value, figure: f"{value:.{figure.digits}f}",
    "general": lambda value, figure: f"{value:.{figure.digits}g}",
    "noun": lambda value, figure: figure.one if value == 1 else figure.many,
}
"""How a number is written, by name; `FORMATS` of `widgets/src/shared/facts.ts` writes the same."""


@final
class Recorded:
    """A benchmark's first column about quality: its number, rank and standard deviation over training seeds.

    Its other columns are numbers too, but no facts. All names begin with `prefix`, so that several benchmarks can stand
    beside each other.
    """

    def __init__(self, benchmark: Benchmark, prefix: str) -> None:
        self.benchmark = benchmark
        self.prefix = prefix
        columns = benchmark.columns()
        self._column = next((c for name in _QUALITY for c in columns if c.name == name), columns[0])
        self._place = _DATASETS.get(benchmark.dataset, benchmark.dataset.replace("_", " "))

    @property
    def quantities(self) -> list[Quantity]:
        """The first column with its rank, spread and number of seeds, then the other columns."""
        first, words = self._named(self._column.name), f"{self._place} {self._words}"
        others = [c for c in self.benchmark.columns() if c is not self._column]
        return [
            Quantity(first, words, self._column.better, self._column.unit),
            Quantity(f"{first} rank", f"{words}, rank", "lower"),
            Quantity(f"{first} spread", f"{words}, spread over seeds", "lower", self._column.unit),
            Quantity(f"{first} seeds", f"{words}, seeds"),
            *(Quantity(self._named(c.name), f"{self._place} {_plain(c.name)}", c.better, c.unit) for c in others),
        ]

    @property
    def template(self) -> list[Template]:
        """One fact: the number and its spread over seeds, the data set, the rank."""
        first, percent = self._named(self._column.name), self._column.unit == "%"
        seeds = Figure(f"{first} seeds", "thousands"), Figure(f"{first} seeds", "noun", 0, " seed", " seeds")
        rank = Figure(f"{first} rank", "thousands")
        return [
            Template(
                value=(Figure(first, "fixed", 2) if percent else Figure(first, "general", 3),),
                label=((f"{self._place} {self._words}",), (", ", *seeds)),
                note=("rank ", rank, f" of {self.benchmark.size:,}"),
                spread=("±", Figure(f"{first} spread", "fixed" if percent else "general", 2)),
            )
        ]

    def numbers(self, arch: Architecture) -> dict[str, float]:
        """What is recorded, with the first column's rank among all that is."""
        recorded, first = self.benchmark.query(arch), self._named(self._column.name)
        found = {self._named(c.name): float(recorded[c.name]) for c in self.benchmark.columns()}
        seeds = [run for run in recorded.get(f"{self._column.name}_seeds", ()) if isfinite(run)]
        if isfinite(found[first]):
            found[f"{first} rank"] = float(self.benchmark.rank(self._column.name, arch))
        else:
            found[first] = nan  # an infinite number is no accuracy
        if seeds:
            found[f"{first} seeds"] = float(len(seeds))
        if len(seeds) > 1:
            found[f"{first} spread"] = float(np.std(seeds, ddof=1))
        return found

    @property
    def _words(self) -> str:
        return _QUALITY.get(self._column.name, _plain(self._column.name))

    def _named(self, column: str) -> str:
        return f"{self.prefix} {column}"


@final
class Counted:
    """Parameters and multiply-adds of the network for a task, of the whole and of its live part."""

    def __init__(self, task: str) -> None:
        self.task = task

    @property
    def quantities(self) -> list[Quantity]:
        """Parameters, live ones, multiply-adds, live ones."""
        kinds = (("params", "parameters"), ("macs", "multiply-adds"))
        return [
            Quantity(f"{part}{name}", f"{part.replace('_', ' ')}{words}", "lower")
            for name, words in kinds
            for part in ("", "live_")
        ]

    @property
    def template(self) -> list[Template]:
        """Two facts."""
        kinds = (("params", "parameters"), ("macs", "multiply-adds"))
        return [
            Template((Figure(name, "quantity"),), ((words,),), (Figure(f"live_{name}", "quantity"), " live"))
            for name, words in kinds
        ]

    def numbers(self, arch: Architecture) -> dict[str, float]:
        """The four counts."""
        whole, live = arch.space.counts(arch, self.task), arch.space.counts(arch, self.task, live=True)
        return named_counts(whole) | {f"live_{name}": value for name, value in named_counts(live).items()}


def named_counts(counts: tuple[float, float]) -> dict[str, float]:
    """Parameters and multiply-adds by name."""
    params, macs = counts
    return {"params": float(params), "macs": float(macs)}


@final
class Twins:
    """How many other architectures are isomorphic, and how many have the same function."""

    @property
    def quantities(self) -> list[Quantity]:
        """Isomorphic twins, functional twins."""
        return [Quantity("twins", "isomorphic twins"), Quantity("functional_twins", "twins with the same function")]

    @property
    def template(self) -> list[Template]:
        """One fact."""
        noun = Figure("twins", "noun", 0, "isomorphic twin", "isomorphic twins")
        note = (Figure("functional_twins", "thousands"), " with the same function")
        return [Template((Figure("twins", "thousands"),), ((noun,),), note)]

    def numbers(self, arch: Architecture) -> dict[str, float]:
        """Both numbers; lists the space."""
        isomorphic, functional = arch.space.twins(arch), arch.space.twins(arch, rule="functional")
        return {"twins": len(isomorphic) - 1.0, "functional_twins": len(functional) - 1.0}


def _plain(name: str) -> str:
    return name.replace("_", " ")
