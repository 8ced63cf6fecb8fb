"""The schema of a notebook's parameters: what is read from the cell, and what is refused before a kernel starts."""

from __future__ import annotations

import enum
import json
import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidInput
from workbench.pipelines.kinds import Choice, Kind, ListOf, OrNone, Real, Text, Truth, Variable, Whole
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


TYPES: dict[str, Kind] = {
    "typing.Literal['a', 'b']": Choice(("a", "b")),
    "Literal['a', 1, None, True, 2.5, -1]": Choice(("a", 1, None, True, 2.5, -1)),
    "Literal[1, 1, True]": Choice((1, True)),
    "Optional[int]": OrNone(Whole()),
    "t.Optional[list[int]]": OrNone(ListOf(Whole())),
    "Union[int, None]": OrNone(Whole()),
    "Union[None, float]": OrNone(Real()),
    "None | int": OrNone(Whole()),
    "(int | None) | None": OrNone(Whole()),
    "Optional[Optional[int]]": OrNone(Whole()),
    "'int | None'": OrNone(Whole()),
    "List[str]": ListOf(Text()),
    "list[list[list[bool]]]": ListOf(ListOf(ListOf(Truth()))),
    "list[Annotated[int, '1..9']]": ListOf(Whole(1, 9)),
    "list[Annotated[float, '0..1 s'] | None] | None": OrNone(ListOf(OrNone(Real(0, 1, "s")))),
    "Annotated[float | None, '0..1 s']": OrNone(Real(0, 1, "s")),
    "Annotated[float, '0.1..100 s']": Real(0.1, 100, "s"),
    "Annotated[float, '-1e-3..+1.5E2']": Real(-0.001, 150),
    "Annotated[float, '.5..5.']": Real(0.5, 5),
    "Annotated[float, ' 1 .. 2  images/s ']": Real(1, 2, "images/s"),
    "Annotated[int, '-5..-1']": Whole(-5, -1),
    "Annotated[int, '1e3..1e4 MB']": Whole(1000, 10_000, "MB"),
    "Annotated[int, '..9007199254740993']": Whole(None, 9007199254740993),
    "Annotated[int, '0.. kB']": Whole(0, None, "kB"),
    "Annotated[int, '..5 %']": Whole(None, 5, "%"),
    "Annotated[float, '°C']": Real(unit="°C"),
    "Annotated[float, 'µs']": Real(unit="µs"),
    "Secret": Variable(),
    "wb.Secret | None": OrNone(Variable()),
    "list[Secret]": ListOf(Variable()),
}


@pytest.mark.parametrize("annotation", TYPES)
def test_a_type_is_read_in_every_way_it_is_written(annotation: str) -> None:
    found = read(f"x: {annotation}").parameters["x"].kind
    assert found == TYPES[annotation]
    if isinstance(found, Choice):
        assert [type(value) for value in found.values] == [
            type(value) for value in TYPES[annotation].facts()["choices"]
        ]


def test_bounds_of_whole_numbers_are_exact() -> None:
    big = read("x: Annotated[int, '..9007199254740993']")
    assert big.check({"x": 9007199254740993}) == {"x": 9007199254740993}
    with pytest.raises(InvalidInput, match="9007199254740994 is outside its bounds"):
        big.check({"x": 9007199254740994})


@pytest.mark.parametrize(
    ("annotation", "unit", "words"),
    [
        ("Annotated[float, '0.1..100 s']", "s", "a number from 0.1 to 100 s"),
        ("Annotated[int, '1..5000000 MB'] | None", "MB", "a whole number from 1 to 5000000 MB, or none"),
        ("list[Annotated[float, '0.. s']]", "s", "a list, each item a number of at least 0 s"),
        ("Annotated[float, '..1e-9 m']", "m", "a number of at most 1e-09 m"),
        ("Annotated[float, '%']", "%", "a number in %"),
        ("Annotated[float, '0..1']", "", "a number from 0 to 1"),
        ("Literal['a', 1, None]", "", "one of 'a', 1, None"),
        ("str", "", "a text"),
    ],
)
def test_a_unit_is_known_and_said(annotation: str, unit: str, words: str) -> None:
    found = read(f"x: {annotation}").parameters["x"]
    assert (found.unit, str(found.kind)) == (unit, words)
    assert found.to_json()["unit"] == unit


def test_stages_with_different_units_have_different_kinds() -> None:
    assert Real(0, 1, "s") != Real(0, 1, "ms")


def test_a_schema_is_described_as_plain_data() -> None:
    source = """
    n: Annotated[int, "1..9 kB"] = 2  # how much
    some: Literal["a", 1, None] | None = None
    table: list[list[float] | None]
    token: Secret = "MY_KEY"
    """
    found = read(textwrap.dedent(source)).to_json()
    assert json.loads(json.dumps(found)) == found
    nothing = {"choices": None, "low": None, "high": None, "unit": "", "items": None, "none_allowed": False, "help": ""}
    assert found == [
        {
            **nothing,
            **{"name": "n", "type": "int", "low": 1, "high": 9, "unit": "kB", "help": "how much"},
            **{"words": "a whole number from 1 to 9 kB", "required": False, "default": 2},
        },
        {
            **nothing,
            **{"name": "some", "type": "choice", "choices": ["a", 1, None], "none_allowed": True},
            **{"words": "one of 'a', 1, None, or none", "required": False, "default": None},
        },
        {
            **nothing,
            **{"name": "table", "type": "list", "required": True, "default": None},
            "words": "a list, each item a list, each item a number, or none",
            "items": {
                "type": "list",
                "items": {"type": "float", "low": None, "high": None, "unit": ""},
                "none_allowed": True,
            },
        },
        {
            **nothing,
            **{"name": "token", "type": "secret", "required": False, "default": "MY_KEY"},
            "words": "the name of an environment variable that holds the secret, in capitals, digits and underscores",
        },
    ]


@pytest.mark.parametrize("name", ["MY_API_KEY", "TOKEN", "_KEY2", "A", "AWS_SECRET_ACCESS_KEY", "KEY_2024_0123456789"])
def test_the_name_of_a_variable_is_a_value_of_a_secret(name: str) -> None:
    assert read("token: Secret").parse({"token": name}) == {"token": name}


def test_a_parameters_cell_with_a_secret_runs_by_hand() -> None:
    import workbench

    cell = "from workbench import Secret\n\ntoken: Secret = 'MY_KEY'  # of the service"
    assert [(p.name, p.default, p.help) for p in read(cell)] == [("token", "MY_KEY", "of the service")]
    assert workbench.Secret is str, "for Python and type checkers it is a text"
