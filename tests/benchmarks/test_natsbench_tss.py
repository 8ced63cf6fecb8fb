"""The NATS-Bench topology archive: numbers, curves and budgets of real records, and what is refused."""

from __future__ import annotations

import os
import pickle
import shutil
from bz2 import compress
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark, benchmark, for_space, summary
from workbench.benchmarks.nats_archive import Archive
from workbench.errors import InvalidInput, MissingData

DATASETS = ("cifar10", "cifar100", "imagenet16_120")
NUMBERS = (0, 11, 284)
FOLDER = "NATS-tss-v1_0-3ffb9-simple"


@pytest.fixture(scope="module")
def core(shared_data: Callable[[str], Path]) -> pd.DataFrame:
    """The reference table, indexed by official number."""
    with np.load(shared_data("nb201_core.npz")) as columns:
        return pd.DataFrame({name: columns[name] for name in columns.files}).set_index("index")


@pytest.fixture
def archive(nats_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of one's own to damage, with an empty cache."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(nats_archive, tmp_path / "own" / FOLDER))


def cell(bench: Benchmark, core: pd.DataFrame, number: int) -> Architecture:
    return bench.space.parse(core.loc[number, "arch_str"])


def rewrite(path: Path, value: object) -> None:
    path.write_bytes(compress(pickle.dumps(value, protocol=4)))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_final_numbers_equal_the_reference_tables(
    dataset: str, number: int, nats_archive: Path, core: pd.DataFrame
) -> None:
    bench = benchmark("natsbench_tss", dataset, archive=nats_archive)
    record = bench.query(cell(bench, core, number))
    row = core.loc[number]
    assert record["test_accuracy"] == pytest.approx(row[f"{dataset}_test_acc"], abs=1e-6)
    assert record["valid_accuracy"] == row[f"{dataset}_valid_acc_mean"]
    assert record["valid_accuracy_seeds"] == tuple(row[f"{dataset}_valid_acc_seed{k}"] for k in range(3))
    assert record["train_time_s"] == pytest.approx(row[f"{dataset}_train_time_s"], rel=1e-12)
    assert record["latency_ms"] == pytest.approx(1000 * row[f"{dataset}_latency_s"], rel=1e-12)
    assert record["params_m"] == row[f"{dataset}_params_M"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_twelve_epoch_numbers_equal_the_reference_tables(
    dataset: str, number: int, nats_archive: Path, core: pd.DataFrame
) -> None:
    bench = benchmark("natsbench_tss", dataset, archive=nats_archive, epochs=12)
    record = bench.query(cell(bench, core, number))
    assert record["test_accuracy"] == pytest.approx(core.loc[number, f"{dataset}_12ep_test_acc"], abs=1e-9)
    assert record["valid_accuracy"] == pytest.approx(core.loc[number, f"{dataset}_12ep_val_acc"], abs=1e-9)
    if dataset == "cifar10":
        assert record["valid_accuracy"] == pytest.approx(core.loc[number, "cifar10_12ep_valid_acc"], abs=1e-9)
        assert record["train_time_s"] == pytest.approx(core.loc[number, "cifar10_12ep_cost_s"], rel=1e-12)


def test_a_seed_is_its_official_number(nats_archive: Path, core: pd.DataFrame, records: dict[int, Any]) -> None:
    bench = benchmark("natsbench_tss", "cifar10", archive=nats_archive)
    runs = records[11]["200"]["all_results"]
    record = bench.query(cell(bench, core, 11), seed=888)
    assert record["test_accuracy"] == runs["cifar10", 888]["eval_acc1es"]["ori-test@199"]
    assert record["valid_loss"] == runs["cifar10-valid", 888]["eval_losses"]["x-valid@199"]
    assert record["valid_run_test_accuracy"] == runs["cifar10-valid", 888]["eval_acc1es"]["ori-test@199"]
    assert record["flops_m"] == runs["cifar10-valid", 888]["flop"] == 113.95137
    with pytest.raises(InvalidInput, match=r"seed=111 is not recorded .* Recorded seeds: 777, 888, 999\."):
        bench.query(cell(bench, core, 11), seed=111)


def test_a_number_that_one_run_lacks_is_nan_for_it_and_left_out_of_the_mean(
    nats_archive: Path, core: pd.DataFrame
) -> None:
    bench = benchmark("natsbench_tss", "cifar10", archive=nats_archive, epochs=12)
    record = bench.query(cell(bench, core, 0))
    valid, test = record["valid_accuracy_seeds"], record["test_accuracy_seeds"]  # seeds 111 and 777
    assert record["valid_accuracy"] == pytest.approx(np.mean(valid))
    assert record["test_accuracy"] == test[0]
    assert np.isnan(test[1])


def test_curves_follow_the_record_epoch_by_epoch(
    nats_archive: Path, core: pd.DataFrame, records: dict[int, Any]
) -> None:
    bench = benchmark("natsbench_tss", "cifar10", archive=nats_archive)
    arch = cell(bench, core, 284)
    runs = [records[284]["200"]["all_results"]["cifar10", seed]["eval_acc1es"] for seed in (777, 888, 999)]
    each = np.array([[run[f"ori-test@{epoch}"] for epoch in range(200)] for run in runs])
    np.testing.assert_array_equal(bench.curve(arch, "test_accuracy", seed=888), each[1])
    np.testing.assert_allclose(bench.curve(arch, "test_accuracy"), each.mean(axis=0), rtol=1e-14)
    assert bench.query(arch, epoch=37)["test_accuracy"] == bench.curve(arch, "test_accuracy")[36]
    assert bench.query(arch, epoch=200) == bench.query(arch)
    assert bench.curve(arch, "test_accuracy")[-1] == bench.query(arch)["test_accuracy"]


def test_training_time_adds_up_over_the_epochs(nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", "cifar100", archive=nats_archive)
    arch = cell(bench, core, 0)
    times = bench.curve(arch, "train_time_s")
    assert times[0] == pytest.approx(times[-1] / 200)
    assert bench.query(arch, epoch=50)["train_time_s"] == times[49]


def test_epochs_at_which_nothing_was_evaluated_are_nan(nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", "cifar100", archive=nats_archive)
    arch = cell(bench, core, 0)
    curve = bench.curve(arch, "test_accuracy")
    assert np.isnan(curve[:-1]).all()
    assert curve[-1] == bench.query(arch)["test_accuracy"]
    assert np.isnan(bench.query(arch, epoch=3)["test_accuracy"])
    assert not np.isnan(bench.curve(arch, "valid_test_accuracy")).any()


@pytest.mark.parametrize("epoch", [0, 201, -1, 1.0, True, "12"])
def test_an_epoch_outside_the_training_is_refused(epoch: Any, nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", archive=nats_archive)
    with pytest.raises(InvalidInput, match=f"epoch={epoch!r}: these networks were trained for epochs 1 to 200"):
        bench.query(cell(bench, core, 0), epoch=epoch)


def test_what_does_not_change_has_no_curve_and_unknown_seeds_have_none(nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", archive=nats_archive)
    with pytest.raises(InvalidInput, match="'params_m' does not change during training"):
        bench.curve(cell(bench, core, 0), "params_m")
    with pytest.raises(InvalidInput, match=r"seed=1 is not recorded for 'test_loss'. Recorded seeds: 777, 888, 999"):
        bench.curve(cell(bench, core, 0), "test_loss", seed=1)


def test_a_budget_the_archive_lacks_is_refused(nats_archive: Path) -> None:
    with pytest.raises(InvalidInput, match=r"epochs=90: the archive holds runs of 200 and of 12 epochs"):
        benchmark("natsbench_tss", archive=nats_archive, epochs=90)


def test_an_architecture_whose_file_is_absent_is_named_with_the_file(nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", archive=nats_archive)
    assert bench.size == 3
    with pytest.raises(MissingData, match=r"skip_connect~2\| is not recorded: .* lacks 000001.pickle.pbz2"):
        bench.query(cell(bench, core, 1))


def test_the_whole_table_is_read_once_and_remembered(
    archive: Path, core: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = benchmark("natsbench_tss", "imagenet16_120", archive=archive)
    assert bench.measure("test_accuracy").optimum is None  # not known before the archive has been read
    frame = bench.table()
    assert sorted(frame.index) == sorted(core.loc[list(NUMBERS), "arch_str"])
    for number in NUMBERS:
        row, record = frame.loc[core.loc[number, "arch_str"]], bench.query(cell(bench, core, number))
        assert row["test_accuracy"] == record["test_accuracy"]
        assert row["valid_accuracy_seed999"] == record["valid_accuracy_seeds"][2]
    assert bench.best("test_accuracy")[0] == cell(bench, core, 284)
    assert bench.rank("test_accuracy", cell(bench, core, 0)) == 3
    assert bench.measure("test_accuracy").optimum == frame["test_accuracy"].max()

    moved = archive.rename(archive.with_name("moved"))  # another object, the same files: nothing is read again
    monkeypatch.setattr(Archive, "read", None)
    assert benchmark("natsbench_tss", "imagenet16_120", archive=moved).table().equals(frame)


def test_an_interrupted_reading_is_taken_up_where_it_was_left(
    archive: Path, core: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = benchmark("natsbench_tss", "cifar100", archive=archive)
    good = (archive / "000011.pickle.pbz2").read_bytes()
    stat = (archive / "000011.pickle.pbz2").stat()
    (archive / "000011.pickle.pbz2").write_bytes(bytes(len(good)))  # as long, as old, and unreadable
    os.utime(archive / "000011.pickle.pbz2", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(InvalidInput, match=r"000011.pickle.pbz2 cannot be unpacked"):
        bench.table()
    (archive / "000011.pickle.pbz2").write_bytes(good)
    os.utime(archive / "000011.pickle.pbz2", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    waiting: list[int] = []
    monkeypatch.setattr(summary, "progress", lambda rows, *_: waiting.extend(rows) or rows)
    assert len(bench.table()) == 3
    assert len(waiting) == 2  # architecture 0 had been read before


def test_a_changed_folder_is_read_again(archive: Path, core: pd.DataFrame) -> None:
    assert len(benchmark("natsbench_tss", archive=archive).table()) == 3
    (archive / "000011.pickle.pbz2").unlink()
    again = benchmark("natsbench_tss", archive=archive.rename(archive.with_name("again")))
    assert len(again.table()) == 2


def test_an_absent_archive_is_missing_data_with_the_places_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    with pytest.raises(MissingData, match=rf"No NATS-Bench topology archive at data/{FOLDER}: unpack {FOLDER}.tar"):
        benchmark("natsbench_tss")
    with pytest.raises(MissingData, match="archive at nowhere or nowhere/NATS"):
        benchmark("natsbench_tss", archive="nowhere")


def test_the_archive_is_found_by_argument_environment_and_working_folder(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = benchmark("natsbench_tss", archive=archive)
    assert benchmark("natsbench_tss", archive=str(archive.parent)) is bench
    monkeypatch.setenv("WORKBENCH_DATA", str(archive.parent))
    assert benchmark("natsbench_tss") is bench
    assert ("natsbench_tss", "cifar10") in for_space("nasbench201")
    monkeypatch.delenv("WORKBENCH_DATA")
    archive.parent.rename(tmp_path / "data")
    assert benchmark("natsbench_tss").size == 3


def test_a_measure_travels_as_the_folders_name(nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", "cifar10", archive=nats_archive, epochs=12)
    measure = bench.measure("test_accuracy")
    sent = pickle.dumps(measure)
    assert len(sent) < 2000
    assert pickle.loads(sent)(cell(bench, core, 0)) == measure(cell(bench, core, 0)) == 69.55  # noqa: S301


class Hostile:
    """Pickles as a call of `os.mkdir`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made",)


def test_damaged_and_hostile_records_are_errors_of_ours(
    archive: Path, core: pd.DataFrame, records: dict[int, Any]
) -> None:
    bench = benchmark("natsbench_tss", archive=archive)
    arch, path = cell(bench, core, 0), archive / "000000.pickle.pbz2"
    good = path.read_bytes()
    advice = rf"Unpack it again from the official {FOLDER}.tar"
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(InvalidInput, match=f"000000.pickle.pbz2 cannot be unpacked: .*{advice}"):
        bench.query(arch)
    rewrite(path, Hostile())
    with pytest.raises(InvalidInput, match=f"it names posix.mkdir, which these files never hold. {advice}"):
        bench.query(arch)
    assert not Path("made").exists()
    rewrite(path, records[11])
    with pytest.raises(
        InvalidInput, match=r"000000.pickle.pbz2 holds \|nor_conv_3x3~0.* meta.pickle.pbz2 has \|avg_pool"
    ):
        bench.query(arch)
    short = {**records[0]["200"], "all_results": records[0]["12"]["all_results"]}
    rewrite(path, {"200": short})
    with pytest.raises(InvalidInput, match="a run of 12 epochs among those of 200"):
        bench.query(arch)
    for nonsense in ([], {}, {"200": 3}, {"200": {"arch_str": "", "all_results": {1: 2}}}):
        rewrite(path, nonsense)
        with pytest.raises(InvalidInput, match="is no record of NATS-Bench"):
            bench.query(arch)
    path.write_bytes(compress(bytes(2**25 + 1)))
    with pytest.raises(InvalidInput, match="unpacks to more than 33,554,432 bytes"):
        bench.query(arch)
    path.write_bytes(good)
    assert bench.query(arch)["test_accuracy"] == pytest.approx(85.8633, abs=1e-4)


def test_a_list_of_architectures_that_is_not_the_official_one_is_refused(archive: Path, core: pd.DataFrame) -> None:
    strings = core["arch_str"].tolist()
    for wrong in (
        [],
        strings[:-1],
        [*strings[:-1], strings[0]],
        [*strings[:-1], 5],
        [*strings[:-1], "|fly~0|"],
        None,
    ):
        rewrite(archive / "meta.pickle.pbz2", {"meta_archs": wrong})
        with pytest.raises(InvalidInput, match=r"meta.pickle.pbz2 does not list the 15,625 cells once each"):
            benchmark("natsbench_tss", archive=archive)


def test_accuracy_after_some_epochs_is_a_measure_of_its_own(nats_archive: Path, core: pd.DataFrame) -> None:
    bench = benchmark("natsbench_tss", "cifar10", archive=nats_archive)
    arch = cell(bench, core, 11)
    early = bench.measure("test_accuracy", epoch=100)
    assert early.name == "test_accuracy@100"
    assert early(arch) == bench.query(arch, epoch=100)["test_accuracy"] != bench.query(arch)["test_accuracy"]
    with pytest.raises(InvalidInput, match="epoch=500: these networks were trained for epochs 1 to 200"):
        bench.measure("test_accuracy", epoch=500)
