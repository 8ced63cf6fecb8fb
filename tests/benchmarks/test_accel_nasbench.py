"""The Accel-NASBench table: an archive in the official layout, its numbers, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.benchmarks import Benchmark, accel_nasbench, benchmark
from workbench.benchmarks.files.packed_files import unpacked
from workbench.errors import InvalidInput, MissingData
from workbench.spaces import search_space
from workbench.testing import benchmark_contract

SPACE = search_space("mnasnet")
DEVICES = ("a100", "3090", "tpuv2", "tpuv3", "zcu102", "vck190")
Table = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for one test, since tests open different files by one name."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def reference(shared_data: Callable[[str], Path]) -> Table:
    with np.load(shared_data("accel_nasbench.npz")) as columns:
        return {name: columns[name] for name in columns.files}


def record(table: Table, row: int) -> dict[str, Any]:
    """A row of the reference as an official result_<number>.json."""

    def number(name: str) -> float | None:
        value = float(table[name][row])
        return None if np.isnan(value) else value

    questions = [(i, short) for i in range(7) for short in ("e", "k", "l", "se")]
    measured = [("throughput", device) for device in DEVICES] + [("latency", device) for device in DEVICES[4:]]
    return {
        "architecture": {
            f"block{i}_{short}": (bool if short == "se" else int)(table[f"block{i}_{short}"][row])
            for i, short in questions
        },
        "metrics": {name: number(name) for name in ("val_top1", "val_top5", "train_time")},
        "model_info": {name: number(name) for name in ("macs", "params")},
        "platform_perf": {
            f"{kind}_{device}": {f"{kind}_mean": number(f"{kind}_{device}"), f"{kind}_std": None}
            for kind, device in measured
        },
    }


def packed(files: Iterable[tuple[str, bytes]], kind: bytes = tarfile.REGTYPE) -> bytes:
    """A .tar.gz like the official one: a folder, then the files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.GNU_FORMAT, compresslevel=1) as archive:
        folder = tarfile.TarInfo("./anb_dataset_jsons")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = kind
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def official(table: Table, rows: Iterable[int]) -> bytes:
    return packed(
        (f"./anb_dataset_jsons/result_{table['result_id'][row]}.json", json.dumps(record(table, row)).encode())
        for row in rows
    )


