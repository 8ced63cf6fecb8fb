"""The recorded architectures that are nearest to one: the answers of all of them as numbers, compared at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture

if TYPE_CHECKING:
    from workbench.spaces.choices import Answer
    from workbench.spaces.space import SearchSpace

Codes = NDArray[np.uint16]
_Key = tuple[type, "Answer"]
_NOT_ASKED = 0
_UNHEARD_OF = np.iinfo(np.uint16).max  # the code of an answer that no recorded architecture gives


class Answers(NamedTuple):
    """The answers of n architectures: question -> the answers that occur, and the number of each one's from 1.

    `codes` is (n,) for every question; 0 stands for a question that an architecture is not asked.
    """

    size: int
    answers: Mapping[str, tuple[Answer, ...]]
    codes: Mapping[str, Codes]


def answers_of(space: SearchSpace, texts: Sequence[str]) -> Answers:
    """The answers of the architectures with these strings; raises `InvalidInput` for one that is none of `space`."""
    books: dict[str, dict[_Key, int]] = {}
    codes: dict[str, Codes] = {}
    for row, text in enumerate(texts):
        for question, answer in space.parse(text).decisions.items():
            if question not in books:
                books[question], codes[question] = {}, np.zeros(len(texts), np.uint16)
            book = books[question]
            codes[question][row] = book.setdefault(_key(answer), len(book) + 1)
    return Answers(len(texts), {question: tuple(a for _, a in book) for question, book in books.items()}, codes)


@final
class Recorded:
    """The architectures of a table, row by row, for finding those that are nearest to any other.

    Reading a string takes up to a millisecond, so a large table is best `add`ed in parts, of which another process
    may have made the `Answers`. A look-up then takes about 10 milliseconds for 423,000 rows.
    """

    def __init__(self) -> None:
        self.size = 0
        self._books: dict[str, dict[_Key, int]] = {}
        self._codes: dict[str, list[Codes]] = {}

    def add(self, part: Answers) -> None:
        """Put the architectures of `part` after those that are there."""
        for question, given in part.answers.items():
            book = self._books.setdefault(question, {})
            renamed = [_NOT_ASKED, *(book.setdefault(_key(answer), len(book) + 1) for answer in given)]
            before = self._codes.setdefault(question, [np.zeros(self.size, np.uint16)] if self.size else [])
            before.append(np.asarray(renamed, np.uint16)[part.codes[question]])
        self.size += part.size
        for question, parts in self._codes.items():
            if question not in part.answers:
                parts.append(np.zeros(part.size, np.uint16))

    def edits(self, arch: Architecture) -> NDArray[np.int32]:
        """The number of questions that `arch` and each row answer differently: (n,), as `wb.distance` counts them.

        A question that only one of the two is asked counts as well.
        """
        decisions = arch.decisions
        found = np.zeros(self.size, np.int32)
        for question in dict.fromkeys((*decisions, *self._books)):
            if question not in self._books:
                found += 1
                continue
            code = _NOT_ASKED
            if question in decisions:
                code = self._books[question].get(_key(decisions[question]), _UNHEARD_OF)
            found += self._column(question) != np.uint16(code)
        return found

    def nearest(self, arch: Architecture, k: int, among: NDArray[np.bool_] | None = None) -> list[tuple[int, int]]:
        """The `k` rows with the fewest edits, as (row, edits), nearest first and then in the table's order.

        Rows equal to `arch` are left out, and so are those that `among`, (n,), says no to.
        """
        edits = self.edits(arch)
        rows = np.flatnonzero(edits > 0 if among is None else (edits > 0) & among)
        if len(rows) > k:
            # Ties at the last place go to the earlier rows: a partition alone would take any of them.
            farthest = np.partition(edits[rows], k - 1)[k - 1] if k > 0 else 0
            rows = rows[edits[rows] <= farthest]
        rows = rows[np.argsort(edits[rows], kind="stable")][:k]
        return [(int(row), int(edits[row])) for row in rows]

    def _column(self, question: str) -> Codes:
        """The codes of all rows, made one array the first time that they are looked at."""
        parts = self._codes[question]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0]


def _key(answer: Answer) -> _Key:
    """An answer with its type, because 1 and True are different answers that Python takes for equal."""
    return type(answer), answer
