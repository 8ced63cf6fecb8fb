"""Pipeline files: what is read, and the one clear error for each way of being wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import InvalidInput, UnknownName, WorkbenchError
from workbench.pipelines.pipeline import packaged, pipeline, pipelines, read


def test_stages_are_put_in_an_order_in_which_they_can_run(small_pipeline: Path) -> None:
    found = read(small_pipeline)
    order = [stage.name for stage in found.stages]
    assert sorted(order) == ["aside", "numbers", "sum", "tell"]
    assert order.index("numbers") < order.index("sum") < order.index("tell")
    assert (found.name, found.title, found.report) == ("small", "A small pipeline", "tell")


def test_the_users_parameters_are_those_of_the_notebooks_without_the_folders(small_pipeline: Path) -> None:
    found = read(small_pipeline)
    assert [p.name for p in found.schema] == ["n", "seed", "factor"]
    assert found.values({"n": 2}, smallest=True) == {"n": 2, "seed": 0, "factor": 1}
    assert found.values({}, smallest=True) == {"n": 1, "seed": 0, "factor": 1}
    assert found.users("n") == ["numbers"]
    with pytest.raises(InvalidInput, match="the pipeline small has no parameter 'inputs'"):
        found.values({"inputs": "/elsewhere"})


def test_each_notebook_receives_what_it_declares(small_pipeline: Path) -> None:
    found = read(small_pipeline)
    stages = {stage.name: stage for stage in found.stages}
    values = found.values({"n": 5})
    assert stages["numbers"].values(values) == {"inputs": "..", "output": ".", "n": 5, "seed": 0}
    assert stages["aside"].values(values) == {}


WRONG = {
    "not TOML": ("= 1", "small.toml is not TOML"),
    "two stages of one name": (
        '[stages.a]\nnotebook = "aside.ipynb"\n[stages.a]\nnotebook = "aside.ipynb"',
        "two stages of one name?",
    ),
    "no stages": ('title = "x"', "small.toml has no stages"),
    "an unknown key": ('titel = "x"\n[stages.a]\nnotebook = "aside.ipynb"', "Did you mean 'title'?"),
    "an unknown key of a stage": (
        '[stages.a]\nnotebook = "aside.ipynb"\nneed = []',
        "small.toml, stage a takes no keyword 'need'. Did you mean 'needs'?",
    ),
    "a missing notebook": ('[stages.a]\nnotebook = "nowhere.ipynb"', "stage a: there is no notebook"),
    "no notebook at all": ("[stages.a]\nneeds = []", "stage a: the notebook is missing"),
    "an unknown need": (
        '[stages.a]\nnotebook = "aside.ipynb"\nneeds = ["b"]',
        "stage a: it needs 'b', no stage. Known: a.",
    ),
    "a circle": (
        '[stages.a]\nnotebook = "aside.ipynb"\nneeds = ["b"]\n[stages.b]\nnotebook = "aside.ipynb"\nneeds = ["a"]',
        "the stages need each other in a circle: ",
    ),
    "a stage that needs itself": ('[stages.a]\nnotebook = "aside.ipynb"\nneeds = ["a"]', "in a circle: a -> a"),
    "a name that leaves the run folder": ('[stages."../a"]\nnotebook = "aside.ipynb"', "cannot name a stage"),
    "a fixed parameter nobody has": (
        '[stages.a]\nnotebook = "numbers.ipynb"\nparameters = {m = 1}',
        "stage a (numbers.ipynb) has no parameter 'm'. Known: inputs, n, output, seed.",
    ),
    "a fixed folder": (
        '[stages.a]\nnotebook = "numbers.ipynb"\nparameters = {output = "/etc"}',
        "output is filled in by the runner and cannot be set",
    ),
    "a mistyped default": (
        '[parameters]\nn = "three"\n[stages.a]\nnotebook = "numbers.ipynb"',
        "small.toml [parameters], parameter n: 'three' is not a whole number",
    ),
    "a mistyped smallest value": (
        '[smallest]\nn = 1.5\n[stages.a]\nnotebook = "numbers.ipynb"',
        "small.toml [smallest], parameter n: 1.5 is not a whole number",
    ),
    "an unknown report": (
        'report = "b"\n[stages.a]\nnotebook = "aside.ipynb"',
        "the report is made from an unknown stage",
    ),
    "needs that are no list": ('[stages.a]\nnotebook = "aside.ipynb"\nneeds = "b"', "needs is a list of stage names"),
    "a stage that is no table": ("[stages]\na = 1", "write it as a table [stages.a]"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_pipeline_file_is_one_clear_error(small_pipeline: Path, what: str) -> None:
    text, words = WRONG[what]
    small_pipeline.write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError) as caught:
        read(small_pipeline)
    assert words in str(caught.value)


def test_stages_that_disagree_about_a_parameter_are_named(tmp_path: Path, write_notebook: Callable[..., Path]) -> None:
    write_notebook("one", parameters="n: int = 1")
    write_notebook("two", parameters="n: int = 2")
    path = tmp_path / "split.toml"
    stages = '[stages.one]\nnotebook = "one.ipynb"\n[stages.two]\nnotebook = "two.ipynb"\n'
    path.write_text(stages)
    with pytest.raises(InvalidInput, match=r"stages one and two declare n differently .*default 1; .*default 2"):
        read(path)
    path.write_text("[parameters]\nn = 3\n" + stages)
    assert read(path).values({}) == {"n": 3}
    path.write_text(stages + "parameters = {n = 9}\n")
    found = read(path)
    assert [stage.values(found.values({})) for stage in found.stages] == [{"n": 1}, {"n": 9}]


def test_a_misspelt_packaged_pipeline_shows_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'nasbench201'"):
        pipeline("nasbench20")


def test_a_pipeline_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match=textwrap.dedent("There is no pipeline file nowhere.toml")):
        pipeline("nowhere.toml")


def test_every_packaged_pipeline_is_sound_and_has_a_smallest_run() -> None:
    assert pipelines().loc["nasbench201", "stages"].endswith(", report")
    for found in packaged():
        assert found.smallest, f"{found.name} says no smallest values"
        assert found.values({}, smallest=True)
        assert all(p.help for p in found.schema), f"{found.name}: every parameter has a line of help"
