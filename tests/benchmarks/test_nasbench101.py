"""NAS-Bench-101's table, from files of the official layout that hold the 500 trained cells of NASLib's extract."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pytest

from workbench.architecture import Architecture
from workbench.benchmarks import Benchmark, benchmark, for_space, nasbench101
from workbench.benchmarks.files import tfrecord
from workbench.benchmarks.nasbench101_file import read_metrics, read_run
from workbench.errors import InvalidInput, MissingData, WorkbenchError
from workbench.spaces import search_space
from workbench.spaces.nasbench101 import from_matrix, from_naslib, to_matrix
from workbench.testing import benchmark_contract

SPACE = search_space("nasbench101")
SMALL, FULL = "nasbench_only108.tfrecord", "nasbench_full.tfrecord"
TEXT = "100110/10000/1001/010/10/1:3m331"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)


# -- writing files of the official layout ----------------------------------------------------------------------


def worn_down(byte: int) -> int:
    """What eight steps of the shift register make of a byte."""
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


STEPS = [worn_down(byte) for byte in range(256)]


def crc32c(text: bytes) -> int:
    """The checksum of RFC 3720, appendix B.4, byte by byte."""
    crc = 0xFFFFFFFF
    for byte in text:
        crc = STEPS[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def masked(text: bytes) -> bytes:
    crc = crc32c(text)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + masked(length) + record + masked(record)


def varint(number: int) -> bytes:
    low = bytes([])
    while number > 127:
        low, number = low + bytes([number & 127 | 128]), number >> 7
    return low + bytes([number])


def evaluation(epoch: float, seconds: float, train: float, valid: float, test: float) -> bytes:
    values = enumerate((epoch, seconds, train, valid, test), start=1)
    return b"".join(bytes([number << 3 | 1]) + struct.pack("<d", value) for number, value in values)


def metrics(evaluations: Iterable[bytes], params: int) -> bytes:
    written = b"".join(b"\x0a" + varint(len(message)) + message for message in evaluations)
    return written + b"\x10" + varint(params) + b"\x19" + struct.pack("<d", 1234.5)


def record(arch: Architecture, epochs: int, message: bytes, key: str | None = None) -> bytes:
    matrix, labels = to_matrix(arch)
    digits = "".join(map(str, matrix.ravel()))
    fields = [key or SPACE.canonical(arch), epochs, digits, ",".join(labels), b64encode(message).decode()]
    return json.dumps(fields).encode()


def run_of(valid: float, seed: int, epochs: int = 108, params: int = 8_555_530) -> bytes:
    """Metrics of one run; what NASLib's extract does not hold is made up from its validation accuracy."""
    start = evaluation(0, 0, 0.1, 0.1, 0.1)
    half = evaluation(epochs / 2, 5.0 * epochs, 0.8 * valid, 0.7 * valid, 0.6 * valid)
    return metrics([start, half, evaluation(epochs, 10.0 * epochs + seed, 1.0, valid, valid - 0.01)], params)


class Trained(NamedTuple):
    """A cell, the validation accuracies (%) of those of its runs that are known, and its parameters in millions."""

    arch: Architecture
    valid: tuple[float, ...]
    params: float


@pytest.fixture(scope="module")
def trained(shared_data: Callable[[str], Path]) -> list[Trained]:
    """The 500 trained cells of NASLib's extract: isomorphic ones are one, and differ in the run they show."""
    table = np.load(shared_data("nb101_extract.npz"))
    known: dict[str, list[int]] = {}
    archs = {}
    for row in np.flatnonzero(~np.isnan(table["val_accuracy"])):
        arch = from_naslib(SPACE, str(table["adjacency"][row]), str(table["ops"][row]))
        key = SPACE.canonical(arch)
        archs.setdefault(key, arch)
        known.setdefault(key, []).append(row)
    return [
        Trained(
            archs[key],
            tuple(np.unique(table["val_accuracy"][rows]).astype(float).tolist()),
            float(table["params"][rows[0]]),
        )
        for key, rows in known.items()
    ]


