"""The NATS-Bench size archive: numbers, curves and budgets of real records, and what is refused."""

from __future__ import annotations

import bz2
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.benchmarks import benchmark, for_space
from workbench.benchmarks.nats_archive import Archive
from workbench.benchmarks.natsbench_sss import SIZE
from workbench.errors import InvalidInput, MissingData
from workbench.spaces import search_space
from workbench.testing import benchmark_contract

FOLDER = "NATS-sss-v1_0-50262-simple"
TEXTS = {0: "8:8:8:8:8", 11: "8:8:8:16:32", 284: "8:8:40:32:40"}
SEEDS = {1: (777,), 12: (777, 888, 999), 90: (777,)}
TESTED = {"cifar10": ("cifar10", "ori-test"), "cifar100": ("cifar100", "x-test")}
TESTED |= {"imagenet16_120": ("ImageNet16-120", "x-test")}


@pytest.fixture
def archive(size_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of one's own to damage, with an empty cache."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(size_archive, tmp_path / "own" / FOLDER))


def rewrite(path: Path, value: object) -> None:
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol=4)))


def test_the_official_number_is_the_place_in_the_space() -> None:
    assert [SIZE.row_of(str(arch)) for arch in search_space("natsbench_sss").enumerate()] == list(range(32_768))
    for nothing in ("", "8:8:8:8", "8:8:8:8:8:8", "8:8:8:8:9", "8:8:8:8:08", None, 8, ["8"] * 5):
        assert SIZE.row_of(nothing) == -1


@pytest.mark.parametrize("epochs", SEEDS)
@pytest.mark.parametrize("dataset", TESTED)
def test_final_numbers_equal_the_records(
    dataset: str, epochs: int, size_archive: Path, size_records: dict[int, Any]
) -> None:
    bench = benchmark("natsbench_sss", dataset, archive=size_archive, epochs=epochs)
    runs_of, images = TESTED[dataset]
    for number, text in TEXTS.items():
        runs = size_records[number][f"{epochs:02d}"]["all_results"]
        each = tuple(runs[runs_of, seed]["eval_acc1es"][f"{images}@{epochs - 1}"] for seed in SEEDS[epochs])
        record = bench.query(bench.space.parse(text))
        assert record["test_accuracy_seeds"] == each
        assert record["test_accuracy"] == pytest.approx(np.mean(each), rel=1e-14)
        assert record["params_m"] == runs[runs_of, 777]["params"]


@pytest.mark.parametrize("number", TEXTS)
def test_validation_is_that_of_networks_trained_on_half_of_cifar10(
    number: int, size_archive: Path, size_records: dict[int, Any]
) -> None:
    bench = benchmark("natsbench_sss", archive=size_archive)
    run = size_records[number]["90"]["all_results"]["cifar10-valid", 777]
    record = bench.query(bench.space.parse(TEXTS[number]))
    assert record["valid_accuracy"] == run["eval_acc1es"]["x-valid@89"]
    assert record["valid_run_test_accuracy"] == run["eval_acc1es"]["ori-test@89"]
    assert record["train_time_s"] == pytest.approx(90 * run["train_times"][0])


@pytest.mark.parametrize("dataset", TESTED)
def test_recorded_sizes_are_those_that_the_space_counts(dataset: str, size_archive: Path) -> None:
    from workbench.tasks import task

    bench = benchmark("natsbench_sss", dataset, archive=size_archive)
    for text in TEXTS.values():
        arch = bench.space.parse(text)
        record, counts = bench.query(arch), bench.space.counts(arch, dataset)
        assert round(1e6 * record["params_m"]) == counts.params
        assert round(1e6 * record["flops_m"]) == counts.macs + task(dataset).n_classes


def test_curves_follow_the_record_epoch_by_epoch(size_archive: Path, size_records: dict[int, Any]) -> None:
    bench = benchmark("natsbench_sss", "cifar100", archive=size_archive)
    arch, run = bench.space.parse(TEXTS[284]), size_records[284]["90"]["all_results"]["cifar100", 777]
    expected = [run["eval_acc1es"][f"x-test@{epoch}"] for epoch in range(90)]
    np.testing.assert_array_equal(bench.curve(arch, "test_accuracy"), expected)
    assert bench.query(arch, epoch=37)["test_accuracy"] == expected[36]
    assert bench.measure("test_accuracy", epoch=37)(arch) == expected[36]


