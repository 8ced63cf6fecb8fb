"""Repeats, regret and time of the samplers on NAS-Bench-201, ours beside plain Optuna in one run.

python benchmarks/search_without_repeats.py [SEEDS]     (20 by default)
"""

from __future__ import annotations

import sys
import time

import optuna
import pandas as pd

import workbench as wb

N_TRIALS = 200


def plain(space: wb.SearchSpace, measures: list[wb.Measure], seed: int) -> list[str]:
    """What Optuna's default sampler tries on its own."""
    study = optuna.create_study(
        directions=["maximize" if m.better == "higher" else "minimize" for m in measures],
        sampler=optuna.samplers.TPESampler(seed=seed),
    )
    tried = []
    for _ in range(N_TRIALS):
        trial = study.ask(fixed_distributions=dict(space.distributions()))
        arch = space.architecture(trial.params)
        study.tell(trial, [measure(arch) for measure in measures])
        tried.append(str(arch))
    return tried


def ours(space: wb.SearchSpace, measures: list[wb.Measure], seed: int, sampler: str) -> list[str]:
    """What `wb.search` tries."""
    study = wb.search(space, measures, sampler, N_TRIALS, seed=seed, progress=False)
    return [trial.user_attrs["architecture"] for trial in study.trials]


def main(seeds: int) -> None:
    """Print the table."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = wb.search_space("nasbench201")
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    one = [bench.measure("valid_accuracy")]
    two = [*one, bench.measure("latency_ms")]
    rows = []
    jobs = [("plain Optuna tpe", one, None), ("plain Optuna tpe", two, None)]
    jobs += [(f"workbench {name}", one, name) for name in wb.samplers().index]
    jobs += [(f"workbench {name}", two, name) for name in ("random", "tpe", "nsgaii")]
    for label, measures, sampler in jobs:
        repeats, regrets, start = [], [], time.process_time()
        for seed in range(seeds):
            tried = plain(space, measures, seed) if sampler is None else ours(space, measures, seed, sampler)
            archs = [space.parse(text) for text in tried]
            functions = {space.canonical(arch, "functional") for arch in archs}
            repeats.append(1 - len(functions) / len(archs))
            regrets.append(one[0].optimum - max(one[0](arch) for arch in archs))
        rows.append(
            {
                "search": label,
                "measures": len(measures),
                "repeats %": 100 * sum(repeats) / seeds,
                "median regret": pd.Series(regrets).median(),
                "CPU ms a trial": 1000 * (time.process_time() - start) / seeds / N_TRIALS,
            }
        )
    print(f"{N_TRIALS} trials, {seeds} seeds, CIFAR-100; repeats count architectures that compute the same function")
    print(pd.DataFrame(rows).round(2).to_string(index=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
