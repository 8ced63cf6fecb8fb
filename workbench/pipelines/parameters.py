"""The typed parameters of a notebook, read from its cell tagged ``parameters`` without running it.

The cell is plain Python, one parameter a line: ``name: type = default  # what it is``::

    from typing import Annotated, Literal

    dataset: Literal["cifar10", "cifar100"] = "cifar10"  # whose accuracies
    n_trials: Annotated[int, "1..5000"] = 100  # queries of each search
    budget: Annotated[float, "0.1.. s"] | None = None  # none for no limit

A parameter without a default has to be given. Imports are the only other statements allowed there. The types are listed
in `workbench.pipelines.annotations`.
"""

from __future__ import annotations

import ast
import io
import json
import keyword
import tokenize
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import InvalidInput, nearest
from workbench.pipelines.annotations import kind_of, literal
from workbench.pipelines.files import NOTEBOOK_BYTES, Unreadable, text_of
from workbench.pipelines.kinds import Kind, Refused, Value
from workbench.pipelines.plain import exact, shown

LONGEST_NAME = 100
LONGEST_CELL = 100_000  # characters


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: its kind, its default (when it has one) and a line of help."""

    name: str
    kind: Kind
    default: Value = None
    required: bool = False
    help: str = ""

    @property
    def unit(self) -> str:
        """The unit of the number, or of the numbers in a list; empty when there is none."""
        return self.kind.of_unit()

    def to_json(self) -> dict[str, Any]:
        """Return the parameter as plain data, for tools that make forms of it.

        Its ``type`` is int, float, str, bool, secret, choice or list. ``choices``, ``low``, ``high`` and the ``items``
        of a list (which have a type, choices and so on themselves) are None where there are none.
        """
        facts = {"choices": None, "low": None, "high": None, "unit": "", "items": None, "none_allowed": False}
        return {
            "name": self.name,
            **facts,
            **self.kind.facts(),
            "unit": self.unit,
            "help": self.help,
            "words": str(self.kind),
            "required": self.required,
            "default": self.default,
        }

    def __str__(self) -> str:
        tail = "required" if self.required else f"default {self.default!r}"
        return f"{self.name}: {self.kind}, {tail}" + (f" -- {self.help}" if self.help else "")


@dataclass(frozen=True)
class Schema:
    """The parameters that a notebook, or all notebooks of a pipeline, accept; by name."""

    parameters: Mapping[str, Parameter]
    of: str = "the notebook"

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.parameters.values())

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    @property
    def defaults(self) -> dict[str, Value]:
        """The default of every parameter that has one."""
        return {parameter.name: parameter.default for parameter in self if not parameter.required}

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return the value of every parameter, given or default, as exact builtin types of JSON.

        Raises:
            InvalidInput: for a name that is unknown or no Python name, a value of the wrong type, outside its
                bounds or choices, and a parameter without a default that was not given.
        """
        given = self.check_given(values)
        missing = [parameter for parameter in self if parameter.required and parameter.name not in given]
        if missing:
            raise InvalidInput(
                f"{self.of} needs a value for " + "; ".join(f"{p.name} ({p.kind})" for p in missing) + "."
            )
        return {name: given.get(name, parameter.default) for name, parameter in self.parameters.items()}

    def check_given(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return only the given values, checked like `check` does, without defaults."""
        return {name: self._checked(self.parameters[name], value) for name, value in self._named(values).items()}

    def parse(self, texts: Mapping[str, str]) -> dict[str, Value]:
        """Return the values that texts typed on the command line mean, checked; without defaults."""
        values: dict[str, Value] = {}
        for name, text in self._named(texts).items():
            parameter = self.parameters[name]
            try:
                plain = exact(text)
                values[name] = parameter.kind.parse(plain) if isinstance(plain, str) else parameter.kind.check(plain)
            except Refused as error:
                raise self._refusal(parameter, error) from None
        return values

    def to_json(self) -> list[dict[str, Any]]:
        """Return every parameter as plain data, as `Parameter.to_json` does."""
        return [parameter.to_json() for parameter in self]

    def _named(self, values: object) -> dict[str, object]:
        """Return the values by names that are declared, as exact texts."""
        if not isinstance(values, Mapping):
            raise InvalidInput(f"{self.of}: give parameters as a mapping of names to values, not {shown(values)}.")
        found: dict[str, object] = {}
        for key, value in values.items():
            name = self._known(exact(key))
            if name in found:
                raise InvalidInput(f"{self.of}: the parameter {name} is given twice.")
            found[name] = value
        return found

    def _known(self, name: object) -> str:
        if type(name) is not str or (why := no_name(name)):
            reason = why if type(name) is str and why else "names are Python names such as n_trials"
            raise InvalidInput(f"{self.of}: {shown(name)} is not a parameter name; {reason}.")
        if name not in self.parameters:
            said = shown(name) if name.isascii() else f"{shown(name)} ({ascii(name)[:300]})"  # n and п look alike
            known = nearest(name, list(self.parameters)) if self.parameters else "It declares none."
            raise InvalidInput(f"{self.of} has no parameter {said}. {known}")
        return name

    def _checked(self, parameter: Parameter, value: object) -> Value:
        try:
            return parameter.kind.check(value)
        except Refused as error:
            raise self._refusal(parameter, error) from None

    def _refusal(self, parameter: Parameter, error: Refused) -> InvalidInput:
        return InvalidInput(
            f"{self.of}, parameter {parameter.name}: {str(error).rstrip('.')}. Allowed: {parameter.kind}."
        )


def schema(notebook: str | Path) -> Schema:
    """Return the parameters that a notebook declares in its cell tagged ``parameters``.

    Raises:
        InvalidInput: for a file that is no notebook, and a parameters cell outside the grammar above.
    """
    path = Path(notebook)
    sources = [source_of(cell) for cell in cells(path) if "parameters" in tags_of(cell)]
    if len(sources) > 1:
        raise InvalidInput(f"{path.name} has {len(sources)} cells tagged 'parameters'; one is allowed.")
    return Schema(declared(sources[0], path.name) if sources else {}, of=path.name)


def no_name(name: str) -> str:
    """Return why a text cannot name a parameter; empty when it can."""
    if len(name) > LONGEST_NAME:
        return f"names have at most {LONGEST_NAME} characters"
    if not name.isidentifier() or keyword.iskeyword(name):
        return "names are Python names such as n_trials"
    if (read := unicodedata.normalize("NFKC", name)) != name:
        return f"Python reads it as {read!r}"
    return "names that begin with two underscores are Python's own" if name.startswith("__") else ""


def declared(cell: str, where: str) -> dict[str, Parameter]:
    """Return the parameters declared by the source of a parameters cell.

    Raises:
        InvalidInput: for a cell that is not Python or holds other statements, and what a parameter cannot be.
    """
    if len(cell) > LONGEST_CELL:
        raise InvalidInput(f"the parameters cell of {where} is longer than {LONGEST_CELL:,} characters.")
    try:
        statements = ast.parse(cell).body
        notes = comments(cell)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError | MemoryError) else error
        raise InvalidInput(f"the parameters cell of {where} is not Python: {why}.") from None
    found: dict[str, Parameter] = {}
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        parameter = _parameter(statement, notes.get(statement.end_lineno or 0, ""), where)
        if parameter.name in found:
            raise InvalidInput(f"{where} declares the parameter {parameter.name} twice.")
        found[parameter.name] = parameter
    return found


def _parameter(statement: ast.stmt, note: str, where: str) -> Parameter:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value, simple=1):
            if why := no_name(name):
                raise InvalidInput(f"{where} declares {shown(name)}, which is not a parameter name; {why}.")
            try:
                kind = kind_of(annotation)
                if value is None:
                    return Parameter(name, kind, required=True, help=note)
                return Parameter(name, kind, kind.check(_default(kind, value)), help=note)
            except Refused as error:
                raise InvalidInput(f"{where}, parameter {name}: {str(error).rstrip('.')}.") from None
    line = _first_line(statement)
    raise InvalidInput(
        f"the parameters cell of {where} holds {line!r}; each line there is 'name: type = value  # help'."
    )


def _default(kind: Kind, expression: ast.expr) -> Value:
    try:
        return literal(expression)
    except Refused:
        if kind.secret():  # its source may be the secret
            raise Refused("its default is not a plain text, the name of an environment variable") from None
        raise


def _first_line(statement: ast.stmt) -> str:
    try:
        return ast.unparse(statement).splitlines()[0][:200]
    except RecursionError:
        return "a statement nested very deeply"


def comments(cell: str) -> dict[int, str]:
    """Return the text of the comment that ends each line, by line number from 1."""
    tokens = tokenize.generate_tokens(io.StringIO(cell).readline)
    return {token.start[0]: _note(token.string) for token in tokens if token.type == tokenize.COMMENT}


def _note(comment: str) -> str:
    return "".join(c if c.isprintable() else " " for c in comment.lstrip("# ")).strip()


def cells(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook file as plain dictionaries.

    Raises:
        InvalidInput: for a file that is missing, no regular file, larger than 64 MiB or no notebook of format 4.
    """
    try:
        found = json.loads(text_of(notebook, "notebook", NOTEBOOK_BYTES))["cells"]
        for cell in found:
            if not isinstance(cell, dict):
                raise TypeError("a cell is not an object")
            source_of(cell), tags_of(cell)
    except Unreadable as error:
        raise InvalidInput(f"{str(error).rstrip('.')}; it is not a notebook of format 4.") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidInput(f"{notebook} is not a notebook of format 4 ({type(error).__name__}: {why}).") from None
    return list(found)


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell, which notebook files keep as a text or as a list of lines."""
    lines = cell.get("source", "")
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise TypeError("the source of a cell is not text")
    return "".join(lines)


def tags_of(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tags of a cell."""
    metadata = cell.get("metadata", {})
    tags = metadata.get("tags", []) if isinstance(metadata, dict) else None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError("the tags of a cell are not a list of texts")
    return tuple(tags)
