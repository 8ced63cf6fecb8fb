"""Values arrive exactly: from the check through the job file and papermill's cell, and from text to value and back."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from papermill.translators import papermill_translators

from workbench.errors import InvalidInput
from workbench.pipelines.parameters import Schema, declared

EXAMPLES = 2_000
SPECIAL = [
    "none", " None\n", '"none"', '"" null"', "null", "true", "1", "[", "[]", '["a"]', ",", " a ", "{x}", "'", '"', "\\",
    "\x00", "\u2028", "\ud7ff", "😀", "ﬁ", "1e5", "nan",
]  # fmt: skip
WORDS = st.sampled_from(SPECIAL)
TEXTS = WORDS | st.text() | st.text(alphabet="\"'\\{}[],#\n\r\t\x00\x1b nulone\u2028é😀", max_size=30)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers() | st.integers(min_value=-(10**600) + 1, max_value=10**600 - 1)
CHOICES: list[Any] = [
    "a",
    "1",
    1,
    0,
    True,
    False,
    None,
    "None",
    "none",
    "true",
    "",
    " ",
    '"1"',
    -1,
    2.5,
    "a, b",
    "é😀",
    "\\",
]

#: annotation -> the values that it takes
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "int": WHOLE,
    "float": FLOATS,
    "str": TEXTS,
    "bool": st.booleans(),
    "list[int]": st.lists(WHOLE, max_size=8),
    "list[str]": st.lists(TEXTS, max_size=8),
    f"Literal[{', '.join(map(repr, CHOICES))}]": st.sampled_from(CHOICES),
    "float | None": st.none() | FLOATS,
    "str | None": st.none() | TEXTS,
    "list[list[float] | None]": st.lists(st.none() | st.lists(FLOATS, max_size=4), max_size=4),
    "list[list[Annotated[int, '-9..9 s']]]": st.lists(st.lists(st.integers(-9, 9), max_size=4), max_size=4),
    "list[str | None] | None": st.none() | st.lists(st.none() | TEXTS, max_size=4),
    "Secret": st.text("ABCXYZ_", min_size=1, max_size=20),
}


def arrived(schema: Schema, value: object) -> Any:
    """The value as a notebook's kernel reads it from the cell that papermill writes."""
    job = json.dumps({"parameters": schema.check({"value": value})}, allow_nan=False)
    translator = papermill_translators.find_translator("python3", "python")
    cell = translator.codify(json.loads(job)["parameters"])
    statements = ast.parse(cell).body
    assert len(statements) == 1, "nothing else is in the cell"
    assert isinstance(statements[0], ast.Assign)
    return ast.literal_eval(statements[0].value)


def exactly(value: Any) -> Any:
    """The value with the types in it, so that 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    if isinstance(value, list):
        return [exactly(item) for item in value]
    return type(value), repr(value) if isinstance(value, float) else value


@pytest.mark.parametrize("annotation", TYPES)
def test_a_value_arrives_in_the_notebook_exactly_and_its_text_is_read_back(annotation: str) -> None:
    schema = Schema(declared(f"value: {annotation}", "x.ipynb"), of="x.ipynb")
    kind = schema.parameters["value"].kind

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(TYPES[annotation])
    def holds(value: Any) -> None:
        assert exactly(arrived(schema, value)) == exactly(value)
        checked = schema.check({"value": value})["value"]
        assert exactly(schema.parse({"value": kind.text(checked)})["value"]) == exactly(value)

    holds()


@settings(max_examples=EXAMPLES)
@given(st.lists(st.sampled_from(CHOICES) | TEXTS | WHOLE | FLOATS, min_size=1, max_size=6), st.integers(0, 5))
def test_one_of_any_choices_arrives_and_its_text_means_no_other(choices: list[Any], at: int) -> None:
    schema = Schema(declared(f"value: Literal[{', '.join(map(repr, choices))}]", "x.ipynb"), of="x.ipynb")
    value = choices[at % len(choices)]
    checked = schema.check({"value": value})["value"]
    assert (type(checked), checked) == (type(value), value), "of 0.0 and -0.0, equal as they are, the first is kept"
    assert exactly(arrived(schema, value)) == exactly(checked)
    assert exactly(schema.parse({"value": schema.parameters["value"].kind.text(checked)})["value"]) == exactly(checked)


KINDS = ["int", "float", "str", "bool", "list[list[int]]", "list[str | None]", "Literal['a', 1, None]", "Secret"]
SCHEMAS = [Schema(declared(f"value: {kind}", "x.ipynb"), of="x.ipynb") for kind in KINDS]
ANYTHING = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats() | TEXTS | st.binary(), lambda inner: st.lists(inner, max_size=3)
)


@settings(max_examples=500)
@given(ANYTHING)
def test_whatever_is_given_is_refused_or_arrives(value: Any) -> None:
    for schema in SCHEMAS:
        try:
            checked = schema.check({"value": value})["value"]
        except InvalidInput:
            continue
        assert checked == value
        assert exactly(arrived(schema, value)) == exactly(checked)
