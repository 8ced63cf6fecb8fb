"""Search: what it returns, what it survives, and that nothing is paid for twice."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from workbench.benchmarks import benchmark
from workbench.errors import InvalidInput, LedgerError, UnknownName
from workbench.executors import Local
from workbench.ledger import Ledger, Unkept
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.studies.results import best, front
from workbench.studies.search import search

SPACE = search_space("nasbench201")


def ones(arch) -> float:
    return float(sum(answer == "nor_conv_3x3" for answer in arch.decisions.values()))


def skips(arch) -> float:
    return float(sum(answer == "skip_connect" for answer in arch.decisions.values()))


ONES = Measure("ones", "higher", ones)
SKIPS = Measure("skips", "higher", skips)


@pytest.mark.parametrize("name", ["random", "tpe", "nsgaii", "regularized_evolution"])
def test_200_trials_on_the_real_table_never_repeat_an_isomorph(name: str) -> None:
    bench = benchmark("nasbench201", "cifar10")
    study = search(SPACE, [bench.measure("valid_accuracy")], name, 200, seed=3, progress=False)
    archs = [SPACE.parse(t.user_attrs["architecture"]) for t in study.trials]
    assert len({SPACE.canonical(arch, "functional") for arch in archs}) == len(archs) == 200
    assert len({SPACE.canonical(arch) for arch in archs}) == 200


def test_every_trial_carries_its_architecture_and_its_number() -> None:
    study = search(SPACE, ONES, "random", 10, progress=False)
    for trial in study.trials:
        assert trial.values == [ones(SPACE.parse(trial.user_attrs["architecture"]))]
        assert trial.user_attrs["ones"] == trial.values[0]
        assert trial.params == dict(SPACE.parse(trial.user_attrs["architecture"]).decisions)


def test_the_best_architecture_is_an_architecture() -> None:
    study = search(SPACE, ONES, n_trials=120, progress=False)
    assert set(best(study).decisions.values()) == {"nor_conv_3x3"}
    lower = search(SPACE, replace(ONES, better="lower"), n_trials=60, progress=False)
    assert ones(best(lower)) == min(t.values[0] for t in lower.trials)


def test_the_front_holds_what_nothing_beats() -> None:
    study = search(SPACE, [ONES, SKIPS], n_trials=150, progress=False)
    frame = front(study)
    assert list(frame.columns) == ["ones", "skips", "trial"]
    points = frame[["ones", "skips"]].to_numpy()
    assert not any((a >= b).all() and (a > b).any() for a in points for b in points)
    assert frame["ones"].is_monotonic_decreasing
    with pytest.raises(InvalidInput, match=r"2 measures and so no single best: use wb.front\(study\)"):
        best(study)


def test_the_best_meets_the_constraints() -> None:
    study = search(SPACE, ONES, "tpe", 80, constraints={replace(SKIPS, name="at_least"): 2.0}, progress=False)
    arch = best(study)
    assert skips(arch) >= 2
    assert ones(arch) == max(t.values[0] for t in study.trials if t.constraints["at_least"] <= 0)
    assert max(t.values[0] for t in study.trials if t.constraints["at_least"] > 0) is not None


def test_a_constraint_may_name_a_column_of_the_table_or_a_cost() -> None:
    bench = benchmark("nasbench201", "cifar10")
    accuracy = bench.measure("valid_accuracy")
    bounds = {"latency_ms": 15.0, "params": 400_000}
    study = search(SPACE, accuracy, n_trials=60, constraints=bounds, progress=False)
    arch = best(study)
    assert bench.query(arch)["latency_ms"] <= 15
    assert SPACE.counts(arch).params <= 400_000
    assert len({name for t in study.trials for name in t.constraints}) == 2
    assert any(t.user_attrs["latency_ms"] > 15 for t in study.trials)


def test_a_constraint_nobody_meets_names_the_closest() -> None:
    study = search(SPACE, ONES, "random", 20, constraints={"ones": 7.0}, progress=False)
    with pytest.raises(InvalidInput, match="None of the 20 trials meets the constraints. The closest is"):
        best(study)


def test_a_study_that_was_stopped_goes_on_without_repeating(tmp_path: Path) -> None:
    where = tmp_path / "study.sqlite3"
    stopped = search(SPACE, ONES, n_trials=15, storage=where, progress=False)
    first = [t.params for t in stopped.trials]
    again = search(SPACE, ONES, n_trials=30, storage=where, progress=False)
    assert len(first) == 15
    assert [t.params for t in again.trials[:15]] == first
    whole = search(SPACE, ONES, n_trials=30, progress=False)
    assert [t.params for t in again.trials] == [t.params for t in whole.trials]
    assert len(search(SPACE, ONES, n_trials=30, storage=where, progress=False).trials) == 30


def test_a_killed_search_is_taken_up_with_the_trial_it_was_at(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, sys
        import workbench as wb
        def measured(arch):
            count.append(1)
            if len(count) == 8:
                os._exit(9)
            return float(sum(a == "nor_conv_3x3" for a in arch.decisions.values()))
        count = []
        wb.search(wb.search_space("nasbench201"), wb.Measure("ones", "higher", measured), n_trials=20,
                  storage=sys.argv[1], progress=False)
        """
    )
    where = tmp_path / "study.sqlite3"
    killed = subprocess.run([sys.executable, "-c", script, str(where)], check=False, capture_output=True)
    assert killed.returncode == 9, killed.stderr
    study = search(SPACE, ONES, n_trials=20, storage=where, progress=False)
    states = Counter(t.state.name for t in study.trials)
    assert states == {"COMPLETE": 20, "FAIL": 1}
    (lost,) = [t for t in study.trials if t.state.name == "FAIL"]
    assert lost.user_attrs["interrupted"] is True
    assert lost.params in [t.params for t in study.trials if t.state.name == "COMPLETE"]


