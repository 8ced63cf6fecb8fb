"""What is known about one architecture, as the short texts an editor shows: never an invented number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.drawing import Fact
from workbench.errors import WorkbenchError
from workbench.tasks import catalogue as tasks

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.benchmarks import Benchmark

_DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
_QUALITY = {"valid_accuracy": "validation", "test_accuracy": "test accuracy"}


def facts_of(arch: Architecture, benchmarks: Sequence[Benchmark] = ()) -> list[Fact]:
    """What each benchmark records first of all, with its rank, then parameters, multiply-adds and number of twins.

    That is the validation or test accuracy, in percent, or else a benchmark's first column; the spread is the standard
    deviation over training seeds. Networks are counted for the first benchmark's data set where that is a task. What
    cannot be had (no table, no record, a space too large to list) is left out.
    """
    task = benchmarks[0].dataset if benchmarks and benchmarks[0].dataset in tasks else "cifar10"
    makers: list[Callable[[], list[Fact]]] = [lambda bench=bench: _recorded(arch, bench) for bench in benchmarks]  # type: ignore[misc]
    makers += [lambda: _counted(arch, task), lambda: _twins(arch)]
    found: list[Fact] = []
    for maker in makers:
        try:
            found += maker()
        except WorkbenchError:
            continue  # the fact does not exist for this architecture: it is absent, not zero
    return found


def quantity(value: float, unit: str = "") -> str:
    """A number with three digits and its thousands as k, M or G: 587386 is "0.587 M"."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor / 10:
            return f"{_three_digits(value / factor)} {letter}{unit}".rstrip()
    return f"{_three_digits(value)} {unit}".rstrip()


def _three_digits(value: float) -> str:
    size = abs(value)
    if value == int(value) and size < 1000:
        return str(int(value))
    if size < 1:
        return f"{value:.3g}"
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 2}f}"


def _recorded(arch: Architecture, benchmark: Benchmark) -> list[Fact]:
    numbers = benchmark.query(arch)
    column = next((c for name in _QUALITY for c in benchmark.columns() if c.name == name), benchmark.columns()[0])
    value = numbers[column.name]
    if not np.isfinite(value):
        return []
    seeds = [run for run in numbers.get(f"{column.name}_seeds", ()) if np.isfinite(run)]
    runs = f", {len(seeds)} seed{'s' if len(seeds) > 1 else ''}" if seeds else ""
    percent = column.unit == "%"
    what = _QUALITY.get(column.name, column.name.replace("_", " "))
    return [
        Fact(
            value=f"{value:.2f}" if percent else f"{value:.3g}",
            label=f"{_DATASETS.get(benchmark.dataset, benchmark.dataset.replace('_', ' '))} {what}{runs}",
            note=f"rank {benchmark.rank(column.name, arch):,} of {benchmark.size:,}",
            spread=f"±{np.std(seeds, ddof=1):{'.2f' if percent else '.2g'}}" if len(seeds) > 1 else "",
        )
    ]


def _counted(arch: Architecture, task: str) -> list[Fact]:
    whole, live = arch.space.counts(arch, task), arch.space.counts(arch, task, live=True)
    return [
        Fact(quantity(whole.params), "parameters", f"{quantity(live.params)} live"),
        Fact(quantity(whole.macs), "multiply-adds", f"{quantity(live.macs)} live"),
    ]


def _twins(arch: Architecture) -> list[Fact]:
    isomorphic = len(arch.space.twins(arch)) - 1
    functional = len(arch.space.twins(arch, rule="functional")) - 1
    label = "isomorphic twin" if isomorphic == 1 else "isomorphic twins"
    return [Fact(f"{isomorphic:,}", label, f"{functional:,} with the same function")]
