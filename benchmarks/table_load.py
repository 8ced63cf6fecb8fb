"""Measures what opening a NAS-Bench-201 table costs, each time in a fresh process.

Prints seconds and peak memory of a process that imports what a table needs, then opens one data set: first
with an empty cache, then from the cache (median of five). Run as `python benchmarks/table_load.py`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

REPEATS = 5
OPEN = """
import json, resource, sys, time
import workbench.spaces
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
start = time.perf_counter()
from workbench.benchmarks import benchmark
bench = benchmark("nasbench201", sys.argv[1])
opened = time.perf_counter() - start
arch = bench.space.sample(1, seed=0)[0]
measure = bench.measure("valid_accuracy")
start = time.perf_counter()
for _ in range(20_000):
    measure(arch)
look_up = (time.perf_counter() - start) / 20_000
print(json.dumps([opened, peak() - before, peak(), look_up * 1e6]))
"""


def opening(dataset: str, cache: str) -> list[float]:
    """Seconds, megabytes added, peak megabytes and microseconds a look-up, in a fresh process."""
    command = [sys.executable, "-c", OPEN, dataset]
    done = subprocess.run(
        command, env={**os.environ, "WORKBENCH_CACHE": cache}, check=True, capture_output=True, text=True
    )
    figures: list[float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Print one line for each data set and state of the cache."""
    print(f"{'data set':16} {'cache':6} {'opened s':>9} {'added MB':>9} {'peak MB':>8} {'look-up us':>11}")
    for dataset in ("cifar10", "cifar100", "imagenet16_120"):
        with tempfile.TemporaryDirectory() as cache:
            rows = [("empty", opening(dataset, cache))]
            warm = [opening(dataset, cache) for _ in range(REPEATS)]
        rows.append(("full", [statistics.median(column) for column in zip(*warm, strict=True)]))
        for state, (seconds, added, peak, look_up) in rows:
            print(f"{dataset:16} {state:6} {seconds:9.3f} {added:9.1f} {peak:8.1f} {look_up:11.2f}")


if __name__ == "__main__":
    main()
