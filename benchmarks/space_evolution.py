"""SpaceEvo on NAS-Bench-201: is the evolved space better than random ones of its size, and is a search in it?

python benchmarks/space_evolution.py [ANALOG.npz LATENCY.npz] [SEEDS]

The first file holds `arch_str` and `ptq_accuracy` (accuracy after post-training quantisation), the second `arch_str`
and a column of milliseconds for each device. Without files it takes what comes with the packages: validation accuracy
on CIFAR-10 and one device's latency. SEEDS is 50 by default.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import mannwhitneyu

import workbench as wb

DEVICES = ("pixel2", "gold_6226", "1080ti_32")
SIZE = 729  # architectures of a space, at least: three answers an edge
QUANTILE = 0.3  # of all latencies: the limit
SPACES, QUERIES = 200, 50


class Outcome(NamedTuple):
    """What the evolved space is worth beside random ones, and searches in it beside searches in the whole space.

    `evolved` and a row of `random` hold the mean accuracy, among the architectures under the limit, of as many of the
    best as are 5 % of the space, and of the best 5 % of those under the limit, however few these are.
    """

    limit: float
    space: wb.SearchSpace
    evolved: np.ndarray  # (2,)
    random: np.ndarray  # (spaces, 2), of the same shape: as many answers to every question
    inside: np.ndarray  # best accuracy under the limit of each search inside
    outside: np.ndarray  # and in the whole space

    @property
    def p_space(self) -> np.ndarray:
        """Share of the random spaces, with the evolved one itself, that are as good, by either mean."""
        return (1 + (self.random >= self.evolved).sum(axis=0)) / (1 + len(self.random))

    @property
    def p_search(self) -> float:
        """One-sided Mann-Whitney test of the searches."""
        return float(mannwhitneyu(self.inside, self.outside, alternative="greater").pvalue)


def judge(space: wb.SearchSpace, accuracy: wb.Measure, latency: wb.Measure, seeds: int) -> Outcome:
    """Evolve a space for one device and compare."""
    limit = float(np.quantile([latency(arch) for arch in space.enumerate()], QUANTILE))
    found = wb.evolve_space(space, wb.qt_score(accuracy, {latency: limit}, top=SIZE // 20), size=SIZE, progress=False)
    best = max(found.history, key=lambda tried: tried.score)
    shape = {name: len(answers) for name, answers in best.kept.items()}
    rng = np.random.default_rng(0)
    others = [top(random_like(space, shape, rng), accuracy, latency, limit) for _ in range(SPACES)]
    inside, outside = (
        np.array([searched(part, accuracy, latency, limit, seed) for seed in range(seeds)])
        for part in (found.space, space)
    )
    return Outcome(limit, found.space, top(found.space, accuracy, latency, limit), np.array(others), inside, outside)


def random_like(space: wb.SearchSpace, shape: dict[str, int], rng: np.random.Generator) -> wb.SearchSpace:
    """A random space that keeps as many answers to every question."""
    answers = {question.name: question.answers for question in space.questions()}
    kept = {name: [answers[name][i] for i in rng.permutation(len(answers[name]))[:n]] for name, n in shape.items()}
    return space.restrict(kept)


def top(space: wb.SearchSpace, accuracy: wb.Measure, latency: wb.Measure, limit: float) -> np.ndarray:
    """The two means of an `Outcome`; 0 where no architecture is under the limit."""
    kept = sorted((accuracy(arch) for arch in space.enumerate() if latency(arch) <= limit), reverse=True) or [0.0]
    return np.array([np.mean(kept[: max(1, n // 20)]) for n in (space.size, len(kept))])


def searched(space: wb.SearchSpace, accuracy: wb.Measure, latency: wb.Measure, limit: float, seed: int) -> float:
    """The best accuracy under the limit of random queries; 0 where none keeps it."""
    return max([accuracy(arch) for arch in space.sample(QUERIES, seed) if latency(arch) <= limit], default=0.0)


def column(path: str, name: str, unit: str, better: str) -> wb.Measure:
    """A column of a file of arrays as a measure."""
    with np.load(Path(path), allow_pickle=False) as arrays:
        numbers = dict(zip(arrays["arch_str"].tolist(), arrays[name].astype(float).tolist(), strict=True))
    return wb.Measure(name, better, lambda arch: numbers[str(arch)], unit=unit)


def main(seeds: int, files: list[str]) -> None:
    """Print one line a device."""
    space = wb.search_space("nasbench201")
    if files:
        accuracy = column(files[0], "ptq_accuracy", "%", "higher")
        devices = [column(files[1], name, "ms", "lower") for name in DEVICES]
    else:
        bench = wb.benchmark("nasbench201", dataset="cifar10")
        accuracy, devices = bench.measure("valid_accuracy"), [bench.measure("latency_ms")]
    print(f"{accuracy.name}, {SIZE:,} architectures, {SPACES} random spaces, {QUERIES} queries, {seeds} seeds")
    for latency in devices:
        start = time.process_time()
        out = judge(space, accuracy, latency, seeds)
        print(
            f"{latency.name} <= {out.limit:.4g} ms; {out.space.size} evolved; {time.process_time() - start:.0f} s CPU"
        )
        for i, what in enumerate(("5 % of the space", "5 % of those under the limit")):
            print(
                f"  best {what}: evolved {out.evolved[i]:.2f}, random {out.random[:, i].mean():.2f} "
                f"(most {out.random[:, i].max():.2f}), p = {out.p_space[i]:.4f}"
            )
        print(
            f"  median search inside {np.median(out.inside):.2f}, in the whole space {np.median(out.outside):.2f}, "
            f"p = {out.p_search:.1e}"
        )


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given.pop()) if given and given[-1].isdigit() else 50, given)
