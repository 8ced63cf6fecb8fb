"""The form of a pipeline: a field for every kind of parameter, errors in the schema's words, calls that do the same."""

from __future__ import annotations

import ast
import shlex
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import ipywidgets
import pytest

import workbench as wb
from workbench.errors import InvalidInput, UnknownName
from workbench.pipelines.outcome import Run, RunFailed, StageState, Work
from workbench.pipelines.pipeline import pipeline
from workbench.widgets.run_form import RunForm

KINDS = """
inputs: str = ".."
n: Annotated[int, "1..50"] = 3  # how <b>many</b>
rate: Annotated[float, "0..1 s"] = 0.5
noisy: bool = False
perhaps: bool | None = None
name: str = "a 'b' \\"c\\""
kind: Literal["plain", "odd one", 3] = "plain"
either: Literal["x", "y"] | None = None
sizes: list[int] = [1, 2]
words: list[Literal["a", "b"]] = ["a"]
budget: float | None = None
key: Secret = "SOME_API_KEY"
must: int  # no default
"""
OTHERS: dict[str, Any] = {
    "n": 7, "rate": 0.25, "noisy": True, "perhaps": False, "name": "$(rm) `x` \\ é", "kind": 3, "either": "y",
    "sizes": [], "words": ["b", "a"], "budget": 1.5, "key": "OTHER_KEY", "must": -2,
}  # fmt: skip


@pytest.fixture
def form(runs: ModuleType) -> Iterator[RunForm]:
    """A form with a field of every kind."""
    made = runs.notebooks().notebook(Path("one.ipynb"), "x = 1", parameters=KINDS)
    Path("kinds.toml").write_text(
        f'title = "<i>Kinds</i>"\n[smallest]\nn = 1\n[stages.one]\nnotebook = "{made.name}"\n'
    )
    form = wb.run_form("kinds.toml")
    yield form
    form.close()


def fill(form: RunForm, **texts: Any) -> None:
    """What somebody types and chooses."""
    for name, text in texts.items():
        form.fields[name].control.value = text


def said(form: RunForm, name: str) -> str:
    return str(form.fields[name].words.value)


def test_every_kind_has_a_control_that_suits_it(form: RunForm) -> None:
    kinds = {name: type(field.control).__name__ for name, field in form.fields.items()}
    assert kinds == {
        "n": "Text", "rate": "Text", "noisy": "Checkbox", "perhaps": "Dropdown", "name": "Text", "kind": "Dropdown",
        "either": "Dropdown", "sizes": "Text", "words": "Text", "budget": "Text", "key": "Text", "must": "Text",
    }  # fmt: skip
    assert form.fields["rate"].control.description == "rate (s)"
    assert ">a whole number from 1 to 50, default 3<" in said(form, "n")
    assert ">default none<" in said(form, "either")
    assert ">a whole number<" in said(form, "must")
    assert [label for label, _ in form.fields["either"].control.options] == ["x", "y", "none"]


def test_texts_are_escaped(form: RunForm) -> None:
    assert "how &lt;b&gt;many&lt;/b&gt;" in said(form, "n")
    fill(form, n="<img src=x>")
    assert "<img" not in said(form, "n")
    assert "&lt;img src=x&gt;" in said(form, "n")
    assert "&lt;i&gt;Kinds&lt;/i&gt;" in form.children[0].children[0].value


def test_defaults_are_filled_in_and_a_value_without_one_is_asked_for(form: RunForm) -> None:
    with pytest.raises(InvalidInput, match=r"needs a value for must \(a whole number\)"):
        _ = form.values
    assert form.buttons["Run"].disabled
    assert form.buttons["Plan"].disabled
    assert form.view.calls == []
    assert "wb-wrong" not in said(form, "must")  # nothing was typed yet that could be wrong
    assert "needs a value for must" in form.view.message
    fill(form, must="5")
    assert not form.buttons["Run"].disabled
    assert form.given == {"must": 5}
    assert form.values == form.pipeline.values({"must": 5})


@pytest.mark.parametrize(
    ("name", "text"),
    [("n", "0"), ("n", "many"), ("n", ""), ("rate", "2"), ("rate", "nan"), ("sizes", "1, x"), ("sizes", "[1"),
     ("words", "a, c"), ("budget", "much"), ("key", "sk-123"), ("key", ""), ("must", "1.5")],
)  # fmt: skip
def test_what_is_wrong_is_said_under_the_field_in_the_words_of_the_schema(form: RunForm, name: str, text: str) -> None:
    fill(form, must="5")
    fill(form, **{name: text})
    with pytest.raises(InvalidInput) as refused:
        form.pipeline.schema.parse({name: text})
    assert str(refused.value) == f"{form.pipeline.schema.of}, parameter {name}: {form.fields[name].error}"
    assert "wb-wrong" in said(form, name)
    assert form.buttons["Run"].disabled
    with pytest.raises(InvalidInput, match=f"parameter {name}: "):
        _ = form.values
    form.fields[name].reset()
    fill(form, must="5")
    assert form.fields[name].error == ""
    assert not form.buttons["Run"].disabled


