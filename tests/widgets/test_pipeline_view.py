"""The kernel half of the view of a pipeline: what it says of plans and runs, here, elsewhere, broken and large."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.pipelines.outcome import STATES, Run, RunFailed, StageState
from workbench.pipelines.pipeline import pipeline
from workbench.widgets.stages.details import LOG_LINES, log_of
from workbench.widgets.stages.graph import graph_of

PATIENCE = 120.0  # seconds; the machine may be loaded


@pytest.fixture
def view() -> Iterator[Callable[..., wb.PipelineView]]:
    """Views that look when a test says so, and not by themselves."""
    made = []

    def make(*arguments: Any, **keywords: Any) -> wb.PipelineView:
        one = wb.PipelineView(*arguments, **keywords)
        assert one._gone is not None
        one._gone.set()
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def states(view: wb.PipelineView) -> dict[str, str]:
    view._look()
    return {stage["name"]: stage["state"] for stage in view.stages}


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


# -- plans ---------------------------------------------------------------------------------------------------------


def test_a_pipeline_by_name_is_shown_as_it_would_run(view: Any) -> None:
    plan = view("nasbench201", smallest=True)
    assert plan.head["state"] == "planned"
    assert plan.words == f"{len(plan.stages)} of {len(plan.stages)} stages would run"
    assert {one["why"] for one in plan.stages} == {"no result yet"}
    assert plan.title == plan.head["title"] == pipeline("nasbench201").title
    smallest = pipeline("nasbench201").smallest["n_trials"]
    assert ["n_trials", str(smallest)] in plan.head["parameters"]
    plan.choose(next(one["name"] for one in plan.stages if one["base"] == "search"))
    parameters = dict(plan.details[plan.chosen]["parameters"])
    assert parameters["n_trials"] == str(smallest)
    assert "inputs" not in parameters
    assert not Path("runs").exists()


def test_values_that_are_refused_are_said_and_the_stages_shown_all_the_same(view: Any, runs: ModuleType) -> None:
    plan = view(runs.small_pipeline(Path("p")), parameters={"n": "many"})
    assert "parameter n: 'many' is not a whole number" in plan.message
    assert [one["name"] for one in plan.stages] == ["numbers", "aside", "sum", "tell"]


def test_a_plan_turns_into_the_run_that_begins_in_its_folder(view: Any, runs: ModuleType) -> None:
    path = runs.small_pipeline(Path("p"))
    plan = view(path, folder="r")
    assert states(plan) == dict.fromkeys(("numbers", "aside", "sum", "tell"), "waiting")
    run = wb.run(path, folder="r", progress=False)
    assert states(plan) == dict.fromkeys(("numbers", "aside", "sum", "tell"), "done")
    assert plan.head["state"] == "done"
    plan.follow(path, folder="r", parameters={"factor": 2})
    assert states(plan) == {"numbers": "kept", "aside": "kept", "sum": "waiting", "tell": "waiting"}
    assert plan.words == "2 of 4 stages would run"
    assert next(one["why"] for one in plan.stages if one["name"] == "sum") == "factor changed from 1 to 2"
    plan.follow(run)
    assert states(plan)["sum"] == "done"


# -- runs ----------------------------------------------------------------------------------------------------------


def test_a_run_in_the_background_is_followed_to_its_end(view: Any, runs: ModuleType) -> None:
    run = wb.run(runs.small_pipeline(Path("p"), slow=2.0), folder="r", background=True, progress=False)
    live = view(run)
    try:
        until(lambda: states(live)["sum"] == "running" and live.progress["cells"].get("sum", [0, 0])[1] > 2)
        assert live.head["words"] == "running"
        live.choose("sum")
        until(lambda: live._look() and live.details["sum"].get("log"))
        assert live.details["sum"]["folder"] == "r/sum.partial"
    finally:
        run.wait()
    assert set(states(live).values()) == {"done"}
    assert live.head["report"] == "r/report.html"
    assert live.progress["cells"] == {}
    detail = live.details["sum"]
    assert detail["notebook"] == "r/sum/notebook.ipynb"
    assert detail["parameters"] == [["factor", "1"]]
    assert [name for name, _ in detail["files"]] == ["sum.txt"]
    assert detail["failure"] == {}
    assert live.words.startswith("done; 4 of 4 stages, ")


def test_a_failure_is_told_with_its_cell_source_and_log_unasked(view: Any, runs: ModuleType) -> None:
    with pytest.raises(RunFailed) as failed:
        wb.run(runs.small_pipeline(Path("p"), failing=True), {"factor": 7}, "r", progress=False)
    for shown in (view(failed.value.run), view("r"), view(Path("r"))):
        assert states(shown) == {"numbers": "done", "aside": "done", "sum": "failed", "tell": "skipped"}
        assert shown.head["state"] == "failed"
        detail = shown.details["sum"]
        assert detail["failure"]["error"] == "ValueError: no sum of 7"
        assert detail["failure"]["source"].endswith("raise ValueError(f'no sum of {factor}')")
        assert re.fullmatch(r"cell \d", detail["failure"]["cell"])
        assert "\x1b" not in detail["failure"]["traceback"]
        assert ["factor", "7"] in detail["parameters"]
        assert detail["notebook"] == "r/sum.partial/notebook.ipynb"
        assert "✗" in shown.still()


def test_a_run_whose_folder_is_gone_is_still_shown(view: Any) -> None:
    stages = (StageState("a", "done", 1.5), StageState("b", "failed", error="it broke"))
    shown = view(Run("p", {"n": 3}, Path("gone"), stages, 4.2))
    assert states(shown) == {"a": "done", "b": "failed"}
    assert shown.words == "failed; 1 of 2 stages, 4 s"
    assert shown.head["parameters"] == [["n", "3"]]


def test_a_run_of_another_process_is_followed_and_its_death_noticed(
    view: Any, runs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = runs.small_pipeline(Path("p"), slow=60.0)
    call = f"import workbench as wb; wb.run({str(path)!r}, folder='r', progress=False)"
    other = subprocess.Popen([sys.executable, "-c", call], start_new_session=True)
    try:
        until(lambda: Path("r/progress.json").is_file())
        live = view("r")
        until(lambda: states(live)["sum"] == "running")
        assert live.head["words"] == f"running in another process ({other.pid})"
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    until(lambda: states(live)["sum"] == "stopped")
    assert live.head["state"] == "killed"
    assert live.head["words"] == "its process is gone; the same call takes it up"
    assert next(one["why"] for one in live.stages if one["name"] == "sum") == "the run's process is gone"


# -- files that are not as they should be --------------------------------------------------------------------------


def test_half_written_and_missing_files_leave_the_last_state(view: Any, runs: ModuleType) -> None:
    names = runs.matrix_run(Path("r"))
    live = view("r")
    before = states(live)
    whole = Path("r/run.json").read_text()
    for text in (whole[:200], "", "[]", "null"):
        Path("r/run.json").write_text(text)
        Path("r/progress.json").write_text('{"pid": 1')
        assert states(live) == before
        assert live.progress["cells"][names[38]] == [3.0, 8.0, 12.4]
    Path("r/run.json").unlink()
    assert states(live) == before
    record = json.loads(whole)
    record["stages"][0]["state"] = "done"
    Path("r/run.json").write_text(json.dumps(record))
    assert states(live)["prepare"] == "done"
    assert live.message == ""


@pytest.mark.parametrize(
    "nonsense",
    [
        {"stages": 5},
        {"stages": [None, 3, {}]},
        {"stages": [{"name": 4, "needs": {}, "matrix": [], "seconds": "x", "state": "odd", "attempt": None}]},
        {"stages": [{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}, {"name": "c", "needs": ["c", "d"]}]},
        {"state": 7, "seconds": True, "report": [], "parameters": 3, "stages": []},
    ],
)
def test_a_record_that_no_run_wrote_is_shown_as_far_as_it_goes(view: Any, nonsense: Any) -> None:
    Path("r").mkdir()
    Path("r/run.json").write_text(json.dumps({"pipeline": "p", **nonsense}))
    Path("r/progress.json").write_text('{"pid": "x", "stages": {"a": 3, "b": {"cell": "one", "of": NaN}}}')
    odd = view("r")
    assert odd.message == ""
    assert odd.still().startswith("<svg")
    for stage in odd.stages:
        odd.choose(stage["name"])
        assert stage["state"] in STATES
    assert json.dumps([odd.head, odd.stages, odd.progress, odd.details], allow_nan=False)


def test_a_stage_that_names_a_place_elsewhere_is_not_looked_into(view: Any, runs: ModuleType) -> None:
    Path("secret").mkdir()
    Path("secret/stage.log").write_text("do not read")
    Path("r").mkdir()
    Path("r/run.json").write_text(json.dumps(runs.record([runs.stage("../secret", "failed")], "failed")))
    odd = view("r")
    odd.choose("../secret")
    assert odd.details == {"../secret": {"state": "failed"}}


# -- what is behind a stage ----------------------------------------------------------------------------------------


def test_a_log_is_read_from_its_end_as_a_terminal_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "stage.log"
    assert log_of(path) == ([], False)
    path.write_text("one\n\x1b[31mtwo\x1b[0m\n 10%\r 50%\r100%\r\nlast")
    assert log_of(path) == (["one", "two", "100%", "last"], False)
    path.write_text("".join(f"line {i}\n" for i in range(LOG_LINES + 50)))
    lines, cut = log_of(path)
    assert (len(lines), lines[0], lines[-1], cut) == (LOG_LINES, "line 50", f"line {LOG_LINES + 49}", True)
    path.write_bytes(b"\xff\xfe" * 200_000 + b"\nend")
    assert log_of(path) == (["end"], True)


def test_only_what_is_wanted_is_told_and_a_page_is_given_the_rest(view: Any, runs: ModuleType) -> None:
    names = runs.matrix_run(Path("r"), at_work=False)
    shown = view("r")
    assert list(shown.details) == [names[17]]
    assert len(shown.details[names[17]]["log"]) == LOG_LINES
    shown.choose(names[3])
    assert list(shown.details) == [names[17], names[3]]
    shown.choose()
    assert list(shown.details) == [names[17]]
    shown.complete()
    assert len(shown.details) == len(shown.stages)
    with pytest.raises(UnknownName, match="There is no stage of A run that was made up named 'serch'"):
        shown.choose("serch")


# -- the graph -----------------------------------------------------------------------------------------------------


def test_the_stages_of_a_matrix_are_one_node(view: Any, runs: ModuleType) -> None:
    names = runs.matrix_run(Path("r"))
    nodes = {node["id"]: node for node in view("r").graph["nodes"]}
    assert list(nodes) == ["prepare", "table", "search", "compare", "report"]
    assert nodes["search"]["stages"] == names
    assert [(name, len(values)) for name, values in nodes["search"]["axes"]] == [
        ("dataset", 3), ("strategy", 4), ("seed", 5),
    ]  # fmt: skip
    assert nodes["search"]["needs"] == ["table"]
    graph = view("r").graph
    ys = [float(y) for line in graph["lines"] for y in re.findall(r",(-?[\d.]+)", line["path"])]
    assert min(ys) >= 0
    assert max(ys) <= graph["height"]
    across = [nodes[name]["x"] for name in nodes]
    assert across == sorted(across)
    boxes = [(n["x"], n["y"], n["x"] + n["w"], n["y"] + n["h"]) for n in nodes.values()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_thousands_of_stages_are_laid_out_at_once(runs: ModuleType) -> None:
    stages = [{**runs.stage(f"s-{i}", needs=("a",)), "base": "s", "matrix": {"i": str(i)}} for i in range(5000)]
    began = time.monotonic()
    graph = graph_of([runs.stage("a"), *stages, {**runs.stage("z"), "needs": [one["name"] for one in stages]}])
    assert time.monotonic() - began < 5
    assert [node["id"] for node in graph["nodes"]] == ["a", "s", "z"]
    assert len(graph["lines"]) == 2


def test_the_still_is_one_picture_with_a_sign_for_each_stage(view: Any, runs: ModuleType) -> None:
    runs.matrix_run(Path("r"))
    shown = view("r", title="<b>&")
    still = shown.still()
    assert still.count(">✓<") == 37 + 3 + 1
    assert "search × 60" in still
    assert "40 of 60 done" not in still
    assert "37 of 60 done, 1 failed" in still
    assert "&lt;b&gt;&amp;" in still
    assert "<b>" not in still
    assert shown._repr_mimebundle_()[0]["image/svg+xml"] == still


# -- what is refused -----------------------------------------------------------------------------------------------


def test_what_cannot_be_shown_is_refused_with_what_can() -> None:
    Path("empty").mkdir()
    with pytest.raises(InvalidInput, match="The folder empty holds no run: there is no readable run.json in it."):
        wb.PipelineView("empty")
    with pytest.raises(InvalidInput, match="There is no run folder runs/x. Give the folder of a run, or the name of a"):
        wb.PipelineView("runs/x")
    with pytest.raises(UnknownName, match="nasbench201"):
        wb.PipelineView("nasbench20")
    with pytest.raises(
        InvalidInput, match="PipelineView shows a Run, a run's folder, or a pipeline by name or file; got 3"
    ):
        wb.PipelineView(3)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="titel"):
        wb.PipelineView("nasbench201", titel="x")
