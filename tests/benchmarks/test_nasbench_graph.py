"""The NAS-Bench-Graph tables: their best entries, look-ups by isomorphism, and damaged files."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.damage import damaged
from workbench.benchmarks import benchmark, nasbench_graph
from workbench.benchmarks.files import packages
from workbench.benchmarks.files.plain_pickle import NUMPY_NUMBERS, read_plain
from workbench.errors import InvalidInput, MissingData

# Of each data set: hash and validation accuracy of the best architecture, and the best test accuracy of any.
BEST = {
    "cora": (87072, 81.9333, 83.1333),
    "citeseer": (31144, 72.8000, 71.5667),
    "pubmed": (30224, 81.1333, 78.6000),
    "cs": (26503, 92.1333, 91.2624),
    "physics": (60717, 94.0000, 93.0049),
    "photo": (30743, 94.0667, 92.7896),
    "computers": (73033, 91.9000, 85.5834),
    "arxiv": (83533, 73.6667, 72.3865),
    "proteins": (74578, 85.3333, 79.2634),
}


@pytest.fixture(scope="module")
def file() -> bytes:
    """The package's smallest file."""
    return (Path(nasbench_graph.LOADER.settle()["folder"]) / "proteins.bench").read_bytes()


@pytest.mark.parametrize("dataset", BEST)
def test_every_table_has_its_rows_and_its_best_entry(dataset: str) -> None:
    bench = benchmark("nasbench_graph", dataset)
    number, valid, test = BEST[dataset]
    assert bench.size == (2_021 if dataset == "proteins" else 26_206)
    arch, value = bench.best("valid_accuracy")
    assert bench.space.canonical(arch) == str(number)
    assert value == pytest.approx(valid, abs=1e-4)
    assert bench.optimum("test_accuracy") == pytest.approx(test, abs=1e-4)
    assert 0.3 < bench.optimum("latency_ms") < 1.0


def test_rows_hold_for_every_isomorph() -> None:
    bench = benchmark("nasbench_graph", "cora")
    arch = bench.space.parse("([0,0,1,2],['gin','gcn','skip','fc'])")
    twins = bench.space.twins(arch)
    assert len(twins) > 3
    assert len({tuple(bench.query(twin).values()) for twin in twins}) == 1
    assert len({bench.measure("test_accuracy")(twin) for twin in twins}) == 1


def test_every_architecture_but_the_one_of_skips_is_recorded() -> None:
    bench = benchmark("nasbench_graph", "cora")
    for arch in bench.space.sample(300, seed=0):
        assert 15 < bench.value(arch, "valid_accuracy") < 82
    with pytest.raises(MissingData, match="is not recorded in <Benchmark 'nasbench_graph' on cora"):
        bench.query(bench.space.parse("([0,0,0,1],['skip','skip','skip','skip'])"))


def test_the_proteins_know_five_operations_under_the_plain_hash() -> None:
    bench = benchmark("nasbench_graph", "proteins")
    ops = {op for text in bench.table().index for op in list(bench.space.parse(text).decisions.values())[1:]}
    assert ops == {"gcn", "sage", "arma", "fc", "skip"}
    assert bench.columns()[0].meaning.startswith("area under the ROC curve")
    assert bench.query(bench.space.parse("([0,0,0,0],['gcn','gcn','gcn','gcn'])"))["valid_accuracy"] == pytest.approx(
        77.6333, abs=1e-4
    )


def test_numbers_carry_the_units_in_their_names() -> None:
    bench = benchmark("nasbench_graph", "cora")
    record = bench.query(bench.space.parse("([0,0,0,0],['gat','gat','gat','gat'])"))
    expected = {"valid_accuracy": 77.3333, "test_accuracy": 79.7, "latency_ms": 5.9222, "params_m": 1.736711}
    assert record == pytest.approx(expected, abs=1e-4)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingData, match="The NAS-Bench-Graph tables come with a package: `pip install nas-bench-"):
        benchmark("nasbench_graph", "pubmed")
    assert not nasbench_graph.LOADER.at_hand


def test_the_package_is_not_imported() -> None:
    code = (
        "import sys; from workbench.benchmarks import benchmark; benchmark('nasbench_graph', 'proteins'); "
        "print([m for m in ('nas_bench_graph', 'pandas', 'torch', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.pop(1111), "does not hold the 2,021 architectures"),
        (lambda t: t.update({9: t.pop(1111)}), "9 is no hash of nasbench_graph"),
        (lambda t: t.update({1110: t.pop(1111)}), "1110 is the hash of no architecture"),
        (lambda t: t.update({"1111": t.pop(1111)}), "malformed architecture"),
        (lambda t: t[1111].pop("perf"), "malformed architecture: 'perf'"),
        (lambda t: t[1111].update(perf="high"), "malformed architecture"),
        (lambda t: t[1111].update(perf=[1.0, 2.0]), "malformed architecture"),
        (lambda t: t[1111].update(perf=float("nan")), "lacks some numbers"),
        (lambda t: t.update({1111: None}), "malformed architecture"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_way_to_a_good_one(
    damage: Callable[[dict[Any, Any]], object], words: str, file: bytes
) -> None:
    table = read_plain(file, "x", "", NUMPY_NUMBERS)
    damage(table)
    with pytest.raises(InvalidInput, match=f"(?s)x.bench .*{words}.*--force-reinstall nas-bench-graph"):
        nasbench_graph.convert(pickle.dumps(table), "x.bench", 2_021)


def test_a_damaged_file_gives_a_table_or_an_error_of_ours_and_no_other(file: bytes) -> None:
    for copy in damaged(file):
        with suppress(InvalidInput):
            arrays = nasbench_graph.convert(copy, "x.bench", 2_021)
            assert all(np.isfinite(array).all() for name, array in arrays.items() if name != "architecture")
