"""Hostile names, values, cells, files and paths: one clear error each, in no time, or carried as plain data."""

from __future__ import annotations

import datetime
import json
import keyword
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import InvalidInput, UnknownName, WorkbenchError
from workbench.pipelines import pipeline as pipeline_module
from workbench.pipelines.files import PIPELINE_BYTES, notebook_file, pipeline_file, toml
from workbench.pipelines.parameters import Schema, declared, schema
from workbench.pipelines.pipeline import read

CELL = """
n: int = 1
fi: int = 1
x: float = 1
label: str = "a"
deep: bool = False
numbers: list[int] = []
table: list[list[int]] = []
some: Literal["a", 1, None] = "a"
many: list[str | None] = []
token: Secret = "MY_TOKEN"
tokens: list[Secret] = []
"""
SCHEMA = Schema(declared(CELL, "x.ipynb"), of="x.ipynb")
SECONDS = 1.0
LONGEST_MESSAGE = 2_500


def refused(work: Callable[[], object]) -> str:
    """The words in which something is refused: by our own error, in time, short, and fit for a terminal."""
    began = time.process_time()
    with pytest.raises((InvalidInput, UnknownName)) as caught:
        work()
    assert time.process_time() - began < SECONDS
    words = str(caught.value)
    assert 10 < len(words) < LONGEST_MESSAGE
    assert words.replace("\n", " ").isprintable() or "\ud800" in words
    return words


class Loud(str):
    """A text that would write code wherever its own methods are asked."""

    def __str__(self) -> str:
        raise AssertionError("its own method was called")

    __repr__ = __format__ = lower = strip = isidentifier = encode = __len__ = __iter__ = __str__  # type: ignore[assignment]


class LoudInt(int):
    def __str__(self) -> str:
        raise AssertionError("its own method was called")

    __repr__ = __format__ = __int__ = __index__ = __abs__ = __lt__ = __gt__ = __eq__ = __float__ = __str__  # type: ignore[assignment]
    __hash__ = int.__hash__


class LoudFloat(float):
    def __str__(self) -> str:
        raise AssertionError("its own method was called")

    __repr__ = __format__ = __float__ = __int__ = __lt__ = __gt__ = __eq__ = __str__  # type: ignore[assignment]
    __hash__ = float.__hash__


class LoudList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("its own method was called")

    __len__ = __getitem__ = __repr__ = __iter__  # type: ignore[assignment]


class Liar:
    """A value that says it is a number."""

    __class__ = int  # type: ignore[assignment]

    def __int__(self) -> int:
        return 1

    __index__ = __int__

    def __repr__(self) -> str:
        raise AssertionError("its own method was called")


class Colour(Enum):
    RED = 1


class Size(IntEnum):
    SMALL = 3


class Word(StrEnum):
    HERE = "here"


def circular() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def very_deep(levels: int = 100_000) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


NAMES: dict[str, list[Any]] = {
    "code": [
        "n=1;import os;os.system('true');y", "n=1", "n;n", "n\nimport os", "n #", "n:int", "n,", "n)", "n]", "n.real",
        "n[0]", "(n)", "*n", "**n", "n=", "=n", "n==1", "n:=1", "lambda: 0", "`n`", "$n", "${n}", "$(id)", "%n", "!id",
        "?n", "n?", "%%bash", "{n}", "{n.__class__}", "{0}", "n\\", "'n'", '"n"', "f'{n}'", "__import__('os')",
        "<script>", "n</script>", "../n", "n/../fi", "/n", "n-1", "1n", "n n", "@n",
    ],
    "keyword": list(keyword.kwlist),
    "dunder": ["__class__", "__builtins__", "__name__", "__init__", "__debug__", "__import__", "__loader__", "__n"],
    "unicode": [
        "ﬁ", "𝐧", "ｎ", "ⁿ", "п", "ո", "n\u200b", "n\u200d", "n\ufe0f", "\u202en", "n\u0301", "ⅼabel", "n\u0303", "ｘ",
        "n\ud800", "\ufeffn", "lаbel", "ℕ",
    ],
    "control": ["n\x00", "\x00", "n\n", "n\r", "n\t", "\x1b[31mn", "n\x7f", "n\u2028", " n", "n ", "", " ",
    "\x1b]0;n\x07"],
    "long": ["n" * 101, "n" * 10**6, "ñ" * 10**6, "n." * 10**5, "{" * 10**6],
    "type": [None, 5, 1.0, True, b"n", ("n",), frozenset(), Liar(), Colour.RED, np.int64(1)],
    "unknown": ["N", "m", "nn", "n_", "_n", "label_", "Label", "print", "open", "exit", "In", "Out", "match", "type"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "at"), [(family, at) for family, names in NAMES.items() for at in range(len(names))]
)
def test_a_hostile_name_is_refused(family: str, at: int) -> None:
    name = NAMES[family][at]
    words = refused(lambda: SCHEMA.check({name: 1}))
    assert "x.ipynb" in words
    assert refused(lambda: SCHEMA.parse({name: "1"})) == words


