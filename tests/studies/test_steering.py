"""Steering: a search in the background is paused, stopped, pinned and fed by hand, and every process obeys."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.samplers import sampler
from workbench.spaces import search_space
from workbench.studies.live import LiveStudy
from workbench.studies.search import search
from workbench.studies.steering import Steering, enqueue, steer

SPACE = search_space("nasbench201")
CHAINS = search_space("nasbench101")  # not every combination of answers is an architecture


def ones(arch) -> float:
    time.sleep(0.002)
    return float(sum(answer == "nor_conv_3x3" for answer in arch.decisions.values()))


ONES = Measure("ones", "higher", ones)


def background(n_trials: int = 10_000, measure: Measure = ONES, **keywords: Any) -> LiveStudy:
    return search(SPACE, measure, n_trials=n_trials, background=True, **keywords)


def until(true: Callable[[], bool], patience: float = 20.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def finished(study: optuna.Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def asked_after(study: optuna.Study, moment: Any) -> list[dict[str, Any]]:
    return [t.params for t in study.trials if t.params and t.datetime_start > moment]


# -- in the background ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [False, True])
def test_a_search_in_the_background_is_the_one_in_the_foreground(stored: bool, tmp_path: Path) -> None:
    where = tmp_path / "study.sqlite3" if stored else None
    study = background(25, storage=where)
    assert study.running
    seen = []
    while study.running:  # read by this thread while the other one writes
        seen.append(len([t for t in study.trials if t.values]))
        time.sleep(0.02)
    assert study.wait()
    assert seen == sorted(seen)
    whole = search(SPACE, ONES, n_trials=25, progress=False)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]
    assert study.ending == "Finished."
    assert wb.best(study) == wb.best(whole)


def test_it_returns_at_once_and_waiting_can_have_an_end() -> None:
    began = time.monotonic()
    study = background()
    assert time.monotonic() - began < 5
    assert study.wait(0.05) is False
    study.stop()
    assert study.wait(20) is True


def test_a_pause_lasts_until_it_is_resumed_and_a_stop_can_be_taken_back() -> None:
    study = background()
    until(lambda: finished(study) > 3)
    study.pause()
    until(lambda: not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)))
    before = finished(study)
    time.sleep(0.3)
    assert finished(study) == before
    assert study.running
    study.resume()
    until(lambda: finished(study) > before)
    study.stop()
    assert study.wait(20)
    assert study.ending == f"Stopped after {finished(study)} trials, as it was told."
    before = finished(study)
    study.resume()
    until(lambda: finished(study) > before)
    study.stop()
    study.wait(20)


@pytest.mark.parametrize("stored", [False, True])
def test_several_threads_steer_read_and_enqueue_while_it_runs(stored: bool, tmp_path: Path) -> None:
    study = background(30, storage=tmp_path / "study.sqlite3" if stored else None)
    failures: list[BaseException] = []

    def busy(number: int) -> None:
        try:
            for arch in SPACE.sample(4, seed=number):
                steer(study, forbid={"0->1": "none"})
                steer(study, free="0->1")
                enqueue(study, arch, again=True)
                assert all(len(t.params) in {0, 6} for t in study.trials if t.state.is_finished())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert study.wait(120)
    assert failures == []
    assert len([t for t in study.trials if t.values]) == 30
    by_hand = [t for t in study.trials if t.user_attrs.get("operator") == "by hand"]
    assert len(by_hand) == 12
    assert len({t.number for t in study.trials}) == len(study.trials)


def test_what_a_search_in_the_background_dies_of_is_kept_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            if trial.number == 4:
                raise RuntimeError("the sampler broke")
            return super().sample_relative(study, trial, search_space)

    study = background(20, sampler=Broken(seed=0))
    with pytest.raises(RuntimeError, match="the sampler broke"):
        study.wait()
    assert isinstance(study.error, RuntimeError)
    assert study.user_attrs["search"]["ended"] == "RuntimeError: the sampler broke"
    assert "ended with RuntimeError: the sampler broke. study.resume() goes on with it." in capsys.readouterr().err
    study.resume()  # the trial that broke counts as asked in vain
    study.wait()
    assert study.error is None
    assert len([t for t in study.trials if t.values]) == 20


def test_nothing_is_printed_while_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    background(10).wait()
    assert capsys.readouterr() == ("", "")


def test_a_live_study_travels_as_a_plain_one(tmp_path: Path) -> None:
    study = background(4, storage=tmp_path / "study.sqlite3")
    study.wait()
    kind, arguments = study.__reduce__()
    assert kind is optuna.Study
    assert len(kind(*arguments).trials) == 4


def test_the_end_of_the_interpreter_does_no_harm_and_asking_again_goes_on(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time
        import workbench as wb
        def measured(arch):
            time.sleep(0.01)
            return float(sum(a == "nor_conv_3x3" for a in arch.decisions.values()))
        study = wb.search(wb.search_space("nasbench201"), wb.Measure("ones", "higher", measured), n_trials=100_000,
                          storage=sys.argv[1], background=True)
        while len(study.trials) < 5:
            time.sleep(0.01)
        """
    )
    where = tmp_path / "study.sqlite3"
    ended = subprocess.run([sys.executable, "-c", script, str(where)], check=False, capture_output=True, timeout=120)
    assert ended.returncode == 0
    assert ended.stderr == b""
    (name,) = optuna.get_all_study_names(f"sqlite:///{where}")
    before = optuna.load_study(study_name=name, storage=f"sqlite:///{where}").trials
    assert {t.state.name for t in before} == {"COMPLETE"}
    ended_with = optuna.load_study(study_name=name, storage=f"sqlite:///{where}").user_attrs["search"]["ended"]
    assert ended_with == f"Stopped after {len(before)} trials, with the process that searched."
    study = background(len(before) + 5, storage=where)
    study.wait()
    assert len([t for t in study.trials if t.values]) == len(before) + 5


