"""A trace over the map while its search runs: it grows, ends with the search, and leaves no thread behind."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import workbench as wb
from workbench.benchmarks import Benchmark
from workbench.errors import InvalidInput
from workbench.measure import Measure
from workbench.widgets.map.paths import traced
from workbench.widgets.monitor.feed import Feed
from workbench.widgets.space_map import SpaceMap


@pytest.fixture
def accuracy(bench: Benchmark) -> Measure:
    return bench.measure("valid_accuracy")


@pytest.fixture
def slow(accuracy: Measure) -> Measure:
    return Measure(accuracy.name, "higher", lambda arch: (time.sleep(0.02), accuracy(arch))[1], space=accuracy.space)


@pytest.fixture
def atlas(bench: Benchmark) -> Iterator[SpaceMap]:
    """A map; closed at the end, after which no thread is left that was not there before."""
    before = followers()
    one = wb.SpaceMap(bench)
    yield one
    one.close()
    until(lambda: not followers() - before)


@pytest.fixture
def run(bench: Benchmark, slow: Measure) -> Iterator[Callable[..., Any]]:
    """Searches in the background, ended at the end."""
    studies = []

    def run(n_trials: int, seed: int = 0) -> Any:
        studies.append(wb.search(bench.space, slow, "regularized_evolution", n_trials, seed=seed, background=True))
        return studies[-1]

    yield run
    for study in studies:
        study.stop()
        study.wait(20)


def followers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "_follow" in thread.name}


def until(true: Callable[[], bool], patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def steps(atlas: SpaceMap, name: str) -> int:
    return len(next(trail["rows"] for trail in atlas.trails if trail["name"] == name))


def test_a_trace_grows_with_its_search_and_ends_with_it(atlas: SpaceMap, bench: Benchmark, run: Any) -> None:
    study = run(60)
    before = followers()
    name = atlas.trace(study)  # also where it has visited nothing yet
    (thread,) = followers() - before
    sizes = []
    atlas.observe(lambda change: sizes.append(len(change["new"][0]["rows"])), "trails")
    until(lambda: not thread.is_alive())
    assert not study.running
    assert sizes[-1] == steps(atlas, name) == 60
    assert sizes == sorted(set(sizes))
    assert len(sizes) > 2
    again = wb.SpaceMap(bench)
    again.trace(study)
    assert again.trails == atlas.trails
    assert not followers() - before


def test_a_search_in_another_process_is_traced_through_its_file(atlas: SpaceMap, tmp_path: Path) -> None:
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
        wb.search(bench.space, wb.Measure("valid_accuracy", "higher", measured), "random", 100_000,
                  storage=sys.argv[1], name="shared", progress=False)
        """
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(where)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "asked\n"
        study = optuna.load_study(study_name="shared", storage=f"sqlite:///{where}")
        before = followers()
        atlas.trace(study)
        until(lambda: steps(atlas, "shared") > 8)
        wb.steer(study, "stop")
        other.communicate(timeout=60)
        until(lambda: steps(atlas, "shared") == len(study.trials))
        until(lambda: not followers() - before)
    finally:
        other.kill()
        other.communicate()


def test_closing_the_map_ends_the_following_and_not_the_search(bench: Benchmark, run: Any) -> None:
    studies = [run(100_000), run(100_000, seed=1)]
    before = followers()
    atlas = wb.SpaceMap(bench)
    for study in studies:
        atlas.trace(study)
    assert len(followers() - before) == 2
    atlas.close()
    until(lambda: not followers() - before)
    assert all(study.running for study in studies)


def test_what_is_taken_away_is_followed_no_more_and_the_others_are(atlas: SpaceMap, run: Any) -> None:
    one, other = run(100_000), run(100_000, seed=1)
    before = followers()
    atlas.trace(one, "one")
    atlas.trace(other, "other")
    atlas.trace(other, "other")  # again: still one thread each
    until(lambda: len(followers() - before) == 2)
    atlas.remove_path("one")
    until(lambda: len(followers() - before) == 1)
    at = steps(atlas, "other")
    until(lambda: steps(atlas, "other") > at)
    assert [trail["name"] for trail in atlas.trails] == ["other"]