def test_a_name_that_python_reads_as_another_is_refused_with_what_it_reads() -> None:
    assert "Python reads it as 'fi'" in refused(lambda: SCHEMA.check({"ﬁ": 1}))
    assert declared("ﬁ: int = 1", "x.ipynb").keys() == {"fi"}, "as the notebook's own kernel reads it"
    assert r"\u0430" in refused(lambda: SCHEMA.check({"lаbel": "a"})), "letters that look alike are told apart"


def test_a_name_given_in_two_spellings_of_one_text_is_refused() -> None:
    class Other(str):
        def __eq__(self, other: object) -> bool:
            return False

        def __hash__(self) -> int:
            return 0

    assert "n is given twice" in refused(lambda: SCHEMA.check({"n": 1, Other("n"): 2}))


@pytest.mark.parametrize("values", [None, [("n", 1)], "n=1", 5, {"n"}])
def test_parameters_that_are_no_mapping_are_refused(values: Any) -> None:
    assert "mapping of names to values" in refused(lambda: SCHEMA.check(values))


MISTYPED: dict[str, list[Any]] = {
    "n": [
        "1", 1.0, True, False, None, float("nan"), float("inf"), 10**601, -(10**601), b"1", [1], {}, {1}, 1j, object(),
        Fraction(1), Decimal(1), np.float64(1), np.bool_(True), np.array(1.0), np.array([1]), Liar(), Colour.RED,
        Loud("1"),
        LoudFloat(1), circular(), very_deep(), int, print, datetime.date(2020, 1, 1),
    ],
    "x": [
        float("nan"), float("inf"), -float("inf"), 10**400, -(10**400), 2**53 + 1, "0.1", "nan", True, None,
        Decimal("0.1"),
        np.nan, np.float64("inf"), np.datetime64("2020"), 1j, [0.1], Loud("0.1"), LoudInt(2**53 + 1), np.longdouble(1),
        Liar(),
    ],
    "label": [
        "\ud800", "\udfff", "a\ud83d", b"x", bytearray(b"x"), 1, None, True, ["a"], {"a": 1}, "a" * 1_000_001, object(),
        Path("a"), Colour.RED, datetime.datetime(2020, 1, 1), datetime.time(1), memoryview(b"a"), np.bytes_(b"a"),
        Liar(),
    ],
    "deep": [1, 0, "true", "", None, 1.0, np.int64(1), LoudInt(1), [True], object(), Liar()],
    "numbers": [
        "abc", "1", {1}, {1: 2}, iter([1]), (i for i in [1]), range(3), circular(), very_deep(), [True], [1.0], [[1]],
        [None],
        ["1"], [1, Liar()], np.array([1.5]), np.array([[1]]), np.array(1), None, [10**601], LoudList([1.0]),
        [1] * 1_000_001,
    ],
    "table": [circular(), very_deep(), [1], [[1], [[1]]], [[True]], [circular()], "[[1]]", [None], np.zeros((1, 1, 1),
    int)],
    "some": ["A", "", "a ", True, 1.0, "1", "None", [], {}, ["a"], "\ud800", "a" * 10**7, Liar(), LoudFloat(1),
    10**5000],
    "many": [[1], ["\ud800"], [b"a"], [["a"]], "a", None, [float("nan")]],
}  # fmt: skip


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, values in MISTYPED.items() for at in range(len(values))])
def test_a_hostile_value_is_refused(name: str, at: int) -> None:
    words = refused(lambda: SCHEMA.check({name: MISTYPED[name][at]}))
    assert f"x.ipynb, parameter {name}: " in words
    assert "Allowed: " in words


