"""What makes BANANAS good: its encoding, its surrogate, or that it mutates the best?

python benchmarks/mutation_is_all.py [SEEDS]     (50 by default)

The ablation of "Mutation is all you need" (Schneider, Pfisterer, Binder & Bischl, AutoML workshop at ICML 2021) on
NAS-Bench-201, CIFAR-100: all eight searches of encoding (one-hot or path) x surrogate (five networks, or none: the
candidates at random) x candidates (mutants of the best five, or random points), 10 random points and rounds of 10
first. The effect of a factor is how much lower the mean regret of the four searches with it is, seed by seed, with a
95 % bootstrap interval over seeds. The paper finds that the candidates decide.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from optuna.samplers import BaseSampler

import workbench as wb

QUERIES = (50, 100)
FACTORS = {
    "encoding": ("path", "one_hot"),
    "surrogate": ("mlp_ensemble", None),
    "candidates": ("neighbors", "random"),
}


def main(seeds: int) -> None:
    """Print the regret of the eight searches, and the effect of each factor."""
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    arms = dict(enumerate(product(*FACTORS.values())))
    strategies = {str(number): partial(search_by, arm) for number, arm in arms.items()}
    start = time.perf_counter()
    frame = wb.compare(strategies, accuracy, range(seeds), max(QUERIES))
    frame[list(FACTORS)] = [[str(level) for level in arms[int(number)]] for number in frame["strategy"]]
    frame = frame[frame["query"].isin(QUERIES)]
    regret = frame.groupby([*FACTORS, "query"])["regret"].agg(["median", "mean"]).unstack()
    print(f"Validation regret in percentage points, {seeds} seeds, {time.perf_counter() - start:.0f} s")
    print(regret.round(2).to_string())
    print("\nHow much lower the mean regret is with")
    for query, (name, (level, other)) in product(QUERIES, FACTORS.items()):
        low, mean, high = effect(frame[frame["query"] == query], name, str(level), str(other))
        print(
            f"{query:4d} queries  {name:10s} {level!s:12s} than with {other!s:8s} {mean:5.2f} [{low:.2f}, {high:.2f}]"
        )


def search_by(arm: tuple[str, str | None, str], seed: int) -> BaseSampler:
    """One of the eight searches."""
    encoding, surrogate, candidates = arm
    return wb.sampler(
        "predictor_guided",
        seed,
        predictor=surrogate,
        encoding=encoding,
        acquisition="thompson",
        candidates=candidates,
        initial=10,
        batch=10,
    )


def effect(frame: pd.DataFrame, name: str, level: str, other: str) -> tuple[float, float, float]:
    """The gain by a level of a factor, over the other factors and the seeds: low end, mean, high end."""
    by_seed = frame.groupby(["seed", name])["regret"].mean().unstack()
    gains = (by_seed[other] - by_seed[level]).to_numpy()
    drawn = np.random.default_rng(0).choice(gains, size=(10_000, len(gains))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(gains.mean()), float(high)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
