"""A pipeline that has not run yet, as a view shows it: what would run, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import InvalidInput
from workbench.pipelines.execution import RECORD
from workbench.pipelines.kinds import Value
from workbench.pipelines.matrix import expanded
from workbench.pipelines.pipeline import PLACES, Pipeline
from workbench.pipelines.planning import Step, plan
from workbench.pipelines.records import read_json
from workbench.pipelines.worker import from_here
from workbench.widgets.stages.facts import Facts, listed, number, shown


def facts_of_plan(
    pipeline: Pipeline, parameters: Mapping[str, object], folder: str | Path | None, **how: Any
) -> tuple[Path | None, Facts, dict[str, list[list[str]]]]:
    """The folder a run would use, what it would do, and each stage's parameters.

    Values that are missing or refused are said in the head, with no folder; the stages are then those of the file.
    """
    try:
        values = pipeline.values(parameters, how.get("smallest", False))
        stages = expanded(pipeline, values).stages
        place, steps = plan(pipeline, parameters, folder, **how)
    except InvalidInput as error:
        head = _head(pipeline, {}, "") | {"words": "not planned", "message": str(error)}
        return None, Facts(head, [_stage(one, Step(one.name, ""), 0.0) for one in pipeline.stages]), {}
    record = read_json(place / RECORD).get("stages")
    entries = [one for one in record if isinstance(one, dict)] if isinstance(record, list) else []
    before = {one.get("name"): number(one.get("seconds")) for one in entries}
    would = sum(1 for step in steps if step.why)
    head = _head(pipeline, values, from_here(place))
    head["words"] = f"{would} of {len(steps)} stages would run" if would else "nothing would run: every result is there"
    found = [_stage(one, step, before.get(one.name, 0.0)) for one, step in zip(stages, steps, strict=True)]
    given = {
        stage.name: listed({k: v for k, v in stage.values(values).items() if k not in PLACES})
        for stage in stages
        if not stage.left_out
    }
    return place, Facts(head, found), given


def _head(pipeline: Pipeline, values: Mapping[str, Value], folder: str) -> dict[str, Any]:
    return {
        "pipeline": pipeline.name,
        "title": pipeline.title,
        "state": "planned",
        "started": "",
        "seconds": 0.0,
        "parameters": listed(values),
        "folder": folder,
        "report": "",
    }


def _stage(stage: Any, step: Step, seconds: float) -> dict[str, Any]:
    state = "left out" if step.left_out else "waiting" if step.why else "kept"
    why = step.why
    if step.left_out:
        why = f"{step.left_out} does not hold"
    elif step.source is not None:
        why = f"copied from {from_here(step.source)}"
    return {
        "name": stage.name,
        "base": stage.base or stage.name,
        "matrix": {name: shown(value) for name, value in stage.matrix.items()},
        "needs": list(stage.needs),
        "state": state,
        "seconds": seconds if state == "kept" else 0.0,
        "why": why,
        "error": "",
        "file": stage.notebook.name,
        "attempt": 1,
    }
