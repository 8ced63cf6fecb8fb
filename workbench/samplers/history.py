"""The history of a study as a strategy sees it: what was tried, how good it was, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from workbench.samplers.scalarisation import scalarised, weights_of

Floats = NDArray[np.float64]
SOFT = "penalty"  # user attribute "handling" of a study whose values say already what breaks a constraint


@dataclass(frozen=True, slots=True)
class Told:
    """One finished trial: higher is better in `value` and `values`.

    `value` is the first objective, or what the weights of a study make of several; a trial that breaks a constraint has
    one below those of all that keep them (Deb, 2000). `violation` is by how much, 0 where nothing is broken.
    """

    params: Mapping[str, Any]
    value: float
    number: int = -1  # the trial's
    values: tuple[float, ...] = ()
    violation: float = 0.0
    parent: int | None = None
    operator: str = ""


class History(Sequence[Told]):
    """The finished trials, ordered by number."""

    def __init__(self, trials: Sequence[FrozenTrial], objectives: Floats, violations: Floats, weights: Any = None):
        self._trials = trials
        self._violations = violations
        self._weights = weights
        self.objectives = objectives  # (n, k), higher is better

    @classmethod
    def of(cls, told: Sequence[Told]) -> History:
        """A history without a study, of one objective where `values` are not given."""
        objectives = np.array([t.values or (t.value,) for t in told], dtype=float).reshape(len(told), -1 if told else 1)
        trials = [create_trial(state=TrialState.FAIL, user_attrs=_descent(t)) for t in told]
        for trial, what in zip(trials, told, strict=True):
            trial.params, trial.number = dict(what.params), what.number
        return cls(trials, objectives, np.array([t.violation for t in told], dtype=float))

    def __len__(self) -> int:
        return len(self.objectives)

    @overload
    def __getitem__(self, index: int) -> Told: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Told | History:
        if isinstance(index, slice):
            parts = (self._trials[: len(self)][index], self.objectives[index], self._violations[index])
            return History(*parts, self._weights)
        at = range(len(self))[index]
        trial = self._trials[at]
        return Told(
            trial.params,
            float(self.values[at]),
            trial.number,
            tuple(self.objectives[at].tolist()),
            float(self._violations[at]),
            trial.user_attrs.get("parent"),
            trial.user_attrs.get("operator", ""),
        )

    @cached_property
    def values(self) -> Floats:
        """The `value` of each, (n,)."""
        found = self.objectives[:, 0] if self.objectives.shape[1] else np.zeros(len(self))
        if self.objectives.shape[1] > 1 and len(self):
            found = scalarised(self.objectives, self._weights or [1.0] * self.objectives.shape[1])
        broken = self._violations > 0
        if not broken.any():
            return found
        span = float(np.ptp(found)) or 1.0
        below = found.min() - span * (0.01 + self._violations / self._violations.max())
        return np.where(broken, below, found)

    @cached_property
    def ranked(self) -> NDArray[np.int64]:
        """Places in the history from the best value to the worst; of equal ones the first told comes first."""
        return np.argsort(-self.values, kind="stable")

    @property
    def points(self) -> list[Mapping[str, Any]]:
        """What was tried, in order."""
        return [trial.params for trial in self._trials[: len(self)]]

    @property
    def violations(self) -> Floats:
        """By how much each trial breaks the constraints, (n,); 0 where it keeps them."""
        return self._violations

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Which trials keep every constraint, (n,)."""
        kept: NDArray[np.bool_] = self._violations <= 0
        return kept

    def best(self) -> Told:
        """The one with the highest value; there must be one."""
        return self[int(np.argmax(self.values))]

    def top(self, k: int) -> list[Told]:
        """The `k` highest, best first."""
        return [self[int(i)] for i in self.ranked[:k]]


def _descent(told: Told) -> dict[str, Any]:
    return {} if told.parent is None else {"parent": told.parent, "operator": told.operator}


class Book:
    """Reads a study's finished trials into a `History`, each trial once."""

    def __init__(self) -> None:
        self._storage: BaseStorage | None = None
        self._study_id = -1
        self._clear((1,))

    def _clear(self, signs: Sequence[int]) -> None:
        self._signs = signs
        self._soft = False
        self._trials: list[FrozenTrial] = []
        self._unfinished: list[int] = []
        self._looked_at = 0
        self._last = -1
        self._objectives = np.empty((64, len(signs)))
        self._violations = np.empty(64)

    def read(self, study: Study) -> History:
        """The history of `study` now."""
        trials = study.get_trials(deepcopy=False)  # asking for the complete ones would look at all of them
        same = self._storage is study._storage and self._study_id == study._study_id
        if not same or len(trials) < self._looked_at:
            self._start(study)
        fresh = [trials[number] for number in (*self._unfinished, *range(self._looked_at, len(trials)))]
        if any(trial.state == TrialState.COMPLETE and trial.number < self._last for trial in fresh):
            self._start(study)  # one that took longer than those after it has its place among them
            fresh = trials
        self._unfinished = [trial.number for trial in fresh if not trial.state.is_finished()]
        self._looked_at = len(trials)
        self._add([trial for trial in fresh if trial.state == TrialState.COMPLETE])
        size = len(self._trials)
        weights = weights_of(study) if len(self._signs) > 1 else None
        return History(self._trials, self._objectives[:size], self._violations[:size], weights)

    def _start(self, study: Study) -> None:
        attrs = study._storage.get_study_user_attrs(study._study_id)
        self._storage, self._study_id = study._storage, study._study_id
        self._clear([1 if direction == StudyDirection.MAXIMIZE else -1 for direction in study.directions])
        self._soft = attrs.get("handling") == SOFT

    def _add(self, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials:
            n = len(self._trials)
            if n == len(self._objectives):
                self._objectives = np.concatenate([self._objectives, np.empty_like(self._objectives)])
                self._violations = np.concatenate([self._violations, np.empty_like(self._violations)])
            self._objectives[n] = [sign * value for sign, value in zip(self._signs, trial.values, strict=True)]
            broken = () if self._soft else trial.constraints.values()
            self._violations[n] = sum(max(0.0, violation) for violation in broken)
            self._trials.append(trial)
            self._last = trial.number
