"""LINAS beside NSGA-II and random search: how much of NAS-Bench-201's front of accuracy and latency each covers.

python benchmarks/linas.py PATH [SEEDS]     (PATH: HELP's latencies of NAS-Bench-201, see datasets/; 30 seeds)

The hypervolume is that of CIFAR-100 validation accuracy and Pixel 2 latency, from the worst of both, over that of the
true front.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

import numpy as np
import optuna

import workbench as wb
from workbench.analysis.hypervolume import hypervolume

BETTER = ("higher", "lower")
QUERIES = (50, 100, 150, 200, 250, 300)
SAMPLERS = {  # how each is made from a seed, and what counts as a repeat: nothing for Optuna's own, as it is known
    "random": (partial(wb.sampler, "random"), "functional"),
    "nsga2": (lambda seed: optuna.samplers.NSGAIISampler(population_size=50, seed=seed), "allow"),
    "linas": (partial(wb.sampler, "linas"), "functional"),
}
Found = dict[str, dict[int, np.ndarray]]


def covered(path: str | os.PathLike[str], seeds: int) -> Found:
    """Strategy -> queries -> share of the true front's hypervolume for each seed, (seeds,)."""
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    latency = wb.benchmark("nasbench201_latency", dataset="cifar10", path=path).measure("latency_pixel2_ms")
    space = accuracy.space
    assert space is not None
    everything = np.array([[accuracy(arch), latency(arch)] for arch in space.enumerate()])
    worst = [everything[:, 0].min(), everything[:, 1].max()]
    whole = hypervolume(everything, worst, BETTER)
    found: Found = {}
    for name, (make, how) in SAMPLERS.items():
        shares = []
        for seed in range(seeds):
            study = wb.search(space, [accuracy, latency], make(seed), max(QUERIES), duplicates=how, progress=False)
            values = [trial.values for trial in study.trials]
            shares.append([hypervolume(values[:n], worst, BETTER) / whole for n in QUERIES])
        found[name] = dict(zip(QUERIES, np.array(shares).T, strict=True))
    return found


def main(path: str, seeds: int) -> None:
    """Print the mean share of each strategy, and after how many queries LINAS has what NSGA-II has after 300."""
    start = time.process_time()
    found = covered(path, seeds)
    print(f"share of the true front's hypervolume, mean over {seeds} seeds, after queries")
    print(f"{'':8s}" + "".join(f"{n:8d}" for n in QUERIES))
    for name, shares in found.items():
        print(f"{name:8s}" + "".join(f"{shares[n].mean():8.4f}" for n in QUERIES))
    goal = found["nsga2"][max(QUERIES)].mean()
    reached = [n for n in QUERIES if found["linas"][n].mean() >= goal]
    print(f"LINAS has NSGA-II's {goal:.4f} after {min(reached, default=None)} queries")
    print(f"{time.process_time() - start:.0f} s CPU")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30)
