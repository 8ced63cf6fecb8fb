"""Multi-fidelity search: many architectures are looked at cheaply, and the best of them more closely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from optuna import Study
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from workbench.errors import InvalidInput
from workbench.executors import Executor, Here
from workbench.ledger import Entry, Ledger
from workbench.measure import Measure
from workbench.progress import progress as shown
from workbench.progress import say
from workbench.samplers import sampler as find_sampler
from workbench.samplers.without_repeats import SpaceExhausted
from workbench.spaces.space import SearchSpace
from workbench.studies.driver import Driver
from workbench.studies.evaluation import Evaluation, Known

BRACKET = "bracket"  # user attribute of a trial: the race it runs in
COST = "cost"  # user attribute of a trial: the fidelity it was taken to, what it has cost in all

Fidelities = Mapping[float, Measure]


@dataclass(frozen=True)
class Bracket:
    """One race of successive halving: how many architectures are looked at with each fidelity."""

    sizes: tuple[int, ...]
    fidelities: tuple[float, ...]

    @property
    def cost(self) -> float:
        """What it costs at most, in units of fidelity; an architecture that goes on pays only the difference."""
        steps = [b - a for a, b in zip((0.0, *self.fidelities), self.fidelities, strict=False)]
        return sum(size * step for size, step in zip(self.sizes, steps, strict=True))


def successive_halving(n: int, fidelities: Sequence[float], eta: float = 3.0) -> Bracket:
    """`n` architectures at the lowest fidelity, and of each rung the best 1/`eta` at the next (Jamieson & Talwalkar).

    Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016, algorithm 1; at least one
    architecture comes to the end.
    """
    levels = _levels(fidelities)
    if eta <= 1 or isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise InvalidInput(f"Successive halving needs n >= 1 architectures and eta > 1; got n={n!r}, eta={eta!r}.")
    sizes = [n]
    while len(sizes) < len(levels):
        sizes.append(max(1, int(sizes[-1] / eta)))
    return Bracket(tuple(sizes), levels)


def hyperband(fidelities: Sequence[float], eta: float = 3.0) -> tuple[Bracket, ...]:
    """Brackets that begin at each fidelity in turn, the lowest with the most architectures (Li et al., JMLR 2018).

    Algorithm 1 of the paper, with the fidelities that there are in place of powers of `eta`: the bracket with s rungs
    above its first has ceil((s_max + 1) / (s + 1) eta^s) architectures.
    """
    levels = _levels(fidelities)
    most = len(levels) - 1
    return tuple(
        successive_halving(math.ceil((most + 1) / (s + 1) * eta**s), levels[most - s :], eta)
        for s in range(most, -1, -1)
    )


def multi_fidelity(
    space: SearchSpace,
    measures: Fidelities,
    brackets: Bracket | Sequence[Bracket],
    *,
    rounds: int = 1,
    sampler: str | BaseSampler = "random",
    seed: int = 0,
    storage: str | Path | BaseStorage | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    ledger: Ledger | None = None,
    progress: bool = True,
) -> Study:
    """Run `brackets`, `rounds` times over, on `measures`: fidelity -> the measure that costs so much.

    Fidelities are in any unit that adds up, such as epochs: `{12: bench.measure("valid_accuracy", epoch=12), ...}`.
    Every trial is an architecture, with its values in `intermediate_values` by fidelity. One that came to the highest
    fidelity is complete, one that was left behind is pruned, and `user_attrs["cost"]` is the fidelity that was paid for
    it: training goes on where it was. `wb.best` knows the complete ones only, and so do samplers. No architecture runs
    twice. With `storage` a study that was stopped goes on with the bracket it was in.

    Raises `InvalidInput` for a bracket with a fidelity that has no measure, and for measures that differ in direction.
    """
    races = [brackets] if isinstance(brackets, Bracket) else list(brackets)
    levels = _checked(measures, races)
    driver = Driver(space, measures[levels[-1]], None, ledger)
    chosen = find_sampler(sampler, seed) if isinstance(sampler, str) else sampler
    question = name or f"{driver.study_name(sampler, seed)} at {', '.join(f'{level:g}' for level in levels)}"
    study = driver.opened(chosen, storage, question, "functional")
    driver.sweep(study, but=BRACKET)
    known = {level: Known([measures[level]], ledger) for level in levels}
    runner = _Runner(driver, study, known, measures, executor or Here())
    laps = [race for _ in range(rounds) for race in races]
    try:
        for number, race in enumerate(shown(laps, len(laps), "brackets", show=progress)):
            runner.run(number, race)
    except SpaceExhausted:
        say(f"Stopped: {space.name} has no new architecture left for another bracket.")
    except KeyboardInterrupt:
        say("Stopped; the study so far is returned. Run it again with its storage to go on.")
    for kept in known.values():
        kept.close()
    return study


class _Runner:
    """Takes the trials of one bracket from rung to rung."""

    def __init__(
        self, driver: Driver, study: Study, known: Mapping[float, Known], measures: Fidelities, executor: Executor
    ) -> None:
        self.driver = driver
        self.study = study
        self.known = known
        self.measures = measures
        self.levels = sorted(measures)
        self.executor = executor

    def run(self, number: int, race: Bracket) -> None:
        """Everything of the race that has not been done yet."""
        for _ in range(race.sizes[0] - len(self._members(number))):
            asked, _ = self.driver.ask(self.study)
            asked.set_user_attr(BRACKET, number)
        for rung, fidelity in enumerate(race.fidelities):
            self._measure(self._running(number), fidelity)
            step, sign = self._step(fidelity), self.measures[fidelity].sign
            ranked = sorted(self._running(number), key=lambda t: -sign * t.intermediate_values[step])
            if rung + 1 == len(race.fidelities):
                for trial in ranked:
                    self.study.tell(trial.number, trial.intermediate_values[step])
            else:
                for trial in ranked[race.sizes[rung + 1] :]:
                    self.study.tell(trial.number, state=TrialState.PRUNED)

    def _running(self, number: int) -> list[FrozenTrial]:
        return [trial for trial in self._members(number) if trial.state == TrialState.RUNNING]

    def _members(self, number: int) -> list[FrozenTrial]:
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.user_attrs.get(BRACKET) == number]

    def _step(self, fidelity: float) -> int:
        """Optuna's steps are whole numbers: the fidelity itself where all are, else its rank."""
        whole = all(float(level).is_integer() for level in self.levels)
        return int(fidelity) if whole else self.levels.index(fidelity)

    def _measure(self, trials: Sequence[FrozenTrial], fidelity: float) -> None:
        """Bring trials to a fidelity; one that was taken beyond it before has its value there already."""
        measure, known, step = self.measures[fidelity], self.known[fidelity], self._step(fidelity)
        todo = [trial for trial in trials if step not in trial.intermediate_values]
        archs = [self.driver.space.parse(trial.user_attrs["architecture"]) for trial in todo]
        entries = [known.find(arch)[0] for arch in archs]
        fresh = [i for i, entry in enumerate(entries) if entry is None]
        names = [str(archs[i]) for i in fresh]
        outcomes = self.executor.map(Evaluation((measure,)), [archs[i] for i in fresh], names=names, show=False)
        for trial, arch, old in zip(todo, archs, entries, strict=True):
            if old is not None:
                self._tell(trial, fidelity, old)
                continue
            outcome = next(outcomes)
            failed = outcome.error is not None
            self._tell(trial, fidelity, Entry(math.nan, outcome.error) if failed else outcome.value[0])
            if not failed:
                known.keep(arch, outcome.value)

    def _tell(self, trial: FrozenTrial, fidelity: float, entry: Entry) -> None:
        storage = self.study._storage  # a trial of another process, taken up again, has no public face
        storage.set_trial_user_attr(trial._trial_id, COST, fidelity)
        if entry.reason is not None:
            storage.set_trial_user_attr(trial._trial_id, "reason", entry.reason)
            self.study.tell(trial.number, state=TrialState.FAIL)
        else:
            storage.set_trial_intermediate_value(trial._trial_id, self._step(fidelity), entry.value)


def _levels(fidelities: Sequence[float]) -> tuple[float, ...]:
    levels = tuple(fidelities)
    rising = all(a < b for a, b in pairwise(levels))
    if not levels or not rising or levels[0] <= 0:
        raise InvalidInput(f"Fidelities rise from more than 0, such as (12, 50, 200) epochs; got {fidelities!r}.")
    return levels


def _checked(measures: Fidelities, races: Sequence[Bracket]) -> tuple[float, ...]:
    levels = _levels(sorted(measures))
    for race in races:
        lacking = [level for level in race.fidelities if level not in measures]
        if lacking or race.fidelities[-1] != levels[-1]:
            raise InvalidInput(
                f"The bracket has the fidelities {race.fidelities}, and there are measures for {levels}: it must use "
                "some of these, and end at the highest."
            )
    if not races or len({measure.better for measure in measures.values()}) > 1:
        raise InvalidInput("A multi-fidelity search needs a bracket, and measures that are all better the same way.")
    return levels
