"""How a result was made, as plain data: parameters, seeds, versions, machine, hashes and times."""

from __future__ import annotations

import os
import platform
from typing import Any

from workbench.pipelines.fingerprint import software
from workbench.pipelines.outcome import Run, StageState
from workbench.pipelines.pipeline import Pipeline


def provenance(pipeline: Pipeline, run: Run) -> dict[str, Any]:
    """Return the content of a run's record, ``run.json``."""
    return {
        "pipeline": pipeline.name,
        "title": pipeline.title,
        "report_stage": pipeline.report,
        "parameters": run.parameters,
        "help": {parameter.name: parameter.help for parameter in pipeline.schema},
        "seeds": {name: value for name, value in run.parameters.items() if _is_seed(name)},
        "software": software(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "seconds": round(run.seconds, 2),
        "stages": [_stage(state, pipeline) for state in run.stages],
    }


def _is_seed(name: str) -> bool:
    words = name.lower().split("_")
    return bool({"seed", "seeds"} & set(words)) and words[0] != "n"  # n_seeds says how many


def _stage(state: StageState, pipeline: Pipeline) -> dict[str, Any]:
    stage = next(stage for stage in pipeline.stages if stage.name == state.name)
    kept = ("key", "notebook", "parameters", "inputs", "files", "result", "finished", "software")
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
        **{name: state.record[name] for name in kept if name in state.record},
    }
