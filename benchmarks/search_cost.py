"""What a trial costs with every sampler, beside plain Optuna in the same run, and how often a function is repeated.

python benchmarks/search_cost.py [--trials 1000 10000] [--limit 120] [--samplers NAME ...]

Two tables, each with one and with two objectives, in CPU milliseconds a trial (process time, what the storage and the
table take included). The first is of whole searches of NAS-Bench-201, with the share of trials that computed the same
function as an earlier one. The second is of one more trial in a study of FCNet that has so many: the study is filled
with random configurations of the table, some trials are asked and told so that what can be remembered is, and then some
more are timed. Rows "plain" are Optuna's own samplers without the workbench. A search that reaches the limit of CPU
seconds is stopped and shows at how many trials; a filled study whose first trials reach it is left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pandas as pd
from optuna import Study
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, create_trial

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.measure import Measure

PLAIN: dict[str, Callable[[], BaseSampler]] = {
    "plain random": lambda: RandomSampler(seed=0),
    "plain tpe": lambda: TPESampler(seed=0),
    "plain nsgaii": lambda: NSGAIISampler(population_size=20, seed=0),
}
STEP = 50  # trials of a search between two looks at the clock
TIMED = 40  # trials whose time is taken in a filled study


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--samplers", nargs="+", metavar="NAME")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    names = [*PLAIN, *(options.samplers or wb.samplers().index)]
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    both = [bench.measure("valid_accuracy"), bench.measure("latency_ms")]
    wb.search(wb.search_space("nasbench201"), both, "random", 1, progress=False)  # loads what is loaded once
    rows = [
        {"sampler": name, "objectives": k, **whole_search(name, both[:k], min(options.trials), options.limit)}
        for name in names
        for k in (1, 2)
        if suits(name, k)
    ]
    print(f"Whole searches of NAS-Bench-201, {min(options.trials):,} trials")
    print(pd.DataFrame(rows).to_string(index=False))
    bench = wb.benchmark("fcnet")
    both = [bench.measure(name) for name in list(bench.measures())[:2]]
    filling = {k: filled(both[:k], max(options.trials)) for k in (1, 2)}
    rows = []
    for name in names:
        for k in (1, 2):
            if suits(name, k):
                rows.append({"sampler": name, "objectives": k})
                for n in sorted(options.trials):
                    rows[-1][f"at {n:,}"] = one_more(name, both[:k], filling[k][:n], options.limit)
    print("\nOne more trial of a study of FCNet that has so many, CPU milliseconds")
    print(pd.DataFrame(rows).to_string(index=False))


def suits(name: str, n_objectives: int) -> bool:
    """Whether a sampler can be made without further arguments, and takes so many objectives."""
    if name in PLAIN:
        return True
    objectives = wb.samplers().loc[name, "objectives"]
    try:
        wb.sampler(name, 0)
    except (WorkbenchError, TypeError, ValueError) as error:
        if n_objectives == 1:
            print(f"{name} is left out: {error}")
        return False
    return objectives in ("any", "one" if n_objectives == 1 else "several")


def whole_search(name: str, measures: Sequence[Measure], n: int, limit: float) -> dict[str, Any]:
    """Search until there are `n` trials or the time is up."""
    space = wb.search_space("nasbench201")
    storage = InMemoryStorage()
    study = begun(name, measures, storage) if name in PLAIN else None
    start = time.process_time()
    done = 0
    while done < n and time.process_time() - start < limit:
        done = min(done + STEP, n)
        if name in PLAIN:
            assert study is not None
            ask_and_tell(study, space, measures, done - len(study.trials))
        else:
            study = wb.search(space, list(measures), name, done, storage=storage, progress=False)
    seconds = time.process_time() - start
    assert study is not None
    archs = [space.architecture(trial.params) for trial in study.trials]
    functions = {space.canonical(arch, "functional") for arch in archs}
    return {
        "trials": len(archs),
        "CPU ms a trial": round(1000 * seconds / len(archs), 2),
        "repeats %": round(100 * (1 - len(functions) / len(archs)), 1),
    }


def one_more(name: str, measures: Sequence[Measure], filling: Sequence[FrozenTrial], limit: float) -> str:
    """CPU milliseconds of a trial after those of `filling`."""
    space = measures[0].space
    assert space is not None
    study = begun(name, measures, InMemoryStorage())
    study.add_trials(filling)
    for timed in (False, True):
        start = time.process_time()
        for _ in range(TIMED):
            ask_and_tell(study, space, measures, 1)
            if not timed and time.process_time() - start > limit:
                return f"over {limit:.0f} s for {len(study.trials) - len(filling)} trials"
    return f"{1000 * (time.process_time() - start) / TIMED:.2f}"


def begun(name: str, measures: Sequence[Measure], storage: InMemoryStorage) -> Study:
    """An Optuna study for the measures, with a sampler of Optuna or of ours."""
    made = PLAIN[name]() if name in PLAIN else wb.sampler(name, 0, space=measures[0].space)
    directions = ["maximize" if measure.better == "higher" else "minimize" for measure in measures]
    return optuna.create_study(storage=storage, sampler=made, directions=directions)


def ask_and_tell(study: Study, space: wb.SearchSpace, measures: Sequence[Measure], n: int) -> None:
    """`n` trials of plain Optuna."""
    distributions = dict(space.distributions())
    for _ in range(n):
        trial = study.ask(fixed_distributions=distributions)
        arch = space.architecture(trial.params)
        study.tell(trial, [measure(arch) for measure in measures])


def filled(measures: Sequence[Measure], n: int) -> list[FrozenTrial]:
    """Finished trials of `n` random architectures."""
    space = measures[0].space
    assert space is not None
    distributions = space.distributions()
    return [
        create_trial(
            params=dict(arch.decisions), distributions=distributions, values=[measure(arch) for measure in measures]
        )
        for arch in space.sample(n, seed=0)
    ]


if __name__ == "__main__":
    main()
