"""The schema of a notebook's parameters: what is read from the cell, and what is refused before a kernel starts."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidInput
from workbench.pipelines.kinds import Choice, ListOf, OrNone, Real, Text, Truth, Whole
from workbench.pipelines.parameters import Schema, declared, schema

CELL = """
from typing import Annotated, Literal

dataset: Literal["cifar10", "cifar100"] = "cifar10"  # whose accuracies
n_trials: Annotated[int, "1..5000"] = 100  # queries of each search
rate: Annotated[float, "0.."] = 0.1
budget: float | None = None  # seconds
names: list[str] = ["a # b", 'c']  # has # twice
deep: bool = False
label: str
"""


def read(source: str) -> Schema:
    return Schema(declared(source, "x.ipynb"), of="x.ipynb")


def test_every_supported_type_is_read_from_the_cell() -> None:
    found = read(CELL)
    kinds = {p.name: p.kind for p in found}
    assert kinds == {
        "dataset": Choice(("cifar10", "cifar100")),
        "n_trials": Whole(1, 5000),
        "rate": Real(0, None),
        "budget": OrNone(Real()),
        "names": ListOf(Text()),
        "deep": Truth(),
        "label": Text(),
    }
    assert found.defaults == {
        "dataset": "cifar10",
        "n_trials": 100,
        "rate": 0.1,
        "budget": None,
        "names": ["a # b", "c"],
        "deep": False,
    }
    assert {p.name: p.help for p in found if p.help} == {
        "dataset": "whose accuracies",
        "n_trials": "queries of each search",
        "budget": "seconds",
        "names": "has # twice",
    }


def test_a_notebook_is_read_without_running_it(write_notebook: Callable[..., Path]) -> None:
    path = write_notebook("quiet", "raise RuntimeError", parameters="n: int = 1\n")
    assert [p.name for p in schema(path)] == ["n"]
    assert list(schema(write_notebook("none", "x = 1"))) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x = 5", "'x = 5'; each line there is 'name: type = value  # help'"),
        ("print('hello')", "print('hello')"),
        ("x: int = y", "y is not a plain value"),
        ("x: int = 'five'", "'five' is not a whole number"),
        ("x: dict = {}", "the type dict is not supported; write int, float, str, bool, list[...]"),
        ("x: int | str = 1", "the type int | str is not supported"),
        ("x: Annotated[int, '1-5'] = 1", "the bounds '1-5' cannot be read; write 'low..high'"),
        ("x: Annotated[str, '1..5'] = 'a'", "bounds are for int and float"),
        ("x: Annotated[int, '5..'] = 1", "1 is outside its bounds"),
        ("x: int = 1\nx: int = 2", "declares the parameter x twice"),
        ("x: int = (", "is not Python"),
        ("a.b: int = 1", "each line there is"),
    ],
)
def test_a_parameters_cell_outside_the_grammar_is_refused(line: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=r"x\.ipynb") as caught:
        read(line)
    assert words in str(caught.value)


def test_two_parameter_cells_are_refused(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": ["x: int = 1\n"], "metadata": {"tags": ["parameters"]}}
    path = tmp_path / "two.ipynb"
    path.write_text(json.dumps({"cells": [cell, cell]}))
    with pytest.raises(InvalidInput, match="2 cells tagged 'parameters'; one is allowed"):
        schema(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cells": [1]}', "\x00", '{"cells": null}'])
def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "not.ipynb"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="is not a notebook of format 4"):
        schema(path)


def test_an_unknown_name_shows_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match=r"x\.ipynb has no parameter 'n_trial'\. Did you mean 'n_trials'\?"):
        read(CELL).check({"n_trial": 5, "label": "a"})


HOSTILE = [
    "", " ", "x y", "1x", "x-y", "x.y", "x=1;import os;y", "lambda", "class", "None", "a\nb",
    "x;y", "{x}", "__import__('os')",
    "x\x00", "é té", "x:int", "x]", "'x'", 5, None, ("a",),
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_no_python_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidInput, match="is not a parameter name"):
        read(CELL).check({name: 1, "label": "a"})


@given(st.text())
def test_no_text_that_is_not_declared_passes_as_a_name(name: str) -> None:
    if name not in {"n"}:
        with pytest.raises(InvalidInput):
            read("n: int = 1").check({name: 1})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "needs a value for label (a text)"),
        ({"dataset": "cifar1"}, "'cifar1' is not a choice. Did you mean 'cifar10'"),
        ({"dataset": 10}, "10 is not a choice"),
        ({"n_trials": 0}, "0 is outside its bounds. Allowed: a whole number from 1 to 5000"),
        ({"n_trials": 2.0}, "2.0 is not a whole number"),
        ({"n_trials": True}, "True is not a whole number"),
        ({"n_trials": "5"}, "'5' is not a whole number"),
        ({"rate": math.nan}, "nan is not a finite number"),
        ({"rate": math.inf}, "inf is not a finite number"),
        ({"rate": 2**53 + 1}, "more digits"),
        ({"rate": 10**400}, "a very long whole number is not a finite number"),
        ({"rate": "fast"}, "'fast' is not a number"),
        ({"budget": "none"}, "'none' is not a number. Allowed: a number, or none"),
        ({"names": "abc"}, "'abc' is not a list"),
        ({"names": ["a", 1]}, "item 1: 1 is not a text"),
        ({"names": {"a"}}, "a value of type set is not a list"),
        ({"deep": 1}, "1 is not True or False"),
        ({"label": b"x"}, "a value of type bytes is not a text"),
        ({"label": "\ud800"}, "not valid Unicode"),
        ({"label": None}, "None is not a text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_is_allowed(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(CELL).check({"label": "a", **values} if values else {})
    assert words in str(caught.value)


class Loud(int):
    def __str__(self) -> str:
        return "__import__('os')"

    __repr__ = __str__


class Size(enum.IntEnum):
    SMALL = 3


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Whole(), Loud(7), 7),
        (Whole(), Size.SMALL, 3),
        (Whole(), np.int64(4), 4),
        (Real(), np.float32(0.5), 0.5),
        (Real(), np.float64(0.1), 0.1),
        (Real(), 3, 3.0),
        (Real(), Loud(7), 7.0),
        (Truth(), np.bool_(True), True),
        (Text(), np.str_("a"), "a"),
        (ListOf(Whole()), (1, 2), [1, 2]),
        (ListOf(Whole()), np.arange(3), [0, 1, 2]),
        (Choice((1, "1")), "1", "1"),
        (Choice((True, 1)), 1, 1),
    ],
)
def test_values_become_exact_builtin_types(kind: Any, value: Any, expected: Any) -> None:
    found = kind.check(value)
    assert (found, type(found)) == (expected, type(expected))
    if isinstance(found, list):
        assert {type(item) for item in found} == {int}


SCALARS = {
    "whole": (Whole(), st.integers()),
    "real": (Real(), st.floats(allow_nan=False, allow_infinity=False)),
    "text": (Text(), st.text()),
    "truth": (Truth(), st.booleans()),
    "maybe": (OrNone(Real()), st.none() | st.floats(allow_nan=False, allow_infinity=False)),
    "list": (ListOf(Whole()), st.lists(st.integers())),
}


@pytest.mark.parametrize("name", SCALARS)
@given(data=st.data())
def test_checked_values_survive_json(name: str, data: st.DataObject) -> None:
    kind, values = SCALARS[name]
    value = kind.check(data.draw(values))
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@pytest.mark.parametrize("name", ["whole", "real", "truth", "maybe", "list"])
@given(data=st.data())
def test_what_python_writes_the_command_line_reads(name: str, data: st.DataObject) -> None:
    kind, values = SCALARS[name]
    value = data.draw(values)
    assert kind.parse(str(value)) == value


@given(st.text())
def test_a_text_is_taken_literally_on_the_command_line(text: str) -> None:
    assert read("label: str").parse({"label": text}) == {"label": text}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("dataset", "cifar100", "cifar100"),
        ("n_trials", "7", 7),
        ("rate", "1e-3", 0.001),
        ("budget", "none", None),
        ("budget", "2", 2.0),
        ("names", "a, b", ["a", "b"]),
        ("names", '["a, b"]', ["a, b"]),
        ("names", "", []),
        ("deep", "yes", True),
        ("deep", "FALSE", False),
    ],
)
def test_texts_are_read_by_the_type_of_their_parameter(name: str, text: str, value: Any) -> None:
    assert read(CELL).parse({name: text}) == {name: value}


@pytest.mark.parametrize(("name", "text"), [("n_trials", "many"), ("deep", "maybe"), ("names", "[1"), ("rate", "nan")])
def test_a_text_that_cannot_be_read_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=rf"parameter {name}: .*Allowed: "):
        read(CELL).parse({name: text})
