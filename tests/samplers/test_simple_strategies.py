"""The strategies without a model: what each proposes, and that it is a function of the seed and the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import prod

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages import InMemoryStorage

from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.samplers.differential_evolution import DifferentialEvolution
from workbench.samplers.domain import Domain, Params
from workbench.samplers.genetic import genetic
from workbench.samplers.grid import Grid
from workbench.samplers.history import History, Told
from workbench.samplers.local_search import LocalSearch
from workbench.samplers.mutation_only import mutation_only
from workbench.samplers.nsga2 import crowding, non_dominated, nsga2, survivors
from workbench.samplers.nsga2_early_exit import EarlyExit
from workbench.samplers.strategy import Offspring
from workbench.spaces import search_space
from workbench.studies.search import search

DOMAIN = Domain({f"q{i}": CategoricalDistribution(range(4)) for i in range(4)})
SPACE = search_space("nasbench201")
SIMPLE = [
    ("grid", {}),
    ("local_search", {}),
    ("local_search", {"variant": "first_improvement"}),
    ("local_search", {"variant": "whole_neighborhood"}),
    ("mutation_only", {}),
    ("genetic", {}),
    ("regularized_evolution", {}),
    ("differential_evolution", {}),
    ("nsga2", {}),
    ("nsga2_early_exit", {}),
    ("random", {}),
]


def height(point: Mapping[str, int]) -> float:
    """A hill with its top at 3, 3, 3, 3."""
    return float(sum(point.values()))


def ridge(point: Mapping[str, int]) -> float:
    """A landscape with many local optima."""
    return float(np.random.default_rng(sum(value * 4**i for i, value in enumerate(point.values()))).random())


def searched(strategy: Callable[..., Iterator[Params]], value: Callable[..., float], n: int, batch: int = 1) -> History:
    """What the plainest adapter makes of a strategy: the first new candidate of a round, told at once."""
    told: list[Told] = []
    seen: set[object] = set()
    stream: Iterator[Params] = iter(())
    for number in range(n):
        if number % batch == 0:
            stream = strategy(DOMAIN, History.of(told), np.random.default_rng([7, number]))
        point = next(point for point in stream if DOMAIN.key(point) not in seen)
        seen.add(DOMAIN.key(point))
        descent = (point.parent, point.operator) if isinstance(point, Offspring) else (None, "")
        told.append(Told(dict(point), value(point), number, (value(point),), 0.0, *descent))
    return History.of(told)


def changed(a: Mapping[str, int], b: Mapping[str, int]) -> int:
    return sum(a[name] != b[name] for name in DOMAIN.names)


# -- every one of them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "settings"), SIMPLE)
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(name: str, settings: dict[str, str]) -> None:
    accuracy = benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")
    whole = search(SPACE, accuracy, sampler(name, 3, **settings), 75, seed=3, progress=False)
    storage = InMemoryStorage()
    for n_trials in (33, 75):  # within a round, and within a population
        parts = search(SPACE, accuracy, sampler(name, 3, **settings), n_trials, seed=3, storage=storage, progress=False)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]
    assert [t.user_attrs.get("parent") for t in parts.trials] == [t.user_attrs.get("parent") for t in whole.trials]


@pytest.mark.parametrize(("name", "settings"), [entry for entry in SIMPLE if entry[0] not in ("random", "grid")])
def test_every_trial_after_the_first_ones_knows_its_parent(name: str, settings: dict[str, str]) -> None:
    accuracy = benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")
    trials = search(SPACE, accuracy, sampler(name, 1, **settings), 60, progress=False).trials
    late = [t for t in trials[20:] if "parent" in t.user_attrs]
    assert len(late) >= (20 if "variant" in settings else 40)  # a restart is nobody's child
    assert all(t.user_attrs["parent"] < t.number and t.user_attrs["operator"] for t in late)


@pytest.mark.parametrize(("name", "settings"), SIMPLE)
def test_a_space_of_one_question_or_of_one_answer_is_searched_to_its_end(name: str, settings: dict[str, str]) -> None:
    one = {q.name: ["nor_conv_3x3"] for q in SPACE.questions()}
    constant = Measure("constant", "higher", lambda arch: 1.0)
    for narrow, n in ((SPACE.restrict(one), 1), (SPACE.restrict({**one, "0->3": ["skip_connect", "none"]}), 2)):
        study = search(narrow, constant, sampler(name, 0, **settings), 5, progress=False)
        assert sum(t.state.name == "COMPLETE" for t in study.trials) == n


# -- grid ------------------------------------------------------------------------------------------------------


def test_the_grid_visits_every_point_once_and_every_part_of_it_is_spread_evenly() -> None:
    rng = np.random.default_rng(0)
    points = list(Grid(seed=5)(DOMAIN, History.of([]), rng))
    assert len(points) == len({DOMAIN.key(p) for p in points}) == 4**4
    for n in (16, 40, 100):
        for name in DOMAIN.names:
            counts = Counter(p[name] for p in points[:n])
            assert (
                max(counts.values()) - min(counts[value] for value in range(4)) <= 4
            )  # of random points it is 8 and more
        of_random = np.mean([missed_pairs([DOMAIN.sample(rng) for _ in range(n)]) for _ in range(20)])
        assert missed_pairs(points[:n]) < 0.8 * of_random


@pytest.mark.parametrize("sizes", [(1, 1), (2,) * 7, (6, 10, 15), (16, 3, 2, 2), (12, 18)])
def test_the_grid_misses_no_point_of_any_shape(sizes: tuple[int, ...]) -> None:
    domain = Domain({f"q{i}": CategoricalDistribution(range(size)) for i, size in enumerate(sizes)})
    points = Grid(seed=1)(domain, History.of([]), np.random.default_rng(0))
    assert len({domain.key(point) for point in points}) == prod(sizes)


def missed_pairs(points: list[Params]) -> int:
    """Pairs of answers to two questions that no point has."""
    pairs = {(a, b, p[a], p[b]) for p in points for a in DOMAIN.names for b in DOMAIN.names if a < b}
    return 6 * 16 - len(pairs)


def test_the_grid_begins_where_the_seed_says_and_goes_on_after_the_last_point() -> None:
    whole = list(Grid(seed=5)(DOMAIN, History.of([]), np.random.default_rng(0)))
    assert whole[0] != next(Grid(seed=6)(DOMAIN, History.of([]), np.random.default_rng(0)))
    told = History.of([Told(whole[100], 1.0, 0)])
    assert list(islice(Grid(seed=5)(DOMAIN, told, np.random.default_rng(9)), 9)) == whole[101:110]


def test_a_grid_of_more_points_than_a_float_can_count_still_begins_evenly() -> None:
    wide = Domain({f"q{i}": CategoricalDistribution(range(7)) for i in range(60)})
    points = list(islice(Grid()(wide, History.of([]), np.random.default_rng(0)), 700))
    assert prod(len(answers) for answers in wide.answers.values()) > 10**50
    assert len({wide.key(p) for p in points}) == 700
    for name in ("q0", "q30", "q59"):
        assert max(Counter(p[name] for p in points).values()) <= 150


# -- local search ----------------------------------------------------------------------------------------------


def test_best_visited_asks_for_neighbors_of_the_best_point_that_has_new_ones() -> None:
    history = searched(LocalSearch(initial=5), ridge, 120)
    for told in history[5:]:
        before = history[: told.number]
        assert told.operator == "neighbor"
        assert changed(told.params, history[told.parent].params) == 1
        tried = {DOMAIN.key(t.params) for t in before}
        free = [
            t.number
            for t in before.top(len(before))
            if any(DOMAIN.key(p) not in tried for p in DOMAIN.neighbors(t.params, np.random.default_rng(0)))
        ]
        assert told.parent == free[0]


@pytest.mark.parametrize("variant", ["first_improvement", "whole_neighborhood"])
def test_local_search_with_restarts_climbs_and_begins_again_at_random(variant: str) -> None:
    history = searched(LocalSearch(variant=variant, initial=5), ridge, 160)
    here: Told | None = None  # the reference: a plain state machine over the same trials
    children: list[Told] = []
    starts: list[Told] = []
    n_restarts = 0
    for told in history:
        tried = {DOMAIN.key(t.params) for t in history[: told.number]}
        if here is None and len(starts) == 5:
            here, starts, children = max(starts, key=lambda t: t.value), [], []
        while here is not None:
            better = [child for child in children if child.value > here.value]
            around = {DOMAIN.key(p) for p in DOMAIN.neighbors(here.params, np.random.default_rng(0))}
            if better and (variant == "first_improvement" or around <= tried):
                here = better[0] if variant == "first_improvement" else max(better, key=lambda t: t.value)
                children = []
            elif around <= tried:
                here, n_restarts = None, n_restarts + 1
            else:
                break
        if here is None:
            assert told.operator == ""
            starts.append(told)
        else:
            assert (told.operator, told.parent) == ("neighbor", here.number)
            children.append(told)
    assert n_restarts >= 2


def test_an_unknown_variant_is_refused_before_anything_runs() -> None:
    words = "variant must be one of 'best_visited', 'first_improvement', 'whole_neighborhood'; got 'best'"
    with pytest.raises(InvalidInput, match=words):
        sampler("local_search", variant="best")
    with pytest.raises(UnknownName, match="variant"):
        sampler("local_search", varient="best_visited")


def test_local_search_takes_no_longer_for_the_points_whose_neighbors_are_used_up() -> None:
    history = searched(LocalSearch(initial=5), ridge, 240)
    offered = LocalSearch(initial=5)(DOMAIN, history, np.random.default_rng(0))
    tried = {DOMAIN.key(t.params) for t in history}
    assert next(i for i, point in enumerate(offered) if DOMAIN.key(point) not in tried) < 120  # of 240 times 12


# -- mutation only, genetic --------------------------------------------------------------------------------------


def test_mutation_only_asks_for_whole_batches_of_mutants_of_the_incumbent() -> None:
    history = searched(mutation_only, height, 20, batch=10)
    assert history[9].operator == ""
    assert {t.parent for t in history[10:]} == {history[:10].best().number}
    assert all(t.operator == "mutation" for t in history[10:])


def test_genetic_crosses_over_and_mutates_the_best() -> None:
    rng = np.random.default_rng(0)
    good = [Told({"q0": 0, "q1": 0, "q2": 3, "q3": 3}, 9.0, 0), Told({"q0": 3, "q1": 3, "q2": 0, "q3": 0}, 8.0, 1)]
    bad = [Told({"q0": 1, "q1": 1, "q2": 1, "q3": 1}, -1.0, 2 + i) for i in range(30)]
    made = [next(genetic(DOMAIN, History.of(good + bad), rng, population=2)) for _ in range(300)]
    assert {child.parent for child in made} == {0, 1}
    assert {child.operator for child in made} == {"crossover", "mutation"}
    assert {child.other for child in made if child.operator == "crossover"} == {0, 1}
    for child in made:
        inherited = [child[name] in (good[0].params[name], good[1].params[name]) for name in DOMAIN.names]
        assert sum(inherited) >= 3  # one answer is mutated at most
        if child.operator == "mutation":
            assert changed(child, good[child.parent].params) == 1
    assert sum(child.parent == 0 for child in made) > 200  # the better one wins 7 of 8 tournaments of three


# -- differential evolution --------------------------------------------------------------------------------------


def test_a_child_of_differential_evolution_replaces_its_parent_when_it_is_not_worse() -> None:
    def after(value: float) -> set[int]:
        told = [Told(dict.fromkeys(DOMAIN.names, i), 5.0, i) for i in range(4)]
        told.append(Told(dict.fromkeys(DOMAIN.names, 0), value, 4, (value,), 0.0, 1, "differential"))
        strategy = DifferentialEvolution(population=4)
        return {t.number for t in strategy._members(History.of(told))[0]}

    assert after(5.0) == after(6.0) == {0, 4, 2, 3}
    assert after(4.9) == {0, 1, 2, 3}


def test_members_take_turns_and_the_population_can_be_replayed_from_the_history() -> None:
    strategy = DifferentialEvolution(population=6)
    history = searched(strategy, ridge, 90)
    slots: list[set[int]] = [{i} for i in range(6)]  # all that ever were the member of a place
    for turn, told in enumerate(history[6:]):
        assert told.operator == "differential"
        assert told.parent in slots[turn % 6]
        slots[turn % 6].add(told.number)
    fresh = DifferentialEvolution(population=6)
    assert fresh._members(history) == strategy._members(history)
    shorter = history[:40]  # another study, or the same one before
    assert strategy._members(shorter) == DifferentialEvolution(population=6)._members(shorter)


def test_a_mutant_lies_along_the_difference_of_two_others() -> None:
    line = Domain({"q": CategoricalDistribution(range(100))})
    told = History.of([Told({"q": value}, 1.0, i) for i, value in enumerate((50, 90, 80, 70))])
    made = [c["q"] for c in islice(DifferentialEvolution(population=4)(line, told, np.random.default_rng(0)), 400)]
    parts = {a + sign * gap / 2 for a, gap in ((90, 10), (80, 20), (70, 10)) for sign in (-1, 1)}
    inside = [q for q in made if min(abs(q - part) for part in parts) <= 2]
    assert len(inside) == len(made)
    with pytest.raises(InvalidInput, match="population must be 4 or more, a member and three others; got 3"):
        sampler("differential_evolution", population=3)


# -- NSGA-II -------------------------------------------------------------------------------------------------------


def test_the_first_front_is_what_no_other_point_beats() -> None:
    rng = np.random.default_rng(0)
    for k in (1, 2, 3, 4):
        points = rng.integers(0, 6, size=(80, k)).astype(float)  # with many ties
        beaten = (points[None] >= points[:, None]).all(axis=2) & (points[None] > points[:, None]).any(axis=2)
        assert (non_dominated(points) == ~beaten.any(axis=1)).all()


def test_survivors_are_ordered_by_violation_then_front_then_crowding() -> None:
    objectives = np.array([[0.0, 4.0], [1.0, 3.0], [1.2, 2.8], [2.0, 2.0], [4.0, 0.0], [9.0, 9.0], [0.5, 0.5]])
    violations = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0])
    kept = survivors(objectives, violations, 7).tolist()
    assert set(kept[:2]) == {0, 4}  # the ends of the front
    assert kept[2:5] == [3, 1, 2]  # its inside by how far the neighbours are apart
    assert kept[5:] == [6, 5]  # the second front, then what breaks a constraint, however good
    assert survivors(objectives, violations, 3).tolist() == kept[:3]
    assert crowding(np.array([[1.0, 1.0]])).tolist() == [0.0]


def test_survivors_of_one_objective_are_the_best() -> None:
    values = np.random.default_rng(1).normal(size=(50, 1))
    assert survivors(values, np.zeros(50), 20).tolist() == np.argsort(-values[:, 0]).tolist()[:20]


def test_nsga2_finds_more_of_the_front_than_random_search() -> None:
    bench = benchmark("nasbench201", dataset="cifar10")
    measures = [bench.measure("valid_accuracy"), bench.measure("params_m")]
    table = bench.table()[["valid_accuracy", "params_m"]].to_numpy() * [1, -1]
    low, span = np.array([80.0, table[:, 1].min()]), np.ptp(table[:, 1])

    def covered(name: str) -> float:
        """The mean hypervolume of accuracy over 80 % and of what is saved of the parameters."""
        found = []
        for seed in range(5):
            study = search(SPACE, measures, name, 150, seed=seed, progress=False)
            points = np.array([t.values for t in study.trials]) * [1, -1]
            front = points[non_dominated(points)]
            front = front[np.argsort(-front[:, 0])]
            steps = -np.diff(np.append(np.maximum(front[:, 0], 80.0), 80.0))
            found.append(float((steps * (np.maximum.accumulate(front[:, 1]) - low[1])).sum() / span))
        return float(np.mean(found))

    assert covered("nsga2") > covered("random") + 0.1


def test_nsga2_prefers_what_breaks_a_constraint_less() -> None:
    told = [Told(dict.fromkeys(DOMAIN.names, 0), 9.0, i, (9.0, 9.0), 1.0 + i) for i in range(20)]
    told += [Told(dict.fromkeys(DOMAIN.names, 3), 1.0, 20 + i, (1.0, 1.0), 0.5) for i in range(3)]
    made = list(islice(nsga2(DOMAIN, History.of(told), np.random.default_rng(0), population=3), 50))
    assert {child.parent for child in made} == {20, 21, 22}


# -- early exit ----------------------------------------------------------------------------------------------------


def test_early_exit_begins_with_small_networks_only() -> None:
    params = benchmark("nasbench201", dataset="cifar10").measure("params_m")
    accuracy = benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")

    def sizes(**settings: object) -> list[float]:
        made = sampler("nsga2_early_exit", 4, **settings)
        return [params(SPACE.parse(t.user_attrs["architecture"])) for t in search(SPACE, accuracy, made, 60).trials]

    found = sizes(measure=params, threshold=0.3)
    assert max(found[:20]) < 0.3 < max(found[20:])
    assert max(sizes(measure=params, threshold=0.3, throughout=True)) < 0.3
    assert max(sizes()[:20]) < 0.45  # by default the median of a random sample, in parameters; 0.344 for all cells


def test_early_exit_says_what_it_cannot_do() -> None:
    with pytest.raises(InvalidInput, match=r"must cost nothing; 'synflow' does. Free are .*'params'"):
        sampler("nsga2_early_exit", measure="synflow")
    with pytest.raises(UnknownName, match="params"):
        sampler("nsga2_early_exit", measure="parms")
    accuracy = benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")
    words = r"None of 1,000 candidates has params .*under 10; the least was 73,306. Give a higher threshold="
    with pytest.raises(InvalidInput, match=words):
        search(SPACE, accuracy, sampler("nsga2_early_exit", threshold=10.0), 5, progress=False)
    elsewhere = EarlyExit()(DOMAIN, History.of([]), np.random.default_rng(0))
    assert set(next(elsewhere)) == set(DOMAIN.names)  # without a space it is NSGA-II


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_objectives", "settings", "saved"), [(1, {"throughout": True}, 0.25), (1, {}, 0.07), (2, {}, 0.05)]
)
def test_early_exit_makes_the_search_cheaper_and_what_it_finds_no_worse(
    n_objectives: int, settings: dict[str, bool], saved: float
) -> None:
    """Training time of all cells asked for, threshold at the median of parameters, 200 trials, 50 seeds."""
    bench = benchmark("nasbench201", dataset="cifar10")
    accuracy, params = bench.measure("valid_accuracy"), bench.measure("params_m")
    table = bench.table()
    threshold = float(table["params_m"].median())

    def outcome(name: str, **given: object) -> tuple[float, float]:
        """Mean training time of a search, and mean accuracy of the best cell below the threshold that it found."""
        seconds, best = [], []
        for seed in range(50):
            made = sampler(name, seed, **given)
            study = search(SPACE, [accuracy, params][:n_objectives], made, 200, seed=seed, progress=False)
            found = table.loc[[t.user_attrs["architecture"] for t in study.trials]]
            seconds.append(found["train_time_s"].sum())
            best.append(found.loc[found["params_m"] < threshold, "valid_accuracy"].max())
        return float(np.mean(seconds)), float(np.mean(best))

    plain = outcome("nsga2")
    early = outcome("nsga2_early_exit", measure=params, threshold=threshold, **settings)
    assert early[0] <= (1 - saved) * plain[0]
    assert early[1] >= plain[1] - 0.2
