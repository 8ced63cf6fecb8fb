"""Where the trials of a search come from: their descent as a graph, and the line of ancestors of one of them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import networkx as nx
import pandas as pd
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, WorkbenchError
from workbench.progress import say
from workbench.samplers.scalarisation import objective_names
from workbench.studies.driver import INTERRUPTED
from workbench.studies.results import choose
from workbench.studies.steering import space_of

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

NO_DESCENT = (
    "The sampler of this study does not say what its trials were made from: each of them stands for itself. "
    "Evolution, local search and other strategies of wb.samplers() say it."
)


def lineage(study: Study) -> nx.DiGraph:
    """The family tree of a study's trials, from parents to children.

    Nodes are trial numbers, in their order, with `architecture` (its string, or None), `value` (the first objective,
    None without one), `values` (all of them, by name), `operator` ("" where it is not known), `state` ("complete",
    "infeasible", "failed", "pruned", "unmeasured", "running" or "waiting") and `reason` ("" or why it failed). Edges
    have `operator` and `rank`: 1 from the first parent, 2 from the second one. The graph's own attributes are `study`,
    `better` (objective -> "higher" or "lower") and `note`, a sentence where the study knows of no descent at all: then
    every trial is a root. Works on any Optuna study.
    """
    trials = study.get_trials(deepcopy=False)
    names = objective_names(study)
    ways = ["higher" if direction == StudyDirection.MAXIMIZE else "lower" for direction in study.directions]
    graph = nx.DiGraph(study=study.study_name, better=dict(zip(names, ways, strict=True)), note="")
    for trial in trials:
        graph.add_node(trial.number, **_facts(trial, names))
    for trial in trials:
        operator = str(trial.user_attrs.get("operator", ""))
        for rank, parent in parents_of(trial):
            if parent in graph and not graph.has_edge(parent, trial.number):
                graph.add_edge(parent, trial.number, operator=operator, rank=rank)
    if trials and not graph.edges:
        graph.graph["note"] = NO_DESCENT
        say(NO_DESCENT)
    return graph


def ancestry(
    study: Study, of: int | Architecture | str | None = None, *, space: SearchSpace | None = None
) -> pd.DataFrame:
    """The line of first parents from a root to a trial, and what every step changed.

    `of` is a trial's number, or an architecture or its string, for which the first trial stands that measured it or
    what computes the same; None is the best trial, or of several objectives what `wb.choose` chooses.

    Returns one row a trial, indexed by its number, the oldest first: `architecture`; `operator`; `other_parent`, the
    second parent where there is one; `changed`, question -> (old answer, new answer), empty for the root; and for each
    objective its value and, as "... change", the difference to the parent's, NaN where either has none.

    Raises `InvalidInput` for a trial or an architecture that the study does not have, and for a study without trials.
    """
    trials = study.get_trials(deepcopy=False)
    with suppress(InvalidInput):  # without a space, what the trials' parameters say is what changed
        space = space_of(study, space)
    names = objective_names(study)
    line = line_of(trials, _number(study, trials, of, space))
    rows: list[dict[Hashable, Any]] = []
    before: FrozenTrial | None = None
    for trial in (trials[number] for number in line):
        values = _values(trial, names)
        row: dict[Hashable, Any] = {
            "architecture": trial.user_attrs.get("architecture"),
            "operator": str(trial.user_attrs.get("operator", "")),
            "other_parent": next((parent for rank, parent in parents_of(trial) if rank > 1), None),
            "changed": {} if before is None else changes(_answers(before, space), _answers(trial, space)),
        }
        last = {} if before is None else _values(before, names)
        for name in names:
            row[name] = values.get(name, math.nan)
            row[f"{name} change"] = row[name] - last.get(name, math.nan)
        rows.append(row)
        before = trial
    frame = pd.DataFrame(rows, index=pd.Index(line, name="trial"))
    return frame.astype({"other_parent": "Int64"})


def parents_of(trial: FrozenTrial) -> list[tuple[int, int]]:
    """The parents that a trial names, as (rank, trial number): 1 the first, 2 the second; only earlier trials."""
    named = ((1, trial.user_attrs.get("parent")), (2, trial.user_attrs.get("other_parent")))
    return [
        (rank, number)
        for rank, number in named
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < trial.number
    ]


def line_of(trials: Sequence[FrozenTrial], number: int) -> list[int]:
    """A trial and its first parents, the oldest first."""
    line: list[int] = []
    parent: int | None = number
    while parent is not None:  # which ends: a parent is earlier than its child
        line.append(parent)
        parent = next((one for rank, one in parents_of(trials[parent]) if rank == 1), None)
    return line[::-1]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Question -> (old answer, new answer) where they differ; None where one is not asked."""
    both = {**before, **after}
    pairs = {name: (before.get(name), after.get(name)) for name in both}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new or type(old) is not type(new)}


