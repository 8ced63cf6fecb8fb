"""HELP's FBNet latencies: from its own files and from one .npz file, and what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.benchmarks import benchmark, fbnet_latency
from workbench.benchmarks.fbnet_latency import DEVICES
from workbench.errors import InvalidInput, MissingData
from workbench.spaces import search_space
from workbench.testing import benchmark_contract

SPACE = search_space("fbnet")
N = 60
Table = dict[str, Any]


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for one test, since tests open different files by one name."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def reference(shared_data: Callable[[str], Path]) -> Table:
    with np.load(shared_data("fbnet_latency_help.npz")) as columns:
        return {name: columns[name] for name in columns.files}


@pytest.fixture
def folder(reference: Table, tmp_path: Path) -> Path:
    """A folder in the layout of HELP's data/fbnet, with the first architectures."""
    path = tmp_path / "HELP" / "data" / "fbnet"
    (path / "latency").mkdir(parents=True)
    torch.save([[int(digit) for digit in text] for text in reference["arch"][:N].tolist()], path / "arch.pt")
    for device in DEVICES:
        torch.save(reference[device][:N].tolist(), path / "latency" / f"{device}.pt")
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def test_numbers_equal_the_reference(shared_data: Callable[[str], Path], reference: Table) -> None:
    bench = benchmark("fbnet_latency", path=shared_data("fbnet_latency_help.npz"))
    assert bench.size == 5_000
    assert len(bench.measures()) == 27
    assert bench.dataset == "cifar100"
    table = bench.table()
    assert table.index.tolist() == reference["arch"].tolist()
    for device in DEVICES:
        assert np.array_equal(table[f"latency_{device}_ms"].to_numpy(), reference[device].astype(np.float64))
    assert bench.value(SPACE.parse(table.index[7]), "latency_fpga_ms") == reference["fpga"][7]


def test_no_latency_is_broken(shared_data: Callable[[str], Path]) -> None:
    # Those of NAS-Bench-201 have minima of microseconds on the Pixel 3 and the Raspberry Pi 4.
    table = benchmark("fbnet_latency", path=shared_data("fbnet_latency_help.npz")).table()
    assert not table.isna().to_numpy().any()
    assert (table.min() > 0.2 * table.median()).all()


def test_helps_own_files_give_the_same_numbers(folder: Path, reference: Table) -> None:
    bench = benchmark("fbnet_latency", path=folder)
    table = bench.table()
    assert table.index.tolist() == reference["arch"][:N].tolist()
    for device in DEVICES:
        assert np.array_equal(table[f"latency_{device}_ms"].to_numpy(), reference[device][:N].astype(np.float64))


def test_it_passes_the_contract(folder: Path) -> None:
    bench = benchmark("fbnet_latency", path=folder)
    for check in benchmark_contract:
        check(bench)


def test_it_is_found_in_the_data_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder.parents[2]
    monkeypatch.setenv("WORKBENCH_DATA", str(data))
    assert fbnet_latency.settle() == {"path": str(folder.resolve())}
    (folder / "arch.pt").unlink()
    (data / "fbnet_latency_help.npz").write_bytes(b"")
    assert fbnet_latency.settle() == {"path": str((data / "fbnet_latency_help.npz").resolve())}


def test_without_the_files_it_says_where_to_put_them() -> None:
    with pytest.raises(MissingData, match=r"clone github.com/HayeonLee/HELP .* to \$WORKBENCH_DATA/HELP or "):
        benchmark("fbnet_latency")


def test_a_folder_that_lacks_a_device_is_incomplete(folder: Path) -> None:
    (folder / "latency" / "pixel2.pt").unlink()
    with pytest.raises(MissingData, match=r"pixel2.pt cannot be read .* Get it from github.com/HayeonLee/HELP"):
        benchmark("fbnet_latency", path=folder)


def test_latencies_that_are_not_above_zero_are_nan(reference: Table, tmp_path: Path) -> None:
    columns = {name: reference[name][:3].copy() for name in ("arch", *DEVICES)}
    columns["fpga"][:] = [0.0, -1.0, np.inf]
    arrays = fbnet_latency.convert(npz(tmp_path / "help.npz", **columns))
    assert np.isnan(arrays["latency_fpga_ms"]).all()
    assert np.isfinite(arrays["latency_eyeriss_ms"]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arch": np.array(["9" * 22] * 3)}, "is no architecture of FBNet"),
        ({"arch": np.array(["0" * 21] * 3)}, "is no architecture of FBNet"),
        ({"arch": np.array(["0" * 22] * 3)}, "3 architectures, 1 of them different"),
        ({"arch": np.arange(3)}, "is no architecture of FBNet"),
        ({"arch": np.array([], dtype="U22")}, "latencies are expected"),
        ({"fpga": np.ones(4)}, "3 latencies are expected for every device"),
        ({"fpga": np.ones((3, 1))}, "3 latencies are expected for every device"),
        ({"fpga": np.array(["a", "b", "c"])}, "3 latencies are expected for every device"),
        ({"fpga": np.array([1, None, 2], dtype=object)}, "allow_pickle=False"),
        ({"fpga": np.float64(1)}, "3 latencies are expected for every device"),
    ],
)
def test_other_arrays_are_refused(reference: Table, change: Table, words: str, tmp_path: Path) -> None:
    columns = {name: reference[name][:3] for name in ("arch", *DEVICES)} | change
    with pytest.raises(InvalidInput, match=words):
        fbnet_latency.convert(npz(tmp_path / "help.npz", **columns))


def test_a_missing_device_is_refused(reference: Table, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not hold HELP's latencies of FBNet"):
        fbnet_latency.convert(npz(tmp_path / "help.npz", arch=reference["arch"][:3]))


class Hostile:
    """Unpickled freely, it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.folder,)


def test_a_torch_file_that_names_code_is_refused(folder: Path, tmp_path: Path) -> None:
    torch.save(Hostile(tmp_path / "made"), folder / "arch.pt")
    with pytest.raises(InvalidInput, match=r"arch.pt .* Get it from github.com/HayeonLee/HELP"):
        benchmark("fbnet_latency", path=folder)
    assert not (tmp_path / "made").exists()


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "help.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arch.npy", bytes(10**8))
    with pytest.raises(InvalidInput, match="unpacks to more than 8,388,608 bytes"):
        fbnet_latency.convert(tmp_path / "help.npz")


def test_damaged_files_give_our_error(folder: Path, reference: Table, tmp_path: Path) -> None:
    file = npz(tmp_path / "help.npz", **{name: reference[name][:20] for name in ("arch", *DEVICES)})
    whole, arch = file.read_bytes(), (folder / "arch.pt").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(100):
        for path, place, raw in ((file, file, whole), (folder, folder / "arch.pt", arch)):
            damaged = bytearray(raw)
            damaged[rng.integers(len(raw))] ^= int(rng.integers(1, 256))
            for broken in (bytes(damaged), raw[: rng.integers(len(raw))]):
                place.write_bytes(broken)
                refused_or_read(path)


def refused_or_read(path: Path) -> None:
    try:
        arrays = fbnet_latency.convert(path)
    except InvalidInput:
        return
    assert len(arrays["architectures"]) == len(arrays["latency_fpga_ms"])
