"""Rank statistics and a closer look at agreement, on the real table and on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.aggregates import borda
from workbench.analysis.agreement import agreement
from workbench.analysis.closer import bias, ceiling, complementarity, stability
from workbench.analysis.statistics import catalogue, statistic
from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName


def reversed_and_right() -> tuple[np.ndarray, np.ndarray]:
    truth = np.random.default_rng(0).normal(size=60)
    return truth, -truth


@pytest.mark.parametrize("name", catalogue.names())
def test_the_truth_itself_is_best_and_its_reverse_is_worst(name: str) -> None:
    truth, worst = reversed_and_right()
    function = statistic(name)
    assert function(truth, truth) == pytest.approx(1.0)
    assert function(worst, truth) < 0.35


def test_ndcg_is_the_sum_over_places_that_the_papers_write() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=40), rng.uniform(60, 95, size=40)
    relevance = (y - y.min()) / (y.max() - y.min())
    found = sum((2 ** relevance[i] - 1) / np.log2(2 + place) for place, i in enumerate(np.argsort(-x)[:4]))
    ideal = sum((2**r - 1) / np.log2(2 + place) for place, r in enumerate(sorted(relevance, reverse=True)[:4]))
    assert statistic("ndcg")(x, y) == pytest.approx(found / ideal)
    assert statistic("weighted_kendall")(x, y) == pytest.approx(stats.weightedtau(x, y).statistic)


def test_agreement_takes_any_of_the_statistics_and_refuses_others() -> None:
    bench = benchmark("nasbench201", "cifar10")
    frame = bench.table()[["params_m"]].sample(300, random_state=0)
    frame.attrs["space"] = "nasbench201"
    found = agreement(frame, bench.measure("valid_accuracy"), n_boot=20, statistics=catalogue.names())
    assert {"ndcg", "ndcg_low", "top_hit", "best_quartile_high"} <= set(found.columns)
    assert found["spearman"].is_monotonic_decreasing
    assert (found["ndcg_low"] <= found["ndcg_high"]).all()
    with pytest.raises(UnknownName, match="no statistic named 'spearmen'. Did you mean 'spearman'"):
        agreement(frame, bench.measure("valid_accuracy"), statistics=["spearmen"])
    with pytest.raises(InvalidInput, match="at least one of the statistics"):
        agreement(frame, bench.measure("valid_accuracy"), statistics=[])


def frame_of(n: int = 400) -> tuple[pd.DataFrame, pd.Series]:
    """Size, size in disguise, and something that size does not know; the truth is size and that thing."""
    rng = np.random.default_rng(3)
    size, other = rng.normal(size=n), rng.normal(size=n)
    index = [f"arch {i}" for i in range(n)]
    frame = pd.DataFrame({"params": size, "live_params": size + 0.01 * rng.normal(size=n)}, index=index)
    frame["disguised"] = np.exp(size) + 0.05 * rng.normal(size=n)
    frame["other"] = other
    return frame, pd.Series(size + other, index=index)


def test_what_is_size_in_disguise_has_nothing_left_once_size_is_known() -> None:
    found = bias(*frame_of())
    assert found.index[0] == "other"
    assert found.loc["other", "partial"] > 0.9
    assert abs(found.loc["disguised", "partial"]) < 0.2
    assert found.loc["disguised", "spearman"] > 0.6
    assert found.loc["disguised", "with_given"] > 0.95
    with pytest.raises(UnknownName, match="no column of the frame named 'depth'"):
        bias(*frame_of(), given=["depth"])


def test_a_second_proxy_adds_what_the_first_does_not_know() -> None:
    table = complementarity(*frame_of())
    assert table.loc["params", "other"] > 0.2
    assert abs(table.loc["params", "disguised"]) < 0.03
    assert table.loc["other", "other"] == pytest.approx(0.69, abs=0.06)
    with pytest.raises(InvalidInput, match="Only 5 architectures have every score and a truth; 20 are needed"):
        complementarity(*(part.iloc[:5] for part in frame_of()))


def test_scores_that_change_with_the_seed_are_not_stable() -> None:
    frames = [frame_of()[0].assign(noise=np.random.default_rng(seed).normal(size=400)) for seed in range(3)]
    found = stability(frames)
    assert found.loc["other", ["pairs", "mean", "lowest"]].tolist() == [3, 1.0, 1.0]
    assert abs(found.loc["noise", "mean"]) < 0.15
    with pytest.raises(InvalidInput, match="at least 2 are needed; got 1"):
        stability(frames[:1])


def test_the_ceiling_is_how_well_one_training_agrees_with_another() -> None:
    found = ceiling(benchmark("nasbench201", "cifar10"), "valid_accuracy")
    assert found["spearman"] == pytest.approx(0.98, abs=0.02)
    assert 0.85 < found["kendall"] < 0.95  # measured between seeds of the test accuracy: 0.909
    with pytest.raises(InvalidInput, match="records no two training runs of 'latency_ms'"):
        ceiling(benchmark("nasbench201", "cifar10"), "latency_ms")


def test_borda_gives_every_proxy_one_voice_in_its_own_direction() -> None:
    frame = pd.DataFrame({"up": [1.0, 2.0, 3.0], "down": [1.0, 2.0, 3.0], "huge": [1.0, 1e9, np.nan]})
    frame.attrs["better"] = {"down": "lower"}
    assert borda(frame).tolist() == pytest.approx([(1 + 3 + 2) / 3, (2 + 2 + 3) / 3, (3 + 1 + 1) / 3])
    assert borda(frame, {"up": "lower", "down": "higher", "huge": "lower"}).idxmax() == 0
