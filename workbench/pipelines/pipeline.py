"""A pipeline: which notebooks run as stages, in which order and with which parameters, read from a TOML file.

The format is described in ``notebooks/pipelines/README.md``.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput, nearest, refuse_unknown
from workbench.pipelines.condition import Condition, condition
from workbench.pipelines.files import named_file, notebook_file, pipeline_file, toml
from workbench.pipelines.kinds import ListOf, Refused, Value
from workbench.pipelines.parameters import Parameter, Schema, schema
from workbench.pipelines.plain import hidden, shown
from workbench.rooms import room

if TYPE_CHECKING:
    import pandas as pd

#: Parameters that the runner fills in when a notebook declares them: where the results it needs are, and where to
#: write. These values stand for them in the stage's key, which is the same wherever the run folder lies.
PLACES: dict[str, Value] = {"inputs": "..", "output": "."}
LONGEST_TIMEOUT = 30 * 86_400.0  # seconds
MOST_RETRIES = 10


@dataclass(frozen=True)
class Stage:
    """One notebook of a pipeline, or of one combination of its matrix once the pipeline is expanded.

    `needs` are stages whose results it reads, `files` other files that it reads, `fixed` its own parameters. `axes`
    says for each parameter of the matrix its values, or which parameter of the pipeline lists them; an expanded stage
    has none, but a `matrix` of values and the name of the stage in the file as `base`. `timeout` is in seconds, of
    one attempt.
    """

    name: str
    notebook: Path
    needs: tuple[str, ...]
    fixed: Mapping[str, Value]
    schema: Schema
    axes: Mapping[str, str | tuple[Value, ...]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    when: Condition | None = None
    timeout: float | None = None
    retries: int = 0
    base: str = ""
    matrix: Mapping[str, Value] = field(default_factory=dict)
    left_out: str = ""

    @property
    def open(self) -> list[Parameter]:
        """The parameters that the pipeline's user may set."""
        return [p for p in self.schema if p.name not in self.fixed and p.name not in PLACES and p.name not in self.axes]

    @property
    def lists(self) -> dict[str, str]:
        """Parameter of the pipeline that lists values -> parameter of the notebook that takes one of them."""
        return {source: name for name, source in self.axes.items() if isinstance(source, str)}

    def values(self, chosen: Mapping[str, Value]) -> dict[str, Value]:
        """Return what the notebook receives when the pipeline's parameters have the `chosen` values."""
        mine = {name: value for name, value in chosen.items() if name in self.schema and name not in PLACES}
        return {**self.schema.check({**mine, **self.fixed, **self.matrix, **self.places})}

    @property
    def places(self) -> dict[str, Value]:
        """The folders that the runner fills in, of those that are declared."""
        return {name: value for name, value in PLACES.items() if name in self.schema}


@dataclass(frozen=True)
class Pipeline:
    """Stages in an order in which they can run, and the parameters they accept together."""

    name: str
    title: str
    stages: tuple[Stage, ...]
    report: str
    schema: Schema
    smallest: Mapping[str, Value]
    path: Path

    def values(self, parameters: Mapping[str, object], smallest: bool = False) -> dict[str, Value]:
        """Return the value of every parameter; given ones first, then the smallest, then the defaults.

        Raises:
            InvalidInput: as `Schema.check` does.
        """
        return self.schema.check({**(self.smallest if smallest else {}), **self.schema.check_given(parameters)})

    def users(self, name: str) -> list[str]:
        """Return the stages that use a parameter."""
        return [s.name for s in self.stages if name in s.lists or any(p.name == name for p in s.open)]


def pipelines() -> pd.DataFrame:
    """Return the packaged pipelines by name, with their title, stages and parameters."""
    return packaged().table(
        lambda one: {
            "title": one.title,
            "stages": ", ".join(stage.name for stage in one.stages),
            "parameters": ", ".join(parameter.name for parameter in one.schema),
        }
    )


def packaged() -> Catalogue[Pipeline]:
    """Return the pipelines that come with the workbench, and those that other packages enter."""
    found: Catalogue[Pipeline] = Catalogue("pipeline")
    for path in sorted((room("notebooks") / "pipelines").glob("*.toml")):
        found.enter(path.stem, read(path))
    return found


