"""The sampler "auto" beside the best of the others, at 50 queries, in every space of which there is a whole table.

python benchmarks/auto_everywhere.py [--seeds 10] [--tables FOLDER] [--only NAME ...] [--out FILE]

Regret is that of the searched measure, in its units. `--tables` is a folder with NAS-Bench-Macro and Channel-Bench-
Macro as plain arrays: `nb_macro.npz` (columns arch, mean_acc) and `channel_bench_macro.npz` (columns resnet_widths,
resnet_mean_acc, mobilenet_widths, mobilenet_mean_acc); without it these three are left out. What is in `--out` is not
run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb

QUERIES = 50
OTHERS = {
    "random": "random",
    "local_search": "local_search",
    "local_search_first": partial(wb.sampler, "local_search", variant="first_improvement"),
    "mutation_only": "mutation_only",
    "regularized_evolution": "regularized_evolution",
    "gp": "gp",
    "tpe": "tpe",
}
GRAPHS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv")
FCNET = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")


def tasks(folder: Path | None) -> Iterator[tuple[str, wb.Measure]]:
    """Name and measure of every task."""
    for dataset in ("cifar10", "cifar100", "imagenet16_120"):
        yield f"nasbench201 {dataset}", wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")
    if folder is not None:
        macro = np.load(folder / "nb_macro.npz")
        blocks = wb.search_space("nasbench_macro").questions()
        yield "nasbench_macro", _listed("nasbench_macro", macro["arch"], macro["mean_acc"], [0] * len(blocks))
        channels = np.load(folder / "channel_bench_macro.npz")
        for kind in ("resnet", "mobilenet"):
            name = f"channel_bench_{kind}"
            yield name, _listed(name, channels[f"{kind}_widths"], channels[f"{kind}_mean_acc"], [1] * 7)
    for dataset in FCNET:
        yield f"fcnet {dataset}", wb.benchmark("fcnet", dataset=dataset).measure("valid_loss")
    for dataset in GRAPHS:
        yield f"nasbench_graph {dataset}", wb.benchmark("nasbench_graph", dataset=dataset).measure("valid_accuracy")


def _listed(space_name: str, texts: np.ndarray, values: np.ndarray, first: list[int]) -> wb.Measure:
    """A measure of a table in which a digit is the number of an answer, counted from `first`."""
    space = wb.search_space(space_name)
    questions = space.questions()
    known = {}
    for text, value in zip(texts, values, strict=True):
        numbers = [int(digit) - start for digit, start in zip(str(text), first, strict=True)]
        answers = {q.name: q.answers[number] for q, number in zip(questions, numbers, strict=True)}
        known[space.architecture(answers)] = float(value)
    return wb.Measure(
        "accuracy", "higher", partial(_look_up, known), unit="%", optimum=float(values.max()), space=space
    )


def _look_up(known: dict[wb.Architecture, float], arch: wb.Architecture) -> float:
    return known[arch]


def main() -> None:
    """Print a row a task: median and mean regret of auto and of the best other, and how many others are better."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    known = pd.read_csv(given.out) if given.out and given.out.exists() else pd.DataFrame(columns=["task"])
    for task, measure in tasks(given.tables):
        if (given.only and not any(name in task for name in given.only)) or task in set(known["task"]):
            continue
        frame = wb.compare({"auto": "auto", **OTHERS}, measure, range(given.seeds), QUERIES, live=False)
        last = frame[frame["query"] == QUERIES].groupby("strategy")["regret"]
        rows = last.agg(["median", "mean"]).reset_index().assign(task=task)
        wide = frame[frame["query"] == QUERIES].pivot_table(index="seed", columns="strategy", values="regret")
        drawn = np.random.default_rng(0).integers(len(wide), size=(2_000, len(wide)))
        for name in rows["strategy"]:
            medians = np.median(wide[name].to_numpy()[drawn], axis=1)
            rows.loc[rows["strategy"] == name, ["low", "high"]] = np.percentile(medians, [2.5, 97.5])
        known = pd.concat([known, rows], ignore_index=True)
        if given.out:
            known.to_csv(given.out, index=False)
        _say(task, rows.set_index("strategy"))


def _say(task: str, rows: pd.DataFrame) -> None:
    mine, others = rows.loc["auto"], rows.drop(index="auto")
    best = others["median"].idxmin()
    bar = others.loc[best]
    above = "overlaps" if mine["low"] <= bar["high"] else "above"
    verdict = "at or below" if mine["median"] <= bar["median"] else above
    print(f"{task:32s} auto {_words(mine)} | best other: {best} {_words(bar)} | {verdict}", flush=True)


def _words(row: pd.Series) -> str:
    return f"{row['median']:.4g} [{row['low']:.4g}, {row['high']:.4g}] mean {row['mean']:.4g}"


if __name__ == "__main__":
    main()
