"""What a study found: its best architecture and its front, infeasible trials left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.samplers.scalarisation import chebyshev, losses, objective_names
from workbench.spaces import search_space
from workbench.spaces.space import SearchSpace
from workbench.studies.fronts import knee, non_dominated
from workbench.studies.steering import Steering, checked_weights

METHODS = ("knee", "chebyshev")


def best(study: Study, space: SearchSpace | None = None) -> Architecture:
    """The architecture of the best feasible trial of a study with one measure.

    `space` is needed only where the searched space is not in the catalogue. Raises `InvalidInput` for a study of
    several measures (see `front`) and for one in which no trial succeeded.
    """
    if len(study.directions) != 1:
        n = len(study.directions)
        raise InvalidInput(
            f"This study has {n} measures and so no single best: use wb.front(study), "
            "or wb.choose(study) for one architecture of it."
        )
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


def choose(
    study: Study,
    weights: Mapping[str, float] | None = None,
    method: str | None = None,
    *,
    space: SearchSpace | None = None,
) -> Architecture:
    """One architecture of the front of a study: where it bends most, or what weights ask for.

    - `method="knee"`, the default without weights: the point of the front farthest from the plane through its
      extremes (Das, Structural Optimization 1999); of a front that bends nowhere, what equal weights choose.
    - `method="chebyshev"`, the default with `weights` or where `wb.steer(study, weights=...)` has set some: the point
      nearest the ideal one by the weighted Chebyshev distance, each objective from 0, its best on the front, to 1,
      its worst there (Steuer and Choo, Mathematical Programming 1983). `weights` is objective -> weight; what is not
      named counts 1.

    `space` is needed only where the searched space is not in the catalogue. Raises `UnknownName` for a method or an
    objective that is not there, and `InvalidInput` for weights that are no numbers of 0 or more or that come with
    another method, and where no feasible trial has finished.
    """
    if method is not None and method not in METHODS:
        raise UnknownName.of("method to choose", method, METHODS)
    if weights is not None and method == "knee":
        raise InvalidInput("The knee of a front takes no weights: leave weights= out, or ask for method='chebyshev'.")
    names = objective_names(study)
    shown = front(study)
    signs = [1 if way == "higher" else -1 for way in shown.attrs["better"].values()]
    loss = losses(shown[names].to_numpy(float), signs)
    asked = Steering.of(study).weights if weights is None else checked_weights(names, weights)
    by_knee = method == "knee" or (method is None and weights is None and not asked)
    row = knee(loss) if by_knee else None
    if row is None:
        row = int(np.argmin(chebyshev(loss, [1.0 if by_knee else asked.get(name, 1.0) for name in names])))
    return (space or search_space(study.user_attrs["space"])).parse(shown.index[row])


def feasible(study: Study) -> pd.DataFrame:
    """Every feasible finished trial, indexed by architecture string, with the columns of `front`.

    `attrs["better"]` says of each measure whether "higher" or "lower" is wanted.
    """
    names = objective_names(study)
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
