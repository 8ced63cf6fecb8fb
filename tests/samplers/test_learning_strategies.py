"""Strategies that learn: boosted trees over everything, gradients on the input, joint recipes, inner evolutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution

import workbench as wb
from workbench.analysis.hypervolume import hypervolume
from workbench.predictors.npn import NPN
from workbench.samplers.boshnas import _climbed, _snapped, boshnas
from workbench.samplers.domain import Domain, SpaceDomain
from workbench.samplers.gbdt_nas import _kept, gbdt_nas
from workbench.samplers.history import History
from workbench.samplers.inner_evolution import among, evolved, ones
from workbench.samplers.joint_recipe import JointRecipe
from workbench.samplers.linas import linas

SPACE = wb.search_space("nasbench201")
CELLS = SpaceDomain(SPACE)
FCNET = wb.search_space("fcnet")


@dataclass
class Trial:
    """What a history reads of a finished trial."""

    params: dict[str, Any]
    number: int
    user_attrs: dict[str, Any] = field(default_factory=dict)


def history(points: list[dict[str, Any]], objectives: Any, violations: Any = None) -> History:
    trials = [Trial(dict(point), number) for number, point in enumerate(points)]
    goals = np.asarray(objectives, float)
    goals = goals[:, None] if goals.ndim == 1 else goals
    return History(trials, goals, np.zeros(len(points)) if violations is None else np.asarray(violations))  # type: ignore[arg-type]


def drawn(domain: Domain, n: int, seed: int = 0) -> list[dict[str, Any]]:
    return list(islice(domain.samples(np.random.default_rng(seed)), n))


def convolutions(point: dict[str, Any]) -> float:
    return float(sum(answer == "nor_conv_3x3" for answer in point.values()))


def best_of(study: optuna.Study, n: int | None = None) -> float:
    values = [trial.value for trial in study.trials[:n] if trial.value is not None]
    return max(values) if study.direction == optuna.study.StudyDirection.MAXIMIZE else min(values)


# -- an evolution on predictions ---------------------------------------------------------------------------------


def test_an_inner_evolution_finds_the_front_of_what_is_predicted_without_seeing_it_all() -> None:
    sizes = np.full(10, 6)

    def predict(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.stack([codes.sum(axis=1), -(codes**2).sum(axis=1)], axis=1).astype(float), np.zeros(len(codes))

    rng = np.random.default_rng(0)
    seen = evolved(np.zeros((1, 10), np.int64), sizes, predict, rng, population=50, generations=40)
    assert len(np.unique(seen, axis=0)) == len(seen) < 3_000  # of 60 million
    assert _on_the_front(seen) > 15 > 3 * _on_the_front(rng.integers(6, size=(3_000, 10)))


def _on_the_front(codes: np.ndarray) -> int:
    """How many of the front's 51 points are there: the least sum of squares for a sum is that of equal answers."""
    sums, squares = codes.sum(axis=1), (codes**2).sum(axis=1)
    return sum((squares[sums == total] == _least_squares(total)).any() for total in range(51))


def _least_squares(total: int) -> int:
    low, more = divmod(total, 10)
    return (10 - more) * low**2 + more * (low + 1) ** 2


def test_one_hot_codes_leave_out_what_is_not_asked() -> None:
    assert ones(np.array([[1, -1], [0, 2]]), np.array([2, 3])).tolist() == [[0, 1, 0, 0, 0], [1, 0, 0, 0, 1]]
    assert among(np.array([[1, 2], [3, 4]]), np.array([[3, 4]])).tolist() == [False, True]


# -- GBDT-NAS ----------------------------------------------------------------------------------------------------


def test_gbdt_nas_ranks_the_whole_space_and_leaves_out_what_was_tried() -> None:
    points = drawn(CELLS, 60)
    told = history(points, [convolutions(p) for p in points])
    ranked = list(islice(gbdt_nas(CELLS, told, np.random.default_rng(0)), 200))
    tried = {CELLS.key(p) for p in points}
    assert not any(CELLS.key(p) in tried for p in ranked)
    assert np.mean([convolutions(p) for p in ranked[:20]]) > 4.5
    assert convolutions(ranked[0]) >= 5
    assert len({CELLS.key(p) for p in ranked}) == 200