def test_every_value_comes_back_from_its_field(form: RunForm) -> None:
    for name, value in OTHERS.items():
        form.fields[name].put(value)
    assert form.values == form.pipeline.values(OTHERS)
    assert form.given == OTHERS
    form.buttons["Smallest"].click()
    assert form.fields["n"].control.value == "1"
    form.buttons["Defaults"].click()
    fill(form, must="5")
    assert form.given == {"must": 5}


def test_the_call_and_the_command_line_mean_what_is_in_the_form(form: RunForm) -> None:
    for name, value in OTHERS.items():
        form.fields[name].put(value)
    form.force.value = True
    call, line = form.calls
    assert [text for _, text in form.view.calls] == [call, line]
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
    assert ast.literal_eval(node.args[0]) == "kinds.toml"
    assert given == {"parameters": OTHERS, "force": True, "background": True}
    program, command, name, *options = shlex.split(line)
    assert (program, command, name, options.pop()) == ("workbench", "run", "kinds.toml", "--force")
    assert set(options[::2]) == {"-p"}
    texts = dict(option.split("=", 1) for option in options[1::2])
    assert form.pipeline.schema.parse(texts) == OTHERS


def test_a_call_names_only_what_differs_from_the_defaults() -> None:
    form = wb.run_form("nasbench201", folder="runs/mine")
    assert form.calls == (
        "wb.run('nasbench201', folder='runs/mine', background=True)",
        "workbench run nasbench201 --folder runs/mine",
    )
    form.close()
    by_value = wb.run_form(pipeline("nasbench201"))
    assert by_value.calls[1].endswith("nasbench201.toml")
    by_value.close()


def test_a_secret_is_a_name_and_the_form_says_only_whether_it_is_set(
    form: RunForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "hush-hush")
    assert "SOME_API_KEY is not set in this kernel." in said(form, "key")
    fill(form, key="MY_KEY", must="5")
    assert "MY_KEY is set in this kernel." in said(form, "key")
    every = ipywidgets.Widget.get_manager_state()["state"].values()
    assert "hush-hush" not in repr([one["state"] for one in every])
    fill(form, key="hush-hush")  # the secret itself, by mistake
    assert "hush-hush" not in said(form, "key")
    assert "a text of 9 characters cannot name an environment variable" in said(form, "key")


# -- the buttons ---------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs that only wait until they are told to end; what they were begun with."""
    told: dict[str, Any] = {"end": threading.Event(), "error": None}

    def begin(*arguments: Any) -> Run:
        told["with"] = arguments[1:]
        work = Work()

        def body() -> None:
            while not (work.stopping.wait(0.02) or told["end"].is_set()):
                pass
            work.error = told["error"]

        work.thread = threading.Thread(target=body, daemon=True)
        work.thread.start()
        return Run("kinds", {}, Path("r"), (StageState("one", "running"),), _work=work)

    monkeypatch.setattr("workbench.widgets.run_form.begun", begin)
    return told


def test_run_and_stop_take_turns(form: RunForm, begun: dict[str, Any]) -> None:
    fill(form, must="5")
    assert form.buttons["Stop"].disabled
    form.buttons["Run"].click()
    assert begun["with"] == ({"must": 5}, None, False)
    assert form.run is not None
    assert form.view.head["state"] == "running"
    enabled = [name for name, button in form.buttons.items() if not button.disabled]
    assert enabled == ["Stop", "Defaults", "Smallest"]
    fill(form, must="6")  # while it runs: kept for the next run
    assert form.buttons["Run"].disabled
    form.buttons["Stop"].click()
    assert "what is finished is kept" in form.said.value
    until(lambda: not form.buttons["Run"].disabled)
    assert form.buttons["Stop"].disabled
    assert not form.run.running


def test_what_a_run_ends_with_is_said(form: RunForm, begun: dict[str, Any]) -> None:
    failed = StageState("one", "failed", error="ValueError: <no> in cell 3")
    begun["error"] = RunFailed(Run("kinds", {}, Path("r"), (failed,)))
    fill(form, must="5")
    form.buttons["Run"].click()
    begun["end"].set()
    until(lambda: "failed in stage one: ValueError: &lt;no&gt; in cell 3" in form.said.value)
    assert "wb-wrong" in form.said.value


def test_a_run_that_cannot_begin_says_why(form: RunForm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush-hush")
    Path("taken").mkdir()
    Path("taken/else.txt").write_text("mine")
    form.folder = "taken"
    fill(form, must="5")
    form.buttons["Run"].click()
    assert "The folder taken holds files that no run made." in form.said.value
    assert form.run is None
    assert not form.buttons["Run"].disabled


def test_plan_shows_what_these_values_would_run(form: RunForm) -> None:
    fill(form, must="5")
    assert "Plan says what would run now" in form.said.value
    form.buttons["Plan"].click()
    assert form.view.message == ""
    assert ["must", "5"] in form.view.head["parameters"]
    assert form.view.words == "1 of 1 stages would run"
    assert "Plan says" not in form.said.value


def test_an_unknown_pipeline_is_refused() -> None:
    with pytest.raises(UnknownName, match="nasbench201"):
        wb.run_form("nasbench20")


def until(true: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(600):
        if true():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not come to that")
