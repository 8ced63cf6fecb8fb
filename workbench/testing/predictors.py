"""The contract of a predictor."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.base import clone

from workbench.errors import InvalidInput, UnknownName
from workbench.predictors.regressor import Predictor
from workbench.testing.refusals import refuses

PredictorCheck = Callable[[type[Predictor]], None]


def it_says_what_a_user_should_know(kind: type[Predictor]) -> None:
    """What it takes, where its uncertainty and its idea come from, and what it does are stated."""
    card = kind.card()
    assert card["takes"] in ("columns", "layers", "encoding")
    assert card["summary"].endswith(".")
    assert card["unsure"]
    assert card["paper"]


def it_learns_an_order_it_has_not_seen(kind: type[Predictor]) -> None:
    """From 50 labels it ranks 100 other rows well; predictions and their spread are one finite number a row."""
    x, y = _data(kind)
    predictor = kind().fit(x[:50], y[:50])
    labels, std = predictor.predict(x[50:], return_std=True)
    assert labels.shape == std.shape == (100,)
    assert np.isfinite(labels).all()
    assert np.isfinite(std).all()
    assert (std >= 0).all()
    assert std.max() > 0
    assert stats.kendalltau(labels, y[50:]).statistic > 0.4
    assert y.min() - np.ptp(y) < labels.min() < labels.max() < y.max() + np.ptp(y)


def equal_seeds_give_equal_predictions(kind: type[Predictor]) -> None:
    """Two of one seed agree to the last bit, and fitting again forgets what came before."""
    x, y = _data(kind)
    first, second = kind(), kind()
    second.fit(x[60:90], y[60:90])
    expected = first.fit(x[:30], y[:30]).predict(x)
    assert np.array_equal(second.fit(x[:30], y[:30]).predict(x), expected)
    assert np.array_equal(first.predict(x), expected)
    if "seed" in kind.settings():
        assert not np.array_equal(kind(seed=1).fit(x[:30], y[:30]).predict(x), expected)


def it_works_as_scikit_learn_has_it(kind: type[Predictor]) -> None:
    """Settings are kept under their names, a clone is unfitted with the same ones, and a fitted one can be pickled."""
    x, y = _data(kind)
    predictor = kind()
    assert predictor.get_params() == kind.settings()
    assert predictor.fit(x[:30], y[:30]) is predictor
    again = pickle.loads(pickle.dumps(predictor))  # noqa: S301  # our own bytes
    assert np.array_equal(again.predict(x), predictor.predict(x))
    fresh = clone(predictor)
    assert fresh.get_params() == predictor.get_params()
    refuses(ValueError, lambda: fresh.predict(x))
    assert predictor.score(x[:30], y[:30]) > 0


def what_is_drawn_is_its_own(kind: type[Predictor]) -> None:
    """The global generators and what it was given are untouched."""
    x, y = _data(kind)
    given = x.copy(), y.copy()
    before, torch_before = _drawn_next(), torch.random.get_rng_state()
    kind().fit(x[:30], y[:30]).predict(x)
    assert _drawn_next() == before
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert np.array_equal(x, given[0], equal_nan=True)
    assert np.array_equal(y, given[1])


def scale_and_sign_of_what_it_is_given_do_not_matter(kind: type[Predictor]) -> None:
    """Rows in other units, of either sign, and labels on another scale give the same order.

    An encoding has no units: of one, the scale of the labels alone is another.
    """
    x, y = _data(kind)
    order = kind().fit(x[:50], y[:50]).predict(x)
    if kind.encoder.takes == "encoding":
        assert stats.kendalltau(order, kind().fit(x[:50], np.exp(y[:50])).predict(x)).statistic > 0.8
        return
    stretched = kind().fit(np.exp(x[:50]), np.exp(y[:50])).predict(np.exp(x))
    assert stats.kendalltau(order, stretched).statistic > 0.8
    turned = kind().fit(-x[:50], y[:50]).predict(-x)
    assert stats.kendalltau(turned[50:], y[50:]).statistic > 0.4


def what_is_missing_is_no_obstacle(kind: type[Predictor]) -> None:
    """Numbers that are missing here and there, or in a whole row, leave a prediction for every row.

    In an encoding nothing is missing: there it is refused.
    """
    x, y = _data(kind)
    holes = np.random.default_rng(5).random(x.shape) < 0.1
    x[holes] = np.nan
    if kind.encoder.takes == "encoding":
        refuses(InvalidInput, lambda: kind().fit(x[:50], y[:50]))
        return
    x[60] = np.nan
    predictor = kind().fit(x[:50], y[:50])
    assert np.isfinite(predictor.predict(x)).all()
    assert stats.kendalltau(predictor.predict(x[61:]), y[61:]).statistic > 0.2


def bad_input_is_refused(kind: type[Predictor]) -> None:
    """Labels that are NaN, too few, equal or of another number; infinite numbers; rows of another kind."""
    x, y = _data(kind)
    refuses(InvalidInput, lambda: kind().fit(x, np.where(np.arange(150) == 3, np.nan, y)))
    refuses(InvalidInput, lambda: kind().fit(x[:4], y[:4]))
    refuses(InvalidInput, lambda: kind().fit(x, np.ones(150)))
    refuses(InvalidInput, lambda: kind().fit(x, y[:-1]))
    refuses(InvalidInput, lambda: kind().fit(np.where(x == x[0].ravel()[0], np.inf, x), y))
    refuses(InvalidInput, lambda: kind().fit(y, y))
    fitted = kind().fit(x[:30], y[:30])
    refuses(InvalidInput, lambda: fitted.predict(x[:, :-1]))
    if x.ndim == 2:
        _columns_are_known_by_name(kind, pd.DataFrame(x, columns=[f"c{k}" for k in range(x.shape[1])]), y)


def _columns_are_known_by_name(kind: type[Predictor], frame: pd.DataFrame, y: np.ndarray) -> None:
    fitted = kind().fit(frame[:30], y[:30])
    assert np.array_equal(fitted.predict(frame[frame.columns[::-1]]), fitted.predict(frame))
    refuses(InvalidInput, lambda: fitted.predict(frame.drop(columns="c1")))
    refuses(UnknownName, lambda: fitted.predict(frame.assign(nwot=1.0)))


def _drawn_next() -> str:
    """The state of numpy's global generator, which is looked at and not used."""
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002