def test_interrupting_returns_the_study_so_far(capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def tired(arch) -> float:
        calls.append(arch)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return ones(arch)

    study = search(SPACE, Measure("ones", "higher", tired), "random", 50, progress=False)
    assert sum(t.state.name == "COMPLETE" for t in study.trials) == 5
    assert "Stopped after 5 trials; the study so far is returned." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda arch: math.nan, "ones is nan"),
        (lambda arch: math.inf, "ones is inf"),
        (lambda arch: "many", "ones: ValueError: could not convert string to float: 'many'"),
        (lambda arch: 1 / 0, "ones: ZeroDivisionError: division by zero"),
    ],
)
def test_a_number_that_cannot_be_had_is_a_failed_trial_with_its_reason(bad, reason: str) -> None:
    def sometimes(arch):
        return bad(arch) if arch.decisions["0->1"] == "none" else ones(arch)

    study = search(SPACE, Measure("ones", "higher", sometimes), "random", 40, progress=False)
    failed = [t for t in study.trials if t.state.name == "FAIL"]
    assert len(study.trials) == 40
    assert failed
    assert {t.user_attrs["reason"] for t in failed} == {reason}
    assert all(t.params["0->1"] == "none" for t in failed)


def test_two_processes_measure_what_one_would() -> None:
    with Local(2) as executor:
        study = search(SPACE, ONES, "random", 9, executor=executor, progress=False)
    assert [t.values[0] for t in study.trials] == [ones(SPACE.architecture(t.params)) for t in study.trials]
    assert len(study.trials) == 9


def test_dear_numbers_are_paid_for_once(tmp_path: Path) -> None:
    paid = []

    def dear(arch) -> float:
        paid.append(str(arch))
        return ones(arch)

    measure = Measure("dear", "higher", dear, task="cifar10", seed=0, kept=True)
    ledger = Ledger(tmp_path / "l.sqlite3")
    for _ in range(2):
        search(SPACE, measure, "random", 10, seed=4, ledger=ledger, progress=False)
    assert len(paid) == len(set(paid)) == ledger.size == 10
    search(SPACE, replace(measure, seed=1), "random", 10, seed=4, ledger=ledger, progress=False)
    assert len(paid) == 20


def test_free_numbers_need_no_ledger(tmp_path: Path) -> None:
    search(SPACE, ONES, "random", 3, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_an_unusable_ledger_is_said_before_the_first_trial(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all, but long enough to look like one" * 20)
    calls = []
    with pytest.raises(LedgerError, match="file is not a database"):
        search(SPACE, Measure("dear", "higher", lambda a: calls.append(a) or 1.0, kept=True), progress=False)
    assert calls == []


def test_a_ledger_that_gives_way_costs_a_warning_and_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "l.sqlite3")
    dear = Measure("dear", "higher", ones, kept=True)
    search(SPACE, dear, "random", 3, ledger=ledger, progress=False)

    def locked(_: object) -> None:
        raise LedgerError("The ledger cannot be used: another process keeps it locked.")

    monkeypatch.setattr(ledger, "write", locked)
    monkeypatch.setattr(ledger, "read", locked)
    with pytest.warns(Unkept, match="8 numbers are not in the ledger. .* another process keeps it locked"):
        study = search(SPACE, dear, "random", 8, seed=1, ledger=ledger, progress=False)
    assert len([t for t in study.trials if t.values]) == 8


def test_a_ledger_that_comes_back_has_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "l.sqlite3")
    write, calls = ledger.write, []

    def locked_at_first(entries: object) -> None:
        calls.append(entries)
        if len(calls) < 4:
            raise LedgerError("locked")
        write(entries)

    monkeypatch.setattr(ledger, "write", locked_at_first)
    search(SPACE, Measure("dear", "higher", ones, kept=True), "random", 6, ledger=ledger, progress=False)
    assert ledger.size == 6


