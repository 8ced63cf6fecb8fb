"""Executors return what succeeded, in order, and name what failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import InvalidInput
from workbench.executors import Here, Local


def square_unless_seven(x: int) -> int:
    if x == 7:
        raise ValueError("seven is not welcome")
    return x * x


def slow_first(x: int) -> int:
    time.sleep(0.3 if x == 0 else 0.0)
    return x


def die_at_three(x: int) -> int:
    if x == 3:
        os._exit(9)
    return x


def threads(_: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def process(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


@pytest.fixture(scope="module")
def local():
    with Local(2) as executor:
        yield executor


@pytest.fixture(params=["here", "local"])
def executor(request: pytest.FixtureRequest, local: Local):
    return Here() if request.param == "here" else local


def test_one_failing_item_is_reported_by_name_and_the_others_are_there(executor) -> None:
    outcomes = list(executor.map(square_unless_seven, range(20), names=[f"item {i}" for i in range(20)]))
    assert [o.value for o in outcomes if o.error is None] == [i * i for i in range(20) if i != 7]
    (failed,) = [o for o in outcomes if o.error is not None]
    assert failed.name == "item 7"
    assert failed.error.startswith("ValueError: seven is not welcome (square_unless_seven, line ")


def test_results_come_in_the_items_order(executor) -> None:
    assert [o.value for o in executor.map(slow_first, range(6))] == list(range(6))


def test_nothing_to_do_is_no_outcome(executor) -> None:
    assert list(executor.map(slow_first, [])) == []


def test_a_worker_that_dies_takes_only_its_own_item(local: Local) -> None:
    outcomes = list(local.map(die_at_three, range(8)))
    assert [o.value for o in outcomes if o.error is None] == [0, 1, 2, 4, 5, 6, 7]
    assert [o.error for o in outcomes if o.error is not None] == ["3: the worker process died."]
    assert [o.value for o in local.map(die_at_three, [5, 6])] == [5, 6]


def test_what_cannot_be_sent_to_a_worker_is_an_error_of_its_item(local: Local) -> None:
    outcomes = list(local.map(slow_first, [1, lambda: 0, 2], names=["one", "a lambda", "two"]))
    assert [o.value for o in outcomes] == [1, None, 2]
    assert "lambda" in outcomes[1].error
    assert outcomes[1].error.endswith("(on the way to or from a worker)")


def test_workers_are_other_processes_with_one_thread_each(local: Local) -> None:
    assert {o.value for o in local.map(threads, range(4))} == {"1"}
    pids = {o.value for o in local.map(process, range(8))}
    assert os.getpid() not in pids
    assert len(pids) == 2
    assert pids == {o.value for o in local.map(process, range(8))}


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, pathlib, signal, time\n"
        "from workbench.executors import Local\n"
        "def pid(_):\n    time.sleep(0.1)\n    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    pids = {o.value for o in Local(2).map(pid, range(6), show=False)}\n"
        "    print(*pids, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # Output goes to a file: a surviving worker would keep a pipe open and this test waiting.
    with (tmp_path / "pids").open("w") as out:
        subprocess.run([sys.executable, str(script)], stdout=out, stderr=out, check=False)
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_fewer_than_one_worker_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one worker; got 0"):
        Local(0)
