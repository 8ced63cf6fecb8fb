"""Search: ask a sampler for architectures, measure them, tell it; never pay for the same function twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, overload

from optuna import Study
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage

from workbench.errors import InvalidInput
from workbench.executors import Executor, Here
from workbench.ledger import Ledger
from workbench.measure import Measure
from workbench.progress import progress as shown
from workbench.progress import say
from workbench.samplers import sampler as find_sampler
from workbench.samplers.without_repeats import SpaceExhausted, WithoutRepeats
from workbench.spaces.space import SearchSpace
from workbench.studies.constraints import Constraints
from workbench.studies.driver import Driver, n_finished
from workbench.studies.live import LiveStudy
from workbench.studies.processes import here
from workbench.studies.steering import steer

SEARCH = "search"  # user attribute of a study: who searches it, for how many trials, and how that ended


@overload
def search(
    space: SearchSpace,
    measures: Measure | Sequence[Measure],
    sampler: str | BaseSampler | None = None,
    n_trials: int = 100,
    *,
    seed: int = 0,
    constraints: Constraints | None = None,
    handling: str = "native",
    penalty: float = 1.0,
    weights: Mapping[str, float] | None = None,
    duplicates: str = "functional",
    storage: str | Path | BaseStorage | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    ledger: Ledger | None = None,
    progress: bool = True,
    background: Literal[False] = False,
) -> Study: ...
@overload
def search(
    space: SearchSpace,
    measures: Measure | Sequence[Measure],
    sampler: str | BaseSampler | None = None,
    n_trials: int = 100,
    *,
    seed: int = 0,
    constraints: Constraints | None = None,
    handling: str = "native",
    penalty: float = 1.0,
    weights: Mapping[str, float] | None = None,
    duplicates: str = "functional",
    storage: str | Path | BaseStorage | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    ledger: Ledger | None = None,
    progress: bool = True,
    background: Literal[True],
) -> LiveStudy: ...
def search(
    space: SearchSpace,
    measures: Measure | Sequence[Measure],
    sampler: str | BaseSampler | None = None,
    n_trials: int = 100,
    *,
    seed: int = 0,
    constraints: Constraints | None = None,
    handling: str = "native",
    penalty: float = 1.0,
    weights: Mapping[str, float] | None = None,
    duplicates: str = "functional",
    storage: str | Path | BaseStorage | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    ledger: Ledger | None = None,
    progress: bool = True,
    background: bool = False,
) -> Study:
    """Search `space` for architectures with the best `measures`; returns the `optuna.Study`.

    - `sampler`: a name from `wb.samplers()` or any Optuna sampler; by default "auto" for one measure, "nsga2" for
      more.
    - `n_trials`: trials the study has in the end. With `storage` (a path to an SQLite file or a URL) a study that was
      stopped goes on where it was; asking again for as many trials as it has does nothing.
    - `constraints`: measure -> bound, an upper one where lower is better, else a lower one. A name stands for one of
      `measures`, for another column of the table they come from, or for a free proxy such as "params" (bounded from
      above).
    - `handling` of constraints: "native" measures what breaks a bound too, marks it infeasible and leaves the rest to
      the sampler (ours rank it below all that is feasible: Deb, 2000). "reject" looks at the bounds first, so it is for
      bounds on what costs little, and never measures the rest of what breaks them. "penalty" tells the sampler a value
      that is worse by `penalty` times its size for every 100 % over the bounds, for soft limits.
    - `weights`: measure -> how much it counts, which makes one value of several measures, for samplers that take one;
      `wb.steer` changes them while the search runs.
    - `duplicates`: "functional" never measures two architectures that compute the same function, "exact" never the
      same one twice, "allow" leaves it to the sampler.
    - `executor`: where measures run, e.g. `wb.Local(2)`; as many architectures are asked for at once as it has workers.
    - `background`: return at once with a `LiveStudy`, whose search goes on in a thread, while the notebook stays
      usable: `wb.SearchMonitor(study)` shows it, `study.wait()` waits for it.

    Every trial carries `user_attrs["architecture"]`, and where the sampler knows it `user_attrs["parent"]`, the number
    of the trial it was made from, and `user_attrs["operator"]`, how. One whose measure fails or is not finite is a
    failed trial with `user_attrs["reason"]`, and the search goes on. `wb.steer` pauses, stops and steers a search from
    anywhere. Interrupting returns the study so far. When the space has nothing new left the search ends early and says
    so.
    """
    if isinstance(n_trials, bool) or not isinstance(n_trials, int) or n_trials < 0:
        raise InvalidInput(f"n_trials must be a whole number, zero or more; got {n_trials!r}.")
    driver = Driver(space, measures, constraints, ledger, handling, penalty)
    chosen = _chosen(sampler, 1 if weights else len(driver.objectives), seed)
    study = driver.opened(chosen, storage, name or driver.study_name(sampler, seed), duplicates)
    if weights is not None:
        steer(study, weights=weights, space=space)
    where = executor or Here()
    if background:
        return LiveStudy(study, driver, lambda live: _run(driver, live, n_trials, where, show=False))
    ending = _run(driver, study, n_trials, where, progress)
    if ending:
        say(ending)
    return study


def _run(driver: Driver, study: Study, n_trials: int, executor: Executor, show: bool) -> str:
    """Search until there are `n_trials`; in words why it ended before that, "" where it did not."""
    driver.sweep(study)
    missing = n_trials - n_finished(study)
    about = {"goal": n_trials, **here(driver.thread)}
    study.set_user_attr(SEARCH, about)
    ending = ""
    try:
        for left in shown(
            driver.batches(study, n_trials, executor), max(missing, 0), f"search {driver.space.name}", show=show
        ):
            missing = left
        missing = min(missing, n_trials - n_finished(study))  # another process may have done the rest
        if missing > 0:
            why = "with the process that searched" if driver.leave.is_set() else "as it was told"
            ending = f"Stopped after {n_finished(study)} trials, {why}."
    except KeyboardInterrupt:
        driver.sweep(study)
        ending = f"Stopped after {n_finished(study)} trials; the study so far is returned."
    except SpaceExhausted:
        driver.sweep(study)
        ending = _exhausted(study, driver)
        if driver.gate is not None and not n_finished(study):
            raise InvalidInput(ending) from None
    except BaseException as error:
        with suppress(Exception):  # where the storage is what failed, its error is the one to be heard
            study.set_user_attr(SEARCH, about | {"ended": f"{type(error).__name__}: {error}", "failed": True})
        raise
    study.set_user_attr(SEARCH, about | {"ended": ending or f"Finished: {n_finished(study)} trials."})
    driver.known.close()
    return ending


def _exhausted(study: Study, driver: Driver) -> str:
    if driver.gate is not None and isinstance(study.sampler, WithoutRepeats):
        if not n_finished(study):
            return driver.gate.words(study.sampler.closest)
        return f"Stopped after {n_finished(study)} trials: nothing new was found with {driver.gate.asked}."
    attrs = study.user_attrs
    steered = " that is neither pinned away nor forbidden" if attrs.get("pins") or attrs.get("forbidden") else ""
    return (
        f"Stopped after {n_finished(study)} trials: {driver.space.name} has nothing new left{steered} "
        f"(duplicates={attrs['duplicates']!r})."
    )


def _chosen(sampler: str | BaseSampler | None, n_objectives: int, seed: int) -> BaseSampler:
    if sampler is None:
        sampler = "auto" if n_objectives == 1 else "nsga2"
    if isinstance(sampler, BaseSampler):
        return sampler
    if not isinstance(sampler, str):
        raise InvalidInput(f"sampler must be a name from wb.samplers() or an Optuna sampler; got {sampler!r}.")
    return find_sampler(sampler, seed)
