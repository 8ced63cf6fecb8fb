"""How long a comparison takes: five strategies, 20 seeds, 200 queries on NAS-Bench-201, in seconds and CPU seconds.

python benchmarks/compare_speed.py [STRATEGY ...]
"""

from __future__ import annotations

import resource
import sys
import time

import workbench as wb

STRATEGIES = ["random", "regularized_evolution", "local_search", "mutation_only", "genetic"]
SEEDS, QUERIES = 20, 200


def cpu_seconds() -> float:
    """What this process and its ended children have used."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(strategies: list[str]) -> None:
    """Print the seconds of the whole comparison, of the statistics, and what it says."""
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    start, used = time.perf_counter(), cpu_seconds()
    frame = wb.compare(strategies, accuracy, seeds=range(SEEDS), n_trials=QUERIES, progress=False)
    wall, cpu = time.perf_counter() - start, cpu_seconds() - used
    searches = len(strategies) * SEEDS
    print(f"{len(strategies)} strategies x {SEEDS} seeds x {QUERIES} queries: {wall:.1f} s, {cpu:.1f} CPU s")
    print(f"{1000 * cpu / (searches * QUERIES):.2f} ms of CPU a query, the start of processes included")
    start = time.perf_counter()
    table = wb.summary(frame, at=[50, 100, 200])
    print(table[["median", "mean", "hit_rate", "surpasses_random"]].round(3).to_string())
    print(wb.rank_tests(frame).round(4).to_string())
    print(wb.reliability(frame).round(2).to_string())
    print(f"{time.perf_counter() - start:.2f} s for the statistics")


if __name__ == "__main__":
    main(sys.argv[1:] or STRATEGIES)
