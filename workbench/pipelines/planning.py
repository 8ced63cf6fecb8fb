"""What a run would do, and why: the folder of a run, what each result depends on, and whether it is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from workbench.errors import UnknownName
from workbench.pipelines.fingerprint import Fingerprint, notebook_hash, sha256_of_file, sha256_of_json, software
from workbench.pipelines.kinds import Value
from workbench.pipelines.matrix import expanded
from workbench.pipelines.pipeline import Pipeline, Stage
from workbench.pipelines.pipeline import pipeline as find
from workbench.pipelines.records import DONE, NO_RESULT, read_json, why_not_done
from workbench.pipelines.sharing import Others
from workbench.rooms import runs_folder


class Step(NamedTuple):
    """What a run would do with one stage: nothing when `why` is empty; `source` is another run's equal result."""

    stage: str
    why: str
    source: Path | None = None
    left_out: str = ""

    def __str__(self) -> str:
        if self.left_out:
            return f"{self.stage}: left out, because {self.left_out} does not hold"
        if self.source is not None:
            return f"{self.stage}: would be copied from {self.source.as_posix()}"
        return f"{self.stage}: " + (f"would run, because {self.why}" if self.why else "would be kept")


def plan(
    pipeline: str | Path | Pipeline,
    parameters: Mapping[str, object] | None = None,
    folder: str | Path | None = None,
    *,
    smallest: bool = False,
    force: bool = False,
    from_stage: str | None = None,
    share: bool = True,
) -> tuple[Path, list[Step]]:
    """Return the folder a run would use and, for each stage, why it would run; nothing is written."""
    found = find(pipeline)
    values = found.values(parameters or {}, smallest)
    place = Path(folder) if folder is not None else default_folder(found, values)
    runs = expanded(found, values)
    again = asked_again(runs, force, from_stage)
    others = Others(place)
    steps: dict[str, Step] = {}
    for stage in runs.stages:
        if stage.left_out:
            steps[stage.name] = Step(stage.name, "", left_out=stage.left_out)
            continue
        unknown = [need for need in stage.needs if steps[need].why]
        source = None
        if stage.name in again:
            why = "asked to run again"
        elif unknown:
            why = f"{brief(unknown)} run{'s' * (len(unknown) == 1)} first"
            why = why if (place / stage.name).is_dir() else NO_RESULT
        else:
            wanted = fingerprint(stage, values, place, {n: s.source for n, s in steps.items() if s.source})
            why = why_not_done(place / stage.name, wanted)
            source = others.having(wanted) if why and share else None
        steps[stage.name] = Step(stage.name, "" if source else why, source)
    return place, list(steps.values())


def default_folder(pipeline: Pipeline, values: Mapping[str, Value]) -> Path:
    """Return the folder that belongs to these parameter values, under ``runs`` in the current folder."""
    return runs_folder() / f"{pipeline.name}-{sha256_of_json(dict(values))[:8]}"


def fingerprint(
    stage: Stage, values: Mapping[str, Value], folder: Path, elsewhere: Mapping[str, Path] | None = None
) -> Fingerprint:
    """Return what the stage's result depends on, given the results of the stages it needs.

    These are in the run `folder`, except those that are still `elsewhere`.
    """
    places = {need: (elsewhere or {}).get(need, folder / need) for need in stage.needs}
    results = {need: str(read_json(place / DONE).get("result", "")) for need, place in places.items()}
    return Fingerprint(
        notebook=notebook_hash(stage.notebook),
        parameters=stage.values(values),
        inputs={**results, **{file.name: sha256_of_file(file) for file in stage.files}},
        software=software(),
    )


def asked_again(pipeline: Pipeline, force: bool, from_stage: str | None) -> Collection[str]:
    """Return the stages to run again whatever their results: all, or one by name with all that follow from it.

    Raises:
        UnknownName: for a stage that the pipeline does not have.
    """
    if force:
        return [stage.name for stage in pipeline.stages]
    if from_stage is None:
        return []
    again = {stage.name for stage in pipeline.stages if from_stage in (stage.name, stage.base)}
    if not again:
        known = {name for stage in pipeline.stages for name in (stage.name, stage.base)}
        raise UnknownName.of(f"stage of {pipeline.name}", from_stage, known)
    for stage in pipeline.stages:
        if again & set(stage.needs):
            again.add(stage.name)
    return again


def brief(names: list[str]) -> str:
    """Name a few, and say how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
