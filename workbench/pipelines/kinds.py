"""The kinds of value a notebook parameter can take: numbers, text, choices, names of secrets, lists and nothing."""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from workbench.errors import nearest
from workbench.pipelines.plain import exact, hidden, shown

#: What a parameter can hold: exactly the builtin types of JSON without objects.
Value = None | bool | int | float | str | list["Value"]
#: The type of a parameter that names the environment variable which holds a secret; to Python, any text.
Secret = str

MOST_DIGITS = 600  # of a whole number; Python itself may be set up to write no more than 640
LONGEST_TEXT = 1_000_000  # characters
MOST_ITEMS = 1_000_000
_TOO_LARGE = 10**MOST_DIGITS
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_CODE = re.compile(r"(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{16,}")  # a key, not words joined by underscores
_NONE = re.compile(r"\s*(?:none|null)\s*", re.IGNORECASE)
_QUOTED_NONE = re.compile(rf'"+{_NONE.pattern}"+', re.IGNORECASE)
_JSON_WORDS = {"none": None, "null": None, "true": True, "false": False}


class Refused(ValueError):
    """A value that does not fit its kind; the words are completed by the schema that knows the name."""


class Kind(ABC):
    """A set of values; a subclass says which, how a text names one, and how to put it in words."""

    def check(self, value: object) -> Value:
        """Return the value as exact builtin types, or raise `Refused` with what is wrong."""
        return self._checked(exact(value))

    def parse(self, text: str) -> Value:
        """Return the value that a text typed on the command line means, or raise `Refused`."""
        return self.check(self._read(text))

    def text(self, value: Value) -> str:
        """Return the text that `parse` reads as a checked value."""
        return str(value)

    def of_unit(self) -> str:
        """Return the unit of the number, or of the numbers in a list; empty when there is none."""
        return ""

    def secret(self) -> bool:
        """Whether the value names a secret, so that what is given in its place must not be repeated."""
        return False

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the kind as plain data: its ``type`` and what limits it."""

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
    unit: str = ""

    def of_unit(self) -> str:
        """Return the unit."""
        return self.unit

    def facts(self) -> dict[str, Any]:
        """Return type, bounds and unit."""
        return {"type": "int", "low": self.low, "high": self.high, "unit": self.unit}

    def _checked(self, value: object) -> Value:
        if type(value) is not int:
            raise Refused(f"{shown(value)} is not a whole number")
        if not -_TOO_LARGE < value < _TOO_LARGE:
            raise Refused(f"a whole number of more than {MOST_DIGITS} digits is too long")
        inside(value, self.low, self.high)
        return value

    def _read(self, text: str) -> object:
        try:
            return int(text)
        except ValueError:
            return text

    def __str__(self) -> str:
        return "a whole number" + bounds(self.low, self.high, self.unit)


@dataclass(frozen=True)
class Real(Kind):
    """Finite numbers from ``low`` to ``high``, both included; None leaves an end open."""

    low: float | None = None
    high: float | None = None
    unit: str = ""

    def of_unit(self) -> str:
        """Return the unit."""
        return self.unit

    def facts(self) -> dict[str, Any]:
        """Return type, bounds and unit."""
        return {"type": "float", "low": self.low, "high": self.high, "unit": self.unit}

    def _checked(self, value: object) -> Value:
        if type(value) is not int and type(value) is not float:
            raise Refused(f"{shown(value)} is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Refused(f"{shown(value)} is not a finite number")
        if type(value) is int and int(number) != value:
            raise Refused(f"{shown(value)} has more digits than a floating-point number keeps")
        inside(number, self.low, self.high)
        return number

    def _read(self, text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text

    def __str__(self) -> str:
        return "a number" + bounds(self.low, self.high, self.unit)


@dataclass(frozen=True)
class Truth(Kind):
    """True or False."""

    def facts(self) -> dict[str, Any]:
        """Return the type."""
        return {"type": "bool"}

    def _checked(self, value: object) -> Value:
        if type(value) is not bool:
            raise Refused(f"{shown(value)} is not True or False")
        return value

    def _read(self, text: str) -> object:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return words.get(text.strip().lower(), text)

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Text(Kind):
    """Any valid Unicode text of up to a million characters."""

    def facts(self) -> dict[str, Any]:
        """Return the type."""
        return {"type": "str"}

    def _checked(self, value: object) -> Value:
        if type(value) is not str:
            raise Refused(f"{shown(value)} is not a text")
        if len(value) > LONGEST_TEXT:
            raise Refused(f"a text of {len(value):,} characters is too long; put it into a file and give its name")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused(f"{shown(value)} is not valid Unicode (half of a surrogate pair)") from None
        return value

    def _read(self, text: str) -> object:
        return text

    def __str__(self) -> str:
        return "a text"


@dataclass(frozen=True)
class Variable(Kind):
    """The name of an environment variable that holds a secret; never the secret, which is not repeated in an error."""

    def secret(self) -> bool:
        """Whether the value names a secret: yes."""
        return True

    def facts(self) -> dict[str, Any]:
        """Return the type."""
        return {"type": "secret"}

    def _checked(self, value: object) -> Value:
        if type(value) is str and _VARIABLE.fullmatch(value) and not _CODE.fullmatch(value):
            return value
        raise Refused(
            f"{hidden(value)} cannot name an environment variable. Put the secret itself into a variable and give the "
            "variable's name, such as MY_API_KEY"
        )

    def _read(self, text: str) -> object:
        return text

    def __str__(self) -> str:
        return "the name of an environment variable that holds the secret, in capitals, digits and underscores"


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few given values, equal in type as well as in value."""

    values: tuple[Value, ...]

    def facts(self) -> dict[str, Any]:
        """Return type and choices."""
        return {"type": "choice", "choices": list(self.values)}

    def _checked(self, value: object) -> Value:
        for known in self.values:
            if type(value) is type(known) and value == known:
                return known
        hint = nearest(value[:100] if type(value) is str else shown(value), [str(known) for known in self.values])
        raise Refused(f"{shown(value)} is not a choice. {hint}")

    def _read(self, text: str) -> object:
        """The choice that is written like this; of several, the one that is no text, which quotes can name."""
        alike = sorted((known for known in self.values if str(known) == text), key=lambda known: type(known) is str)
        if alike:
            return alike[0]
        try:
            quoted = json.loads(text) if text.startswith('"') else None
        except (ValueError, RecursionError):
            quoted = None
        if type(quoted) is str and quoted in self.values:
            return quoted
        return _JSON_WORDS.get(text.strip().lower(), text)

    def text(self, value: Value) -> str:
        """Return the shortest spelling that means this value and no other choice."""
        spellings = [str(value), json.dumps(value), '"' + "".join(f"\\u{ord(c):04x}" for c in str(value)) + '"']
        return next((text for text in spellings if _same(self._read(text), value)), spellings[-1])

    def __str__(self) -> str:
        plain = all(type(value) is str for value in self.values)
        return "one of " + ", ".join(str(value) if plain else shown(value) for value in self.values)


