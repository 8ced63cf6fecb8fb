"""Running a pipeline: each stage a process of its own, side by side where possible, kept if unchanged."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from workbench.errors import InvalidInput
from workbench.pipelines.fingerprint import Fingerprint, notebook_hash, report_key, sha256_of_json, software
from workbench.pipelines.kinds import Value
from workbench.pipelines.lock import held
from workbench.pipelines.outcome import Run, RunFailed, StageState
from workbench.pipelines.pipeline import Pipeline, Stage
from workbench.pipelines.pipeline import pipeline as find
from workbench.pipelines.progress import Watcher, silent, watcher
from workbench.pipelines.provenance import provenance
from workbench.pipelines.records import DONE, publish, read_json, why_not_done, write_json
from workbench.pipelines.worker import Worker, discard
from workbench.rooms import runs_folder

RECORD, REPORT = "run.json", "report.html"


def run(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, object] | None = None,
    folder: str | Path | None = None,
    *,
    smallest: bool = False,
    force: bool = False,
    progress: bool = True,
) -> Run:
    """Run a pipeline's notebooks and export its report; stages whose result is there already are kept.

    Args:
        pipeline: a packaged pipeline's name, or the path of a ``.toml`` file.
        parameters: values by name; all are checked before anything starts.
        folder: where results go, by default ``runs/<pipeline>-<hash of the parameters>``, so that the same
            call takes up an interrupted run.
        smallest: start from the pipeline's values for the quickest honest run.
        force: run every stage again.
        progress: tell how it goes, on standard error or in the notebook.

    Raises:
        UnknownName, InvalidInput: for an unknown pipeline and for parameters it does not take.
        FolderInUse: when another run works in the folder.
        RunFailed: when a stage failed; stages that do not need it have run to their end.
    """
    found = find(pipeline)
    values = found.values(parameters or {}, smallest)
    place = Path(folder) if folder is not None else default_folder(found, values)
    prepare(place, found)
    with held(place) as lock:
        return _Execution(found, values, place, force, watcher() if progress else silent).work(lock)


class Step(NamedTuple):
    """What a run would do with one stage: nothing when `why` is empty."""

    stage: str
    why: str


def plan(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, object] | None = None,
    folder: str | Path | None = None,
    *,
    smallest: bool = False,
    force: bool = False,
) -> tuple[Path, list[Step]]:
    """Return the folder a run would use and, for each stage, why it would run; nothing is written."""
    found = find(pipeline)
    values = found.values(parameters or {}, smallest)
    place = Path(folder) if folder is not None else default_folder(found, values)
    steps: dict[str, Step] = {}
    for stage in found.stages:
        first = [need for need in stage.needs if steps[need].why]
        if force:
            why = "asked to run again"
        elif first:
            why = f"{', '.join(first)} runs first" if (place / stage.name).is_dir() else "no result yet"
        else:
            why = why_not_done(place / stage.name, fingerprint(stage, values, place))
        steps[stage.name] = Step(stage.name, why)
    return place, list(steps.values())


def default_folder(pipeline: Pipeline, values: Mapping[str, Value]) -> Path:
    """Return the folder that belongs to these parameter values, under ``runs`` in the current folder."""
    return runs_folder() / f"{pipeline.name}-{sha256_of_json(dict(values))[:8]}"


def prepare(folder: Path, pipeline: Pipeline) -> None:
    """Make the run folder, unless it is not ours to write to.

    Raises:
        InvalidInput: for a folder that holds other files, another pipeline's run, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise InvalidInput(f"The run folder {folder} cannot be made: {error.strerror}. Give another folder.") from None
    if not os.access(folder, os.W_OK):
        raise InvalidInput(f"The run folder {folder} cannot be written. Give another folder.")
    if names and not names & {RECORD, "run.lock"}:
        raise InvalidInput(f"The folder {folder} holds files that no run made. Give an empty or a new folder.")
    other = read_json(folder / RECORD).get("pipeline", pipeline.name)
    if other != pipeline.name:
        raise InvalidInput(f"The folder {folder} holds a run of {other}, not of {pipeline.name}. Give another folder.")


def fingerprint(stage: Stage, values: Mapping[str, Value], folder: Path) -> Fingerprint:
    """Return what the stage's result depends on, given the results of the stages it needs."""
    return Fingerprint(
        notebook=notebook_hash(stage.notebook),
        parameters=stage.values(values),
        inputs={need: str(read_json(folder / need / DONE).get("result", "")) for need in stage.needs},
        software=software(),
    )


