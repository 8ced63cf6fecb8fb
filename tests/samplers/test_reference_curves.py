"""The cheap strategies beside measured curves of other implementations on NAS-Bench-201."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from workbench.analysis.intervals import interval
from workbench.benchmarks import benchmark
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.studies.compare import compare

SharedData = Callable[[str], Path]
REFERENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "random": ("random", {}),
    "local_search(best-visited, no restart)": ("local_search", {}),
    "local_search(first-improvement,restart)": ("local_search", {"variant": "first_improvement"}),
    "local_search(best-of-neighbourhood,restart)": ("local_search", {"variant": "whole_neighborhood"}),
    "mutation_only(top1)": ("mutation_only", {}),
    "regularized_evolution(pop30,tour10,no-duplicates)": ("regularized_evolution", {}),
    "regularized_evolution(pop50,init50,tour10)": ("regularized_evolution", {"initial": 50, "population": 50}),
    "DE(rand1bin,pop20,F.5,CR.5)": ("differential_evolution", {}),
    "NSGAII(optuna,pop20)": ("nsga2", {}),
}
QUERIES = (50, 100, 200)
# Median and mean of the validation regret on CIFAR-100, after 50, 100 and 200 queries, of 200 searches each.
MEASURED = {
    "random": ((2.67, 2.53), (2.23, 2.12), (1.65, 1.59)),
    "local_search(best-visited, no restart)": ((0.41, 0.82), (0.0, 0.22), (0.0, 0.0)),
    "mutation_only(top1)": ((0.55, 1.01), (0.0, 0.25), (0.0, 0.0)),
    "regularized_evolution(pop30,tour10,no-duplicates)": ((0.75, 1.13), (0.0, 0.30), (0.0, 0.03)),
    "DE(rand1bin,pop20,F.5,CR.5)": ((2.55, 2.36), (1.73, 1.60), (0.53, 0.71)),
}


def regrets(name: str, settings: dict[str, Any], measure: Measure, report: Measure | None, n: int) -> np.ndarray:
    """Regret of `n` searches after each of QUERIES, (n, 3)."""
    make = partial(sampler, name, **settings)
    frame = compare({name: make}, measure, range(n), max(QUERIES), report=report, progress=False)
    found: np.ndarray = frame.pivot(index="seed", columns="query", values="regret")[list(QUERIES)].to_numpy()
    return found


def accuracy(dataset: str) -> Measure:
    return benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")


@pytest.mark.parametrize("row", MEASURED)
def test_a_few_searches_come_near_the_measured_curve(row: str) -> None:
    """20 seeds, judged by validation accuracy: no reference file is needed."""
    found = regrets(*REFERENCES[row], accuracy("cifar100"), None, 20)
    for (median, mean), values in zip(MEASURED[row], found.T, strict=True):
        assert np.median(values) <= median + 0.8
        assert values.mean() <= mean + 0.5
        assert values.mean() >= 0.4 * mean - 0.2  # much better would be another strategy, or a leak


@pytest.mark.slow
@pytest.mark.parametrize("row", REFERENCES)
def test_a_strategy_is_at_or_below_its_measured_curve(row: str, shared_data: SharedData) -> None:
    """100 seeds, test regret on CIFAR-100 and validation regret on ImageNet16-120."""
    columns = np.load(shared_data("nb201_core.npz"))
    truth = dict(zip(columns["arch_str"].tolist(), columns["cifar100_test_acc"].tolist(), strict=True))
    test = Measure("test", "higher", lambda arch: truth[str(arch)], optimum=max(truth.values()))
    path = shared_data("../research/search_reference.csv")
    with path.open(newline="", encoding="utf-8") as file:
        known = {(r["strategy"], r["setting"], r["count"]): r for r in csv.DictReader(file)}
    cases = [("cifar100", test, "C100_val200", "test_regret/trials")]
    cases += [("imagenet16_120", None, "IN16_val200", "objective_regret/trials")]
    for dataset, report, setting, count in cases:
        reference = known.get((row, setting, count))
        if reference is None:  # one of them was not run on ImageNet16-120
            continue
        found = regrets(*REFERENCES[row], accuracy(dataset), report, 100)
        for query, values in zip(QUERIES, found.T, strict=True):
            # The reference is a sample too: what its quartiles say of its own uncertainty is let through.
            spread = float(reference[f"q75_{query}"]) - float(reference[f"q25_{query}"])
            reach = 1.96 * spread / 1.349 / float(reference["seeds"]) ** 0.5 + 0.005
            mean, median = (interval(partial(of, axis=-1), values, n_boot=2000) for of in (np.mean, np.median))
            assert mean.low <= float(reference[f"mean{query}"]) + reach, (dataset, query)
            assert median.low <= float(reference[f"med{query}"]) + 1.2533 * reach, (dataset, query)


@pytest.mark.slow
def test_the_genetic_algorithm_without_a_reference_beats_random_search() -> None:
    for dataset in ("cifar100", "imagenet16_120"):
        ours, random = (regrets(name, {}, accuracy(dataset), None, 100) for name in ("genetic", "random"))
        for at in (1, 2):  # after 100 and 200 queries
            assert stats.mannwhitneyu(ours[:, at], random[:, at], alternative="less").pvalue < 0.01
