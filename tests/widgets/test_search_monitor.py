"""The kernel half of the search monitor: what it reads of studies, what it sends, and what it is told."""

from __future__ import annotations

import gc
import json
import math
import re
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import optuna
import pandas as pd
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.measure import Measure
from workbench.studies.steering import Steering, steer
from workbench.widgets.monitor.curves import best_so_far, pareto, points_of, quartiles
from workbench.widgets.monitor.references import random_search
from workbench.widgets.search_monitor import SearchMonitor

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>\'&'
STUDY, NUMBER, STATE, VALUES, BEGAN, SECONDS, NAME, ANSWERS, PARENT, OPERATOR, REPEATS, REASON = range(12)


@pytest.fixture
def accuracy(bench: Benchmark) -> Measure:
    return bench.measure("valid_accuracy")


@pytest.fixture
def finished(bench: Benchmark, accuracy: Measure) -> optuna.Study:
    return wb.search(bench.space, accuracy, n_trials=60, progress=False)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """A monitor that looks only when it is told to, and keeps what it sends; closed at the end."""
    monkeypatch.setattr("workbench.widgets.looking._follow", lambda reference, gone: None)
    monitors = []

    def watch(*arguments: Any, **keywords: Any) -> Any:
        class Kept(SearchMonitor):
            def send(self, content: Any, buffers: Any = None) -> None:
                self.__dict__.setdefault("sent", []).append(json.loads(json.dumps(content, allow_nan=False)))

        monitors.append(Kept(*arguments, **keywords))
        monitors[-1].__dict__.setdefault("sent", [])
        return monitors[-1]

    yield watch
    for monitor in monitors:
        monitor.close()


def slowly(accuracy: Measure, seconds: float = 0.005) -> Measure:
    return Measure(accuracy.name, "higher", lambda arch: (time.sleep(seconds), accuracy(arch))[1], space=accuracy.space)


