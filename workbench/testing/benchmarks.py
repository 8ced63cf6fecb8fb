"""The contract of a benchmark table."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import networkx as nx
import torch

from workbench.benchmarks.benchmark import Benchmark
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.choices import Choices
from workbench.spaces.space import SearchSpace
from workbench.tasks import Task
from workbench.testing.refusals import refuses

BenchmarkCheck = Callable[[Benchmark], None]


def measures_agree_with_queries_and_the_table(bench: Benchmark) -> None:
    """A measure, `query` and `table` give the same number for the same architecture."""
    table = bench.table()
    assert len(table) == bench.size
    for text in table.index[:: max(1, bench.size // 10)]:
        arch = bench.space.parse(text)
        answer = bench.query(arch)
        for name in bench.measures():
            value = bench.measure(name)(arch)
            assert value == answer[name] or (math.isnan(value) and math.isnan(answer[name])), name
            assert value == table.loc[text, name] or math.isnan(value), name


def the_best_is_the_optimum_and_has_rank_one(bench: Benchmark) -> None:
    """`best`, `optimum`, `rank` and the measure's own optimum tell one story."""
    table = bench.table()
    for name in bench.measures():
        arch, value = bench.best(name)
        measure = bench.measure(name)
        assert value == bench.optimum(name) == measure.optimum == measure(arch)
        assert bench.rank(name, arch) == 1
        assert (table[name] * measure.sign).max() == value * measure.sign


def every_measure_says_its_direction_and_unit(bench: Benchmark) -> None:
    """No axis without a unit, no number without a direction."""
    for name in bench.measures():
        measure = bench.measure(name)
        assert measure.better in ("higher", "lower")
        assert measure.unit, f"{name} has no unit"
        assert measure.task == bench.dataset


def a_measure_travels_to_another_process_without_its_table(bench: Benchmark) -> None:
    """Pickled, a measure is a few kilobytes and still answers."""
    measure = bench.measure(bench.measures()[0])
    packed = pickle.dumps(measure)
    arch = bench.space.parse(bench.table().index[0])
    assert len(packed) < 20_000
    assert pickle.loads(packed)(arch) == measure(arch)  # noqa: S301  # our own bytes


def wrong_questions_are_refused(bench: Benchmark) -> None:
    """Unknown measures show the nearest ones; architectures of another space are named."""
    name = bench.measures()[0]
    refuses(UnknownName, lambda: bench.measure(name + "x"))
    refuses(InvalidInput, lambda: bench.query("an architecture"))  # type: ignore[arg-type]
    refuses(InvalidInput, lambda: bench.query(_Elsewhere().sample()[0]))


class _Elsewhere(SearchSpace):
    """Another space, of one architecture."""

    name = "elsewhere"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        choices.suggest_categorical("only", ["this"])
        return nx.DiGraph()

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        return torch.nn.Identity()


benchmark_contract: list[BenchmarkCheck] = [
    measures_agree_with_queries_and_the_table,
    the_best_is_the_optimum_and_has_rank_one,
    every_measure_says_its_direction_and_unit,
    a_measure_travels_to_another_process_without_its_table,
    wrong_questions_are_refused,
]
