"""The strategies that search a tree: LaNAS's regions and the nested Monte-Carlo search's playouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import InMemoryStorage
from scipy.stats import mannwhitneyu

import workbench as wb
from workbench.errors import InvalidInput
from workbench.samplers import sampler
from workbench.samplers.domain import Domain, Params, SpaceDomain
from workbench.samplers.history import History, Told
from workbench.samplers.lanas import LaNAS
from workbench.samplers.nested_monte_carlo import NestedMonteCarlo
from workbench.samplers.strategy import Offspring
from workbench.studies.search import search

DOMAIN = Domain({f"q{i}": CategoricalDistribution(range(3)) for i in range(4)})
SPACE = wb.search_space("nasbench201")
BOTH = [("lanas", {}), ("nested_monte_carlo", {}), ("nested_monte_carlo", {"level": 2})]


def hill(point: Mapping[str, int]) -> float:
    """Additive, with its top at 2, 2, 2, 2; the first questions count most."""
    return float(sum(value * 4.0**-i for i, value in enumerate(point.values())))


def told(points: list[Params]) -> History:
    """A history of these points on the hill."""
    return History.of([Told(dict(p), hill(p), n, (hill(p),)) for n, p in enumerate(points)])


# -- LaNAS -----------------------------------------------------------------------------------------------------


def test_a_linear_landscape_is_split_into_its_good_and_its_bad_half() -> None:
    points = DOMAIN.everything()
    assert points is not None
    codes, values = DOMAIN.codes(points), np.array([hill(point) for point in points])
    found = list(LaNAS(height=2, cp=0.0).leaves(codes, values, [3] * 4, every=codes))
    leaves = [leaf for leaf, _ in found]
    assert all(set(region) == set(leaf.members) for leaf, region in found)
    assert len(leaves) == 4
    held = np.array([leaf.holds(codes) for leaf in leaves])
    assert (held.sum(axis=0) == 1).all()  # the regions are a partition
    for leaf, inside in zip(leaves, held, strict=True):
        assert sorted(np.flatnonzero(inside)) == sorted(leaf.members)
    means = [values[leaf.members].mean() for leaf in leaves]
    assert means == sorted(means, reverse=True)  # without exploration the better child comes first
    assert values[leaves[0].members].min() > np.quantile(values, 0.6)


def test_a_region_with_few_trials_is_chosen_when_exploration_counts() -> None:
    rng = np.random.default_rng(0)
    good = [{"q0": 2, "q1": int(a), "q2": int(b), "q3": int(c)} for a, b, c in rng.integers(3, size=(30, 3))]
    poor = [{"q0": 0, "q1": 0, "q2": 0, "q3": i} for i in range(3)]
    points = [*good, *poor]
    codes, values = DOMAIN.codes(points), np.array([hill(point) for point in points])
    first = {cp: next(LaNAS(height=1, cp=cp).leaves(codes, values, [3] * 4))[0] for cp in (0.0, 10.0)}
    assert set(first[0.0].members) >= set(np.argsort(values)[-10:])
    assert set(first[10.0].members) >= {30, 31, 32}


def test_what_is_proposed_lies_in_the_chosen_region() -> None:
    points = list(islice(DOMAIN.samples(np.random.default_rng(1)), 30))
    history = told(points)
    strategy = LaNAS(initial=5)
    leaf, _ = next(strategy.leaves(DOMAIN.codes(points), history.values, [3] * 4))
    everything = DOMAIN.everything()
    assert everything is not None
    n = int(leaf.holds(DOMAIN.codes(everything)).sum())
    proposed = list(islice(strategy(DOMAIN, history, np.random.default_rng(0)), n))
    assert leaf.holds(DOMAIN.codes(proposed)).all()
    assert len({DOMAIN.key(point) for point in proposed}) == n


def test_a_region_of_a_huge_space_is_walked_through() -> None:
    space = wb.search_space("darts")
    domain = SpaceDomain(space)
    points = list(islice(domain.samples(np.random.default_rng(0)), 60))
    values = [sum(answer == "sep_conv_3x3" for answer in point.values()) for point in points]
    history = History.of([Told(p, v, n, (float(v),)) for n, (p, v) in enumerate(zip(points, values, strict=True))])
    strategy = LaNAS(initial=5, height=3, cp=0.0)
    sizes = [len(domain.answers[name]) for name in domain.names]
    leaf, _ = next(strategy.leaves(domain.codes(points), history.values, sizes))
    proposed = list(islice(strategy(domain, history, np.random.default_rng(0)), 40))
    assert leaf.holds(domain.codes(proposed)).mean() > 0.9
    assert len({domain.key(point) for point in proposed}) > 35
    moved = [sum(answer == "sep_conv_3x3" for answer in point.values()) for point in proposed]
    assert np.mean(moved) > np.mean(values) + 0.3


def test_numerical_distributions_are_searched_too() -> None:
    domain = Domain({"x": FloatDistribution(0.0, 1.0), "c": CategoricalDistribution("ab")})
    points = list(islice(domain.samples(np.random.default_rng(0)), 40))
    history = History.of([Told(p, p["x"], n, (p["x"],)) for n, p in enumerate(points)])
    proposed = list(islice(LaNAS()(domain, history, np.random.default_rng(0)), 30))
    assert np.mean([point["x"] for point in proposed]) > 0.6
    played_out = NestedMonteCarlo()(domain, history, np.random.default_rng(0))
    assert all(0 <= point["x"] <= 1 and point["c"] in "ab" for point in islice(played_out, 30))


# -- nested Monte-Carlo search -----------------------------------------------------------------------------------


def played(strategy: NestedMonteCarlo, n: int) -> Iterator[tuple[Params, History]]:
    """The first new candidate of each trial, with the history before it."""
    points: list[Params] = []
    for number in range(n):
        history = told(points)
        seen = {DOMAIN.key(point) for point in points}
        stream = strategy(DOMAIN, history, np.random.default_rng([3, number]))
        point = next(point for point in stream if DOMAIN.key(point) not in seen)
        yield point, history
        points.append(dict(point))


def test_every_answer_to_a_question_has_its_playout_before_one_is_committed_to() -> None:
    trials = [point for point, _ in played(NestedMonteCarlo(), 8)]
    assert [point["q0"] for point in trials[1:4]] == [0, 1, 2]
    best = max(trials[:4], key=hill)
    assert {point["q0"] for point in trials[4:7]} == {best["q0"]}
    assert [point["q1"] for point in trials[4:7]] == [0, 1, 2]


def test_a_search_of_the_second_level_tries_an_answer_by_a_whole_search() -> None:
    trials = [point for point, _ in played(NestedMonteCarlo(level=2), 10)]
    assert [point["q0"] for point in trials[1:9]] == [0] * 7 + [1]  # of 9 playouts two are known already
    assert [point["q1"] for point in trials[1:4]] == [0, 1, 2]


@pytest.mark.parametrize("level", [1, 2])
def test_what_is_due_is_replayed_from_the_history_alone(level: int) -> None:
    strategy = NestedMonteCarlo(level=level)
    for point, history in played(strategy, 50):
        fresh = NestedMonteCarlo(level=level)(DOMAIN, history, np.random.default_rng([3, len(history)]))
        seen = {DOMAIN.key(before) for before in history.points}
        assert dict(next(p for p in fresh if DOMAIN.key(p) not in seen)) == dict(point)


def test_the_whole_of_a_small_domain_is_played() -> None:
    small = {DOMAIN.key(point) for point, _ in played(NestedMonteCarlo(), 60)}
    assert len(small) == 60


def test_exploitation_completes_as_the_best_macro_arm_does_and_says_so() -> None:
    history = told([{"q0": 1, "q1": 2, "q2": 0, "q3": 2}, {"q0": 0, "q1": 0, "q2": 0, "q3": 0}])
    proposed = next(iter(NestedMonteCarlo(explore=0.0)(DOMAIN, history, np.random.default_rng(0))))
    assert isinstance(proposed, Offspring)
    assert (proposed.parent, proposed.operator) == (0, "playout")
    assert dict(proposed) == {"q0": 1, "q1": 2, "q2": 0, "q3": 2}  # q0 = 1 is due after q0 = 0
    explored = NestedMonteCarlo(explore=1.0, local=0.0)(DOMAIN, history, np.random.default_rng(0))
    assert not isinstance(next(iter(explored)), Offspring)


@pytest.mark.parametrize("level", [0, 9, 1.5, True])
def test_a_level_that_is_none_is_refused(level: object) -> None:
    with pytest.raises(InvalidInput, match="level must be a whole number from 1 to 4"):
        NestedMonteCarlo(level=level)  # type: ignore[arg-type]


# -- both --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "settings"), BOTH)
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(name: str, settings: dict[str, int]) -> None:
    accuracy = wb.benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")
    whole = search(SPACE, accuracy, sampler(name, 3, **settings), 60, seed=3, progress=False)
    storage = InMemoryStorage()
    for n_trials in (33, 60):
        parts = search(SPACE, accuracy, sampler(name, 3, **settings), n_trials, seed=3, storage=storage, progress=False)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


@pytest.mark.parametrize(("name", "settings"), BOTH)
def test_a_space_of_one_question_or_of_one_answer_is_searched_to_its_end(name: str, settings: dict[str, int]) -> None:
    one = {q.name: ["nor_conv_3x3"] for q in SPACE.questions()}
    constant = wb.Measure("constant", "higher", lambda arch: 1.0)
    for narrow, n in ((SPACE.restrict(one), 1), (SPACE.restrict({**one, "0->3": ["skip_connect", "none"]}), 2)):
        study = search(narrow, constant, sampler(name, 0, **settings), 5, progress=False)
        assert sum(t.state.name == "COMPLETE" for t in study.trials) == n


@pytest.mark.parametrize("name", ["lanas", "nested_monte_carlo"])
@pytest.mark.parametrize("space", ["nasbench101", "nasbench_graph", "darts"])
def test_spaces_with_conditional_questions_are_searched(name: str, space: str) -> None:
    ones = wb.Measure("ones", "higher", lambda arch: float(sum(a == 1 for a in arch.decisions.values())))
    study = search(wb.search_space(space), ones, sampler(name, 0), 40, progress=False)
    assert len({t.user_attrs["architecture"] for t in study.trials}) == 40


@pytest.mark.parametrize(("name", "settings"), BOTH)
def test_it_beats_random_search(name: str, settings: dict[str, int]) -> None:
    measure = wb.benchmark("nasbench201", dataset="cifar100").measure("valid_accuracy")

    def regrets(strategy: str, **given: int) -> list[float]:
        found = []
        for seed in range(8):
            study = search(SPACE, measure, sampler(strategy, seed, **given), 100, seed=seed, progress=False)
            found.append(measure.optimum - study.best_value)
        return found

    ours, others = regrets(name, **settings), regrets("random")
    assert mannwhitneyu(ours, others, alternative="less").pvalue < 0.01
    assert np.median(ours) < 0.7
