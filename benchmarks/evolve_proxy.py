"""Evolve proxies on NAS-Bench-201 and judge them where the search did not look: other cells, data sets and spaces.

Run `python benchmarks/evolve_proxy.py [cells to train on] [cells held out] [candidates] [seeds]`. Networks see seeded
noise, so no images are needed; the accuracies are those of the packages' tables, and of NAS-Bench-Macro and the 101
where the user has brought them.
"""

from __future__ import annotations

import sys
import time

import pandas as pd
import torch

import workbench as wb
from workbench.benchmarks import catalogue as tables
from workbench.proxies.symbolic import Examples

BATCH = 16
DATASETS = ("cifar10", "cifar100", "imagenet16_120")
# Other spaces with a table, how their truth is called there, and the task that their networks are looked at on.
ELSEWHERE = (
    ("fcnet", "valid_loss", "digits"),
    ("nasbench_graph", "valid_accuracy", "digits"),
    ("nasbench_macro", "test_accuracy", "cifar10_noise"),
    ("nasbench101", "test_accuracy", "cifar10_noise"),
)
BESIDE = ("nwot", "swap", "meco", "zico")


def main(n_train: int = 150, n_held_out: int = 150, n_candidates: int = 3000, n_seeds: int = 5) -> None:
    """Print the rank correlations of each seed's best on what it was trained on and on what it was not."""
    torch.set_num_threads(1)
    cells, beside = looked_at(n_train + n_held_out)
    at_hand = [each for each in ELSEWHERE if tables.find(each[0]).at_hand]
    spaces = {name: elsewhere(name, measure, task, n_held_out) for name, measure, task in at_hand}
    rows, tops = [], []
    for seed in range(n_seeds):
        train, held = cells.split(n_train, seed)
        named = {
            f"cells, {d}": held.against(wb.benchmark("nasbench201", d).measure("valid_accuracy")) for d in DATASETS
        }
        start = time.perf_counter()
        found = wb.evolve_proxy(train, n_candidates, seed=seed)
        seconds = time.perf_counter() - start
        table = found.table({**named, **spaces}, [beside], top=1)
        rows.append(table.drop(columns=["equation", "size"]).assign(seed=seed))
        tops.append(f"seed {seed}: {found.best[0].expression} ({seconds:.0f} s, {len(found.ranked)} rankings met)")
    print(*tops, sep="\n")
    report(pd.concat(rows), n_train, len(cells) - n_train, n_seeds)


def report(rows: pd.DataFrame, n_train: int, n_held_out: int, n_seeds: int) -> None:
    """Print the mean over seeds, and what the found proxies lose where the search did not look."""
    by_seed = rows.set_index("seed", append=True)
    mean = by_seed.groupby("proxy").mean().sort_values("cells, cifar10", ascending=False)
    print(f"Spearman's correlation, mean over {n_seeds} seeds, {n_train} cells to train on, {n_held_out} held out")
    print(mean.round(3).to_string())
    found, free = (by_seed.xs(name, level="proxy") for name in ("found_1", "live_params"))
    print("found: train less elsewhere, mean and deviation over seeds")
    gap = (-found).add(found["train"], axis=0).drop(columns="train")
    print(gap.agg(["mean", "std"]).round(3).to_string())
    print("found less live_params, mean and deviation over seeds, and seeds won")
    lead = found - free
    print(pd.concat([lead.agg(["mean", "std"]), (lead > 0).sum().to_frame("won").T]).round(3).to_string())


def looked_at(n: int) -> tuple[Examples, pd.DataFrame]:
    """Cells of NAS-Bench-201 with their statistics, and what other proxies say of them."""
    bench = wb.benchmark("nasbench201", "cifar10")
    archs = bench.space.sample(n, seed=0)
    examples = wb.proxy_examples(archs, bench.measure("valid_accuracy"), "cifar10_noise", BATCH)
    return examples, wb.score(archs, list(BESIDE), "cifar10_noise", BATCH)


def elsewhere(name: str, measure: str, task: str, n: int) -> Examples:
    """Architectures of another space with their statistics."""
    bench = wb.benchmark(name)
    table = bench.table()[measure].dropna()
    archs = [bench.space.parse(text) for text in table.sample(n, random_state=0).index]
    return wb.proxy_examples(archs, bench.measure(measure), task, BATCH)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
