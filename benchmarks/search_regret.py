"""Regret of the strategies on the three data sets of NAS-Bench-201, over seeds, at 50, 100 and 200 queries.

python benchmarks/search_regret.py [SEEDS]     (100 by default, as the literature's comparisons have at least)
"""

from __future__ import annotations

import sys
import time

import workbench as wb

QUERIES = [50, 100, 200]


def main(seeds: int) -> None:
    """Print one table a data set: median, quartiles and mean of the validation regret."""
    for dataset in ("cifar10", "cifar100", "imagenet16_120"):
        accuracy = wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")
        start = time.perf_counter()
        with wb.Local() as executor:
            frame = wb.compare(
                ["random", "regularized_evolution"], accuracy, range(seeds), max(QUERIES), executor=executor
            )
        regret = frame[frame["query"].isin(QUERIES)].groupby(["strategy", "query"])["regret"]
        table = regret.quantile([0.25, 0.5, 0.75]).unstack().assign(mean=regret.mean())
        print(f"\n{dataset}: validation regret in percentage points, {seeds} seeds")
        print(table.rename(columns={0.25: "q25", 0.5: "median", 0.75: "q75"}).round(2).to_string())
        print(f"{time.perf_counter() - start:.1f} s for {2 * seeds} searches")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
