"""Normal scores: the quantiles of ranks, in order within and beyond, and back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workbench.predictors.normal_scores import NormalScores


def test_they_are_the_normal_quantiles_of_mean_ranks() -> None:
    values = np.random.default_rng(0).integers(0, 20, 50).astype(float)
    expected = stats.norm.ppf((stats.rankdata(values) - 0.5) / 50)
    assert NormalScores(values)(values) == pytest.approx(expected)


def test_only_the_order_of_values_counts() -> None:
    values = np.random.default_rng(1).normal(size=30)
    assert NormalScores(values)(values) == pytest.approx(NormalScores(np.exp(values))(np.exp(values)))


def test_what_lies_beyond_keeps_its_order() -> None:
    scale = NormalScores(np.array([1.0, 2.0, 4.0]))
    scores = scale(np.array([-100.0, 0.0, 1.0, 3.0, 4.0, 5.0, 1000.0]))
    assert (np.diff(scores) > 0).all()


def test_an_outlier_gets_no_more_than_one_unit_beyond_the_ends() -> None:
    scale = NormalScores(np.array([1.0, 2.0, 4.0]))
    low, high = scale.range
    assert scale(np.array([-1e9, 1e9])) == pytest.approx([low - 1, high + 1])


def test_the_inverse_gives_the_values_back_and_goes_on_beyond_them() -> None:
    values = np.random.default_rng(2).normal(size=20)
    scale = NormalScores(values)
    within = np.linspace(values.min(), values.max(), 40)
    assert scale.inverse(scale(within)) == pytest.approx(within)
    low, high = scale.range
    slope = np.ptp(values) / (high - low)
    beyond = scale.inverse(np.array([low - 2, high + 3]))
    assert beyond == pytest.approx([values.min() - 2 * slope, values.max() + 3 * slope])


def test_equal_values_and_none_at_all_have_the_score_0() -> None:
    assert NormalScores(np.array([3.0, 3.0]))(np.array([1.0, 3.0, np.nan]))[:2].tolist() == [0.0, 0.0]
    assert NormalScores(np.array([3.0, 3.0])).inverse(np.zeros(2)).tolist() == [3.0, 3.0]
    assert NormalScores(np.array([np.nan]))(np.array([1.0])).tolist() == [0.0]


def test_what_is_missing_stays_missing_and_counts_for_nothing() -> None:
    values = np.array([2.0, np.nan, 1.0])
    scores = NormalScores(values)(values)
    assert np.isnan(scores[1])
    assert scores[[0, 2]] == pytest.approx(stats.norm.ppf([0.75, 0.25]))
