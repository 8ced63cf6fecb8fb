"""The cache of tables: a damaged file is never believed, whoever damaged it and wherever."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.benchmarks import nasbench201
from workbench.benchmarks.files import table_cache
from workbench.benchmarks.files.table_cache import CacheRebuilt, CacheUnwritable, cache_folder, cached, load, store

SMALL = {"accuracy": np.array([[90.5, np.nan], [10.0, 11.0]]), "size": np.array([3, 4])}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tables"


def never() -> dict[str, np.ndarray]:
    raise AssertionError("the table was converted again")


def same(arrays: object) -> bool:
    assert isinstance(arrays, dict)
    return arrays.keys() == SMALL.keys() and all(
        np.array_equal(arrays[k], SMALL[k], equal_nan=True) and arrays[k].dtype == SMALL[k].dtype for k in SMALL
    )


def test_a_table_is_converted_once(cache: Path) -> None:
    assert same(cached("small", "v1", lambda: SMALL))
    assert same(cached("small", "v1", never))
    assert [path.name for path in cache.iterdir()] == ["small.npz"]


def test_numpy_reads_a_cached_table_without_us(cache: Path) -> None:
    cached("small", "v1", lambda: SMALL)
    with np.load(cache / "small.npz", allow_pickle=False) as stored:
        assert same(dict(stored))


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "small.npz"
    store(path, "v1", SMALL)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        arrays, why = load(path, "v1")
        assert arrays is None, length
        assert why


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "small.npz"
    store(path, "v1", SMALL)
    whole = path.read_bytes()
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        arrays, why = load(path, "v1")
        assert arrays is None, place
        assert why


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=3),
)
def test_a_damaged_table_is_rebuilt_with_the_right_numbers(
    cut: float, flips: list[tuple[float, int]], cache: Path
) -> None:
    folder = str(nasbench201.LOADER.settle()["folder"])
    right = nasbench201.load("cifar10", folder).arrays()
    path = cache / "nasbench201-cifar10.npz"
    whole = path.read_bytes()
    damaged = bytearray(whole[: int(cut * len(whole))] or b"x")
    for place, bit in flips:
        damaged[int(place * len(damaged))] ^= 1 << bit
    path.write_bytes(damaged)
    if bytes(damaged) != whole:
        with pytest.warns(CacheRebuilt, match="made anew from its source"):
            again = nasbench201.load("cifar10", folder).arrays()
        assert path.read_bytes() == whole
    else:
        again = nasbench201.load("cifar10", folder).arrays()
    for name, array in right.items():
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: whole[:-500], "is truncated"),
        (lambda whole: b"", "is truncated"),
        (lambda whole: whole[:40] + b"X" + whole[41:], "is damaged"),
        (lambda whole: whole + b" ", "is damaged"),
        (lambda whole: whole[:-1], "is damaged"),
        (lambda whole: whole.replace(b'"source": "v1"', b'"source": "v0"'), "was made from another version"),
        (lambda whole: whole.replace(b'"format": 1', b'"format": 0'), "has format 0 where 1 is expected"),
    ],
)
def test_the_warning_says_why_a_table_is_rebuilt(damage: Callable[[bytes], bytes], words: str, cache: Path) -> None:
    cached("small", "v1", lambda: SMALL)
    path = cache / "small.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(CacheRebuilt, match=f"small.npz {words}"):
        assert same(cached("small", "v1", lambda: SMALL))
    assert same(cached("small", "v1", never))


def test_a_new_version_of_the_source_is_converted_again(cache: Path) -> None:
    cached("small", "v1", lambda: {"old": np.zeros(2)})
    with pytest.warns(CacheRebuilt, match="another version of its source"):
        assert same(cached("small", "v2", lambda: SMALL))


def test_a_pickle_in_place_of_an_array_is_never_loaded(cache: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        cached("small", "v1", lambda: {"hostile": np.array([print], dtype=object)})
    assert not list(cache.glob("*"))


def test_an_unwritable_cache_works_from_memory_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "file"))
    with pytest.warns(CacheUnwritable, match="works from memory. Set WORKBENCH_CACHE to a folder"):
        table = nasbench201.load("cifar10", str(nasbench201.LOADER.settle()["folder"]))
    assert table.size == 15625


def test_a_failed_writing_leaves_no_half_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.warns(CacheUnwritable, match="No space left on device"):
        assert same(cached("small", "v1", lambda: SMALL))
    assert not list(cache.iterdir())


def test_processes_that_convert_at_once_all_get_the_table(cache: Path) -> None:
    code = "from workbench import benchmark; print(benchmark('nasbench201').optimum('valid_accuracy'))"
    started = [subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdout=-1, text=True) for _ in range(3)]
    results = [(process.communicate(timeout=60)[0], process.returncode) for process in started]
    assert results == [("91.60666665039064\n", 0)] * 3
    assert [path.name for path in cache.iterdir()] == ["nasbench201-cifar10.npz"]


def test_the_folder_is_ours_then_the_desktops_then_the_homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("WORKBENCH_CACHE", "/ours")
    assert cache_folder() == Path("/ours")
    monkeypatch.delenv("WORKBENCH_CACHE")
    assert cache_folder() == Path("/xdg/nas-workbench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "nas-workbench"


def test_the_seal_holds_format_source_and_content(cache: Path) -> None:
    cached("small", "v1", lambda: SMALL)
    payload, _, seal = (cache / "small.npz").read_bytes().rpartition(b"\nworkbench-table ")
    assert json.loads(seal) == {
        "format": table_cache.FORMAT,
        "source": "v1",
        "content": table_cache.checksum(payload),
    }