def pipeline(name: str | Path | Pipeline) -> Pipeline:
    """Return a pipeline by its name, or by the path of its ``.toml`` file.

    Raises:
        UnknownName: for a name that is not in the catalogue; the nearest names are shown.
        InvalidInput: for a file that is no sound pipeline.
    """
    if isinstance(name, Pipeline):
        return name
    path = pipeline_file(name)
    return packaged().find(str(name)) if path is None else read(path)


def read(path: Path) -> Pipeline:
    """Read a pipeline file and its notebooks' parameters, and check that they fit together.

    Raises:
        InvalidInput: naming the file and what is wrong with it: not TOML, unknown keys, a stage that needs an
            unknown stage or itself, a missing notebook, parameters that do not exist or disagree.
    """
    table = toml(path)
    where = path.name
    refuse_unknown(table, ["title", "report", "parameters", "smallest", "stages"], where)
    entries = _tables(table, "stages", where)
    if not entries:
        raise InvalidInput(f"{where} has no stages: write a table [stages.<name>] with a notebook for each.")
    stages = {name: _stage(name, entry, path) for name, entry in entries.items() if _is_stage_name(name, where)}
    merged = _merged(stages, _tables(table, "parameters", where), where)
    stages = {name: _under_condition(stage, entries[name], merged, where) for name, stage in stages.items()}
    report = table.get("report", list(stages)[-1])
    if not isinstance(report, str) or report not in stages:
        raise InvalidInput(f"{where}: the report is made from an unknown stage. {nearest(report, stages)}")
    return Pipeline(
        name=path.stem,
        title=str(table.get("title", path.stem)),
        stages=tuple(stages[name] for name in _order(stages, where)),
        report=report,
        schema=merged,
        smallest=_within(merged, f"{where} [smallest]").check_given(_tables(table, "smallest", where)),
        path=path.resolve(),
    )


