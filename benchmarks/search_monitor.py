"""What watching a search costs it: table look-ups of one millisecond, with and without a monitor.

python benchmarks/search_monitor.py [TRIALS]     (1,000 by default)

The seconds of the search itself, and those of CPU that the monitor's own looks take: their share is what it costs.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

import workbench as wb

LOOK_UP = 0.001  # seconds
REPEATS = 5


def main(n_trials: int) -> None:
    """Print seconds with and without a monitor, the monitor's share of the CPU."""
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    accuracy = bench.measure("valid_accuracy")

    def looked_up(arch: Any) -> float:
        time.sleep(LOOK_UP)
        return accuracy(arch)

    measure = wb.Measure("valid_accuracy", "higher", looked_up)
    alone, watched, shares = [], [], []
    for _ in range(REPEATS):  # in turns, because a machine is not equally quick all the time
        study = wb.search(bench.space, measure, n_trials=n_trials, background=True)
        study.wait()
        alone.append(seconds_of(study))
        study = wb.search(bench.space, measure, n_trials=n_trials, background=True)
        monitor = Counting(study, bench)
        study.wait()
        watched.append(seconds_of(study))
        shares.append(monitor.cpu / watched[-1])
        monitor.close()
    more = 100 * (median(watched) / median(alone) - 1)
    print(f"{n_trials} trials with look-ups of {1000 * LOOK_UP:g} ms, median of {REPEATS}")
    print(f"alone {median(alone):.2f} s, watched {median(watched):.2f} s: {more:+.1f} %")
    print(f"CPU of the monitor's looks: {100 * median(shares):.2f} % of the search's time, in {monitor.looks} looks")


def seconds_of(study: Any) -> float:
    """Seconds from the first trial's start to the last one's end."""
    trials = study.trials
    return float((trials[-1].datetime_complete - trials[0].datetime_start).total_seconds())


class Counting(wb.SearchMonitor):
    """A monitor that counts what it takes."""

    cpu, looks = 0.0, 0

    def _look(self, seconds: float = 0.01) -> float:
        began = time.thread_time()
        pause = super()._look(seconds)
        self.cpu += time.thread_time() - began
        self.looks += 1
        return pause


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
