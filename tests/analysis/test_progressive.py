"""Agreement made a little at a time: resamples by counting are resamples by sorting, gaps are pairwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.analysis.progressive import Progressive, rank_correlations, resamples, spearman_by_counting
from workbench.analysis.statistics import bootstrap, kendall, spearman, statistic
from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    """Real columns with ties and gaps: the third training run is missing for half of the architectures."""
    table = benchmark("nasbench201", dataset="cifar10").table().iloc[::41]
    names = ("valid_accuracy", "latency_ms", "params_m", "valid_accuracy_seed2")
    return {name: table[name].to_numpy(float) for name in names}


def test_a_resample_by_counting_is_the_one_by_sorting(columns: dict[str, np.ndarray]) -> None:
    x, y = np.stack([columns["latency_ms"], columns["params_m"]]), columns["valid_accuracy"][None]
    draw = spearman_by_counting(x, y)
    for seed in range(3):
        chosen = np.random.default_rng(seed).integers(x.shape[1], size=x.shape[1])
        expected = [[stats.spearmanr(row[chosen], y[0][chosen]).statistic] for row in x]
        np.testing.assert_allclose(draw(chosen), expected, rtol=1e-12)


def test_finished_intervals_are_those_of_the_plain_bootstrap(columns: dict[str, np.ndarray]) -> None:
    truth = columns["valid_accuracy"]
    for name, function in (("spearman", spearman), ("kendall", kendall)):
        found = Progressive({"run": columns["valid_accuracy_seed2"]}, {"truth": truth}, name, 20)
        found.finish()
        known = np.isfinite(columns["valid_accuracy_seed2"])
        x, y = columns["valid_accuracy_seed2"][known], truth[known]
        expected = bootstrap(function, x, y, 20, np.random.default_rng(0))
        assert found.found("run", "truth") == pytest.approx(expected, rel=1e-12)


def test_work_stops_when_its_time_is_over_and_goes_on_where_it_stopped(columns: dict[str, np.ndarray]) -> None:
    found = Progressive({"a": columns["latency_ms"]}, {"t": columns["valid_accuracy"]}, "kendall", 40)
    assert np.isnan(found.found("a", "t").value)
    assert not found.work("t", 0.0)
    while not found.work("t", 0.001):
        assert found.made("t") <= 40
    assert found.made("t") == 40
    whole = Progressive({"a": columns["latency_ms"]}, {"t": columns["valid_accuracy"]}, "kendall", 40)
    whole.finish()
    assert found.found("a", "t") == whole.found("a", "t")


def test_only_the_truth_that_is_looked_at_gets_intervals_and_all_get_values(columns: dict[str, np.ndarray]) -> None:
    truths = {"t": columns["valid_accuracy"], "u": columns["params_m"]}
    found = Progressive({"a": columns["latency_ms"]}, truths, "kendall", 20)
    found.work("u", 60.0)
    assert (found.made("u"), found.made("t")) == (20, 0)
    assert found.found("a", "t").value == pytest.approx(kendall(columns["latency_ms"], truths["t"]))
    assert np.isnan(found.found("a", "t").low)


def test_scores_turned_round_leave_the_others_as_they_were(columns: dict[str, np.ndarray]) -> None:
    scores = {"a": columns["latency_ms"], "b": columns["params_m"]}
    found = Progressive(scores, {"t": columns["valid_accuracy"]}, "spearman", 20)
    found.finish()
    before = found.found("a", "t"), found.found("b", "t")
    found.turn("a", -scores["a"])
    assert found.found("b", "t") == before[1]
    found.finish()
    assert found.found("a", "t") == pytest.approx((-before[0].value, -before[0].high, -before[0].low))


@pytest.mark.parametrize("name", ["spearman", "kendall", "top"])
def test_within_some_rows_the_statistic_is_that_of_these_rows(columns: dict[str, np.ndarray], name: str) -> None:
    truth, rows = columns["valid_accuracy"], np.arange(3, 200, 2)
    scores = {"a": columns["latency_ms"], "gaps": columns["valid_accuracy_seed2"]}
    found = Progressive(scores, {"t": truth}, name).within(rows, "t")
    for label, x in scores.items():
        own = rows[np.isfinite(x[rows])]
        assert found[label] == pytest.approx(statistic(name)(x[own], truth[own]))
    assert np.isnan(Progressive(scores, {"t": truth}, name).within(np.array([1, 2]), "t")["a"])


def test_correlations_of_columns_with_gaps_are_pairwise(columns: dict[str, np.ndarray]) -> None:
    table = pd.DataFrame(columns)
    table.iloc[:30, 1] = np.nan
    table["flat"] = 1.0
    found = rank_correlations(table.to_numpy().T)
    np.testing.assert_allclose(found, table.corr("spearman").to_numpy(), atol=1e-12)


def test_large_tables_get_fewer_resamples() -> None:
    assert [resamples("spearman", n) for n in (200, 15_625, 10**6)] == [1000, 204, 20]
    assert [resamples("kendall", n) for n in (200, 15_625)] == [1000, 38]


def test_pairs_that_share_too_little_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'a' and 't' share 2 architectures; 3 are needed"):
        Progressive({"a": np.array([1.0, 2, np.nan])}, {"t": np.arange(3.0)})
    with pytest.raises(InvalidInput, match="n_boot must be at least 1; got 0"):
        Progressive({"a": np.arange(3.0)}, {"t": np.arange(3.0)}, n_boot=0)
