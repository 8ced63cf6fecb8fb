"""The typed parameters of a notebook, read from its cell tagged ``parameters`` without running it.

The cell is plain Python, one parameter a line: ``name: type = default  # what it is``::

    from typing import Annotated, Literal

    dataset: Literal["cifar10", "cifar100"] = "cifar10"  # whose accuracies
    n_trials: Annotated[int, "1..5000"] = 100  # queries of each search
    budget: float | None = None  # seconds, none for no limit

A parameter without a default has to be given. Imports are the only other statements allowed there.
"""

from __future__ import annotations

import ast
import io
import json
import keyword
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import InvalidInput, nearest
from workbench.pipelines.kinds import Kind, Refused, Value, kind_of, literal


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: its kind, its default (when it has one) and a line of help."""

    name: str
    kind: Kind
    default: Value = None
    required: bool = False
    help: str = ""

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
        return {name: self._checked(self._find(name), value) for name, value in values.items()}

    def parse(self, texts: Mapping[str, str]) -> dict[str, Value]:
        """Return the values that texts typed on the command line mean, checked; without defaults."""
        values: dict[str, Value] = {}
        for name, text in texts.items():
            parameter = self._find(name)
            try:
                values[name] = self._checked(parameter, parameter.kind.parse(text))
            except Refused as error:
                raise self._refusal(parameter, error) from None
        return values

    def _find(self, name: object) -> Parameter:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidInput(f"{self.of}: {name!r} is not a parameter name; names are Python names such as n_trials.")
        if name not in self.parameters:
            raise InvalidInput(
                f"{self.of} has no parameter {name!r}. {nearest(name, list(self.parameters))}"
                if self.parameters
                else f"{self.of} has no parameter {name!r}: it declares none."
            )
        return self.parameters[name]

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


def declared(source: str, where: str) -> dict[str, Parameter]:
    """Return the parameters declared by the source of a parameters cell."""
    try:
        statements = ast.parse(source).body
        notes = comments(source)
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise InvalidInput(f"the parameters cell of {where} is not Python: {error}.") from None
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
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            try:
                kind = kind_of(annotation)
                if value is None:
                    return Parameter(name, kind, required=True, help=note)
                return Parameter(name, kind, kind.check(literal(value)), help=note)
            except Refused as error:
                raise InvalidInput(f"{where}, parameter {name}: {error}.") from None
    line = ast.unparse(statement).splitlines()[0]
    raise InvalidInput(
        f"the parameters cell of {where} holds {line!r}; each line there is 'name: type = value  # help'."
    )


def comments(source: str) -> dict[int, str]:
    """Return the text of the comment that ends each line, by line number from 1."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ").strip() for token in tokens if token.type == tokenize.COMMENT}


def cells(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook file as plain dictionaries."""
    try:
        document = json.loads(notebook.read_text(encoding="utf-8"))
        found = document["cells"]
        if not all(isinstance(cell, dict) for cell in found):
            raise TypeError("a cell is not an object")
    except FileNotFoundError:
        raise InvalidInput(f"there is no notebook {notebook}.") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InvalidInput(f"{notebook} is not a notebook of format 4 ({type(error).__name__}: {error}).") from None
    return list(found)


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell, which notebook files keep as a text or as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def tags_of(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tags of a cell."""
    return tuple(cell.get("metadata", {}).get("tags", ()))
