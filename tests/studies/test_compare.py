"""Comparing strategies over seeds, against curves measured independently."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.executors import Local
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.studies.compare import compare


def test_the_frame_has_a_row_for_every_strategy_seed_and_query() -> None:
    valid = benchmark("nasbench201", "cifar100").measure("valid_accuracy")
    frame = compare(["random", "regularized_evolution"], valid, range(3), 20, progress=False)
    assert len(frame) == 2 * 3 * 20
    assert frame.groupby(["strategy", "seed"])["query"].apply(list).map(lambda q: q == list(range(1, 21))).all()
    assert (frame["regret"] >= 0).all()
    for _, run in frame.groupby(["strategy", "seed"]):
        assert np.allclose(run["best"], run["value"].cummax())
        assert np.allclose(run["regret"], valid.optimum - run["best"])
        assert [valid(valid.space.parse(a)) for a in run["incumbent"]] == run["best"].tolist()


def test_the_incumbent_stays_when_it_is_only_equalled() -> None:
    space = benchmark("nasbench201", "cifar10").space
    flat = Measure("flat", "higher", lambda arch: 1.0, space=space)
    frame = compare(["random"], flat, [0], 5, progress=False)
    assert frame["incumbent"].nunique() == 1
    assert frame["incumbent"].iloc[0] == frame["architecture"].iloc[0]


def test_the_incumbent_chosen_by_one_measure_is_judged_by_another() -> None:
    bench = benchmark("nasbench201", "cifar100")
    latency = bench.measure("latency_ms")
    frame = compare(["random"], bench.measure("valid_accuracy"), [0], 30, report=latency, progress=False)
    assert frame["best"].tolist() == [latency(bench.space.parse(a)) for a in frame["incumbent"]]
    assert np.allclose(frame["regret"], frame["best"] - latency.optimum)
    assert not frame["best"].is_monotonic_decreasing


def test_processes_give_the_same_frame_as_one() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    here = compare(["random", "tpe"], valid, range(2), 15, progress=False)
    with Local(2) as executor:
        there = compare(["random", "tpe"], valid, range(2), 15, executor=executor, progress=False)
    assert here.equals(there)


def test_a_strategy_may_be_made_by_a_function_of_the_seed() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    mine = {"mine": partial(sampler, "random"), "random": "random"}
    frame = compare(mine, valid, [5], 10, progress=False)
    curves = [run["value"].tolist() for _, run in frame.groupby("strategy")]
    assert curves[0] == curves[1]


def test_wrong_arguments_are_refused_before_anything_runs() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    with pytest.raises(UnknownName, match="no sampler named 'evolution'. Did you mean 'regularized_evolution'"):
        compare(["random", "evolution"], valid, [0], 5)
    with pytest.raises(InvalidInput, match="at least one strategy"):
        compare([], valid, [0], 5)
    with pytest.raises(InvalidInput, match="'ones' does not say which space it measures: give space="):
        compare(["random"], Measure("ones", "higher", lambda arch: 1.0), [0], 5)


def test_evolution_is_within_the_reference_band_on_cifar100(
    shared_data: Callable[[str], Path],
) -> None:
    """Median test regret over 100 seeds at 50, 100 and 200 queries, against 200 independent seeds."""
    reference = shared_data("nb201_core.npz").parents[1] / "research" / "search_reference.csv"
    with reference.open() as file:
        row = next(
            r
            for r in csv.DictReader(file)
            if r["strategy"] == "regularized_evolution(pop30,tour10,no-duplicates)"
            and r["setting"] == "C100_val200"
            and r["count"] == "test_regret/trials"
        )
    official = np.load(shared_data("nb201_core.npz"))
    known = dict(zip(official["arch_str"].tolist(), official["cifar100_test_acc"].tolist(), strict=True))
    test = Measure("test_accuracy", "higher", lambda arch: known[str(arch)], optimum=max(known.values()))
    valid = benchmark("nasbench201", "cifar100").measure("valid_accuracy")
    frame = compare(["regularized_evolution"], valid, range(100), 200, report=test, progress=False)
    for query in (50, 100, 200):
        regret = frame.loc[frame["query"] == query, "regret"]
        assert float(row[f"q25_{query}"]) - 1e-9 <= regret.median() <= float(row[f"q75_{query}"]) + 1e-9
        assert regret.mean() <= float(row[f"mean{query}"]) + 3 * regret.std() / 10
