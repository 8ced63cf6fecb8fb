"""A benchmark: what has been recorded about the architectures of one search space on one data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from workbench.architecture import Architecture
from workbench.benchmarks.records import Column, Floats, Record, Records
from workbench.errors import InvalidInput, MissingData, UnknownName
from workbench.measure import Measure
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

Maker = tuple[Callable[..., "Benchmark"], tuple[Any, ...]]


@final
class Benchmark:
    """Recorded numbers of the architectures of a flat search space.

    `maker` is a function with its arguments that opens the same benchmark again: with it a pickled benchmark,
    or a measure of it, is a few bytes that another process turns into its own table.
    """

    def __init__(
        self, name: str, dataset: str, space: SearchSpace, records: Records, maker: Maker | None = None
    ) -> None:
        if not space.flat:
            raise InvalidInput(f"Benchmark {name!r} numbers the rows of a flat search space; {space!r} is not flat.")
        self.name = name
        self.dataset = dataset
        self.space = space
        self._records = records
        self._maker = maker
        self._columns = {column.name: column for column in records.columns}
        self._places = _place_values(space)

    @property
    def size(self) -> int:
        """How many architectures are recorded."""
        return self._records.size

    def query(self, arch: Architecture, *, seed: int | None = None, epoch: int | None = None) -> dict[str, Any]:
        """Every number recorded about `arch`: accuracies in percent, other units in the names' endings.

        Without `seed`, quantities that differ between training runs are summed up (see `columns`) and given
        for every run as a tuple `<name>_seeds`; with `seed`, that run's numbers alone. `epoch` counts epochs
        from 1 and needs a benchmark with learning curves. A number that is not recorded is NaN.
        """
        record = self._records.read(self._row(arch), epoch)
        if seed is not None:
            return self._one_seed(record, seed)
        numbers: dict[str, Any] = {}
        for name, number in record.numbers.items():
            numbers[name] = number.shown
            if number.per_seed:
                numbers[f"{name}_seeds"] = number.per_seed
        return numbers

    def curve(self, arch: Architecture, measure: str, *, seed: int | None = None) -> Floats:
        """The learning curve of a measure, shape (epochs,): entry i after i + 1 epochs, NaN if unrecorded."""
        return self._records.curve(self._row(arch), self._column(measure).name, seed)

    def table(self) -> pd.DataFrame:
        """One row for each recorded architecture, indexed by its string, in the order of `space.enumerate()`.

        Columns are the measures, then one `<measure>_seed<seed>` for every run where runs differ.
        """
        import pandas as pd

        index = pd.Index([str(arch) for arch in self.space.enumerate()], name="architecture")
        frame = pd.DataFrame(self._records.arrays(), index=index).dropna(how="all")
        frame.attrs = {"space": self.space.name, "task": self.dataset}
        return frame

    def measures(self) -> list[str]:
        """The names of the recorded quantities."""
        return list(self._columns)

    def columns(self) -> tuple[Column, ...]:
        """The recorded quantities with their units and meanings."""
        return tuple(self._columns.values())

    def measure(self, name: str) -> Measure:
        """A recorded quantity as a `Measure`: pickles small, knows its optimum if the table is at hand."""
        column = self._column(name)
        optimum = self.optimum(name) if self._records.at_hand else None
        return Measure(
            name,
            column.better,
            Reading(self, name),
            unit=column.unit,
            task=self.dataset,
            optimum=optimum,
            space=self.space,
            related=self.measure,
        )

    def best(self, measure: str) -> tuple[Architecture, float]:
        """The best recorded architecture and its value; of several that tie, the first of the table."""
        values = self._recorded(measure)
        row = int(np.nanargmax(values) if self._column(measure).better == "higher" else np.nanargmin(values))
        return self._architecture(row), float(values[row])

    def optimum(self, measure: str) -> float:
        """The best recorded value of a measure."""
        values = self._recorded(measure)
        return float(np.nanmax(values) if self._column(measure).better == "higher" else np.nanmin(values))

    def rank(self, measure: str, arch: Architecture) -> int:
        """One plus the number of recorded architectures that are better: the best has rank 1, ties share."""
        values = self._recorded(measure)
        value = values[self._row(arch)]
        if np.isnan(value):
            raise MissingData(f"{arch} has no recorded {measure} in {self!r}, so it has no rank.")
        better = values > value if self._column(measure).better == "higher" else values < value
        return 1 + int(np.count_nonzero(better))

    def value(self, arch: Architecture, measure: str) -> float:
        """One recorded number of `arch`, quicker than a whole `query`."""
        return self._records.value(self._row(arch), measure)

    def __repr__(self) -> str:
        names = ", ".join(self._columns)
        return f"<Benchmark {self.name!r} on {self.dataset}: {self.size:,} architectures; {names}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return super().__reduce__() if self._maker is None else self._maker

    def _column(self, name: str) -> Column:
        try:
            return self._columns[name]
        except (KeyError, TypeError):
            raise UnknownName.of(f"measure of benchmark {self.name}", name, self._columns) from None

    def _row(self, arch: Architecture) -> int:
        """The place of `arch` in `space.enumerate()`: its answers read as the digits of a number."""
        if not isinstance(arch, Architecture):
            raise InvalidInput(
                f"{arch!r} is no Architecture of {self.space.name!r}. Make one with bench.space.parse(text)."
            )
        if arch.space.name != self.space.name:
            raise InvalidInput(
                f"{arch} is an architecture of {arch.space.name!r}; "
                f"benchmark {self.name!r} records architectures of {self.space.name!r}."
            )
        try:
            return sum(map(self._places.__getitem__, arch.decisions.items()))
        except KeyError as error:
            question, answer = error.args[0]
            raise MissingData(
                f"{arch} is not recorded in {self!r}: it answers {answer!r} to question {question!r}."
            ) from None

    def _architecture(self, row: int) -> Architecture:
        answers = {}
        for question in reversed(self.space.questions()):
            row, digit = divmod(row, len(question.answers))
            answers[question.name] = question.answers[digit]
        return self.space.architecture(answers)

    def _recorded(self, measure: str) -> Floats:
        """The measure of every row, at least one of which is recorded."""
        values = self._records.shown(self._column(measure).name)
        if np.isnan(values).all():
            raise MissingData(f"No architecture has a recorded {measure} in {self!r}.")
        return values

    def _one_seed(self, record: Record, seed: int) -> dict[str, Any]:
        if seed not in record.seeds:
            raise InvalidInput(
                f"seed={seed!r} is not recorded for this architecture in benchmark {self.name!r}. "
                f"Recorded seeds: {', '.join(map(str, record.seeds))}."
            )
        run = record.seeds.index(seed)
        return {name: n.per_seed[run] if n.per_seed else n.shown for name, n in record.numbers.items()}


@dataclass(frozen=True)
class Reading:
    """Looks one recorded number up: the function of a benchmark's `Measure`."""

    benchmark: Benchmark
    measure: str

    def __call__(self, arch: Architecture) -> float:
        """The number recorded for `arch`."""
        return self.benchmark.value(arch, self.measure)


def _place_values(space: SearchSpace) -> dict[tuple[str, Any], int]:
    """What each answer adds to an architecture's row: the first question is the most significant digit."""
    places: dict[tuple[str, Any], int] = {}
    unit = 1
    for question in reversed(space.questions()):
        places |= {(question.name, answer): digit * unit for digit, answer in enumerate(question.answers)}
        unit *= len(question.answers)
    return places