def until(true: Callable[[], bool], patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


# -- what is read --------------------------------------------------------------------------------------------------


def test_every_trial_is_a_row_with_what_is_known_of_it(watch: Any, finished: optuna.Study, bench: Benchmark) -> None:
    monitor = watch(finished, bench)
    assert len(monitor.trials) == 60
    answers = [q.answers for q in bench.space.questions()]
    for row, trial in zip(monitor.trials, finished.trials, strict=True):
        assert row[NUMBER] == trial.number
        assert (row[STATE], row[VALUES], row[REPEATS]) == ("c", trial.values, False)
        assert row[NAME] == trial.user_attrs["architecture"]
        assert [a[i] for a, i in zip(answers, row[ANSWERS], strict=True)] == list(trial.params.values())
        assert row[PARENT] == trial.user_attrs.get("parent")
        assert row[SECONDS] == pytest.approx(trial.duration.total_seconds())
    assert monitor.status["studies"][0] == {
        "name": "ended", "words": "Finished: 60 trials.", "orders": (), "goal": 60,
    }  # fmt: skip
    (objective,) = monitor.objectives
    assert objective["label"] == "valid accuracy (%)"
    assert objective["optimum"] == bench.measure("valid_accuracy").optimum


def test_failures_bounds_and_repeats_are_told_apart(watch: Any, bench: Benchmark) -> None:
    def sometimes(arch: Any) -> float:
        return math.nan if arch.decisions["0->1"] == "none" else float(len(str(arch)))

    study = wb.search(
        bench.space, Measure("m", "higher", sometimes), "random", 40, duplicates="allow", progress=False,
        constraints={bench.measure("latency_ms"): 14.0},
    )  # fmt: skip
    again = bench.space.parse(study.trials[0].user_attrs["architecture"])
    wb.enqueue(study, again, again=True)
    wb.search(bench.space, Measure("m", "higher", sometimes), "random", 0, progress=False)
    trial = study.ask(fixed_distributions=dict(bench.space.distributions()))
    trial.set_user_attr("architecture", str(again))
    study.tell(trial, 1.0)
    monitor = watch(study)
    states = {row[NUMBER]: row[STATE] for row in monitor.trials}
    for t in study.trials:
        expected = "f" if t.state.name == "FAIL" else "i" if any(v > 0 for v in t.constraints.values()) else "c"
        assert states[t.number] == expected
    assert set(states.values()) == {"c", "f", "i"}
    assert monitor.trials[-1][REPEATS] is True
    assert next(row for row in monitor.trials if row[STATE] == "f")[REASON] == "m is nan"


def test_only_what_is_new_is_sent(watch: Any, bench: Benchmark, accuracy: Measure) -> None:
    study = wb.search(bench.space, slowly(accuracy), n_trials=60, background=True)
    monitor = watch(study, bench)
    first = len(monitor.trials)
    while study.running:
        monitor._look()
        time.sleep(0.05)
    monitor._look()
    more = [message for message in monitor.sent if message["kind"] == "more"]
    rows = [row for message in more for row in message["rows"]]
    assert [row[NUMBER] for row in rows] == list(range(first, 60))
    assert [m["from"] for m in more if m["rows"]] == np.cumsum(
        [first, *[len(m["rows"]) for m in more if m["rows"]][:-1]]
    ).tolist()
    shapes = [message["shapes"] for message in more if message["cells"]]
    assert all(a <= b for a, b in pairwise(shapes))
    assert len(monitor.trials) == 60


def test_a_view_that_has_missed_something_is_told_everything(watch: Any, finished: optuna.Study) -> None:
    monitor = watch(finished)
    monitor._asked(None, {"kind": "hello", "have": 60}, [])
    assert {"kind": "beat"} in monitor.sent
    assert not any(message["kind"] == "all" for message in monitor.sent)
    monitor._asked(None, {"kind": "hello", "have": 12}, [])
    everything = next(message for message in monitor.sent if message["kind"] == "all")
    assert len(everything["rows"]) == 60
    assert everything["cells"]["drawn"].items() <= monitor.cells["drawn"].items()


def test_cells_of_one_space_share_what_they_have_in_common(watch: Any, finished: optuna.Study) -> None:
    monitor = watch(finished)
    until(lambda: monitor._look(1.0) > 0 and len(monitor.cells["drawn"]) == 60)
    assert len(monitor.cells["shapes"]) <= 2  # a cell with short labels alone is drawn narrower
    assert len(json.dumps(monitor.cells)) < 60 * 120 + 3000 * len(monitor.cells["shapes"])
    name = finished.best_trial.user_attrs["architecture"]
    shape, edges, nodes = monitor.cells["drawn"][name]
    labels = [monitor.cells["inks"][i][0] for i in edges]
    questions = [edge[5] for edge in monitor.cells["shapes"][shape][2]]
    short = {
        "nor_conv_3x3": "3×3",
        "nor_conv_1x1": "1×1",
        "skip_connect": "skip",
        "avg_pool_3x3": "avg",
        "none": "none",
    }
    assert dict(zip(questions, labels, strict=True)) == {
        question: short[answer] for question, answer in finished.best_trial.params.items()
    }
    assert len(nodes) == 4


def test_a_study_of_another_tool_is_watched_and_not_steered(watch: Any, bench: Benchmark) -> None:
    study = optuna.create_study(direction="minimize")
    for arch, value in zip(bench.space.sample(5), (3.0, 2.0, 5.0, 1.0, 4.0), strict=True):
        trial = study.ask()
        trial.set_user_attr("architecture", str(arch))
        study.tell(trial, value)
    bare = study.ask()
    study.tell(bare, 0.5)
    monitor = watch(study)
    assert monitor.status["studies"][0]["name"] == "watched"
    assert monitor.questions == []
    assert [row[VALUES] for row in monitor.trials] == [[3.0], [2.0], [5.0], [1.0], [4.0], [0.5]]
    assert monitor.trials[-1][NAME] is None
    assert ElementTree.fromstring(monitor.still()) is not None
    named = watch(study, space=bench.space)
    assert len(named.questions) == 6
    assert named.trials[0][ANSWERS] is not None


def test_a_search_in_another_process_is_followed_and_steered_through_its_file(
    watch: Any, bench: Benchmark, tmp_path: Path
) -> None:
    where = tmp_path / "study.sqlite3"
    script = textwrap.dedent(
        """
        import sys, time
        import workbench as wb
        bench = wb.benchmark("nasbench201", dataset="cifar10")
        accuracy = bench.measure("valid_accuracy")
        def measured(arch):
            print("asked", flush=True)
            time.sleep(0.02)
            return accuracy(arch)
        wb.search(bench.space, wb.Measure("valid_accuracy", "higher", measured), n_trials=100_000,
                  storage=sys.argv[1], name="shared", progress=False)
        """
    )
    command = [sys.executable, "-c", script, str(where)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "asked\n"
        study = optuna.load_study(study_name="shared", storage=f"sqlite:///{where}")
        monitor = watch(study, bench)
        until(lambda: monitor._look() > 0 and len(monitor.trials) > 5)
        assert monitor.status["studies"][0]["words"] == "searching"
        assert monitor.status["studies"][0]["orders"] == ("pause", "stop")
        monitor._asked(None, {"kind": "steer", "question": "0->1", "answer": 3, "how": "pin"}, [])
        assert steer(study).pins == {"0->1": bench.space.questions()[0].answers[3]}
        monitor._asked(None, {"kind": "order", "order": "stop"}, [])
        other.communicate(timeout=60)
    finally:
        other.kill()
        other.communicate()
    monitor._look()
    phase = monitor.status["studies"][0]
    assert (phase["name"], phase["orders"]) == ("stopped", ())
    assert re.match(r"Stopped after \d+ trials, as it was told", phase["words"])


def test_a_process_that_died_is_said_to_be_gone(watch: Any, finished: optuna.Study) -> None:
    about = finished.user_attrs["search"]
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = about["process"].rpartition(":")[0]
    finished.set_user_attr("search", {"goal": 60, "process": f"{host}:{dead.pid}"})
    phase = watch(finished).status["studies"][0]
    assert phase["name"] == "gone"
    assert phase["words"].startswith("The process that searched is gone: ask wb.search for this study again")


def test_what_a_search_died_of_is_shown(watch: Any, bench: Benchmark, accuracy: Measure) -> None:
    class Broken(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            raise RuntimeError("the sampler broke")

    study = wb.search(bench.space, accuracy, Broken(), 5, background=True)
    until(lambda: not study.running)
    phase = watch(study).status["studies"][0]
    assert phase == {"name": "failed", "words": "RuntimeError: the sampler broke", "orders": ("resume",), "goal": 5}


# -- what it is told -----------------------------------------------------------------------------------------------


def test_the_browser_pauses_resumes_and_stops(watch: Any, bench: Benchmark, accuracy: Measure) -> None:
    study = wb.search(bench.space, slowly(accuracy), n_trials=100_000, background=True)
    monitor = watch(study)

    def after(order: str) -> tuple[str, tuple[str, ...]]:
        monitor._asked(None, {"kind": "order", "order": order}, [])
        phase = monitor.status["studies"][0]
        return phase["name"], phase["orders"]

    assert after("pause") == ("paused", ("resume", "stop"))
    assert after("resume") == ("running", ("pause", "stop"))
    assert after("stop")[1] in {(), ("resume",)}
    study.wait(20)
    monitor._look()
    assert monitor.status["studies"][0]["name"] == "stopped"
    monitor._asked(None, {"kind": "order", "order": "resume"}, [])
    assert study.running
    study.stop()
    study.wait(20)


def test_the_browser_pins_forbids_and_lets_go(watch: Any, finished: optuna.Study) -> None:
    monitor = watch(finished)

    def told(how: str, answer: int, question: str = "0->1") -> tuple[dict[str, Any], dict[str, Any], str]:
        monitor._asked(None, {"kind": "steer", "question": question, "answer": answer, "how": how}, [])
        now = Steering.of(finished)
        assert dict(monitor.status["pins"]) == {q: monitor._number(q, a) for q, a in now.pins.items()}
        return dict(now.pins), dict(now.forbidden), monitor.status["message"]

    names = monitor._space.questions()[0].answers
    assert told("pin", 1) == ({"0->1": names[1]}, {"0->1": ()}, "")
    assert told("pin", 2)[0] == {"0->1": names[2]}
    assert told("forbid", 0)[:2] == ({"0->1": names[2]}, {"0->1": (names[0],)})
    assert told("forbid", 2)[:2] == ({}, {"0->1": (names[0], names[2])})
    assert told("pin", 2)[:2] == ({"0->1": names[2]}, {"0->1": (names[0],)})
    assert told("free", 2)[:2] == ({}, {"0->1": (names[0],)})
    assert told("forbid", 3)[1] == {"0->1": (names[0], names[3])}
    assert told("free", 0)[1] == {"0->1": (names[3],)}
    assert "There is no question named 'x'" in told("pin", 0, "x")[2]
    assert "Answers to '0->1' are numbered from 0 to 4; got 9" in told("pin", 9)[2]


@pytest.fixture
def weighed(bench: Benchmark, accuracy: Measure, tmp_path: Path) -> optuna.Study:
    """A finished search by weights, in a file."""
    measures, weights = [accuracy, bench.measure("latency_ms")], {"valid_accuracy": 1.0, "latency_ms": 0.3}
    return wb.search(
        bench.space, measures, "random", 12, weights=weights, storage=tmp_path / "weighed.sqlite3", name="weighed",
        progress=False,
    )  # fmt: skip


def weigh(monitor: Any, objective: Any, weight: Any, asked: str) -> str:
    """Play the browser: a weight is set; why it was refused, which must come with the question's name."""
    monitor._asked(None, {"kind": "weigh", "objective": objective, "weight": weight, "asked": asked}, [])
    assert monitor.status["weighed"]["asked"] == asked
    assert monitor.status["message"] == ""
    refused: str = monitor.status["weighed"]["refused"]
    return refused


def test_only_a_search_by_weights_has_weights_to_set(
    watch: Any, finished: optuna.Study, weighed: optuna.Study, bench: Benchmark, accuracy: Measure
) -> None:
    assert watch(finished).status["weights"] == []
    front = wb.search(bench.space, [accuracy, bench.measure("latency_ms")], n_trials=4, progress=False)
    monitor = watch(front)
    assert monitor.status["weights"] == []
    assert "Weights" not in monitor._words()
    assert weigh(monitor, 0, 1.0, "1") == (
        "This search weighs nothing any more: wb.steer(study, weights=...) gives it weights."
    )
    steer(front, weights={"latency_ms": 2.0})
    monitor._look()
    assert monitor.status["weights"] == [1.0, 2.0]
    steer(front, weights={})
    monitor._look()
    assert monitor.status["weights"] == []


def test_weights_go_through_the_storage_both_ways(watch: Any, weighed: optuna.Study, tmp_path: Path) -> None:
    other = optuna.load_study(study_name="weighed", storage=f"sqlite:///{tmp_path / 'weighed.sqlite3'}")
    monitor = watch(other)
    assert monitor.status["weights"] == [1.0, 0.3]
    assert [objective["label"] for objective in monitor.objectives] == ["valid accuracy (%)", "latency (ms)"]
    assert monitor._words() == ("12 trials; Finished: 12 trials. Weights: valid accuracy (%) 1, latency (ms) 0.3.")
    assert "Weights: valid accuracy (%) 1, latency (ms) 0.3." in monitor.still()
    assert weigh(monitor, 1, 0.75, "a:1") == ""
    assert monitor.status["weights"] == [1.0, 0.75]
    assert Steering.of(weighed).weights == {"valid_accuracy": 1.0, "latency_ms": 0.75}
    steer(weighed, weights={"valid_accuracy": 0.5})
    monitor._look()
    assert monitor.status["weights"] == [0.5, 0.75]
    assert monitor.status["weighed"] == {"asked": "a:1", "refused": ""}


def test_a_weight_is_set_in_every_study_that_has_weights(watch: Any, bench: Benchmark, accuracy: Measure) -> None:
    measures = [accuracy, bench.measure("latency_ms")]
    seeds = [wb.search(bench.space, measures, "random", 4, seed=seed, progress=False) for seed in range(3)]
    steer(seeds[1], weights={"latency_ms": 0.5})
    steer(seeds[2], weights={"latency_ms": 4.0})
    monitor = watch(seeds)
    assert monitor.status["weights"] == [1.0, 0.5]
    assert weigh(monitor, 0, 2.0, "1") == ""
    assert [list(Steering.of(seed).weights.values()) for seed in seeds] == [[], [2.0, 0.5], [2.0, 0.5]]


def test_a_weight_that_is_refused_changes_nothing_and_is_said(watch: Any, weighed: optuna.Study) -> None:
    monitor = watch(weighed)
    assert weigh(monitor, 1, 0, "1") == ""
    zeros = "One of the weights of valid_accuracy, latency_ms must be above 0; got"
    assert weigh(monitor, 0, 0, "2").startswith(zeros)
    beats = monitor.sent.count({"kind": "beat"})
    assert weigh(monitor, 0, 0, "3").startswith(zeros)  # the same refusal is an answer again
    assert monitor.sent.count({"kind": "beat"}) == beats + 1
    assert weigh(monitor, 0, -1, "4") == "The weight of 'valid_accuracy' is a number of 0 or more; got -1."
    assert weigh(monitor, 0, HOSTILE, "5").startswith("The weight of 'valid_accuracy' is a number of 0 or more; got")
    for nonsense in (2, -1, None, True, 0.5, "0"):
        assert weigh(monitor, nonsense, 1.0, "6").startswith("Objectives are numbered from 0 to 1; got")
    assert Steering.of(weighed).weights == {"valid_accuracy": 1.0, "latency_ms": 0.0}
    assert weigh(monitor, 1, 1.5, "7") == ""
    assert monitor.status["weights"] == [1.0, 1.5]


def test_what_the_storage_refuses_is_said_too(
    watch: Any, weighed: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise OSError("database is locked")

    monitor = watch(weighed)
    with monkeypatch.context() as patch:
        patch.setattr(weighed, "set_user_attr", locked)
        monitor._asked(None, {"kind": "weigh", "objective": 0, "weight": 2.0, "asked": "1"}, [])
    assert monitor.status["message"] == "That could not be done: OSError: database is locked"
    assert monitor.status["weighed"] == {"asked": "1", "refused": ""}
    assert monitor.status["weights"] == [1.0, 0.3]


def test_the_browser_enqueues_what_is_open(watch: Any, finished: optuna.Study, bench: Benchmark) -> None:
    monitor = watch([finished])
    keys = {bench.space.canonical(bench.space.parse(row[NAME]), "functional") for row in monitor.trials}
    fresh = next(a for a in bench.space.sample(99, seed=8) if bench.space.canonical(a, "functional") not in keys)
    monitor._asked(None, {"kind": "enqueue", "name": str(fresh)}, [])
    assert monitor.status["message"] == "Enqueued as trial 60."
    monitor._asked(None, {"kind": "enqueue", "name": monitor.trials[4][NAME]}, [])
    assert "is not enqueued: it is trial 4 already" in monitor.status["message"]
    monitor._asked(None, {"kind": "enqueue", "name": HOSTILE}, [])
    assert monitor.status["message"] != ""
    for nonsense in (None, 3, {"kind": "boom"}, {"kind": "cells"}, {"kind": "steer"}, {"kind": "order"}):
        monitor._asked(None, nonsense, [])


def test_the_front_is_selected_in_linked_views(watch: Any, bench: Benchmark, accuracy: Measure) -> None:
    study = wb.search(bench.space, [accuracy, bench.measure("latency_ms")], n_trials=60, progress=False)
    monitor, atlas = watch(study, bench), wb.SpaceMap(bench)
    wb.link(monitor, atlas)
    front = list(wb.front(study).index)
    monitor._asked(None, {"kind": "select", "names": front}, [])
    assert set(atlas.selection.index) == set(front)
    atlas.select([study.trials[3].user_attrs["architecture"], bench.table().index[0]])
    assert monitor.marked == [study.trials[3].user_attrs["architecture"]]
    assert ElementTree.fromstring(monitor.still()) is not None


def test_what_is_opened_elsewhere_is_drawn(watch: Any, finished: optuna.Study, bench: Benchmark) -> None:
    monitor = watch(finished, bench)
    editor = wb.CellEditor(bench.space.sample(1, seed=4)[0], bench)
    wb.link(monitor, editor)
    monitor._look()
    assert monitor.opened["name"] == str(editor.value)
    assert str(editor.value) in monitor.cells["drawn"]


# -- numbers -------------------------------------------------------------------------------------------------------


def test_the_curves_are_what_numpy_says() -> None:
    rng = np.random.default_rng(0)
    rows = [
        [study, number, "f" if number == 3 else "i" if number == 5 else "c", None if number == 3 else [rng.normal()]]
        for study in range(4)
        for number in range(12 + study)
    ]
    frame = pd.DataFrame([(r[0], r[1], r[3][0] if r[2] == "c" else np.nan) for r in rows], columns=["s", "t", "v"])
    for sign in (1, -1):
        curves = best_so_far(points_of(rows, 1), sign, 4)
        best = (sign * frame.assign(v=sign * frame["v"]).groupby("s")["v"].cummax()).groupby(frame["s"]).ffill()
        expected = frame.assign(best=best).pivot(index="s", columns="t", values="best").to_numpy()
        np.testing.assert_array_equal(curves, expected)
        np.testing.assert_allclose(quartiles(curves)[1], np.nanmedian(curves, axis=0))


def test_the_front_is_what_nothing_beats() -> None:
    values = np.random.default_rng(1).integers(0, 12, (200, 3)).astype(float)
    up = values * [1, -1, 1]
    expected = {tuple(a) for a in up if not any((b >= a).all() and (b > a).any() for b in up)}
    assert {tuple(row) for row in up[pareto(values, [1, -1, 1])]} == expected


def test_random_search_is_what_drawing_gives(bench: Benchmark) -> None:
    (curve,) = random_search([{"name": "valid_accuracy", "sign": 1}], bench)
    values = bench.table()["valid_accuracy"].to_numpy()
    draws = np.maximum.accumulate(np.random.default_rng(0).choice(values, (4000, 100)), axis=1)
    for n in (1, 10, 100):
        at = curve["at"].index(min(curve["at"], key=lambda a: abs(a - n)))
        expected = np.quantile(draws[:, curve["at"][at] - 1], [0.25, 0.5, 0.75])
        found = [curve[name][at] for name in ("low", "middle", "high")]
        np.testing.assert_allclose(found, expected, atol=0.25 if n > 1 else 1.0)
    assert random_search([{"name": "nothing", "sign": 1}], bench) == []


# -- itself --------------------------------------------------------------------------------------------------------


def test_watching_costs_little_beside_a_search_of_table_look_ups(bench: Benchmark, accuracy: Measure) -> None:
    spent = [0.0]

    class Timed(SearchMonitor):
        def _look(self, seconds: float = 0.01) -> float:
            began = time.thread_time()
            pause = super()._look(seconds)
            spent[0] += time.thread_time() - began if threading.current_thread() is not threading.main_thread() else 0
            return pause

    study = wb.search(bench.space, slowly(accuracy, 0.001), n_trials=600, background=True)
    monitor = Timed(study, bench)
    began = time.perf_counter()
    study.wait()
    assert spent[0] < 0.05 * (time.perf_counter() - began)
    assert len(monitor.trials) > 0
    monitor.close()


def test_closing_ends_the_following_and_not_the_search(bench: Benchmark, accuracy: Measure) -> None:
    study = wb.search(bench.space, slowly(accuracy), n_trials=100_000, background=True)
    before = threading.active_count()
    monitor = wb.SearchMonitor(study)
    assert threading.active_count() == before + 1
    monitor.close()
    until(lambda: threading.active_count() == before)
    assert study.running
    study.stop()
    study.wait()


def test_a_monitor_that_nobody_has_is_not_kept(finished: optuna.Study) -> None:
    monitor = wb.SearchMonitor(finished)
    gone = weakref.ref(monitor)
    monitor.close()
    del monitor
    until(lambda: gc.collect() >= 0 and gone() is None)


def test_a_storage_that_fails_is_said_and_tried_again(finished: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = wb.SearchMonitor(finished)
    feed = monitor._feeds[0]
    with monkeypatch.context() as patch:
        patch.setattr(feed, "rows", lambda seconds: (_ for _ in ()).throw(OSError("database is locked")))
        until(lambda: "The study cannot be read: OSError: database is locked" in monitor.status["message"])
    until(lambda: monitor.status["message"] == "")
    monitor.close()


def test_the_still_is_one_svg_with_every_text_escaped(watch: Any, awkward: Any) -> None:
    study = wb.search(
        awkward, Measure(f"m {HOSTILE}", "lower", lambda a: float(len(str(a)))), n_trials=4, progress=False
    )
    monitor = watch(study, title=HOSTILE, space=awkward, reference={HOSTILE: [9.0, 8.0]})
    root = ElementTree.fromstring(monitor.still())
    assert root.tag.endswith("svg")
    assert not any(e.tag.rpartition("}")[2] in {"script", "img", "foreignObject"} for e in root.iter())
    data, _ = monitor._repr_mimebundle_() or ({}, {})
    assert data["image/svg+xml"] == monitor.still()
    assert "4 trials; " in data["text/plain"]


@pytest.mark.parametrize("n_objectives", [1, 2])
def test_a_search_without_a_trial_has_a_still_too(watch: Any, bench: Benchmark, n_objectives: int) -> None:
    measures = [bench.measure("valid_accuracy"), bench.measure("latency_ms")][:n_objectives]
    monitor = watch(wb.search(bench.space, measures, n_trials=0, progress=False), bench)
    assert "has a value yet" in monitor.still()


def test_wrong_arguments_are_refused_with_words(finished: optuna.Study, bench: Benchmark, accuracy: Measure) -> None:
    with pytest.raises(InvalidInput, match="SearchMonitor follows studies, as wb.search returns them; got 'study'"):
        wb.SearchMonitor("study")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="one study or more, all of the same objectives"):
        wb.SearchMonitor([])
    two = wb.search(bench.space, [accuracy, bench.measure("latency_ms")], n_trials=1, progress=False)
    with pytest.raises(InvalidInput, match="one study or more, all of the same objectives"):
        wb.SearchMonitor([finished, two])
    with pytest.raises(UnknownName, match="SearchMonitor takes no keyword 'bench'. Did you mean 'benchmark'"):
        wb.SearchMonitor(finished, bench=bench)  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match=r"reference 'r' must be the best value after 1, 2, ... trials"):
        wb.SearchMonitor(finished, reference={"r": [1.0, math.nan]})
