"""The process beside the kernel: what comes back from it, how it is stopped, and in which order jobs are done."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from workbench.widgets.aside import Aside, Desk, Job, Stopped

WAIT = 60.0  # seconds, for a loaded machine


def doubled(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def slept(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def failed(words: str) -> None:
    raise ValueError(words)


def ended(code: int) -> None:
    os._exit(code)


def unsendable(_: object) -> object:
    return lambda: 1


def threads(_: object) -> str:
    return os.environ["OMP_NUM_THREADS"]


@pytest.fixture(scope="module")
def aside() -> Iterator[Aside]:
    aside = Aside()
    yield aside
    aside.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def test_a_call_is_done_in_one_other_process_that_stays(aside: Aside) -> None:
    (first, process), (second, again) = aside.call(doubled, 4), aside.call(doubled, 5)
    assert (first, second) == (8, 10)
    assert process == again != os.getpid()
    assert aside.call(threads, None) == "1"


def test_an_error_comes_back_as_its_words_and_the_process_lives_on(aside: Aside) -> None:
    _, process = aside.call(doubled, 1)
    with pytest.raises(RuntimeError, match="ValueError: not this one"):
        aside.call(failed, "not this one")
    with pytest.raises(RuntimeError, match="Its result cannot be sent"):
        aside.call(unsendable, None)
    assert aside.call(doubled, 1) == (2, process)


def test_a_process_that_dies_is_an_error_and_the_next_call_has_another_one(aside: Aside) -> None:
    _, process = aside.call(doubled, 1)
    with pytest.raises(RuntimeError, match="the process that computed it died"):
        aside.call(ended, 3)
    assert aside.call(doubled, 1)[1] != process


def test_what_cannot_be_sent_is_called_here(aside: Aside) -> None:
    assert aside.call(lambda number: (number, os.getpid()), 3) == (3, os.getpid())


def test_what_is_stopped_ends_at_once_and_has_no_result(aside: Aside) -> None:
    aside.call(doubled, 1)
    began = time.monotonic()
    threading.Timer(0.3, aside.stop).start()
    with pytest.raises(Stopped):
        aside.call(slept, 600.0)
    assert time.monotonic() - began < 30
    with pytest.raises(Stopped):
        aside.call(doubled, 1)
    aside.ready()
    assert aside.call(doubled, 1)[0] == 2


def test_what_ends_within_its_grace_keeps_its_process(aside: Aside) -> None:
    _, process = aside.call(doubled, 1)
    threading.Timer(0.1, aside.stop, (WAIT,)).start()
    assert aside.call(slept, 0.5) == 0.5
    aside.ready()
    assert aside.call(doubled, 1) == (2, process)


class Notes:
    """Jobs that note that they were done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.event = threading.Event()

    def __call__(self, name: str, last: bool = False) -> Callable[[Any], None]:
        def work(_: Aside) -> None:
            self.done.append(name)
            if last:
                self.event.set()

        return work


def test_the_most_urgent_job_is_done_first_and_equals_in_their_order(desk: Desk) -> None:
    notes, gate = Notes(), threading.Event()
    desk.put(Job(0, lambda _: [gate.wait(WAIT)].clear(), None))
    desk.put(Job(3, notes("last", last=True), None))
    desk.put(Job(2, notes("b"), None))
    desk.put(Job(1, notes("a"), None))
    desk.put(Job(2, notes("c"), None))
    gate.set()
    assert notes.event.wait(WAIT)
    assert notes.done == ["a", "b", "c", "last"]


def test_a_job_is_not_begun_before_it_is_due_and_lets_others_pass(desk: Desk) -> None:
    notes = Notes()
    began = time.monotonic()
    desk.put(Job(0, notes("later", last=True), None, due=began + 0.5))
    desk.put(Job(9, notes("now"), None))
    assert notes.event.wait(WAIT)
    assert time.monotonic() - began >= 0.5
    assert notes.done == ["now", "later"]


def test_a_dropped_job_is_never_begun(desk: Desk) -> None:
    notes = Notes()
    dropped = Job(0, notes("dropped"), None, due=time.monotonic() + 0.2)
    desk.put(dropped)
    desk.drop(dropped)
    desk.put(Job(0, notes("kept", last=True), None, due=time.monotonic() + 0.4))
    assert notes.event.wait(WAIT)
    assert notes.done == ["kept"]


def test_a_running_job_that_is_dropped_is_stopped_and_the_next_one_is_done(desk: Desk) -> None:
    notes, began = Notes(), threading.Event()

    def long(aside: Aside) -> None:
        began.set()
        try:
            aside.call(slept, 600.0)
        except Stopped:
            notes.done.append("stopped")
            raise

    job = Job(0, long, None)
    desk.put(job)
    assert began.wait(WAIT)
    desk.drop(job)
    desk.put(Job(0, notes("next", last=True), None))
    assert notes.event.wait(WAIT)
    assert notes.done == ["stopped", "next"]


def test_a_job_that_fails_is_reported_and_the_next_one_is_done(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    notes = Notes()
    desk.put(Job(0, lambda _: failed("it fails"), None))
    desk.put(Job(1, notes("next", last=True), None))
    assert notes.event.wait(WAIT)
    assert "ValueError: it fails" in capsys.readouterr().err
