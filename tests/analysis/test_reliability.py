"""Reliability of comparisons: where the answer is known, and on real searches."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from workbench.analysis.reliability import agreement_of_rankings, reliability
from workbench.errors import InvalidInput


def scores(gap: float, units: int = 40, systems: int = 4, seed: int = 0) -> pd.DataFrame:
    """Systems that are `gap` standard deviations of a unit apart."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        rng.normal(size=(systems, units)) + gap * np.arange(systems)[:, None], index=list("abcdefgh")[:systems]
    )


def test_a_clear_winner_survives_always_and_an_unclear_one_often_not() -> None:
    clear, unclear = reliability(scores(50.0)), reliability(scores(0.0))
    assert (clear[["kendall", "same_winner"]] == 1).all(axis=None)
    assert clear.attrs["winner"] == "d"
    assert clear.attrs["ranking"] == ["d", "c", "b", "a"]
    assert unclear.loc[1, "same_winner"] < 0.5
    assert clear.index.tolist() == [1, 2, 3, 5, 7, 10, 15, 20, 30, 40]


def test_more_seeds_are_more_reliable() -> None:
    table = reliability(scores(0.4), draws=400)
    assert table["kendall"].is_monotonic_increasing or table["kendall"].diff().min() > -0.03
    assert table.loc[40, "kendall"] > table.loc[1, "kendall"] + 0.3
    assert table.loc[40, "same_winner"] > table.loc[1, "same_winner"] + 0.2
    assert (table["kendall_low"] <= table["kendall_high"]).all()


def test_a_draw_of_one_of_two_systems_is_a_binomial() -> None:
    """B beats a in 6 of 10 units by 1 and loses 4 by 1: of n units drawn, b leads where it has the majority."""
    table = pd.DataFrame([[0.0] * 10, [1.0] * 6 + [-1.0] * 4], index=["a", "b"])
    found = reliability(table, sizes=[1, 3, 5], draws=20_000, n_boot=1)
    for n in (1, 3, 5):
        majority = sum(comb(n, k) * 0.6**k * 0.4 ** (n - k) for k in range(n // 2 + 1, n + 1))
        assert found.loc[n, "same_winner"] == pytest.approx(majority, abs=0.015)
        assert found.loc[n, "kendall"] == pytest.approx(2 * majority - 1, abs=0.03)


def test_leaving_out_is_without_replacement() -> None:
    table = pd.DataFrame([[1.0, 1.0, 1.0, 1.0], [5.0, 0.0, 0.0, 0.0]], index=["steady", "lucky"])
    found = reliability(table, sizes=[3], replace=False, draws=8000, n_boot=1)
    assert found.attrs["winner"] == "lucky"
    assert found.loc[3, "same_winner"] == pytest.approx(3 / 4, abs=0.02)  # without the first unit it is steady


def test_what_is_missing_is_left_out_of_the_decision() -> None:
    table = scores(30.0).astype(float)
    table.iloc[3, :39] = np.nan
    for by in ("mean", "median", "borda"):
        found = reliability(table, by=by, draws=20, n_boot=3)
        assert found.notna().all(axis=None)
        assert found.attrs["winner"] == "d"


def test_median_and_borda_decide_too() -> None:
    table = pd.DataFrame([[1.0] * 9, [0.9] * 8 + [100.0]], index=["usual", "outlier"])
    winners = {by: reliability(table, by=by, draws=5, n_boot=2).attrs["winner"] for by in ("mean", "median", "borda")}
    assert winners == {"mean": "outlier", "median": "usual", "borda": "usual"}


def test_agreement_is_kendalls_tau_b() -> None:
    rng = np.random.default_rng(0)
    many, one = rng.integers(0, 4, (50, 6)).astype(float), rng.integers(0, 4, 6).astype(float)
    theirs = [stats.kendalltau(row, one).statistic for row in many]
    assert agreement_of_rankings(many, one).tolist() == pytest.approx(theirs)
    assert agreement_of_rankings(np.zeros((1, 3)), np.zeros(3)).tolist() == [1.0]
    assert agreement_of_rankings(np.zeros((1, 3)), np.arange(3.0)).tolist() == [0.0]


def test_four_seeds_of_real_searches_are_a_poor_ground() -> None:
    """Random search and evolution on CIFAR-100 after 20 queries: four seeds often name another winner."""
    valid = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    frame = wb.compare(["random", "regularized_evolution"], valid, range(16), 20, progress=False)
    found = reliability(frame, sizes=[4, 16], by="median")
    assert found.loc[4, "same_winner"] < found.loc[16, "same_winner"]
    assert found.loc[4, "kendall"] < 0.95
    assert found.attrs["units"] == 16


def test_tasks_may_be_drawn_anew_too() -> None:
    frames = {}
    for task in range(4):
        rng = np.random.default_rng(task)
        rows = [
            {"strategy": name, "seed": seed, "query": 1, "best": level + rng.normal()}
            for name, level in (("a", 0.0), ("b", 9.0))
            for seed in range(5)
        ]
        frames[str(task)] = pd.DataFrame(rows)
        frames[str(task)].attrs["better"] = {"best": "higher"}
    found = reliability(frames, by="borda", draws=10, n_boot=2)
    assert found.attrs["units"] == 4
    assert found.attrs["winner"] == "b"


def test_wrong_arguments_are_refused() -> None:
    table = scores(1.0, units=5)
    with pytest.raises(InvalidInput, match="by must be 'mean', 'median' or 'borda'; got 'mode'"):
        reliability(table, by="mode")
    with pytest.raises(InvalidInput, match="at least 1 and at most 5, as many as there are; got"):
        reliability(table, sizes=[6], replace=False)
    with pytest.raises(InvalidInput, match="two systems and two seeds or tasks"):
        reliability(table.iloc[:1])
    with pytest.raises(InvalidInput, match="draws and n_boot must be at least 1"):
        reliability(table, draws=0)
    with pytest.raises(InvalidInput, match="better must be"):
        reliability(table, better="more")
