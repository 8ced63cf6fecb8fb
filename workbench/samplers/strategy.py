"""The adapter that makes a strategy, a function of the history, into an Optuna sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from workbench.samplers.domain import Domain, Params, draw


@dataclass(frozen=True, slots=True)
class Told:
    """One finished trial as a strategy sees it: what was tried, and how good it was (higher is better)."""

    params: Mapping[str, Any]
    value: float
    number: int = -1  # the trial's


class Offspring(Params):
    """A point that knows which trial it was made from, and by what operator: a strategy may return one."""

    def __init__(self, params: Mapping[str, Any], parent: int, operator: str) -> None:
        super().__init__(params)
        self.parent = parent
        self.operator = operator


class History(Sequence[Told]):
    """The finished trials in order, turned into `Told` only where they are looked at."""

    def __init__(self, trials: Sequence[FrozenTrial], sign: int) -> None:
        self._trials = trials
        self._sign = sign

    def __len__(self) -> int:
        return len(self._trials)

    @overload
    def __getitem__(self, index: int) -> Told: ...
    @overload
    def __getitem__(self, index: slice) -> list[Told]: ...
    def __getitem__(self, index: int | slice) -> Told | list[Told]:
        if isinstance(index, slice):
            return [self._told(trial) for trial in self._trials[index]]
        return self._told(self._trials[index])

    def _told(self, trial: FrozenTrial) -> Told:
        return Told(trial.params, self._sign * float(trial.values[0]), trial.number)


Strategy = Callable[[Domain, History, np.random.Generator], Params]


class StrategySampler(BaseSampler):
    """An Optuna sampler that asks `strategy(domain, history, rng)` for the next point; one objective only.

    The randomness of trial number n comes from (seed, n) alone, so that a resumed study goes on as it would have.
    Where the strategy says what a point was made from, its trial gets the user attributes "parent" (a trial's number)
    and "operator".
    """

    narrows = True  # a search space may offer fewer choices than the trials before were made with

    def __init__(self, strategy: Strategy, seed: int | None = None) -> None:
        self.strategy = strategy
        self._entropy = int(np.random.SeedSequence(seed).generate_state(1)[0])
        self._asked: tuple[int, int] = (-1, 0)  # the trial asked last, and how often it was
        self._descents: dict[int, dict[str, Any]] = {}
        self._intersection = IntersectionSearchSpace()

    def reseed_rng(self) -> None:
        """Draw new randomness, as Optuna asks of a sampler copied to another thread."""
        self._entropy = int(np.random.SeedSequence().generate_state(1)[0])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What every finished trial has in common."""
        _check_one_objective(study)
        return self._intersection.calculate(study)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The strategy's next point, a value for every name in `search_space`."""
        _check_one_objective(study)
        if not search_space:
            return {}
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        proposed = self.strategy(Domain(search_space), History(trials, sign), self._rng(trial.number))
        self._descents.pop(trial.number, None)
        if isinstance(proposed, Offspring) and "fixed_params" not in trial.system_attrs:  # else it is not what is tried
            self._descents[trial.number] = {"parent": proposed.parent, "operator": proposed.operator}
        return proposed

    def descent(self, number: int) -> dict[str, Any]:
        """What the last proposal for a trial was made from, as the user attributes that the trial gets."""
        return self._descents.get(number, {})

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Write down what the trial was made from, where nobody has done so before."""
        for name, what in self._descents.pop(trial.number, {}).items():
            if name not in trial.user_attrs:
                study._storage.set_trial_user_attr(trial._trial_id, name, what)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A uniform value."""
        _check_one_objective(study)
        return draw(param_distribution, self._rng(trial.number))

    def _rng(self, number: int) -> np.random.Generator:
        last, times = self._asked
        self._asked = (number, times + 1 if last == number else 0)
        return np.random.default_rng([self._entropy, *self._asked])


def _check_one_objective(study: Study) -> None:
    if len(study.directions) > 1:
        raise ValueError(
            f"This sampler takes one objective; the study has {len(study.directions)}. "
            "For several objectives use 'nsgaii', 'tpe' or 'random'."
        )
