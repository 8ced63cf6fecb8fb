"""Search: ask a sampler for architectures, measure them, tell it; never pay for the same function twice."""

from __future__ import annotations

import hashlib
import json
import math
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
from optuna import Study, Trial
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.executors import Executor, Here
from workbench.ledger import Entry, Ledger
from workbench.measure import Measure
from workbench.progress import progress as shown
from workbench.progress import say
from workbench.samplers import sampler as find_sampler
from workbench.samplers.without_repeats import SpaceExhausted, WithoutRepeats
from workbench.spaces.space import SearchSpace
from workbench.studies.constraints import Constraints, bounds_of
from workbench.studies.evaluation import Evaluation, Known
from workbench.studies.quiet import quiet
from workbench.studies.storage import open_storage

INTERRUPTED = "interrupted"  # user attribute of a trial that was asked but never measured


def search(
    space: SearchSpace,
    measures: Measure | Sequence[Measure],
    sampler: str | BaseSampler | None = None,
    n_trials: int = 100,
    *,
    seed: int = 0,
    constraints: Constraints | None = None,
    duplicates: str = "functional",
    storage: str | Path | BaseStorage | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    ledger: Ledger | None = None,
    progress: bool = True,
) -> Study:
    """Search `space` for architectures with the best `measures`; returns the `optuna.Study`.

    - `sampler`: a name from `wb.samplers()` or any Optuna sampler; by default regularized evolution for one measure,
      NSGA-II for more.
    - `n_trials`: trials the study has in the end. With `storage` (a path to an SQLite file or a URL) a study that was
      stopped goes on where it was; asking again for as many trials as it has does nothing.
    - `constraints`: measure -> bound, an upper one where lower is better, else a lower one. A name stands for one of
      `measures`, for another column of the table they come from, or for a free proxy such as "params" (bounded from
      above). Trials that break a bound are kept, marked infeasible.
    - `duplicates`: "functional" never measures two architectures that compute the same function, "exact" never the
      same one twice, "allow" leaves it to the sampler.
    - `executor`: where measures run, e.g. `wb.Local(2)`; as many architectures are asked for at once as it has workers.

    Every trial carries `user_attrs["architecture"]`; one whose measure fails or is not finite is a failed trial with
    `user_attrs["reason"]`, and the search goes on. Interrupting returns the study so far. When the space has nothing
    new left the search ends early and says so.
    """
    if isinstance(n_trials, bool) or not isinstance(n_trials, int) or n_trials < 0:
        raise InvalidInput(f"n_trials must be a whole number, zero or more; got {n_trials!r}.")
    driver = _Driver(space, measures, constraints, ledger)
    chosen = _chosen(sampler, len(driver.objectives), seed)
    study = driver.opened(chosen, storage, name or driver.study_name(sampler, seed), duplicates)
    driver.sweep(study)
    missing = n_trials - _n_finished(study)
    batches = driver.batches(study, missing, executor or Here())
    try:
        for _ in shown(batches, max(missing, 0), f"search {space.name}", show=progress):
            pass
    except KeyboardInterrupt:
        driver.sweep(study)
        say(f"Stopped after {_n_finished(study)} trials; the study so far is returned.")
    except SpaceExhausted:
        driver.sweep(study)
        n = _n_finished(study)
        say(f"Stopped after {n} trials: {space.name} has nothing new left (duplicates={duplicates!r}).")
    driver.known.close()
    return study