def test_a_search_that_was_stopped_and_resumed_is_followed_on(atlas: SpaceMap, run: Any) -> None:
    study = run(100_000)
    until(lambda: len(study.trials) > 3)
    atlas.trace(study)
    study.stop()
    study.wait(20)
    until(lambda: steps(atlas, study.study_name) == len(study.trials))
    at = len(study.trials)
    study.resume()
    until(lambda: steps(atlas, study.study_name) > at)


def test_a_finished_search_is_drawn_and_not_followed(atlas: SpaceMap, bench: Benchmark, accuracy: Measure) -> None:
    study = wb.search(bench.space, accuracy, "random", 20, progress=False)
    before = followers()
    atlas.trace(study)
    assert steps(atlas, study.study_name) == 20
    assert not followers() - before
    empty = wb.search(bench.space, accuracy, "random", 0, seed=1, progress=False)
    with pytest.raises(InvalidInput, match="This search has visited no architecture yet: there is no path to draw"):
        atlas.trace(empty)
    assert [trail["name"] for trail in atlas.trails] == [study.study_name]


def test_a_study_of_another_tool_is_followed_too(atlas: SpaceMap, bench: Benchmark) -> None:
    study = optuna.create_study(direction="minimize", study_name="foreign")
    for number, arch in enumerate(bench.space.sample(6)):
        trial = study.ask()
        trial.set_user_attr("architecture", str(arch))
        study.tell(trial, float(-number))
        if number == 2:
            atlas.trace(study)
    until(lambda: steps(atlas, "foreign") == 6)
    assert atlas.trails[0]["better"] == [0, 1, 2, 3, 4, 5]


def test_a_storage_that_fails_is_said_and_tried_again(
    atlas: SpaceMap, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = run(100_000)
    atlas.trace(study)
    feed = atlas._traces[study.study_name]._feed
    with monkeypatch.context() as patch:
        patch.setattr(feed, "rows", lambda seconds: (_ for _ in ()).throw(OSError("database is locked")))
        until(lambda: atlas.trails[0]["trouble"] == "The study cannot be read: OSError: database is locked")
    until(lambda: atlas.trails[0]["trouble"] == "")
    at = steps(atlas, study.study_name)
    until(lambda: steps(atlas, study.study_name) > at)


def test_a_page_has_the_trials_that_came_last(atlas: SpaceMap, run: Any, tmp_path: Path) -> None:
    study = run(100_000)
    atlas.trace(study)
    atlas._traces[study.study_name].stop()
    until(lambda: len(study.trials) > 10)
    atlas._traces[study.study_name]._gone = None  # as if the next look were not due yet
    wb.page([atlas], tmp_path / "p.html")
    assert steps(atlas, study.study_name) >= 10


def test_a_map_that_nobody_has_is_not_kept(bench: Benchmark, run: Any) -> None:
    atlas = wb.SpaceMap(bench)
    atlas.trace(run(100_000))
    gone = weakref.ref(atlas)
    atlas.close()
    del atlas
    until(lambda: gc.collect() >= 0 and gone() is None)


def test_the_order_in_which_trials_finish_does_not_matter(bench: Benchmark, accuracy: Measure) -> None:
    study = wb.search(bench.space, accuracy, "regularized_evolution", 60, progress=False)
    rows = Feed(study, 0, None).rows(10.0)
    seen, parents = traced(rows, 1)
    assert parents == [trial.user_attrs.get("parent", -1) for trial in study.trials]
    random.Random(0).shuffle(rows)
    mixed, same = traced(rows, 1)
    assert (mixed.names, same) == (seen.names, parents)
    np.testing.assert_array_equal(mixed.values, seen.values)
    values = {row[1]: row[3] for row in rows}
    for row in rows:  # trials without a value are stepped over
        row[3] = None if row[1] % 3 == 1 else row[3]
    seen, parents = traced(rows, -1)
    left = [number for number in range(60) if number % 3 != 1]
    assert list(seen.values) == [-values[number][0] for number in left]
    for place, number in enumerate(left):
        above = study.trials[number].user_attrs.get("parent")
        while above is not None and above % 3 == 1:
            above = study.trials[above].user_attrs.get("parent")
        assert parents[place] == (-1 if above is None else left.index(above))
