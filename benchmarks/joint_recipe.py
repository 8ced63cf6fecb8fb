"""Joint architecture-recipe search on the four FCNet tables, and what learning free statistics first is worth.

python benchmarks/joint_recipe.py [SEEDS]     (30 by default)

The loss found is shown relative to the least of the whole table. The other search asks about the network alone, with a
recipe that is drawn for each seed.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy import stats

import workbench as wb
from workbench.predictors.two_headed import TwoHeaded

DATASETS = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")
QUERIES = (50, 100, 150)
LABELS, FREE, JUDGED = 50, 300, 2_000  # architectures to learn from, to pretrain on, and to judge by
RECIPE = "recipe."


def searched(dataset: str, seeds: int, joint: bool) -> np.ndarray:
    """The least loss after each number of queries over that of the table, (seeds, queries)."""
    table = wb.benchmark("fcnet", dataset=dataset)
    loss, ratios = table.measure("valid_loss"), []
    for seed in range(seeds):
        space = table.space if joint else at_a_recipe(table.space, seed)
        study = wb.search(space, loss, wb.sampler("joint_recipe", seed), max(QUERIES), progress=False)
        least = np.minimum.accumulate([trial.values[0] for trial in study.trials])
        ratios.append([least[min(n, len(least)) - 1] / table.optimum("valid_loss") for n in QUERIES])
    return np.array(ratios)


def at_a_recipe(space: wb.SearchSpace, seed: int) -> wb.SearchSpace:
    """The architectures at the recipe of a random one."""
    (arch,) = space.sample(1, seed=seed)
    return space.restrict({name: [answer] for name, answer in arch.decisions.items() if name.startswith(RECIPE)})


def pretrained(dataset: str, seeds: int) -> np.ndarray:
    """Kendall's tau of 50 labels' predictions, without and with parameters and training time first, (seeds, 2)."""
    frame = wb.benchmark("fcnet", dataset=dataset).table()
    space = wb.search_space("fcnet")
    free, taus = frame[["params_m", "train_time_s"]].to_numpy(), []
    values = -frame["valid_loss"].to_numpy()
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(frame))[: LABELS + JUDGED + FREE]
        archs = [space.parse(text) for text in frame.index[rows]]
        x = np.hstack([space.encode(archs, "one_hot"), space.encode(archs, "unit_cube")])
        known, judged, beside = np.split(np.arange(len(rows)), [LABELS, LABELS + JUDGED])
        models = TwoHeaded(seed=seed), TwoHeaded(seed=seed).pretrain(x[beside], free[rows[beside]])
        taus.append(
            [
                stats.kendalltau(model.fit(x[known], values[rows[known]]).predict(x[judged]), values[rows[judged]])[0]
                for model in models
            ]
        )
    return np.array(taus)


def main(seeds: int) -> None:
    """Print both tables."""
    start = time.process_time()
    print(
        f"least loss / that of the table after {QUERIES} queries, median of {seeds} seeds; share within 1.5 at the end"
    )
    for dataset in DATASETS:
        for joint in (True, False):
            ratios = searched(dataset, seeds, joint)
            median = "".join(f"{ratio:9.2f}" for ratio in np.median(ratios, axis=0))
            words = "joint" if joint else "network at a random recipe"
            print(f"{dataset:28s}{words:28s}{median}{(ratios[:, -1] <= 1.5).mean():8.2f}", flush=True)
    print(
        f"\nKendall's tau from {LABELS} labels, mean of {seeds} seeds: without and with pretraining, p of a difference"
    )
    for dataset in DATASETS:
        taus = pretrained(dataset, seeds)
        p = stats.wilcoxon(taus[:, 1] - taus[:, 0]).pvalue
        print(f"{dataset:28s}{taus[:, 0].mean():8.3f}{taus[:, 1].mean():8.3f}{p:10.2g}", flush=True)
    print(f"{time.process_time() - start:.0f} s CPU")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
