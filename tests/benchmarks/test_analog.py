"""The AnalogNAS-Bench table, whose package states no licence and need not be installed."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.damage import damaged
from workbench.benchmarks import Benchmark, analog, benchmark
from workbench.benchmarks.files import packages
from workbench.benchmarks.files.plain_pickle import read_plain
from workbench.errors import InvalidInput, MissingData
from workbench.spaces import search_space
from workbench.spaces.nasbench201 import to_naslib

SPACE = search_space("nasbench201")
KEY = (0, 0, 0, 4, 3, 2)


class Architecture:
    """Stands for the package's class of the same name: pickled, it names that one."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class DriftMeasurement(Architecture):
    """Stands for the package's class of the same name."""


Architecture.__module__ = DriftMeasurement.__module__ = "analognasbench.data"


@pytest.fixture
def own_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a test runs, pickle finds the two classes where it expects the package's."""
    monkeypatch.setitem(sys.modules, "analognasbench", sys)  # nothing of it is used
    monkeypatch.setitem(sys.modules, "analognasbench.data", sys.modules[__name__])


@pytest.fixture(scope="module")
def bench() -> Benchmark:
    """The table of the installed package."""
    if not analog.LOADER.at_hand:
        pytest.skip("the package analog-nasbench is not installed")
    return benchmark("analog_nasbench")


def test_all_numbers_equal_the_reference_table(bench: Benchmark, shared_data: Callable[[str], Path]) -> None:
    with np.load(shared_data("nb201_analog.npz")) as reference:
        frame = bench.table().loc[reference["arch_str"].tolist()]
        assert sorted(frame.columns) == sorted(set(reference.files) - {"index", "arch_str"})
        for name in frame.columns:
            np.testing.assert_array_equal(frame[name], reference[name], err_msg=name)


def test_cells_that_pass_nothing_guess(bench: Benchmark) -> None:
    # A wrong order of edges or operations would give other cells these rows.
    nothing = [arch for arch in SPACE.sample(3_000, seed=0) if SPACE.canonical(arch, "functional") == "#"]
    assert len(nothing) > 30
    assert {bench.value(arch, "baseline_accuracy") for arch in nothing} == {10.0}


def test_the_digital_networks_are_those_of_nasbench201(bench: Benchmark, shared_data: Callable[[str], Path]) -> None:
    with np.load(shared_data("nb201_core.npz")) as core:
        accuracies = bench.table().loc[core["arch_str"].tolist(), "baseline_accuracy"]
        ranks = [np.argsort(np.argsort(x)) for x in (accuracies.to_numpy(), core["cifar10_test_acc"])]
    assert np.corrcoef(*ranks)[0, 1] > 0.98


# -- without the package ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up() -> dict[Any, Any]:
    """Every cell with made-up numbers, in the package's layout."""

    def record(key: tuple[int, ...], first: float) -> Architecture:
        drifts = {name: DriftMeasurement(value=first + 2, uncertainty=0.5) for name in analog._DRIFTS}
        return Architecture(architecture=key, **dict.fromkeys(analog._TRAINED, first), **drifts)

    keys = [tuple(map(int, to_naslib(arch))) for arch in SPACE.enumerate()]
    return {key: record(key, float(i % 90)) for i, key in enumerate(keys)}


@pytest.mark.usefixtures("own_classes")
def test_a_file_is_read_in_naslibs_order_of_edges_and_operations(made_up: dict[Any, Any]) -> None:
    arrays = analog.convert(pickle.dumps(made_up), "x.anb")
    np.testing.assert_array_equal(arrays["qat_accuracy"], np.arange(15_625) % 90)
    np.testing.assert_array_equal(arrays["analog_drift_60"], np.arange(15_625) % 90 + 2)
    assert set(arrays["baseline_drift_3600_std"]) == {0.5}


@pytest.mark.usefixtures("own_classes")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.pop(KEY), "does not hold the 15,625 cells"),
        (lambda t: t.update({(0, 0, 0, 4, 3, 5): t.pop(KEY)}), "malformed cell"),
        (lambda t: t.update({(0, 0, 0, 4, 3): t.pop(KEY)}), "malformed cell"),
        (lambda t: t.update({"000432": t.pop(KEY), (0, 0, 0, 0, 0, 0, 0): t.pop((0,) * 6)}), "malformed cell"),
        (lambda t: t.update({KEY: 7}), "malformed cell"),
        (lambda t: t[KEY].__dict__.pop("qat_accuracy"), "malformed cell: 'qat_accuracy'"),
        (lambda t: t[KEY].__dict__.update(qat_accuracy="high"), "malformed cell"),
        (lambda t: t[KEY].__dict__.update(analog_drift_60=50.0), "malformed cell"),
        (lambda t: t[KEY].__dict__.update(qat_accuracy=float("nan")), "lacks some numbers"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_way_to_a_good_one(
    damage: Callable[[dict[Any, Any]], object], words: str, made_up: dict[Any, Any]
) -> None:
    cells = made_up | {KEY: Architecture(**vars(made_up[KEY]))}
    damage(cells)
    with pytest.raises(InvalidInput, match=f"(?s)x.anb .*{words}.*--force-reinstall analog-nasbench"):
        analog.convert(pickle.dumps(cells), "x.anb")


@pytest.mark.usefixtures("own_classes")
def test_a_damaged_file_gives_a_table_or_an_error_of_ours_and_no_other(made_up: dict[Any, Any]) -> None:
    for copy in damaged(pickle.dumps(made_up), n=9):
        with suppress(InvalidInput):
            assert all(np.isfinite(array).all() for array in analog.convert(copy, "x.anb").values())


@pytest.mark.parametrize(
    "raw",
    [
        b"canalognasbench.data\nArchitecture\n(N}S'values'\nI1\nstb.",  # writing onto the class of the stand-in
        b"canalognasbench.data\nArchitecture\n)\x81K\x01b.",  # a state that is no dictionary
        b"canalognasbench.data\nAnalogNASBench\n)\x81.",  # a third class of the package
        b"cnumpy\ndtype\n.",
    ],
)
def test_crafted_opcodes_are_refused(raw: bytes) -> None:
    before = dict(vars(analog.Fields))
    with pytest.raises(InvalidInput, match=r"x.anb cannot be read: "):
        analog.convert(raw, "x.anb")
    assert dict(vars(analog.Fields)) == before


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingData, match="AnalogNAS-Bench tables come with a package: `pip install analog-nasbench`"):
        benchmark("analog_nasbench")


@pytest.mark.usefixtures("bench")
def test_the_package_is_not_imported() -> None:
    code = (
        "import sys; from workbench.benchmarks import benchmark; benchmark('analog_nasbench'); "
        "print([m for m in ('analognasbench', 'pkg_resources', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_stand_ins_hold_what_was_pickled() -> None:
    raw = b"canalognasbench.data\nArchitecture\n)\x81}(S'qat_accuracy'\nF55.5\nub."
    found = read_plain(raw, "x", "", analog._ALLOWED)
    assert found.values == {"qat_accuracy": 55.5}
