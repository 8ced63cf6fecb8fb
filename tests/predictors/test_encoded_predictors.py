"""Predictors of encodings: against second implementations, and on recorded accuracies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.neural_network import MLPRegressor

import workbench as wb
from workbench.errors import InvalidInput
from workbench.predictors.exact import NOISES, likeliest, posterior, squared_distances
from workbench.predictors.gp_nas import GPNAS
from workbench.predictors.hamming_gp import HammingGP
from workbench.predictors.mlp_ensemble import MLPEnsemble, _first, _outputs, _slope
from workbench.predictors.wl_gp import WLGP

SPACE = wb.search_space("nasbench201")


def cells(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One-hot rows of random cells, and their accuracies on CIFAR-100."""
    measure = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    archs = SPACE.sample(n, seed=seed)
    return SPACE.encode(archs).astype(float), np.array([measure(arch) for arch in archs])


def test_a_posterior_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    x, new, y = rng.normal(size=(30, 3)), rng.normal(size=(9, 3)), rng.normal(size=30)
    found = posterior(np.exp(-squared_distances(x, x) / 2), y, 0.1)
    mean, std = found(np.exp(-squared_distances(new, x) / 2), np.ones(9))
    theirs = GaussianProcessRegressor(RBF(1.0) + WhiteKernel(0.1), optimizer=None).fit(x, y)
    expected, spread = theirs.predict(new, return_std=True)
    assert mean == pytest.approx(expected)
    assert std == pytest.approx(np.sqrt(found.scale * (spread**2 - 0.1)))
    other = posterior(np.exp(-squared_distances(x, x)), y, 0.1)
    assert found.evidence - other.evidence == pytest.approx(_evidence(x, y, 1.0) - _evidence(x, y, np.sqrt(0.5)))


def _evidence(x: np.ndarray, y: np.ndarray, length: float) -> float:
    """The log marginal likelihood with the likeliest scale, by the book's formula (eq. 2.30)."""
    kernels = np.exp(-cdist(x, x, "sqeuclidean") / (2 * length**2)) + 0.1 * np.eye(len(x))
    scaled = kernels * (y @ np.linalg.solve(kernels, y)) / len(y)
    return float(stats.multivariate_normal(np.zeros(len(x)), scaled).logpdf(y))


def test_the_likeliest_settings_are_those_the_data_were_drawn_with() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(4, size=(120, 5))
    differing = (x[:, None] != x[None]).sum(axis=2)
    drawn = rng.multivariate_normal(np.zeros(120), np.exp(-0.3 * differing) + 0.01 * np.eye(120))
    decay, noise = likeliest(lambda a, s: posterior(np.exp(-a * differing), drawn, s), [(0.03, 0.1, 0.3, 1, 3), NOISES])
    assert decay == 0.3
    assert 0.003 <= noise <= 0.03


def test_hamming_counts_answers_and_gives_other_columns_a_decay_of_their_own() -> None:
    rng = np.random.default_rng(0)
    x, y = cells(80)
    model = HammingGP().fit(x, y)
    same, _ = model._apart(x[:2], x)
    answers = x.reshape(80, 6, 5).argmax(axis=2)
    assert np.array_equal(same, (answers[:2, None] != answers[None]).sum(axis=2))
    useful = np.column_stack([x, stats.zscore(y) + 0.1 * rng.normal(size=80)])
    useless = np.column_stack([x, rng.normal(size=80)])
    told, fooled = HammingGP().fit(useful, y), HammingGP().fit(useless, y)
    assert told.decays_[1] > fooled.decays_[1]
    assert told.posterior_.evidence > model.posterior_.evidence + 20


def test_gp_nas_is_the_formula_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(3, size=(40, 4)).astype(float), rng.normal(size=40)
    new = rng.integers(4, size=(7, 4)).astype(float)
    model = GPNAS(kernel="exponential", penalty=2.0, noise=0.3)
    model._learn(x, y)
    mean, std = model._predicted(new)
    z, z_new = np.column_stack([x, np.ones(40)]), np.column_stack([new, np.ones(7)])
    a, b = slice(0, None, 2), slice(1, None, 2)
    ridge = z[a].T @ z[a] + 2.0 * np.eye(5)
    w0 = np.linalg.solve(ridge, z[a].T @ y[a])
    s = np.mean((y[a] - z[a] @ w0) ** 2)
    prior = ridge / s
    k = s * (np.exp(-cdist(x, x) / 12) + 0.3 * np.eye(40))
    inverse = np.linalg.inv(k[b, b])
    covariance = np.linalg.inv(z[b].T @ inverse @ z[b] + prior)
    w = covariance @ (z[b].T @ inverse @ y[b] + prior @ w0)
    across = s * np.exp(-cdist(new, x) / 12)
    assert mean == pytest.approx(z_new @ w + across @ np.linalg.solve(k, y - z @ w))
    left = z_new - across @ np.linalg.solve(k, z)
    variance = s - np.einsum("ij,ji->i", across, np.linalg.solve(k, across.T))
    assert std == pytest.approx(np.sqrt(variance + np.einsum("ij,jk,ik->i", left, covariance, left)))


