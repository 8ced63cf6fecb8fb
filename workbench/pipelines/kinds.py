"""The kinds of value a notebook parameter can take: numbers, text, choices, lists and nothing."""

from __future__ import annotations

import ast
import json
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from workbench.errors import nearest

#: What a parameter can hold: exactly the builtin types of JSON without objects.
Value = None | bool | int | float | str | list["Value"]


class Refused(ValueError):
    """A value that does not fit its kind; the words are completed by the schema that knows the name."""


class Kind(ABC):
    """A set of values; a subclass says which, how a text names one, and how to put it in words."""

    def check(self, value: object) -> Value:
        """Return the value as exact builtin types, or raise `Refused` with what is wrong."""
        return self._checked(unwrapped(value))

    def parse(self, text: str) -> Value:
        """Return the value that a text typed on the command line means, or raise `Refused`."""
        return self.check(self._read(text))

    @abstractmethod
    def _checked(self, value: object) -> Value: ...

    @abstractmethod
    def _read(self, text: str) -> object: ...

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Whole(Kind):
    """Whole numbers from ``low`` to ``high``, both included; None leaves an end open."""

    low: float | None = None
    high: float | None = None

    def _checked(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(f"{shown(value)} is not a whole number")
        whole = int.__int__(value)  # the digits themselves, whatever a subclass says about them
        inside(whole, self.low, self.high)
        return whole

    def _read(self, text: str) -> object:
        try:
            return int(text)
        except ValueError:
            return text

    def __str__(self) -> str:
        return "a whole number" + bounds(self.low, self.high)


@dataclass(frozen=True)
class Real(Kind):
    """Finite numbers from ``low`` to ``high``, both included; None leaves an end open."""

    low: float | None = None
    high: float | None = None

    def _checked(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(f"{shown(value)} is not a number")
        try:
            number = float(int.__int__(value)) if isinstance(value, int) else float.__float__(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Refused(f"{shown(value)} is not a finite number")
        if isinstance(value, int) and int(number) != value:
            raise Refused(f"{shown(value)} has more digits than a floating-point number keeps")
        inside(number, self.low, self.high)
        return number

    def _read(self, text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text

    def __str__(self) -> str:
        return "a number" + bounds(self.low, self.high)


@dataclass(frozen=True)
class Truth(Kind):
    """True or False."""

    def _checked(self, value: object) -> Value:
        if not isinstance(value, bool):
            raise Refused(f"{shown(value)} is not True or False")
        return value

    def _read(self, text: str) -> object:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return words.get(text.strip().lower(), text)

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Text(Kind):
    """Any valid Unicode text."""

    def _checked(self, value: object) -> Value:
        if not isinstance(value, str):
            raise Refused(f"{shown(value)} is not a text")
        text = str.__str__(value)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused(f"{shown(text)} is not valid Unicode (half of a surrogate pair)") from None
        return text

    def _read(self, text: str) -> object:
        return text

    def __str__(self) -> str:
        return "a text"


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few given values, equal in type as well as in value."""

    values: tuple[Value, ...]

    def _checked(self, value: object) -> Value:
        for known in self.values:
            same_type = isinstance(value, type(known)) and isinstance(value, bool) == isinstance(known, bool)
            if same_type and value == known:
                return known
        hint = nearest(value, [str(known) for known in self.values])
        raise Refused(f"{shown(value)} is not a choice. {hint}")

    def _read(self, text: str) -> object:
        return next((known for known in self.values if text == str(known)), text)

    def __str__(self) -> str:
        return "one of " + ", ".join(str(value) for value in self.values)


@dataclass(frozen=True)
class ListOf(Kind):
    """A list whose items are all of one kind; tuples and arrays are taken as lists."""

    item: Kind

    def _checked(self, value: object) -> Value:
        if not isinstance(value, list | tuple):
            raise Refused(f"{shown(value)} is not a list")
        checked: list[Value] = []
        for place, item in enumerate(value):
            try:
                checked.append(self.item.check(item))
            except Refused as error:
                raise Refused(f"item {place}: {error}") from None
        return checked

    def _read(self, text: str) -> object:
        if not text.lstrip().startswith("["):
            return [self.item.parse(part.strip()) for part in text.split(",")] if text.strip() else []
        try:
            return json.loads(text)
        except ValueError as error:
            raise Refused(f"{shown(text)} is not a list: {error}") from None

    def __str__(self) -> str:
        return f"a list, each item {self.item}"


@dataclass(frozen=True)
class OrNone(Kind):
    """A kind whose value may also be left out as None."""

    item: Kind

    def _checked(self, value: object) -> Value:
        return None if value is None else self.item.check(value)

    def _read(self, text: str) -> object:
        return None if text.strip().lower() in ("none", "null") else self.item.parse(text)

    def __str__(self) -> str:
        return f"{self.item}, or none"


PLAIN: dict[str, Kind] = {"int": Whole(), "float": Real(), "str": Text(), "bool": Truth()}
GRAMMAR = "int, float, str, bool, list[...], Literal[...], Annotated[int, 'low..high'] or any of them | None"


def kind_of(annotation: ast.expr) -> Kind:
    """Return the kind that a type annotation names; raise `Refused` for a type that is not supported."""
    match annotation:
        case ast.Name(id=name) if name in PLAIN:
            return PLAIN[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return OrNone(kind_of(left))
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return ListOf(kind_of(item))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=values)):
            return Choice(tuple(literal(value) for value in values))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=value):
            return Choice((literal(value),))
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[item, ast.Constant(value=str(text))])):
            return bounded(kind_of(item), text)
    raise Refused(f"the type {ast.unparse(annotation)} is not supported; write {GRAMMAR}")


def literal(expression: ast.expr) -> Value:
    """Return the value of a literal expression as written in the cell, without running it."""
    try:
        value: Value = ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise Refused(f"{ast.unparse(expression)} is not a plain value") from None
    return value


def bounded(kind: Kind, text: str) -> Kind:
    """Return a number kind with the bounds of a text such as ``1..500``, ``0..`` or ``..0.5``."""
    low, dots, high = text.partition("..")
    try:
        ends = [float(end) if end.strip() else None for end in (low, high)]
    except ValueError:
        ends = []
    if not dots or not ends or ends == [None, None]:
        raise Refused(f"the bounds {text!r} cannot be read; write 'low..high', 'low..' or '..high'")
    if isinstance(kind, Whole | Real):
        return type(kind)(*ends)
    raise Refused(f"bounds are for int and float, not for {kind}")


def unwrapped(value: object) -> object:
    """Return a NumPy scalar or array as plain Python values and anything else as it is."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    return value


def inside(number: float, low: float | None, high: float | None) -> None:
    """Raise `Refused` unless ``low <= number <= high``."""
    if (low is not None and number < low) or (high is not None and number > high):
        raise Refused(f"{number} is outside its bounds")


def bounds(low: float | None, high: float | None) -> str:
    """Return the bounds in words, or nothing when both ends are open."""
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f" of at least {low:g}"
    return f" of at most {high:g}" if high is not None else ""


def shown(value: object) -> str:
    """Return a short text for a value of any type, for error messages."""
    if value is None or type(value) in (float, str, bool, list, tuple):
        text = repr(value)
    elif isinstance(value, int):
        text = int.__repr__(value) if abs(value) < 10**30 else "a very long whole number"
    else:
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