SECRETS = [
    "sk-proj-4f9a8b7c6d5e", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAIOSFODNN7EXAMPLE", "JBSWY3DPEHPK3PXP",
    "hf_abcdefghijklmnop", "Bearer abcdef", "eyJhbGciOiJIUzI1NiJ9.e30.abc", "correct horse battery",
    "https://u:pw@host",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n", "pässword", "1234567890", "$MY_TOKEN", "${MY_TOKEN}", "MY TOKEN", "MY-TOKEN",
    "my_token", "MY_TOKEN\n", "MY_TOKEN=abc", "МY_TOKEN", "", "A" * 101, Loud("sk-proj-4f9a8b7c6d5e"),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(SECRETS)))
def test_a_secret_in_place_of_its_variable_is_refused_without_being_repeated(at: int) -> None:
    secret = SECRETS[at]
    plain = str.__str__(secret)
    for work in (
        lambda: SCHEMA.check({"token": secret}),
        lambda: SCHEMA.parse({"token": secret}),
        lambda: SCHEMA.check({"tokens": [secret]}),
        lambda: SCHEMA.check({"tokens": secret}),
        lambda: SCHEMA.parse({"tokens": f'["{plain}"'}),
    ):
        words = refused(work)
        assert not plain or plain not in words
        assert "give the variable's name, such as MY_API_KEY" in words or "is not a list" in words
    assert f"a text of {len(plain)} characters" in refused(lambda: SCHEMA.check({"token": secret}))


@pytest.mark.parametrize(
    "default", ["'sk-proj-4f9a'", "b'sk-proj-4f9a'", "'sk-proj' + '-4f9a'", "5", "['sk-proj-4f9a']"]
)
def test_a_secret_as_a_default_is_refused_without_being_repeated(default: str) -> None:
    assert "sk-proj" not in refused(lambda: declared(f"token: Secret = {default}", "x.ipynb"))


@pytest.mark.parametrize("value", [5, None, True, ["A"], b"MY_TOKEN", {"A": 1}])
def test_what_is_no_text_cannot_name_a_secret(value: Any) -> None:
    assert "cannot name an environment variable" in refused(lambda: SCHEMA.check({"token": value}))


HARMLESS_TEXTS = [
    "{n}", "{}", "{0}", "{n.__class__}", "{n!r:>{n}}", "{{", "}", "%s%n", "%(n)s", "$(id)", "`id`", "$HOME",
    "'; import os; '",
    '"""', "'''", "\\", "\\\\", "\\'", "\n", "\r\n", "\x00", "\x1b[31m", "\u2028", "\u202e", "../../etc/passwd",
    "/dev/zero", "C:\\nul", "nul", "con", "~root", "file:///etc", "<script>alert(1)</script>", "__import__('os')",
    "# x",
    "a=1", "True", "None", "nan", "1e999", "!id", "%%bash", "?", "é", "ﬁ", "😀", "\ufeff", "\U0010ffff", " ", "",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_a_text_that_means_something_elsewhere_is_plain_data(text: str) -> None:
    for found in (SCHEMA.check({"label": text})["label"], SCHEMA.parse({"label": text})["label"]):
        assert found == text
        assert type(found) is str


ANSWERING: list[tuple[str, Any, Any]] = [
    ("n", LoudInt(7), 7),
    ("n", Size.SMALL, 3),
    ("n", np.uint8(7), 7),
    ("n", 10**599, 10**599),
    ("x", LoudFloat(0.5), 0.5),
    ("x", LoudInt(7), 7.0),
    ("x", np.float16(0.5), 0.5),
    ("x", -0.0, -0.0),
    ("x", 5e-324, 5e-324),
    ("label", Loud("a{n}"), "a{n}"),
    ("label", Word.HERE, "here"),
    ("label", np.str_("a"), "a"),
    ("deep", np.bool_(True), True),
    ("numbers", LoudList([LoudInt(1)]), [1]),
    ("numbers", (1, 2), [1, 2]),
    ("numbers", np.arange(2), [0, 1]),
    ("table", np.eye(2, dtype=int), [[1, 0], [0, 1]]),
    ("some", LoudInt(1), 1),
    ("some", Loud("a"), "a"),
    ("many", [Loud("a"), None], ["a", None]),
]


@pytest.mark.parametrize("at", range(len(ANSWERING)))
def test_a_value_that_answers_for_itself_becomes_plain_without_being_asked(at: int) -> None:
    name, value, plain = ANSWERING[at]
    found = SCHEMA.check({name: value})[name]
    assert repr(found) == repr(plain)
    assert json.loads(json.dumps(found, allow_nan=False)) == plain


TYPED = [
    ("n", "1;2"), ("n", "1.0"), ("n", "0x10"), ("n", "9" * 5000), ("n", "9" * 601), ("n", ""), ("n", "1e3"), ("n",
    "\x00"),
    ("x", "nan"), ("x", "inf"), ("x", "1e999"), ("x", "0x1p3"), ("x", "1,5"), ("x", "9" * 10**6), ("x", "1" * 5000),
    ("deep", "maybe"), ("deep", "2"), ("deep", ""), ("deep", "True;"), ("label", "\udcff"), ("label", "a" * 1_000_001),
    ("numbers", "[1,"), ("numbers", "[NaN]"), ("numbers", "[1e999]"), ("numbers", "[[1]]"), ("numbers", "[" * 100_000),
    ("numbers", "1;2"), ("numbers", "[true]"), ("numbers", f"[{'9' * 5000}]"), ("numbers", '["1"]'), ("numbers", ",,"),
    ("table", "[" * 10**6), ("table", "[1]"), ("some", "b"), ("some", '"1"'), ("some", "[" * 10**5),
    ("some", '"' * 10**5), ("many", '["\\ud800"]'),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(TYPED)))
