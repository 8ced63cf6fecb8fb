"""The record of a run: what it says of machine, repository and times, what it costs, and how it is read back."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import __version__
from workbench.errors import InvalidInput
from workbench.pipelines import surroundings
from workbench.pipelines.execution import run
from workbench.pipelines.outcome import Run, RunFailed, StageState
from workbench.pipelines.pipeline import read
from workbench.pipelines.provenance import FORMAT, provenance
from workbench.pipelines.recorded import recorded
from workbench.pipelines.report import report

GOOD = {"format": FORMAT, "pipeline": "p", "report_stage": "tell", "parameters": {}, "stages": [{"name": "tell"}]}


def git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    command = ["git", "-C", str(folder), *person, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository_of_mine(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("no git on the PATH")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "notes.txt").write_text("one")
    git(tmp_path, "add", "notes.txt")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    return tmp_path


def test_a_run_says_where_when_and_from_what_it_was_made(small_pipeline: Path, repository_of_mine: Path) -> None:
    done = run(small_pipeline, {"n": 2}, "r", progress=False)
    made = json.loads(Path("r", "run.json").read_text())
    assert made["format"] == FORMAT
    assert made["workbench"] == __version__
    assert made["git"] == {"commit": git(repository_of_mine, "rev-parse", "HEAD"), "dirty": False}
    assert made["machine"]["cpu"]
    assert made["machine"]["cores"] == made["cores"]
    assert isinstance(made["machine"]["accelerators"], list)
    assert made["state"] == "done"
    assert datetime.fromisoformat(made["started"]) <= datetime.fromisoformat(made["ended"])
    for stage in made["stages"]:
        assert stage["state"] == "done"
        assert datetime.fromisoformat(stage["started"]) <= datetime.fromisoformat(stage["finished"])
        assert "notebook.ipynb" in stage["files"]
    by_name = {stage["name"]: stage for stage in made["stages"]}
    assert by_name["sum"]["inputs"] == {"numbers": by_name["numbers"]["result"]}
    assert recorded(done) == recorded("r")

    (repository_of_mine / "notes.txt").write_text("two")
    run(small_pipeline, {"n": 2}, "r", progress=False)
    assert json.loads(Path("r", "run.json").read_text())["git"]["dirty"] is True, "a new run looks again"


def test_a_failed_run_says_that_it_ended(write_notebook: Callable[..., Path], tmp_path: Path) -> None:
    write_notebook("bad", "1 / 0")
    (tmp_path / "bad.toml").write_text("[stages.bad]\nnotebook = 'bad.ipynb'\n")
    with pytest.raises(RunFailed):
        run(tmp_path / "bad.toml", folder="r", progress=False)
    made = recorded("r")
    assert (made["state"], made["stages"][0]["state"]) == ("failed", "failed")
    assert made["ended"]
    assert "ZeroDivisionError" in made["stages"][0]["error"]


def test_outside_a_repository_nothing_is_said_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert surroundings.repository(tmp_path) == {}
    monkeypatch.setenv("PATH", "")
    assert surroundings.repository(tmp_path) == {}


def test_a_repository_that_does_not_answer_holds_nothing_up(
    repository_of_mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    monkeypatch.setattr(surroundings, "PATIENCE", 0.3)
    began = time.monotonic()
    assert surroundings.repository(repository_of_mine) == {}
    assert time.monotonic() - began < 10


def test_accelerators_are_found_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = tmp_path / "gpus" / "0000:01:00.0"
    gpu.mkdir(parents=True)
    (gpu / "information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 10\n")
    monkeypatch.setattr(surroundings, "_NVIDIA", tmp_path / "gpus")
    assert surroundings.machine()["accelerators"] == ["NVIDIA H200"]
    code = "import sys; from workbench.pipelines.surroundings import machine; machine(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_record_costs_little_however_often_it_is_written(small_pipeline: Path) -> None:
    pipeline = read(small_pipeline)
    states = tuple(StageState(stage.name) for stage in pipeline.stages)
    made = Run(pipeline.name, {}, Path("r"), states)
    provenance(pipeline, made)
    states[0].state = "running"
    began = time.process_time()
    for _ in range(100):
        provenance(pipeline, made)
    assert (time.process_time() - began) / 100 < 0.02, "seconds of processor time for one change of one stage"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not the folder of a run: it has no run.json"),
        ("", "is damaged: it is no JSON"),
        ('{"pipeline": "p"', "is damaged: it is no JSON"),
        ("[" * 100_000, "is damaged: it is no JSON"),
        ("[]", "is damaged: it is no table"),
        (json.dumps({**GOOD, "format": FORMAT + 1}), rf"has the format {FORMAT + 1}; this workbench .* reads up to"),
        (json.dumps({**GOOD, "format": "1"}), "is damaged: its format is '1'"),
        (json.dumps({"pipeline": "p"}), "is damaged: report_stage is missing"),
        (json.dumps({**GOOD, "parameters": []}), "is damaged: parameters is not a dict"),
        (json.dumps({**GOOD, "stages": [{"name": 1}]}), "is damaged: a stage has no name"),
        (json.dumps({**GOOD, "stages": [{"name": "a", "files": []}]}), "is damaged: files is not a dict"),
        (json.dumps({**GOOD, "seconds": "long"}), "is damaged: seconds is not a float"),
    ],
)
def test_a_record_that_cannot_be_read_is_one_clear_error(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(InvalidInput, match=words):
        recorded(tmp_path)
    with pytest.raises(InvalidInput, match=words):
        report(tmp_path, tmp_path / "report.html")


def test_a_record_of_before_there_were_formats_is_read(tmp_path: Path) -> None:
    old: dict[str, Any] = {name: value for name, value in GOOD.items() if name != "format"}
    (tmp_path / "run.json").write_text(json.dumps(old))
    assert recorded(tmp_path)["machine"] == {}


def test_a_run_is_a_folder_or_a_run() -> None:
    with pytest.raises(InvalidInput, match="A run is given by its folder or as the Run that wb.run returns, not as 7"):
        recorded(7)  # type: ignore[arg-type]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "name", "files"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "help", "machine", "git", "seconds", "software"]), json_values))
def test_any_record_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, change: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "run.json").write_text(json.dumps({**GOOD, **change}))
    with contextlib.suppress(InvalidInput):
        assert isinstance(recorded(folder)["stages"], list)
