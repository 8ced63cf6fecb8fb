"""Looking recorded numbers up: the functions of a benchmark's measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from workbench.architecture import Architecture
from workbench.errors import MissingData

if TYPE_CHECKING:
    from workbench.benchmarks.benchmark import Benchmark


@dataclass(frozen=True)
class Reading:
    """The number recorded for an architecture, at the end of training or after `epoch` epochs."""

    benchmark: Benchmark
    measure: str
    epoch: int | None = None

    def __call__(self, arch: Architecture) -> float:
        """The number recorded for `arch`."""
        return self.benchmark.value(arch, self.measure, epoch=self.epoch)


@dataclass(frozen=True)
class NoisyReading:
    """The number of one training run, picked by `seed` and the architecture's string."""

    benchmark: Benchmark
    measure: str
    seed: int

    def __call__(self, arch: Architecture) -> float:
        """The number recorded for one run of `arch`."""
        runs = [run for run in self.benchmark.runs(arch, self.measure) if not np.isnan(run)]
        if not runs:
            raise MissingData(f"{arch} has no recorded run of {self.measure} in {self.benchmark!r}.")
        rng = np.random.default_rng([self.seed, crc32(str(arch).encode())])
        return float(runs[int(rng.integers(len(runs)))])
