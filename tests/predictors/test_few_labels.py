"""What predictors learn from 50 labels on published proxies, beside every proxy alone and the number of parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb

LEARNED = ("ridge", "gaussian_process", "boosting", "extra_trees", "blend")
SHARED = ["epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "params", "plain", "snip", "synflow"]
PROXIES_101 = SHARED
PROXIES_201 = [*SHARED, "nwot", "zen"]


def kendall(frame: pd.DataFrame, truth: np.ndarray, predictors: tuple[str, ...], seeds: range) -> pd.DataFrame:
    """Tau on the rows without a label, by method (rows) and seed (columns); single proxies by their better sign."""
    found: dict[str, list[float]] = {}
    for seed in seeds:
        drawn = np.random.default_rng(seed).permutation(len(frame))
        known, held_out = drawn[:50], drawn[50:]

        def tau(scores: np.ndarray, rows: np.ndarray = held_out) -> float:
            return float(stats.kendalltau(scores, truth[rows]).statistic)

        for name in frame.columns:
            found.setdefault(name, []).append(abs(tau(frame[name].to_numpy()[held_out])))
        given = {"ridge on params": ("ridge", frame[["params"]]), **{name: (name, frame) for name in predictors}}
        for label, (name, table) in given.items():
            model = wb.predictor(name).fit(table.iloc[known], truth[known])
            found.setdefault(label, []).append(tau(model.predict(table.iloc[held_out])))
    return pd.DataFrame.from_dict(found, orient="index")


def test_fifty_labels_of_nasbench101_beat_every_proxy_and_ridge_on_parameters(
    shared_data: Callable[[str], Path],
) -> None:
    with np.load(shared_data("nb101_extract.npz")) as columns:
        table = pd.DataFrame({name: columns[name] for name in (*PROXIES_101, "val_accuracy")}).dropna().astype(float)
    assert len(table) == 500
    found = kendall(table[PROXIES_101], table["val_accuracy"].to_numpy(), ("extra_trees", "ridge"), range(3))
    rivals = found.drop(index=["extra_trees", "ridge"])
    assert rivals.mean(axis=1).max() == pytest.approx(0.52, abs=0.02)  # FLOPs: no proxy transfers to this space
    assert (found.loc["extra_trees"] > rivals.max() + 0.05).all()
    assert found.loc["ridge"].mean() > rivals.mean(axis=1).max()


@pytest.mark.slow
def test_ten_seeds_of_fifty_labels_on_the_published_proxies_of_two_spaces(shared_data: Callable[[str], Path]) -> None:
    with np.load(shared_data("nb201_zerocost_third.npz")) as columns:
        cells = pd.DataFrame({name: columns[name] for name in ("arch_str", "dataset", "source", *PROXIES_201)})
    cells = (
        cells[(cells["dataset"] == "cifar10") & (cells["source"] == "graf")]
        .set_index("arch_str")
        .astype(dict.fromkeys(PROXIES_201, float))
    )
    with np.load(shared_data("nb201_core.npz")) as core, np.load(shared_data("nb201_analytic.npz")) as counts:
        truth = pd.Series(core["cifar10_test_acc"], index=core["arch_str"])[cells.index].to_numpy()
        live = pd.Series(counts["live_params"].astype(float), index=core["arch_str"])[cells.index]
    on_201 = kendall(cells[PROXIES_201].assign(live_params=live), truth, LEARNED, range(10))
    with np.load(shared_data("nb101_extract.npz")) as columns:
        table = pd.DataFrame({name: columns[name] for name in (*PROXIES_101, "val_accuracy")}).dropna().astype(float)
    on_101 = kendall(table[PROXIES_101], table["val_accuracy"].to_numpy(), LEARNED, range(10))
    for found in (on_201, on_101):
        rivals = found.drop(index=list(LEARNED))
        for name in LEARNED:
            assert found.loc[name].mean() > rivals.mean(axis=1).max()
        assert (found.loc["blend"] > rivals.max()).all()
