"""A sampler around another one that never proposes an architecture twice, nor one that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count, islice
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.samplers.domain import SpaceDomain
from workbench.samplers.strategy import StrategySampler, descent_of
from workbench.spaces.choices import Answer
from workbench.spaces.space import SearchSpace

DUPLICATES = ("functional", "exact", "allow")
Allowed = Mapping[str, Sequence[Answer]]  # question -> the answers it may have now
Violation = Callable[[Architecture], float]  # by how much an architecture breaks what is asked; 0 or less where not
_REDRAWS = 5  # proposals of a sampler that makes one at a time
_CANDIDATES = 200  # those of a strategy
_FARTHEST = 100_000  # architectures looked through for one that has not been tried
_FARTHEST_WITHIN = 10_000  # the same where each is checked against bounds
_REMEMBERED = 200_000  # refused candidates that are kept in mind


class SpaceExhausted(Exception):
    """Every architecture that counts as different has been tried, or breaks the bounds; its words say what is left."""


class WithoutRepeats(BaseSampler):
    """Takes the first candidate of `sampler` that is new, else the nearest unseen architecture to the last one.

    A strategy offers up to 200 candidates; any other sampler is asked up to five times. `duplicates` says what counts
    as seen: "functional" (computes the same function), "exact" (same answers) or "allow" (nothing). Infeasible
    candidates are passed over, and those with a positive `violation(arch)`, before anything is paid for them. Raises
    `SpaceExhausted` when nothing new is left.

    `allowed(study)` is asked for every trial: it says which answers the questions that it names may have now, so that a
    study can be steered while it runs. A strategy then moves within them; what any other sampler proposes is moved
    there.
    """

    def __init__(
        self,
        sampler: BaseSampler,
        space: SearchSpace,
        duplicates: str = "functional",
        allowed: Callable[[Study], Allowed] | None = None,
        violation: Violation | None = None,
    ) -> None:
        if duplicates not in DUPLICATES:
            raise InvalidInput(f"duplicates must be one of {', '.join(map(repr, DUPLICATES))}; got {duplicates!r}.")
        self.sampler = sampler
        self.space = space
        self.duplicates = duplicates
        self._allowed = allowed
        self._violation = violation
        self._whole = SpaceDomain(space)
        self._narrowed: tuple[Allowed, SpaceDomain] = ({}, self._whole)
        self._distributions: dict[str, BaseDistribution] = dict(space.distributions())
        self._keys: dict[int, str] = {}  # trial number -> what it counts as
        self._seen: set[str] = set()
        self._later: list[int] = []  # numbers of trials that had no architecture yet when they were looked at
        self._looked_at = 0  # trials that have been
        self._refused: set[Any] = set()  # candidates that are known to be seen
        self._descents: dict[int, dict[str, Any]] = {}
        self.closest: tuple[float, Architecture] | None = None  # the least violation met so far

    def reseed_rng(self) -> None:
        """Reseed the sampler behind."""
        self.sampler.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Every question of the space."""
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The sampler's first new candidate, or the nearest to its last one that has not been tried."""
        if "fixed_params" in trial.system_attrs:  # enqueued: asked all the same, because some samplers count on it
            return {} if isinstance(self.sampler, StrategySampler) else self._proposal(study, trial, {})
        allowed = self._allowed(study) if self._allowed is not None else {}
        domain = self._domain(allowed)
        self._look(study)
        offered: Mapping[str, Any] = {}
        last: Architecture | None = None
        for offered in self._candidates(study, trial, domain, allowed):
            try:
                if self._refused and domain.key(offered) in self._refused:
                    continue
                arch = domain.architecture(offered)
            except Infeasible:
                continue
            if self._is_new(arch):
                if not self._breaks(arch):
                    return self._taken(trial, offered, arch)
                last = arch
            else:
                self._refuse(domain.key(offered))
        if last is None:
            last = self._start(domain, offered, trial.number)
        return self._taken(trial, offered, self._nearest_unseen(last, domain, allowed))

    def descent(self, number: int) -> dict[str, Any]:
        """What is known of a trial's descent, as user attributes: "parent", "operator" and "other_parent"."""
        return self._descents.get(number, {})

    def key_of(self, number: int) -> str | None:
        """What a trial counts as, where it has been looked at already."""
        return self._keys.get(number)

    def came_too_late(self, study: Study, number: int) -> str:
        """In words, which trial another process began for the same architecture just before; "" where none did."""
        if self.duplicates == "allow" or isinstance(study._storage, InMemoryStorage):
            return ""
        self._look(study)
        trials = study.get_trials(deepcopy=False)
        if "fixed_params" in trials[number].system_attrs:  # asked for by name
            return ""
        # Of two that began at the same time at least one sees the other here; where both do, both give way.
        mine = self._keys.get(number)
        for other, key in self._keys.items():
            if key == mine and other != number and trials[other].state != TrialState.FAIL:
                return f"another process had begun it as trial {other}"
        return ""

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The sampler's own, for parameters that are no questions of the space."""
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass the event on."""
        self.sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass the event on, and write down what the trial was made from where nobody has."""
        for name, what in self._descents.pop(trial.number, {}).items():
            if name not in trial.user_attrs:
                study._storage.set_trial_user_attr(trial._trial_id, name, what)
        self.sampler.after_trial(study, trial, state, values)

    def architecture(self, params: Mapping[str, Any]) -> Architecture:
        """The architecture that a trial's parameters answer; questions it does not ask are ignored."""
        return self._whole.architecture(params)

    def key(self, arch: Architecture) -> str:
        """A string equal for architectures that count as the same."""
        return self.space.canonical(arch, "functional") if self.duplicates == "functional" else str(arch)

    # -- candidates ----------------------------------------------------------------------------------------------

    def _candidates(
        self, study: Study, trial: FrozenTrial, domain: SpaceDomain, allowed: Allowed
    ) -> Iterator[Mapping[str, Any]]:
        repeats = self.duplicates == "allow"
        if isinstance(self.sampler, StrategySampler):
            yield from islice(self.sampler.candidates(study, domain, repeats), _CANDIDATES)
            return
        for attempt in range(_REDRAWS):
            yield self._proposal(study, trial, allowed, attempt)

    def _proposal(self, study: Study, trial: FrozenTrial, allowed: Allowed, attempt: int = 0) -> dict[str, Any]:
        """What a sampler that is no strategy proposes, moved to what is allowed."""
        params = self.sampler.sample_relative(study, trial, self._distributions)
        for name, distribution in self._distributions.items():
            if name not in params:
                params[name] = self.sampler.sample_independent(study, trial, name, distribution)
        rng = np.random.default_rng([trial.number, attempt]) if allowed else None
        for name, answers in allowed.items():
            if rng is not None and params[name] not in answers:
                params[name] = answers[int(rng.integers(len(answers)))]
        return params

    def _taken(self, trial: FrozenTrial, offered: Mapping[str, Any], arch: Architecture) -> dict[str, Any]:
        """A trial's parameters; a question that the architecture does not ask has its first answer."""
        self._descents[trial.number] = descent_of(offered)
        given = {**offered, **arch.decisions}
        return {name: given[name] if name in given else _first(d) for name, d in self._distributions.items()}

    # -- what has been seen --------------------------------------------------------------------------------------

    def _is_new(self, arch: Architecture) -> bool:
        return self.duplicates == "allow" or self.key(arch) not in self._seen

    def _breaks(self, arch: Architecture) -> bool:
        """Whether `arch` breaks the bounds; the closest that does is kept in mind."""
        if self._violation is None:
            return False
        by = self._violation(arch)
        if by <= 0:
            return False
        if self.closest is None or by < self.closest[0]:
            self.closest = (by, arch)
        return True

    def _refuse(self, candidate: Any) -> None:
        if len(self._refused) >= _REMEMBERED:
            self._refused.clear()
        self._refused.add(candidate)

    def _look(self, study: Study) -> None:
        """Write down what the trials count as that were not looked at before."""
        if self.duplicates == "allow":
            return
        trials = study.get_trials(deepcopy=False)
        waiting, self._later = self._later, []
        for number in [*waiting, *range(self._looked_at, len(trials))]:
            trial = trials[number]
            params = trial.params or trial.system_attrs.get("fixed_params", {})  # those of one that waits its turn
            if self._distributions.keys() <= params.keys():
                self._keys[number] = self.key(self._whole.architecture(params))
                self._seen.add(self._keys[number])
            elif not trial.state.is_finished():
                self._later.append(number)
        self._looked_at = len(trials)

    # -- where candidates run out --------------------------------------------------------------------------------

    def _domain(self, allowed: Allowed) -> SpaceDomain:
        if allowed != self._narrowed[0]:
            self._narrowed = (allowed, SpaceDomain(self.space, allowed) if allowed else self._whole)
        return self._narrowed[1]

    def _start(self, domain: SpaceDomain, offered: Mapping[str, Any], number: int) -> Architecture:
        """Where to look from: the last candidate, or where that is no architecture what the space draws."""
        if offered:
            try:
                return domain.architecture(offered)
            except Infeasible:
                pass
        return domain.moves.sample(1, seed=number)[0]

    def _nearest_unseen(
        self, start: Architecture, domain: SpaceDomain | None = None, allowed: Allowed | None = None
    ) -> Architecture:
        """From `start` through one-answer changes, the nearest first, or what breaks the bounds least.

        Every architecture is reached in the end. What is `allowed` may lie apart in a space where not every combination
        is an architecture: it is then looked for in the whole space, not further than 100,000 architectures.
        """
        found = self._first_new(_outwards((domain or self._whole).moves, start, self._violation))
        if found is None and allowed and not self.space.flat:
            around = islice(_outwards(self.space, start, self._violation), _FARTHEST)
            found = self._first_new(arch for arch in around if _meets(arch, allowed))
        if found is None:
            raise SpaceExhausted
        return found

    def _first_new(self, archs: Iterator[Architecture]) -> Architecture | None:
        limit = _FARTHEST_WITHIN if self._violation is not None else None
        return next((a for a in islice(archs, limit) if self._is_new(a) and not self._breaks(a)), None)


def _outwards(space: SearchSpace, start: Architecture, violation: Violation | None) -> Iterator[Architecture]:
    """The architectures of a space by how much they break the bounds, and then by changed answers from `start`."""
    order, visited = count(), {start}
    waiting = [(0.0, 0, next(order), start)]
    while waiting:
        _, depth, _, arch = heappop(waiting)
        yield arch
        for neighbor in space.neighbors(arch):
            if neighbor not in visited:
                visited.add(neighbor)
                by = max(0.0, violation(neighbor)) if violation is not None else 0.0
                heappush(waiting, (by, depth + 1, next(order), neighbor))


def _meets(arch: Architecture, allowed: Allowed) -> bool:
    return all(answer in allowed.get(name, (answer,)) for name, answer in arch.decisions.items())


def _first(distribution: BaseDistribution) -> Any:
    assert isinstance(distribution, CategoricalDistribution)
    return distribution.choices[0]
