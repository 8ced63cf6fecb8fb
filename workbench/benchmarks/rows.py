"""Which architecture a row of a table is about, and which row an architecture has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol, final

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.space import SearchSpace


class Rows(Protocol):
    """The architectures of a table, one for every row."""

    def find(self, arch: Architecture) -> int:
        """The row of `arch`; raises `LookupError` with the reason where the table has none."""
        ...

    def architecture(self, row: int) -> Architecture:
        """The architecture of a row."""
        ...

    def strings(self) -> Iterator[str]:
        """The architectures' strings, in the order of the rows."""
        ...


def rows_of(
    space: SearchSpace, architectures: Sequence[str] | None, keys: Sequence[str] | None, rule: str | None
) -> Rows:
    """The rows of a table: those listed in `architectures`, or else every architecture of a flat space."""
    if architectures is None:
        return EveryArchitecture(space)
    return ListedArchitectures(space, architectures, keys, rule)


@final
class EveryArchitecture:
    """All architectures of a flat space in the order of `space.enumerate()`: answers are the digits of a number."""

    def __init__(self, space: SearchSpace) -> None:
        if not space.flat:
            raise InvalidInput(
                f"The rows of a table of all architectures are numbered by a flat search space; {space!r} is not flat. "
                "List the table's architectures."
            )
        self._space = space
        # What each answer adds to the row: the first question is the most significant digit.
        self._places: dict[tuple[str, Any], int] = {}
        unit = 1
        for question in reversed(space.questions()):
            self._places |= {(question.name, answer): digit * unit for digit, answer in enumerate(question.answers)}
            unit *= len(question.answers)

    def find(self, arch: Architecture) -> int:
        """The place of `arch` in `space.enumerate()`; raises `LookupError` for answers that are not the space's."""
        try:
            return sum(map(self._places.__getitem__, arch.decisions.items()))
        except KeyError as error:
            question, answer = error.args[0]
            raise LookupError(f"it answers {answer!r} to question {question!r}") from None

    def architecture(self, row: int) -> Architecture:
        """The architecture in place `row` of `space.enumerate()`."""
        answers = {}
        for question in reversed(self._space.questions()):
            row, digit = divmod(row, len(question.answers))
            answers[question.name] = question.answers[digit]
        return self._space.architecture(answers)

    def strings(self) -> Iterator[str]:
        """Every architecture's string."""
        return map(str, self._space.enumerate())


@final
class ListedArchitectures:
    """Architectures given by their strings; found by string, or by what is equal under a canonical `rule`.

    `keys` are the canonical strings of the rows where the source has them; they are worked out where it has not.
    """

    def __init__(
        self, space: SearchSpace, architectures: Sequence[str], keys: Sequence[str] | None, rule: str | None
    ) -> None:
        self._space = space
        self._strings = architectures
        self._given = keys
        self._rule = rule

    def find(self, arch: Architecture) -> int:
        """The row of `arch`, or of one equal to it under the rule; raises `LookupError` where there is none."""
        key = str(arch) if self._rule is None else self._space.canonical(arch, self._rule)
        try:
            return self._row_of[key]
        except KeyError:
            raise LookupError(f"the table lists {len(self._strings):,} other architectures") from None

    def architecture(self, row: int) -> Architecture:
        """The architecture of a row."""
        return self._space.parse(str(self._strings[row]))

    def strings(self) -> Iterator[str]:
        """The strings as they are listed."""
        return map(str, self._strings)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        keys: Iterator[str] = map(str, self._given) if self._given is not None else self._worked_out()
        rows: dict[str, int] = {}
        for row, key in enumerate(keys):
            rows.setdefault(key, row)
        return rows

    def _worked_out(self) -> Iterator[str]:
        if self._rule is None:
            return self.strings()
        rule, space = self._rule, self._space
        return (space.canonical(space.parse(text), rule) for text in self.strings())