def test_gbdt_nas_prunes_the_answers_that_lower_values() -> None:
    points = drawn(CELLS, 100)
    told = history(points, [-sum(answer == "none" for answer in p.values()) for p in points])
    left = _kept(CELLS, told, np.random.default_rng(0), prune=6, pool=100)
    assert {answer for point in left for answer in point.values()} == set(CELLS.answers["0->1"]) - {"none"}
    assert len(left) == 4**6 - sum("none" not in p.values() for p in {CELLS.key(p): p for p in points}.values())


@pytest.mark.parametrize("name", ["gbdt_nas", "boshnas", "joint_recipe", "linas"])
@pytest.mark.parametrize("told", [0, 1, 60])
def test_histories_that_say_nothing_lead_to_random_points(name: str, told: int) -> None:
    settings = {"initial": 1} if told == 1 else {}
    strategy = {"gbdt_nas": gbdt_nas, "boshnas": boshnas, "linas": linas, "joint_recipe": None}[name]
    made: Any = JointRecipe(**settings) if strategy is None else partial(strategy, **settings)
    domain = Domain({"one": CategoricalDistribution(["only"]), "two": CategoricalDistribution(["a", "b"])})
    points = [{"one": "only", "two": "ab"[i % 2]} for i in range(told)]
    found = list(islice(made(domain, history(points, np.ones(told)), np.random.default_rng(0)), 3))
    assert len(found) == 3
    assert all(point["one"] == "only" and point["two"] in "ab" for point in found)


# -- BOSHNAS -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second_order", [True, False])
def test_a_climb_on_the_input_raises_the_bound_and_stays_in_range(second_order: bool) -> None:
    import torch

    points = drawn(CELLS, 60)
    x = CELLS.encode(points)
    model = NPN(epochs=60).fit(x, np.array([convolutions(p) for p in points]))
    start = CELLS.encode(drawn(CELLS, 8, seed=1))
    end = _climbed(model, start, x, 20, 0.1, 0.5, False, second_order, np.random.default_rng(0))
    with torch.no_grad():
        before, after = (model.bound(torch.tensor(rows)) for rows in (start, end))
    assert (after > before).all()
    assert end.min() >= 0
    assert end.max() <= 1


def test_the_end_of_a_climb_is_snapped_to_the_nearest_point() -> None:
    goals = drawn(CELLS, 5, seed=3)
    rng = np.random.default_rng(0)
    reached = CELLS.encode(goals) * 0.6 + 0.1
    assert _snapped(CELLS, drawn(CELLS, 5), reached, "one_hot", rng) == goals


def test_boshnas_says_from_which_trial_it_climbed() -> None:
    points = drawn(CELLS, 20)
    told = history(points, [convolutions(p) for p in points])
    first = next(iter(boshnas(CELLS, told, np.random.default_rng(0), starts=2)))
    assert getattr(first, "operator", "gradient") == "gradient"


# -- joint architecture and recipe -------------------------------------------------------------------------------


def test_the_start_is_spread_evenly_and_goes_on_where_it_stood() -> None:
    strategy = JointRecipe(seed=3)
    domain = SpaceDomain(FCNET)
    start = list(islice(strategy(domain, history([], []), np.random.default_rng(0)), 32))
    for name, answers in domain.answers.items():
        counts = [sum(point[name] == answer for point in start) for answer in answers]
        assert max(counts) - min(counts) <= 2, name
    later = next(iter(strategy(domain, history(start[:10], np.zeros(10)), np.random.default_rng(5))))
    assert later == start[10]


def test_what_is_free_to_know_stands_beside_the_answers() -> None:
    params = wb.benchmark("fcnet", dataset="slice_localization").measure("params_m")
    domain = SpaceDomain(FCNET)
    strategy = JointRecipe(statistics=[params], seed=0)
    sizes = np.array([len(answers) for answers in domain.answers.values()])
    points = drawn(domain, 200, seed=9)
    columns = strategy._seen(domain, sizes)(domain.codes(points))
    truth = [params(domain.architecture(point)) for point in points]
    assert columns.shape[1] == sizes.sum() + len(sizes) + 1
    assert np.corrcoef(np.argsort(np.argsort(columns[:, -1])), np.argsort(np.argsort(truth)))[0, 1] > 0.95


