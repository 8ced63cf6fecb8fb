"""Real runs of small notebooks: what is kept, what runs again, what a failing, killed or interrupted run leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from workbench.cli import main
from workbench.errors import InvalidInput
from workbench.pipelines import execution, planning
from workbench.pipelines.execution import run
from workbench.pipelines.fingerprint import sha256_of_file
from workbench.pipelines.lock import FolderInUse, held
from workbench.pipelines.outcome import Run, RunFailed
from workbench.pipelines.pipeline import read
from workbench.pipelines.planning import plan

WriteNotebook = Callable[..., Path]


@pytest.fixture(scope="module")
def finished_once(tmp_path_factory: pytest.TempPathFactory, make_small_pipeline: Callable[[Path], Path]) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    run(make_small_pipeline(folder), {"n": 4}, folder / "run", progress=False)
    return folder


@pytest.fixture
def finished(finished_once: Path, tmp_path: Path) -> Path:
    """A pipeline in small.toml beside the folder of its finished run, `run`."""
    return shutil.copytree(finished_once, tmp_path / "copy")


def again(folder: Path, **parameters: Any) -> Run:
    return run(folder / "small.toml", {"n": 4, **parameters}, folder / "run", progress=False)


def why(folder: Path, **parameters: Any) -> dict[str, str]:
    _, steps = plan(folder / "small.toml", {"n": 4, **parameters}, folder / "run")
    return {step.stage: step.why for step in steps}


def states(done: Run) -> dict[str, str]:
    return {stage.name: stage.state for stage in done.stages}


def edit(notebook: Path, old: str, new: str) -> None:
    text = notebook.read_text()
    assert old in text
    notebook.write_text(text.replace(old, new))


def test_a_run_leaves_results_a_record_and_a_report(finished: Path) -> None:
    folder = finished / "run"
    assert (folder / "sum" / "sum.txt").read_text() == "6"
    assert sorted(p.name for p in folder.iterdir()) == [
        ".inputs", "aside", "numbers", "report.html", "run.json", "run.lock", "sum", "tell",
    ]  # fmt: skip
    made = json.loads((folder / "run.json").read_text())
    assert made["state"] == "done"
    assert made["parameters"] == {"n": 4, "seed": 0, "factor": 1}
    assert made["seeds"] == {"seed": 0}
    assert {"python", "numpy", "workbench"} <= set(made["software"])
    stages = {stage["name"]: stage for stage in made["stages"]}
    assert stages["sum"]["inputs"] == {"numbers": stages["numbers"]["result"]}
    assert stages["sum"]["files"]["sum.txt"] == sha256_of_file(folder / "sum" / "sum.txt")
    assert all(stage["state"] == "done" and stage["seconds"] > 0 for stage in stages.values())
    page = (folder / "report.html").read_text()
    assert "the sum is 6" in page
    assert "The answer" in page


def test_executed_notebooks_name_no_place_outside_the_current_folder(finished: Path) -> None:
    executed = nbformat.read(finished / "run" / "sum" / "notebook.ipynb", as_version=4)
    injected = next(c.source for c in executed.cells if "injected-parameters" in c.metadata.get("tags", []))
    assert 'output = "' in injected
    assert str(finished.parent.resolve()) not in injected


def test_the_same_call_keeps_every_stage(finished: Path) -> None:
    before = sha256_of_file(finished / "run" / "report.html")
    done = again(finished)
    assert set(states(done).values()) == {"kept"}
    assert done.seconds < 2
    assert done.report == finished / "run" / "report.html"
    assert sha256_of_file(done.report) == before
    assert "skipped" in done._repr_html_()


def test_a_changed_parameter_runs_exactly_its_dependants_again(finished: Path) -> None:
    assert why(finished, factor=2) == {
        "numbers": "", "aside": "", "sum": "factor changed from 1 to 2", "tell": "sum runs first",
    }  # fmt: skip
    done = again(finished, factor=2)
    assert states(done) == {"numbers": "kept", "aside": "kept", "sum": "done", "tell": "done"}
    assert "the sum is 12" in (finished / "run" / "report.html").read_text()


def test_an_equal_result_spares_the_stages_behind_it(finished: Path) -> None:
    edit(finished / "numbers.ipynb", "from pathlib", "# a remark\\nfrom pathlib")
    assert why(finished)["numbers"] == "the notebook changed"
    assert states(again(finished)) == {"numbers": "done", "aside": "kept", "sum": "kept", "tell": "kept"}


def test_saving_a_notebook_with_outputs_does_not_undo_a_run(finished: Path) -> None:
    path = finished / "numbers.ipynb"
    document = nbformat.read(path, as_version=4)
    document.cells[1].outputs = [nbformat.v4.new_output("stream", text="hello")]
    document.cells[1].execution_count = 7
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(document, path)
    assert set(why(finished).values()) == {""}


def test_a_changed_or_lost_result_is_noticed(finished: Path) -> None:
    target = finished / "run" / "numbers" / "numbers.txt"
    target.write_text("1 1 1 1")
    assert why(finished)["numbers"] == "its result was changed since: numbers.txt"
    target.unlink()
    assert why(finished)["numbers"] == "its result was changed since: numbers.txt"


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_torn_done_marker_is_no_result(finished: Path, keep: float) -> None:
    marker = finished / "run" / "numbers" / "done.json"
    content = marker.read_bytes()
    marker.write_bytes(content[: int(keep * len(content))])
    assert why(finished)["numbers"] == "its result has no readable done-marker"


def test_a_new_version_of_a_package_runs_everything_again(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {**planning.software(), "numpy": "99.0"}
    monkeypatch.setattr(planning, "software", lambda: versions)
    assert all(
        reason.startswith("the version of numpy changed from")
        for reason in why(finished).values()
        if "first" not in reason
    )
    assert all(why(finished).values())


def test_a_failing_stage_is_named_with_its_cell_and_the_others_go_on(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(finished / "sum.ipynb", "from pathlib import Path", "raise ValueError('no such sum')")
    edit(finished / "aside.ipynb", "x = 1", "x = 2")
    toml, folder = str(finished / "small.toml"), finished / "run"
    status = main(["run", toml, "-p", "n=4", "--folder", str(folder)])
    told = capsys.readouterr().err
    assert status == 1
    assert "failed in stage sum: ValueError: no such sum in cell 3" in told
    assert "Skipped, because they need it: tell." in told
    assert "Traceback" not in told
    made = json.loads((folder / "run.json").read_text())
    assert made["state"] == "failed"
    assert {s["name"]: s["state"] for s in made["stages"]} == {
        "numbers": "kept", "aside": "done", "sum": "failed", "tell": "skipped",
    }  # fmt: skip
    page = (folder / "report.html").read_text()
    assert f"The report shows it: {folder.as_posix()}/report.html." in told
    for words in ("What failed", "Stage <code>sum</code>", "ValueError: no such sum", "<code>tell</code>"):
        assert words in page
    assert "raise" in page, "the cell that failed"
    assert "the sum is 6" not in page, "an older result is no result of this run"
    assert (folder / "sum" / "sum.txt").read_text() == "6", "the last good result is still there"
    assert "no such sum" in (folder / "sum.partial" / "notebook.ipynb").read_text()


def test_a_failure_beside_the_report_is_said_in_front_of_it(finished: Path) -> None:
    edit(finished / "aside.ipynb", "x = 1", "x = 1 / 0")
    with pytest.raises(RunFailed) as caught:
        again(finished)
    assert states(caught.value.run) == {"numbers": "kept", "aside": "failed", "sum": "kept", "tell": "kept"}
    page = (finished / "run" / "report.html").read_text()
    assert page.index("The answer") < page.index("ZeroDivisionError: division by zero") < page.index("the sum is 6")
    edit(finished / "aside.ipynb", "x = 1 / 0", "x = 1")
    assert again(finished).ok
    assert "What failed" not in (finished / "run" / "report.html").read_text()


def test_the_run_of_a_newer_workbench_is_left_alone(finished: Path) -> None:
    record = finished / "run" / "run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "format": 99}))
    with pytest.raises(InvalidInput, match="was made by a newer workbench .format 99; this one knows"):
        again(finished)
    assert json.loads(record.read_text())["format"] == 99


def test_a_dead_kernel_is_a_failure_although_papermill_marks_its_cells_completed(
    tmp_path: Path, write_notebook: WriteNotebook
) -> None:
    write_notebook("die", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "x = 1")
    (tmp_path / "die.toml").write_text('[stages.die]\nnotebook = "die.ipynb"')
    with pytest.raises(RunFailed, match="stage die: the kernel died") as caught:
        run(tmp_path / "die.toml", folder="run", progress=False)
    assert states(caught.value.run) == {"die": "failed"}
    assert not Path("run", "die").exists()


AWKWARD = 'a "quoted" \\ {brace} \n line \t \'\'\' """ é \u2028 <b> \x00 end'


