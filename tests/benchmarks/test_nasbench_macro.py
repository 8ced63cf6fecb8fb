"""NAS-Bench-Macro's table: its numbers, and what is said when the user's file is absent or damaged."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.benchmarks import benchmark, for_space, macro_json
from workbench.benchmarks.macro_json import MacroTable
from workbench.benchmarks.nasbench_macro import TABLE
from workbench.errors import InvalidInput, MissingData
from workbench.testing import benchmark_contract

FILE = "nas-bench-macro_cifar10.json"
SMALL = replace(TABLE, name="small", layers=2)  # nine architectures


@pytest.fixture(scope="module")
def published(shared_data: Callable[[str], Path]) -> pd.DataFrame:
    """The reference table, indexed by official string, in the official file's order."""
    with np.load(shared_data("nb_macro.npz")) as columns:
        return pd.DataFrame({name: columns[name] for name in columns.files}).set_index("arch")


@pytest.fixture(scope="module")
def official(published: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official file, byte for byte."""
    entries = {
        text: {
            "test_acc": [row.test_acc_seed0, row.test_acc_seed1, row.test_acc_seed2],
            "mean_acc": row.mean_acc,
            "std": row.std,
            "params": row.params,
            "flops": row.flops,
        }
        for text, row in zip(published.index, published.itertuples(), strict=True)
    }
    path = tmp_path_factory.mktemp("data") / FILE
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture
def small() -> dict[str, Any]:
    """A good file's content, of nine architectures."""
    runs = [90.5, 91.0, 91.5]
    entry = {"test_acc": runs, "mean_acc": 91.0, "std": 0.4, "params": 10, "flops": 20}
    return {a + b: dict(entry) for a in "012" for b in "012"}


def test_the_file_is_the_one_whose_checksum_the_card_gives(official: Path, repository: Path) -> None:
    assert hashlib.sha256(official.read_bytes()).hexdigest() in (repository / "datasets/nasbench_macro.md").read_text()


def test_the_best_architecture_is_the_published_one(official: Path) -> None:
    bench = benchmark("nasbench_macro", path=official)
    arch, accuracy = bench.best("test_accuracy")
    # Su et al. (2021): 22212220 at 93.13 %; 22212202 is the same network.
    assert bench.space.canonical(arch) == "22212220"
    assert accuracy == pytest.approx(93.13, abs=0.005)
    assert bench.rank("test_accuracy", bench.space.parse("22212220")) == 1


def test_all_rows_equal_the_reference_table(official: Path, published: pd.DataFrame) -> None:
    frame = benchmark("nasbench_macro", path=official).table().loc[published.index]
    assert len(frame) == 6561
    for seed in range(3):
        np.testing.assert_array_equal(frame[f"test_accuracy_seed{seed}"], published[f"test_acc_seed{seed}"])
    np.testing.assert_allclose(frame["test_accuracy"], published["mean_acc"], rtol=1e-15)
    np.testing.assert_allclose(1e6 * frame["params_m"], published["params"], rtol=1e-15)
    np.testing.assert_allclose(1e6 * frame["flops_m"], published["flops"], rtol=1e-15)


def test_recorded_sizes_are_those_that_the_space_counts(official: Path) -> None:
    bench = benchmark("nasbench_macro", path=official)
    for arch in bench.space.sample(200, seed=3):
        record, counts = bench.query(arch), bench.space.counts(arch)
        assert (round(1e6 * record["params_m"]), round(1e6 * record["flops_m"])) == tuple(counts)


def test_each_run_can_be_asked_for(official: Path, published: pd.DataFrame) -> None:
    bench = benchmark("nasbench_macro", path=official)
    arch, row = bench.space.parse("02012100"), published.loc["02012100"]
    for seed in range(3):
        assert bench.query(arch, seed=seed)["test_accuracy"] == row[f"test_acc_seed{seed}"]
    assert bench.query(arch)["test_accuracy_seeds"] == tuple(row[f"test_acc_seed{k}"] for k in range(3))
    assert bench.measure("test_accuracy", noisy=True, seed=1)(arch) in bench.query(arch)["test_accuracy_seeds"]
    with pytest.raises(InvalidInput, match=r"seed=3 is not recorded .* Recorded seeds: 0, 1, 2\."):
        bench.query(arch, seed=3)


@pytest.mark.parametrize("check", benchmark_contract, ids=lambda check: check.__name__)
def test_the_table_passes_the_contract(check: Callable[[Any], None], official: Path) -> None:
    check(benchmark("nasbench_macro", path=official))


def test_numbers_carry_the_units_in_their_names(official: Path) -> None:
    assert [(c.name, c.better, c.unit) for c in benchmark("nasbench_macro", path=official).columns()] == [
        ("test_accuracy", "higher", "%"),
        ("params_m", "lower", "M"),
        ("flops_m", "lower", "M"),
    ]


def test_an_absent_file_is_missing_data_with_the_places_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    words = rf"No file of nasbench_macro at data/{FILE}: download it from github.com/xiusu/NAS-Bench-Macro .* to \$WORK"
    with pytest.raises(MissingData, match=words):
        benchmark("nasbench_macro")
    monkeypatch.setenv("WORKBENCH_DATA", "elsewhere")
    with pytest.raises(MissingData, match=f"at elsewhere/{FILE} or data/{FILE}: "):
        benchmark("nasbench_macro")
    with pytest.raises(MissingData, match=f"at nowhere or nowhere/{FILE}: .*, or pass its path as path="):
        benchmark("nasbench_macro", path="nowhere")
    with pytest.raises(InvalidInput, match="5 is no path to file of nasbench_macro: a string or a path is expected"):
        benchmark("nasbench_macro", path=5)


def test_the_file_is_found_by_argument_environment_and_working_folder(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = benchmark("nasbench_macro", path=official)
    assert benchmark("nasbench_macro", path=str(official.parent)) is bench
    monkeypatch.setenv("WORKBENCH_DATA", str(official.parent))
    assert benchmark("nasbench_macro") is bench
    assert for_space("nasbench_macro") == [("nasbench_macro", "cifar10")]
    monkeypatch.delenv("WORKBENCH_DATA")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).write_bytes(official.read_bytes())
    assert benchmark("nasbench_macro").size == 6561


def test_a_table_is_converted_once(official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    first = TABLE.load("cifar10", str(official)).shown("test_accuracy")
    monkeypatch.setattr(macro_json.json, "loads", None)
    np.testing.assert_array_equal(TABLE.load("cifar10", str(official)).shown("test_accuracy"), first)


def test_a_measure_travels_as_the_files_name(official: Path) -> None:
    bench = benchmark("nasbench_macro", path=official)
    sent = pickle.dumps(bench.measure("test_accuracy"))
    assert len(sent) < 2000
    arch = bench.space.parse("22212220")
    assert pickle.loads(sent)(arch) == bench.query(arch)["test_accuracy"]  # noqa: S301  # our own bytes


def converted(content: object) -> dict[str, Any]:
    return dict(SMALL.convert(json.dumps(content).encode(), "it"))


def test_a_good_file_is_read_row_by_row(small: dict[str, Any]) -> None:
    small["12"] = {"test_acc": [1, 2, 6.0], "mean_acc": 3, "std": 0, "params": 3_000_000, "flops": 7_000_000}
    arrays = converted(dict(reversed(small.items())))
    assert arrays["test_accuracy"][5].tolist() == [1.0, 2.0, 6.0]
    assert (arrays["params_m"][5], arrays["flops_m"][5]) == (3.0, 7.0)
    assert arrays["params_m"][4] == 1e-5


@pytest.mark.parametrize("content", [None, [], "x", 3, {}, {"00": 1}, [[]] * 9])
def test_a_file_of_something_else_is_refused(content: object) -> None:
    with pytest.raises(InvalidInput, match="it does not hold 9 architectures. Download it again from github.com/xiusu"):
        converted(content)


@pytest.mark.parametrize("key", ["0", "000", "03", "0a", "", "٠٠", "0" * 10_000])
def test_a_key_that_is_no_architecture_is_refused(key: str, small: dict[str, Any]) -> None:
    small[key] = small.pop("00")
    with pytest.raises(InvalidInput, match="it holds a malformed architecture '") as refusal:
        converted(small)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("test_acc", value) for value in (None, 91.0, [], [90.5, 91.5], [91.0] * 4, ["91"] * 3, "91.", [True] * 3)),
        *(("test_acc", value) for value in ([-1, 137.0, 137.0], [float("nan")] * 3, [10**400] * 3, [[91.0]] * 3)),
        *(("mean_acc", value) for value in (None, "91", 91.1, float("nan"), float("inf"), 10**400, [91.0])),
        *((size, value) for size in ("params", "flops") for value in (None, 0, -1, 1.5, True, "10", 10**400)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_malformed_entry_is_refused(field: str, value: object, small: dict[str, Any]) -> None:
    small["21"][field] = value
    with pytest.raises(InvalidInput, match=r"it holds a malformed architecture '21': .*\. Download it again"):
        converted(small)


@pytest.mark.parametrize("field", ["test_acc", "mean_acc", "params", "flops"])
def test_an_entry_without_a_number_is_refused(field: str, small: dict[str, Any]) -> None:
    del small["21"][field]
    with pytest.raises(InvalidInput, match=f"malformed architecture '21': '{field}'"):
        converted(small)


@pytest.mark.parametrize("entry", [None, 3, "x", [1, 2, 3], True])
def test_an_entry_that_is_no_object_is_refused(entry: object, small: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="malformed architecture '21'"):
        converted({**small, "21": entry})


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 10_000, b"\x00", b"NaN x"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"it is no JSON: .*\. Download it again from"):
        SMALL.convert(raw, "it")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / FILE).open("wb") as file:
        file.truncate(2**40)  # a terabyte that takes no room on disk
    with pytest.raises(InvalidInput, match=f"{FILE} has more than 16,777,216 bytes, as the official file has not"):
        benchmark("nasbench_macro", path=tmp_path)


def test_damage_is_refused_or_changes_nothing_that_matters(small: dict[str, Any]) -> None:
    good, rng = json.dumps(small).encode(), random.Random(5)
    outcomes = {True: 0, False: 0}
    for _ in range(3000):
        arrays = attempt(SMALL, damaged(good, rng))
        outcomes[arrays is None] += 1
        if arrays is not None:
            assert ((arrays["test_accuracy"] >= 0) & (arrays["test_accuracy"] <= 100)).all()
            assert (arrays["params_m"] > 0).all()
            np.testing.assert_allclose(arrays["test_accuracy"].mean(axis=1), 91, atol=10)
    assert outcomes[True] > 10 * outcomes[False]


def damaged(good: bytes, rng: random.Random) -> bytes:
    """`good` cut off somewhere, or with up to three bytes changed."""
    if rng.random() < 0.2:
        return good[: rng.randrange(len(good))]
    raw = bytearray(good)
    for _ in range(rng.randint(1, 3)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def attempt(table: MacroTable, raw: bytes) -> dict[str, Any] | None:
    """The arrays of a file, or None where it is refused as it should be."""
    try:
        return dict(table.convert(raw, "it"))
    except InvalidInput:
        return None