class _Execution:
    """One pass over the stages of a pipeline, in the folder whose lock the caller holds."""

    def __init__(self, pipeline: Pipeline, values: dict[str, Value], folder: Path, force: bool, tell: Watcher) -> None:
        self.pipeline, self.values, self.folder, self.force, self.tell = pipeline, values, folder, force, tell
        self.states = {stage.name: StageState(stage.name) for stage in pipeline.stages}
        self.workers: dict[str, tuple[Worker, Fingerprint]] = {}
        self.began, self.started = time.monotonic(), _now()
        self.report: Path | None = None
        self.report_key = ""
        self.previous = read_json(folder / RECORD).get("report", {})

    def work(self, lock: int) -> Run:
        """Bring every stage to its end, then export the report."""
        self._record("running")
        try:
            while self._start_what_is_ready(lock) or self.workers:
                self._listen()
            if self._run().ok:
                self._export()
        except BaseException:
            self._stop()
            raise
        run = self._run()
        if not run.ok:
            self._record("failed")
        self.tell(run, None)
        if not run.ok:
            raise RunFailed(run)
        return run

    def _start_what_is_ready(self, lock: int) -> bool:
        """Settle every waiting stage that can be; return whether that may have freed others."""
        settled = False
        for stage in self.pipeline.stages:
            state = self.states[stage.name]
            needs = [self.states[need].state for need in stage.needs]
            if state.state != "waiting":
                continue
            if blocked := [need for need in stage.needs if self.states[need].state in ("failed", "skipped")]:
                self._change(state, "skipped", why=f"it needs {', '.join(blocked)}")
                settled = True
            elif all(need in ("done", "kept") for need in needs) and len(self.workers) < cores():
                settled |= self._start(stage, state, lock)
        return settled

    def _start(self, stage: Stage, state: StageState, lock: int) -> bool:
        wanted = fingerprint(stage, self.values, self.folder)
        why = "asked to run again" if self.force else why_not_done(self.folder / stage.name, wanted)
        if not why:
            marker = read_json(self.folder / stage.name / DONE)
            discard(self.folder / f"{stage.name}.partial")  # of a run that was ended
            self._change(state, "kept", seconds=float(marker.get("seconds", 0.0)), record=marker)
            return True
        self.workers[stage.name] = (Worker(stage, dict(wanted.parameters), self.folder, lock), wanted)
        self._change(state, "running", why=why)
        return False

    def _listen(self) -> None:
        time.sleep(0.05)
        for name, (worker, wanted) in list(self.workers.items()):
            status = worker.poll()
            state = self.states[name]
            state.cell, state.seconds = worker.cell, worker.seconds
            if status is None:
                continue
            del self.workers[name]
            if status == 0:
                facts = {"stage": name, "seconds": round(worker.seconds, 2), "finished": _now()}
                marker = publish(worker.folder, self.folder / name, wanted, facts)
                self._change(state, "done", record=marker)
            else:
                self._change(state, "failed", error=worker.error(status))
        self.tell(self._run(), None)

    def _change(self, state: StageState, to: str, **facts: Any) -> None:
        state.state = to
        for name, value in facts.items():
            setattr(state, name, value)
        self._record("running")
        self.tell(self._run(), state)

    def _stop(self) -> None:
        for name, (worker, _) in self.workers.items():
            worker.stop()
            self.states[name].state = "stopped"
        self._record("interrupted")

    def _export(self) -> None:
        key = report_key(self.folder / self.pipeline.report / "notebook.ipynb")
        path = self.folder / REPORT
        fresh = self.previous.get("key") == key and not any(s.state == "done" for s in self.states.values())
        self.report, self.report_key = path, key
        self._record("done")  # the report quotes it
        if not (fresh and path.is_file()):
            from workbench.pipelines.report import report  # slow to load, and not needed for a kept run

            report(self.folder, path)

    def _run(self) -> Run:
        seconds = time.monotonic() - self.began
        return Run(
            self.pipeline.name,
            dict(self.values),
            self.folder,
            tuple(self.states.values()),
            seconds,
            self.report,
        )

    def _record(self, state: str) -> None:
        report = {"file": self.report.name, "key": self.report_key} if self.report else {}
        facts = {"state": state, "started": self.started, "updated": _now(), "report": report}
        write_json(self.folder / RECORD, {**facts, **provenance(self.pipeline, self._run())})


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
