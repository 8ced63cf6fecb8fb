"""Predictor-guided search: a regressor learns from what was tried, and says which candidates are worth trying next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InvalidInput
from workbench.samplers.acquisitions import Acquisition
from workbench.samplers.acquisitions import acquisition as find_acquisition
from workbench.samplers.candidates import Candidates
from workbench.samplers.candidates import candidates as find_candidates
from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.entries import strategy
from workbench.samplers.history import Floats, History

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# The rows of one call have the same columns; those of different calls need not.
Encode = Callable[[Domain, Sequence[Point]], NDArray[Any]]
Features = Callable[[Sequence[Point]], Any]  # points -> (n, m), NaN where a number is missing


@strategy("predictor_guided", paper="White et al., NeurIPS 2021: How Powerful are Performance Predictors in NAS?")
def predictor_guided(
    domain: Domain,
    history: History,
    rng: np.random.Generator,
    *,
    predictor: str | BaseEstimator | None = "hamming_gp",
    encoding: str | Encode = "one_hot",
    acquisition: str | Acquisition = "ei",
    candidates: str | Candidates = "mutation",
    initial: int = 10,
    batch: int = 5,
    features: Features | None = None,
    most: int = 200,
) -> Iterator[Params]:
    """The candidates that a predictor, learned from the trials so far, finds best, after `initial` random ones.

    - `predictor`: a name of `wb.predictors()`, or a scikit-learn regressor, which is cloned for every round; its
      `predict(X, return_std=True)` is used where it has that; None takes the candidates at random, for ablations;
    - `encoding`: a kind of `SearchSpace.encode`, or a function of the domain and points;
    - `acquisition`: "ei", "ucb", "thompson" (also "its"), "greedy" (also "mean"), or a function
      (mean, std, best, rng) -> scores;
    - `candidates`: "mutation", "neighbors", "two_steps", "random", "exhaustive", or a function
      (domain, history, rng) -> points;
    - `features`: a function of points whose columns stand beside the encoding, as normal scores, such as free proxies;
    - `most`: of a longer history the better half of so many trials is learned from, and the latest of the rest.

    It learns the normal scores of the values, so that means, deviations and the best label are in their units. Each
    round of `batch` trials learns once. Where there is nothing to learn, as from equal values, points are random.
    Raises `UnknownName` for a name that is not there.
    """
    acquire, pool_of = find_acquisition(acquisition), find_candidates(candidates)
    model = None if predictor is None else _model(predictor, rng)
    chosen = _learned_from(history, most)
    if len(history) >= max(initial, 1) and _has_order(history.values[chosen]):
        pool = pool_of(domain, history, rng)
        scores = rng.random(len(pool))
        if model is not None and pool:
            points = history.points
            labels, x = _seen(
                domain, history.values[chosen], [*(points[row] for row in chosen), *pool], encoding, features
            )
            mean, std = _predicted(model.fit(x[: len(labels)], labels), x[len(labels) :])
            scores = acquire(mean, std, float(labels.max()), rng)
        yield from (pool[row] for row in _best_first(scores, predictor))
    yield from domain.samples(rng)


def _model(predictor: str | BaseEstimator, rng: np.random.Generator) -> Any:
    """An unfitted regressor; what it draws comes from `rng`, unless its settings say otherwise."""
    from sklearn.base import clone

    from workbench.predictors import catalogue

    seed = int(rng.integers(2**31))
    if not isinstance(predictor, str):
        model = clone(predictor)
        return model.set_params(random_state=seed) if model.get_params().get("random_state", 0) is None else model
    kind = catalogue.find(predictor)
    if kind.encoder.takes == "layers":
        raise InvalidInput(
            f"The predictor {predictor!r} takes statistics of layers, and a search encodes answers: name one of "
            f"{', '.join(name for name in catalogue.names() if catalogue.find(name).encoder.takes != 'layers')}."
        )
    return kind(seed=seed) if "seed" in kind.settings() else kind()


def _learned_from(history: History, most: int) -> NDArray[np.int64]:
    """Places in the history: all, or the best and the latest of a long one."""
    if len(history) <= most:
        return np.arange(len(history))
    best = np.argsort(-history.values, kind="stable")[: most // 2]
    latest = np.setdiff1d(np.arange(len(history)), best)[-(most - len(best)) :]
    return np.sort(np.concatenate([best, latest]))


def _has_order(values: Floats) -> bool:
    from workbench.predictors.inputs import FEWEST_LABELS

    return len(values) >= FEWEST_LABELS and float(np.ptp(values)) > 0


def _seen(
    domain: Domain, values: Floats, points: Sequence[Point], encoding: str | Encode, features: Features | None
) -> tuple[Floats, NDArray[Any]]:
    """The normal scores of the values, and the rows of the points, of which the first have values."""
    from workbench.predictors.inputs import Columns
    from workbench.predictors.normal_scores import NormalScores

    labels = NormalScores(values)(values)
    x = encoding(domain, points) if callable(encoding) else domain.encode(points, encoding)
    if features is not None:
        beside = np.asarray(features(points), dtype=float).reshape(len(points), -1)
        x = np.hstack([x, Columns(beside[: len(values)], labels)(beside)])
    return labels, x


def _predicted(model: Any, x: NDArray[Any]) -> tuple[Floats, Floats]:
    """Means and standard deviations; NaN for these where the regressor does not say how unsure it is."""
    if "return_std" in signature(model.predict).parameters:
        mean, std = model.predict(x, return_std=True)
        return mean, std
    return model.predict(x), np.full(len(x), np.nan)


def _best_first(scores: Floats, predictor: object) -> NDArray[np.int64]:
    if np.isnan(scores).any():
        raise InvalidInput(
            f"The acquisition gives NaN: does {predictor} say how unsure it is (`return_std`)? "
            "One that does not goes with acquisition='greedy'."
        )
    order: NDArray[np.int64] = np.argsort(-scores, kind="stable")
    return order
