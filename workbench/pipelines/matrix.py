"""Expanding a pipeline: each stage with a matrix becomes one stage for every combination of its values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from workbench.errors import InvalidInput
from workbench.pipelines.kinds import Value
from workbench.pipelines.pipeline import Pipeline, Stage

LONGEST_NAME = 80
MOST_STAGES = 5_000


def expanded(pipeline: Pipeline, values: Mapping[str, Value]) -> Pipeline:
    """Return the pipeline as it runs with these values: stages without a matrix, those left out marked as such.

    A stage needs those of another stage's combinations that agree with its own in every value both vary.

    Raises:
        InvalidInput: for a list that is empty or names a value twice, too many stages, a report made of several, a
            stage that needs combinations which nothing runs.
    """
    stages: dict[str, list[Stage]] = {}
    for stage in pipeline.stages:
        points = list(_points(stage, values, pipeline))
        total = sum(map(len, stages.values())) + len(points)
        if total > MOST_STAGES:
            raise InvalidInput(f"{pipeline.name}: {total:,} stages; at most {MOST_STAGES:,} run. Shorten its lists.")
        stages[stage.name] = [
            replace(
                stage,
                name=name,
                base=stage.name,
                axes={},
                matrix=point,
                needs=tuple(_needed(stage, point, stages, pipeline)),
                left_out="" if stage.when is None or stage.when({**values, **point}) else stage.when.text,
            )
            for name, point in zip(_names(stage.name, points), points, strict=True)
        ]
    found = tuple(one for ones in stages.values() for one in ones)
    of_report = stages[pipeline.report]
    if len(of_report) > 1:
        raise InvalidInput(f"{pipeline.name}: the report is made from one stage; {pipeline.report} has a matrix.")
    if of_report[0].left_out:
        raise InvalidInput(
            f"{pipeline.name}: the report is made from {pipeline.report}, which is left out: "
            f"{of_report[0].left_out} does not hold."
        )
    return replace(pipeline, stages=found, report=of_report[0].name)


def _points(stage: Stage, values: Mapping[str, Value], pipeline: Pipeline) -> Iterator[dict[str, Value]]:
    """The combinations of a stage's matrix, one of nothing where it has none."""
    lists: list[Sequence[Value]] = []
    for name, source in stage.axes.items():
        listed = values[source] if isinstance(source, str) else list(source)
        assert isinstance(listed, list)
        said = source if isinstance(source, str) else f"the matrix of {stage.name}, {name}"
        if not listed:
            raise InvalidInput(f"{pipeline.name}: {said} is empty, so that {stage.name} would not run. Name one value.")
        texts = [json.dumps(value) for value in listed]
        if twice := [text for text in texts if texts.count(text) > 1]:
            raise InvalidInput(f"{pipeline.name}: {said} names {twice[0]} twice.")
        lists.append(listed)
    for values_of_point in product(*lists):
        yield dict(zip(stage.axes, values_of_point, strict=True))


def _needed(
    stage: Stage, point: Mapping[str, Value], stages: Mapping[str, Sequence[Stage]], pipeline: Pipeline
) -> Iterator[str]:
    for need in stage.needs:
        agreeing = [
            other.name
            for other in stages[need]
            if all(other.matrix[name] == point[name] for name in other.matrix if name in point)
        ]
        if not agreeing:
            said = ", ".join(f"{name} = {value}" for name, value in point.items())
            raise InvalidInput(f"{pipeline.name}: {stage.name} needs {need} for {said}, which {need} does not run.")
        yield from agreeing


def _names(base: str, points: Sequence[Mapping[str, Value]]) -> list[str]:
    """A name for each combination, fit for a folder: the stage's, then its values; a hash where that is not enough."""
    plain = ["-".join([base, *(_slug(value) for value in point.values())]) for point in points]
    folded = [name.lower() for name in plain]  # two names must differ on file systems that ignore case
    return [
        name
        if len(name) <= LONGEST_NAME and folded.count(name.lower()) == 1
        else f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(json.dumps(list(point.values())).encode()).hexdigest()[:8]}"
        for name, point in zip(plain, points, strict=True)
    ]


def _slug(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^A-Za-z0-9_.+]+", "_", text).strip("._") or "none"