def _tables(table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: {key} has to be a table, [{key}].")
    return value


def _is_stage_name(name: str, where: str) -> bool:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", name):
        raise InvalidInput(
            f"{where}: {name!r} cannot name a stage: small letters, digits and underscores, a letter first, "
            "and no device of Windows."
        )
    return True


def _stage(name: str, entry: Any, path: Path) -> Stage:
    where = f"{path.name}, stage {name}"
    if not isinstance(entry, dict):
        raise InvalidInput(f"{where}: write it as a table [stages.{name}].")
    keys = ["notebook", "needs", "parameters", "matrix", "inputs", "when", "timeout", "retries"]
    refuse_unknown(entry, keys, where)
    needs = entry.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
        raise InvalidInput(f"{where}: needs is a list of stage names.")
    notebook = notebook_file(path.parent, entry.get("notebook"), where)
    declared = _within(schema(notebook), f"{where} ({notebook.name})")
    fixed = declared.check_given(_tables(entry, "parameters", where))
    if taken := set(fixed) & set(PLACES):
        raise InvalidInput(f"{where}: {min(taken)} is filled in by the runner and cannot be set.")
    axes = _axes(_tables(entry, "matrix", where), declared, fixed, where)
    return Stage(
        name,
        notebook,
        tuple(dict.fromkeys(needs)),
        fixed,
        declared,
        axes,
        _files(entry.get("inputs", []), path, where),
        timeout=_number(entry, "timeout", LONGEST_TIMEOUT, "seconds", where),
        retries=int(_number(entry, "retries", MOST_RETRIES, "further attempts", where) or 0),
    )


def _axes(
    table: Mapping[str, Any], declared: Schema, fixed: Mapping[str, Value], where: str
) -> dict[str, str | tuple[Value, ...]]:
    """The matrix of a stage: parameter of its notebook -> values, or the parameter of the pipeline that lists them."""
    refuse_unknown(table, list(declared.parameters), f"{where}, matrix")
    found: dict[str, str | tuple[Value, ...]] = {}
    for name, source in table.items():
        if name in PLACES or name in fixed:
            raise InvalidInput(f"{where}: {name} is set already and cannot be in the matrix.")
        if isinstance(source, str):
            if not source.isidentifier():
                said = hidden(source) if declared.parameters[name].kind.secret() else shown(source)
                raise InvalidInput(f"{where}, matrix: {said} cannot name a parameter that lists values of {name}.")
            found[name] = source
            continue
        try:
            values = ListOf(declared.parameters[name].kind).check(source)
        except Refused as error:
            raise InvalidInput(
                f"{where}, matrix: {name} takes a list of values, or the name of a parameter that lists them: {error}."
            ) from None
        assert isinstance(values, list)
        found[name] = tuple(values)
    return found


def _files(listed: object, path: Path, where: str) -> tuple[Path, ...]:
    """The files, beside those of other stages, that a stage reads."""
    if not isinstance(listed, list) or not all(isinstance(file, str) for file in listed):
        raise InvalidInput(f"{where}: inputs is a list of files, relative to the pipeline file.")
    files = tuple(named_file(path.parent, file, "input file", where) for file in listed)
    names = [file.name for file in files]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidInput(f"{where}: two input files are called {twice[0]}; they would lie in one folder. Rename one.")
    return files


def _number(entry: Mapping[str, Any], key: str, most: float, unit: str, where: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    whole = key == "retries"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 <= value <= most:
        raise InvalidInput(f"{where}: {key} is a number of {unit} from 0 to {most:g}; got {shown(value)}.")
    if value == 0 and not whole:
        raise InvalidInput(f"{where}: a stage cannot end within {key} = 0 {unit}.")
    return float(value)


def _under_condition(stage: Stage, entry: Mapping[str, Any], merged: Schema, where: str) -> Stage:
    if "when" not in entry:
        return stage
    known = [*merged.parameters, *stage.axes]
    return replace(stage, when=condition(entry["when"], known, f"{where}, stage {stage.name}"))


def _merged(stages: Mapping[str, Stage], defaults: Mapping[str, Any], where: str) -> Schema:
    """Return one schema for all stages; the pipeline's own defaults replace those of the notebooks."""
    found: dict[str, tuple[Parameter, str]] = {}
    for stage in stages.values():
        for mine in (*_listing(stage), *stage.open):
            other, owner = found.setdefault(mine.name, (mine, stage.name))
            same_default = (mine.default, mine.required) == (other.default, other.required)
            if mine.kind != other.kind or not (same_default or mine.name in defaults):
                raise InvalidInput(
                    f"{where}: the stages {owner} and {stage.name} declare {mine.name} differently "
                    f"({other.kind}, default {other.default!r}; {mine.kind}, default {mine.default!r}). "
                    "Make them equal, or set the default in [parameters]."
                )
    of_notebooks = _within(Schema({name: parameter for name, (parameter, _) in found.items()}), f"{where} [parameters]")
    own = of_notebooks.check_given(defaults)
    return Schema(
        {p.name: replace(p, default=own[p.name], required=False) if p.name in own else p for p in of_notebooks},
        of=f"the pipeline {where.removesuffix('.toml')}",
    )


def _listing(stage: Stage) -> list[Parameter]:
    """The parameters of the pipeline that list the values of a stage's matrix."""
    one = stage.schema.parameters
    return [
        Parameter(source, ListOf(one[name].kind), required=True, help=f"{name}, a stage for each: {one[name].help}")
        for source, name in stage.lists.items()
    ]


def _within(declared: Schema, where: str) -> Schema:
    return Schema(declared.parameters, of=where)


def _order(stages: Mapping[str, Stage], where: str) -> list[str]:
    for stage in stages.values():
        for need in stage.needs:
            if need not in stages:
                raise InvalidInput(f"{where}, stage {stage.name}: it needs {need!r}, no stage. {nearest(need, stages)}")
    try:
        return list(graphlib.TopologicalSorter({s.name: s.needs for s in stages.values()}).static_order())
    except graphlib.CycleError as error:
        raise InvalidInput(f"{where}: the stages need each other in a circle: {' -> '.join(error.args[1])}.") from None
