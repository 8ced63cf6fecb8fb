"""What is made of constraints: refused before they are paid for, punished softly, or left to the sampler."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.studies.search import search

SPACE = search_space("nasbench201")
asked: Counter[str] = Counter()


def threes(arch) -> float:
    """How many edges carry a 3x3 convolution."""
    return float(sum(answer == "nor_conv_3x3" for answer in arch.decisions.values()))


def counted(arch) -> float:
    asked[str(arch)] += 1
    return threes(arch)


def skips(arch) -> float:
    return float(sum(answer == "skip_connect" for answer in arch.decisions.values()))


ACCURACY = Measure("threes", "higher", counted)
COST = Measure("cost", "lower", threes)


@pytest.mark.parametrize("sampler", ["random", "regularized_evolution", "tpe", "nsgaii"])
def test_what_breaks_a_bound_is_refused_before_it_is_measured(sampler: str) -> None:
    asked.clear()
    study = search(SPACE, ACCURACY, sampler, 60, constraints={COST: 2}, handling="reject", progress=False)
    assert len(study.trials) == 60
    assert max(threes(SPACE.parse(text)) for text in asked) == study.best_value == 2
    assert all(trial.constraints["cost"] <= 0 for trial in study.trials)


def test_a_bound_on_the_table_holds_in_every_trial_and_costs_no_second_look_up() -> None:
    bench = wb.benchmark("nasbench201", dataset="cifar10")
    looked: Counter[str] = Counter()
    latency = bench.measure("latency_ms")

    def look(arch) -> float:
        looked[str(arch)] += 1
        return latency(arch)

    bounded = Measure("latency", "lower", look)
    limit = float(bench.table()["latency_ms"].median())
    study = search(
        SPACE, bench.measure("valid_accuracy"), n_trials=100, constraints={bounded: limit}, handling="reject",
        progress=False,
    )  # fmt: skip
    assert all(trial.user_attrs["latency"] <= limit for trial in study.trials)
    assert max(looked.values()) == 1
    assert wb.best(study) == SPACE.parse(study.best_trial.user_attrs["architecture"])


def test_a_bound_that_no_architecture_meets_is_said_with_the_closest() -> None:
    edges = Measure("edges", "lower", lambda arch: 6.0 - sum(a == "none" for a in arch.decisions.values()))
    words = r"No architecture was found with edges <= -1\. The closest is \|none~0\|.*, with edges 0\. Loosen a bound"
    with pytest.raises(InvalidInput, match=words):
        search(SPACE, ACCURACY, n_trials=5, constraints={edges: -1}, handling="reject", progress=False)


def test_a_tight_bound_ends_the_search_when_nothing_more_meets_it(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = SPACE.restrict({q.name: ["nor_conv_3x3", "skip_connect"] for q in SPACE.questions()})
    study = search(tiny, ACCURACY, "random", 60, constraints={COST: 1}, handling="reject", progress=False)
    meeting = {tiny.canonical(arch, "functional") for arch in tiny.enumerate() if threes(arch) <= 1}
    assert len(study.trials) - 1 == len(meeting) == 4  # the last was asked for in vain
    assert "Stopped after 4 trials: nothing new was found with cost <= 1." in capsys.readouterr().err


def test_one_that_is_hard_to_draw_is_found() -> None:
    pure = Measure("others", "lower", lambda arch: 6 - threes(arch))
    study = search(SPACE, ACCURACY, "random", 30, constraints={pure: 1}, handling="reject", progress=False)
    values = [trial.value for trial in study.trials if trial.value is not None]
    assert sorted(values) == [5.0] * (len(values) - 1) + [6.0]
    assert len(values) > 20


def test_a_penalty_makes_the_told_value_worse_in_proportion() -> None:
    study = search(
        SPACE, ACCURACY, "random", 60, constraints={COST: 2}, handling="penalty", penalty=0.5, progress=False
    )
    for trial in study.trials:
        true = trial.user_attrs["threes"]
        assert trial.value == pytest.approx(true - 0.5 * true * max(0.0, true - 2) / 2)
    assert threes(wb.best(study)) <= 2
    lower = Measure("loss", "lower", lambda arch: 10 - threes(arch))
    worse = search(SPACE, lower, "random", 20, constraints={COST: 2}, handling="penalty", progress=False)
    assert all(t.value >= t.user_attrs["loss"] for t in worse.trials)
    assert any(t.value > t.user_attrs["loss"] for t in worse.trials)


def test_a_strategy_ranks_what_is_infeasible_last_unless_it_is_penalised() -> None:
    from workbench.samplers.history import Book

    hard = search(SPACE, ACCURACY, "random", 40, constraints={COST: 2}, progress=False)
    soft = search(SPACE, ACCURACY, "random", 40, constraints={COST: 2}, handling="penalty", penalty=0.0, progress=False)
    ranked, tolerant = Book().read(hard), Book().read(soft)
    broken = ranked.violations > 0
    assert broken.any()
    assert ranked.values[broken].max() < ranked.values[~broken].min()
    over = {told.number: told.value for told in ranked if told.violation > 0}
    most = max(ranked, key=lambda told: told.violation)
    assert over[most.number] == min(over.values())
    assert tolerant.best().value == max(t.values[0] for t in soft.trials) > 2


def test_handling_is_one_of_three_and_part_of_the_question(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no handling of constraints named 'rejecting'. Did you mean 'reject'"):
        search(SPACE, ACCURACY, n_trials=1, constraints={COST: 2}, handling="rejecting", progress=False)
    where = tmp_path / "study.sqlite3"
    search(SPACE, ACCURACY, n_trials=2, constraints={COST: 2}, storage=where, name="mine", progress=False)
    with pytest.raises(InvalidInput, match=r"other bounds: \['cost <= 2'\] then, \['cost <= 3'\] now"):
        search(SPACE, ACCURACY, n_trials=3, constraints={COST: 3}, storage=where, name="mine", progress=False)
    with pytest.raises(InvalidInput, match="other handling: native then, reject now"):
        search(
            SPACE, ACCURACY, n_trials=3, constraints={COST: 2}, handling="reject", storage=where, name="mine",
            progress=False,
        )  # fmt: skip


def test_weights_make_one_value_of_several_measures() -> None:
    some = Measure("skips", "higher", skips)
    with pytest.raises(ValueError, match="takes one objective; the study has 2. Give weights= to wb.search"):
        search(SPACE, [ACCURACY, some], "regularized_evolution", 3, progress=False)
    towards = {}
    for name, weight in (("threes", 0.95), ("skips", 0.05)):
        study = search(SPACE, [ACCURACY, some], n_trials=100, weights={"threes": weight, "skips": 1 - weight},
                       progress=False)  # fmt: skip
        late = [trial.values for trial in study.trials[60:]]
        towards[name] = sum(three for three, _ in late) / len(late)
    assert towards["threes"] > towards["skips"] + 1
