"""The loop of one search: which architecture is asked for, what is measured, and what the study is told."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import optuna
from optuna import Study, Trial
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, UnknownName
from workbench.executors import Executor
from workbench.ledger import Entry, Ledger
from workbench.measure import Measure
from workbench.samplers.without_repeats import SpaceExhausted, WithoutRepeats
from workbench.spaces.space import SearchSpace
from workbench.studies.constraints import HANDLINGS, Constraints, Gate, bounds_of, excess, penalised
from workbench.studies.evaluation import Evaluation, Known
from workbench.studies.processes import here, is_alive
from workbench.studies.quiet import quiet
from workbench.studies.steering import Steering
from workbench.studies.storage import open_storage

INTERRUPTED = "interrupted"  # user attribute of a trial that was asked but never measured
_SHOWN = 5  # questions that an error names
_UNSIGNED = 5.0  # seconds for which a trial that nobody has signed is left to whoever began it
_LOOK_AGAIN = 0.1  # seconds between two looks at the orders while a search is paused


class Driver:
    """What to measure, in which study, and what to tell it."""

    def __init__(
        self,
        space: SearchSpace,
        measures: Measure | Sequence[Measure],
        constraints: Constraints | None,
        ledger: Ledger | None,
        handling: str = "native",
        penalty: float = 1.0,
    ) -> None:
        if handling not in HANDLINGS:
            raise UnknownName.of("handling of constraints", handling, HANDLINGS)
        self.space = space
        self.handling = handling
        self.penalty = penalty
        self.objectives = _checked_measures(measures)
        self.bounds = bounds_of(self.objectives, constraints or {})
        self.measures = list(self.objectives)
        self.measures += [bound.measure for bound in self.bounds if bound.measure not in self.objectives]
        self.known = Known(self.measures, ledger)
        self._bounded = Known([bound.measure for bound in self.bounds], ledger)
        self.gate = Gate(self.bounds, self._of_bounds) if handling == "reject" and self.bounds else None
        self.thread = ""  # the unique name of the background thread that runs this, if one does
        self.leave = Event()  # set where this process wants the search to end, whatever the study says

    def study_name(self, sampler: str | BaseSampler | None, seed: int) -> str:
        """A name that is the same for the same question asked again."""
        kind = sampler if isinstance(sampler, str) else type(sampler).__name__ if sampler else "default"
        return f"{self.space.name} {'+'.join(m.name for m in self.objectives)} {kind} seed {seed}"

    def opened(
        self, sampler: BaseSampler, storage: str | Path | BaseStorage | None, name: str, duplicates: str
    ) -> Study:
        """The study of that name, made or taken up again; refuses one that was made for something else."""
        inner = sampler.sampler if isinstance(sampler, WithoutRepeats) else sampler
        guarded = WithoutRepeats(inner, self.space, duplicates, self._allowed, self.gate)
        with quiet():
            study = optuna.create_study(
                study_name=name,
                storage=open_storage(storage),
                directions=["maximize" if m.better == "higher" else "minimize" for m in self.objectives],
                sampler=guarded,
                load_if_exists=True,
            )
        about = {
            "space": self.space.name,
            "questions": fingerprints(self.space),
            "measures": [m.name for m in self.objectives],
            "tasks": [m.task for m in self.objectives],
            "bounds": [bound.words for bound in self.bounds],
            "handling": self.handling,
        }
        before = study.user_attrs
        for key, value in about.items():
            if before.get(key, value) != value:
                raise InvalidInput(
                    f"The study {name!r} was made with other {key}: {_what_changed(before[key], value)}. "
                    "Give another name= or storage=, or ask the same question."
                )
        units = {m.name: m.unit for m in self.objectives if m.unit}  # to be shown: they are no part of the question
        for key, value in {**about, "units": units, "duplicates": duplicates, "order": "run"}.items():
            if before.get(key) != value:
                study.set_user_attr(key, value)
        return study

    def _allowed(self, study: Study) -> dict[str, tuple[Any, ...]]:
        """The answers that steering leaves."""
        return Steering.of(study).allowed(self.space)

    def sweep(self, study: Study, but: str = "") -> None:
        """Close the trials that a searcher now gone asked for but never told, and queue their architectures again.

        Those with the user attribute `but` are left to whoever takes them up.
        """
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if is_alive(trial.user_attrs) or but in trial.user_attrs or _just_begun(trial):
                continue
            # Optuna has no public way to mark a trial of another process; a finished trial cannot be marked at all.
            study._storage.set_trial_user_attr(trial._trial_id, INTERRUPTED, True)
            study.tell(trial.number, state=TrialState.FAIL)
            if trial.params:
                kept = ("parent", "operator", "other_parent")
                descent: dict[str, Any] = {name: trial.user_attrs[name] for name in kept if name in trial.user_attrs}
                study.enqueue_trial(trial.params, user_attrs=descent)

    def batches(self, study: Study, goal: int, executor: Executor) -> Iterator[int]:
        """Ask, measure and tell until `goal` trials are finished or it is told to stop; yields how many are missing.

        What other processes finish in the same storage counts too.
        """
        shared = not isinstance(study._storage, InMemoryStorage)
        missing = goal - n_finished(study)
        while missing > 0 and self._may_go_on(study):
            asked = [self.ask(study) for _ in range(min(executor.workers, missing))]
            for trial, entries in zip(asked, self._measure([arch for _, arch in asked], executor), strict=True):
                self._tell(study, trial[0], trial[1], entries)
                missing -= 1
                yield missing
            if shared:
                missing = goal - n_finished(study)

    def _may_go_on(self, study: Study) -> bool:
        """False when the search is to stop; while it is paused there is no answer."""
        while (order := Steering.of(study).order) == "pause" and not self.leave.wait(_LOOK_AGAIN):
            pass
        return order == "run" and not self.leave.is_set()

    def ask(self, study: Study) -> tuple[Trial, Architecture]:
        """The next trial and its architecture, which breaks nothing that is pinned or forbidden."""
        sampler = study.sampler
        assert isinstance(sampler, WithoutRepeats)
        distributions = self.space.distributions()
        if all(d.single() for d in distributions.values()) and n_finished(study):
            raise SpaceExhausted  # Optuna asks no sampler where there is nothing to choose
        while True:
            trial = study.ask(fixed_distributions=dict(distributions))
            arch = sampler.architecture(trial.params)
            about = {"architecture": str(arch), **here(self.thread), **sampler.descent(trial.number)}
            before = trial.user_attrs
            for name, value in about.items():
                if before.get(name) != value:
                    trial.set_user_attr(name, value)
            # What was enqueued before a pin was set passes by the sampler.
            broken = Steering.of(study).broken_by(arch) or sampler.came_too_late(study, trial.number)
            if not broken:
                return trial, arch
            trial.set_user_attr("reason", broken)
            trial.set_user_attr(INTERRUPTED, True)
            study.tell(trial, state=TrialState.FAIL)

    def _of_bounds(self, arch: Architecture) -> list[Entry]:
        """What the measures of the bounds say of an architecture, from the ledger or at once."""
        known = self._bounded.find(arch)
        if all(entry is not None for entry in known):
            return [entry for entry in known if entry is not None]
        entries = Evaluation(tuple(bound.measure for bound in self.bounds))(arch)
        self._bounded.keep(arch, entries)
        return entries

    def _found(self, arch: Architecture) -> list[Entry | None]:
        """What is known of an architecture before it is measured."""
        known = self.known.find(arch)
        if self.gate is not None:
            seen = dict(zip([bound.measure for bound in self.bounds], self.gate.entries(arch), strict=True))
            known = [entry or seen.get(measure) for measure, entry in zip(self.measures, known, strict=True)]
        return known

    def _measure(self, archs: list[Architecture], executor: Executor) -> Iterator[list[Entry]]:
        known = [self._found(arch) for arch in archs]
        todo = [i for i, entries in enumerate(known) if any(entry is None for entry in entries)]
        # What is known of all of them, as a bound that was looked at before, is not measured again.
        asked = [k for k in range(len(self.measures)) if any(known[i][k] is None for i in todo)]
        evaluation = Evaluation(tuple(self.measures[k] for k in asked))
        names = [str(archs[i]) for i in todo]
        outcomes = executor.map(evaluation, [archs[i] for i in todo], names=names, show=False)
        for i, arch in enumerate(archs):
            if i in todo:
                outcome = next(outcomes)
                failed = [Entry(math.nan, outcome.error) for _ in asked]
                fresh = dict(zip(asked, outcome.value if outcome.error is None else failed, strict=True))
                entries = [old or fresh[k] for k, old in enumerate(known[i])]
                if outcome.error is None:
                    self.known.keep(arch, entries)
                yield entries
            else:
                yield [entry for entry in known[i] if entry is not None]

    def _tell(self, study: Study, trial: Trial, arch: Architecture, entries: list[Entry]) -> None:
        value = dict(zip(self.measures, entries, strict=True))
        for measure in self.measures:
            trial.set_user_attr(measure.name, value[measure].value if value[measure].reason is None else None)
        reasons = [entry.reason for entry in entries if entry.reason]
        if reasons:
            trial.set_user_attr("reason", "; ".join(reasons))
            study.tell(trial, state=TrialState.FAIL)
            return
        for bound in self.bounds:
            trial.set_constraint(bound.measure.name, bound.violation(value[bound.measure].value))
        told = [value[measure].value for measure in self.objectives]
        if self.handling == "penalty":
            over = excess(self.bounds, [value[bound.measure] for bound in self.bounds])
            told = [penalised(v, m.sign, over, self.penalty) for v, m in zip(told, self.objectives, strict=True)]
        study.tell(trial, told)


def n_finished(study: Study) -> int:
    """Trials that were measured, whether that succeeded or not; one that was asked in vain does not count."""
    return sum(t.state.is_finished() and INTERRUPTED not in t.user_attrs for t in study.get_trials(deepcopy=False))


def _just_begun(trial: FrozenTrial) -> bool:
    """Whether a trial may be in the hands of a process that had no time yet to sign it."""
    if trial.datetime_start is None or "process" in trial.user_attrs:
        return False
    return (datetime.now() - trial.datetime_start).total_seconds() < _UNSIGNED


def _checked_measures(measures: Measure | Sequence[Measure]) -> list[Measure]:
    listed = [measures] if isinstance(measures, Measure) else list(measures)
    for measure in listed:
        if not isinstance(measure, Measure):
            raise InvalidInput(
                f"{measure!r} is no Measure. Take one from a table, wb.benchmark(...).measure(name), "
                "or a proxy, wb.measure(name)."
            )
    if not listed or len({m.name for m in listed}) < len(listed):
        raise InvalidInput(f"A search needs at least one measure, all of different names; got {listed!r}.")
    return listed


def fingerprint(space: SearchSpace) -> str:
    """Sixteen letters that are other ones when the space asks something else."""
    return hashlib.sha256(json.dumps(fingerprints(space)).encode()).hexdigest()[:16]


def fingerprints(space: SearchSpace) -> dict[str, str]:
    """Question -> a few letters that are other ones when it has other answers."""
    return {q.name: hashlib.sha256(json.dumps(list(q.answers)).encode()).hexdigest()[:8] for q in space.questions()}


def _what_changed(before: Any, now: Any) -> str:
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before} then, {now} now"
    parts = {
        "no longer asked": [name for name in before if name not in now],
        "newly asked": [name for name in now if name not in before],
        "with other answers": [name for name in now if before.get(name, now[name]) != now[name]],
    }
    return "; ".join(
        f"{', '.join(map(repr, names[:_SHOWN]))}{' and others' if len(names) > _SHOWN else ''} {how}"
        for how, names in parts.items()
        if names
    )
