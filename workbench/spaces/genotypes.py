"""Reading a printed `Genotype(...)`, the literature's string of cell pairs, without evaluating it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.errors import InvalidInput

Value = str | int | list["Value"] | dict[str, "Value"]

_LONGEST = 4_000  # characters; printed pairs of cells have some 500
_DEEPEST = 4
_TOKEN = re.compile(
    r"\s*(?:([A-Za-z_][A-Za-z_0-9]*)|([0-9]{1,4})|'([A-Za-z_0-9]*)'|\"([A-Za-z_0-9]*)\"|([()\[\]{},=:]))"
)
_CLOSING = {"[": "]", "(": ")", "{": "}"}


def read_genotype(text: object, fields: Sequence[str], space: str) -> dict[str, Value]:
    """The `fields` of a printed `Genotype(field=value, ...)`, which must be those and in that order.

    Values are names in quotes, numbers, and lists, tuples or dictionaries of them; `range(a, b)` is a list.
    Raises `InvalidInput` with what stands where it should not.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"An architecture of {space} is written as a Genotype(...) string; got {text!r}.")
    if len(text) > _LONGEST:
        raise InvalidInput(
            f"A string of {len(text):,} characters is no Genotype of {space}: {_LONGEST:,} are the most."
        )
    reader = _Reader(text, space)
    reader.expect("Genotype")
    reader.expect("(")
    found: dict[str, Value] = {}
    for number, field in enumerate(fields):
        if number:
            reader.expect(",")
        reader.expect(field)
        reader.expect("=")
        found[field] = reader.value(0)
    reader.expect(")")
    reader.expect("")
    return found


class _Reader:
    """Takes a text apart token by token."""

    def __init__(self, text: str, space: str) -> None:
        self._text = text
        self._space = space
        self._tokens: list[tuple[str, Value]] = []  # as written, and what it stands for
        end = len(text.rstrip())
        at = 0
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._refusal(f"{text[at : at + 12]!r} cannot be read")
            name, number, single, double, mark = match.groups()
            quoted = single if single is not None else double
            written = f"'{quoted}'" if quoted is not None else name or number or mark
            self._tokens.append((written, int(number) if number else quoted if quoted is not None else written))
            at = match.end()
        self._tokens.append(("", ""))
        self._at = 0

    def expect(self, written: str) -> None:
        """Pass over one token that has to be there."""
        found = self._tokens[self._at][0]
        if found != written:
            raise self._refusal(f"{written or 'its end'!r} is expected where {found or 'its end'!r} stands")
        self._at += bool(found)

    def value(self, depth: int) -> Value:
        """The value that begins here."""
        written, meant = self._tokens[self._at]
        if depth > _DEEPEST:
            raise self._refusal(f"brackets stand more than {_DEEPEST} deep")
        if isinstance(meant, int) or written.startswith("'"):
            self._at += 1
            return meant
        if written == "range":
            self._at += 1
            return self._range(depth)
        if written in _CLOSING:
            self._at += 1
            return self._dictionary(depth) if written == "{" else self._items(_CLOSING[written], depth)
        raise self._refusal(f"a value is expected where {written or 'its end'!r} stands")

    def _items(self, closing: str, depth: int) -> list[Value]:
        items: list[Value] = []
        while self._tokens[self._at][0] != closing:
            if items:
                self.expect(",")
                if self._tokens[self._at][0] == closing:
                    break
            items.append(self.value(depth + 1))
        self.expect(closing)
        return items

    def _dictionary(self, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        while self._tokens[self._at][0] != "}":
            if entries:
                self.expect(",")
            key = self.value(depth + 1)
            if not isinstance(key, str) or key in entries:
                raise self._refusal(f"{key!r} is no key, or stands twice")
            self.expect(":")
            entries[key] = self.value(depth + 1)
        self.expect("}")
        return entries

    def _range(self, depth: int) -> list[Value]:
        self.expect("(")
        bounds = self._items(")", depth)
        if len(bounds) != 2 or not all(isinstance(bound, int) for bound in bounds):
            raise self._refusal("a range has two bounds")
        first, end = bounds
        assert isinstance(first, int)
        assert isinstance(end, int)
        if end - first > 100:
            raise self._refusal(f"range({first}, {end}) is too long")
        return list(range(first, end))

    def _refusal(self, why: str) -> InvalidInput:
        shown = self._text if len(self._text) < 100 else f"{self._text[:97]}..."
        return InvalidInput(f"{shown!r} is no Genotype of {self._space}: {why}.")
