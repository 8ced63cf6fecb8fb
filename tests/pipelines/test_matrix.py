"""Pipelines that expand: names of stages, who needs whom, conditions, and what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import InvalidInput, WorkbenchError
from workbench.pipelines.condition import condition
from workbench.pipelines.matrix import LONGEST_NAME, expanded
from workbench.pipelines.pipeline import Pipeline, read

WriteNotebook = Callable[..., Path]
FILE = """
report = "tell"
[parameters]
datasets = ["cifar10", "cifar100"]
strategies = ["random", "auto"]
[stages.prepare]
notebook = "prepare.ipynb"
matrix = { dataset = "datasets" }
[stages.search]
notebook = "search.ipynb"
matrix = { dataset = "datasets", strategy = "strategies", seed = [0, 1] }
needs = ["prepare"]
when = "n_trials > 10 or strategy == 'random'"
[stages.tell]
notebook = "tell.ipynb"
needs = ["search"]
"""


@pytest.fixture
def file(tmp_path: Path, write_notebook: WriteNotebook) -> Path:
    write_notebook("prepare", "x = 1", parameters="dataset: str = 'cifar10'  # whose")
    declared = "dataset: str = 'cifar10'  # whose\nstrategy: str = 'random'  # which\nseed: int = 0\nn_trials: int = 50"
    write_notebook("search", "x = 1", parameters=declared)
    write_notebook("tell", "x = 1", parameters='inputs: str = "runs"')
    (tmp_path / "many.toml").write_text(FILE, encoding="utf-8")
    return tmp_path / "many.toml"


def needs(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    return {stage.name: stage.needs for stage in pipeline.stages}


def test_a_matrix_is_one_stage_for_every_combination_each_needing_those_that_agree(file: Path) -> None:
    found = read(file)
    assert [p.name for p in found.schema] == ["datasets", "strategies", "n_trials"]
    assert str(found.schema.parameters["datasets"]) == (
        "datasets: a list, each item a text, default ['cifar10', 'cifar100'] -- dataset, a stage for each: whose"
    )
    assert found.users("datasets") == ["prepare", "search"]
    got = needs(expanded(found, found.values({})))
    assert len(got) == 2 + 2 * 2 * 2 + 1
    assert got["search-cifar100-auto-1"] == ("prepare-cifar100",)
    assert got["tell"] == tuple(name for name in got if name.startswith("search-"))


def test_each_combination_receives_its_values(file: Path) -> None:
    found = read(file)
    values = found.values({"datasets": ["cifar10"], "n_trials": 7})
    stages = {stage.name: stage for stage in expanded(found, values).stages}
    assert stages["search-cifar10-auto-1"].values(values) == {
        "dataset": "cifar10", "strategy": "auto", "seed": 1, "n_trials": 7,
    }  # fmt: skip
    assert stages["search-cifar10-auto-1"].base == "search"


def test_a_condition_leaves_out_the_combinations_for_which_it_does_not_hold(file: Path) -> None:
    found = read(file)
    stages = expanded(found, found.values({"n_trials": 10})).stages
    left_out = {stage.name for stage in stages if stage.left_out}
    assert left_out == {stage.name for stage in stages if "-auto-" in stage.name}
    assert not any(stage.left_out for stage in expanded(found, found.values({"n_trials": 11})).stages)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"datasets": []}, "datasets is empty, so that prepare would not run"),
        ({"strategies": ["auto", "auto"]}, 'strategies names "auto" twice'),
        ({"datasets": ["cifar10", 3]}, "item 1: 3 is not a text"),
        ({"strategies": [f"s{i}" for i in range(2_000)]}, "at most 5,000 run"),
    ],
)
def test_lists_that_make_no_matrix_are_refused(file: Path, given: dict[str, object], words: str) -> None:
    found = read(file)
    with pytest.raises(InvalidInput, match=words):
        expanded(found, found.values(given))


def test_names_of_stages_are_folders_that_differ_on_every_file_system(file: Path) -> None:
    found = read(file)
    awkward = ["a/b", "a b", "A_B", "../..", "x" * 200, "y" * 200, "", "con", "é"]
    stages = expanded(found, found.values({"datasets": awkward, "strategies": ["s"]})).stages
    names = [stage.name for stage in stages]
    assert len({name.lower() for name in names}) == len(names)
    assert all(len(name) <= LONGEST_NAME and name.isascii() for name in names)
    assert not [name for name in names if set(name) & set('/\\:*?"<>| ') or name.startswith(".")]


WRONG = {
    "a parameter that the notebook lacks": ("matrix = { data = 'datasets' }", "takes no keyword 'data'"),
    "a mistyped value": ("matrix = { seed = ['one'] }", "seed takes a list of values"),
    "no list": ("matrix = { seed = 3 }", "seed takes a list of values, or the name of a parameter"),
    "no parameter's name": ("matrix = { seed = 'a b' }", "'a b' cannot name a parameter"),
    "a condition on nothing": ("when = 'n_trial > 3'", "speaks of 'n_trial'. Did you mean 'n_trials'"),
    "a condition that is code": ('when = \'__import__("os").system("x")\'', "the condition"),
    "a condition that reaches inside": ("when = 'n_trials.real > 3'", "the condition"),
    "no condition": ("when = 3", "when is a condition in a text"),
    "a timeout of nothing": ("timeout = 0", "cannot end within"),
    "a negative timeout": ("timeout = -1", "timeout is a number of seconds"),
    "half an attempt": ("retries = 0.5", "retries is a number of further attempts"),
    "endless attempts": ("retries = 1000", "from 0 to 10"),
    "a missing input file": ("inputs = ['nowhere.csv']", "there is no input file"),
    "inputs of one name": ("inputs = ['many.toml', './many.toml']", "two input files are called many.toml"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_stage_cannot_be_is_one_clear_error(file: Path, what: str) -> None:
    line, words = WRONG[what]
    file.write_text(f'[stages.search]\nnotebook = "search.ipynb"\n{line}\n', encoding="utf-8")
    with pytest.raises(WorkbenchError) as caught:
        read(file)
    assert words in str(caught.value)
    assert "search" in str(caught.value)


def test_a_report_is_made_from_one_stage_that_runs(file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace('report = "tell"', 'report = "search"'))
    found = read(file)
    with pytest.raises(InvalidInput, match="the report is made from one stage; search has a matrix"):
        expanded(found, found.values({}))
    file.write_text(text + "when = \"datasets == ['svhn']\"\n")
    found = read(file)
    with pytest.raises(InvalidInput, match="made from tell, which is left out"):
        expanded(found, found.values({}))


def test_a_need_that_no_combination_meets_is_named(file: Path) -> None:
    file.write_text(FILE.replace('matrix = { dataset = "datasets" }', "matrix = { dataset = ['svhn'] }"))
    found = read(file)
    with pytest.raises(InvalidInput, match="search needs prepare for dataset = cifar10"):
        expanded(found, found.values({}))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("n > 3", True),
        ("not n > 3", False),
        ("3 < n <= 5 and name in ['a', 'b']", True),
        ("name == 'c' or n == -5", False),
        ("name not in ('a', 'b')", False),
        ("none == None", True),
    ],
)
def test_conditions_are_comparisons(text: str, holds: bool) -> None:
    values = {"n": 5, "name": "a", "none": None}
    assert condition(text, values, "here")(values) is holds


def test_a_condition_on_unlike_things_is_an_error_not_a_guess() -> None:
    with pytest.raises(InvalidInput, match="compares unlike things"):
        condition("n > 'a'", ["n"], "here")({"n": 3})
