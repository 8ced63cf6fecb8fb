"""HW-NAS-Bench's file and HELP's latencies: read from files as their authors lay them out."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.damage import damaged
from workbench.benchmarks import benchmark, hw_nasbench, nasbench201_latency
from workbench.benchmarks.nasbench201_rows import passes_nothing, rows_of
from workbench.errors import InvalidInput, MissingData
from workbench.spaces import search_space
from workbench.spaces.graphs import is_connected

SPACE = search_space("nasbench201")
STRINGS = [str(arch) for arch in SPACE.enumerate()]
# Number 0 of the official list on CIFAR-10, as the authors' README prints it.
ZERO = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
README = {
    "edgegpu_latency": 5.807418537139893,
    "edgegpu_energy": 24.226614330768584,
    "raspi4_latency": 10.481976820010459,
    "edgetpu_latency": 0.9571811309997429,
    "pixel3_latency": 3.6058499999999998,
    "eyeriss_latency": 3.645620000000001,
    "eyeriss_energy": 0.6872827644999999,
    "eyeriss_arithmetic_intensity": 6.289297634665844,
    "fpga_latency": 2.57296,
    "fpga_energy": 18.01072,
}
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up files of one name do not meet in the cache."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


# -- HW-NAS-Bench ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    """A file of the official layout: arrays, lists of numpy numbers and of plain ones; cells in another order."""
    order = [ZERO, *reversed([text for text in STRINGS if text != ZERO])]
    tables = {}
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        table: dict[str, Any] = {
            "config": [{"name": "infer.tiny", "C": 16, "N": 5, "arch_str": text, "num_classes": 10} for text in order]
        }
        for i, (name, value) in enumerate(README.items()):
            values = value + np.arange(15_625) / 15_625
            if name == "raspi4_latency":
                values[order.index(NOTHING)] = 0.011
            table[name] = [values, values.astype(np.float32), list(values), values.tolist()][i % 4]
        tables[dataset] = table
    return {"nasbench201": tables, "fbnet": {"edgegpu_latency": {"Skip_H32": np.float64(1.0)}}}


def written(folder: Path, value: Any) -> Path:
    """The folder with the file in it."""
    (folder / hw_nasbench.FILE).write_bytes(pickle.dumps(value))
    return folder


def test_the_official_file_is_read_with_its_cells_in_any_order(official: dict[str, Any], tmp_path: Path) -> None:
    bench = benchmark("hw_nasbench", "cifar10", path=written(tmp_path, official))
    record = bench.query(SPACE.parse(ZERO))
    for name, value in README.items():
        assert record[hw_nasbench.SOURCES[name].name] == pytest.approx(value, rel=1e-6), name
    assert [(c.name, c.unit) for c in bench.columns()][:1] == [("latency_edgegpu_ms", "ms")]
    assert {c.unit for c in bench.columns()} == {"ms", "mJ", "op/byte"}
    assert bench.size == 15_625


def test_the_file_is_found_in_the_users_data_folder(
    official: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(written(tmp_path, official)))
    assert hw_nasbench.LOADER.at_hand
    assert benchmark("hw_nasbench", "imagenet16_120").dataset == "imagenet16_120"


def test_a_time_below_that_of_every_network_that_computes_something_is_none(
    official: dict[str, Any], tmp_path: Path
) -> None:
    record = benchmark("hw_nasbench", path=written(tmp_path, official)).query(SPACE.parse(NOTHING))
    assert np.isnan(record["latency_raspi4_ms"])
    assert record["latency_edgegpu_ms"] > 5


def test_without_the_file_the_error_says_where_to_get_it_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"GATECH-EIC/HW-NAS-Bench to \$WORKBENCH_DATA/HW-NAS-Bench-v1_0.pickle"):
        benchmark("hw_nasbench", path=tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: f.pop("nasbench201"), "'nasbench201'"),
        (lambda f: f["nasbench201"].pop("cifar10"), "'cifar10'"),
        (lambda f: f["nasbench201"]["cifar10"].pop("fpga_energy"), "'fpga_energy'"),
        (lambda f: f["nasbench201"]["cifar10"].update(fpga_energy=[1.0] * 15_624), "15,625 numbers are expected"),
        (lambda f: f["nasbench201"]["cifar10"].update(fpga_energy=["x"] * 15_625), "could not convert"),
        (lambda f: f["nasbench201"]["cifar10"].update(fpga_energy=[np.nan] * 15_625), "15,625 numbers are expected"),
        (lambda f: f["nasbench201"]["cifar10"].update(fpga_energy=np.ones((125, 125))), "15,625 numbers are expected"),
        (lambda f: f["nasbench201"]["cifar10"].update(config=[{"arch_str": ZERO}] * 15_625), "not each there once"),
        (lambda f: f["nasbench201"]["cifar10"].update(config=7), "object is not iterable"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_way_to_a_good_one(
    damage: Callable[[dict[str, Any]], object], words: str, official: dict[str, Any]
) -> None:
    copy = {"nasbench201": {"cifar10": dict(official["nasbench201"]["cifar10"])}}
    damage(copy)
    with pytest.raises(InvalidInput, match=f"(?s)x.pickle does not hold .*{words}.*Get HW-NAS-Bench-v1_0.pickle from"):
        hw_nasbench.convert(pickle.dumps(copy), "x.pickle", "cifar10")


def test_a_damaged_file_gives_a_table_or_an_error_of_ours_and_no_other(official: dict[str, Any]) -> None:
    raw = pickle.dumps({"nasbench201": {"cifar10": official["nasbench201"]["cifar10"]}})
    for copy in damaged(raw, n=15):
        with suppress(InvalidInput):
            assert len(hw_nasbench.convert(copy, "x.pickle", "cifar10")) == 10


# -- HELP ------------------------------------------------------------------------------------------------------------


def test_all_latencies_equal_the_reference_table(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("nb201_latency_help.npz")
    bench = benchmark("nasbench201_latency", path=path)
    assert len(bench.measures()) == 27
    with np.load(path) as reference:
        frame = bench.table().loc[reference["arch_str"].tolist()]
        for device in nasbench201_latency.DEVICES:
            found, expected = frame[f"latency_{device}_ms"].to_numpy(), reference[device].astype(np.float64)
            same = ~np.isnan(found)
            np.testing.assert_array_equal(found[same], expected[same], err_msg=device)
            assert (~same).sum() == {"pixel3": 283, "raspi4": 289}.get(device, 0), device
    assert bench.optimum("latency_pixel3_ms") > 1
    assert bench.optimum("latency_raspi4_ms") > 2
    record = bench.query(SPACE.parse(ZERO))  # HELP has these devices from HW-NAS-Bench, on CIFAR-10
    for device in ("raspi4", "pixel3", "eyeriss", "fpga"):
        assert record[f"latency_{device}_ms"] == pytest.approx(README[f"{device}_latency"], rel=1e-6)


def test_341_cells_pass_nothing() -> None:
    nothing = passes_nothing()
    assert nothing.sum() == 341
    for row in (0, 1, 77, 3_000, 15_624):
        assert nothing[row] == (not is_connected(SPACE.graph(SPACE.parse(STRINGS[row]))))
    assert rows_of(STRINGS).tolist() == list(range(15_625))


@pytest.fixture
def help_folder(tmp_path: Path) -> Path:
    """A folder in the layout of HELP's data/nasbench201: zip archives of plain pickles."""

    def write(name: str, value: Any) -> None:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
            archive.writestr("archive/version", "3\n")

    (tmp_path / "latency").mkdir()
    write("str_arch2idx.pt", {text: 15_624 - i for i, text in enumerate(STRINGS)})
    for k, device in enumerate(nasbench201_latency.DEVICES):
        write(f"latency/{device}.pt", [float(i + k + 1) for i in range(15_625)])
    return tmp_path


