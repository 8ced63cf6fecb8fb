"""Predictor-guided search: its switches, its parts, and what it finds in NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.samplers import candidates
from workbench.samplers.acquisitions import acquisition, ei
from workbench.samplers.domain import Domain, SpaceDomain
from workbench.samplers.history import History
from workbench.samplers.predictor_guided import _learned_from, predictor_guided
from workbench.samplers.strategy import Offspring

SPACE = wb.search_space("nasbench201")
DOMAIN = SpaceDomain(SPACE)


def told(n: int, value: Callable[[dict[str, Any]], float], seed: int = 0, domain: Domain = DOMAIN) -> History:
    """A history of n random points."""
    rng = np.random.default_rng(seed)
    points = [domain.sample(rng) for _ in range(n)]
    trials = [SimpleNamespace(params=point, number=k, user_attrs={}) for k, point in enumerate(points)]
    return History(trials, np.array([[value(point)] for point in points]).reshape(n, 1), np.zeros(n))


def convolutions(point: dict[str, Any]) -> float:
    return float(sum(answer == "nor_conv_3x3" for answer in point.values()))


def first(stream: Iterator[Any], n: int = 5) -> list[Any]:
    return [next(stream) for _ in range(n)]


def guided(history: History, **settings: Any) -> list[Any]:
    return first(predictor_guided(DOMAIN, history, np.random.default_rng(0), **settings))


@pytest.mark.parametrize("predictor", ["hamming_gp", "gp_nas", "mlp_ensemble", "ridge", BayesianRidge()])
@pytest.mark.parametrize("name", ["ei", "ucb", "thompson", "greedy"])
def test_it_finds_what_the_values_are_about(predictor: Any, name: str) -> None:
    history = told(60, convolutions)
    proposed = guided(history, predictor=predictor, acquisition=name)
    assert np.mean([convolutions(point) for point in proposed]) > history.values.mean() + 1.5


def test_a_mutant_knows_its_parent() -> None:
    history = told(40, convolutions)
    proposed = guided(history, candidates="neighbors")
    for point in proposed:
        assert isinstance(point, Offspring)
        assert point.operator == "mutation"
        parent = history[point.parent].params
        assert sum(point[name] != parent[name] for name in parent) == 1
        assert point.parent in [trial.number for trial in history.top(5)]


def test_without_a_predictor_candidates_come_at_random() -> None:
    history = told(40, convolutions)
    proposed = guided(history, predictor=None, candidates="neighbors")
    parents = {trial.number for trial in history.top(5)}
    assert {point.parent for point in proposed} <= parents
    assert [point.parent for point in proposed] != sorted(point.parent for point in proposed)


def test_before_there_is_something_to_learn_points_are_random() -> None:
    few, flat = told(9, convolutions), told(30, lambda point: 1.0)
    for history in (few, flat, told(0, convolutions), told(1, convolutions)):
        assert not any(isinstance(point, Offspring) for point in guided(history, initial=10))
        assert len(guided(history, initial=0)) == 5
    assert any(isinstance(point, Offspring) for point in guided(told(10, convolutions), initial=10))


def test_features_stand_beside_the_encoding() -> None:
    """A feature that gives the values away is found among answers that do not."""
    worth = {DOMAIN.key(point): value for point, value in zip(
        DOMAIN.everything() or [], np.random.default_rng(0).normal(size=15_625), strict=True
    )}  # fmt: skip

    def features(points: Sequence[Any]) -> np.ndarray:
        return np.array([[worth[DOMAIN.key(point)], np.nan] for point in points])

    history = told(60, lambda point: worth[DOMAIN.key(point)])
    mean = {}
    for given in (features, None):
        proposed = guided(history, features=given, candidates="random", acquisition="greedy")
        mean[given] = np.mean([worth[DOMAIN.key(point)] for point in proposed])
    assert mean[features] > 1.2 > mean[None]


def test_functions_take_the_place_of_names() -> None:
    history = told(30, convolutions)
    seen = {}

    def pool(domain: Domain, history: History, rng: np.random.Generator) -> list[Any]:
        return [domain.sample(rng) for _ in range(7)]

    def encoding(domain: Domain, points: Sequence[Any]) -> np.ndarray:
        return np.array([[convolutions(point)] for point in points])

    def least(mean: np.ndarray, std: np.ndarray, best: float, rng: np.random.Generator) -> np.ndarray:
        seen.update(n=len(mean), best=best)
        return -mean

    proposed = guided(history, candidates=pool, encoding=encoding, acquisition=least)
    assert seen["n"] == 7
    assert seen["best"] > 1
    assert [convolutions(point) for point in proposed] == sorted(map(convolutions, proposed))


def test_of_a_long_history_the_best_and_the_latest_are_learned_from() -> None:
    values = np.random.default_rng(0).permutation(400).astype(float)
    stream = iter(values)
    history = told(400, lambda point: next(stream))
    best = set(np.argsort(-values)[:25])
    latest = [row for row in range(400) if row not in best][-25:]
    assert sorted({*best, *latest}) == list(_learned_from(history, 50))
    assert list(_learned_from(history, 400)) == list(range(400))
    learned = []

    class Watched(LinearRegression):
        def fit(self, X: Any, y: Any) -> Any:
            learned.append(len(X))
            return super().fit(X, y)

    guided(history, predictor=Watched(), acquisition="greedy", most=50)
    assert learned == [50]


def test_what_a_regressor_draws_comes_from_the_search() -> None:
    history = told(30, convolutions)
    runs = [guided(history, predictor=RandomForestRegressor(5), acquisition="greedy") for _ in range(2)]
    assert runs[0] == runs[1]


def test_refusals_say_what_to_do() -> None:
    history = told(30, convolutions)
    with pytest.raises(UnknownName, match="no predictor named 'haming_gp'. Did you mean 'hamming_gp'"):
        guided(history, predictor="haming_gp")
    with pytest.raises(UnknownName, match="no acquisition named 'ie'"):
        guided(history, acquisition="ie")
    with pytest.raises(UnknownName, match="no candidate_pool named 'mutations'. Did you mean 'mutation'"):
        guided(history, candidates="mutations")
    with pytest.raises(
        InvalidInput, match="'parzc' takes statistics of layers, and a search encodes answers: name one"
    ):
        guided(history, predictor="parzc")
    with pytest.raises(InvalidInput, match=r"does LinearRegression\(\) say how unsure it is .* acquisition='greedy'"):
        guided(history, predictor=LinearRegression())


def test_expected_improvement_is_the_mean_of_what_is_gained() -> None:
    rng = np.random.default_rng(0)
    mean, std = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.5, 0.0])
    drawn = rng.normal(mean, std, size=(400_000, 3))
    assert ei(mean, std, 0.4, rng) == pytest.approx(np.maximum(drawn - 0.4, 0).mean(axis=0), abs=0.004)


def test_acquisitions_weigh_mean_and_spread() -> None:
    rng = np.random.default_rng(0)
    mean, std = np.zeros(20_000), np.linspace(0, 2, 20_000)
    assert np.array_equal(acquisition("ucb")(mean, std, 0.0, rng), std)
    assert np.array_equal(acquisition("greedy")(mean, std, 0.0, rng), mean)
    assert acquisition("its") is acquisition("thompson")
    drawn = acquisition("thompson")(mean[1:], std[1:], 0.0, rng) / std[1:]
    assert stats.kstest(drawn, "norm").pvalue > 0.01


@pytest.mark.parametrize("name", candidates.catalogue.names())
def test_candidates_are_new_and_no_two_the_same(name: str) -> None:
    history = told(200, convolutions)
    pool = candidates.candidates(name)(DOMAIN, history, np.random.default_rng(0))
    keys = {DOMAIN.key(point) for point in pool}
    tried = {DOMAIN.key(point) for point in history.points}
    assert len(keys) == len(pool) > 50
    assert not keys & tried


def test_candidates_are_as_near_as_they_say() -> None:
    history = told(50, convolutions)

    def changes(point: Offspring) -> int:
        parent = history[point.parent].params
        return sum(point[name] != parent[name] for name in parent)

    rng = np.random.default_rng(0)
    near = [changes(point) for point in candidates.mutation(DOMAIN, history, rng) if isinstance(point, Offspring)]
    far = [changes(point) for point in candidates.two_steps(DOMAIN, history, rng) if isinstance(point, Offspring)]
    assert set(near) == {1}
    assert set(far) == {1, 2}
    few = candidates.neighbors(DOMAIN, history, rng, parents=2, each=3)
    assert [point.parent for point in few] == [trial.number for trial in history.top(2) for _ in range(3)]
    assert len(candidates.exhaustive(DOMAIN, history, rng)) == 15_625 - 50
    assert len(candidates.random(DOMAIN, history, rng, fresh=30)) == 30


def test_a_domain_of_few_points_runs_dry_quietly() -> None:
    small = Domain({"a": optuna.distributions.CategoricalDistribution(("x", "y", "z"))})
    rng = np.random.default_rng(0)
    trials = [SimpleNamespace(params={"a": a}, number=k, user_attrs={}) for k, a in enumerate("xyz" * 4)]
    history = History(trials, np.arange(12.0).reshape(-1, 1), np.zeros(12))
    for name in candidates.catalogue.names():
        assert candidates.candidates(name)(small, history, rng) == []
    assert len(first(predictor_guided(small, history, rng))) == 5


@pytest.mark.parametrize("name", ["gp", "nas_bowl", "bananas", "gp_nas", "gp_nas_ensemble"])
def test_the_published_systems_search_far_better_than_chance(name: str) -> None:
    """Validation regret on ImageNet16-120 after 50 queries: random search has a median of 1.8 points."""
    accuracy = wb.benchmark("nasbench201", dataset="imagenet16_120").measure("valid_accuracy")
    regrets = []
    for seed in range(3):
        study = wb.search(SPACE, accuracy, wb.sampler(name, seed=seed), 50, progress=False)
        regrets.append(float(accuracy.optimum or np.nan) - study.best_value)
    assert np.median(regrets) < 1.3