def test_the_longest_budget_is_the_default_and_others_are_refused(size_archive: Path) -> None:
    assert benchmark("natsbench_sss", archive=size_archive) is benchmark(
        "natsbench_sss", "cifar10", archive=size_archive, epochs=90
    )
    for epochs in (200, 0, "90", True, None):
        with pytest.raises(InvalidInput, match=r"the archive holds runs of 90, of 12 and of 1 epochs\."):
            benchmark("natsbench_sss", archive=size_archive, epochs=epochs)
    bench = benchmark("natsbench_sss", archive=size_archive, epochs=1)
    with pytest.raises(InvalidInput, match="epoch=2: these networks were trained for epochs 1 to 1"):
        bench.query(bench.space.parse(TEXTS[0]), epoch=2)


@pytest.mark.parametrize("check", benchmark_contract, ids=lambda check: check.__name__)
def test_the_archive_passes_the_contract(check: Callable[[Any], None], archive: Path) -> None:
    bench = benchmark("natsbench_sss", "imagenet16_120", archive=archive)
    assert len(bench.table()) == bench.size == 3  # read once, so that optima are known
    check(bench)


def test_budgets_have_tables_of_their_own(archive: Path) -> None:
    best = {e: benchmark("natsbench_sss", archive=archive, epochs=e).best("test_accuracy") for e in (1, 90)}
    assert best[1][1] < 50 < best[90][1]


def test_an_absent_archive_or_file_is_missing_data(size_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    with pytest.raises(MissingData, match=rf"No NATS-Bench size archive at data/{FOLDER}: unpack {FOLDER}.tar"):
        benchmark("natsbench_sss")
    monkeypatch.setenv("WORKBENCH_DATA", str(size_archive.parent))
    assert ("natsbench_sss", "cifar10") in for_space("natsbench_sss")
    bench = benchmark("natsbench_sss")
    with pytest.raises(MissingData, match="8:8:8:8:16 is not recorded: .* lacks 000001.pickle.pbz2. Unpack it again"):
        bench.query(bench.space.parse("8:8:8:8:16"))


def test_a_topology_archive_is_refused(archive: Path, nats_archive: Path) -> None:
    shutil.copy(nats_archive / "meta.pickle.pbz2", archive / "meta.pickle.pbz2")
    with pytest.raises(InvalidInput, match=r"meta.pickle.pbz2 does not list the 32,768 networks once each"):
        benchmark("natsbench_sss", archive=archive)


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        *(("params", value) for value in (10**400, float("inf"), "x", None, [])),
        *(("flop", value) for value in (10**400, 1e300)),
        *(("train_times", value) for value in ({0: 1e308, 1: 1e308}, {0: "x"}, [1.0], {0: 10**400})),
        *(("eval_acc1es", value) for value in ({"x-valid@3": 1e308}, [1.0], 7)),
        *(("latency", value) for value in ([1e308] * 3, ["x"], 5)),
        *(("epochs", value) for value in (12, None, "90")),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_number_that_is_none_is_refused(
    quantity: str, value: object, archive: Path, size_records: dict[int, Any]
) -> None:
    record = size_records[0]["90"]
    runs = {key: {**run, quantity: value} for key, run in record["all_results"].items()}
    rewrite(archive / "000000.pickle.pbz2", {"90": {**record, "all_results": runs}})
    bench = benchmark("natsbench_sss", archive=archive)
    with pytest.raises(InvalidInput, match=r"000000.pickle.pbz2 is no record of NATS-Bench: .*Unpack it again"):
        bench.query(bench.space.parse(TEXTS[0]))


def test_damaged_records_are_read_or_refused(archive: Path) -> None:
    path, rng, files = archive / "000000.pickle.pbz2", random.Random(3), Archive(archive, SIZE)
    good = bz2.decompress(path.read_bytes())
    refused = 0
    for _ in range(150):
        raw = bytearray(good[: rng.randrange(len(good))] if rng.random() < 0.2 else good)
        for _ in range(rng.randint(1, 20)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        path.write_bytes(bz2.compress(bytes(raw), 1))
        try:
            files.read(0, 12)
        except InvalidInput:
            refused += 1
    assert 50 < refused < 150