def test_a_hostile_text_on_the_command_line_is_refused(at: int) -> None:
    name, text = TYPED[at]
    assert f"parameter {name}: " in refused(lambda: SCHEMA.parse({name: text}))


CELLS = [
    "import os; os.system('true')", "n: int = 1; import os; os.remove('x')", "n: int = __import__('os').getpid()",
    "n: int = (lambda: 1)()", "n: int = [1 for _ in range(1)][0]", "n: int = 1 if True else 2", "n: int = 10**10**10",
    "n: str = f'{1}'", "n: str = 'a' * 10**9", "n: (print('x'), int)[1] = 1", "n: __import__('os') = 1", "n: int = ...",
    "n: eval('int') = 1", "n: list[eval('int')] = []", "n: Literal[print('x')] = 1", "n: Literal[b'a'] = 1",
    "n: Literal[()] = 1", "n: Literal[[1]] = 1", "n: Literal[1e999] = 1", "n: Literal['\\ud800'] = 1", "n: Literal = 1",
    "n: Annotated[int, print('x')] = 1", "n: Annotated[int] = 1", "n: Annotated[int, '1..2', '3'] = 1",
    "n: Annotated[int, 'nan..'] = 1", "n: Annotated[int, '..inf'] = 1", "n: Annotated[int, '1e400..'] = 1",
    "n: Annotated[int, '2..1'] = 1", "n: Annotated[int, '0.5..'] = 1", "n: Annotated[int, '..'] = 1",
    "n: Annotated[int, ''] = 1", "n: Annotated[int, '1..2s'] = 1", "n: Annotated[int, '1..2 \\x1b[31m'] = 1",
    "n: Annotated[str, 's'] = 'a'", "n: Annotated[bool, '0..1'] = True", "n: Annotated[Secret, 's'] = 'A'",
    "n: Annotated[int, '1..2 " + "u" * 50 + "'] = 1", "n: Annotated[int, '" + "9" * 5000 + "..'] = 1",
    "n: dict[str, int] = {}", "n: set[int] = set()", "n: tuple[int, ...] = ()", "n: int | str = 1", "n: None = None",
    "n: Optional = 1", "n: Optional[int, str] = 1", "n: Union[int, str, None] = 1", "n: Union[None] = None",
    "n: os.PathLike = 1", "n: object = 1", "n: Any = 1", "n: type = 1", "n: complex = 1j", "n: bytes = b''",
    "n: list = []",
    "n: int = True", "n: float = 1e999", "n: float = -1e999", "n: int = " + "9" * 601, "n: int = " + "9" * 5000,
    "n: str = '\\ud800'", "n: bool = 1", "n: list[int] = {1}", "n: list[int] = [1, [2]]",
    "n: " + "list[" * 11 + "int" + "]" * 11 + " = []", "n: " + "list[" * 150 + "int" + "]" * 150 + " = []",
    "n: list[int] = " + "[" * 150 + "]" * 150, "n: int = " + "(" * 500 + "1" + ")" * 500,
    "n: int = " + "-" * 5000 + "1",
    "n: " + "None | " * 3000 + "int = 1", "n: '''" + "list[" * 60 + "int" + "]" * 60 + "''' = []", "n: '' = 1",
    "n: 'int; import os' = 1", "n: \"'int'\" = 1", "__class__: int = 1", "__debug__: int = 1", "__builtins__: int = 1",
    "None: int = 1", "class: int = 1", "(n): int = 1", "n.real: int = 1", "n[0]: int = 1", "n, m = 1, 2", "n = 1",
    "n += 1",
    "n: int = 1\nn: int = 2", "del n", "pass", "n", "'n: int = 1'", "if True: n: int = 1", "def f(): pass",
    "%matplotlib inline",
    "!id", "n: int = 1 \\", "\x00", "n: int = 1\x00", "n: int = '", "n: int = (", "\tn: int = 1",
    "n" * 101 + ": int = 1",
    "n: int = 1\n" * 20_000, "#" * 200_000, "n: int = (m := 1)", "global n", "async def f(): pass", "assert n",
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(CELLS)))
def test_a_hostile_parameters_cell_is_refused_and_not_run(at: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert "x.ipynb" in refused(lambda: declared(CELLS[at], "x.ipynb"))
    assert capfd.readouterr().out == ""


NOTEBOOKS: dict[str, bytes] = {
    "empty": b"",
    "an empty object": b"{}",
    "a list": b"[1]",
    "a number": b"1",
    "no cells": b'{"cells": null}',
    "cells that are a text": b'{"cells": "abc"}',
    "cells that are an object": b'{"cells": {"a": 1}}',
    "a cell that is a number": b'{"cells": [1]}',
    "a source that is a number": b'{"cells": [{"source": 1}]}',
    "a source of numbers": b'{"cells": [{"source": [1]}]}',
    "a source that is an object": b'{"cells": [{"source": {"a": 1}}]}',
    "metadata that is a list": b'{"cells": [{"metadata": []}]}',
    "tags that are a text": b'{"cells": [{"metadata": {"tags": "parameters"}}]}',
    "tags that are numbers": b'{"cells": [{"metadata": {"tags": [1]}}]}',
    "tags that are an object": b'{"cells": [{"metadata": {"tags": {"parameters": 1}}}]}',
    "NUL": b"\x00",
    "not UTF-8": b'{"cells": ["\xff"]}',
    "UTF-16": '{"cells": []}'.encode("utf-16"),
    "cut off": b'{"cells": [{"source": "n: int',
    "nested lists": b'{"cells": ' + b"[" * 200_000,
    "nested objects": b'{"a":' * 200_000,
    "a long number": b'{"cells": [' + b"9" * 10_000 + b"]}",
    "text behind": b'{"cells": []} x',
    "a half surrogate": b'{"cells": [{"source": "n: str = \'\\ud800\'", "metadata": {"tags": ["parameters"]}}]}',
}


@pytest.mark.parametrize("what", NOTEBOOKS)
def test_a_hostile_notebook_file_is_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.ipynb"
    path.write_bytes(NOTEBOOKS[what])
    assert "hostile.ipynb" in refused(lambda: schema(path))


def test_a_notebook_of_many_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    assert "is larger than 67,108,864 bytes" in refused(lambda: schema(path))


def test_a_byte_order_mark_is_no_part_of_a_file(small_pipeline: Path) -> None:
    for path in (small_pipeline, small_pipeline.with_name("numbers.ipynb")):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert "n" in schema(small_pipeline.with_name("numbers.ipynb"))
    assert "stages" in toml(small_pipeline)


NOT_TOML: dict[str, bytes] = {
    "duplicate keys": b"a = 1\na = 2",
    "a table twice": b"[stages.a]\nx = 1\n[stages.a]\nx = 2",
    "a dotted key over a value": b"a = 1\na.b = 2",
    "a dotted key into a table": b"[a.b]\nc = 1\n[a]\nb.c = 2",
    "a table over a value": b"a = 1\n[a]\nb = 2",
    "an array over a table": b"[a]\n[[a]]",
    "an inline table that is extended": b"a = {b = 1}\na.c = 2",
    "nested lists": b"a = " + b"[" * 100_000,
    "nested tables": b"a = " + b"{a = " * 40_000,
    "a key of many parts": b"a." * 100_000 + b"a = 1",
    "a table name of many parts": b"[" + b"a." * 100_000 + b"a]",
    "a key of many spaced parts": b"a . " * 50_000 + b"a = 1",
    "ten megabytes": b"# " + b"x" * 10_000_000,
    "a long whole number": b"a = " + b"9" * 200_000,
    "NUL": b"a = 1\x00",
    "NUL in a text": b'a = "\x00"',
    "NUL alone": b"\x00" * 1000,
    "a control character": b'a = "\x1b[31m"',
    "a carriage return": b'a = "\r"',
    "not UTF-8": b'a = "\xff"',
    "half a character": b'a = "\xc3"',
    "a surrogate in UTF-8": b'a = "\xed\xa0\x80"',
    "a surrogate escaped": b'a = "\\ud800"',
    "beyond Unicode": b'a = "\\U00110000"',
    "UTF-16": 'a = "b"'.encode("utf-16"),
    "a mark in the middle": b"a = 1\n\xef\xbb\xbfb = 2",
    "YAML": b"stages:\n  - a: !!python/object/apply:os.system ['true']\n",
    "an alias": b"a = &x [1]\nb = *x",
    "JSON": b'{"stages": {}}',
    "an open text": b'a = "' + b"x" * 200_000,
    "an open long text": b'a = """' + b"x\n" * 100_000,
    "an open list": b"a = [1,",
    "a bare value": b"a = hello",
    "a wrong date": b"a = 2020-02-30",
    "a name alone": b"a",
    "a value alone": b"= 1",
    "Python": b"import os\nos.system('true')",
}


@pytest.mark.parametrize("what", NOT_TOML)
def test_a_hostile_pipeline_file_is_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.toml"
    path.write_bytes(NOT_TOML[what])
    assert "hostile.toml" in refused(lambda: toml(path))


@pytest.mark.parametrize(
    "content", [b"\n" * (PIPELINE_BYTES - 1), b"[[a]]\n" * 40_000, b"a0=[" + b"1," * 100_000 + b"]"]
)
def test_a_long_pipeline_file_is_read_in_no_time(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    path.write_bytes(content)
    began = time.process_time()
    toml(path)
    assert time.process_time() - began < SECONDS


PIPELINES = {
    "a date as a number": "parameters = {n = 2020-01-01}",
    "a time as a number": "parameters = {n = 07:32:00}",
    "a date as a text": "parameters = {label = 2020-01-01T07:32:00Z}",
    "an infinite number": "parameters = {x = inf}",
    "no number": "parameters = {x = nan}",
    "a truth as a number": "parameters = {n = true}",
    "a table as a number": "parameters = {n = {a = 1}}",
    "a list as a number": "parameters = {n = [1]}",
    "a whole number as a text": "parameters = {label = 1}",
    "a secret in place of its variable": "parameters = {token = 'sk-proj-4f9a8b7c6d5e'}",
    "a dotted parameter": "parameters = {n.real = 1}",
    "a quoted parameter": "parameters = {'n; import os' = 1}",
    "a parameter of another alphabet": "parameters = {'ﬁ' = 1}",
    "a dunder": "parameters = {__class__ = 1}",
    "parameters that are a list": "parameters = [1]",
    "needs that are a text": "needs = 'one'",
    "needs that are numbers": "needs = [1]",
    "needs that leave the folder": "needs = ['../one']",
    "an unknown key": "command = 'rm -rf /'",
}


@pytest.mark.parametrize("what", PIPELINES)
def test_a_hostile_stage_is_refused(what: str, tmp_path: Path, write_notebook: Callable[..., Path]) -> None:
    write_notebook("one", parameters=CELL)
    path = tmp_path / "hostile.toml"
    path.write_text(f"[stages.one]\nnotebook = 'one.ipynb'\n{PIPELINES[what]}\n", encoding="utf-8")
    words = refused(lambda: read(path))
    assert "hostile.toml" in words
    assert "sk-proj" not in words


STAGE_NAMES = [
    "../a", "..", ".", "", "a/b", "/a", "a\\\\b", "A", "a b", "a.b", "-a", "_a", "1a", "a" * 42, "é", "ａ", "a\\u0000",
    "a\\n",
    "a\\u202e", "run.json", "report.html", ".hidden", "__pycache__", "a.partial", "~", "$a", "{a}", "%a", "a;b", "a:b",
    "<a>",
]  # fmt: skip


@pytest.mark.parametrize("name", STAGE_NAMES)
def test_a_stage_whose_name_is_no_plain_word_is_refused(
    name: str, tmp_path: Path, write_notebook: Callable[..., Path]
) -> None:
    write_notebook("one")
    path = tmp_path / "hostile.toml"
    path.write_text(f'[stages."{name}"]\nnotebook = "one.ipynb"\n', encoding="utf-8")
    assert "cannot name a stage" in refused(lambda: read(path))


NOTEBOOK_NAMES: list[Any] = [
    None, 5, ["one.ipynb"], "", ".", "..", "/", "one", "one.py", "one.ipynb/", "one.ipynb\x00", "\x00.ipynb",
    "one\n.ipynb",
    "\x1b[31m.ipynb", "\u202e.ipynb", "/etc/passwd", "../../../../../../etc/passwd", "/dev/zero", "/dev/stdin",
    "/dev/zero.ipynb", "x" * 300 + ".ipynb", "x/" * 1500 + "x.ipynb", "x" * 5000 + ".ipynb", "nowhere.ipynb",
    "{one}.ipynb", "{one.__class__}.ipynb", "~/one.ipynb", "$HOME/one.ipynb", "file:///one.ipynb",
    "http://host/one.ipynb",
    "s3://bucket/one.ipynb", "folder.ipynb", "loop.ipynb", "lost.ipynb", "pipe.ipynb", "zero.ipynb",
    "one.ipynb/two.ipynb",
    "\ud800.ipynb", "*.ipynb", "one.ipynb;id", "one.ipynb ", "con", "nul", "C:\\one",
]  # fmt: skip


def populate(folder: Path) -> None:
    """A folder with what can stand in place of a notebook: links in a circle and to devices, pipes, folders."""
    (folder / "folder.ipynb").mkdir()
    (folder / "loop.ipynb").symlink_to(folder / "loop.ipynb")
    (folder / "lost.ipynb").symlink_to(folder / "nowhere")
    (folder / "zero.ipynb").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.ipynb")


@pytest.mark.skipif(os.name != "posix", reason="devices and pipes are files only on POSIX systems")
@pytest.mark.parametrize("at", range(len(NOTEBOOK_NAMES)))
def test_a_hostile_notebook_name_is_refused(at: int, tmp_path: Path, write_notebook: Callable[..., Path]) -> None:
    write_notebook("one")
    populate(tmp_path)
    words = refused(lambda: notebook_file(tmp_path, NOTEBOOK_NAMES[at], "x.toml, stage a"))
    assert words.startswith("x.toml, stage a: ")


def test_a_notebook_may_lie_beside_the_folder_and_its_name_is_no_template(
    tmp_path: Path, write_notebook: Callable[..., Path]
) -> None:
    path = write_notebook("{one.__class__} ünd")
    (tmp_path / "inner").mkdir()
    assert notebook_file(tmp_path / "inner", "../{one.__class__} ünd.ipynb", "x") == path.resolve()


VALUES_OF_TOML = [
    "1", "-1", "1.5", "inf", "nan", "1e400", "true", '""', '"x"', '"one"', '"../x"', r'"\u0000"', r'"\u001b[2J"', "[]",
    "[1]",
    '["one"]', '["one", "one"]', "[[1]]", "[{}]", '["one.ipynb"]', '["/dev/zero"]', '["\\u0000"]', "{}", "{a = 1}",
    "{n = 1}",
    "{n = [1]}", '{n = "numbers"}', "{n = {a = 1}}", '{token = ["sk-proj-4f9a8b7c"]}', '{token = "sk-proj-4f9a8b7c"}',
    "2020-01-01", "07:00:00", "2020-01-01T00:00:00Z", "99999999999999999999", '"n > 0"', "\"n > 'a'\"", '"token == 1"',
    f'"{"x" * 5000}"', f'["{"y" * 300}"]', f'"{"not " * 100}n"', "[" * 50 + "]" * 50,
]  # fmt: skip
KEYS = {
    "": ["title", "report", "parameters", "smallest", "stages", "other"],
    "[stages.one]\n": ["notebook", "needs", "parameters", "matrix", "inputs", "when", "timeout", "retries", "other"],
}


@pytest.mark.skipif(
    "notebook_file" not in Path(pipeline_module.__file__).read_text(encoding="utf-8"),
    reason="pipeline files are not read through workbench.pipelines.files yet",
)
@pytest.mark.parametrize(("table", "key"), [(table, key) for table, keys in KEYS.items() for key in keys])
def test_any_value_of_any_key_of_a_pipeline_file_is_taken_or_refused(
    table: str, key: str, tmp_path: Path, write_notebook: Callable[..., Path]
) -> None:
    write_notebook("one", parameters=CELL)
    path = tmp_path / "hostile.toml"
    for value in VALUES_OF_TOML:
        rest = {"stages": "", "notebook": "[stages.one]\n"}.get(key, "[stages.one]\nnotebook = 'one.ipynb'\n")
        text = f"{rest}{key} = {value}\n" if table else f"{key} = {value}\n{rest}"
        path.write_text(text, encoding="utf-8")
        began = time.process_time()
        words = ""
        try:
            read(path).values({}, smallest=True)
        except (InvalidInput, UnknownName) as error:
            words = str(error)
        assert len(words) < LONGEST_MESSAGE, text[:200]
        assert "token" not in value or key in ("timeout", "retries") or "sk-proj" not in words, text
        assert time.process_time() - began < SECONDS, text[:200]


PIPELINE_NAMES: list[Any] = [
    "x.yaml", "x.yml", "X.YAML", "a/b/x.yml", Path("x.yaml"), "x.json", "x.ipynb", None, 5, 1.5, True, b"x.toml",
    ["x.toml"],
    "x\x00.toml", "x\n.toml", "\x1b[2J.toml", "\u202e.toml", "\ud800.toml", "a" * 5000, "a" * 5000 + ".toml",
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(PIPELINE_NAMES)))
def test_what_cannot_be_a_pipeline_is_refused(at: int) -> None:
    refused(lambda: pipeline_file(PIPELINE_NAMES[at]))


def test_a_yaml_file_is_told_what_to_write_instead() -> None:
    words = refused(lambda: pipeline_file("deep/mine.yaml"))
    assert (
        "mine.yaml: a pipeline is written in TOML, not in YAML. Write mine.toml, for example: [stages.first]" in words
    )
    assert pipeline_file("mine") is None
    assert pipeline_file("../mine.toml") == Path("../mine.toml")


@pytest.mark.skipif(os.name != "posix", reason="devices and pipes are files only on POSIX systems")
@pytest.mark.parametrize(
    "name",
    [
        "/dev/zero", "/dev/urandom", "/dev/null", "/", "/proc/self/mem", "folder.ipynb", "loop.ipynb", "lost.ipynb",
        "pipe.ipynb", "zero.ipynb", "nowhere.toml", "x" * 300, "x/" * 2000, "x\x00", "loop.ipynb/x.toml",
    ],
)  # fmt: skip
def test_a_path_that_is_no_file_is_refused_unread(name: str, tmp_path: Path) -> None:
    populate(tmp_path)
    for work in (lambda: toml(tmp_path / name), lambda: schema(tmp_path / name)):
        began = time.process_time()
        with pytest.raises(WorkbenchError):
            work()
        assert time.process_time() - began < SECONDS


def test_the_table_of_hostile_inputs_is_as_long_as_it_should_be() -> None:
    tables: list[Any] = [NAMES, MISTYPED]
    lists: list[Any] = [
        SECRETS,
        HARMLESS_TEXTS,
        TYPED,
        CELLS,
        NOTEBOOKS,
        NOT_TOML,
        PIPELINES,
        STAGE_NAMES,
        NOTEBOOK_NAMES,
    ]
    assert sum(len(values) for table in tables for values in table.values()) + sum(map(len, lists)) >= 500