@dataclass(frozen=True)
class ListOf(Kind):
    """A list whose items are all of one kind; tuples and arrays are taken as lists."""

    item: Kind

    def of_unit(self) -> str:
        """Return the unit of the items."""
        return self.item.of_unit()

    def secret(self) -> bool:
        """Whether the items name secrets."""
        return self.item.secret()

    def facts(self) -> dict[str, Any]:
        """Return the type, and the items' facts."""
        return {"type": "list", "items": self.item.facts()}

    def _checked(self, value: object) -> Value:
        if type(value) is not list:
            raise Refused(f"{hidden(value) if self.secret() else shown(value)} is not a list")
        if len(value) > MOST_ITEMS:
            raise Refused(f"a list of {len(value):,} items is too long; put it into a file and give its name")
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
        except (ValueError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise Refused(f"{hidden(text) if self.secret() else shown(text)} is not a list: {why}") from None

    def text(self, value: Value) -> str:
        """Return the list as JSON."""
        return json.dumps(value)

    def __str__(self) -> str:
        return f"a list, each item {self.item}"


@dataclass(frozen=True)
class OrNone(Kind):
    """A kind whose value may also be left out as None; a text that reads like it, such as none, goes in quotes."""

    item: Kind

    def of_unit(self) -> str:
        """Return the unit of a value that is there."""
        return self.item.of_unit()

    def secret(self) -> bool:
        """Whether a value that is there names a secret."""
        return self.item.secret()

    def facts(self) -> dict[str, Any]:
        """Return the facts of a value that is there, and that there may be none."""
        return {**self.item.facts(), "none_allowed": True}

    def _checked(self, value: object) -> Value:
        return None if value is None else self.item.check(value)

    def _read(self, text: str) -> object:
        if _NONE.fullmatch(text):
            return None
        return self.item.parse(text[1:-1] if _QUOTED_NONE.fullmatch(text) else text)

    def text(self, value: Value) -> str:
        """Return the text of a value that is there, or none."""
        if value is None:
            return "none"
        text = self.item.text(value)
        return f'"{text}"' if _NONE.fullmatch(text) or _QUOTED_NONE.fullmatch(text) else text

    def __str__(self) -> str:
        return f"{self.item}, or none"


def inside(number: float, low: float | None, high: float | None) -> None:
    """Raise `Refused` unless ``low <= number <= high``."""
    if (low is not None and number < low) or (high is not None and number > high):
        raise Refused(f"{shown(number)} is outside its bounds")


def bounds(low: float | None, high: float | None, unit: str = "") -> str:
    """Return the bounds in words, with the unit; nothing when there are none."""
    unit = f" {unit}" if unit else ""
    if low is not None and high is not None:
        return f" from {_end(low)} to {_end(high)}{unit}"
    if low is not None:
        return f" of at least {_end(low)}{unit}"
    return f" of at most {_end(high)}{unit}" if high is not None else unit and f" in{unit}"


def _end(number: float) -> str:
    short = f"{number:g}"
    return short if "e" not in short and float(short) == number else shown(number).removesuffix(".0")


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other
