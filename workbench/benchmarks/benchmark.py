"""A benchmark: what has been recorded about the architectures of one search space on one data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from workbench.architecture import Architecture
from workbench.benchmarks.files.table_cache import checksum
from workbench.benchmarks.readings import NoisyReading, Reading
from workbench.benchmarks.records import Column, Floats, Record, Records
from workbench.benchmarks.rows import rows_of
from workbench.errors import InvalidInput, MissingData, UnknownName
from workbench.measure import Measure
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

Maker = tuple[Callable[..., "Benchmark"], tuple[Any, ...]]


@final
class Benchmark:
    """Recorded numbers of the architectures of a search space, or of some of them.

    With `rule`, what is recorded about an architecture holds for all that are equal to it under that canonical rule.
    `maker` is a function with its arguments that opens the same benchmark again: with it a pickled benchmark,
    or a measure of it, is a few bytes that another process turns into its own table.
    """

    def __init__(
        self,
        name: str,
        dataset: str,
        space: SearchSpace,
        records: Records,
        maker: Maker | None = None,
        rule: str | None = None,
    ) -> None:
        self.name = name
        self.dataset = dataset
        self.space = space
        self._records = records
        self._maker = maker
        self._columns = {column.name: column for column in records.columns}
        self._rows = rows_of(space, records.architectures, records.keys, rule)

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
        """One row for each recorded architecture, indexed by its string; in a flat space's order of enumeration.

        Columns are the measures, then one `<measure>_seed<seed>` for every run where runs differ.
        """
        import pandas as pd

        index = pd.Index(list(self._rows.strings()), name="architecture")
        frame = pd.DataFrame(self._records.arrays(), index=index).dropna(how="all")
        frame.attrs = {"space": self.space.name, "task": self.dataset}
        return frame

    def measures(self) -> list[str]:
        """The names of the recorded quantities."""
        return list(self._columns)

    def columns(self) -> tuple[Column, ...]:
        """The recorded quantities with their units and meanings."""
        return tuple(self._columns.values())

    def measure(self, name: str, *, noisy: bool = False, seed: int = 0, epoch: int | None = None) -> Measure:
        """A recorded quantity as a `Measure`: pickles small, knows its optimum if the table is at hand.

        With `noisy`, an architecture's number is that of one recorded training run, picked by `seed`: the same one
        however often it is asked for, another one with another seed. Its `truth` is the measure over all runs, and
        so is its optimum. With `epoch`, it is the number after that many epochs, named `<name>@<epoch>`; this needs
        a benchmark with learning curves. Raises `InvalidInput` where there are no runs to pick from, or no curves.
        """
        column = self._column(name)
        if noisy and epoch is not None:
            raise InvalidInput("noisy= and epoch= exclude each other: runs are picked at the end of training.")
        truth = Measure(
            name,
            column.better,
            Reading(self, name),
            unit=column.unit,
            task=self.dataset,
            optimum=self.optimum(name) if self._records.at_hand else None,
            space=self.space,
            related=self.measure,
        )
        if noisy:
            if column.seeds == "none":
                raise InvalidInput(f"{name!r} of {self!r} is the same in every training run: it has no noise.")
            return replace(truth, function=NoisyReading(self, name, seed), seed=seed, settings="one run", truth=truth)
        if epoch is not None:
            self._records.check_epoch(epoch)  # refused now, not in the middle of a search
            return replace(truth, name=f"{name}@{epoch}", function=Reading(self, name, epoch), optimum=None)
        return truth

    def best(self, measure: str) -> tuple[Architecture, float]:
        """The best recorded architecture and its value; of several that tie, the first of the table."""
        values = self._recorded(measure)
        row = int(np.nanargmax(values) if self._column(measure).better == "higher" else np.nanargmin(values))
        return self._rows.architecture(row), float(values[row])

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

    def value(self, arch: Architecture, measure: str, *, epoch: int | None = None) -> float:
        """One recorded number of `arch`, quicker than a whole `query`."""
        if epoch is not None:
            return self._records.read(self._row(arch), epoch).numbers[measure].shown
        return self._records.value(self._row(arch), measure)

    def runs(self, arch: Architecture, measure: str) -> tuple[float, ...]:
        """A quantity's number in each recorded training run of `arch`; empty where all runs have the same."""
        return self._records.read(self._row(arch)).numbers[self._column(measure).name].per_seed

    def fingerprint(self) -> str:
        """A checksum of every recorded number, equal for equal tables; "" where that means to read many files."""
        if not self._records.at_hand:
            return ""
        listed = repr(self._records.architectures and list(self._records.architectures)).encode()
        numbers = ((name.encode(), x.tobytes()) for name, x in self._records.arrays().items())
        return checksum(listed, *(part for pair in numbers for part in pair))

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
        """The row of `arch`; raises `MissingData` where the table has none."""
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
            return self._rows.find(arch)
        except LookupError as error:
            raise MissingData(f"{arch} is not recorded in {self!r}: {error}.") from None

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
