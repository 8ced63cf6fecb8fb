"""How a result was made, as plain data: parameters, seeds, versions, machine, hashes and times."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench import __version__
from workbench.pipelines.fingerprint import software
from workbench.pipelines.outcome import Run, StageState
from workbench.pipelines.pipeline import Pipeline, Stage
from workbench.pipelines.surroundings import look_again, surroundings

#: Counts the changes of a record that an older workbench would read wrongly; `recorded` refuses newer ones.
FORMAT = 1
#: What a stage's done-marker says of it that the record repeats.
_OF_THE_MARKER = ("key", "notebook", "parameters", "inputs", "files", "result", "finished", "software")


def provenance(pipeline: Pipeline, run: Run) -> dict[str, Any]:
    """Return the content of a run's record, ``run.json``."""
    states = {state.state for state in run.stages}
    if states <= {"waiting"}:
        look_again()  # the run begins
    stages = {stage.name: stage for stage in pipeline.stages}
    return {
        "format": FORMAT,
        "workbench": __version__,
        "pipeline": pipeline.name,
        "title": pipeline.title,
        "report_stage": pipeline.report,
        "parameters": run.parameters,
        "help": {parameter.name: parameter.help for parameter in pipeline.schema},
        "seeds": {name: value for name, value in run.parameters.items() if _is_seed(name)},
        "software": software(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        **surroundings(),
        "seconds": round(run.seconds, 2),
        **({} if states & {"waiting", "running"} and "stopped" not in states else {"ended": _now()}),
        "stages": [_stage(state, stages[state.name]) for state in run.stages],
    }


def _is_seed(name: str) -> bool:
    words = name.lower().split("_")
    return bool({"seed", "seeds"} & set(words)) and words[0] != "n"  # n_seeds says how many


def _stage(state: StageState, stage: Stage) -> dict[str, Any]:
    marker = {name: state.record[name] for name in _OF_THE_MARKER if name in state.record}
    return {
        "name": state.name,
        "base": stage.base,
        "matrix": dict(stage.matrix),
        "attempt": state.attempt,
        "file": stage.notebook.name,
        "needs": list(stage.needs),
        "state": state.state,
        "seconds": round(state.seconds, 2),
        "why": state.why,
        "error": state.error,
        **({"started": _before(marker["finished"], state.seconds)} if "finished" in marker else {}),
        **marker,
    }


def _before(finished: str, seconds: float) -> str:
    """When a stage began that took `seconds`; nothing where the marker does not say when it ended."""
    try:
        return (datetime.fromisoformat(finished) - timedelta(seconds=seconds)).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError):
        return ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
