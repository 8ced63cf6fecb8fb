"""Comparing search strategies over many seeds, query by query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from optuna.samplers import BaseSampler

from workbench.errors import InvalidInput, WorkbenchError
from workbench.executors import Executor, Here
from workbench.measure import Measure
from workbench.samplers import catalogue
from workbench.samplers import sampler as find_sampler
from workbench.spaces.space import SearchSpace
from workbench.studies.search import search

MakeSampler = Callable[[int], BaseSampler]


def compare(
    strategies: str | Sequence[str] | Mapping[str, str | MakeSampler],
    measure: Measure,
    seeds: Iterable[int] = range(100),
    n_trials: int = 200,
    *,
    space: SearchSpace | None = None,
    report: Measure | None = None,
    duplicates: str = "functional",
    executor: Executor | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run every strategy once per seed and keep every query: a tidy frame, one row per strategy, seed and query.

    `strategies` are sampler names, or name -> sampler name or function of the seed. Columns: strategy, seed, query
    (1, 2, ...), architecture, value (of this query), incumbent (architecture with the best value so far), best (its
    value) and, where the measure's optimum is known, regret (>= 0). With `report` the incumbent, still chosen by
    `measure`, is judged by that other measure: search on validation, report on test. A noisy measure is judged by its
    truth unless `report` says otherwise, so that luck is not taken for skill.
    """
    named = _named(strategies)
    space = space or measure.space
    if space is None:
        raise InvalidInput(f"The measure {measure.name!r} does not say which space it measures: give space=.")
    jobs = [_Job(name, make, int(seed)) for name, make in named.items() for seed in seeds]
    run = partial(_curve, space=space, measure=measure, report=report, n_trials=n_trials, duplicates=duplicates)
    where = executor or Here()
    frames = []
    for outcome in where.map(run, jobs, names=[j.name for j in jobs], label="compare", show=progress):
        if outcome.error is not None:
            raise WorkbenchError(f"Comparing {outcome.name} failed: {outcome.error}")
        frames.append(outcome.value)
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class _Job:
    strategy: str
    make: MakeSampler
    seed: int

    @property
    def name(self) -> str:
        return f"{self.strategy}, seed {self.seed}"


def _named(strategies: str | Sequence[str] | Mapping[str, str | MakeSampler]) -> dict[str, MakeSampler]:
    listed = [strategies] if isinstance(strategies, str) else strategies
    given = listed if isinstance(listed, Mapping) else {name: name for name in listed}
    made: dict[str, MakeSampler] = {}
    for name, how in given.items():
        if isinstance(how, str):
            catalogue.find(how)  # an unknown name is refused before anything runs
            made[name] = partial(find_sampler, how)
        else:
            made[name] = how
    if not made:
        raise InvalidInput("compare needs at least one strategy.")
    return made


def _curve(
    job: _Job, *, space: SearchSpace, measure: Measure, report: Measure | None, n_trials: int, duplicates: str
) -> pd.DataFrame:
    study = search(space, measure, job.make(job.seed), n_trials, seed=job.seed, duplicates=duplicates, progress=False)
    trials = study.get_trials(deepcopy=False)
    archs = [t.user_attrs["architecture"] for t in trials]
    values = np.array([t.values[0] if t.values else np.nan for t in trials])
    incumbents = _incumbents(measure.sign * values)
    judged = report or measure.truth or measure
    if judged is measure:
        best = values[incumbents]
    else:
        known = {i: judged(space.parse(archs[i])) for i in set(incumbents)}
        best = np.array([known[i] for i in incumbents])
    frame = pd.DataFrame(
        {
            "strategy": job.strategy,
            "seed": job.seed,
            "query": np.arange(1, len(trials) + 1),
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
    """The index of the best value so far, at every query; a query without a value never is."""
    best = 0
    found = []
    for i, value in enumerate(values):
        if value > values[best] or np.isnan(values[best]):
            best = i
        found.append(best)
    return found
