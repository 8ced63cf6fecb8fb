"""Running a pipeline: each stage a process of its own, side by side where possible, kept if unchanged."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from workbench.errors import InvalidInput, WorkbenchError
from workbench.pipelines.fingerprint import Fingerprint, report_key
from workbench.pipelines.given import give, tidy
from workbench.pipelines.guard import Guard
from workbench.pipelines.kinds import Value
from workbench.pipelines.lock import held
from workbench.pipelines.matrix import expanded
from workbench.pipelines.outcome import Run, RunFailed, StageState, Work
from workbench.pipelines.pipeline import Pipeline, Stage
from workbench.pipelines.pipeline import pipeline as find
from workbench.pipelines.planning import asked_again, brief, default_folder, fingerprint
from workbench.pipelines.progress import Watcher, silent, watcher
from workbench.pipelines.provenance import FORMAT, provenance
from workbench.pipelines.records import DONE, publish, read_json, why_not_done, write_json, write_soon
from workbench.pipelines.secrets import complaint, mask, masked, secrets_of
from workbench.pipelines.sharing import Others, take
from workbench.pipelines.worker import Worker, discard
from workbench.rooms import room

RECORD, REPORT, PROGRESS = "run.json", "report.html", "progress.json"
_FINISHED = ("done", "kept", "left out")


class Unwritable(WorkbenchError, OSError):
    """The run folder cannot be written any more: the disk is full, or it may not be."""


class Stopped(WorkbenchError):
    """A run in the background was stopped on request; what is finished is kept."""


def run(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, object] | None = None,
    folder: str | Path | None = None,
    *,
    smallest: bool = False,
    force: bool = False,
    from_stage: str | None = None,
    share: bool = True,
    workers: int | None = None,
    progress: bool = True,
    background: bool = False,
) -> Run:
    """Run a pipeline's notebooks and export its report; stages whose result is there already are kept.

    Args:
        pipeline: a packaged pipeline's name, or the path of a ``.toml`` file.
        parameters: values by name; all are checked before anything starts.
        folder: where results go, by default ``runs/<pipeline>-<hash of the parameters>``, so that the same
            call takes up an interrupted run.
        smallest: start from the pipeline's values for the quickest honest run.
        force: run every stage again.
        from_stage: run this stage again (all of its matrix, or one by its full name), and what follows from it.
        share: copy results that another run beside `folder` has already, where nothing they depend on differs.
        workers: stages that run at the same time, by default as many as there are cores.
        progress: tell how it goes, on standard error or in the notebook.
        background: return at once; the returned `Run` changes as it goes, `wait()` and `stop()` end it.

    Raises:
        UnknownName, InvalidInput: for an unknown pipeline and for parameters it does not take.
        FolderInUse: when another run works in the folder.
        RunFailed: when a stage failed; stages that do not need it have run to their end.
        Unwritable: when the run folder cannot be written any more.
    """
    found = find(pipeline)
    values = found.values(parameters or {}, smallest)
    place = Path(folder) if folder is not None else default_folder(found, values)
    stages = expanded(found, values)
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise InvalidInput(f"workers says how many stages run at the same time, at least 1; got {workers!r}.")
    again = frozenset(asked_again(stages, force, from_stage))
    how = _How(again, share and not force, workers or cores(), secrets_of(stages, values))
    prepare(place, found)
    with ExitStack() as held_until:
        lock = held_until.enter_context(held(place))
        execution = _Execution(stages, values, place, how, watcher() if progress else silent)
        if not background:
            return execution.work(lock)
        _in_background(execution, lock, held_until.pop_all())
    return execution.run


def resume(folder: str | Path, *, progress: bool = True, background: bool = False) -> Run:
    """Take up the run in a folder where it was left, with the parameters it had.

    Raises:
        InvalidInput: for a folder without a run, or whose pipeline file is gone; else as `run` does.
    """
    record = read_json(Path(folder) / RECORD)
    if "pipeline" not in record:
        raise InvalidInput(f"{folder} is not the folder of a run: it has no readable {RECORD}.")
    file = record.get("pipeline_file")
    path = None if file is None else (Path(folder) / str(file)).resolve()
    if path is not None and not path.is_file():
        raise InvalidInput(f"The pipeline file {path} of the run in {folder} is gone; run its new place by path.")
    pipeline = str(record["pipeline"]) if path is None else path
    return run(pipeline, record.get("parameters", {}), folder, progress=progress, background=background)


def _in_background(execution: _Execution, lock: int, held_until: ExitStack) -> None:
    work = Work()
    execution.stopping = work.stopping

    def body() -> None:
        with held_until:
            try:
                execution.work(lock)
            except Stopped:
                pass
            except BaseException as error:  # handed to whoever waits for the run
                work.error = error

    work.thread = threading.Thread(target=body, name=f"run {execution.folder.name}", daemon=True)
    execution.run._work = work
    work.thread.start()


def prepare(folder: Path, pipeline: Pipeline) -> None:
    """Make the run folder, unless it is not ours to write to.

    Raises:
        InvalidInput: for a folder that holds other files, the run of another pipeline or of a newer workbench, or
            cannot be written.
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
    record = read_json(folder / RECORD)
    if isinstance(record.get("format"), int) and record["format"] > FORMAT:
        raise InvalidInput(
            f"The run in {folder} was made by a newer workbench (format {record['format']}; this one knows {FORMAT}). "
            "Update nas-workbench, or give another folder."
        )
    other = record.get("pipeline", pipeline.name)
    if other != pipeline.name:
        raise InvalidInput(f"The folder {folder} holds a run of {other}, not of {pipeline.name}. Give another folder.")


