"""TransNAS-Bench-101's tables, read from small files in the official layout."""

from __future__ import annotations

import copy
import json
import pickle
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.benchmarks import benchmark, for_space, transnas
from workbench.benchmarks.transnas_columns import TASKS
from workbench.errors import InvalidInput, MissingData, UnknownName
from workbench.testing import benchmark_contract

FILE = "transnas-bench_v10141024.pth"
MICRO = ("64-41414-1_02_333", "64-41414-3_33_333", "64-41414-0_00_000")
MACRO = ("64-1234-basic", "64-4111-basic")
TOP = ["top1", "top5", "loss"]
METRICS = {
    "class_scene": TOP,
    "class_object": TOP,
    "room_layout": ["loss", "neg_loss"],
    "jigsaw": TOP,
    "segmentsemantic": ["loss", "acc", "mIoU"],
    "normal": ["ssim", "l1_loss"],
    "autoencoder": ["ssim", "l1_loss"],
}
INFO = ("inference_time", "encoder_params", "model_params", "model_FLOPs", "encoder_FLOPs")
EPOCHS = 4


def entry(task: str, rng: random.Random, epochs: int = EPOCHS) -> dict[str, Any]:
    """One architecture's official record on one task."""
    names = [f"{images}_{metric}" for metric in METRICS[task] for images in ("train", "valid", "test")]
    metrics: dict[str, Any] = {name: [rng.uniform(0, 100) for _ in range(epochs)] for name in names}
    metrics["time_elapsed"] = [f"00:{minute:02d}:30" for minute in range(epochs)]
    info = {"inference_time": 0.0125, "encoder_params": 2_000_000, "model_params": 2_500_000}
    return {
        "total_epochs": epochs,
        "metrics": metrics,
        "model_info": {**info, "model_FLOPs": 3.5e9, "encoder_FLOPs": ""},
    }


@pytest.fixture(scope="module")
def database() -> dict[str, Any]:
    """The official dictionary with five architectures; one has been trained for fewer epochs."""
    rng = random.Random(0)
    data = {
        space: {text: {task: entry(task, rng) for task in TASKS} for text in texts}
        for space, texts in (("macro", MACRO), ("micro", MICRO))
    }
    data["micro"][MICRO[2]] = {task: entry(task, rng, 3) for task in TASKS}
    metrics = {task: [*data["macro"][MACRO[0]][task]["metrics"]] for task in TASKS}
    return {"metrics_dict": metrics, "info_names": list(INFO), "task_list": list(TASKS), "data": data}


