"""Channel-Bench-Macro's tables: their numbers, and what is said when the user's files are absent or swapped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.benchmarks import benchmark, for_space
from workbench.benchmarks.channel_bench import MOBILENET, RESNET
from workbench.errors import InvalidInput, MissingData
from workbench.testing import benchmark_contract

FILES = {"resnet": "Results_ResNet.json", "mobilenet": "Results_MobileNet.json"}


@pytest.fixture(scope="module")
def columns(shared_data: Callable[[str], Path]) -> dict[str, Any]:
    """The reference columns of both tables."""
    with np.load(shared_data("channel_bench_macro.npz")) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def folder(columns: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both files in their official layout."""
    place = tmp_path_factory.mktemp("data")
    for base, file in FILES.items():
        names = ("widths", "acc", "mean_acc", "flops", "params")
        rows = zip(*(columns[f"{base}_{name}"].tolist() for name in names), strict=True)
        entries = {
            widths: {"acc": runs, "std": float(np.std(runs, ddof=1)), "flops": flops, "params": params, "mean": mean}
            for widths, runs, mean, flops, params in rows
        }
        (place / file).write_text(json.dumps(entries))
    return place


@pytest.mark.parametrize(("base", "best", "accuracy"), [("resnet", "4344424", 93.89), ("mobilenet", "4444342", 91.89)])
def test_the_best_widths_are_the_published_ones(base: str, best: str, accuracy: float, folder: Path) -> None:
    bench = benchmark(f"channel_bench_{base}", path=folder)
    arch, value = bench.best("test_accuracy")
    assert str(arch) == best
    assert value == pytest.approx(accuracy, abs=0.005)


@pytest.mark.parametrize("base", FILES)
def test_all_rows_equal_the_reference_table(base: str, folder: Path, columns: dict[str, Any]) -> None:
    frame = benchmark(f"channel_bench_{base}", path=folder).table().loc[columns[f"{base}_widths"].tolist()]
    assert len(frame) == 16_384
    seeds = frame[[f"test_accuracy_seed{seed}" for seed in range(3)]]
    np.testing.assert_array_equal(seeds, columns[f"{base}_acc"])
    np.testing.assert_allclose(frame["test_accuracy"], columns[f"{base}_mean_acc"], rtol=1e-15)
    np.testing.assert_allclose(1e6 * frame["params_m"], columns[f"{base}_params"], rtol=1e-15)
    np.testing.assert_allclose(1e6 * frame["flops_m"], columns[f"{base}_flops"], rtol=1e-15)


@pytest.mark.parametrize("base", FILES)
def test_recorded_sizes_are_those_that_the_space_counts(base: str, folder: Path) -> None:
    bench = benchmark(f"channel_bench_{base}", path=folder)
    for arch in bench.space.sample(200, seed=3):
        record, counts = bench.query(arch), bench.space.counts(arch)
        assert (round(1e6 * record["params_m"]), round(1e6 * record["flops_m"])) == tuple(counts)


def test_each_run_can_be_asked_for(folder: Path, columns: dict[str, Any]) -> None:
    bench = benchmark("channel_bench_mobilenet", path=folder)
    row = columns["mobilenet_widths"].tolist().index("2314231")
    arch = bench.space.parse("2314231")
    assert [bench.query(arch, seed=k)["test_accuracy"] for k in range(3)] == columns["mobilenet_acc"][row].tolist()


@pytest.mark.parametrize("check", benchmark_contract, ids=lambda check: check.__name__)
def test_the_table_passes_the_contract(check: Callable[[Any], None], folder: Path) -> None:
    check(benchmark("channel_bench_resnet", path=folder))


def test_a_space_has_its_own_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(folder))
    for base in FILES:
        assert for_space(f"channel_bench_{base}") == [(f"channel_bench_{base}", "cifar10")]


@pytest.mark.parametrize(("base", "file"), FILES.items())
def test_an_absent_file_is_missing_data_with_the_places_to_put_it(
    base: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    words = rf"No file of channel_bench_{base} at data/{file}: download it from github.com/xiusu/Channel-Bench-Macro"
    with pytest.raises(MissingData, match=words):
        benchmark(f"channel_bench_{base}")


def test_a_file_of_another_benchmark_is_refused() -> None:
    entry = {"test_acc": [91.0] * 3, "mean_acc": 91.0, "std": 0.0, "params": 1, "flops": 1}
    for table in (RESNET, MOBILENET):
        with pytest.raises(InvalidInput, match="it does not hold 16,384 architectures"):
            table.convert(json.dumps({"00000000": entry}).encode(), "it")
        with pytest.raises(InvalidInput, match="malformed architecture '0000000'"):
            table.convert(json.dumps({f"{i:07d}": entry for i in range(4**7)}).encode(), "it")
