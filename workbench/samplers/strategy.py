"""The adapter that makes a strategy, which yields candidates from the history, into an Optuna sampler."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from threading import Lock
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from workbench.samplers.domain import Domain, Params
from workbench.samplers.history import Book, History
from workbench.samplers.scalarisation import weights_of
from workbench.samplers.values import draw

_LOOKED_AT = 100  # candidates among which a sampler without a search space looks for one that was not tried

Strategy = Callable[[Domain, History, np.random.Generator], Iterable[Params]]


class Offspring(Params):
    """A candidate that knows which trial it was made from, which `other` if there were two, and by what operator."""

    def __init__(self, params: Mapping[str, Any], parent: int, operator: str, other: int | None = None) -> None:
        super().__init__(params)
        self.parent = parent
        self.operator = operator
        self.other = other


class _Memory:
    """What a sampler remembers of the study that it works for; it stays behind when the sampler is pickled."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.book = Book()
        self.round: tuple[int, ...] = ()  # the storage, the study, the round's first trial, the domain
        self.stream: Iterator[Params] = iter(())  # what the round has left
        self.domain = Domain({})  # of the round; in a study without a search space also of those before
        self.tried: set[Hashable] = set()  # in that domain, without a search space
        self.counted = 0  # finished trials that are in it
        self.descents: dict[int, dict[str, Any]] = {}


class StrategySampler(BaseSampler):
    """An Optuna sampler that takes the first new candidate of `strategy(domain, history, rng)`.

    A strategy yields candidates in order of preference, without end if it likes. It is asked once in a round of `batch`
    finished trials, with the history of the full rounds before, and its candidates serve the whole round. What is
    random in a round comes from the seed and the round alone, so that a resumed study goes on as it would have. A
    strategy that is not `for_several` objectives takes more than one only in a study with weights.

    Where the strategy says what a candidate was made from, its trial gets the user attributes "parent" (a trial's
    number), "operator" and, of two parents, "other_parent".
    """

    def __init__(
        self, strategy: Strategy, seed: int | None = None, *, batch: int = 1, for_several: bool = False
    ) -> None:
        self.strategy = strategy
        self.batch = batch
        self.for_several = for_several
        self._entropy = int(np.random.SeedSequence(seed).generate_state(1)[0])
        self._intersection = IntersectionSearchSpace()
        self._memory = _Memory()

    # -- what a guard with a search space asks -------------------------------------------------------------------

    def candidates(self, study: Study, domain: Domain, repeats: bool = False) -> Iterator[Params]:
        """The strategy's candidates for the next trial, the preferred first, as many as it has.

        Those of a round are handed out once. A strategy that is asked again within a round, as after a restart, begins
        anew: what has been tried of it is for the caller to leave out, or with `repeats` as many as were told since.
        """
        self._check_objectives(study)
        memory = self._memory
        with memory.lock:
            history = memory.book.read(study)
            start = len(history) - len(history) % self.batch
            this = (id(study._storage), study._study_id, start, id(domain))
            if memory.round != this:
                memory.round, memory.domain = this, domain
                rng = np.random.default_rng([self._entropy, start])
                candidates = iter(self.strategy(domain, history[:start], rng))
                memory.stream = islice(candidates, len(history) - start if repeats else 0, None)
            stream = memory.stream
        while (candidate := self._next(stream)) is not None:
            yield candidate

    def _next(self, stream: Iterator[Params]) -> Params | None:
        with self._memory.lock:  # a study may be optimised by several threads
            try:
                return next(stream, None)
            except BaseException:
                self._memory.round = ()  # what has raised is spent: the next trial begins the round anew
                raise

    # -- what Optuna asks ----------------------------------------------------------------------------------------

    def reseed_rng(self) -> None:
        """Draw new randomness, as Optuna asks of a sampler copied to another thread."""
        self._entropy = int(np.random.SeedSequence().generate_state(1)[0])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What every finished trial has in common."""
        self._check_objectives(study)
        return self._intersection.calculate(study)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The strategy's first candidate that was not tried, a value for every name in `search_space`."""
        self._check_objectives(study)
        if not search_space:
            return {}
        memory = self._memory
        if search_space != memory.domain.distributions:
            memory.domain, memory.tried, memory.counted = Domain(search_space), set(), 0
        domain = memory.domain
        told = memory.book.read(study).points
        memory.tried.update(domain.key(point) for point in told[memory.counted :])
        memory.counted = len(told)
        rng = np.random.default_rng([self._entropy, trial.number])
        chosen = None
        for candidate in islice(self.candidates(study, domain), _LOOKED_AT):
            fitted = domain.fitted(candidate, rng)  # it may stem from trials of other distributions
            new = domain.key(fitted) not in memory.tried
            chosen = fitted if new or chosen is None else chosen
            if new:
                break
        if chosen is None:
            chosen = domain.sample(rng)
        memory.tried.add(domain.key(chosen))
        self._memory.descents[trial.number] = descent_of(chosen)
        return dict(chosen)

    def descent(self, number: int) -> dict[str, Any]:
        """What the last proposal for a trial was made from, as the user attributes that the trial gets."""
        return self._memory.descents.get(number, {})

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Write down what the trial was made from, where nobody has done so before."""
        descent = self._memory.descents.pop(trial.number, {})
        if "fixed_params" in trial.system_attrs:  # not what was proposed
            return
        for name, what in descent.items():
            if name not in trial.user_attrs:
                study._storage.set_trial_user_attr(trial._trial_id, name, what)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A uniform value."""
        self._check_objectives(study)
        salt = sum(param_name.encode())  # questions of one trial are not to be answered alike
        return draw(param_distribution, np.random.default_rng([self._entropy, trial.number, salt]))

    # -- inside ----------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_memory"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _memory=_Memory())

    def _check_objectives(self, study: Study) -> None:
        n = len(study.directions)
        if n > 1 and not self.for_several and weights_of(study) is None:
            raise ValueError(
                f"This sampler takes one objective; the study has {n}. Give weights= to wb.search, or use a sampler "
                "for several: wb.samplers() says which."
            )


def descent_of(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """What a candidate was made from, as a trial's user attributes; {} where that is not known."""
    if not isinstance(candidate, Offspring):
        return {}
    other = {} if candidate.other is None else {"other_parent": candidate.other}
    return {"parent": candidate.parent, "operator": candidate.operator, **other}
