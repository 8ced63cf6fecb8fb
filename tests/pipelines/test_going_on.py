"""Runs that go on from what is there: other runs' results, one stage again, time limits, retries, the background."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import InvalidInput, UnknownName
from workbench.pipelines.execution import Unwritable, resume, run
from workbench.pipelines.lock import FolderInUse
from workbench.pipelines.outcome import Run, RunFailed
from workbench.pipelines.planning import plan

WriteNotebook = Callable[..., Path]


def states(done: Run) -> dict[str, str]:
    return {stage.name: stage.state for stage in done.stages}


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_another_run_gives_what_does_not_depend_on_the_change(
    small_pipeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(small_pipeline, {"n": 2}, progress=False)
    folder, steps = plan(small_pipeline, {"n": 2, "factor": 3})
    assert folder != first.folder
    assert [str(step) for step in steps if step.stage == "numbers"] == [
        f"numbers: would be copied from {first.folder.as_posix()}/numbers"
    ]
    second = run(small_pipeline, {"n": 2, "factor": 3}, progress=False)
    assert second.folder == folder
    assert states(second) == {"numbers": "kept", "aside": "kept", "sum": "done", "tell": "done"}
    assert (folder / "sum" / "sum.txt").read_text() == "3"
    assert (first.folder / "sum" / "sum.txt").read_text() == "1", "a copy, not the same file"
    both = [first.folder.as_posix(), second.folder.as_posix()]
    assert main(["runs", "compare", *both]) == 0
    assert "factor" in capsys.readouterr().out
    assert main(["report", *both]) == 0
    assert capsys.readouterr().out == "comparison.html\n"
    assert "factor" in Path("comparison.html").read_text()
    # A result that was changed since is no result, there either.
    (first.folder / "numbers" / "numbers.txt").write_text("7 7")
    (second.folder / "numbers" / "numbers.txt").write_text("7 7")
    third = run(small_pipeline, {"n": 2, "factor": 4}, progress=False)
    assert states(third)["numbers"] == "done"
    alone = run(small_pipeline, {"n": 2, "factor": 4}, "elsewhere/run", share=False, progress=False)
    assert set(states(alone).values()) == {"done"}


def test_from_a_stage_on_everything_runs_again(small_pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(small_pipeline, {}, "run", progress=False)
    assert main(["run", str(small_pipeline), "--folder", "run", "--from", "sum", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {stage["name"]: stage["state"] for stage in told["stages"]} == {
        "numbers": "kept", "aside": "kept", "sum": "done", "tell": "done",
    }  # fmt: skip
    assert told["ok"]
    assert told["report"] == "run/report.html"
    with pytest.raises(UnknownName, match="stage of small named 'sums'. Did you mean 'sum'"):
        run(small_pipeline, {}, "run", from_stage="sums", progress=False)


def test_resume_takes_up_the_latest_unfinished_run_with_its_parameters(
    small_pipeline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = tmp_path / "sum.ipynb"
    good = notebook.read_text()
    notebook.write_text(good.replace("from pathlib", "raise OSError(1, 'no')\\nfrom pathlib"))
    with pytest.raises(RunFailed):
        run(small_pipeline, {"n": 5}, progress=False)
    notebook.write_text(good)
    assert main(["resume"]) == 0
    report = Path(capsys.readouterr().out.strip())
    made = json.loads((report.parent / "run.json").read_text())
    assert made["parameters"]["n"] == 5
    assert {s["name"]: s["state"] for s in made["stages"]} == {
        "numbers": "kept", "aside": "kept", "sum": "done", "tell": "done",
    }  # fmt: skip
    assert set(states(resume(report.parent, progress=False)).values()) == {"kept"}
    assert main(["resume"]) == 2
    assert "There is no unfinished run here" in capsys.readouterr().err
    small_pipeline.rename(tmp_path / "gone.toml")
    with pytest.raises(InvalidInput, match=r"The pipeline file .*small.toml of the run in .* is gone"):
        resume(report.parent)


def test_a_cell_that_never_ends_is_ended_at_the_time_limit(tmp_path: Path, write_notebook: WriteNotebook) -> None:
    write_notebook("endless", "x = 1", "import time\ntime.sleep(1000)")
    write_notebook("free", "x = 1")
    path = toml(
        tmp_path, '[stages.endless]\nnotebook = "endless.ipynb"\ntimeout = 20\n[stages.free]\nnotebook = "free.ipynb"\n'
    )
    with pytest.raises(RunFailed, match="it took longer than its timeout of 20 s, in cell 2 of 2") as caught:
        run(path, folder="run", progress=False)
    assert states(caught.value.run) == {"endless": "failed", "free": "done"}


def test_a_stage_that_fails_by_chance_is_tried_again(tmp_path: Path, write_notebook: WriteNotebook) -> None:
    write_notebook(
        "shaky",
        """
        from pathlib import Path
        tries = Path("tries")
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) < 3:
            raise RuntimeError("not yet")
        """,
    )
    path = toml(tmp_path, '[stages.shaky]\nnotebook = "shaky.ipynb"\nretries = 2\n')
    done = run(path, folder="run", progress=False)
    assert states(done) == {"shaky": "done"}
    assert done.stages[0].attempt == 3
    Path("tries").unlink()
    path.write_text(path.read_text().replace("retries = 2", "retries = 1"))
    with pytest.raises(RunFailed, match="not yet"):
        run(path, folder="other/run", progress=False)
    assert Path("tries").read_text() == "xx"


def test_input_files_count_and_lie_among_the_inputs(tmp_path: Path, write_notebook: WriteNotebook) -> None:
    write_notebook(
        "read",
        'from pathlib import Path\nPath(output, "copy").write_text(Path(inputs, "data.txt").read_text())',
        parameters='inputs: str = "."\noutput: str = "."',
    )
    (tmp_path / "data.txt").write_text("one")
    path = toml(tmp_path, '[stages.read]\nnotebook = "read.ipynb"\ninputs = ["data.txt"]\n')
    run(path, folder="run", progress=False)
    assert states(run(path, folder="run", progress=False)) == {"read": "kept"}
    (tmp_path / "data.txt").write_text("two")
    assert [step.why for step in plan(path, folder="run")[1]] == ["the result of data.txt changed"]
    run(path, folder="run", progress=False)
    assert Path("run", "read", "copy").read_text() == "two"


def test_a_stage_sees_only_what_it_needs_not_what_an_older_run_left(
    tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    write_notebook("make", parameters='output: str = "."\nseed: int = 0')
    write_notebook(
        "list",
        'import os\nfrom pathlib import Path\nPath(output, "seen").write_text(" ".join(sorted(os.listdir(inputs))))',
        parameters='inputs: str = "."\noutput: str = "."',
    )
    path = toml(
        tmp_path,
        '[parameters]\nseeds = [1, 2]\n[stages.make]\nnotebook = "make.ipynb"\nmatrix = { seed = "seeds" }\n'
        '[stages.list]\nnotebook = "list.ipynb"\nneeds = ["make"]\n',
    )
    run(path, folder="run", progress=False)
    assert Path("run", "list", "seen").read_text() == "make-1 make-2"
    done = run(path, {"seeds": [2]}, "run", progress=False)
    assert states(done) == {"make-2": "kept", "list": "done"}
    assert Path("run", "list", "seen").read_text() == "make-2"
    assert Path("run", "make-1").is_dir(), "what is computed is not thrown away"


def test_a_stage_that_is_left_out_is_not_there_for_those_that_need_it(
    tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    write_notebook("extra", "x = 1", parameters="thorough: bool = False")
    write_notebook(
        "list",
        'import os\nfrom pathlib import Path\nPath(output, "seen").write_text(" ".join(os.listdir(inputs)))',
        parameters='inputs: str = "."\noutput: str = "."',
    )
    path = toml(
        tmp_path,
        '[stages.extra]\nnotebook = "extra.ipynb"\nwhen = "thorough"\n'
        '[stages.list]\nnotebook = "list.ipynb"\nneeds = ["extra"]\n',
    )
    done = run(path, folder="run", progress=False)
    assert done.ok
    assert states(done) == {"extra": "left out", "list": "done"}
    assert Path("run", "list", "seen").read_text() == ""
    done = run(path, {"thorough": True}, "run", progress=False)
    assert states(done) == {"extra": "done", "list": "done"}
    assert Path("run", "list", "seen").read_text() == "extra"


def test_a_stage_that_writes_into_anothers_folder_is_found_out(tmp_path: Path, write_notebook: WriteNotebook) -> None:
    write_notebook(
        "good", 'from pathlib import Path\nPath(output, "a").write_text("a")', parameters='output: str = "."'
    )
    write_notebook(
        "bad", 'from pathlib import Path\nPath(inputs, "good", "a").write_text("b")', parameters='inputs: str = "."'
    )
    path = toml(
        tmp_path, '[stages.good]\nnotebook = "good.ipynb"\n[stages.bad]\nnotebook = "bad.ipynb"\nneeds = ["good"]\n'
    )
    with pytest.raises(RunFailed, match="good/a was changed while it ran; a stage writes only into the folder"):
        run(path, folder="run", progress=False)
    assert [step.why for step in plan(path, folder="run")[1]] == ["its result was changed since: a", "no result yet"]


@pytest.fixture
def waiting(tmp_path: Path, write_notebook: WriteNotebook) -> Path:
    write_notebook("quick", "x = 1")
    write_notebook(
        "wait",
        'import time\nfrom pathlib import Path\nPath("waits").touch()\nwhile not Path("go").exists(): time.sleep(0.05)',
    )
    return toml(
        tmp_path, '[stages.quick]\nnotebook = "quick.ipynb"\n[stages.wait]\nnotebook = "wait.ipynb"\nneeds = ["quick"]'
    )


def until(there: Path) -> None:
    deadline = time.monotonic() + 60
    while not there.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_in_the_background_can_be_watched_waited_for_and_stopped(waiting: Path) -> None:
    started = run(waiting, folder="run", progress=False, background=True)
    assert started.running
    until(Path("waits"))
    assert states(started) == {"quick": "done", "wait": "running"}
    with pytest.raises(FolderInUse):
        run(waiting, folder="run", progress=False)
    until(Path("run", "progress.json"))
    told = json.loads(Path("run", "progress.json").read_text())
    assert told["pid"] == os.getpid()
    assert set(told["stages"]) == {"wait"}
    assert started.wait(0.1).running
    started.stop()
    assert not started.running
    assert states(started) == {"quick": "done", "wait": "stopped"}
    assert json.loads(Path("run", "run.json").read_text())["state"] == "interrupted"
    assert not Path("run", "progress.json").exists()
    Path("go").touch()
    done = run(waiting, folder="run", progress=False, background=True).wait()
    assert states(done) == {"quick": "kept", "wait": "done"}
    assert done.report is not None
    assert done.report.is_file()


def test_a_failure_in_the_background_is_raised_by_wait(tmp_path: Path, write_notebook: WriteNotebook) -> None:
    write_notebook("fail", "1 / 0")
    path = toml(tmp_path, '[stages.fail]\nnotebook = "fail.ipynb"')
    started = run(path, folder="run", progress=False, background=True)
    with pytest.raises(RunFailed, match="ZeroDivisionError"):
        started.wait()
    assert states(started) == {"fail": "failed"}


def test_a_folder_that_takes_no_more_is_one_named_error(
    small_pipeline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from workbench.pipelines import execution

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "run/sum.partial/done.json")

    with monkeypatch.context() as patch:
        patch.setattr(execution, "publish", full)
        with pytest.raises(
            Unwritable, match=r"cannot be written: No space left on device \(run/sum.partial/done.json\)"
        ):
            run(small_pipeline, folder="run", progress=False)
        assert main(["run", str(small_pipeline), "--folder", "run"]) == 1
        told = capsys.readouterr().err
        assert "make room" in told
        assert "Traceback" not in told
    assert run(small_pipeline, folder="run", progress=False).ok


def test_workers_limit_how_many_stages_run_at_once(small_pipeline: Path) -> None:
    with pytest.raises(InvalidInput, match="workers says how many stages run at the same time"):
        run(small_pipeline, folder="run", workers=0)
    assert run(small_pipeline, folder="run", workers=1, progress=False).ok