class _How(NamedTuple):
    """How a run goes about it: stages to run again, whether other runs' results are copied, stages at once.

    `secrets` are the environment variables that parameters name, with their values, which nothing may keep.
    """

    again: frozenset[str]
    share: bool
    workers: int
    secrets: dict[str, str]


class _Execution:
    """One pass over the stages of an expanded pipeline, in the folder whose lock the caller holds."""

    def __init__(self, pipeline: Pipeline, values: dict[str, Value], folder: Path, how: _How, tell: Watcher) -> None:
        self.pipeline, self.values, self.folder, self.how, self.tell = pipeline, values, folder, how, tell
        self.states = {stage.name: StageState(stage.name) for stage in pipeline.stages}
        self.run = Run(pipeline.name, dict(values), folder, tuple(self.states.values()))
        self.workers: dict[str, tuple[Worker, Fingerprint]] = {}
        self.looked_at: dict[str, tuple[Fingerprint, str]] = {}  # stage -> what it depends on, why it has to run
        self.stopping = threading.Event()
        self.began, self.started = time.monotonic(), _now()
        self.report_key = ""
        self.previous = read_json(folder / RECORD).get("report", {})
        self.others = Others(folder)
        self.guard = Guard(folder)
        self._told = 0.0

    def work(self, lock: int) -> Run:
        """Bring every stage to its end, then export the report."""
        try:
            self._record("running")
            tidy(self.folder, set(self.states))
            while self._start_what_is_ready(lock) or self.workers:
                if self.stopping.is_set():
                    raise Stopped(f"The run in {self.folder} was stopped. The same call goes on where it was.")
                self._listen()
            if self.run.ok:
                self._export()
            else:
                self._record("failed")
                self._export_failures()
        except OSError as error:
            self._stop()
            if isinstance(error, WorkbenchError):
                raise
            raise Unwritable(
                f"The run folder {self.folder} cannot be written: {error.strerror or error}"
                + (f" ({error.filename})" if error.filename else "")
                + ". What is finished is kept: make room or give the right to write, and the same call goes on."
            ) from None
        except BaseException:
            self._stop()
            raise
        (self.folder / PROGRESS).unlink(missing_ok=True)
        self._tell(None)
        if not self.run.ok:
            raise RunFailed(self.run)
        return self.run

    def _start_what_is_ready(self, lock: int) -> bool:
        """Settle every waiting stage that can be; return whether that may have freed others."""
        settled = False
        for stage in self.pipeline.stages:
            state = self.states[stage.name]
            if state.state != "waiting":
                continue
            if stage.left_out:
                self._change(state, "left out", why=f"{stage.left_out} does not hold")
                settled = True
            elif blocked := [need for need in stage.needs if self.states[need].state in ("failed", "skipped")]:
                self._change(state, "skipped", why=f"it needs {brief(blocked)}")
                settled = True
            elif all(self.states[need].state in _FINISHED for need in stage.needs):
                settled |= self._start(stage, state, lock)
        return settled

    def _start(self, stage: Stage, state: StageState, lock: int) -> bool:
        """Keep, copy or begin a stage; return whether it is settled."""
        place = self.folder / stage.name
        if stage.name not in self.looked_at:
            wanted = fingerprint(stage, self.values, self.folder)
            again = stage.name in self.how.again
            self.looked_at[stage.name] = (wanted, "asked to run again" if again else why_not_done(place, wanted))
        wanted, why = self.looked_at[stage.name]
        if not why:
            discard(self.folder / f"{stage.name}.partial")  # of a run that was ended
            self._keep(state, "")
            return True
        if len(self.workers) >= self.how.workers:
            return False
        if self.how.share and stage.name not in self.how.again:
            source = self.others.having(wanted)
            if source is not None and take(source, place, wanted):
                self._keep(state, f"copied from {source.as_posix()}")
                return True
        self._begin(stage, wanted, lock)
        self._change(state, "running", why=why)
        return False

    def _begin(self, stage: Stage, wanted: Fingerprint, lock: int) -> None:
        given = give(stage, self.folder) if "inputs" in stage.places else None
        worker = Worker(stage, dict(wanted.parameters), self.folder, lock, given, self.how.secrets)
        self.workers[stage.name] = (worker, wanted)

    def _keep(self, state: StageState, why: str) -> None:
        marker = read_json(self.folder / state.name / DONE)
        self.guard.watch(state.name)
        self._change(state, "kept", seconds=float(marker.get("seconds", 0.0)), record=marker, why=why)

    def _listen(self) -> None:
        time.sleep(0.05)
        for name, (worker, wanted) in list(self.workers.items()):
            status = worker.poll()
            state = self.states[name]
            state.cell, state.seconds = worker.cell, worker.seconds
            limit = worker.stage.timeout
            if status is None and limit is not None and worker.seconds > limit:
                place = f", in cell {worker.cell[0]} of {worker.cell[1]}" if worker.cell[1] else ""
                worker.stop()
                self._failed(worker, f"it took longer than its timeout of {limit:g} s{place}")
            elif status == 0:
                self._done(worker, wanted)
            elif status is not None:
                self._failed(worker, worker.error(status))
        self._tell(None)

    def _done(self, worker: Worker, wanted: Fingerprint) -> None:
        name = worker.stage.name
        if told := complaint(mask(worker.folder, self.how.secrets)):
            self._failed(worker, told, final=True)
            return
        if changed := self.guard.changed():
            self._failed(
                worker,
                f"{changed} was changed while it ran; a stage writes only into the folder that `output` names",
                final=True,
            )
            return
        facts = {"stage": name, "seconds": round(worker.seconds, 2), "finished": _now()}
        marker = publish(worker.folder, self.folder / name, wanted, facts)
        del self.workers[name]
        self.guard.watch(name)
        self._change(self.states[name], "done", record=marker)

    def _failed(self, worker: Worker, error: str, *, final: bool = False) -> None:
        """Note what a stage failed with, and try it once more where it has an attempt left."""
        stage, state = worker.stage, self.states[worker.stage.name]
        _, wanted = self.workers.pop(stage.name)
        mask(worker.folder, self.how.secrets)
        error = masked(error, self.how.secrets)
        if final or state.attempt > stage.retries:
            self._change(state, "failed", error=error)
            return
        self._begin(stage, wanted, worker.lock)
        state.attempt += 1
        self._change(state, "running", why=f"attempt {state.attempt} of {stage.retries + 1}, after {error}")

    def _change(self, state: StageState, to: str, **facts: Any) -> None:
        state.state = to
        for name, value in facts.items():
            setattr(state, name, value)
        self._record("running")
        self._tell(state)

    def _tell(self, changed: StageState | None) -> None:
        self.run.seconds = time.monotonic() - self.began
        if self.workers and time.monotonic() - self._told > 0.5:
            self._told = time.monotonic()
            running = (self.states[name] for name in self.workers)
            cells = {s.name: {"cell": s.cell[0], "of": s.cell[1], "seconds": round(s.seconds, 1)} for s in running}
            write_soon(self.folder / PROGRESS, {"pid": os.getpid(), "stages": cells})
        self.tell(self.run, changed)

    def _stop(self) -> None:
        for name, (worker, _) in self.workers.items():
            worker.stop()
            with suppress(OSError):
                mask(worker.folder, self.how.secrets)
            self.states[name].state = "stopped"
        self.workers.clear()
        with suppress(OSError):  # the disk that stopped the run may not take its last words either
            (self.folder / PROGRESS).unlink(missing_ok=True)
            self._record("interrupted")

    def _export(self) -> None:
        key = report_key(self.folder / self.pipeline.report / "notebook.ipynb")
        path = self.folder / REPORT
        fresh = self.previous.get("key") == key and not any(s.state == "done" for s in self.states.values())
        self.run.report, self.report_key = path, key
        self._record("done")  # the report quotes it
        if not (fresh and path.is_file()):
            from workbench.pipelines.report import report  # slow to load, and not needed for a kept run

            report(self.folder, path)

    def _export_failures(self) -> None:
        """Write a report that says what failed; where even that cannot be shown, the error that is raised says it."""
        from workbench.pipelines.report import report

        with suppress(WorkbenchError):
            self.run.report = report(self.folder, self.folder / REPORT)
            self._record("failed")

    def _record(self, state: str) -> None:
        self.run.seconds = time.monotonic() - self.began
        report = {"file": self.run.report.name, "key": self.report_key} if self.run.report else {}
        facts = {"state": state, "started": self.started, "updated": _now(), "report": report}
        write_json(
            self.folder / RECORD,
            {**facts, **_origin(self.pipeline, self.folder), **provenance(self.pipeline, self.run)},
        )


def _origin(pipeline: Pipeline, folder: Path) -> dict[str, str]:
    """Where the pipeline's file is, from the run folder, for taking up the run; nothing for a packaged one."""
    if pipeline.path.parent == room("notebooks").resolve() / "pipelines":
        return {}
    try:
        return {"pipeline_file": Path(os.path.relpath(pipeline.path, folder)).as_posix()}
    except ValueError:  # on another drive
        return {"pipeline_file": pipeline.path.as_posix()}


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
