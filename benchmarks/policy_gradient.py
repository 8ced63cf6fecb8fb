"""What the policy-gradient strategies reach: against random search and evolution, under a limit; what they remember.

python benchmarks/policy_gradient.py nasbench201 [SEEDS]      regret at 50, 100, 200 queries, and p against random
python benchmarks/policy_gradient.py nasbench_graph [SEEDS]   auto_gnn and regularized evolution on eight data sets
python benchmarks/policy_gradient.py fcnet [SEEDS]            tabnas under a limit, and the absolute-value reward
python benchmarks/policy_gradient.py hidden_states [SEEDS]    the LSTM controller without and with its memory buffer
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.stats import mannwhitneyu, spearmanr, wilcoxon

import workbench as wb
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.samplers.domain import SpaceDomain
from workbench.samplers.history import History, Told
from workbench.samplers.policies.controller import LSTMController

QUERIES = [50, 100, 200]
STRATEGIES = ["reinforce", "lstm_controller", "rena", "auto_gnn", "tabnas"]
GRAPHS = ["cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv"]
SHARE = 0.3  # of the configurations of FCNet, by parameters, that the limit lets through
PENALTIES = [0.03, 0.1, 0.3, 1.0]  # weights of the absolute-value reward


def nasbench201(seeds: int) -> None:
    """Median and mean validation regret, and the one-sided Mann-Whitney p against random search."""
    for dataset in ("cifar100", "imagenet16_120"):
        accuracy = wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")
        regrets = {name: _regrets(name, accuracy, seeds) for name in ["random", *STRATEGIES]}
        print(f"\n{dataset}, {seeds} seeds: median / mean validation regret at {QUERIES} queries, p against random")
        for name, found in regrets.items():
            cells = [
                f"{np.median(found[:, i]):5.2f} /{found[:, i].mean():5.2f} "
                f"p={mannwhitneyu(found[:, i], regrets['random'][:, i], alternative='less').pvalue:.0e}"
                for i in range(len(QUERIES))
            ]
            print(f"{name:16s}", "   ".join(cells), flush=True)


def nasbench_graph(seeds: int) -> None:
    """Validation regret at 200 queries, and on how many data sets auto_gnn is at or below evolution."""
    medians = means = 0
    for dataset in GRAPHS:
        accuracy = wb.benchmark("nasbench_graph", dataset=dataset).measure("valid_accuracy")
        ours, theirs = (_regrets(name, accuracy, seeds)[:, -1] for name in ("auto_gnn", "regularized_evolution"))
        medians += np.median(ours) <= np.median(theirs)
        means += ours.mean() <= theirs.mean()
        print(
            f"{dataset:10s} auto_gnn {np.median(ours):.2f} / {ours.mean():.2f}"
            f"   regularized_evolution {np.median(theirs):.2f} / {theirs.mean():.2f}",
            flush=True,
        )
    print(f"auto_gnn at or below evolution: {medians} of {len(GRAPHS)} by the median, {means} by the mean")


def fcnet(seeds: int) -> None:
    """The best feasible loss of 100 queries: tabnas against the same policy with the reward of MnasNet and TuNAS."""
    for dataset in ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"):
        bench = wb.benchmark("fcnet", dataset=dataset)
        loss, size = bench.measure("valid_loss"), bench.measure("params_m")
        limit = float(np.quantile([size(arch) for arch in bench.space.sample(2000, seed=0)], SHARE))
        objective = partial(_quality, loss)
        ours = _feasible_best(objective, size, limit, seeds, feasible={size: limit})
        print(f"\n{dataset}, at most {limit:.4f} M parameters, {seeds} seeds: best feasible -log10 loss of 100 queries")
        print(f"tabnas              {np.median(ours):.4f}")
        for weight in PENALTIES:
            reward = partial(_absolute, objective, size, limit, weight)
            theirs = _feasible_best(objective, size, limit, seeds, reward=reward)
            print(
                f"absolute, {weight:<8g}  {np.median(theirs):.4f}  tabnas is as good in {(ours >= theirs).mean():.0%}"
            )


def hidden_states(seeds: int) -> None:
    """Spearman's correlation of the distances of hidden states with Weisfeiler-Lehman distances, over 100 cells."""
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    space = accuracy.space
    assert space is not None
    archs = space.sample(100, seed=0)
    pairs = np.triu_indices(len(archs), 1)
    wl = wb.distances(archs, "wl")[pairs]
    print(f"hamming distance against WL distance: {spearmanr(wb.distances(archs)[pairs], wl).statistic:.3f}")
    found: dict[int, list[float]] = {0: [], 1000: []}
    for memory, correlations in found.items():
        for seed in range(seeds):
            study = wb.search(
                space, accuracy, sampler("lstm_controller", seed, memory=memory), 200, seed=seed, progress=False
            )
            history = History.of([Told(t.params, t.values[0], t.number) for t in study.trials])
            strategy = LSTMController(memory=memory, seed=seed)
            states = strategy.hidden_states(SpaceDomain(space), history, [dict(arch.decisions) for arch in archs])
            apart = np.linalg.norm(states[:, None] - states[None], axis=2)[pairs]
            correlations.append(float(spearmanr(apart, wl).statistic))
        print(
            f"memory={memory}: mean {np.mean(correlations):.3f}, all {np.round(correlations, 2).tolist()}", flush=True
        )
    print(f"more with the buffer: Wilcoxon p = {wilcoxon(found[1000], found[0], alternative='greater').pvalue:.1e}")


def _regrets(name: str, measure: Measure, seeds: int) -> np.ndarray:
    frame = wb.compare(name, measure, range(seeds), max(QUERIES), progress=False)
    return frame[frame["query"].isin(QUERIES)].pivot(index="seed", columns="query", values="regret").to_numpy()


def _quality(loss: Measure, arch: wb.Architecture) -> float:
    return -float(np.log10(loss(arch)))


def _absolute(
    quality: Callable[[wb.Architecture], float], size: Measure, limit: float, weight: float, arch: wb.Architecture
) -> float:
    """The quality less `weight` times the distance from the limit, as a share of it (Bender et al., CVPR 2020)."""
    return quality(arch) - weight * abs(size(arch) / limit - 1)


def _feasible_best(
    quality: Callable[[wb.Architecture], float],
    size: Measure,
    limit: float,
    seeds: int,
    reward: Callable[[wb.Architecture], float] | None = None,
    **settings: object,
) -> np.ndarray:
    space = size.space
    assert space is not None
    measure = Measure("reward", "higher", reward or quality)
    best = []
    for seed in range(seeds):
        study = wb.search(space, measure, sampler("tabnas", seed, **settings), 100, seed=seed, progress=False)
        archs = [space.parse(trial.user_attrs["architecture"]) for trial in study.trials]
        best.append(max((quality(arch) for arch in archs if size(arch) <= limit), default=-np.inf))
    return np.array(best)


if __name__ == "__main__":
    PARTS = {part.__name__: part for part in (nasbench201, nasbench_graph, fcnet, hidden_states)}
    PARTS[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 100)
