"""Comparing search strategies over many seeds, query by query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import InvalidInput, WorkbenchError
from workbench.executors import Auto, Executor
from workbench.measure import Measure
from workbench.plots.live_curves import LiveCurves, in_notebook
from workbench.progress import say
from workbench.spaces.space import SearchSpace
from workbench.studies.kept_searches import KeptSearches
from workbench.studies.one_search import Job, Question, Strategies, jobs_of, searched

_WORTH_S, _EACH_S = 3.0, 1.5  # a process is ready for searches of a table after one second


def compare(
    strategies: Strategies,
    measure: Measure,
    seeds: Iterable[int] = range(100),
    n_trials: int = 200,
    *,
    space: SearchSpace | None = None,
    report: Measure | None = None,
    duplicates: str = "functional",
    path: str | Path | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    live: bool = True,
) -> pd.DataFrame:
    """Run every strategy once per seed and keep every query: a tidy frame, one row per strategy, seed and query.

    `strategies` are sampler names, or name -> sampler name or function of the seed. Columns: strategy, seed, query
    (1, 2, ...), architecture, value (of this query), incumbent (architecture with the best value so far), best (its
    value) and, where the measure's optimum is known, regret (>= 0). With `report` the incumbent, still chosen by
    `measure`, is judged by that other measure: search on validation, report on test. A noisy measure is judged by its
    truth unless `report` says otherwise, so that luck is not taken for skill. `wb.summary`, `wb.rank_tests` and
    `wb.reliability` say what the frame shows; its `attrs` hold the `label`s and which direction is `better`.

    The searches run in several processes when more than a few seconds of work are left (`executor=` says otherwise),
    one seed of every strategy after the other; in a notebook their curves fill in as they finish (`live`). One that
    fails is named, also in `attrs["failed"]`, and the others are kept; interrupting returns what is there. With `path`
    every finished search is written to that file at once, and asking again, for more seeds or strategies too, takes
    them up from there. Raises `InvalidInput` where the file answers another question, and `WorkbenchError` where
    every search fails.
    """
    space = space or measure.space
    if space is None:
        raise InvalidInput(f"The measure {measure.name!r} does not say which space it measures: give space=.")
    if isinstance(n_trials, bool) or not isinstance(n_trials, int) or n_trials < 1:
        raise InvalidInput(f"n_trials must be a whole number of queries, at least one; got {n_trials!r}.")
    question = Question(space, measure, report, n_trials, duplicates)
    jobs = jobs_of(strategies, seeds)
    kept = KeptSearches(path, question) if path is not None else None
    frames = kept.of(jobs) if kept else {}
    failed: dict[str, str] = {}
    judged = question.judged
    picture = LiveCurves(judged.label, judged.optimum is not None, shown=progress and live and in_notebook())
    try:
        for job, outcome in _run([job for job in jobs if job not in frames], question, executor, progress, len(frames)):
            if isinstance(outcome, str):
                failed[job.name] = outcome
                continue
            frames[job] = outcome
            if kept:
                kept.add(job, outcome)
            picture.show(lambda: _joined(jobs, frames, question), len(frames) + len(failed), len(jobs))
    except KeyboardInterrupt:
        say(f"Stopped after {len(frames)} of {len(jobs)} searches, which are returned." + _goes_on(path))
    frame = _finished(jobs, frames, failed, question)
    picture.show(lambda: frame, len(jobs), len(jobs))
    return frame


def _run(
    jobs: Sequence[Job], question: Question, executor: Executor | None, show: bool, done: int
) -> Iterator[tuple[Job, pd.DataFrame | str]]:
    """Each search as it finishes: its rows, or in words why it failed."""
    where = executor or Auto(_WORTH_S, _EACH_S)
    names = [job.name for job in jobs]
    run = partial(searched, question=question)
    for outcome in where.map(run, jobs, names=names, label="compare", show=show, done=done, ordered=False):
        yield jobs[outcome.index], outcome.value if outcome.error is None else outcome.error


def _finished(
    jobs: Sequence[Job], frames: dict[Job, pd.DataFrame], failed: dict[str, str], question: Question
) -> pd.DataFrame:
    """The whole frame, after saying what is missing in it."""
    if not frames:
        if failed:
            name, why = next(iter(failed.items()))
            raise WorkbenchError(f"Every search failed; {name}: {why}")
        raise WorkbenchError("Interrupted before one search was finished: there is nothing to return.")
    if failed:
        name, why = next(iter(failed.items()))
        say(f"{len(failed)} of {len(jobs)} searches failed and are left out; {name}: {why}")
    short = {job.strategy: len(frame) for job, frame in frames.items() if len(frame) < question.n_trials}
    if short:
        name, queries = next(iter(short.items()))
        say(f"{question.space.name} has nothing new left: {name} ended after {queries} of {question.n_trials} queries.")
    frame = _joined(jobs, frames, question)
    frame.attrs["failed"] = failed
    return frame


def _joined(jobs: Sequence[Job], frames: dict[Job, pd.DataFrame], question: Question) -> pd.DataFrame:
    """The searches so far, strategy by strategy in the order given, seed by seed."""
    place = {name: number for number, name in enumerate(dict.fromkeys(job.strategy for job in jobs))}
    ordered = sorted((job for job in jobs if job in frames), key=lambda job: (place[job.strategy], job.seed))
    frame = pd.concat([frames[job] for job in ordered], ignore_index=True)
    judged = question.judged
    attrs: dict[str, Any] = {
        "better": {"value": question.measure.better, "best": judged.better, "regret": "lower"},
        "label": {"value": question.measure.label, "best": judged.label, "regret": f"regret of {judged.label}"},
        "space": question.space.name,
        "failed": {},
    }
    frame.attrs.update(attrs)
    return frame


def _goes_on(path: str | Path | None) -> str:
    return f" Asking again with path={str(path)!r} goes on with the rest." if path is not None else ""
