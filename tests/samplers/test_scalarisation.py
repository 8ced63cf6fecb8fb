"""Several objectives as one number: the weighted Chebyshev value, and the weights that a study keeps."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from workbench.samplers.scalarisation import AUGMENTATION, objective_names, scalarised, weights_of


def plain(rows: list[list[float]], weights: list[float]) -> list[float]:
    """ParEGO's value, one row after the other."""
    columns = list(zip(*rows, strict=True))
    best, worst = list(map(max, columns)), list(map(min, columns))
    found = []
    for row in rows:
        loss = [(b - v) / (b - w) if b > w else 0.0 for v, b, w in zip(row, best, worst, strict=True)]
        parts = [weight / sum(weights) * one for weight, one in zip(weights, loss, strict=True)]
        found.append(-max(parts) - AUGMENTATION * sum(parts))
    return found


@pytest.mark.parametrize("k", [1, 2, 4])
def test_it_is_the_augmented_weighted_distance_from_the_ideal_point(k: int) -> None:
    rng = np.random.default_rng(k)
    rows, weights = rng.normal(size=(50, k)), rng.uniform(0.1, 2, k)
    assert scalarised(rows, weights.tolist()) == pytest.approx(plain(rows.tolist(), weights.tolist()))


def test_neither_units_nor_offsets_nor_the_sum_of_the_weights_matter() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    once = scalarised(rows, [1, 2, 3])
    assert scalarised(rows * [1000, 0.01, 7] + [5, -9, 0], [10, 20, 30]) == pytest.approx(once)
    assert scalarised(rows, [0, 0, 0]) == pytest.approx(scalarised(rows, [1, 1, 1]))


def test_a_weight_moves_the_best_row_towards_its_objective() -> None:
    front = np.array([[0.0, 1.0], [0.4, 0.8], [0.7, 0.6], [0.9, 0.3], [1.0, 0.0]])
    best = [int(np.argmax(scalarised(front, [w, 1 - w]))) for w in (0.0, 0.3, 0.6, 0.8, 1.0)]
    assert best == sorted(best)
    assert (best[0], best[-1]) == (0, 4)


def test_the_value_of_what_another_row_beats_everywhere_is_lower() -> None:
    rows = np.random.default_rng(1).normal(size=(60, 2))
    values = scalarised(rows, [0.3, 0.7])
    for i, row in enumerate(rows):
        beaten = (rows < row).all(axis=1)
        assert (values[beaten] < values[i]).all()


def test_awkward_histories_do_no_harm() -> None:
    assert scalarised(np.zeros((0, 2)), [1, 1]).shape == (0,)
    assert scalarised([[3.0, 4.0]], [1, 1]).tolist() == [0.0]
    assert scalarised([[3.0, 4.0], [3.0, 5.0]], [1, 1])[1] == 0
    got = scalarised([[np.nan, 1.0], [0.0, 1.0], [1.0, -np.inf], [2.0, 3.0], [np.inf, 2.0]], [1, 1])
    assert np.isnan(got[0])
    assert np.isfinite(got[1:]).all()
    assert got[3] == 0  # the best finite value in both
    assert scalarised([[np.inf, 1.0], [np.inf, 2.0]], [1, 1])[1] == 0


def test_the_weights_of_a_study_come_in_the_order_of_its_objectives() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    assert objective_names(study) == ["value_0", "value_1"]
    assert weights_of(study) is None
    study.set_user_attr("measures", ["accuracy", "latency"])
    study.set_user_attr("weights", {"latency": 3.0})
    assert objective_names(study) == ["accuracy", "latency"]
    assert weights_of(study) == (1.0, 3.0)
