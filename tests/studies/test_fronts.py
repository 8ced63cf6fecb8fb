"""Fronts: what nothing beats, the knee, the choice by weights, each against a plain second implementation."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest

from workbench.samplers.scalarisation import chebyshev, losses
from workbench.studies.fronts import knee, non_dominated, within


def unbeaten(points: np.ndarray) -> list[bool]:
    """Every point against every other one."""
    rows = [tuple(row) for row in points]
    known = [row for row in rows if not any(np.isnan(row))]

    def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return a != b and all(x >= y for x, y in zip(a, b, strict=True))

    return [not any(np.isnan(row)) and not any(beats(other, row) for other in known) for row in rows]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("levels", [3, 8, 1000])
def test_the_front_is_what_nothing_beats_ties_and_missing_numbers_included(k: int, levels: int) -> None:
    rng = np.random.default_rng(k * levels)
    points = rng.integers(levels, size=(160, k)).astype(float)
    points[rng.random(points.shape) < 0.02] = np.nan
    points[rng.random(points.shape) < 0.01] = np.inf
    assert non_dominated(points).tolist() == unbeaten(points)


def test_equal_points_are_on_the_front_together() -> None:
    assert non_dominated([[1, 2], [1, 2], [2, 1], [1, 1]]).tolist() == [True, True, True, False]
    assert non_dominated(np.full((3, 2), np.nan)).tolist() == [False, False, False]
    assert non_dominated(np.zeros((0, 3))).tolist() == []


def test_a_whole_table_takes_less_than_a_second() -> None:
    points = np.random.default_rng(0).normal(size=(15_625, 4))
    began = perf_counter()
    kept = non_dominated(points)
    assert perf_counter() - began < 5  # a loaded machine is given room
    assert 100 < kept.sum() < 2000


def test_losses_go_from_the_best_to_the_worst_of_the_front() -> None:
    found = losses(np.array([[90.0, 1.0, 7.0], [92.0, 5.0, 7.0], [91.0, 2.0, 7.0]]), [1, -1, 1])
    assert found.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.25, 0.0]]


def test_chebyshev_reaches_a_dent_that_no_weighted_sum_does() -> None:
    front = np.array([[0.0, 1.0], [0.6, 0.6], [1.0, 0.0]])  # the middle lies behind the line between the ends
    assert int(np.argmin(chebyshev(front, [1, 1]))) == 1
    for share in np.linspace(0, 1, 101):
        assert int(np.argmin(front @ [share, 1 - share])) != 1


def test_weights_of_nought_count_as_equal_and_only_their_ratio_matters() -> None:
    front = np.random.default_rng(1).random((9, 3))
    assert chebyshev(front, [0, 0, 0]).tolist() == chebyshev(front, [5, 5, 5]).tolist()
    np.testing.assert_allclose(chebyshev(front, [1, 2, 3]), chebyshev(front, [10, 20, 30]))
    assert int(np.argmin(chebyshev(front, [0, 1, 0]))) == int(np.argmin(front[:, 1]))


def test_the_augmentation_decides_between_ties() -> None:
    assert int(np.argmin(chebyshev(np.array([[0.5, 0.5], [0.5, 0.2]]), [1, 1]))) == 1


def test_the_knee_of_two_objectives_is_farthest_from_the_line_between_the_ends() -> None:
    x = np.linspace(0, 1, 41)
    curve = np.stack([x, (1 - np.sqrt(x)) ** 2], axis=1)
    ends, normal = curve[[0, -1]], np.array([1.0, 1.0]) / np.sqrt(2)
    distances = (ends[0] - curve) @ normal
    assert knee(curve) == int(np.argmax(distances))
    assert curve[knee(curve) or 0].tolist() == pytest.approx([0.25, 0.25], abs=0.03)


def test_the_knee_of_three_objectives_is_farthest_from_the_plane_of_the_extremes() -> None:
    rng = np.random.default_rng(2)
    sphere = 1 - np.abs(rng.normal(size=(400, 3)))
    sphere = 1 - (1 - sphere) / np.linalg.norm(1 - sphere, axis=1, keepdims=True)
    front = losses(-sphere, [1, 1, 1])
    extremes = front[[int(np.argmin(front[:, i])) for i in range(3)]]
    normal = np.cross(extremes[1] - extremes[0], extremes[2] - extremes[0])
    normal *= np.sign(normal @ extremes[0]) / np.linalg.norm(normal)
    assert knee(front) == int(np.argmax((extremes[0] - front) @ normal))


def test_a_straight_or_tiny_front_has_no_knee() -> None:
    assert knee(np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])) is None
    assert knee(np.array([[0.0, 1.0], [0.6, 0.6], [1.0, 0.0]])) is None
    assert knee(np.array([[0.0, 1.0], [1.0, 0.0]])) is None
    assert knee(np.zeros((1, 2))) is None


def test_limits_are_met_from_the_better_side() -> None:
    front = np.array([[90.0, 1.0], [91.0, 2.0], [92.0, 5.0]])
    assert within(front, [1, -1], [91.0, None]).tolist() == [False, True, True]
    assert within(front, [1, -1], [None, 2.0]).tolist() == [True, True, False]
    assert within(front, [1, -1], [91.5, 2.0]).tolist() == [False, False, False]


def test_the_front_of_what_meets_limits_is_what_of_the_front_meets_them() -> None:
    points = np.random.default_rng(3).normal(size=(500, 3))
    met = within(points, [1, 1, 1], [0.2, None, -0.5])
    assert (non_dominated(np.where(met[:, None], points, np.nan)) == non_dominated(points) & met).all()
