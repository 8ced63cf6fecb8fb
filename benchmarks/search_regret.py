"""Regret of every strategy on NAS-Bench-201 over seeds, beside measured reference curves and random search.

python benchmarks/search_regret.py [--seeds 10] [--first 0] [--strategies NAME ...] [--reference CSV] [--truth NPZ]
    [--out CSV]

One row a strategy and data set, for every sampler that takes one objective and needs no further argument, and for some
variants: median and mean regret in percentage points with 95 % bootstrap intervals after 50, 100 and 200 queries, and
CPU seconds a search. The search sees validation accuracy; CIFAR-100 is judged by the test accuracy of what was found,
where --truth names a file with the columns arch_str and cifar100_test_acc, else by validation accuracy.
ImageNet16-120 is judged by validation accuracy, because its best network there is far from the best in the test.

--reference is a file of measured medians, means and quartiles of other implementations. "at or below" says that median
and mean are, "overlaps" that the intervals of both reach those of the reference (normal, from its quartiles), "above"
that one does not. Ours never ask twice; a reference that does is the one with "dup" above 0. For strategies without a
reference, p is that of the one-sided Mann-Whitney test that their regret is below that of random search.

With --out the results are written there after every ten searches, and a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from functools import partial
from math import nan, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
import pandas as pd
from scipy import stats

import workbench as wb
from workbench.analysis.intervals import interval
from workbench.errors import WorkbenchError
from workbench.executors import Here
from workbench.measure import Measure

QUERIES = (50, 100, 200)
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "local_search, first improvement": ("local_search", {"variant": "first_improvement"}),
    "local_search, whole neighborhood": ("local_search", {"variant": "whole_neighborhood"}),
    "regularized_evolution, 50 of 50": ("regularized_evolution", {"initial": 50, "population": 50}),
    "bananas, one-hot": ("bananas", {"encoding": "one_hot"}),
    "bananas, random candidates": ("bananas", {"candidates": "random"}),
}
REFERENCES = {
    "random": "random",
    "tpe": "TPE(optuna default)",
    "nsgaii": "NSGAII(optuna,pop20)",
    "nsga2": "NSGAII(optuna,pop20)",
    "regularized_evolution": "regularized_evolution(pop30,tour10,no-duplicates)",
    "regularized_evolution, 50 of 50": "regularized_evolution(pop50,init50,tour10)",
    "local_search": "local_search(best-visited, no restart)",
    "local_search, first improvement": "local_search(first-improvement,restart)",
    "local_search, whole neighborhood": "local_search(best-of-neighbourhood,restart)",
    "mutation_only": "mutation_only(top1)",
    "differential_evolution": "DE(rand1bin,pop20,F.5,CR.5)",
    "reinforce": "REINFORCE(lr.01)",
    "bananas": "BANANAS-like(path,mutation)",
    "bananas, one-hot": "BANANAS-like(onehot,mutation)",
    "bananas, random candidates": "BANANAS-like(path,random pool)",
    "gp": "GP-Hamming+EI(mutation pool)",
    "nas_bowl": "GP-WL+EI(mutation pool)",
    "lanas": "LaNAS-like(h5)",
    "gbdt_nas": "GBDT(LightGBM,init20,k10,exhaustive)",
}
FIELDS = ["strategy", "data", "seed", "seconds", *map(str, QUERIES)]
CHUNK = 10  # searches between two writes


class Data(NamedTuple):
    """What is searched, what it is judged by, and which rows of a reference file belong to it."""

    label: str
    measure: Measure
    report: Measure | None
    setting: str
    count: str


def main() -> None:
    """Run what is not known yet, then print the table."""
    options = parsed()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sets = data_sets(options.truth)
    chosen = options.strategies or [*wb.samplers().index, *VARIANTS]
    seeds = range(options.first, options.first + options.seeds)
    known = read(options.out)
    for name in dict.fromkeys(["random", *chosen]):
        for data in sets:
            try:
                for row in searches(name, data, seeds, known, options.out):
                    known[row["strategy"], row["data"], int(row["seed"])] = row
            except (WorkbenchError, TypeError, ValueError) as error:
                print(f"{name} is left out: {error}")
                break
    frame = pd.DataFrame([row for (_, _, seed), row in known.items() if seed in seeds])
    frame = frame.astype({str(q): float for q in QUERIES} | {"seconds": float})
    print(f"\nNAS-Bench-201, {options.seeds} seeds: regret in percentage points after so many queries,")
    print(
        "median [95 %] mean [95 %] (median and mean of the reference) verdict; p: below random search; s: CPU a search"
    )
    rows = [line for name in chosen for data in sets if (line := summary(name, data, frame, reference(options, data)))]
    print(pd.DataFrame(rows).to_string(index=False))


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--strategies", nargs="+", metavar="NAME")
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def data_sets(truth: Path | None) -> list[Data]:
    """CIFAR-100 and ImageNet16-120."""
    cifar, imagenet = (
        wb.benchmark("nasbench201", dataset=name).measure("valid_accuracy") for name in ("cifar100", "imagenet16_120")
    )
    first = Data("CIFAR-100 valid", cifar, None, "C100_val200", "objective_regret/trials")
    if truth is not None:
        columns = np.load(truth)
        known = dict(zip(columns["arch_str"].tolist(), columns["cifar100_test_acc"].tolist(), strict=True))
        test = Measure("test_accuracy", "higher", lambda arch: known[str(arch)], "%", optimum=max(known.values()))
        first = Data("CIFAR-100 test", cifar, test, "C100_val200", "test_regret/trials")
    return [first, Data("ImageNet16-120 valid", imagenet, None, "IN16_val200", "objective_regret/trials")]


def searches(
    name: str, data: Data, seeds: range, known: dict[tuple[str, str, int], dict[str, Any]], out: Path | None
) -> Iterator[dict[str, Any]]:
    """One row for every search that is not known, written to `out` in between."""
    sampler, settings = VARIANTS.get(name, (name, {}))
    if wb.samplers().loc[sampler, "objectives"] == "several":
        return
    make = partial(wb.sampler, sampler, **settings)
    make(0)
    data.measure(next(iter(wb.search_space("nasbench201").sample(1))))  # the table is read before time is taken
    todo = [seed for seed in seeds if (name, data.label, seed) not in known]
    for start in range(0, len(todo), CHUNK):
        chunk = todo[start : start + CHUNK]
        begun = time.process_time()
        frame = wb.compare(
            {name: make}, data.measure, chunk, max(QUERIES), report=data.report, executor=Here(), progress=False
        )
        seconds = (time.process_time() - begun) / len(chunk)
        regret = frame.pivot(index="seed", columns="query", values="regret")
        rows = [
            dict(zip(FIELDS, [name, data.label, seed, seconds, *regret.loc[seed, list(QUERIES)]], strict=True))
            for seed in chunk
        ]
        write(out, rows)
        yield from rows


def read(out: Path | None) -> dict[tuple[str, str, int], dict[str, Any]]:
    """What an earlier run found."""
    if out is None or not out.exists():
        return {}
    with out.open(newline="", encoding="utf-8") as file:
        return {(row["strategy"], row["data"], int(row["seed"])): row for row in csv.DictReader(file)}


def write(out: Path | None, rows: list[dict[str, Any]]) -> None:
    """Append rows."""
    if out is None:
        return
    fresh = not out.exists()
    with out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def reference(options: argparse.Namespace, data: Data) -> pd.DataFrame:
    """The reference rows of a data set, by name."""
    if options.reference is None:
        return pd.DataFrame()
    table = pd.read_csv(options.reference)
    return table[(table["setting"] == data.setting) & (table["count"] == data.count)].set_index("strategy")


def summary(name: str, data: Data, frame: pd.DataFrame, references: pd.DataFrame) -> dict[str, Any] | None:
    """One row of the table; None where nothing was searched."""
    ours, random = (frame[(frame["strategy"] == who) & (frame["data"] == data.label)] for who in (name, "random"))
    if ours.empty:
        return None
    known = references.loc[REFERENCES[name]] if REFERENCES.get(name) in references.index else None
    row: dict[str, Any] = {"strategy": name, "data": data.label}
    for query in QUERIES:
        values = ours[str(query)].to_numpy()
        median, mean = (interval(partial(of, axis=-1), values, n_boot=2000) for of in (np.median, np.mean))
        cell = "  ".join(f"{i.value:.2f} [{i.low:.2f} {i.high:.2f}]" for i in (median, mean))
        if known is not None and not np.isnan(known[f"med{query}"]):
            cell += f" ({known[f'med{query}']:.2f} {known[f'mean{query}']:.2f}) {verdict(median, mean, known, query)}"
        row[f"after {query}"] = cell
    for query in QUERIES[1:]:
        p = nan
        if known is None and name != "random":
            p = stats.mannwhitneyu(ours[str(query)], random[str(query)], alternative="less").pvalue
        row[f"p {query}"] = "" if np.isnan(p) else f"{p:.1e}"
    return row | {"s": f"{ours['seconds'].mean():.2f}"}


def verdict(median: Any, mean: Any, known: pd.Series, query: int) -> str:
    """How intervals of ours stand to a reference."""
    spread = 1.96 * (known[f"q75_{query}"] - known[f"q25_{query}"]) / 1.349 / sqrt(known["seeds"])
    pairs = [(median, known[f"med{query}"], 1.2533 * spread), (mean, known[f"mean{query}"], spread)]
    if all(ours.value <= there + 0.005 for ours, there, _ in pairs):
        return "at or below"
    return "overlaps" if all(ours.low <= there + reach + 0.005 for ours, there, reach in pairs) else "ABOVE"


if __name__ == "__main__":
    main()
