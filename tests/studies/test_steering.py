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
from workbench.samplers.scalarisation import weights_of
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
    assert study.sampler.descent(14) == {}  # it is in the trial now


# -- weights of objectives -----------------------------------------------------------------------------------------

TWOS = Measure("twos", "lower", lambda arch: sum(2 * ("3x3" in a) + ("1x1" in a) for a in arch.decisions.values()))


def several(n_trials: int = 30, **keywords: Any) -> optuna.Study:
    return search(SPACE, [ONES, TWOS], "random", n_trials, progress=False, **keywords)


def test_weights_are_kept_in_the_study_and_named_ones_alone_change(tmp_path: Path) -> None:
    study = several(3, storage=tmp_path / "study.sqlite3")
    assert steer(study).weights == {}
    assert weights_of(study) is None
    assert steer(study, weights={"twos": 3}).weights == {"ones": 1.0, "twos": 3.0}
    assert steer(study, weights={"ones": 0.5}).weights == {"ones": 0.5, "twos": 3.0}
    assert steer(study, "pause").weights == {"ones": 0.5, "twos": 3.0}
    again = several(3, storage=tmp_path / "study.sqlite3")  # taken up again, as another process would
    assert weights_of(again) == (0.5, 3.0)
    assert Steering.of(again).weights == {"ones": 0.5, "twos": 3.0}
    assert steer(again, weights={}).weights == {}
    assert weights_of(study) is None


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        ({"one": 1}, UnknownName, "no objective of this study named 'one'. Did you mean 'ones'"),
        ({"ones": -1}, InvalidInput, "The weight of 'ones' is a number of 0 or more; got -1"),
        ({"ones": float("nan")}, InvalidInput, "got nan"),
        ({"ones": True}, InvalidInput, "got True"),
        ({"ones": "2"}, InvalidInput, "got '2'"),
        ([1, 2], InvalidInput, r"by its name, ones, twos; got \[1, 2\]"),
        ({"ones": 0, "twos": 0}, InvalidInput, "One of the weights of ones, twos must be above 0"),
    ],
)
def test_weights_that_mean_nothing_are_refused_and_nothing_changes(weights: Any, error: type, words: str) -> None:
    study = several(2)
    steer(study, weights={"twos": 3})
    with pytest.raises(error, match=words):
        steer(study, "stop", weights=weights)
    assert (Steering.of(study).weights, Steering.of(study).order) == ({"ones": 1.0, "twos": 3.0}, "run")


def test_one_objective_has_nothing_to_weigh() -> None:
    with pytest.raises(InvalidInput, match="one objective, ones: there is nothing to weigh"):
        steer(search(SPACE, ONES, "random", 1, progress=False), weights={"ones": 2})


# -- choosing from a front -----------------------------------------------------------------------------------------


def test_what_is_chosen_is_on_the_front_and_follows_the_weights() -> None:
    study = several(60)
    front = wb.front(study)
    ends = [str(wb.choose(study, {"ones": w, "twos": 1 - w})) for w in (0.0, 1.0)]
    assert front.twos[ends[0]] == front.twos.min()
    assert front.ones[ends[1]] == front.ones.max()
    assert front.ones[ends[0]] < front.ones[ends[1]]
    assert str(wb.choose(study)) in front.index
    steer(study, weights={"ones": 1, "twos": 0})
    assert str(wb.choose(study)) == ends[1]  # the weights that the study was steered by
    assert str(wb.choose(study, {"ones": 0})) == ends[0]
    assert str(wb.choose(study, method="chebyshev")) == ends[1]


def test_the_knee_is_chosen_where_the_front_bends_and_equal_weights_where_it_does_not() -> None:
    a, b, c, d = SPACE.sample(4, seed=5)
    good = {a: (0.0, 0.0), b: (8.0, 2.0), c: (10.0, 10.0), d: (4.0, 1.5)}
    bent = optuna.create_study(directions=["maximize", "minimize"])
    for arch, value in good.items():
        attrs = {"architecture": str(arch)}
        bent.add_trial(optuna.trial.create_trial(values=value, user_attrs=attrs))
    assert wb.choose(bent, space=SPACE) == b
    straight = optuna.create_study(directions=["maximize", "minimize"])
    for arch, value in zip((a, b, c), [(0.0, 0.0), (5.0, 5.0), (10.0, 10.0)], strict=True):
        straight.add_trial(optuna.trial.create_trial(values=value, user_attrs={"architecture": str(arch)}))
    assert wb.choose(straight, method="knee", space=SPACE) == b


def test_a_study_of_one_objective_chooses_its_best_and_nonsense_is_refused() -> None:
    one = search(SPACE, ONES, "random", 20, progress=False)
    assert wb.choose(one) == wb.best(one)
    with pytest.raises(UnknownName, match="no method to choose named 'kneee'. Did you mean 'knee'"):
        wb.choose(one, method="kneee")
    with pytest.raises(InvalidInput, match="takes no weights"):
        wb.choose(one, {"ones": 1}, "knee")
    with pytest.raises(InvalidInput, match=r"wb.front\(study\), or wb.choose\(study\)"):
        wb.best(several(5))