def test_helps_own_folder_is_read_without_torch(help_folder: Path) -> None:
    bench = benchmark("nasbench201_latency", path=help_folder)
    first = next(iter(SPACE.enumerate()))
    assert bench.query(first)["latency_1080ti_1_ms"] == 15_625.0
    assert bench.query(first)["latency_1080ti_32_ms"] == 15_626.0


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("latency/fpga.pt", b"", "is not a zip file"),
        ("str_arch2idx.pt", b"PK\x05\x06" + bytes(18), "no item named 'archive/data.pkl'"),
        ("latency/fpga.pt", None, "fpga.pt cannot be read"),
    ],
)
def test_a_folder_with_a_damaged_file_is_refused(help_folder: Path, name: str, raw: bytes | None, words: str) -> None:
    if raw is None:
        (help_folder / name).unlink()
    else:
        (help_folder / name).write_bytes(raw)
    with pytest.raises((InvalidInput, MissingData), match=f"(?s){words}.*HayeonLee/HELP"):
        benchmark("nasbench201_latency", path=help_folder)


def test_damaged_latencies_give_a_table_or_an_error_of_ours_and_no_other(help_folder: Path) -> None:
    raw = nasbench201_latency.read_all(help_folder)
    for copy in damaged(raw["raspi4"], n=12):
        with suppress(InvalidInput):
            arrays = nasbench201_latency.convert({**raw, "raspi4": copy}, "x")
            assert np.nanmin(arrays["latency_raspi4_ms"]) > 0
    buffer = io.BytesIO()
    np.savez_compressed(buffer, arch_str=STRINGS, **{d: np.arange(1.0, 15_626) for d in nasbench201_latency.DEVICES})
    for copy in damaged(buffer.getvalue(), n=12):
        with suppress(InvalidInput):
            assert len(nasbench201_latency.convert({nasbench201_latency.FILE: copy}, "x")) == 27


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arch_str.npy", bytes(50_000_000))
    with pytest.raises(InvalidInput, match="it unpacks to more than 16,777,216 bytes"):
        nasbench201_latency.convert({nasbench201_latency.FILE: buffer.getvalue()}, "x.npz")


def test_without_the_files_the_error_says_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"HayeonLee/HELP \(data/nasbench201\) to \$WORKBENCH_DATA/HELP"):
        benchmark("nasbench201_latency", path=tmp_path)