def test_joint_search_keeps_constraints_and_comes_near_the_joint_optimum() -> None:
    table = wb.benchmark("fcnet", dataset="parkinsons_telemonitoring")
    loss, params = table.measure("valid_loss"), table.measure("params_m")
    study = wb.search(FCNET, loss, "joint_recipe", 80, seed=0, progress=False)
    random = wb.search(FCNET, loss, "random", 80, seed=0, progress=False)
    assert best_of(study) < 2 * table.optimum("valid_loss")
    assert best_of(study) < best_of(random)
    tight = wb.search(FCNET, loss, "joint_recipe", 60, seed=0, constraints={"params_m": 0.02}, progress=False)
    assert np.mean([params(FCNET.parse(t.user_attrs["architecture"])) <= 0.02 for t in tight.trials[-20:]]) > 0.7


def test_most_recipes_keep_every_network_far_from_the_joint_optimum() -> None:
    table = wb.benchmark("fcnet", dataset="parkinsons_telemonitoring")
    losses = table.table()["valid_loss"].to_numpy()  # in the order of enumeration
    questions = FCNET.questions()
    numbers = np.indices([len(question.answers) for question in questions]).reshape(len(questions), -1)
    asked = [question.name.startswith("recipe.") for question in questions]
    recipe = np.unique(numbers[asked], axis=1, return_inverse=True)[1].reshape(-1)
    best = np.array([losses[recipe == i].min() for i in range(48)]) / table.optimum("valid_loss")
    assert np.median(best) > 2.5
    assert (best <= 1.5).mean() < 0.2


# -- LINAS -------------------------------------------------------------------------------------------------------


def test_linas_takes_one_objective_too() -> None:
    accuracy = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")
    study = wb.search(SPACE, accuracy, wb.sampler("linas", 0, initial=20, batch=10), 60, progress=False)
    values = np.array([trial.values[0] for trial in study.trials])
    assert np.median(values[20:]) > np.quantile(values[:20], 0.9)


@pytest.mark.parametrize("predictor", ["gbdt", "ridge_or_svr"])
def test_linas_covers_more_of_the_front_than_random_search(predictor: str) -> None:
    table = wb.benchmark("nasbench201", dataset="cifar100")
    both = [table.measure("valid_accuracy"), table.measure("latency_ms")]
    covered = np.zeros(2)
    for seed in range(3):
        sampler = wb.sampler("linas", seed, initial=30, batch=30, predictor=predictor, generations=15)
        for i, how in enumerate([sampler, "random"]):
            study = wb.search(SPACE, both, how, 120, seed=seed, progress=False)
            covered[i] += hypervolume(study, {"valid_accuracy": 0.0, "latency_ms": 60.0})
    assert covered[0] > 1.01 * covered[1]


def test_linas_learns_to_keep_a_constraint() -> None:
    points = drawn(CELLS, 60)
    goals = [[convolutions(p), sum(answer == "skip_connect" for answer in p.values())] for p in points]
    poolings = [sum(answer == "avg_pool_3x3" for answer in p.values()) for p in points]
    told = history(points, goals, np.array(poolings, float))
    found = list(islice(linas(CELLS, told, np.random.default_rng(0)), 20))
    assert np.mean([sum(answer == "avg_pool_3x3" for answer in p.values()) for p in found]) < 0.1


@pytest.mark.slow
def test_linas_reaches_what_nsga2_reaches_in_more_evaluations(
    shared_data: Callable[[str], Path], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import linas as benchmark

    found = benchmark.covered(shared_data("nb201_latency_help.npz"), seeds=10)
    assert found["linas"][250].mean() >= found["nsga2"][300].mean()
    for queries in (100, 150, 200, 250, 300):
        assert found["linas"][queries].mean() > found["random"][queries].mean()