def _facts(trial: FrozenTrial, names: Sequence[str]) -> dict[str, Any]:
    attrs = trial.user_attrs
    values = _values(trial, names)
    return {
        "architecture": attrs.get("architecture"),
        "value": values.get(names[0]),
        "values": values,
        "operator": str(attrs.get("operator", "")),
        "state": _state(trial),
        "reason": str(attrs.get("reason", "")),
    }


def _state(trial: FrozenTrial) -> str:
    if INTERRUPTED in trial.user_attrs:
        return "unmeasured"
    if trial.state == TrialState.COMPLETE:
        return "infeasible" if any(violation > 0 for violation in trial.constraints.values()) else "complete"
    return "failed" if trial.state == TrialState.FAIL else trial.state.name.lower()


def _values(trial: FrozenTrial, names: Sequence[str]) -> dict[str, float]:
    return dict(zip(names, trial.values, strict=True)) if trial.values else {}


def _answers(trial: FrozenTrial, space: SearchSpace | None) -> Mapping[str, Any]:
    text = trial.user_attrs.get("architecture")
    with suppress(WorkbenchError):
        if space is not None and isinstance(text, str):
            return space.parse(text).decisions
    return trial.params


def _number(
    study: Study, trials: Sequence[FrozenTrial], of: int | Architecture | str | None, space: SearchSpace | None
) -> int:
    """The number of the trial that is meant."""
    if not trials:
        raise InvalidInput(f"The study {study.study_name!r} has no trial yet.")
    if of is None:
        return _best(study, trials, space)
    if isinstance(of, Architecture | str):
        return _measured(study, trials, str(of), space)
    if not isinstance(of, int) or isinstance(of, bool) or not 0 <= of < len(trials):
        raise InvalidInput(
            f"A trial of this study is a number from 0 to {len(trials) - 1}, or an architecture; got {of!r}."
        )
    return of


def _best(study: Study, trials: Sequence[FrozenTrial], space: SearchSpace | None) -> int:
    if len(study.directions) > 1 and space is not None:
        return _measured(study, trials, str(choose(study, space=space)), space)
    sign = 1.0 if study.directions[0] == StudyDirection.MAXIMIZE else -1.0
    complete = [trial for trial in trials if _state(trial) == "complete"]
    if not complete:
        raise InvalidInput(
            f"The study {study.study_name!r} has no feasible trial with a value: name the trial that is meant."
        )
    return max(complete, key=lambda trial: sign * trial.values[0]).number


def _measured(study: Study, trials: Sequence[FrozenTrial], text: str, space: SearchSpace | None) -> int:
    """The first trial with that architecture, one that has a value before one that has none; else its first twin."""
    same = [trial for trial in trials if trial.user_attrs.get("architecture") == text]
    with suppress(WorkbenchError):
        if not same and space is not None:
            key = space.canonical(space.parse(text), "functional")
            named = [trial for trial in trials if isinstance(trial.user_attrs.get("architecture"), str)]
            same = [t for t in named if space.canonical(space.parse(t.user_attrs["architecture"]), "functional") == key]
    if not same:
        raise InvalidInput(f"None of the {len(trials)} trials of {study.study_name!r} is {text}, or computes the same.")
    return next((trial.number for trial in same if trial.values), same[0].number)