def test_the_trials_of_a_living_process_are_left_to_it(tmp_path: Path) -> None:
    where = tmp_path / "study.sqlite3"
    search(SPACE, ONES, n_trials=2, storage=where, name="shared", progress=False)
    study = optuna.load_study(study_name="shared", storage=f"sqlite:///{where}")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        trial = study.ask(fixed_distributions=dict(SPACE.distributions()))
        trial.set_user_attr("process", f"{socket.gethostname()}:{other.pid}")
        trial.set_user_attr("architecture", str(SPACE.architecture(trial.params)))
        search(SPACE, ONES, n_trials=4, storage=where, name="shared", progress=False)
        assert study.trials[trial.number].state.name == "RUNNING"
    finally:
        other.kill()
        other.communicate()
    search(SPACE, ONES, n_trials=5, storage=where, name="shared", progress=False)
    assert study.trials[trial.number].user_attrs["interrupted"] is True
    assert trial.params in [t.params for t in study.trials if t.values]


def test_a_study_made_for_something_else_is_refused(tmp_path: Path) -> None:
    where = tmp_path / "study.sqlite3"
    search(SPACE, ONES, n_trials=3, storage=where, name="mine", progress=False)
    words = r"The study 'mine' was made with other measures: \['ones'\] then, \['skips'\] now"
    with pytest.raises(InvalidInput, match=words):
        search(SPACE, SKIPS, n_trials=3, storage=where, name="mine", progress=False)
    smaller = SPACE.restrict({"0->1": ["none", "skip_connect"]})
    with pytest.raises(InvalidInput, match="The study 'mine' was made with other questions"):
        search(smaller, ONES, n_trials=3, storage=where, name="mine", progress=False)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"sampler": "regularised"}, UnknownName, "no sampler named 'regularised'. Did you mean 'regularized_evol"),
        ({"n_trials": -1}, InvalidInput, "n_trials must be a whole number, zero or more; got -1"),
        ({"n_trials": 1.5}, InvalidInput, "n_trials must be a whole number, zero or more; got 1.5"),
        ({"sampler": 3}, InvalidInput, r"sampler must be a name from wb.samplers\(\) or an Optuna sampler; got 3"),
        ({"measures": ["valid_accuracy"]}, InvalidInput, "'valid_accuracy' is no Measure. Take one from a table"),
        ({"measures": []}, InvalidInput, "needs at least one measure"),
        ({"measures": [ONES, ONES]}, InvalidInput, "all of different names"),
        ({"constraints": {"latency": 3.0}}, UnknownName, "no measure in this search named 'latency'. .*Known: .*ones"),
        ({"constraints": {"ones": "three"}}, InvalidInput, "The bound of 'ones' must be a finite number; got 'three'"),
        ({"constraints": {"ones": math.nan}}, InvalidInput, "The bound of 'ones' must be a finite number; got nan"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_runs(arguments, error, words: str) -> None:
    with pytest.raises(error, match=words):
        search(SPACE, **({"measures": [ONES], "n_trials": 5, "progress": False} | arguments))


def test_optunas_own_settings_are_left_as_they_were() -> None:
    before = optuna.logging.get_verbosity()
    search(SPACE, ONES, "random", 2, progress=False)
    assert optuna.logging.get_verbosity() == before


_SEARCHER = """
import sys, time
from workbench.measure import Measure
from workbench.spaces import search_space
from workbench.studies.search import search

def slow(arch):
    time.sleep(0.02)
    return float(sum(answer == "nor_conv_3x3" for answer in arch.decisions.values()))

search(search_space("nasbench201"), Measure("ones", "higher", slow), sys.argv[3], 40, seed=int(sys.argv[2]),
       storage=sys.argv[1], name="shared", progress=False)
"""


@pytest.mark.parametrize("sampler", ["random", "regularized_evolution"])
def test_two_processes_share_one_study_and_its_goal(tmp_path: Path, sampler: str) -> None:
    where = tmp_path / "study.sqlite3"
    search(SPACE, ONES, n_trials=1, storage=where, name="shared", progress=False)
    # Both have the same seed, so that they would propose the same if they did not look at each other.
    both = [subprocess.Popen([sys.executable, "-c", _SEARCHER, str(where), "5", sampler]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    study = optuna.load_study(study_name="shared", storage=f"sqlite:///{where}")
    done = [trial for trial in study.trials if trial.values]
    assert 40 <= len(done) <= 41
    assert len({trial.user_attrs["process"] for trial in done}) == 3
    keys = [SPACE.canonical(SPACE.parse(trial.user_attrs["architecture"]), "functional") for trial in done]
    assert len(set(keys)) == len(keys)