class _Driver:
    """The loop of one search: what to measure, in which study, and what to tell it."""

    def __init__(
        self,
        space: SearchSpace,
        measures: Measure | Sequence[Measure],
        constraints: Constraints | None,
        ledger: Ledger | None,
    ) -> None:
        self.space = space
        self.objectives = _checked_measures(measures)
        self.bounds = bounds_of(self.objectives, constraints or {})
        self.measures = list(self.objectives)
        self.measures += [bound.measure for bound in self.bounds if bound.measure not in self.objectives]
        self.known = Known(self.measures, ledger)

    def study_name(self, sampler: str | BaseSampler | None, seed: int) -> str:
        """A name that is the same for the same question asked again."""
        kind = sampler if isinstance(sampler, str) else type(sampler).__name__ if sampler else "default"
        return f"{self.space.name} {'+'.join(m.name for m in self.objectives)} {kind} seed {seed}"

    def opened(
        self, sampler: BaseSampler, storage: str | Path | BaseStorage | None, name: str, duplicates: str
    ) -> Study:
        """The study of that name, made or taken up again; refuses one that was made for something else."""
        with quiet():
            study = optuna.create_study(
                study_name=name,
                storage=open_storage(storage),
                directions=["maximize" if m.better == "higher" else "minimize" for m in self.objectives],
                sampler=WithoutRepeats(sampler, self.space, duplicates),
                load_if_exists=True,
            )
        about = {
            "space": self.space.name,
            "questions": _fingerprint(self.space),
            "measures": [m.name for m in self.objectives],
            "tasks": [m.task for m in self.objectives],
        }
        for key, value in about.items():
            before = study.user_attrs.get(key, value)
            if before != value:
                raise InvalidInput(
                    f"The study {name!r} was made with other {key} ({before}) than asked for now ({value}). "
                    "Give another name= or storage=, or ask the same question."
                )
            if key not in study.user_attrs:
                study.set_user_attr(key, value)
        return study

    def sweep(self, study: Study) -> None:
        """Close the trials that a process now gone asked for but never told, and queue their architectures again."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if _is_alive(trial.user_attrs.get("process", "")):
                continue
            # Optuna has no public way to mark a trial of another process; a finished trial cannot be marked at all.
            study._storage.set_trial_user_attr(trial._trial_id, INTERRUPTED, True)
            study.tell(trial.number, state=TrialState.FAIL)
            if trial.params:
                study.enqueue_trial(trial.params)

    def batches(self, study: Study, missing: int, executor: Executor) -> Iterator[int]:
        """Ask, measure and tell until `missing` more trials are finished; yields once for each."""
        while missing > 0:
            asked = [self._ask(study) for _ in range(min(executor.workers, missing))]
            for trial, entries in zip(asked, self._measure([arch for _, arch in asked], executor), strict=True):
                self._tell(study, trial[0], trial[1], entries)
                missing -= 1
                yield missing

    def _ask(self, study: Study) -> tuple[Trial, Architecture]:
        sampler = study.sampler
        assert isinstance(sampler, WithoutRepeats)
        distributions = self.space.distributions()
        if all(d.single() for d in distributions.values()) and _n_finished(study):
            raise SpaceExhausted  # Optuna asks no sampler where there is nothing to choose
        trial = study.ask(fixed_distributions=dict(distributions))
        arch = sampler.architecture(trial.params)
        trial.set_user_attr("architecture", str(arch))
        trial.set_user_attr("process", _process())
        return trial, arch

    def _measure(self, archs: list[Architecture], executor: Executor) -> Iterator[list[Entry]]:
        known = [self.known.find(arch) for arch in archs]
        todo = [i for i, entries in enumerate(known) if any(entry is None for entry in entries)]
        evaluation = Evaluation(tuple(self.measures))
        names = [str(archs[i]) for i in todo]
        outcomes = executor.map(evaluation, [archs[i] for i in todo], names=names, show=False)
        for i, arch in enumerate(archs):
            if i in todo:
                outcome = next(outcomes)
                failed = [Entry(math.nan, outcome.error) for _ in self.measures]
                fresh = outcome.value if outcome.error is None else failed
                entries = [old or new for old, new in zip(known[i], fresh, strict=True)]
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
        study.tell(trial, [value[measure].value for measure in self.objectives])


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


def _chosen(sampler: str | BaseSampler | None, n_objectives: int, seed: int) -> BaseSampler:
    if sampler is None:
        sampler = "regularized_evolution" if n_objectives == 1 else "nsgaii"
    if isinstance(sampler, BaseSampler):
        return sampler
    if not isinstance(sampler, str):
        raise InvalidInput(f"sampler must be a name from wb.samplers() or an Optuna sampler; got {sampler!r}.")
    return find_sampler(sampler, seed)


def _fingerprint(space: SearchSpace) -> str:
    questions = [[q.name, list(q.answers)] for q in space.questions()]
    return hashlib.sha256(json.dumps(questions).encode()).hexdigest()[:16]


def _n_finished(study: Study) -> int:
    """Trials that were measured, whether that succeeded or not; one that was asked in vain does not count."""
    return sum(t.state.is_finished() and INTERRUPTED not in t.user_attrs for t in study.get_trials(deepcopy=False))


def _process() -> str:
    """This process, by the name that a study shared between processes knows it by."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_alive(process: str) -> bool:
    """Whether another process of this name still runs; one on another host is taken to."""
    host, _, pid = process.rpartition(":")
    if process == _process() or not pid.isdigit():
        return False
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
