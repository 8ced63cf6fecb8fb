"""What is known about one architecture, as the short texts an editor shows: never an invented number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.drawing import Fact
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.architecture import Architecture
    from workbench.benchmarks import Benchmark

_DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
_ACCURACY = "valid_accuracy"


def facts_of(arch: Architecture, benchmarks: Sequence[Benchmark] = ()) -> list[Fact]:
    """Recorded accuracy with its rank per benchmark, parameters, multiply-adds and the number of twins.

    Accuracies are in percent, their spread the standard deviation over training seeds. What cannot be had (no
    table, no record, a space too large to list) is left out.
    """
    task = benchmarks[0].dataset if benchmarks else "cifar10"
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
    accuracy = numbers.get(_ACCURACY, np.nan)
    if not np.isfinite(accuracy):
        return []
    seeds = [value for value in numbers.get(f"{_ACCURACY}_seeds", ()) if np.isfinite(value)]
    runs = f", {len(seeds)} seed{'s' if len(seeds) > 1 else ''}" if seeds else ""
    return [
        Fact(
            value=f"{accuracy:.2f}",
            label=f"{_DATASETS.get(benchmark.dataset, benchmark.dataset)} validation{runs}",
            note=f"rank {benchmark.rank(_ACCURACY, arch):,} of {benchmark.size:,}",
            spread=f"±{np.std(seeds, ddof=1):.2f}" if len(seeds) > 1 else "",
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
