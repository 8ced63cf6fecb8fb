"""A sampler around another one that never proposes an architecture twice, nor one that computes the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.spaces.choices import Answer
from workbench.spaces.space import SearchSpace

DUPLICATES = ("functional", "exact", "allow")
Allowed = Mapping[str, Sequence[Answer]]  # question -> the answers it may have now
_REDRAWS = 5
_FARTHEST = 100_000  # architectures looked through for one that has not been tried


class SpaceExhausted(Exception):
    """Every architecture that counts as different has been tried."""


class WithoutRepeats(BaseSampler):
    """Asks `sampler` again, up to five times, then takes the nearest unseen architecture to its last proposal.

    `duplicates` says what counts as seen: "functional" (computes the same function), "exact" (same answers) or
    "allow" (nothing). Infeasible proposals are redrawn too, in the end by the space itself. Raises `SpaceExhausted`
    when nothing new is left.

    `allowed(study)` is asked for every trial: it says which answers the questions that it names may have now, so that a
    study can be steered while it runs. A sampler that `narrows` is then asked within them; what any other proposes is
    moved there.
    """

    def __init__(
        self,
        sampler: BaseSampler,
        space: SearchSpace,
        duplicates: str = "functional",
        allowed: Callable[[Study], Allowed] = lambda study: {},
    ) -> None:
        if duplicates not in DUPLICATES:
            raise InvalidInput(f"duplicates must be one of {', '.join(map(repr, DUPLICATES))}; got {duplicates!r}.")
        self.sampler = sampler
        self.space = space
        self.duplicates = duplicates
        self._allowed = allowed
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
        if "fixed_params" in trial.system_attrs:  # enqueued: asked all the same, because some samplers count on it
            return self._proposal(study, trial, {})
        allowed = self._allowed(study)
        space = self.space.restrict(allowed) if allowed else self.space
        seen = self._seen(study, trial)
        arch = None
        for attempt in range(_REDRAWS):
            params = self._proposal(study, trial, allowed, attempt)
            try:
                arch = self.architecture(params)
            except Infeasible:
                continue
            if self.key(arch) not in seen:
                return params
        if arch is None:  # where few combinations are architectures, the space knows better how to find one
            arch = space.sample(1, seed=trial.number)[0]
        return params | dict(self._nearest_unseen(arch, seen, space, allowed).decisions)

    def descent(self, number: int) -> dict[str, Any]:
        """What the sampler knows of a trial's descent, as user attributes: "parent" and "operator"."""
        known: dict[str, Any] = self.sampler.descent(number) if hasattr(self.sampler, "descent") else {}
        return known

    def key_of(self, number: int) -> str | None:
        """What a trial counts as, where it has been looked at already."""
        return self._keys.get(number)

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

    def _proposal(self, study: Study, trial: FrozenTrial, allowed: Allowed, attempt: int = 0) -> dict[str, Any]:
        narrows = getattr(self.sampler, "narrows", False)
        distributions = _narrowed(self._distributions, allowed) if narrows else self._distributions
        params = self.sampler.sample_relative(study, trial, distributions)
        for name, distribution in distributions.items():
            if name not in params:
                params[name] = self.sampler.sample_independent(study, trial, name, distribution)
        rng = np.random.default_rng([trial.number, attempt]) if allowed else None
        for name, answers in allowed.items():
            if rng is not None and params[name] not in answers:
                params[name] = answers[int(rng.integers(len(answers)))]
        return params

    def _seen(self, study: Study, current: FrozenTrial) -> set[str]:
        if self.duplicates == "allow":
            return set()
        for trial in study.get_trials(deepcopy=False):
            if trial.number in self._keys or trial.number == current.number:
                continue
            params = trial.params or trial.system_attrs.get("fixed_params", {})  # those of one that waits its turn
            if self._distributions.keys() <= params.keys():
                self._keys[trial.number] = self.key(self.architecture(params))
        return set(self._keys.values())

    def _nearest_unseen(
        self, start: Architecture, seen: set[str], space: SearchSpace | None = None, allowed: Allowed | None = None
    ) -> Architecture:
        """Breadth first from `start` through one-answer changes; every architecture is reached in the end.

        What is `allowed` may lie apart in a space where not every combination is an architecture: it is then looked
        for in the whole space, not further than 100,000 architectures.
        """
        found = next((arch for arch in _outwards(space or self.space, start) if self.key(arch) not in seen), None)
        if found is None and allowed and not self.space.flat:
            around = islice(_outwards(self.space, start), _FARTHEST)
            found = next((a for a in around if _meets(a, allowed) and self.key(a) not in seen), None)
        if found is None:
            raise SpaceExhausted
        return found


def _outwards(space: SearchSpace, start: Architecture) -> Iterator[Architecture]:
    """The architectures of a space from the nearest to the farthest, by changed answers."""
    waiting, visited = deque([start]), {start}
    while waiting:
        arch = waiting.popleft()
        yield arch
        for neighbor in space.neighbors(arch):
            if neighbor not in visited:
                visited.add(neighbor)
                waiting.append(neighbor)


def _meets(arch: Architecture, allowed: Allowed) -> bool:
    return all(answer in allowed.get(name, (answer,)) for name, answer in arch.decisions.items())


def _narrowed(distributions: Mapping[str, BaseDistribution], allowed: Allowed) -> dict[str, BaseDistribution]:
    return {
        name: CategoricalDistribution(tuple(allowed[name])) if name in allowed else distribution
        for name, distribution in distributions.items()
    }


class _Given:
    """Choices that are read from a trial's parameters."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._params[name]
