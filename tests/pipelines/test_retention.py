"""Runs listed, compared with what is on the disk, and removed only when that is safe and asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import InvalidInput, UnknownName
from workbench.pipelines.lock import held
from workbench.pipelines.retention import kept_runs, prune_runs, runs


def made(name: str, state: str = "done", days: float = 0.0, pipeline: str = "p") -> Path:
    folder = Path("runs", name)
    folder.mkdir(parents=True)
    record = {
        "pipeline": pipeline,
        "state": state,
        "updated": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
        "seconds": 3.5,
        "parameters": {"n": 1},
        "stages": [{"name": "a", "state": "done"}, {"name": "b", "state": "failed" if state == "failed" else "kept"}],
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def names() -> set[str]:
    return {one.folder.name for one in kept_runs()}


def test_runs_are_listed_the_latest_first_with_what_became_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "No runs yet" in capsys.readouterr().out
    made("old", days=9)
    made("bad", "failed", days=1)
    made("dead", "running", days=2)  # its driver wrote this and was killed
    made("odd", "torn")
    Path("runs", "notes").mkdir()
    frame = runs()
    assert list(frame.index) == ["runs/odd", "runs/bad", "runs/dead", "runs/old"]
    assert list(frame["state"]) == ["killed", "failed", "killed", "done"]
    assert list(frame["finished"]) == [2, 1, 2, 2]
    assert main(["runs", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["folder"] for one in told] == list(frame.index)
    assert told[1]["parameters"] == {"n": 1}
    assert main(["runs", "--folder", "nowhere"]) == 2


def test_pruning_removes_by_age_number_and_state_and_only_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    for name, state, days in [("a", "done", 0), ("b", "done", 5), ("c", "failed", 6), ("d", "done", 40)]:
        made(name, state, days)
    made("other", days=50, pipeline="q")
    assert main(["runs", "prune", "--older-than", "30"]) == 0
    assert "would remove runs/d" in capsys.readouterr().out
    assert names() == {"a", "b", "c", "d", "other"}
    assert main(["runs", "prune", "--state", "failed", "--yes"]) == 0
    assert names() == {"a", "b", "d", "other"}
    assert [one.folder.name for one in prune_runs(keep=1)] == ["b", "d"]
    assert names() == {"a", "other"}
    assert [one.folder.name for one in prune_runs(older_than=30)] == ["other"]


def test_a_run_at_work_is_never_removed(tmp_path: Path) -> None:
    folder = made("busy", "failed", 99)
    with held(folder):
        assert [one.state for one in kept_runs()] == ["running"]
        assert prune_runs(older_than=0) == []
    assert len(prune_runs(older_than=0)) == 1


def test_what_would_remove_everything_or_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made("a")
    with pytest.raises(InvalidInput, match="say older_than=, keep= or states="):
        prune_runs()
    with pytest.raises(InvalidInput, match="one of runs; got None and -1"):
        prune_runs(keep=-1)
    with pytest.raises(UnknownName, match="Did you mean 'failed'"):
        prune_runs(states=["fail"])
    assert main(["runs", "prune", "--yes"]) == 2
    assert names() == {"a"}


def test_a_link_to_a_run_elsewhere_is_not_a_run_here(tmp_path: Path) -> None:
    folder = made("a")
    outside = folder.rename(tmp_path / "outside")
    folder.symlink_to(outside, target_is_directory=True)
    assert names() == set()
