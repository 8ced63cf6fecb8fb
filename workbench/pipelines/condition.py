"""Conditions of stages: a comparison of parameters, written in a pipeline file and never run as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import InvalidInput, nearest
from workbench.pipelines.kinds import Value

LONGEST = 500
GRAMMAR = "names of parameters, values, lists, ==, !=, <, <=, >, >=, in, not in, and, or, not"
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


@dataclass(frozen=True)
class Condition:
    """What has to hold of the parameters, such as ``dataset == "cifar10" and n_trials > 50``."""

    text: str
    where: str

    def __call__(self, values: Mapping[str, Value]) -> bool:
        """Whether it holds; raises `InvalidInput` where two values cannot be compared."""
        try:
            return bool(_value(_parsed(self.text, self.where), values))
        except TypeError as error:
            raise InvalidInput(f"{self.where}: the condition {self.text!r} compares unlike things: {error}.") from None


def condition(text: object, known: Collection[str], where: str) -> Condition:
    """Read a condition that may speak of the `known` parameters.

    Raises:
        InvalidInput: for anything else than comparisons of parameters and values, and for unknown parameters.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise InvalidInput(f"{where}: when is a condition in a text of at most {LONGEST} characters, of {GRAMMAR}.")
    for node in ast.walk(_parsed(text, where)):
        if isinstance(node, ast.Name) and node.id not in known:
            raise InvalidInput(f"{where}: the condition {text!r} speaks of {node.id!r}. {nearest(node.id, known)}")
    return Condition(text, where)


def _parsed(text: str, where: str) -> ast.expr:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InvalidInput(f"{where}: the condition {text!r} cannot be read; write {GRAMMAR}.") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise InvalidInput(
                f"{where}: the condition {text!r} holds {ast.unparse(node) if isinstance(node, ast.expr) else node!r}; "
                f"write {GRAMMAR}."
            )
    return tree


_ALLOWED = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, *_COMPARISONS, ast.Name, ast.Load,
    ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip


def _value(node: ast.expr, values: Mapping[str, Value]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, values) for item in items]
        case ast.UnaryOp(op=ast.Not(), operand=item):
            return not _value(item, values)
        case ast.UnaryOp(operand=item):
            return -_value(item, values)
        case ast.BoolOp(op=op, values=items):
            found = (bool(_value(item, values)) for item in items)
            return all(found) if isinstance(op, ast.And) else any(found)
        case ast.Compare(left=left, ops=ops, comparators=others):
            items = [_value(item, values) for item in (left, *others)]
            pairs = zip(ops, items[:-1], items[1:], strict=True)
            return all(_COMPARISONS[type(op)](a, b) for op, a, b in pairs)
    raise AssertionError(f"{node!r} was let through")
