"""Strategies, the domain they move in, and the guard against repeats."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.samplers import sampler, samplers
from workbench.samplers.domain import Domain
from workbench.samplers.history import History, Told
from workbench.samplers.regularized_evolution import regularized_evolution
from workbench.samplers.without_repeats import SpaceExhausted, WithoutRepeats
from workbench.spaces import search_space
from workbench.studies.search import search

DUPLICATES = ("functional", "exact", "allow")
SPACE = search_space("nasbench201")
DOMAIN = Domain({f"q{i}": CategoricalDistribution(range(5)) for i in range(6)})


def history(*told: Told) -> History:
    return History.of(told)


def first(candidates):
    return next(iter(candidates))


def test_a_mutation_changes_exactly_one_value() -> None:
    rng = np.random.default_rng(0)
    parent = DOMAIN.sample(rng)
    for _ in range(100):
        child = DOMAIN.mutate(parent, rng)
        assert sum(child[name] != parent[name] for name in parent) == 1


def test_every_value_of_a_numerical_distribution_can_be_drawn_and_mutated_into() -> None:
    rng = np.random.default_rng(0)
    domain = Domain({"n": IntDistribution(1, 9, step=2), "x": FloatDistribution(0.0, 1.0, step=0.25)})
    drawn = [domain.sample(rng) for _ in range(300)]
    assert {d["n"] for d in drawn} == {1, 3, 5, 7, 9}
    assert {d["x"] for d in drawn} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {domain.mutate({"n": 1, "x": 0.5}, rng)["n"] for _ in range(300)} == {1, 3, 5, 7, 9}


def test_evolution_starts_at_random_and_then_mutates_the_best_of_its_tournament() -> None:
    rng = np.random.default_rng(0)
    told = [Told(DOMAIN.sample(rng), float(value)) for value in range(10)]
    early = first(regularized_evolution(DOMAIN, history(*told[:9]), rng))
    assert all(sum(early[q] != t.params[q] for q in early) > 1 for t in told)
    for _ in range(20):
        child = first(regularized_evolution(DOMAIN, history(*told), rng, tournament=500))
        assert sum(child[q] != told[-1].params[q] for q in child) == 1


def test_evolution_forgets_its_oldest() -> None:
    rng = np.random.default_rng(0)
    champion = Told(dict.fromkeys(DOMAIN.distributions, 4), 100.0)
    rest = [Told(dict.fromkeys(DOMAIN.distributions, 0), 1.0) for _ in range(30)]
    child = first(regularized_evolution(DOMAIN, history(champion, *rest), rng, tournament=500))
    assert sum(child.values()) in {1, 2, 3, 4}  # a mutant of the rest, not of the forgotten champion


def test_our_sampler_works_in_plain_optuna_and_finds_the_best_cell() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler("regularized_evolution", 1))
    study.optimize(lambda trial: _ones(SPACE.answered_by(trial)), n_trials=150)
    assert study.best_value == 6


def test_evolution_minimises_where_lower_is_better() -> None:
    study = search(SPACE, Measure("ones", "lower", lambda arch: _ones(arch) + 2), n_trials=100, progress=False)
    late = [trial.values[0] for trial in study.trials[60:]]
    assert study.best_value == 2
    assert sum(late) / len(late) < 3  # a random cell has 3.2 on average, and one that goes the wrong way up to 8


@pytest.mark.parametrize("name", ["random", "tpe", "nsgaii", "regularized_evolution"])
def test_two_objectives_are_searched_without_repeats(name: str) -> None:
    cost = Measure("cost", "lower", lambda arch: len(str(arch)))
    if name == "regularized_evolution":
        with pytest.raises(ValueError, match="takes one objective; the study has 2"):
            search(SPACE, [Measure("ones", "higher", _ones), cost], name, 5, progress=False)
        return
    study = search(SPACE, [Measure("ones", "higher", _ones), cost], name, 100, progress=False)
    keys = {SPACE.canonical(SPACE.parse(t.user_attrs["architecture"]), "functional") for t in study.trials}
    assert len(keys) == len(study.trials) == 100


def test_what_counts_as_a_repeat_can_be_chosen() -> None:
    tiny = SPACE.restrict({q.name: ["skip_connect", "none"] for q in SPACE.questions()})
    measure = Measure("ones", "higher", _ones)
    functions = len({tiny.canonical(a, "functional") for a in tiny.enumerate()})
    assert functions < tiny.size == 64
    counts = {d: _measured(search(tiny, measure, "random", 80, duplicates=d, progress=False)) for d in DUPLICATES}
    assert counts == {"functional": functions, "exact": 64, "allow": 80}
    with pytest.raises(InvalidInput, match="duplicates must be one of 'functional', 'exact', 'allow'; got 'never'"):
        search(tiny, measure, "random", 5, duplicates="never")


def test_an_exhausted_space_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = SPACE.restrict({q.name: ["skip_connect"] for q in SPACE.questions()})
    study = search(tiny, Measure("ones", "higher", _ones), "random", 5, progress=False)
    assert len([t for t in study.trials if t.state.name == "COMPLETE"]) == 1
    assert "nasbench201 has nothing new left (duplicates='functional')" in capsys.readouterr().err


def test_the_guard_takes_the_nearest_unseen_architecture() -> None:
    class Stubborn(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            return dict.fromkeys(search_space, "nor_conv_3x3")

    study = search(SPACE, Measure("ones", "higher", _ones), Stubborn(), 25, duplicates="exact", progress=False)
    assert [t.values[0] for t in study.trials] == [6.0] + [5.0] * 24
    tiny = SPACE.restrict({q.name: ["nor_conv_3x3"] for q in SPACE.questions()})
    guard = WithoutRepeats(Stubborn(), tiny)
    guard._seen.add(guard.key(tiny.sample()[0]))
    with pytest.raises(SpaceExhausted):
        guard._nearest_unseen(tiny.sample()[0])


def test_an_unknown_sampler_shows_the_nearest_ones() -> None:
    with pytest.raises(UnknownName, match="no sampler named 'regularised_evolution'. Did you mean 'regularized_evol"):
        sampler("regularised_evolution")
    assert "Real et al., AAAI 2019" in samplers().loc["regularized_evolution", "paper"]


def _measured(study: optuna.Study) -> int:
    return sum(trial.state.name == "COMPLETE" for trial in study.trials)


def _ones(arch) -> float:
    return float(sum(answer == "nor_conv_3x3" for answer in arch.decisions.values()))