# -- pins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsgaii", "regularized_evolution"])
def test_nothing_that_breaks_a_pin_is_asked_for_after_it_was_set(sampler: str) -> None:
    study = background(sampler=sampler)
    until(lambda: finished(study) > 40)
    steer(study, pin={"0->1": "skip_connect"}, forbid={"2->3": ["none", "avg_pool_3x3"]})
    moment = datetime.now()
    until(lambda: len(asked_after(study, moment)) > 40)
    steer(study, free=["0->1", "2->3"])
    last = finished(study)
    after = [t.params for t in study.trials[:last] if t.params and t.datetime_start > moment]
    assert {params["0->1"] for params in after} == {"skip_connect"}
    assert {params["2->3"] for params in after} <= {"skip_connect", "nor_conv_1x1", "nor_conv_3x3"}
    until(lambda: any(t.params["0->1"] != "skip_connect" for t in study.trials[last:] if t.params))
    study.stop()
    study.wait()
    keys = [SPACE.canonical(SPACE.parse(t.user_attrs["architecture"]), "functional") for t in study.trials if t.values]
    assert len(set(keys)) == len(keys)


def test_an_answer_is_forbidden_at_every_question_that_offers_it() -> None:
    study = search(SPACE, ONES, "random", 3, progress=False)
    assert steer(study, forbid="none").forbidden == {q.name: ("none",) for q in SPACE.questions()}
    assert steer(study, free=[q.name for q in SPACE.questions()]) == Steering()


def test_a_pin_holds_where_few_combinations_are_architectures() -> None:
    edges = Measure("edges", "higher", lambda arch: float(arch.graph.number_of_edges()), space=CHAINS)
    study = search(CHAINS, edges, n_trials=100_000, background=True)
    until(lambda: finished(study) > 5)
    chosen = next(q for q in CHAINS.questions() if len(q.answers) == 3)
    steer(study, pin={chosen.name: chosen.answers[1]})
    moment = datetime.now()
    until(lambda: len(asked_after(study, moment)) > 10)
    study.stop()
    study.wait()
    assert {params[chosen.name] for params in asked_after(study, moment)} == {chosen.answers[1]}


