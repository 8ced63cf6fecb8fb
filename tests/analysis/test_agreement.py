"""Agreement: the numbers are scipy's, the intervals cover, the baselines are always there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.agreement import agreement
from workbench.analysis.statistics import bootstrap, spearman
from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import search_space

SPACE = search_space("nasbench201")


def frame_of(n: int, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(columns, index=pd.Index([str(a) for a in SPACE.sample(n, seed=0)], name="architecture"))
    frame.attrs["space"] = "nasbench201"
    return frame


def test_parameters_reach_0751_and_live_parameters_0821_over_the_whole_space(
    shared_data: Callable[[str], Path],
) -> None:
    official = np.load(shared_data("nb201_core.npz"))
    truth = pd.Series(official["cifar10_test_acc"], index=official["arch_str"])
    frame = pd.DataFrame(index=truth.index)
    frame.attrs["space"] = "nasbench201"
    found = agreement(frame, truth, n_boot=1)
    assert found.loc["params", "spearman"] == pytest.approx(0.751, abs=0.002)
    assert found.loc["live_params", "spearman"] == pytest.approx(0.821, abs=0.002)
    assert found.loc["live_params", "kendall"] == pytest.approx(0.653, abs=0.002)
    assert found["baseline"].all()
    assert set(found["n"]) == {15_625}


def test_the_coefficients_are_scipys() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, 80).astype(float), rng.normal(size=80)
    found = agreement(frame_of(80, mine=x), pd.Series(y, index=frame_of(80).index), n_boot=20)
    assert found.loc["mine", "spearman"] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.loc["mine", "kendall"] == pytest.approx(stats.kendalltau(x, y).statistic)
    assert found.loc["mine", "spearman_low"] <= found.loc["mine", "spearman"] <= found.loc["mine", "spearman_high"]


def test_the_intervals_cover_a_known_correlation() -> None:
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman of a bivariate normal with correlation 0.6
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=120)
        y = 0.6 * x + 0.8 * rng.normal(size=120)
        interval = bootstrap(spearman, x, y, 200, rng)
        hits += interval.low <= truth <= interval.high
    assert 34 <= hits <= 40


def test_a_score_that_is_the_same_for_all_has_no_agreement_and_no_interval() -> None:
    truth = pd.Series(np.arange(30.0), index=frame_of(30).index)
    found = agreement(frame_of(30, same=np.ones(30)), truth, n_boot=20, statistics=["spearman", "kendall"])
    assert found.loc["same", ["spearman", "spearman_low", "kendall", "kendall_high"]].isna().all()
    assert found.index[-1] == "same"


def test_a_perfect_score_finds_every_top_architecture() -> None:
    goal = np.arange(50.0)
    truth = pd.Series(goal, index=frame_of(50).index)
    found = agreement(frame_of(50, good=goal, bad=-goal), truth, n_boot=5)
    assert found.loc["good", ["spearman", "kendall", "top"]].tolist() == [1.0, 1.0, 1.0]
    assert found.loc["bad", ["spearman", "kendall", "top"]].tolist() == [-1.0, -1.0, 0.0]
    turned = agreement(frame_of(50, bad=-goal), truth, n_boot=5, better={"bad": "lower"})
    assert turned.loc["bad", "spearman"] == 1.0


def test_scores_that_are_missing_are_counted_and_left_out() -> None:
    goal = np.arange(30.0)
    holes = np.where(np.arange(30) % 3 == 0, np.nan, goal)
    found = agreement(frame_of(30, holes=holes), pd.Series(goal, index=frame_of(30).index), n_boot=5)
    assert found.loc["holes", ["n", "missing"]].tolist() == [20, 10]
    assert found.loc["params", "n"] == 30


def test_a_measure_is_a_truth() -> None:
    valid = benchmark("nasbench201", "cifar10").measure("valid_accuracy")
    frame = frame_of(60)
    values = pd.Series([valid(SPACE.parse(t)) for t in frame.index], index=frame.index)
    assert agreement(frame, valid, n_boot=3).equals(agreement(frame, values, n_boot=3))


def test_a_benchmarks_own_table_can_be_judged() -> None:
    bench = benchmark("nasbench201", "cifar100")
    found = agreement(bench.table()[["latency_ms"]][:500], bench.measure("valid_accuracy"), n_boot=3)
    assert set(found.index) == {"latency_ms", "params", "live_params"}
    assert found.loc["live_params", "spearman"] > 0.5


def test_the_population_decides_the_number_and_is_stated() -> None:
    bench = benchmark("nasbench201")
    frame = pd.DataFrame(index=bench.table().index)
    frame.attrs["space"] = "nasbench201"
    truth = bench.measure("valid_accuracy")
    every = agreement(frame, truth, n_boot=1, statistics=["spearman"])
    cells = agreement(frame, truth, n_boot=1, statistics=["spearman"], population="functional")
    assert every.attrs["population"] == (
        "15,625 architectures of nasbench201 (5,390 functional classes), every one counted"
    )
    assert cells.attrs["population"] == "5,390 of 15,625 architectures of nasbench201, one of each functional class"
    assert set(every["n"]) == {15_625}
    assert set(cells["n"]) == {5_390}
    assert every.loc["live_params", "spearman"] > cells.loc["live_params", "spearman"] + 0.03
    with pytest.raises(UnknownName, match="no population named 'unique'. Known: all, functional, isomorphic"):
        agreement(frame, truth, population="unique")
    nameless = pd.DataFrame({"params": [1.0, 2, 3], "live_params": [1.0, 2, 3]}, index=["a", "b", "c"])
    with pytest.raises(InvalidInput, match="is a rule of a search space, and none is named"):
        agreement(nameless, {"a": 1.0, "b": 2.0, "c": 3.0}, population="functional")


def test_wrong_input_is_refused_in_words() -> None:
    frame = frame_of(10, mine=np.arange(10.0))
    truth = pd.Series(np.arange(10.0), index=frame.index)
    nameless = pd.DataFrame({"mine": np.arange(10.0)}, index=frame.index)
    with pytest.raises(InvalidInput, match="baselines params, live_params are not in the frame and cannot be counted"):
        agreement(nameless, truth)
    with pytest.raises(InvalidInput, match="truth has a value for none of the frame's architectures"):
        agreement(frame, pd.Series([1.0], index=["elsewhere"]))
    with pytest.raises(InvalidInput, match="An architecture stands in more than one row"):
        agreement(pd.concat([frame, frame]), truth)
    with pytest.raises(InvalidInput, match=r"'mine' and the truth share 2 architectures"):
        agreement(frame, truth[:2])
    with pytest.raises(InvalidInput, match="top is the fraction"):
        agreement(frame, truth, top=10)
