"""One search of a comparison: a strategy with a seed, and the curve of what it found, query by query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from optuna.samplers import BaseSampler

from workbench.errors import InvalidInput, WorkbenchError
from workbench.executors import Here
from workbench.measure import Measure
from workbench.samplers import catalogue
from workbench.samplers import sampler as find_sampler
from workbench.samplers.without_repeats import SpaceExhausted
from workbench.spaces.space import SearchSpace
from workbench.studies.driver import Driver, fingerprint

MakeSampler = Callable[[int], BaseSampler]
Strategies = str | Sequence[str] | Mapping[str, str | MakeSampler]


@dataclass(frozen=True)
class Question:
    """What every search of a comparison is asked: which space, judged how, for how long."""

    space: SearchSpace
    measure: Measure
    report: Measure | None
    n_trials: int
    duplicates: str

    @property
    def judged(self) -> Measure:
        """What the incumbent is judged by: `report`, else the truth behind a noisy measure, else the measure."""
        return self.report or self.measure.truth or self.measure

    @property
    def words(self) -> dict[str, Any]:
        """All that, changed, would change a search, by name, as JSON can hold it."""
        return {
            "space": f"{self.space.name} ({fingerprint(self.space)})",
            "measure": _words(self.measure),
            "judged by": _words(self.judged),
            "n_trials": self.n_trials,
            "duplicates": self.duplicates,
        }


@dataclass(frozen=True)
class Job:
    """A strategy and a seed; `how` says in words which sampler that is."""

    strategy: str
    how: str
    make: MakeSampler
    seed: int

    @property
    def name(self) -> str:
        """What the search is called where it fails."""
        return f"{self.strategy}, seed {self.seed}"


def jobs_of(strategies: Strategies, seeds: Iterable[int]) -> list[Job]:
    """Every strategy with every seed, seed after seed: whenever it is stopped, all strategies are equally far.

    Raises `UnknownName` and `InvalidInput` for strategies that are none, and for seeds given twice.
    """
    listed = [strategies] if isinstance(strategies, str) else strategies
    given = listed if isinstance(listed, Mapping) else {name: name for name in listed}
    if not given:
        raise InvalidInput("compare needs at least one strategy.")
    named = {name: _made(name, how) for name, how in given.items()}
    numbers = [int(seed) for seed in seeds]
    if not numbers:
        raise InvalidInput("compare needs at least one seed, such as seeds=range(20).")
    if len(set(numbers)) < len(numbers):
        raise InvalidInput("A seed is given twice: the same search again would count as another one.")
    return [Job(name, how, make, seed) for seed in numbers for name, (how, make) in named.items()]


def searched(job: Job, question: Question) -> pd.DataFrame:
    """Run one search; a row per query, with the columns that `workbench.compare` describes."""
    driver = Driver(question.space, question.measure, None, None)
    study = driver.opened(job.make(job.seed), None, job.name, question.duplicates)
    with suppress(SpaceExhausted):  # a space with nothing new left ends the curve
        for _ in driver.batches(study, question.n_trials, Here()):
            pass
    driver.known.close()
    # The trial that finds the space exhausted has no architecture.
    trials = [trial for trial in study.get_trials(deepcopy=False) if "architecture" in trial.user_attrs]
    values = np.array([trial.values[0] if trial.values else np.nan for trial in trials])
    if np.isnan(values).all():
        reason = trials[0].user_attrs.get("reason", "no reason given") if trials else "nothing was asked for"
        raise WorkbenchError(f"not one of {len(trials)} trials has a value; the first: {reason}")
    return curve(job, question, [trial.user_attrs["architecture"] for trial in trials], values)


def curve(job: Job, question: Question, archs: list[str], values: np.ndarray) -> pd.DataFrame:
    """The rows of a search that asked for `archs` and got `values`, (queries,) each, NaN for what failed."""
    incumbents = _incumbents(question.measure.sign * values)
    judged = question.judged
    if judged is question.measure:
        best = values[incumbents]
    else:
        known = {i: judged(question.space.parse(archs[i])) for i in set(incumbents)}
        best = np.array([known[i] for i in incumbents], dtype=float)
        best[np.isnan(values[incumbents])] = np.nan  # nothing was found yet: nothing is to be judged
    frame = pd.DataFrame(
        {
            "strategy": job.strategy,
            "seed": job.seed,
            "query": np.arange(1, len(archs) + 1),
            "architecture": archs,
            "value": values,
            "incumbent": [archs[i] for i in incumbents],
            "best": best,
        }
    )
    if judged.optimum is not None:
        frame["regret"] = judged.sign * (judged.optimum - best)
    return frame


def _incumbents(values: np.ndarray) -> list[int]:
    """The index of the best value so far, at every query; a query without a value never is, where another has one."""
    best = 0
    found = []
    for i, value in enumerate(values):
        if value > values[best] or np.isnan(values[best]):
            best = i
        found.append(best)
    return found


def _made(name: str, how: str | MakeSampler) -> tuple[str, MakeSampler]:
    if isinstance(how, str):
        catalogue.find(how)  # an unknown name is refused before anything runs
        return how, partial(find_sampler, how)
    if not callable(how):
        raise InvalidInput(
            f"The strategy {name!r} must be a sampler's name or a function of the seed that makes a sampler, such as "
            f"lambda seed: wb.sampler('random', seed); got {how!r}."
        )
    return _described(how), how


def _described(make: MakeSampler) -> str:
    """A function in words that are the same in the next session."""
    if isinstance(make, partial):
        settings = [repr(a) for a in make.args] + [f"{key}={value!r}" for key, value in sorted(make.keywords.items())]
        return f"{_described(make.func)}({', '.join(settings)})"
    return f"{getattr(make, '__module__', '')}.{getattr(make, '__qualname__', type(make).__qualname__)}"


def _words(measure: Measure) -> str:
    parts = [measure.name, measure.better, measure.task, measure.settings]
    if measure.seed is not None:
        parts.append(f"seed {measure.seed}")
    return ", ".join(filter(None, parts))
