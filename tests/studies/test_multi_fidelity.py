"""Successive halving and Hyperband on fidelities of a real table: the number of training seeds that are averaged."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.studies.multi_fidelity import Bracket, hyperband, multi_fidelity, successive_halving

BENCH = wb.benchmark("fcnet", dataset="protein_structure")


class MeanOf:
    """The mean loss of the first so many training seeds."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.asked: list[str] = []

    def __call__(self, arch) -> float:
        self.asked.append(str(arch))
        return sum(BENCH.query(arch)["valid_loss_seeds"][: self.n]) / self.n


def measures() -> dict[float, Measure]:
    return {n: Measure(f"loss of {n}", "lower", MeanOf(n), space=BENCH.space) for n in (1, 2, 4)}


def test_halving_keeps_the_best_share_of_each_rung() -> None:
    bracket = successive_halving(27, (1, 2, 4), eta=3)
    assert bracket == Bracket((27, 9, 3), (1, 2, 4))
    assert bracket.cost == 27 * 1 + 9 * 1 + 3 * 2
    found = measures()
    study = multi_fidelity(BENCH.space, found, bracket, progress=False)
    states = [trial.state.name for trial in study.trials]
    assert (states.count("PRUNED"), states.count("COMPLETE")) == (24, 3)
    assert [len(m.function.asked) for m in found.values()] == [27, 9, 3]
    first = {t.number: t.intermediate_values[1] for t in study.trials}
    went_on = {t.number for t in study.trials if 2 in t.intermediate_values}
    assert went_on == set(sorted(first, key=first.get)[:9])
    for trial in study.trials:
        assert trial.user_attrs["cost"] == max(trial.intermediate_values)
        if trial.state.name == "COMPLETE":
            assert trial.value == trial.intermediate_values[4]
    assert str(wb.best(study)) in found[4].function.asked


def test_hyperbands_brackets_are_those_of_the_paper() -> None:
    # Table 1 of Li et al. (JMLR 2018), R = 81 and eta = 3, as n_i at r_i.
    brackets = hyperband((1, 3, 9, 27, 81), eta=3)
    assert [b.sizes for b in brackets] == [(81, 27, 9, 3, 1), (34, 11, 3, 1), (15, 5, 1), (8, 2), (5,)]
    assert [b.fidelities[0] for b in brackets] == [1, 3, 9, 27, 81]


def test_a_killed_race_goes_on_where_it_was(tmp_path: Path) -> None:
    bracket = successive_halving(12, (1, 2, 4), eta=2)
    undisturbed = multi_fidelity(BENCH.space, measures(), [bracket], rounds=2, seed=3, progress=False)
    where = tmp_path / "race.sqlite3"
    for after in (5, 14, 10):

        class Dies(MeanOf):
            left = after

            def __call__(self, arch) -> float:
                type(self).left -= 1
                if type(self).left < 0:
                    raise SystemExit
                return super().__call__(arch)

        dying = {n: Measure(f"loss of {n}", "lower", Dies(n), space=BENCH.space) for n in (1, 2, 4)}
        with pytest.raises(SystemExit):
            multi_fidelity(BENCH.space, dying, [bracket], rounds=2, seed=3, storage=where, progress=False)
    again = measures()
    study = multi_fidelity(BENCH.space, again, [bracket], rounds=2, seed=3, storage=where, progress=False)
    same = [(t.user_attrs["architecture"], t.intermediate_values, t.state) for t in undisturbed.trials]
    assert [(t.user_attrs["architecture"], t.intermediate_values, t.state) for t in study.trials] == same
    assert sum(len(m.function.asked) for m in again.values()) < 2 * (12 + 6 + 3)


def test_for_the_same_cost_it_finds_better_than_full_training() -> None:
    """Over 20 seeds: 63 units of cost in Hyperband's first bracket, or 15 architectures with all four seeds."""
    full = {n: Measure(f"loss of {n}", "lower", MeanOf(n), space=BENCH.space) for n in (1, 2, 4)}
    bracket = successive_halving(36, (1, 2, 4), eta=3)
    assert bracket.cost <= 60
    halved, whole = [], []
    for seed in range(20):
        halved.append(multi_fidelity(BENCH.space, full, bracket, seed=seed, progress=False).best_value)
        whole.append(wb.search(BENCH.space, full[4], "random", 15, seed=seed, progress=False).best_value)
    assert sum(halved) / 20 < sum(whole) / 20


def test_a_value_that_cannot_be_had_leaves_the_race() -> None:
    def sometimes(arch) -> float:
        return math.nan if arch.decisions["dropout_1"] == 0.0 else 1.0

    found = {1: Measure("a", "lower", sometimes), 2: Measure("b", "lower", MeanOf(4))}
    study = multi_fidelity(BENCH.space, found, successive_halving(12, (1, 2), 2), progress=False)
    failed = [t for t in study.trials if t.state.name == "FAIL"]
    assert failed
    assert all("a is nan" in t.user_attrs["reason"] for t in failed)
    assert sum(t.state.name == "COMPLETE" for t in study.trials) == min(6, 12 - len(failed))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: successive_halving(9, (4, 2)), r"Fidelities rise from more than 0, such as \(12, 50, 200\) epochs"),
        (lambda: successive_halving(0, (1, 2)), "n >= 1 architectures and eta > 1; got n=0"),
        (lambda: successive_halving(9, (1, 2), eta=1), "eta > 1; got n=9, eta=1"),
        (lambda: multi_fidelity(BENCH.space, measures(), successive_halving(9, (1, 3))), "it must use some of these"),
        (lambda: multi_fidelity(BENCH.space, measures(), []), "needs a bracket"),
    ],
)
def test_bad_input_is_refused(make, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()
