"""Pruning a search space by Shapley values, on NAS-Bench-201's accuracies."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.analysis.pruning import Pruning
from workbench.benchmarks.benchmark import Benchmark
from workbench.errors import InvalidInput


@pytest.fixture(scope="module")
def cifar100() -> Benchmark:
    return wb.benchmark("nasbench201", dataset="cifar100")


def pruned(bench: Benchmark, n: int, seed: int = 0, remove: int = 6) -> Pruning:
    archs = bench.space.sample(n, seed=seed)
    return wb.prune(bench.space, archs, [bench.value(arch, "valid_accuracy") for arch in archs], remove)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_six_answers_less_keep_the_ten_best_cells_and_make_random_ones_better(cifar100: Benchmark, seed: int) -> None:
    smaller = pruned(cifar100, 200, seed).space
    values = cifar100.table()["valid_accuracy"]
    for text in values.nlargest(10).index:
        assert str(smaller.parse(text)) == text  # refused where an answer has gone
    drawn = [[cifar100.value(a, "valid_accuracy") for a in s.sample(300, seed=9)] for s in (smaller, cifar100.space)]
    assert np.median(drawn[0]) > np.median(drawn[1]) + 2
    assert smaller.size < 0.3 * cifar100.space.size


def test_the_table_says_which_answers_went_and_why(cifar100: Benchmark) -> None:
    found = pruned(cifar100, 200)
    table = found.answers
    assert list(table.columns) == ["question", "answer", "shap", "given", "removed"]
    assert len(table) == 30
    assert table["shap"].is_monotonic_increasing
    assert table["removed"].tolist() == [True] * 6 + [False] * 24
    assert table.groupby("question")["given"].sum().eq(200).all()
    for question in found.space.questions():
        kept = table[(table["question"] == question.name) & ~table["removed"]]["answer"]
        assert set(question.answers) == set(kept)


def test_pruning_goes_on_in_the_smaller_space(cifar100: Benchmark) -> None:
    first = pruned(cifar100, 100, remove=3).space
    archs = first.sample(100, seed=1)
    second = wb.prune(first, archs, [cifar100.value(arch, "valid_accuracy") for arch in archs], 3)
    assert second.space.size < first.size
    assert len(second.answers) == 27


def test_what_cannot_be_pruned_is_refused(cifar100: Benchmark) -> None:
    archs = cifar100.space.sample(20)
    with pytest.raises(InvalidInput, match="remove= is how many answers to leave out, 1 or more; got 0"):
        wb.prune(cifar100.space, archs, np.arange(20.0), remove=0)
    with pytest.raises(InvalidInput, match="All 20 labels are 1"):
        wb.prune(cifar100.space, archs, np.ones(20))
    with pytest.raises(wb.errors.WorkbenchError):
        wb.prune(wb.search_space("nasbench_macro"), archs, np.arange(20.0))
