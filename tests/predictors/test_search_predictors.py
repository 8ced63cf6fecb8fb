"""The predictors of GBDT-NAS, BOSHNAS, FBNetV3 and LINAS, on recorded accuracies where they need any."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.svm import SVR

import workbench as wb
from workbench.errors import InvalidInput, WorkbenchError
from workbench.predictors.gbdt import GBDT
from workbench.predictors.npn import NPN, _Gaussian, _rectified
from workbench.predictors.ridge_or_svr import RidgeOrSVR
from workbench.predictors.shapley import answer_values, worst_answers
from workbench.predictors.two_headed import TwoHeaded


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1,500 cells: one-hot rows, CIFAR-100 validation accuracies, and parameters with latency, which are free."""
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    archs = bench.space.sample(1_500, seed=0)
    x = bench.space.encode(archs)
    values = np.array([bench.value(arch, "valid_accuracy") for arch in archs])
    free = np.array([[bench.value(arch, name) for name in ("params_m", "latency_ms")] for arch in archs])
    return x, values, free


# -- gbdt --------------------------------------------------------------------------------------------------------


def test_shapley_values_of_the_columns_add_up_to_the_prediction(cells: Any) -> None:
    x, values, _ = cells
    model = GBDT(trees=30).fit(x[:100], values[:100])
    found = model.contributions(x[100:150])
    predicted = model._predicted(x[100:150].astype(float))[0]
    assert found.shape == (50, 30)
    assert np.ptp(predicted - found.sum(axis=1)) < 1e-9


def test_shapley_values_of_few_columns_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(2, size=(400, 2)).astype(float)
    y = 2 * x[:, 0] + x[:, 1] + 0.01 * rng.normal(size=400)
    model = GBDT(trees=200).fit(x, y)
    found = model.contributions(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    assert (found[[1, 3], 0] > 0).all()
    assert (found[[0, 2], 0] < 0).all()
    assert found[3, 0] > found[3, 1] > 0  # the first counts twice as much


def test_trees_for_few_labels_rank_better_than_with_the_settings_for_a_thousand(cells: Any) -> None:
    x, values, _ = cells
    few = [_tau(GBDT(seed=s, members=3), x, values, s, 100) for s in range(3)]
    many = [_tau(GBDT(seed=s, members=1, leaves=31, least=20), x, values, s, 100) for s in range(3)]
    assert np.mean(few) > np.mean(many) + 0.05


def test_lightgbm_that_does_not_load_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, cells: Any) -> None:
    x, values, _ = cells
    real = builtins.__import__

    def broken(name: str, *rest: Any, **more: Any) -> Any:
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(WorkbenchError, match=r"cannot be loaded: libgomp.so.1.*apt-get install libgomp1.*brew install"):
        GBDT().fit(x[:30], values[:30])


# -- what is worst -----------------------------------------------------------------------------------------------


def test_an_answer_counts_where_it_was_given() -> None:
    class Told(GBDT):
        def contributions(self, X: Any) -> np.ndarray:
            return np.array([[1.0, 5.0, 0.0], [3.0, -2.0, 0.0]])

    ones = np.array([[1, 0, 0], [1, 1, 0]], np.float32)
    assert answer_values(Told(), ones)[:2].tolist() == [2.0, -2.0]
    assert np.isnan(answer_values(Told(), ones)[2])


def test_the_worst_answers_leave_every_question_one() -> None:
    values = np.array([-3.0, -2.0, -1.0, 0.5, -0.1, np.nan])
    questions = ["a", "a", "a", "b", "b", "b"]
    assert worst_answers(values, questions, 2) == [0, 1]
    assert worst_answers(values, questions, 6) == [0, 1, 4]


# -- npn ---------------------------------------------------------------------------------------------------------


def test_moments_of_a_rectified_normal_are_those_of_draws() -> None:
    mean, variance = torch.tensor([-1.0, 0.0, 2.0]), torch.tensor([1.0, 4.0, 0.25])
    drawn = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0)) * variance.sqrt() + mean
    found = _rectified(mean, variance)
    assert torch.allclose(found[0], drawn.clamp(min=0).mean(dim=0), atol=0.01)
    assert torch.allclose(found[1], drawn.clamp(min=0).var(dim=0), atol=0.03)


def test_a_linear_layer_of_random_weights_passes_exact_moments_on() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = _Gaussian((3, 1), generator)
    x = torch.tensor([[1.0, -2.0, 0.5]])
    with torch.no_grad():
        layer.spreads[0].fill_(0.0)
        mean, variance = layer(x)
        std = torch.nn.functional.softplus(layer.spreads[0])
        weights = layer.means[0] + std * torch.randn(200_000, 3, 1, generator=generator)
        drawn = (x[:, None, :] @ weights).ravel()
        noise = torch.nn.functional.softplus(layer.noise) ** 2
    assert float(drawn.mean()) == pytest.approx(float(mean), abs=0.02)
    assert float(drawn.var() + noise) == pytest.approx(float(variance), rel=0.02)