def test_gp_nas_is_the_same_where_there_are_more_columns_than_rows() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 30)), rng.normal(size=12)
    new = rng.normal(size=(5, 30))
    model = GPNAS()
    model._learn(x, y)
    mean, std = model._predicted(new)
    z, z_new = np.column_stack([x, np.ones(12)]), np.column_stack([new, np.ones(5)])
    ridge = z[::2].T @ z[::2] + 10 * np.eye(31)
    w0 = np.linalg.solve(ridge, z[::2].T @ y[::2])
    s = np.mean((y[::2] - z[::2] @ w0) ** 2)
    k = s * (np.exp(-cdist(x, x, "sqeuclidean") / 16) + 0.1 * np.eye(12))
    inverse = np.linalg.inv(k[1::2, 1::2])
    covariance = np.linalg.inv(z[1::2].T @ inverse @ z[1::2] + ridge / s)
    w = covariance @ (z[1::2].T @ inverse @ y[1::2] + ridge / s @ w0)
    across = s * np.exp(-cdist(new, x, "sqeuclidean") / 16)
    assert mean == pytest.approx(z_new @ w + across @ np.linalg.solve(k, y - z @ w))
    left = z_new - across @ np.linalg.solve(k, z)
    variance = s - np.einsum("ij,ji->i", across, np.linalg.solve(k, across.T))
    assert std == pytest.approx(np.sqrt(variance + np.einsum("ij,jk,ik->i", left, covariance, left)))


def test_an_ensemble_s_networks_learn_down_their_own_slopes() -> None:
    rng = np.random.default_rng(0)
    model = MLPEnsemble(members=3, width=4)
    model.widths_ = (5, 4, 4, 1)
    weights = _first(model.widths_, 3, rng) + 0.1 * rng.normal(size=3 * (6 * 4 + 5 * 4 + 5))
    x, goal = rng.normal(size=(3, 6, 5)), rng.normal(size=(3, 6))

    def loss(at: np.ndarray) -> float:
        return float(np.abs(_outputs(model._layers(at), x)[-1][:, :, 0] - goal).mean(axis=1).sum())

    slope = _slope(model._layers(weights), x, goal)
    for k in rng.choice(len(weights), 25, replace=False):
        step = np.eye(len(weights))[k] * 1e-6
        assert slope[k] == pytest.approx((loss(weights + step) - loss(weights - step)) / 2e-6, abs=1e-4)


def test_an_ensemble_ranks_as_well_as_scikit_learn_s_networks() -> None:
    x, y = cells(300)
    ours = wb.predictor("mlp_ensemble").fit(x[:100], y[:100])
    goal = ours.label_scores_(y[:100])
    same = {"learning_rate_init": 0.01, "batch_size": 32, "max_iter": 100, "n_iter_no_change": 100}
    theirs = [MLPRegressor(hidden_layer_sizes=(20, 20), random_state=seed, **same) for seed in range(5)]
    with pytest.warns(ConvergenceWarning):
        expected = np.mean([net.fit(x[:100], goal).predict(x[100:]) for net in theirs], axis=0)
    tau = stats.kendalltau(ours.predict(x[100:]), y[100:]).statistic
    assert tau > stats.kendalltau(expected, y[100:]).statistic - 0.05


def test_blocks_must_be_equally_wide() -> None:
    x, y = cells(20)
    with pytest.raises(InvalidInput, match="28 columns are not 3 encodings that stand side by side, equally wide"):
        wb.predictor("wl_gp").fit(x[:, :28], y)
    with pytest.raises(InvalidInput, match="The kernel is one of 'gaussian', 'exponential'; got 'linear'"):
        wb.predictor("gp_nas", kernel="linear").fit(x, y)


def test_motifs_say_more_of_fifty_cells_than_answers_do() -> None:
    """NAS-BOWL's kernel against a one-hot one and 0.75, the rank correlation of parameters (CIFAR-100), over seeds."""
    found = []
    for seed in range(3):
        archs = SPACE.sample(350, seed=seed)
        answers, y = cells(350, seed)
        motifs = np.hstack([SPACE.encode(archs, "wl", h=h) for h in range(3)])
        models = WLGP().fit(motifs[:50], y[:50]), HammingGP().fit(answers[:50], y[:50])
        inputs = motifs[50:], answers[50:]
        found.append([stats.spearmanr(m.predict(x), y[50:]).statistic for m, x in zip(models, inputs, strict=True)])
    motif, answer = np.mean(found, axis=0)
    assert motif > answer + 0.05
    assert motif > 0.75


def test_gp_nas_ensemble_ranks_better_than_gp_nas_and_that_better_than_ridge() -> None:
    """Kendall's tau on cells not seen, of 100 that are, over seeds (Li et al., CVPR 2020)."""
    found = []
    for seed in range(3):
        archs = SPACE.sample(400, seed=seed)
        answers, y = cells(400, seed)
        parts = [SPACE.encode(archs, kind) for kind in ("one_hot", "path", "wl")]
        width = max(part.shape[1] for part in parts)
        together = np.hstack([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])
        pairs = (("gp_nas_ensemble", together), ("gp_nas", answers), ("ridge", answers))
        fits = [wb.predictor(name).fit(x[:100], y[:100]).predict(x[100:]) for name, x in pairs]
        found.append([stats.kendalltau(told, y[100:]).statistic for told in fits])
    ensemble, single, ridge = np.mean(found, axis=0)
    assert ensemble > single > ridge
