"""The interface of a benchmark, on the NAS-Bench-201 table and on a table of six made-up architectures."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import fields

import networkx as nx
import numpy as np
import pytest
import torch

from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark, benchmark, benchmarks, catalogue, for_space
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput, MissingData, UnknownName
from workbench.spaces import search_space
from workbench.spaces.choices import Choices
from workbench.spaces.space import SearchSpace
from workbench.studies.compare import compare


class Six(SearchSpace):
    """Two questions, six architectures."""

    name = "six"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_node(0, op=choices.suggest_categorical("first", ("a", "b")))
        graph.add_node(1, op=choices.suggest_categorical("second", ("x", "y", "z")))
        return graph

    def network(self, graph: nx.DiGraph, task: object) -> torch.nn.Module:
        raise NotImplementedError


NAN = float("nan")
COLUMNS = (
    Column("accuracy", "higher", "%", "accuracy, mean over the runs", "mean"),
    Column("latency_ms", "lower", "ms", "latency"),
)


@pytest.fixture
def toy() -> Benchmark:
    """Six architectures: two tie for the best accuracy, one was trained once only, one is not recorded."""
    runs = np.array([[1.0, 3.0], [5.0, 5.0], [4.0, 6.0], [NAN, NAN], [4.0, NAN], [2.0, 2.0]])
    latency = np.array([3.0, 2.0, 1.0, NAN, 5.0, 4.0])
    return Benchmark("toy", "noise", Six(), ColumnTable("toy", COLUMNS, {"accuracy": runs, "latency_ms": latency}))


def archs(bench: Benchmark) -> list[Architecture]:
    return list(bench.space.enumerate())


def test_a_query_gives_the_mean_and_every_run(toy: Benchmark) -> None:
    assert toy.query(archs(toy)[0]) == {"accuracy": 2.0, "accuracy_seeds": (1.0, 3.0), "latency_ms": 3.0}
    assert toy.query(archs(toy)[4]) == {"accuracy": 4.0, "accuracy_seeds": (4.0,), "latency_ms": 5.0}


def test_a_query_for_one_seed_gives_that_run(toy: Benchmark) -> None:
    assert toy.query(archs(toy)[0], seed=1) == {"accuracy": 3.0, "latency_ms": 3.0}


def test_a_seed_that_was_not_run_is_refused_with_those_that_were(toy: Benchmark) -> None:
    with pytest.raises(InvalidInput, match=r"seed=1 is not recorded .*'toy'. Recorded seeds: 0\."):
        toy.query(archs(toy)[4], seed=1)


def test_the_best_is_the_first_of_those_that_tie(toy: Benchmark) -> None:
    assert toy.best("accuracy") == (archs(toy)[1], 5.0)
    assert toy.best("latency_ms") == (archs(toy)[2], 1.0)
    assert toy.optimum("accuracy") == 5.0
    assert toy.optimum("latency_ms") == 1.0


def test_ranks_count_what_is_better_and_ties_share(toy: Benchmark) -> None:
    recorded = [a for i, a in enumerate(archs(toy)) if i != 3]
    assert [toy.rank("accuracy", a) for a in recorded] == [4, 1, 1, 3, 4]
    assert [toy.rank("latency_ms", a) for a in recorded] == [3, 2, 1, 5, 4]


def test_an_architecture_without_a_number_has_no_rank_and_no_row_in_the_table(toy: Benchmark) -> None:
    with pytest.raises(MissingData, match="has no recorded accuracy in <Benchmark 'toy' on noise"):
        toy.rank("accuracy", archs(toy)[3])
    frame = toy.table()
    assert frame.index.tolist() == [str(a) for i, a in enumerate(archs(toy)) if i != 3]
    assert frame.index.name == "architecture"
    assert frame.columns.tolist() == ["accuracy", "latency_ms", "accuracy_seed0", "accuracy_seed1"]


def test_an_architecture_of_another_space_is_refused_with_both_names(toy: Benchmark) -> None:
    stranger = search_space("nasbench201").sample(1, seed=0)[0]
    with pytest.raises(InvalidInput, match=r"is an architecture of 'nasbench201'; benchmark 'toy' .* of 'six'"):
        toy.query(stranger)


def test_an_architecture_without_numbers_is_an_error_and_does_not_count(toy: Benchmark) -> None:
    assert toy.size == 5
    for ask in (toy.query, toy.measure("accuracy")):
        with pytest.raises(MissingData, match="Architecture 3 of the search space is not recorded in 'toy'"):
            ask(archs(toy)[3])


def test_an_answer_that_was_never_recorded_is_named(toy: Benchmark) -> None:
    wider = Architecture(toy.space, {"first": "a", "second": "w"})
    with pytest.raises(MissingData, match="answers 'w' to question 'second'"):
        toy.query(wider)


def test_something_else_than_an_architecture_is_refused_with_what_to_do(toy: Benchmark) -> None:
    with pytest.raises(
        InvalidInput, match=r"'\|none~0\|' is no Architecture of 'six'. Make one with bench.space.parse"
    ):
        toy.query("|none~0|")  # type: ignore[arg-type]


def test_an_unknown_measure_shows_the_nearest_ones(toy: Benchmark) -> None:
    for ask in (toy.measure, toy.best, toy.optimum, lambda name: toy.rank(name, archs(toy)[0])):
        with pytest.raises(UnknownName, match=r"no measure of benchmark toy named 'acuracy'. Did you mean 'accuracy'"):
            ask("acuracy")


def test_a_space_that_is_not_flat_cannot_have_numbered_rows() -> None:
    space = Six()
    space.flat = False  # type: ignore[misc]
    with pytest.raises(InvalidInput, match="numbered by a flat search space.* List the table's architectures"):
        Benchmark("toy", "noise", space, ColumnTable("toy", COLUMNS[1:], {"latency_ms": np.zeros(6)}))


def listed(rule: str | None = None, keys: list[str] | None = None) -> Benchmark:
    """Two of the six architectures, in an order of their own."""
    space = Six()
    space.flat = False  # type: ignore[misc]
    every = [str(arch) for arch in space.enumerate()]
    columns = {"accuracy": np.array([[7.0, 9.0], [3.0, NAN]]), "latency_ms": np.array([1.0, 2.0])}
    table = ColumnTable("listed", COLUMNS, columns, [every[4], every[1]], keys)
    return Benchmark("listed", "noise", space, table, rule=rule)


def test_a_table_may_list_some_architectures_of_any_space_in_its_own_order() -> None:
    bench = listed()
    every = list(bench.space.enumerate())
    assert bench.size == 2
    assert bench.query(every[4])["accuracy"] == 8.0
    assert bench.value(every[1], "latency_ms") == 2.0
    assert bench.best("accuracy") == (every[4], 8.0)
    assert bench.rank("accuracy", every[1]) == 2
    assert bench.table().index.tolist() == [str(every[4]), str(every[1])]
    with pytest.raises(MissingData, match=r"is not recorded in <Benchmark 'listed'.*the table lists 2 other"):
        bench.query(every[0])


def test_under_a_rule_equal_architectures_share_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    # Here what the second question answers makes no difference: a and b are the two classes.
    monkeypatch.setattr(Six, "canonical", lambda self, arch, rule="isomorphic": arch.decisions["first"], raising=False)
    for bench in (listed("isomorphic"), listed("isomorphic", keys=["b", "a"])):
        every = list(bench.space.enumerate())
        assert [bench.value(arch, "accuracy") for arch in every] == [3.0, 3.0, 3.0, 8.0, 8.0, 8.0]


def test_a_noisy_measure_is_one_run_the_same_one_for_the_same_seed(toy: Benchmark) -> None:
    arch = archs(toy)[0]
    noisy = [toy.measure("accuracy", noisy=True, seed=seed) for seed in range(20)]
    values = [measure(arch) for measure in noisy]
    assert set(values) == {1.0, 3.0}
    assert [measure(arch) for measure in noisy] == values
    assert noisy[0].truth is not None
    assert noisy[0].truth(arch) == 2.0
    assert noisy[0].optimum == toy.optimum("accuracy") == 5.0
    assert toy.measure("accuracy", noisy=True)(archs(toy)[4]) == 4.0  # trained once only


def test_what_has_no_noise_is_not_made_noisy(toy: Benchmark) -> None:
    with pytest.raises(InvalidInput, match=r"'latency_ms' of <Benchmark 'toy'.* is the same in every training run"):
        toy.measure("latency_ms", noisy=True)
    with pytest.raises(InvalidInput, match=r"noisy= and epoch= exclude each other"):
        toy.measure("accuracy", noisy=True, epoch=3)
    with pytest.raises(InvalidInput, match=r"epoch=3 was asked for, but benchmark 'toy' holds only the end"):
        toy.measure("accuracy", epoch=3)


def test_searches_on_a_noisy_measure_are_judged_by_its_truth() -> None:
    bench = benchmark("nasbench201", "cifar100")
    noisy = bench.measure("valid_accuracy", noisy=True, seed=3)
    frame = compare("random", noisy, seeds=range(2), n_trials=30, progress=False)
    truth = bench.measure("valid_accuracy")
    for row in frame.itertuples():
        assert row.value == noisy(bench.space.parse(row.architecture))
        assert row.best == truth(bench.space.parse(row.incumbent))
        assert row.regret == pytest.approx(bench.optimum("valid_accuracy") - row.best)
    assert (frame.regret >= 0).all()


def test_a_table_without_curves_says_which_benchmark_has_them(toy: Benchmark) -> None:
    with pytest.raises(InvalidInput, match=r"epoch=3 .*'toy' holds only the end of training.*natsbench_tss"):
        toy.query(archs(toy)[0], epoch=3)
    with pytest.raises(InvalidInput, match=r"A curve of 'accuracy' .*natsbench_tss"):
        toy.curve(archs(toy)[0], "accuracy")


def test_a_measure_knows_its_direction_unit_data_set_optimum_and_space(toy: Benchmark) -> None:
    latency = toy.measure("latency_ms")
    assert (latency.name, latency.better, latency.unit, latency.task) == (
        "latency_ms",
        "lower",
        "ms",
        "noise",
    )
    assert latency.optimum == 1.0
    assert latency.space is toy.space
    assert [latency(a) for a in archs(toy)[:3]] == [3.0, 2.0, 1.0]


def test_a_benchmark_of_ones_own_pickles_with_its_numbers() -> None:
    own = Benchmark("own", "noise", Six(), ColumnTable("own", COLUMNS[1:], {"latency_ms": np.arange(6.0)}))
    measure = pickle.loads(pickle.dumps(own.measure("latency_ms")))  # noqa: S301  # our own bytes
    assert [measure(a) for a in archs(own)] == list(range(6))


def test_a_measure_of_a_catalogued_benchmark_travels_as_a_name() -> None:
    bench = benchmark("nasbench201", "cifar100")
    arch = bench.space.sample(1, seed=4)[0]
    sent = pickle.dumps((bench.measure("valid_accuracy"), arch))
    assert len(sent) < 2000
    code = "import pickle, sys; m, a = pickle.load(sys.stdin.buffer); print(repr(m(a)))"
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert float(done.stdout) == bench.query(arch)["valid_accuracy"]


def test_opening_again_gives_the_same_table_and_the_first_data_set_is_the_default() -> None:
    assert benchmark("nasbench201") is benchmark("nasbench201", dataset="cifar10")
    assert pickle.loads(pickle.dumps(benchmark("nasbench201"))) is benchmark("nasbench201")  # noqa: S301


def test_unknown_benchmarks_data_sets_and_keywords_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no benchmark named 'nasbench210'. Did you mean 'nasbench201'"):
        benchmark("nasbench210")
    with pytest.raises(UnknownName, match=r"no data set of benchmark nasbench201 named 'cifar'. .*'cifar10'"):
        benchmark("nasbench201", "cifar")
    with pytest.raises(UnknownName, match=r"takes no keyword 'epoch'. Did you mean 'epochs'"):
        benchmark("natsbench_tss", epoch=12)


def test_a_space_knows_its_tables_whose_files_are_here() -> None:
    tables = for_space("nasbench201")
    assert tables[:3] == [("nasbench201", d) for d in ("cifar10", "cifar100", "imagenet16_120")]
    assert for_space(search_space("nasbench201")) == tables
    assert for_space(Six()) == []


def test_every_loader_has_a_card_and_a_space_that_exists() -> None:
    table = catalogue.table(lambda loader: loader.card())
    assert table.index.tolist() == benchmarks()
    assert table.loc[["nasbench201", "natsbench_tss"], "at_hand"].tolist() == [True, False]
    for name in benchmarks():
        loader = catalogue.find(name)
        space = search_space(loader.space)
        assert loader.rule in (None, *space.canonical_rules)
        assert all(getattr(loader, f.name) for f in fields(loader) if f.name not in {"keywords", "rule"})