def test_it_knows_less_where_it_has_seen_nothing() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4))
    model = NPN().fit(x, x[:, 0] + 0.1 * rng.normal(size=80))
    near, far = (model.predict(rows, return_std=True)[1] for rows in (x, 6 * x))
    assert near.mean() < far.mean()


def test_it_tells_noisy_labels_from_quiet_ones() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    quiet, noisy = (NPN().fit(x, x[:, 0] + noise * rng.normal(size=200)) for noise in (0.05, 2.0))
    rows = torch.tensor(x, dtype=torch.float32)
    with torch.no_grad():
        gaps = [(m.bound(rows, 1.0, aleatoric=True) - m.bound(rows, 1.0)).mean() for m in (quiet, noisy)]
    assert gaps[0] * 2 < gaps[1]


def test_the_bound_can_be_differentiated_twice() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    model = NPN(epochs=20).fit(x, x[:, 0] ** 2)
    at = torch.tensor(x[:5], dtype=torch.float32, requires_grad=True)
    (slope,) = torch.autograd.grad(model.bound(at).sum(), at, create_graph=True)
    (curved,) = torch.autograd.grad(slope.sum(), at)
    assert bool((slope != 0).any())
    assert bool((curved != 0).any())


# -- two_headed --------------------------------------------------------------------------------------------------


def test_free_statistics_learned_first_help_few_labels(cells: Any) -> None:
    x, values, free = cells
    alone = [_tau(TwoHeaded(seed=s), x[:1_000], values[:1_000], s) for s in range(5)]
    first = [_tau(TwoHeaded(seed=s).pretrain(x[1_000:], free[1_000:]), x[:1_000], values[:1_000], s) for s in range(5)]
    assert np.mean(first) > np.mean(alone) + 0.01


def test_the_first_head_says_what_is_free_to_know(cells: Any) -> None:
    x, _, free = cells
    said = TwoHeaded().pretrain(x[:300], free[:300]).statistics(x[300:])
    assert said.shape == (1_200, 2)
    assert stats.spearmanr(said[:, 0], free[300:, 0]).statistic > 0.95
    assert stats.spearmanr(said[:, 1], free[300:, 1]).statistic > 0.9


def test_what_was_learned_first_stays_through_every_fit(cells: Any) -> None:
    x, values, free = cells
    model = TwoHeaded(epochs=30).pretrain(x[:100], free[:100])
    said = model.statistics(x)
    first = model.fit(x[:50], values[:50]).predict(x)
    model.fit(x[50:150], values[50:150])
    assert np.array_equal(model.statistics(x), said)
    assert np.array_equal(model.fit(x[:50], values[:50]).predict(x), first)


def test_two_heads_refuse_what_they_cannot_learn(cells: Any) -> None:
    x, values, free = cells
    with pytest.raises(InvalidInput, match=r"one row for each of the 50 rows .* got shape \(49, 2\)"):
        TwoHeaded().pretrain(x[:50], free[:49])
    with pytest.raises(InvalidInput, match="with NaN or infinite ones"):
        TwoHeaded().pretrain(x[:50], np.where(free[:50] > 0, np.nan, free[:50]))
    with pytest.raises(InvalidInput, match=r"knows of no statistics: pretrain\(X, statistics\)"):
        TwoHeaded().statistics(x)
    with pytest.raises(InvalidInput, match="pretrained on 30 columns; got 29"):
        TwoHeaded(epochs=2).pretrain(x[:50], free[:50]).fit(x[:50, 1:], values[:50])


# -- ridge_or_svr ------------------------------------------------------------------------------------------------


def test_the_better_of_ridge_and_svr_is_taken() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    assert isinstance(RidgeOrSVR().fit(x, x @ [1.0, 2.0, 3.0]).model_, Ridge)
    assert isinstance(RidgeOrSVR().fit(x, np.abs(x[:, 0]) + x[:, 1] ** 2).model_, SVR)


def _tau(model: Any, x: np.ndarray, values: np.ndarray, seed: int, n: int = 50) -> float:
    """Kendall's tau of predictions from `n` labels, on the rest."""
    rows = np.random.default_rng(seed).permutation(len(x))
    fitted = model.fit(x[rows[:n]], values[rows[:n]])
    return float(stats.kendalltau(fitted.predict(x[rows[n:]]), values[rows[n:]]).statistic)
