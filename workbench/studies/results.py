"""What a study found: its best architecture and its front, infeasible trials left out."""

from __future__ import annotations

import pandas as pd
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace
from workbench.studies.fronts import non_dominated


def best(study: Study, space: SearchSpace | None = None) -> Architecture:
    """The architecture of the best feasible trial of a study with one measure.

    `space` is needed only where the searched space is not in the catalogue. Raises `InvalidInput` for a study of
    several measures (see `front`) and for one in which no trial succeeded.
    """
    if len(study.directions) != 1:
        n = len(study.directions)
        raise InvalidInput(f"This study has {n} measures and so no single best: use wb.front(study).")
    trials = _feasible(study)
    sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
    top = max(trials, key=lambda trial: sign * trial.values[0])
    return (space or search_space(study.user_attrs["space"])).parse(top.user_attrs["architecture"])


def front(study: Study) -> pd.DataFrame:
    """The feasible trials that no other one beats in every measure, indexed by architecture string.

    Columns: one per measure, and `trial`, the trial's number. Rows are ordered by the first measure, best first.
    """
    frame = feasible(study)
    better = frame.attrs["better"]
    signs = [1 if way == "higher" else -1 for way in better.values()]
    kept = frame[non_dominated(frame[list(better)].to_numpy() * signs)]
    return kept.sort_values(next(iter(better)), ascending=signs[0] < 0)


def feasible(study: Study) -> pd.DataFrame:
    """Every feasible finished trial, indexed by architecture string, with the columns of `front`.

    `attrs["better"]` says of each measure whether "higher" or "lower" is wanted.
    """
    names = study.user_attrs.get("measures") or [f"value_{i}" for i in range(len(study.directions))]
    trials = _feasible(study)
    frame = pd.DataFrame(
        [dict(zip(names, t.values, strict=True)) | {"trial": t.number} for t in trials],
        index=pd.Index([t.user_attrs["architecture"] for t in trials], name="architecture"),
    )
    ways = ["higher" if direction == StudyDirection.MAXIMIZE else "lower" for direction in study.directions]
    frame.attrs = {"space": study.user_attrs.get("space"), "better": dict(zip(names, ways, strict=True))}
    return frame


def _feasible(study: Study) -> list[FrozenTrial]:
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    trials = [t for t in finished if "architecture" in t.user_attrs]
    if not trials:
        raise InvalidInput(f"The study {study.study_name!r} has no finished trial with an architecture yet.")
    feasible = [t for t in trials if all(violation <= 0 for violation in t.constraints.values())]
    if not feasible:
        closest = min(trials, key=lambda t: sum(max(v, 0.0) for v in t.constraints.values()))
        raise InvalidInput(
            f"None of the {len(trials)} trials meets the constraints. The closest is "
            f"{closest.user_attrs['architecture']}, over by {dict(closest.constraints)}. Loosen a bound or search on."
        )
    return feasible