@pytest.fixture(scope="module")
def archive(reference: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole table in the official layout."""
    path = tmp_path_factory.mktemp("data") / "anb_dataset_jsons.tar.gz"
    path.write_bytes(official(reference, range(len(reference["result_id"]))))
    return path


@pytest.fixture
def bench(archive: Path) -> Benchmark:
    return benchmark("accel_nasbench", path=archive)


def test_5138_files_record_5125_architectures(bench: Benchmark, reference: Table) -> None:
    assert len(reference["result_id"]) == 5_138
    assert bench.size == len(bench.table()) == 5_125


def test_numbers_equal_the_reference(bench: Benchmark, reference: Table) -> None:
    for row in range(500, 5_138, 463):
        arch = SPACE.architecture(record(reference, row)["architecture"])
        found = bench.query(arch)
        expected = {
            "valid_accuracy": "val_top1",
            "valid_top5_accuracy": "val_top5",
            "train_time_s": "train_time",
            "flops_m": "macs",
            "params_m": "params",
            "latency_zcu102_ms": "latency_zcu102",
            "latency_vck190_ms": "latency_vck190",
        } | {f"throughput_{device}": f"throughput_{device}" for device in DEVICES}
        for ours, theirs in expected.items():
            assert found[ours] == pytest.approx(float(reference[theirs][row]), nan_ok=True), ours
        assert set(expected) == set(bench.measures())


def test_the_best_network_has_67_052_percent(bench: Benchmark, reference: Table) -> None:
    arch, accuracy = bench.best("valid_accuracy")
    assert accuracy == pytest.approx(67.052)
    assert record(reference, int(reference["val_top1"].argmax()))["architecture"] == dict(arch.decisions)


def test_an_architecture_trained_twice_has_two_runs(bench: Benchmark, reference: Table) -> None:
    # Files 0 and 443 are about one architecture.
    assert reference["result_id"][[0, 443]].tolist() == [0, 443]
    arch = SPACE.architecture(record(reference, 443)["architecture"])
    found = bench.query(arch)
    assert found["valid_accuracy_seeds"] == pytest.approx((59.368, 59.248))
    assert found["valid_accuracy"] == pytest.approx(59.308)
    assert found["throughput_a100"] == pytest.approx(float(reference["throughput_a100"][[0, 443]].mean()))
    assert bench.query(arch, seed=1)["valid_accuracy"] == pytest.approx(59.248)


def test_what_was_not_measured_is_nan(bench: Benchmark, reference: Table) -> None:
    (row, *_) = np.flatnonzero(np.isnan(reference["throughput_tpuv3"]))
    found = bench.query(SPACE.architecture(record(reference, int(row))["architecture"]))
    assert np.isnan(found["throughput_tpuv3"])
    assert found["valid_accuracy"] > 0


def test_other_architectures_are_missing(bench: Benchmark) -> None:
    with pytest.raises(MissingData, match="the table lists 5,125 other architectures"):
        bench.query(SPACE.parse("|".join(["e1k3l1"] * 7)))


def test_it_passes_the_contract(reference: Table, tmp_path: Path) -> None:
    path = tmp_path / "anb_dataset_jsons.tar.gz"
    path.write_bytes(official(reference, range(0, 600, 5)))
    bench = benchmark("accel_nasbench", path=path)
    for check in benchmark_contract:
        check(bench)


def test_without_the_archive_it_says_where_to_put_it() -> None:
    with pytest.raises(MissingData, match=r"download it from github.com/afzalxo/Accel-NASBench .* or pass its path as"):
        benchmark("accel_nasbench")


def test_it_is_found_in_the_data_folder(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(archive.parent))
    assert accel_nasbench.settle() == {"path": str(archive.resolve())}
    assert accel_nasbench.LOADER.at_hand


def changed(table: Table, *keys: str, value: Any) -> bytes:
    """An archive of one file in which something is not as it should be."""
    entry = place = record(table, 0)
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return packed([("./anb_dataset_jsons/result_0.json", json.dumps(entry).encode())])


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("architecture", "block0_e"), 5, "5 is no answer to question 'block0_e'"),
        (("architecture", "block0_se"), 1, "1 is no answer to question 'block0_se'"),
        (("architecture", "block7_e"), 1, "does not answer the questions of the space"),
        (("architecture",), [], "does not answer the questions of the space"),
        (("metrics", "val_top1"), "59", "val_top1 is '59'"),
        (("metrics", "val_top1"), True, "val_top1 is True"),
        (("metrics", "val_top1"), -1.0, "val_top1 is -1.0"),
        (("metrics", "val_top1"), float("inf"), "val_top1 is inf"),
        (("platform_perf",), {}, "throughput|latency"),
        (("model_info",), None, "result_0.json is malformed"),
    ],
)
def test_malformed_records_are_refused(reference: Table, keys: tuple[str, ...], value: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        accel_nasbench.convert(changed(reference, *keys, value=value), "the archive")


@pytest.mark.parametrize("name", ["../../result_0.json", "/etc/passwd", "anb_dataset_jsons/result_x.json"])
def test_members_of_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="only files such as anb_dataset_jsons/result_0.json are expected"):
        accel_nasbench.convert(packed([(name, b"{}")]), "the archive")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind: bytes) -> None:
    with pytest.raises(InvalidInput, match="is no plain file"):
        accel_nasbench.convert(packed([("anb_dataset_jsons/result_0.json", b"")], kind), "the archive")


def test_three_records_of_one_architecture_are_refused(reference: Table) -> None:
    content = json.dumps(record(reference, 0)).encode()
    raw = packed((f"anb_dataset_jsons/result_{i}.json", content) for i in range(3))
    with pytest.raises(InvalidInput, match="one more than 2 times"):
        accel_nasbench.convert(raw, "the archive")


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked() -> None:
    with pytest.raises(ValueError, match="unpacks to more than 1,000,000 bytes"):
        list(unpacked(gzip.compress(bytes(10**8), compresslevel=1), 10**6))


def test_deeply_nested_records_are_refused() -> None:
    raw = packed([("anb_dataset_jsons/result_0.json", b"[" * 100_000)])
    with pytest.raises(InvalidInput, match="result_0.json is malformed"):
        accel_nasbench.convert(raw, "the archive")


def test_damaged_archives_give_our_error(reference: Table) -> None:
    whole = official(reference, range(20))
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[place] ^= int(rng.integers(1, 256))
        refused_or_equal(bytes(damaged))
        refused_or_equal(whole[: rng.integers(len(whole))])


def test_damaged_contents_give_our_error(reference: Table) -> None:
    # Behind the checksum of gzip: headers and records themselves.
    plain = gzip.decompress(official(reference, range(3)))
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(plain)
        damaged[rng.integers(len(plain))] ^= int(rng.integers(1, 256))
        refused_or_equal(gzip.compress(bytes(damaged), compresslevel=1))
        refused_or_equal(gzip.compress(plain[: rng.integers(len(plain))], compresslevel=1))


def refused_or_equal(raw: bytes) -> None:
    try:
        arrays = accel_nasbench.convert(raw, "the archive")
    except InvalidInput:
        return
    assert len(arrays["architectures"]) == len(arrays["valid_accuracy"])
