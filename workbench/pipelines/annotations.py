"""The types that a parameters cell may name, read from their syntax without running it.

The grammar::

    int, float, str, bool              a whole number, a number, a text, true or false
    Secret                             the name of an environment variable that holds a secret
    Literal["a", 1, None]              one of these
    Annotated[float, "0.1..100 s"]     a number with bounds, both included, and a unit; each may be left out
    list[int]                          a list, also of lists, also list[Annotated[int, "1..9"]]
    int | None                         any of them, or None; Optional[int] and Union[int, None] say the same
"""

from __future__ import annotations

import ast
import math
import re

from workbench.pipelines import kinds
from workbench.pipelines.kinds import Choice, Kind, ListOf, OrNone, Real, Refused, Text, Truth, Value, Variable, Whole
from workbench.pipelines.plain import shown

PLAIN: dict[str, Kind] = {"int": Whole(), "float": Real(), "str": Text(), "bool": Truth(), "Secret": Variable()}
MODULES = ("typing", "t", "typing_extensions", "workbench", "wb")  # typing.Literal is Literal
DEEPEST = 10  # types within types
GRAMMAR = (
    "int, float, str, bool, list[...], Literal[...], Secret, Annotated[int, 'low..high unit'] or any of them | None"
)
_UNIT = re.compile(r"(?:[^\W\d_]|[%‰°])[^\x00-\x1f\x7f]{0,29}")
_NUMBER = re.compile(r"[+-]?(?:\d{1,600}(?:\.\d{0,600})?|\.\d{1,600})(?:[eE][+-]?\d{1,3})?", re.ASCII)


def kind_of(annotation: ast.expr, depth: int = 0) -> Kind:
    """Return the kind that a type annotation names; raise `Refused` for a type that is not supported."""
    if depth > DEEPEST:
        raise Refused(f"its type is nested more than {DEEPEST} deep")
    match annotation:
        case ast.Constant(value=str(text)) if depth == 0:
            return kind_of(_quoted(text), 1)
        case ast.BinOp(op=ast.BitOr()):
            return _union(_parts(annotation), annotation, depth)
        case ast.Subscript(value=generic, slice=inner):
            return _generic(_name(generic), inner, annotation, depth)
    if (found := PLAIN.get(_name(annotation))) is not None:
        return found
    raise _unsupported(annotation)


def _generic(name: str, inner: ast.expr, annotation: ast.expr, depth: int) -> Kind:
    """The kind of ``name[inner]``."""
    members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match name, members:
        case (("list" | "List"), [item]):
            return ListOf(kind_of(item, depth + 1))
        case "Literal", [_, *_]:
            return Choice(_distinct([_member(member) for member in members]))
        case "Optional", [item]:
            return _or_none(kind_of(item, depth + 1))
        case "Union", [_, *_]:
            return _union(members, annotation, depth)
        case "Annotated", [item, ast.Constant(value=str(text))]:
            return bounded(kind_of(item, depth + 1), text)
    raise _unsupported(annotation)


def _union(members: list[ast.expr], annotation: ast.expr, depth: int) -> Kind:
    there = [one for one in members if not (isinstance(one, ast.Constant) and one.value is None)]
    if len(there) != 1 or len(there) == len(members):
        raise _unsupported(annotation)
    return _or_none(kind_of(there[0], depth + 1))


def _or_none(kind: Kind) -> Kind:
    return kind if isinstance(kind, OrNone) else OrNone(kind)


def _parts(union: ast.expr) -> list[ast.expr]:
    """The members of ``a | b | c``, which Python reads as ``(a | b) | c``."""
    last: list[ast.expr] = []
    while isinstance(union, ast.BinOp) and isinstance(union.op, ast.BitOr):
        last.append(union.right)
        union = union.left
    return [union, *reversed(last)]


def _name(annotation: ast.expr) -> str:
    match annotation:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in MODULES:
            return name
    return ""


def _quoted(text: str) -> ast.expr:
    """The type in a text: annotations may be quoted."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise Refused(f"the type {shown(text)} is not supported; write {GRAMMAR}") from None


def _member(expression: ast.expr) -> Value:
    """One value of a Literal: a text, a number, True, False or None."""
    value: object = literal(expression)
    if value is not None and type(value) not in (bool, int, float, str):
        raise Refused(f"{source(expression)} cannot be a choice; choices are texts, numbers, True, False and None")
    kind: Kind = {bool: Truth(), int: Whole(), float: Real(), str: Text()}.get(type(value), OrNone(Text()))
    return kind.check(value)


def _distinct(values: list[Value]) -> tuple[Value, ...]:
    return tuple({(type(value), value): value for value in values}.values())


def literal(expression: ast.expr) -> Value:
    """Return the value of a literal expression as written in the cell, without running it."""
    try:
        value: Value = ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise Refused(f"{source(expression)} is not a plain value") from None
    return value


def bounded(kind: Kind, text: str) -> Kind:
    """Return a number kind with the bounds and the unit of a text such as ``1..500``, ``0..``, ``..0.5 s`` or ``s``."""
    if isinstance(kind, OrNone):
        return OrNone(bounded(kind.item, text))
    if not isinstance(kind, Whole | Real):
        inner = "; write list[Annotated[int, '1..9']] for those of items" if isinstance(kind, ListOf) else ""
        raise Refused(f"bounds are for int and float, not for {kind}{inner}")
    low_text, dots, rest = text.partition("..") if ".." in text else ("", "", text)
    high_text, _, unit = rest.strip().partition(" ")
    if not _NUMBER.fullmatch(high_text):
        high_text, unit = "", rest
    ends, unit = (low_text.strip(), high_text), unit.strip()
    sound = all(not end or _NUMBER.fullmatch(end) for end in ends) and (not unit or _UNIT.fullmatch(unit))
    glued = dots and not high_text and rest[:1].strip()  # '1..ten' has no unit, but a bound that is none
    if not sound or glued or not (any(ends) or unit):
        raise Refused(
            f"the bounds {shown(text)} cannot be read; write 'low..high', 'low..' or '..high', then a space and the "
            "unit if there is one"
        )
    low, high = (_end(end, kind) if end else None for end in ends)
    if low is not None and high is not None and low > high:
        raise Refused(f"the bounds {shown(text)} leave no number: {ends[0]} is more than {ends[1]}")
    return type(kind)(low, high, unit)


def _end(text: str, kind: Kind) -> float:
    """One bound: exactly a whole number where it has to be one."""
    if isinstance(kind, Whole) and re.fullmatch(r"[+-]?\d+", text) and len(text) <= kinds.MOST_DIGITS:
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise Refused(f"the bound {shown(text)} is not a finite number")
    if isinstance(kind, Whole):
        if not number.is_integer():
            raise Refused(f"the bound {shown(text)} of a whole number is none")
        return int(number)
    return number


def source(expression: ast.expr) -> str:
    """Return the source of an expression, shortened for an error message."""
    try:
        text = ast.unparse(expression)
    except (RecursionError, ValueError):
        return "an expression nested very deeply"
    return text if len(text) <= 200 else text[:197] + "..."


def _unsupported(annotation: ast.expr) -> Refused:
    return Refused(f"the type {source(annotation)} is not supported; write {GRAMMAR}")
