"""Executors return what succeeded, in order, and name what failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from workbench import executors
from workbench.errors import InvalidInput
from workbench.executors import Auto, Here, Local


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


@pytest.fixture(params=["here", "auto", "local"])
def executor(request: pytest.FixtureRequest, local: Local):
    return {"here": Here(), "auto": Auto(), "local": local}[request.param]


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


def test_results_can_come_as_soon_as_they_are_there(local: Local) -> None:
    list(local.map(process, range(4)))  # both workers are there
    found = [o.value for o in local.map(slow_first, range(6), ordered=False)]
    assert sorted(found) == list(range(6))
    assert found[0] != 0


def test_the_bar_counts_what_was_done_before(executor: Here | Auto | Local, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def progress(items, total, label, done, show):
        seen.append((total, label, done, show))
        return items

    monkeypatch.setattr(executors, "progress", progress)
    assert len(list(executor.map(slow_first, range(4), label="working", done=6))) == 4
    assert seen == [(10, "working", 6, True)]


def quick(x: int) -> tuple[int, int, float]:
    time.sleep(0.01)
    return x, os.getpid(), time.monotonic()


def test_short_items_are_sent_together_but_never_all_to_one(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    batch = executors._Work.batch

    def noted(*given):
        sizes.append(len(batch(*given)))
        return batch(*given)

    monkeypatch.setattr(executors._Work, "batch", noted)
    found = [o.value for o in local.map(quick, range(200))]
    assert [x for x, _, _ in found] == list(range(200))
    assert len({pid for _, pid, _ in found}) == 2
    assert sizes[:4] == [1, 1, 1, 1], "how long one takes is not known yet"
    assert 10 < max(sizes) <= 50
    assert len(sizes) < 40
    sizes.clear()
    list(local.map(quick, range(4)))
    assert sizes == [1, 1, 1, 1]


def die_or_refuse(x: int) -> int:
    time.sleep(0.01)
    if x == 60:
        os._exit(9)
    if x == 61:
        raise ValueError("no")
    return x


def test_a_worker_that_dies_in_a_batch_takes_only_its_own_item(local: Local) -> None:
    outcomes = list(local.map(die_or_refuse, range(80)))
    assert [o.index for o in outcomes] == list(range(80))
    assert [o.value for o in outcomes if o.error is None] == [x for x in range(80) if x not in (60, 61)]
    assert outcomes[60].error == "60: the worker process died."
    assert outcomes[61].error.startswith("ValueError: no")


def test_what_cannot_be_sent_in_a_batch_is_an_error_of_its_item(local: Local) -> None:
    items = [*range(50), lambda: 0, *range(50)]
    outcomes = list(local.map(slow_first, items, names=[f"item {i}" for i in range(101)]))
    assert [o.index for o in outcomes if o.error] == [50]
    assert outcomes[50].error.endswith("(on the way to or from a worker)")


# -- the executor that chooses ----------------------------------------------------------------------------------------


def test_little_work_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 2)
    assert {o.value for o in Auto().map(process, range(6))} == {os.getpid()}


@pytest.mark.parametrize("ordered", [True, False])
def test_much_work_goes_on_in_processes(monkeypatch: pytest.MonkeyPatch, ordered: bool) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 2)
    monkeypatch.setattr(executors, "_WORTH_S", 0.2)
    monkeypatch.setattr(executors, "_EACH_S", 0.1)
    outcomes = list(Auto().map(process, range(40), names=[f"item {i}" for i in range(40)], ordered=ordered))
    assert sorted(o.index for o in outcomes) == list(range(40))
    assert [o.index for o in outcomes] == list(range(40)) or not ordered
    assert all(o.name == f"item {o.index}" for o in outcomes)
    pids = {o.index: o.value for o in outcomes}
    assert {pids[i] for i in range(3)} == {os.getpid()}
    assert os.getpid() not in {pids[i] for i in range(3, 40)}
    assert len(set(pids.values())) == 3


def test_the_first_item_pays_for_the_start_and_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 2)
    monkeypatch.setattr(executors, "_WORTH_S", 0.5)
    monkeypatch.setattr(executors, "_EACH_S", 0.1)
    here = os.getpid()
    assert [o.value for o in Auto().map(first_is_slow, range(10))] == [here] * 10


def first_is_slow(x: int) -> int:
    time.sleep(0.0 if x else 0.3)
    return os.getpid()


def test_one_core_is_enough_for_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 1)
    monkeypatch.setattr(executors, "_WORTH_S", 0.0)
    monkeypatch.setattr(executors, "_EACH_S", 0.001)
    assert {o.value for o in Auto().map(process, range(8))} == {os.getpid()}


def test_what_cannot_be_sent_stays_here_and_the_user_is_told_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 2)
    monkeypatch.setattr(executors, "_WORTH_S", 0.1)
    monkeypatch.setattr(executors, "_EACH_S", 0.01)

    def local_function(_: int) -> int:
        time.sleep(0.03)
        return os.getpid()

    assert {o.value for o in Auto().map(local_function, range(12))} == {os.getpid()}
    said = capsys.readouterr().err
    assert "One process works, about 0.0 minutes are left, and 2 could share: what is worked on cannot be sent" in said
    assert said.count("One process works") == 1


def test_what_only_a_notebook_knows_stays_there(
    local: Local, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = types.ModuleType("__main__")
    exec("import os, time\ndef own(_):\n    time.sleep(0.03)\n    return os.getpid()", notebook.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    monkeypatch.setattr(executors, "cores", lambda: 2)
    monkeypatch.setattr(executors, "_WORTH_S", 0.1)
    monkeypatch.setattr(executors, "_EACH_S", 0.01)
    assert {o.value for o in Auto().map(notebook.own, range(12))} == {os.getpid()}
    words = "what is defined in the notebook has to stand in a file and be imported"
    assert words in capsys.readouterr().err
    with pytest.raises(InvalidInput, match=f"No worker process can do this: {words}"):
        list(local.map(notebook.own, range(2)))


HURRIED = """
import os, sys, time
from workbench import executors
executors._WORTH_S, executors._EACH_S, executors.cores = 0.2, 0.05, lambda: 2
def pid(_):
    time.sleep(0.05)
    return os.getpid()
"""
CALL = "print(len({o.value for o in executors.%s.map(pid, range(30))}), 'processes', flush=True)\n"


@pytest.mark.parametrize(
    ("call", "printed", "said"),
    [
        (CALL % "Auto()", "1 processes", "and 2 could share: put what {script} does under `if __name__"),
        (CALL % "Local(2)", "", "InvalidInput: No worker process can start: each reads {script} first, and would do"),
        (f"if __name__ == '__main__':\n    {CALL % 'Auto()'}", "3 processes", ""),
        # A guard around something else: the workers come to the call before they can work.
        (
            f"if __name__ == '__main__':\n    print('guarded')\n{CALL % 'Local(2)'}",
            "guarded",
            "each reads the script that was started first",
        ),
        (
            f"if __name__ == '__main__':\n    print('guarded', flush=True)\n{CALL % 'Auto()'}",
            "guarded",
            "each reads the script that was started first",
        ),
    ],
    ids=["auto", "local", "guarded", "local beside the guard", "auto beside the guard"],
)
def test_a_script_without_a_guard_is_told_so_and_never_runs_again_and_again(
    tmp_path: Path, call: str, printed: str, said: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(HURRIED + call)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == printed
    assert said.format(script=script) in done.stderr
    assert not said or done.stderr.count("Traceback") <= 4
    assert bool(done.returncode) is ("No worker process can start" in done.stderr)