@pytest.fixture(scope="module")
def small(trained: list[Trained], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 108 epochs with the known runs of each cell."""
    path = tmp_path_factory.mktemp("official") / SMALL
    runs = [
        record(cell.arch, 108, run_of(valid / 100, seed, params=round(cell.params * 1e6)))
        for cell in trained
        for seed, valid in enumerate(cell.valid)
    ]
    path.write_bytes(b"".join(map(framed, runs)))
    return path


@pytest.fixture
def bench(small: Path) -> Benchmark:
    return benchmark("nasbench101", path=small)


def write(path: Path, *records: bytes) -> Path:
    path.write_bytes(b"".join(map(framed, records)))
    return path


# -- what is read ----------------------------------------------------------------------------------------------


def test_numbers_are_read_as_they_were_written(bench: Benchmark, trained: list[Trained]) -> None:
    assert bench.size == len(trained) == 292
    assert {len(cell.valid) for cell in trained} == {1, 2, 3}
    for arch, valid, params in trained:
        found = bench.query(arch)
        assert found["valid_accuracy"] == pytest.approx(np.mean(valid))
        assert found["valid_accuracy_seeds"] == pytest.approx(valid)
        assert found["test_accuracy"] == pytest.approx(np.mean(valid) - 1)
        assert found["train_accuracy"] == 100
        assert found["train_time_s_seeds"] == tuple(1080 + seed for seed in range(len(valid)))
        assert found["params_m"] == pytest.approx(params)
        assert bench.query(arch, seed=len(valid) - 1)["valid_accuracy"] == pytest.approx(valid[-1])


def test_an_isomorphic_cell_has_the_same_numbers(small: Path, tmp_path: Path) -> None:
    written = SPACE.parse("111010/00001/0001/100/01/1:1333m")
    path = write(tmp_path / SMALL, record(written, 108, run_of(0.9376001358032227, 0, params=2_694_282)))
    bench = benchmark("nasbench101", path=path)
    twin = SPACE.parse("111100/00001/0001/001/10/1:31m33")
    assert twin != written
    assert bench.query(twin)["valid_accuracy"] == bench.query(written)["valid_accuracy"] == 93.76001358032227
    assert bench.query(twin)["valid_accuracy_seeds"] == (93.76001358032227,)
    unused = SPACE.parse("100101/10000/1001/010/00/1:3m331")  # vertex 4 leads nowhere
    matrix, labels = to_matrix(unused)
    write(path, record(from_matrix(SPACE, matrix, labels), 108, run_of(0.9, 0)))
    with pytest.warns(UserWarning, match="made anew from its source"):
        bench = Benchmark("again", "cifar10", SPACE, nasbench101.load("cifar10", str(path), 108), None, "isomorphic")
    assert bench.query(unused)["valid_accuracy"] == pytest.approx(90)
    with pytest.raises(MissingData, match="is not recorded"):
        bench.query(written)


def test_networks_were_evaluated_half_way_too(bench: Benchmark, trained: list[Trained]) -> None:
    arch, valid, params = next(cell for cell in trained if len(cell.valid) == 3)
    half = bench.query(arch, epoch=54)
    assert half["valid_accuracy"] == pytest.approx(0.7 * np.mean(valid))
    assert half["test_accuracy"] == pytest.approx(0.6 * np.mean(valid))
    assert half["train_time_s"] == 540
    assert half["params_m"] == pytest.approx(params)
    assert bench.query(arch, epoch=108) == bench.query(arch)
    assert bench.measure("valid_accuracy", epoch=54)(arch) == half["valid_accuracy"]
    curve = bench.curve(arch, "valid_accuracy", seed=1)
    assert curve.shape == (108,)
    assert np.flatnonzero(~np.isnan(curve)).tolist() == [53, 107]
    assert curve[107] == bench.query(arch, seed=1)["valid_accuracy"]
    with pytest.raises(InvalidInput, match="evaluated after 54 and 108 epochs.*epochs=, one of 108, 36, 12, 4"):
        bench.query(arch, epoch=12)
    with pytest.raises(InvalidInput, match="has no learning curve"):
        bench.curve(arch, "params_m")
    with pytest.raises(InvalidInput, match="seed=3 is not recorded for this cell. Recorded seeds: 0, 1, 2"):
        bench.curve(arch, "valid_accuracy", seed=3)


@pytest.mark.parametrize("epochs", [4, 12, 36, 108])
def test_the_full_file_holds_four_lengths_of_training(epochs: int, tmp_path: Path) -> None:
    arch = SPACE.parse(TEXT)
    runs = [record(arch, n, run_of(n / 200, seed, epochs=n)) for seed in range(3) for n in (108, 4, 12, 36)]
    bench = benchmark("nasbench101", path=write(tmp_path / FULL, *runs), epochs=epochs)
    assert bench.query(arch)["valid_accuracy"] == pytest.approx(epochs / 2)
    assert bench.query(arch, epoch=epochs // 2)["train_time_s"] == 5 * epochs
    assert len(bench.query(arch)["valid_accuracy_seeds"]) == 3


@pytest.mark.parametrize("check", benchmark_contract, ids=lambda check: check.__name__)
def test_the_table_passes_the_contract(check: Callable[[Benchmark], None], bench: Benchmark) -> None:
    check(bench)


def test_the_file_is_read_once(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = nasbench101.load("cifar10", str(small), 108)
    monkeypatch.setattr(nasbench101, "read_records", None)
    again = nasbench101.load("cifar10", str(small), 108)
    assert again.keys == first.keys
    np.testing.assert_array_equal(again.shown("test_accuracy"), first.shown("test_accuracy"))


def test_the_users_file_is_found_in_the_data_folder(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert for_space("nasbench101") == []
    monkeypatch.setenv("WORKBENCH_DATA", str(small.parent))
    assert for_space("nasbench101") == [("nasbench101", "cifar10")]
    assert nasbench101.settle()["path"] == str(small.resolve())
    with pytest.raises(MissingData, match=r"NAS-Bench-101 of 12 epochs.*nasbench_full.tfrecord \(1.95 GB\)"):
        nasbench101.settle(epochs=12)


def test_a_missing_file_is_named_with_where_to_put_it() -> None:
    words = r"nasbench_only108.tfrecord \(499 MB\).*to \$WORKBENCH_DATA/nasbench_only108.tfrecord or ./data/"
    with pytest.raises(MissingData, match=words):
        benchmark("nasbench101")
    with pytest.raises(InvalidInput, match="epochs=200: NAS-Bench-101 was trained for 108, 36, 12, 4 epochs"):
        benchmark("nasbench101", epochs=200)


def test_a_file_without_runs_of_that_length_says_what_it_holds(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds runs of 108 epochs, and none of 4. Download nasbench_full"):
        benchmark("nasbench101", path=small, epochs=4)
    empty = tmp_path / SMALL
    empty.write_bytes(b"")
    with pytest.raises(InvalidInput, match="holds no records, and none of 108"):
        benchmark("nasbench101", path=empty)


# -- messages --------------------------------------------------------------------------------------------------


def test_fields_may_come_in_any_order_and_beside_others() -> None:
    usual = [
        evaluation(*values) for values in ((0, 0, 0.1, 0.1, 0.1), (54, 5.0, 0.6, 0.5, 0.4), (108, 9.0, 1, 0.9, 0.8))
    ]
    plain = read_metrics(read_run(record(SPACE.parse(TEXT), 108, metrics(usual, 7))))
    assert plain == ((50.0, 40.0, 60.0, 5.0), (90.0, 80.0, 100.0, 9.0), 7)
    with_path = [message + b"2" + varint(200) + b"p" * 200 for message in usual]
    parts = [[message[i : i + 9] for i in range(0, 45, 9)] for message in usual]
    backwards = [b"".join(reversed(message)) for message in parts]
    strange = [b"\x3d1234" + message + b"\x48\xff\x01" for message in usual]  # fields 7 and 9 of other kinds
    for messages in (with_path, backwards, strange):
        assert read_metrics(read_run(record(SPACE.parse(TEXT), 108, metrics(messages, 7)))) == plain


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "has 0 evaluations, where 3 are due"),
        (metrics([evaluation(0, 0, 0, 0, 0)] * 2, 7), "has 2 evaluations"),
        (metrics([evaluation(0, 0, 0, 0, 0)] * 3, 0), "and 0 parameters"),
        (metrics([evaluation(0, 0, 0, 0, 0)[:36]] * 3, 7), "lacks an accuracy or its time"),
        (metrics([evaluation(0, 0, 0, 0, 0)[:40]] * 3, 7), "field 5 of a message goes beyond its end"),
        (metrics([evaluation(0, 1, 0, 1.5, 0)] * 3, 7), "half_valid_accuracy is not between 0 and 100"),
        (metrics([evaluation(0, 1, 0, float("nan"), 0)] * 3, 7), "half_valid_accuracy is not between 0 and 100"),
        (metrics([evaluation(0, float("inf"), 0, 0, 0)] * 3, 7), "half_train_time_s is not between 0 and 1e"),
        (b"\xff" * 40, "number in a message has no end"),
        (b"\x0b" * 40, "field of kind 3"),
        (b"\x0a\xff\xff\xff\xff\x7f", "field 1 of a message goes beyond its end"),
        (b"\x0a", "number in a message has no end"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_malformed_message_is_refused(message: bytes, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / SMALL, record(SPACE.parse(TEXT), 108, message))
    with pytest.raises(InvalidInput, match=words):
        nasbench101.convert(path, 108)


GOOD: list[Any] = json.loads(record(SPACE.parse(TEXT), 108, run_of(0.9, 0)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([*GOOD[:4]], "not a list of hash, epochs, adjacency, operations and metrics"),
        ([GOOD[0], True, *GOOD[2:]], "not a list of hash"),
        ([*GOOD[:4], 7], "not a list of hash"),
        ({"a": 1}, "not a list of hash"),
        (["G" * 32, *GOOD[1:]], "a record is of hash 'GGG"),
        ([GOOD[0], 109, *GOOD[2:]], "and 109 epochs"),
        (["0" * 32, *GOOD[1:]], "0000 is not the hash of the cell 0100110"),
        ([*GOOD[:2], "1" * 49, *GOOD[3:]], "which is no pruned cell"),
        ([*GOOD[:2], GOOD[2][:-1], *GOOD[3:]], "which is no pruned cell"),
        ([*GOOD[:2], "0" * 9_000, *GOOD[3:]], "which is no pruned cell"),
        ([*GOOD[:2], "", "", GOOD[4]], "which is no pruned cell"),
        ([*GOOD[:3], GOOD[3].replace("maxpool3x3", "maxpool5x5"), GOOD[4]], "which is no pruned cell"),
        ([*GOOD[:4], "?"], "not in base 64"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_malformed_record_is_refused(fields: object, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / SMALL, json.dumps(fields).encode())
    with pytest.raises(InvalidInput, match=words) as caught:
        nasbench101.convert(path, 108)
    assert str(path) in str(caught.value)
    assert "Download nasbench_only108.tfrecord" in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("text", [b"\xff", b"[" * 16_000, b"", b"1" * 16_000, b"[1,"])
def test_a_record_that_is_no_json_is_refused(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"a record is no JSON|not a list of hash"):
        nasbench101.convert(write(tmp_path / SMALL, text), 108)


def test_a_fourth_run_is_refused(tmp_path: Path) -> None:
    runs = [record(SPACE.parse(TEXT), 108, run_of(0.9, seed)) for seed in range(4)]
    with pytest.raises(InvalidInput, match=f"the cell {TEXT} has more than 3 runs"):
        nasbench101.convert(write(tmp_path / SMALL, *runs), 108)


# -- files -----------------------------------------------------------------------------------------------------


def test_checksums_are_those_of_the_standard() -> None:
    texts = [b"123456789", b"", b"\x00" * 32, b"a" * 1_000, bytes(range(256))]
    assert crc32c(texts[0]) == 0xE3069283
    assert crc32c(texts[2]) == 0x8A9136AA
    found = tfrecord.masked_checksums(texts)
    assert [struct.pack("<I", int(crc)) for crc in found] == [masked(text) for text in texts]
    assert tfrecord.masked_checksums([]).tolist() == []


def test_records_may_lie_across_the_blocks_that_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [bytes([i]) * (37 * i % 200) for i in range(100)]
    path = write(tmp_path / "x.tfrecord", *records)
    for block in (1, 50, 1_000, 10**6):
        monkeypatch.setattr(tfrecord, "BLOCK", block)
        assert [text for part in tfrecord.read_records(path, 200, "") for text in part] == records


def ends_of(raw: bytes, records: int) -> list[int]:
    """Where the first records of a file end."""
    ends = [0]
    while len(ends) <= records:
        ends.append(ends[-1] + 16 + int(struct.unpack_from("<Q", raw, ends[-1])[0]))
    return ends


def test_a_truncated_file_is_refused(small: Path, tmp_path: Path) -> None:
    raw, path = small.read_bytes(), tmp_path / SMALL
    ends = ends_of(raw, 60)
    cuts = set(np.random.default_rng(0).integers(1, ends[-1], 40).tolist()) | {end + 11 for end in ends[:3]}
    for cut in cuts - set(ends):
        path.write_bytes(raw[:cut])
        with pytest.raises(InvalidInput, match="ends in the middle of a record, after byte .*Download"):
            nasbench101.convert(path, 108)


def test_a_flipped_bit_is_noticed(small: Path, tmp_path: Path) -> None:
    raw, path = small.read_bytes(), tmp_path / SMALL
    end = ends_of(raw, 30)[-1]
    rng = np.random.default_rng(1)
    began = perf_counter()
    for at, bit in zip(rng.integers(0, end, 80).tolist(), rng.integers(0, 8, 80).tolist(), strict=True):
        damaged = bytearray(raw[:end])
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"damaged|middle of a record"):
            nasbench101.convert(path, 108)
    assert perf_counter() - began < 10


def test_garbage_and_absurd_lengths_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / SMALL
    rng = np.random.default_rng(2)
    absurd = [struct.pack("<Q", length) for length in (2**63, 2**64 - 1, 10**9, 16 * 2**10 + 1)]
    files = [head + masked(head) + bytes(100) for head in absurd]
    files += [rng.bytes(3_000_000), bytes(3_000_000), b"\xff" * 3_000_000, framed(b"x")[:-1] + b"\x00"]
    for raw in files:
        path.write_bytes(raw)
        began = perf_counter()
        with pytest.raises(WorkbenchError, match="Download nasbench_only108.tfrecord"):
            nasbench101.convert(path, 108)
        assert perf_counter() - began < 5


def test_a_file_that_cannot_be_read_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="cannot be read"):
        list(tfrecord.read_records(tmp_path, 10, ""))