def test_pins_hold_in_another_process_and_when_the_study_is_taken_up_again(tmp_path: Path) -> None:
    where = tmp_path / "study.sqlite3"
    script = textwrap.dedent(
        """
        import sys, time
        import workbench as wb
        def measured(arch):
            print("asked", flush=True)
            time.sleep(0.01)
            return float(sum(a == "nor_conv_3x3" for a in arch.decisions.values()))
        wb.search(wb.search_space("nasbench201"), wb.Measure("ones", "higher", measured), n_trials=100_000,
                  storage=sys.argv[1], name="shared", progress=False)
        """
    )
    command = [sys.executable, "-c", script, str(where)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "asked\n"
        study = optuna.load_study(study_name="shared", storage=f"sqlite:///{where}")
        until(lambda: finished(study) > 3, 60)
        steer(study, pin={"1->3": "nor_conv_1x1"})
        moment = datetime.now()
        until(lambda: len(asked_after(study, moment)) > 5)
        steer(study, "stop")
        _, words = other.communicate(timeout=60)
    finally:
        other.kill()
        other.wait()
    assert "as it was told." in words
    assert {params["1->3"] for params in asked_after(study, moment)} == {"nor_conv_1x1"}
    again = search(SPACE, ONES, n_trials=finished(study) + 5, storage=where, name="shared", progress=False)
    assert {t.params["1->3"] for t in again.trials[-5:]} == {"nor_conv_1x1"}
    assert Steering.of(again).order == "run"


def test_pins_that_leave_nothing_end_the_search_and_say_so() -> None:
    study = search(SPACE, ONES, "random", 2, progress=False)
    steer(study, pin={q.name: "skip_connect" for q in SPACE.questions()})
    live = LiveStudy(study, *_driven(study))
    live.wait()
    assert "nothing new left that is neither pinned away nor forbidden" in live.ending


def _driven(study: optuna.Study) -> tuple[Any, Any]:
    """What a search that takes up this study runs on."""
    from workbench.executors import Here
    from workbench.studies.driver import Driver
    from workbench.studies.search import _run

    driver = Driver(SPACE, ONES, None, None)
    return driver, lambda live: _run(driver, live, 20, Here(), show=False)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"order": "halt"}, UnknownName, "no order to a search named 'halt'. Known: pause, resume, stop"),
        ({"pin": {"0-1": "none"}}, UnknownName, "no question of nasbench201 named '0-1'. Did you mean '0->1'"),
        ({"pin": {"0->1": "conv_3x3"}}, UnknownName, "no answer to '0->1' named 'conv_3x3'. Did you mean 'nor_conv_3"),
        ({"forbid": "nothing"}, UnknownName, "no answer in nasbench201 named 'nothing'. Did you mean 'none'"),
        ({"free": "0->9"}, UnknownName, "no question of nasbench201 named '0->9'"),
        (
            {"forbid": {"1->2": "skip_connect"}},
            InvalidInput,
            "'1->2' cannot be pinned to 'skip_connect', which is forb",
        ),
        (
            {"forbid": {"0->1": list(SPACE.questions()[0].answers)}},
            InvalidInput,
            "Every answer to '0->1' would be forbidden: at least one must stay. Free it first",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(arguments: dict[str, Any], error: Any, words: str) -> None:
    study = search(SPACE, ONES, "random", 2, progress=False)
    steer(study, pin={"1->2": "skip_connect"})
    with pytest.raises(error, match=words):
        steer(study, **arguments)
    assert steer(study) == Steering("run", {"1->2": "skip_connect"}, {})


def test_pins_that_no_architecture_meets_are_refused() -> None:
    flags = [q for q in CHAINS.questions() if len(q.answers) == 2]
    edges = Measure("edges", "higher", lambda arch: float(arch.graph.number_of_edges()), space=CHAINS)
    study = search(CHAINS, edges, "random", 2, progress=False)
    with pytest.raises(InvalidInput, match=r"No architecture of nasbench101 was found that meets .* Free a question"):
        steer(study, pin={q.name: q.answers[1] for q in flags})  # more edges than a cell may have
    assert Steering.of(study) == Steering()


def test_a_study_of_an_unknown_space_needs_it_named() -> None:
    study = optuna.create_study()
    with pytest.raises(InvalidInput, match=r"does not say which space it searches \(None\): give space="):
        steer(study, pin={"0->1": "none"})
    assert steer(study, pin={"0->1": "none"}, space=SPACE).pins == {"0->1": "none"}


# -- by hand -------------------------------------------------------------------------------------------------------


def test_what_is_enqueued_is_measured_next() -> None:
    study = background(measure=Measure("ones", "higher", lambda arch: (time.sleep(0.05), ones(arch))[1]))
    until(lambda: finished(study) > 1)
    arch = SPACE.architecture({q.name: "nor_conv_3x3" for q in SPACE.questions()})
    number = wb.enqueue(study, str(arch))
    until(lambda: bool(study.trials[number].values))
    study.stop()
    study.wait()
    trial = study.trials[number]
    assert trial.values == [6.0]
    assert trial.user_attrs["operator"] == "by hand"
    assert "parent" not in trial.user_attrs
    assert wb.best(study) == arch


def test_what_is_known_already_is_told_and_can_be_measured_again() -> None:
    study = search(SPACE, ONES, "random", 5, progress=False)
    arch = SPACE.parse(study.trials[3].user_attrs["architecture"])
    with pytest.raises(InvalidInput, match=r"is not enqueued: it is trial 3 already \(with .*\). Give again=True"):
        enqueue(study, arch)
    twins = [twin for twin in SPACE.twins(arch, "functional") if twin != arch]
    if twins:
        with pytest.raises(InvalidInput, match="which computes the same, is trial 3 already"):
            enqueue(study, twins[0])
    assert enqueue(study, arch, again=True) == 5


def test_what_breaks_a_pin_is_not_enqueued_nor_measured_if_it_was_before() -> None:
    study = search(SPACE, ONES, "random", 2, progress=False)
    waiting, other = SPACE.sample(2, seed=77)
    number = enqueue(study, waiting)
    free = next(
        a for a in SPACE.questions()[0].answers if a not in {waiting.decisions["0->1"], other.decisions["0->1"]}
    )
    steer(study, pin={"0->1": free})
    with pytest.raises(InvalidInput, match=f"is not enqueued: '0->1' is pinned to '{free}', not"):
        enqueue(study, other)
    LiveStudy(study, *_driven(study)).wait()
    dropped = study.trials[number]
    assert dropped.state.name == "FAIL"
    assert dropped.user_attrs["interrupted"] is True
    assert dropped.user_attrs["reason"].startswith("'0->1' is pinned to")
    assert len([t for t in study.trials if t.values]) == 20


@pytest.mark.parametrize("thing", [3, "no cell", search_space("nasbench101").sample(1)[0]])
def test_only_architectures_of_the_space_are_enqueued(thing: Any) -> None:
    study = search(SPACE, ONES, "random", 2, progress=False)
    with pytest.raises(InvalidInput):
        enqueue(study, thing)


# -- descent -------------------------------------------------------------------------------------------------------


def test_evolution_says_what_every_trial_was_made_from() -> None:
    study = search(SPACE, ONES, "regularized_evolution", 60, progress=False)
    assert all("parent" not in t.user_attrs for t in study.trials[:10])
    near = 0
    for trial in study.trials[10:]:
        parent = study.trials[trial.user_attrs["parent"]]
        assert trial.user_attrs["operator"] == "mutation"
        assert parent.number < trial.number
        near += sum(parent.params[name] != answer for name, answer in trial.params.items()) == 1
    assert near > 40  # the others were moved on to something that had not been tried


def test_in_plain_optuna_too() -> None:
    study = optuna.create_study(direction="maximize", sampler=sampler("regularized_evolution", 0))
    study.optimize(lambda trial: ones(SPACE.answered_by(trial)), n_trials=15)
    parents = [trial.user_attrs.get("parent") for trial in study.trials]
    assert parents[:10] == [None] * 10
    assert all(isinstance(parent, int) for parent in parents[10:])
    assert study.sampler._descents == {}
