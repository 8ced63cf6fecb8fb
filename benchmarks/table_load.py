"""Measures what opening each packaged table costs, each time in a fresh process.

Prints seconds and peak memory of a process that imports what a table needs, then opens one data set: first
with an empty cache, then from the cache (median of five). Exits with 1 if a table takes more than `LIMIT` seconds
from the cache. Run as `python benchmarks/table_load.py`, with names of benchmarks for some of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

REPEATS = 5
LIMIT = 0.3
PACKAGED = ("nasbench201", "fcnet", "hpobench_mlp", "nasbench_graph", "analog_nasbench")
OPEN = """
import json, resource, sys, time
import workbench.spaces
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
start = time.perf_counter()
from workbench.benchmarks import benchmark
bench = benchmark(sys.argv[1], sys.argv[2])
opened = time.perf_counter() - start
arch, _ = bench.best(bench.measures()[0])
measure = bench.measure(bench.measures()[0])
measure(arch)
start = time.perf_counter()
for _ in range(20_000):
    measure(arch)
look_up = (time.perf_counter() - start) / 20_000
print(json.dumps([opened, peak() - before, peak(), look_up * 1e6]))
"""


def opening(name: str, dataset: str, cache: str) -> list[float]:
    """Seconds, megabytes added, peak megabytes and microseconds a look-up, in a fresh process."""
    command = [sys.executable, "-c", OPEN, name, dataset]
    done = subprocess.run(
        command, env={**os.environ, "WORKBENCH_CACHE": cache}, check=True, capture_output=True, text=True
    )
    figures: list[float] = json.loads(done.stdout)
    return figures


def main(names: list[str]) -> int:
    """Print one line for each table at hand and state of the cache; 1 if one is slower than it should be."""
    from workbench.benchmarks import catalogue

    heads = ("opened s", "added MB", "peak MB", "look-up us")
    print(f"{'benchmark':16} {'data set':26} {'cache':6} {' '.join(f'{head:>10}' for head in heads)}")
    slow = 0
    for name in names or PACKAGED:
        loader = catalogue.find(name)
        for dataset in loader.datasets if loader.at_hand else ():
            with tempfile.TemporaryDirectory() as cache:
                rows = [("empty", opening(name, dataset, cache))]
                warm = [opening(name, dataset, cache) for _ in range(REPEATS)]
            rows.append(("full", [statistics.median(column) for column in zip(*warm, strict=True)]))
            slow += rows[1][1][0] > LIMIT
            for state, (seconds, added, peak, look_up) in rows:
                print(f"{name:16} {dataset:26} {state:6} {seconds:10.3f} {added:10.1f} {peak:10.1f} {look_up:10.2f}")
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
