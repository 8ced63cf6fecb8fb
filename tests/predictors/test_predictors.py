"""Predictors: the catalogue, the words of its refusals, and values against second implementations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.model_selection import cross_val_score

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.predictors import Predictor, catalogue
from workbench.predictors.inputs import Columns, Layers
from workbench.predictors.mixer import BayesianLinear, BayesianMixer


def table(n: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=["snip", "nwot", "synflow", "params"])
    return frame, (frame["nwot"] - frame["snip"] + 0.2 * rng.normal(size=n)).to_numpy()


def test_the_catalogue_says_what_each_takes() -> None:
    frame = wb.predictors()
    assert frame["takes"].to_dict() == {name: catalogue.find(name).encoder.takes for name in catalogue.names()}
    assert frame.loc[["ridge", "parzc", "hamming_gp"], "takes"].tolist() == ["columns", "layers", "encoding"]
    assert frame.loc["boosting", "settings"] == {"seed": 0, "trees": 200, "rate": 0.05, "depth": 3, "members": 5}


def test_a_predictor_is_made_by_name_with_its_settings() -> None:
    made = wb.predictor("boosting", trees=7)
    assert isinstance(made, Predictor)
    assert made.get_params()["trees"] == 7
    with pytest.raises(UnknownName, match="no predictor named 'boosted'. Did you mean 'boosting'"):
        wb.predictor("boosted")
    with pytest.raises(UnknownName, match="The predictor boosting takes no keyword 'tree'. Did you mean 'trees'"):
        wb.predictor("boosting", tree=7)


def test_scikit_learns_own_tools_take_a_predictor() -> None:
    frame, y = table()
    assert cross_val_score(wb.predictor("ridge"), frame, y, cv=3).min() > 0.5


def test_refusals_say_what_was_wrong_and_what_to_do() -> None:
    frame, y = table()
    ridge = wb.predictor("ridge")
    with pytest.raises(InvalidInput, match="1 of 60 labels are NaN or infinite: leave out the rows"):
        ridge.fit(frame, np.where(np.arange(60) == 5, math.nan, y))
    with pytest.raises(InvalidInput, match="at least 5 labels; got 3"):
        ridge.fit(frame[:3], y[:3])
    with pytest.raises(InvalidInput, match="All 60 labels are 1: there is no order"):
        ridge.fit(frame, np.ones(60))
    with pytest.raises(InvalidInput, match=r"one label for each of the 60 rows, of shape \(60,\); got \(59,\)"):
        ridge.fit(frame, y[1:])
    with pytest.raises(InvalidInput, match="something in it is none"):
        ridge.fit(frame.assign(snip="high"), y)
    ridge.fit(frame, y)
    with pytest.raises(UnknownName, match="no column that the predictor was fitted on named 'nwott'. Did you mean"):
        ridge.predict(frame.rename(columns={"nwot": "nwott"}))
    with pytest.raises(InvalidInput, match="the table lacks params. Score these too"):
        ridge.predict(frame.drop(columns="params"))
    with pytest.raises(InvalidInput, match="fitted on 4 columns; got 3"):
        ridge.predict(frame.to_numpy()[:, :3])
    with pytest.raises(InvalidInput, match=r"statistics of layers, of shape .* got the shape \(60, 4\)"):
        wb.predictor("parzc").fit(frame, y)


def test_what_is_missing_stands_beyond_the_end_that_goes_with_low_labels() -> None:
    x = np.column_stack([np.arange(10.0), -np.arange(10.0), np.full(10, np.nan)])
    columns = Columns(x, np.arange(10.0))
    found = columns(np.full((1, 3), np.nan))[0]
    low = stats.norm.ppf(0.05)
    assert found.tolist() == pytest.approx([low - 1, -low + 1, 0.0])


def test_layers_share_the_scale_of_their_statistic() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3, 2))
    x[2, 1] = np.nan
    found = Layers(x, np.arange(6.0))(x)
    known = ~np.isnan(x[:, :, 1])
    ranks = stats.rankdata(x[:, :, 1][known])
    assert found[:, :, 1][known] == pytest.approx(stats.norm.ppf((ranks - 0.5) / 17))
    assert np.isnan(found[2, 1]).all()


def test_ridge_is_the_ridge_of_the_normal_scores_with_its_own_penalty() -> None:
    frame, y = table()
    fitted = wb.predictor("ridge").fit(frame, y)
    scores = np.column_stack([stats.norm.ppf((stats.rankdata(frame[name]) - 0.5) / 60) for name in frame])
    goal = stats.norm.ppf((stats.rankdata(y) - 0.5) / 60)
    penalty = fitted.model_.lambda_ / fitted.model_.alpha_
    expected = np.linalg.solve(scores.T @ scores + penalty * np.eye(4), scores.T @ goal)
    assert fitted.coef_ == pytest.approx(expected, abs=1e-3)


def test_a_gaussian_process_is_surer_where_it_has_seen_labels() -> None:
    frame, y = table()
    fitted = wb.predictor("gaussian_process").fit(frame, y)
    _, near = fitted.predict(frame, return_std=True)
    _, far = fitted.predict(frame * 100, return_std=True)
    assert near.mean() < 0.9 * far.mean()
    assert far.min() > near.min()


def test_a_blend_is_the_mean_of_its_members_scores() -> None:
    frame, y = table()
    members = ("ridge", "extra_trees")
    blend = wb.predictor("blend", members=members).fit(frame, y)
    apart = [wb.predictor(name).fit(frame, y) for name in members]
    scores = [model.label_scores_(model.predict(frame)) for model in apart]
    assert blend.label_scores_(blend.predict(frame)) == pytest.approx(np.mean(scores, axis=0))


def test_predictions_can_be_beyond_the_best_label() -> None:
    x = np.arange(40.0)[:, None]
    fitted = wb.predictor("ridge").fit(x[:30], 90 + x[:30, 0] / 10)
    assert fitted.predict(x)[35:].min() > 90 + 29 / 10


def test_bayesian_weights_have_the_divergence_that_the_formula_gives() -> None:
    layer = BayesianLinear(3, 2, torch.Generator().manual_seed(0))
    std, prior = math.log1p(math.exp(-3.0)), 1 / math.sqrt(3)
    expected = sum(
        math.log(prior / std) + (std**2 + float(mu) ** 2) / (2 * prior**2) - 0.5 for mu in layer.mu.detach().ravel()
    )
    assert float(layer.divergence().detach()) == pytest.approx(expected, rel=1e-5)


def test_bayesian_weights_spread_as_their_rho_says() -> None:
    generator = torch.Generator().manual_seed(0)
    layer = BayesianLinear(1, 1, generator)
    drawn = torch.stack([layer(torch.ones(1, 1), generator) for _ in range(4000)]).detach()
    assert float(drawn.mean()) == pytest.approx(float(layer.mu.detach()), abs=0.003)
    assert float(drawn.std()) == pytest.approx(math.log1p(math.exp(-3.0)), rel=0.05)


def test_the_mixer_does_not_see_what_stands_where_there_is_no_layer() -> None:
    model = BayesianMixer(5, 2, 8, 1, 0.0, torch.Generator().manual_seed(0)).eval()
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(1))
    x[:, 4] = math.nan
    short = model(x, torch.Generator().manual_seed(2))
    longer = BayesianMixer(5, 2, 8, 1, 0.0, torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        longer.position[4] = 100.0
    assert torch.equal(longer(x, torch.Generator().manual_seed(2)), short)
    x[:, 3] = 0.0
    assert not torch.equal(model(x, torch.Generator().manual_seed(2)), short)


def test_parzc_learns_which_layers_count() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 6, 1))
    y = x[:, 1, 0] - x[:, 4, 0]
    fitted = wb.predictor("parzc").fit(x[:60], y[:60])
    found = stats.kendalltau(fitted.predict(x[60:]), y[60:]).statistic
    total = stats.kendalltau(x[60:].sum(axis=(1, 2)), y[60:]).statistic
    assert found > 0.5
    assert abs(total) < 0.2
