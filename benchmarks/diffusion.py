"""What the diffusion generator is worth: quality, what guidance adds, and regret of a search with it as candidate pool.

python benchmarks/diffusion.py [SEEDS] [DATASET]     (20 and cifar100 by default; 200 queries a search)
"""

from __future__ import annotations

import sys
import time
from functools import partial

import numpy as np
from scipy.stats import mannwhitneyu

import workbench as wb
from workbench.samplers import sampler
from workbench.samplers.diffusion.generator import generator

QUERIES = [50, 100, 200]


def main(seeds: int, dataset: str) -> None:
    """Print the quality of two generators, the guided accuracies, and the regret of three searches."""
    for name in ("nasbench201", "nasbench101"):
        start = time.process_time()
        made = generator(wb.search_space(name), progress=False)
        trained = time.process_time() - start
        print(f"{name}: {made.quality(500)}; trained in {trained:.1f} CPU s")
    guided(seeds, dataset)
    searched(seeds, dataset)


def guided(seeds: int, dataset: str) -> None:
    """Mean accuracy of 64 generated cells, by what they were led with; 50 cells are told."""
    space = wb.search_space("nasbench201")
    accuracy = wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")
    made = generator(space, progress=False)
    rows = []
    for seed in range(seeds):
        told = {arch: accuracy(arch) for arch in space.sample(50, seed=seed)}
        drawn = [made.sample(64, seed), *(made.sample(64, seed, told=told, scale=scale) for scale in (1.0, 3.0))]
        rows.append([max(told.values()), *(np.mean([accuracy(arch) for arch in archs]) for archs in drawn)])
    best, unguided, once, thrice = np.mean(rows, axis=0)
    print(f"\n{dataset}: mean accuracy of 64 cells, {seeds} seeds, 50 cells told, of which the best has {best:.2f}")
    print(f"unguided {unguided:.2f}; guided {once:.2f} (scale 1), {thrice:.2f} (scale 3)")


def searched(seeds: int, dataset: str) -> None:
    """Validation regret with generated candidates, with random ones, and at random."""
    accuracy = wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")
    strategies = {
        "diffusion": "diffusion",
        "random pool": partial(sampler, "predictor_guided", candidates="random", batch=10),
        "random": "random",
    }
    start = time.process_time()
    frame = wb.compare(strategies, accuracy, range(seeds), max(QUERIES), progress=False)
    at = frame[frame["query"].isin(QUERIES)]
    regret = at.groupby(["strategy", "query"])["regret"]
    table = regret.quantile([0.25, 0.5, 0.75]).unstack().assign(mean=regret.mean())
    print(
        f"\n{dataset}: validation regret in percentage points, {seeds} seeds, {time.process_time() - start:.0f} CPU s"
    )
    print(table.rename(columns={0.25: "q25", 0.5: "median", 0.75: "q75"}).round(2).to_string())
    for query in QUERIES:
        values = {name: rows["regret"] for name, rows in at[at["query"] == query].groupby("strategy")}
        for other in ("random pool", "random"):
            p = mannwhitneyu(values["diffusion"], values[other], alternative="less").pvalue
            print(f"at {query}: diffusion below {other}, one-sided Mann-Whitney p = {p:.2g}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2] if len(sys.argv) > 2 else "cifar100")