def _data(kind: type[Predictor]) -> tuple[np.ndarray, np.ndarray]:
    """150 rows of what the predictor takes, and labels that follow from them with a little noise."""
    rng = np.random.default_rng(0)
    if kind.encoder.takes == "columns":
        x = rng.normal(size=(150, 6))
        y = x[:, 0] - x[:, 1] + 0.5 * np.tanh(x[:, 2]) + 0.2 * rng.normal(size=150)
    elif kind.encoder.takes == "encoding":
        answers = rng.integers(5, size=(150, 6))
        x = np.tile(np.eye(5)[answers].reshape(150, 30), 3)  # three encodings side by side, for those that take several
        worth = rng.normal(size=(6, 5))
        y = worth[np.arange(6), answers].sum(axis=1) + 0.1 * rng.normal(size=150)
    else:
        x = rng.normal(size=(150, 12, 2)) / 2 + rng.normal(size=(150, 1, 2))
        for row, layers in zip(x, rng.integers(8, 13, 150), strict=True):
            row[layers:] = np.nan
        y = np.nanmean(x[:, :, 0], axis=1) + 0.1 * rng.normal(size=150)
    return x, y


predictor_contract: list[PredictorCheck] = [
    it_says_what_a_user_should_know,
    it_learns_an_order_it_has_not_seen,
    equal_seeds_give_equal_predictions,
    it_works_as_scikit_learn_has_it,
    what_is_drawn_is_its_own,
    scale_and_sign_of_what_it_is_given_do_not_matter,
    what_is_missing_is_no_obstacle,
    bad_input_is_refused,
]
