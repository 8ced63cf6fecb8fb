"""A sampler around another one that never proposes an architecture twice, nor one that computes the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.spaces.space import SearchSpace

DUPLICATES = ("functional", "exact", "allow")
_REDRAWS = 5


class SpaceExhausted(Exception):
    """Every architecture that counts as different has been tried."""


class WithoutRepeats(BaseSampler):
    """Asks `sampler` again, up to five times, then takes the nearest unseen architecture to its last proposal.

    `duplicates` says what counts as seen: "functional" (computes the same function), "exact" (same answers) or
    "allow" (nothing). Infeasible proposals are redrawn too, in the end by the space itself. Raises `SpaceExhausted`
    when nothing new is left.
    """

    def __init__(self, sampler: BaseSampler, space: SearchSpace, duplicates: str = "functional") -> None:
        if duplicates not in DUPLICATES:
            raise InvalidInput(f"duplicates must be one of {', '.join(map(repr, DUPLICATES))}; got {duplicates!r}.")
        self.sampler = sampler
        self.space = space
        self.duplicates = duplicates
        self._distributions: dict[str, BaseDistribution] = dict(space.distributions())
        self._keys: dict[int, str] = {}  # trial number -> what it counts as

    def reseed_rng(self) -> None:
        """Reseed the sampler behind."""
        self.sampler.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Every question of the space."""
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The sampler's proposal, or the nearest to it that has not been tried."""
        seen = self._seen(study, trial)
        arch = None
        for _ in range(_REDRAWS):
            params = self._proposal(study, trial)
            try:
                arch = self.architecture(params)
            except Infeasible:
                continue
            if self.key(arch) not in seen:
                return params
        if arch is None:  # where few combinations are architectures, the space knows better how to find one
            arch = self.space.sample(1, seed=trial.number)[0]
        return params | dict(self._nearest_unseen(arch, seen).decisions)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The sampler's own, for parameters that are no questions of the space."""
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass the event on."""
        self.sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass the event on."""
        self.sampler.after_trial(study, trial, state, values)

    def architecture(self, params: Mapping[str, Any]) -> Architecture:
        """The architecture that a trial's parameters answer; questions it does not ask are ignored."""
        return self.space.answered_by(_Given(params))

    def key(self, arch: Architecture) -> str:
        """A string equal for architectures that count as the same."""
        return self.space.canonical(arch, "functional") if self.duplicates == "functional" else str(arch)

    def _proposal(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        params = self.sampler.sample_relative(study, trial, self._distributions)
        for name, distribution in self._distributions.items():
            if name not in params:
                params[name] = self.sampler.sample_independent(study, trial, name, distribution)
        return params

    def _seen(self, study: Study, current: FrozenTrial) -> set[str]:
        if self.duplicates == "allow":
            return set()
        for trial in study.get_trials(deepcopy=False):
            if trial.number in self._keys or trial.number == current.number:
                continue
            if self._distributions.keys() <= trial.params.keys():
                self._keys[trial.number] = self.key(self.architecture(trial.params))
        return set(self._keys.values())

    def _nearest_unseen(self, start: Architecture, seen: set[str]) -> Architecture:
        """Breadth first from `start` through one-answer changes; every architecture is reached in the end."""
        waiting, visited = deque([start]), {start}
        while waiting:
            arch = waiting.popleft()
            if self.key(arch) not in seen:
                return arch
            for neighbor in self.space.neighbors(arch):
                if neighbor not in visited:
                    visited.add(neighbor)
                    waiting.append(neighbor)
        raise SpaceExhausted


class _Given:
    """Choices that are read from a trial's parameters."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._params[name]
