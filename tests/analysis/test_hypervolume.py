"""Hypervolume against Optuna's, against counted boxes, and on a real study."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

import workbench as wb
from workbench.analysis.hypervolume import hypervolume
from workbench.errors import InvalidInput, UnknownName


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 12), st.integers(0, 10_000))
def test_it_is_what_optuna_computes(k: int, n: int, seed: int) -> None:
    points = np.random.default_rng(seed).random((n, k)).round(1)
    inside = points[(points < 0.9).all(axis=1)]
    expected = compute_hypervolume(inside, np.full(k, 0.9)) if len(inside) else 0.0
    assert hypervolume(points, [0.9] * k) == pytest.approx(expected)


def test_it_is_the_share_of_a_grid_that_is_beaten() -> None:
    points = np.random.default_rng(1).random((6, 3))
    cells = (np.indices([60] * 3).reshape(3, -1).T + 0.5) / 60
    beaten = (cells[:, None] >= points[None]).all(axis=2).any(axis=1).mean()
    assert hypervolume(points, [1.0] * 3) == pytest.approx(beaten, abs=0.01)
    assert hypervolume(-points, [-1.0] * 3, better=["higher"] * 3) == pytest.approx(hypervolume(points, [1.0] * 3))


def test_what_is_not_better_than_the_reference_or_is_nan_counts_for_nothing() -> None:
    assert hypervolume([[2.0, 0.0], [0.0, 1.0], [np.nan, 0.0]], [1.0, 1.0]) == 0
    assert hypervolume([[0.5, 0.5], [2.0, 0.0]], [1.0, 1.0]) == 0.25


def test_a_study_grows_its_volume_query_by_query() -> None:
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    measures = [bench.measure("valid_accuracy"), bench.measure("latency_ms")]
    study = wb.search(bench.space, measures, "random", 60, progress=False)
    slowest = float(bench.table()["latency_ms"].max())
    reference = {"valid_accuracy": 0.0, "latency_ms": slowest}
    curve = hypervolume(study, reference, at=[10, 30, 60])
    assert isinstance(curve, list)
    assert curve == sorted(curve)
    assert 0 < curve[0] < curve[-1] == hypervolume(study, reference)
    best = max(t.values[0] for t in study.trials)
    assert curve[-1] <= best * (slowest - min(t.values[1] for t in study.trials))


def test_a_reference_is_asked_for_and_checked() -> None:
    with pytest.raises(InvalidInput, match="needs a finite number for each of 0, 1; got"):
        hypervolume([[1.0, 2.0]], [1.0])
    with pytest.raises(InvalidInput, match="needs a finite number"):
        hypervolume([[1.0, 2.0]], [1.0, float("inf")])
    with pytest.raises(UnknownName, match="no direction named 'up'"):
        hypervolume([[1.0, 2.0]], [1.0, 1.0], better=["up", "lower"])
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    study = wb.search(bench.space, bench.measure("valid_accuracy"), "random", 5, progress=False)
    with pytest.raises(UnknownName, match="no measure of this study named 'valid'. Did you mean 'valid_accuracy'"):
        hypervolume(study, {"valid": 0.0})