def test_awkward_values_and_paths_arrive_unchanged_in_a_kernel_of_this_python(
    tmp_path: Path, write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    write_notebook(
        "write",
        """
        import json, sys
        from pathlib import Path
        import workbench
        facts = {"text": text, "items": items, "python": sys.executable, "workbench": workbench.__file__}
        Path(output, "facts.json").write_text(json.dumps(facts))
        """,
        parameters='output: str = "."\ntext: str\nitems: list[float | None] = []',
    )
    (tmp_path / "write.toml").write_text('[stages.write]\nnotebook = "write.ipynb"')
    place = tmp_path / "a {place} with 'quotes'"
    run("write.toml", {"text": AWKWARD, "items": [0.1, None, -1e300]}, place, progress=False)
    facts = json.loads((place / "write" / "facts.json").read_text())
    import workbench

    assert facts == {
        "text": AWKWARD,
        "items": [0.1, None, -1e300],
        "python": sys.executable,
        "workbench": workbench.__file__,
    }


def test_parameters_are_checked_before_anything_starts(small_pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "Worker", None)
    for wrong in ({"m": 1}, {"n": "three"}, {"n": 1.0}, {"x=1;import os": 1}):
        with pytest.raises(InvalidInput, match="pipeline small"):
            run(small_pipeline, wrong, "run", progress=False)
    assert not Path("run").exists()


def test_the_default_folder_belongs_to_the_values(small_pipeline: Path) -> None:
    found = read(small_pipeline)
    folder, _ = plan(found, {"n": 3})
    assert folder.parent == Path("runs")
    assert folder.name.startswith("small-")
    assert folder == plan(found, {})[0], "3 is the default of n"
    assert folder != plan(found, {"n": 2})[0]


def test_a_folder_that_no_run_made_is_left_alone(small_pipeline: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds files that no run made"):
        run(small_pipeline, folder=tmp_path, progress=False)
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.json").write_text('{"pipeline": "large"}')
    with pytest.raises(InvalidInput, match="holds a run of large, not of small"):
        run(small_pipeline, folder=other, progress=False)
    with pytest.raises(InvalidInput, match="cannot be made: Not a directory"):
        run(small_pipeline, folder=small_pipeline / "run", progress=False)


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it(tmp_path: Path) -> None:
    words = rf"Another run \(process {os.getpid()}\) is at work"
    with held(tmp_path), pytest.raises(FolderInUse, match=words), held(tmp_path, patience=0.1):
        pass
    with held(tmp_path, patience=0.1):
        pass


@pytest.fixture
def slow(tmp_path: Path, write_notebook: WriteNotebook) -> list[str]:
    """The command that runs a pipeline whose second stage waits until a file named go appears."""
    write_notebook("quick", "x = 1")
    write_notebook(
        "wait",
        """
        import time
        from pathlib import Path
        Path("waits").touch()
        while not Path("go").exists():
            time.sleep(0.05)
        Path("waits").unlink()
        """,
    )
    (tmp_path / "slow.toml").write_text(
        '[stages.quick]\nnotebook = "quick.ipynb"\n[stages.wait]\nnotebook = "wait.ipynb"\nneeds = ["quick"]'
    )
    return [sys.executable, "-m", "workbench.cli", "run", "slow.toml", "--folder", "run"]


def start_and_wait(command: list[str]) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start a run, wait until its slow stage works, and return it with all processes below it."""
    Path("waits").unlink(missing_ok=True)
    # A shell's background job ignores Ctrl-C, and hands that down to all it starts: these tests are not about that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not Path("waits").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) == 2, "one stage and its kernel"
    return process, below


def test_a_run_killed_in_the_middle_leaves_no_process_and_is_taken_up_again(slow: list[str]) -> None:
    process, below = start_and_wait(slow)
    private = Path(Path("run", "wait.partial", ".private").read_text())
    assert private.stat().st_mode & 0o077 == 0, "nobody else may reach the kernel"
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(below, timeout=5)
    assert not alive
    assert not Path("run", "wait").exists(), "no result without an end"
    Path("go").touch()
    done = run("slow.toml", folder="run", progress=False)
    assert states(done) == {"quick": "kept", "wait": "done"}
    assert not list(Path("run").glob("*.partial"))
    assert not private.exists()
    assert sorted(p.name for p in Path("run", "wait").iterdir()) == ["done.json", "notebook.ipynb", "stage.log"]


def test_ctrl_c_stops_a_run_cleanly_and_the_same_command_goes_on(slow: list[str]) -> None:
    process, below = start_and_wait(slow)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert told.rstrip().endswith("workbench: stopped. The same command goes on where it was.")
    assert "Traceback" not in told
    _, alive = psutil.wait_procs(below, timeout=5)
    assert not alive
    made = json.loads(Path("run", "run.json").read_text())
    assert made["state"] == "interrupted"
    assert {s["name"]: s["state"] for s in made["stages"]} == {"quick": "done", "wait": "stopped"}
    assert {step.stage: step.why for step in plan("slow.toml", folder="run")[1]} == {
        "quick": "",
        "wait": "no result yet",
    }