@pytest.fixture(scope="module")
def official(database: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official file, as torch writes it."""
    path = tmp_path_factory.mktemp("data") / FILE
    torch.save(database, path)
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of one test are not those of another."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


def saved(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def test_the_number_shown_is_the_last_epochs_and_the_curve_has_all(official: Path, database: dict[str, Any]) -> None:
    bench = benchmark("transnasbench101_micro", "class_object", path=official)
    record = database["data"]["micro"][MICRO[0]]["class_object"]["metrics"]
    arch = bench.space.parse(MICRO[0])
    numbers = bench.query(arch)
    assert numbers["valid_accuracy"] == record["valid_top1"][-1]
    assert numbers["test_top5_accuracy"] == record["test_top5"][-1]
    assert numbers["train_loss"] == record["train_loss"][-1]
    assert numbers["train_time_s"] == 60 * (EPOCHS - 1) + 30
    assert numbers["latency_ms"] == pytest.approx(12.5)
    assert (numbers["params_m"], numbers["encoder_params_m"], numbers["flops_m"]) == (2.5, 2.0, 3500.0)
    np.testing.assert_array_equal(bench.curve(arch, "valid_accuracy"), record["valid_top1"])
    assert bench.query(arch, epoch=2)["valid_accuracy"] == record["valid_top1"][1]
    assert bench.query(arch, epoch=2)["params_m"] == 2.5
    assert bench.measure("valid_accuracy", epoch=1)(arch) == record["valid_top1"][0]


def test_a_shorter_training_ends_in_its_own_last_epoch(official: Path, database: dict[str, Any]) -> None:
    bench = benchmark("transnasbench101_micro", "autoencoder", path=official)
    record = database["data"]["micro"][MICRO[2]]["autoencoder"]["metrics"]
    arch = bench.space.parse(MICRO[2])
    assert bench.query(arch)["valid_ssim"] == record["valid_ssim"][2]
    assert np.isnan(bench.curve(arch, "valid_ssim")[3])


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_own_measures(official: Path, task: str) -> None:
    bench = benchmark("transnasbench101_macro", task, path=official)
    assert bench.size == 2
    assert bench.space.name == "transnas_macro"
    better = {column.name: column.better for column in bench.columns()}
    main = {
        "room_layout": "valid_neg_loss",
        "segmentsemantic": "valid_miou",
        "normal": "valid_ssim",
        "autoencoder": "valid_ssim",
    }.get(task, "valid_accuracy")
    assert better[main] == "higher"
    assert better["train_time_s"] == "lower"
    assert "encoder_flops_m" not in better  # the file says nothing of it


@pytest.mark.parametrize("name", ["transnasbench101_micro", "transnasbench101_macro"])
@pytest.mark.parametrize("check", benchmark_contract, ids=lambda check: check.__name__)
def test_the_tables_pass_the_contract(check: Callable[[Any], None], name: str, official: Path) -> None:
    check(benchmark(name, "class_scene", path=official))


def test_the_old_format_and_numpy_numbers_and_json_give_the_same(
    official: Path, database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = benchmark("transnasbench101_micro", "jigsaw", path=official).table()
    old = saved(tmp_path / "old.pth", database, _use_new_zipfile_serialization=False)
    exact = copy.deepcopy(database)
    metrics = exact["data"]["micro"][MICRO[0]]["jigsaw"]["metrics"]
    metrics["valid_top1"] = [np.float64(number) for number in metrics["valid_top1"]]
    numpy = saved(tmp_path / "numpy.pth", exact)
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(database))
    for path in (old, numpy, plain):
        monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / path.stem))
        assert benchmark("transnasbench101_micro", "jigsaw", path=path).table().equals(expected)


def test_numbers_given_in_millions_stay_as_they_are(database: dict[str, Any], tmp_path: Path) -> None:
    content = copy.deepcopy(database)
    content["data"]["macro"][MACRO[0]]["normal"]["model_info"]["model_params"] = 4.25
    bench = benchmark("transnasbench101_macro", "normal", path=saved(tmp_path / "m.pth", content))
    assert bench.query(bench.space.parse(MACRO[0]))["params_m"] == 4.25


def test_one_reading_serves_all_tables(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transnas.load("micro", "class_scene", str(official))
    monkeypatch.setattr(transnas, "read_torch_file", None)
    assert transnas.load("macro", "normal", str(official)).size == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("data"), "is no file of TransNAS-Bench-101: 'data'"),
        (lambda d: d["data"].update(nano={}), "'nano'"),
        (lambda d: d["data"]["micro"].update({"64-41414-1_02_334": {}}), "no architecture of transnas_micro"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"].pop("metrics"), "'metrics'"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"]["metrics"]["valid_ssim"].pop(), "has 3 numbers where other"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"]["metrics"].update(valid_ssim=["x"] * 4), "'x' stands where"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"]["metrics"].update(time_elapsed=["1:2"] * 4), "is no time"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"]["metrics"].update(valid_ssim=[0.0] * 9999), "9999 epochs"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"]["metrics"].update(valid_ssim=[True] * 4), "True stands"),
        (lambda d: d["data"]["micro"][MICRO[0]]["normal"]["model_info"].update(model_params=10**400), "too large"),
        (lambda d: d.update(data=[1, 2]), "has no attribute 'items'"),
    ],
)
def test_a_file_of_another_content_is_refused(
    change: Callable[[Any], object], words: str, database: dict[str, Any], tmp_path: Path
) -> None:
    content = copy.deepcopy(database)
    change(content)
    with pytest.raises(InvalidInput, match=words):
        benchmark("transnasbench101_micro", "normal", path=saved(tmp_path / "bad.pth", content))


def test_a_task_that_was_not_recorded_is_named_beside_those_that_were(database: dict[str, Any], tmp_path: Path) -> None:
    content = {"data": {"micro": {MICRO[0]: {"jigsaw": database["data"]["micro"][MICRO[0]]["jigsaw"]}}}}
    path = saved(tmp_path / "one.pth", content)
    with pytest.raises(InvalidInput, match="records nothing of the micro space on normal; it records micro jigsaw"):
        benchmark("transnasbench101_micro", "normal", path=path)


def test_tensors_classes_and_commands_are_never_loaded(tmp_path: Path) -> None:
    class Command:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("carried out",))

    for number, content in enumerate(({"data": torch.zeros(2)}, {"data": Command()}, {"data": np.zeros(3)})):
        for zipped in (True, False):
            path = saved(tmp_path / f"{number}{zipped}.pth", content, _use_new_zipfile_serialization=zipped)
            with pytest.raises(InvalidInput, match=f"{number}{zipped}.pth cannot be read: .*Get it from github.com"):
                benchmark("transnasbench101_micro", path=path)


def test_a_bomb_in_the_archive_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x00" * 100_000_000)
    with pytest.raises(InvalidInput, match=r"is no file of torch.save: it lacks one plain data.pkl"):
        benchmark("transnasbench101_micro", path=path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])
def test_damaged_files_raise_our_errors_quickly(zipped: bool, database: dict[str, Any], tmp_path: Path) -> None:
    raw = saved(tmp_path / "good.pth", database, _use_new_zipfile_serialization=zipped).read_bytes()
    rng = random.Random(0)
    begun = time.monotonic()
    for number in range(150):
        damaged = bytearray(raw)
        if number % 3:
            for _ in range(1 + number % 5):
                damaged[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        else:
            damaged = damaged[: rng.randrange(len(raw))]
        path = tmp_path / f"{number}.pth"
        path.write_bytes(damaged)
        try:
            transnas.convert(transnas.read_database(path), str(path))
        except InvalidInput:
            continue
    assert time.monotonic() - begun < 30


def test_damaged_json_raises_our_errors(database: dict[str, Any], tmp_path: Path) -> None:
    text = json.dumps({"data": {"macro": database["data"]["macro"]}})
    rng = random.Random(1)
    for number in range(100):
        place = rng.randrange(len(text))
        path = tmp_path / f"{number}.json"
        path.write_text(text[:place] + rng.choice(["", "[", "}", '"', "9" * 20, "null"]) + text[place + number % 3 :])
        try:
            transnas.convert(transnas.read_database(path), str(path))
        except InvalidInput:
            continue
    path = tmp_path / "deep.json"
    path.write_text("[" * 1_000_000)
    with pytest.raises(InvalidInput, match="is no JSON"):
        benchmark("transnasbench101_macro", "normal", path=path)


def test_an_absent_file_is_missing_data_with_the_places_to_put_it(
    official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    with pytest.raises(MissingData, match=f"at data/{FILE} or .*download it from github.com/yawen-d/TransNASBench"):
        benchmark("transnasbench101_micro")
    with pytest.raises(UnknownName, match="no data set of benchmark transnasbench101_micro named 'class_objects'"):
        benchmark("transnasbench101_micro", "class_objects")
    assert for_space("transnas_micro") == []
    monkeypatch.setenv("WORKBENCH_DATA", str(official.parent))
    assert for_space("transnas_micro") == [("transnasbench101_micro", task) for task in TASKS]


def test_what_is_not_recorded_and_what_has_no_curve_is_said(official: Path) -> None:
    bench = benchmark("transnasbench101_micro", "class_scene", path=official)
    arch = bench.space.parse(MICRO[0])
    with pytest.raises(MissingData):
        bench.query(bench.space.parse("64-41414-3_00_000"))
    with pytest.raises(InvalidInput, match="epoch=9: these networks were trained for epochs 1 to 4"):
        bench.query(arch, epoch=9)
    with pytest.raises(InvalidInput, match="'params_m' does not change during training"):
        bench.curve(arch, "params_m")
    with pytest.raises(InvalidInput, match="seed=1: .* records one training run"):
        bench.curve(arch, "valid_accuracy", seed=1)
    assert pickle.loads(pickle.dumps(bench)).size == 3  # noqa: S301  # our own bytes
