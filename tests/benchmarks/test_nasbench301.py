"""NAS-Bench-301's trained networks, read from small files in the official layout."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.benchmarks import benchmark, for_space, nasbench301
from workbench.errors import InvalidInput, MissingData
from workbench.spaces import search_space
from workbench.spaces.darts import to_configspace
from workbench.testing import benchmark_contract

SPACE = search_space("darts")
ARCHS = SPACE.sample(4, seed=0)
TRAINING = {
    "NetworkSelectorDatasetInfo:darts:layers": 8,
    "NetworkSelectorDatasetInfo:darts:init_channels": 32,
    "NetworkSelectorDatasetInfo:darts:auxiliary": "True",
    "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": 100,
    "CreateImageDataLoader:batch_size": 96,
    "OptimizerSelector:sgd:learning_rate": 0.025,
}
CURVES = (
    "Train/train_loss",
    "Train/train_accuracy",
    "Train/train_cross_entropy",
    "Train/val_accuracy",
    "Train/val_cross_entropy",
)


def result(number: int, seed: int, **settings: Any) -> dict[str, Any]:
    """A run of architecture `number` as Auto-PyTorch writes it."""
    rng = random.Random(100 * number + seed)
    accuracy, config = rng.uniform(90, 95), TRAINING | settings | to_configspace(ARCHS[number])
    info = {
        "train_accuracy": accuracy + 4,
        "train_cross_entropy": 0.2,
        "val_accuracy": accuracy,
        "val_cross_entropy": 0.3,
        "val_accuracy_final": accuracy - 0.1,
        "epochs": 100,
        "model_parameters": 1_250_000.0 + number,
        "learning_rate": 1e-8,
        "dataset_id": 0,
    }
    return {
        "optimized_hyperparamater_config": config,
        "budget": 100,
        "info": [info],
        "test_accuracy": accuracy - 1,
        "runtime": 3600.5,
        "optimizer": "rs",
        "learning_curves": {name: [rng.uniform(0, 95) for _ in range(100)] for name in CURVES},
    }


@pytest.fixture(scope="module")
def runs() -> dict[str, dict[str, Any]]:
    """File -> run: architecture 0 twice, 1 and 2 once, and a shallow run of 3, which is another network."""
    return {
        "rs/results_0.json": result(0, 1),
        "de/results_10_ti.json": result(0, 2),
        "rs/results_1.json": result(1, 1),
        "tpe/results_2.json": result(2, 1),
        "random_fidelities/results_3.json": result(3, 1, **{"NetworkSelectorDatasetInfo:darts:layers": 5}),
    }


def written(folder: Path, runs: dict[str, dict[str, Any]]) -> Path:
    for name, record in runs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(record))
    return folder


@pytest.fixture
def archive(runs: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The unpacked archive, with a cache of its own."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return written(tmp_path / nasbench301.FOLDERS[0], runs)


def test_runs_of_one_architecture_stand_side_by_side(archive: Path, runs: dict[str, dict[str, Any]]) -> None:
    bench = benchmark("nasbench301", archive=archive)
    assert bench.size == 3
    two = [runs[name]["info"][0]["val_accuracy"] for name in ("de/results_10_ti.json", "rs/results_0.json")]
    numbers = bench.query(ARCHS[0])
    assert numbers["valid_accuracy_seeds"] == tuple(two)
    assert numbers["valid_accuracy"] == pytest.approx(sum(two) / 2)
    assert numbers["test_accuracy"] == pytest.approx(sum(two) / 2 - 1)
    assert numbers["params_m"] == 1.25
    assert numbers["train_time_s"] == 3600.5
    assert bench.query(ARCHS[0], seed=1)["valid_accuracy"] == two[1]
    assert bench.query(ARCHS[1])["valid_accuracy_seeds"] == (runs["rs/results_1.json"]["info"][0]["val_accuracy"],)
    frame = bench.table()
    assert frame.loc[str(ARCHS[0]), "valid_accuracy_seed1"] == two[1]
    assert np.isnan(frame.loc[str(ARCHS[1]), "valid_accuracy_seed1"])


def test_networks_of_other_sizes_are_left_out(archive: Path) -> None:
    bench = benchmark("nasbench301", archive=archive)
    with pytest.raises(MissingData, match="is not recorded in .*nasbench301"):
        bench.query(ARCHS[3])


def test_learning_curves_are_read_from_the_runs_files(archive: Path, runs: dict[str, dict[str, Any]]) -> None:
    bench = benchmark("nasbench301", archive=archive)
    curves = [
        runs[name]["learning_curves"]["Train/val_accuracy"] for name in ("de/results_10_ti.json", "rs/results_0.json")
    ]
    np.testing.assert_allclose(bench.curve(ARCHS[0], "valid_accuracy"), np.mean(curves, axis=0))
    np.testing.assert_array_equal(bench.curve(ARCHS[0], "valid_accuracy", seed=1), curves[1])
    assert bench.query(ARCHS[0], epoch=7)["valid_accuracy_seeds"] == (curves[0][6], curves[1][6])
    assert bench.query(ARCHS[0], epoch=7)["params_m"] == 1.25
    with pytest.raises(InvalidInput, match="epoch=101: these networks were trained for epochs 1 to 100"):
        bench.query(ARCHS[0], epoch=101)
    with pytest.raises(InvalidInput, match="'params_m' has no learning curve in 'nasbench301'; valid_accuracy,"):
        bench.curve(ARCHS[0], "params_m")
    with pytest.raises(InvalidInput, match="seed=2 is not recorded: the runs are numbered 0 to 1"):
        bench.curve(ARCHS[0], "valid_accuracy", seed=2)


def test_the_edition_without_curves_says_which_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    record = result(0, 1)
    del record["learning_curves"]
    del record["info"][0]["train_accuracy"]
    bench = benchmark("nasbench301", archive=written(tmp_path / "light", {"rs/results_0.json": record}))
    assert "train_accuracy" not in bench.measures()
    with pytest.raises(MissingData, match="no learning curve 'Train/val_accuracy': the archive nasbench301_full_data"):
        bench.curve(ARCHS[0], "valid_accuracy")


def test_an_isomorphic_cell_has_a_record_of_its_own(archive: Path) -> None:
    bench = benchmark("nasbench301", archive=archive)
    arch = ARCHS[0]
    twin = SPACE.parse(str(arch).replace("range(2, 6)", "[2, 3, 4, 5]"))
    assert bench.query(twin) == bench.query(arch)


@pytest.mark.parametrize("check", benchmark_contract, ids=lambda check: check.__name__)
def test_the_table_passes_the_contract(check: Callable[[Any], None], archive: Path) -> None:
    check(benchmark("nasbench301", archive=archive))


def test_an_absent_folder_is_missing_data_with_the_places_to_put_it(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    away = tmp_path / "elsewhere"
    away.mkdir()
    monkeypatch.chdir(away)
    words = r"No runs of NAS-Bench-301 at data/nb_301_v13_lc_iclr_final or .*: download them from figshare.com.*unpack"
    with pytest.raises(MissingData, match=words):
        benchmark("nasbench301")
    with pytest.raises(InvalidInput, match="3 is no path to the runs"):
        benchmark("nasbench301", archive=3)
    with pytest.raises(MissingData, match="No runs of NAS-Bench-301 at nowhere or"):
        benchmark("nasbench301", archive="nowhere")
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    assert for_space("darts") == [("nasbench301", "cifar10")]
    assert benchmark("nasbench301") is benchmark("nasbench301", archive=str(archive))


def test_the_table_is_made_anew_when_the_folder_changes(archive: Path, tmp_path: Path) -> None:
    assert nasbench301.load("cifar10", str(archive)).size == 3
    shutil.copy(archive / "rs/results_1.json", archive / "rs/results_9.json")
    with pytest.warns(UserWarning, match="made from another version of its source"):
        assert nasbench301.load("cifar10", str(archive)).read(1).seeds == (0, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.pop("optimized_hyperparamater_config"), "optimized_hyperparamater_config"),
        (lambda r: r.pop("test_accuracy"), "test_accuracy"),
        (lambda r: r.update(test_accuracy=940), "test_accuracy is 940: a percentage is expected"),
        (lambda r: r.update(test_accuracy="94"), "'94' stands where a number is expected"),
        (lambda r: r.update(runtime=10**400), "too large"),
        (lambda r: r.update(info=[]), "list index out of range"),
        (lambda r: r["optimized_hyperparamater_config"].popitem(), "does not say NetworkSelectorDatasetInfo:darts:"),
        (lambda r: r.update(optimized_hyperparamater_config=[]), "has no attribute 'get'"),
    ],
)
def test_a_malformed_run_is_named(
    change: Callable[[Any], object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    record = result(0, 1)
    change(record)
    folder = written(tmp_path / "bad", {"rs/results_0.json": record})
    with pytest.raises(InvalidInput, match=rf"rs/results_0.json is no result of NAS-Bench-301: .*{words}.* Unpack"):
        benchmark("nasbench301", archive=folder)


def test_damaged_files_raise_our_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    raw = json.dumps(result(0, 1)).encode()
    rng = random.Random(0)
    for number in range(200):
        damaged = bytearray(raw)
        if number % 2:
            for _ in range(1 + number % 4):
                damaged[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        else:
            damaged = damaged[: rng.randrange(len(raw))]
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "results_0.json").write_bytes(damaged)
        try:
            records = nasbench301.load(f"fuzz{number}", str(folder))
            records.curve(0, "valid_accuracy")
        except (InvalidInput, MissingData):
            continue


def test_a_file_that_is_too_large_or_too_deep_is_refused(tmp_path: Path) -> None:
    for name, content in (("large", b" " * (2**20 + 1)), ("deep", b"[" * 500_000), ("list", b"[]")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "results_0.json").write_bytes(content)
        with pytest.raises(InvalidInput, match="has more than|is no JSON|a JSON object is expected"):
            nasbench301.load("cifar10", str(folder))
