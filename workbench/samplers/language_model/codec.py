"""Architectures as text, and back: what a language model is told of a domain, and how its answers are read."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from workbench.errors import Infeasible, InvalidInput, UnknownName, WorkbenchError, nearest
from workbench.samplers.domain import Domain, Params, Point
from workbench.samplers.values import contains, from_unit, to_unit

_LONGEST = 400_000  # characters of an answer that are read
_MOST_BRACKETS = 500  # of which an answer is looked through
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_MARKS = " \t\r`\"'*_.,;:!?"  # what prose puts around a word


class Codec:
    """The text form of one domain: questions and points as JSON, answers read from any prose.

    An answer may be a JSON object question -> answer, the string of the search space, or the answers alone, in the
    order of the questions, as a list or separated by commas; or a line "question: answer" for each question. Spelling
    is taken lightly: case, quotes, and 3 for "3".
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self._names = {name.casefold(): name for name in domain.names}

    def description(self) -> str:
        """What there is to choose: the space in words, and each question with its answers, a line of JSON each."""
        space, lines = self.domain.space, []
        if space is not None:
            words = inspect.cleandoc(type(space).__doc__ or "").split("\n\n")[0].replace("\n", " ")
            lines.append(f"The search space is {space.name}. {words}")
        lines.append("An architecture answers these questions, each with one of the answers behind it:")
        lines += [f"{json.dumps(name)}: {_json(self.domain.answers[name])}" for name in self.domain.names]
        if space is not None and not space.flat:
            lines.append("Some questions are asked only after certain answers; what is not asked may be left out.")
        return "\n".join(lines)

    def write(self, point: Point) -> str:
        """A point as a JSON object on one line."""
        return _json(dict(point))

    def read(self, text: str) -> list[Params]:
        """The points in an answer, in the order in which they stand there, each once.

        Raises `InvalidInput`, in words that can be given back to the one who answered, where there is none.
        """
        text = text[:_LONGEST]
        found: list[tuple[int, Params]] = []
        wrong: list[str] = []
        for end, piece in self._pieces(text, found):
            try:
                point = self._point(piece)
            except WorkbenchError as error:
                wrong.append(str(error))
                continue
            if point is not None:
                found.append((end, point))
        if not found:
            raise InvalidInput(wrong[0] if wrong else f"There is no architecture in the answer {_short(text)!r}.")
        found.sort(key=lambda piece: piece[0])
        backwards = {self.domain.key(point): point for _, point in found[::-1]}  # said twice: where it is said last
        return list(backwards.values())[::-1]

    # -- where an architecture may stand in a text ---------------------------------------------------------------

    def _pieces(self, text: str, found: list[tuple[int, Params]]) -> Iterator[tuple[int, Any]]:
        """Mappings, lists and strings that may be architectures, and where they end; looks at what has been `found`."""
        waiting = _outermost(text, 0, len(text))[::-1]
        for _ in range(_MOST_BRACKETS):
            if not waiting:
                break
            start, end = waiting.pop()
            before = len(found)
            value = _literal(text[start:end])
            if isinstance(value, Mapping | list):
                yield end, value
            head = start - len(re.split(r"[\s`\"':=]", text[:start])[-1])
            if len(found) == before:
                yield end, text[head:end]
            if len(found) == before:
                waiting += _outermost(text, start + 1, end - 1)[::-1]
            else:
                text = text[:head] + " " * (end - head) + text[end:]
        at = 0
        for line in text.splitlines(keepends=True):
            if line.strip():
                yield from ((at + word.end(), word.group()) for word in re.finditer(r"\S+", line))
                yield from ((at + len(line), tail) for tail in sorted({line, line.rpartition(": ")[2]}))
            at += len(line)
        told = self._told_by_lines(text)
        if told and not found:
            yield len(text), told

    def _told_by_lines(self, text: str) -> dict[str, str]:
        """What lines like "- question: answer" say."""
        told: dict[str, str] = {}
        for line in text.splitlines():
            left, colon, right = line.rpartition(":") if ":" in line else line.rpartition("=")
            said = [left, *left.split()[-1:]]  # "- 1. question" ends in the question
            names = [self._names.get(name.strip(_MARKS).casefold()) for name in said]
            name = next((name for name in names if name is not None), None)
            if colon and name is not None:
                told[name] = right.strip(_MARKS)
        return told

    # -- what stands there ------------------------------------------------------------------------------------------

    def _point(self, candidate: Any) -> Params | None:
        """The point that a piece of an answer is; None where it speaks of none. Raises where it says one wrongly."""
        if isinstance(candidate, Mapping):
            return self._of_mapping(candidate)
        if isinstance(candidate, str):
            return self._of_string(candidate)
        return self._of_list(list(candidate))

    def _of_mapping(self, told: Mapping[Any, Any]) -> Params | None:
        named = {self._names.get(str(name).strip(_MARKS).casefold()): value for name, value in told.items()}
        if named.keys() == {None}:  # not of questions: perhaps {"architecture": ...}
            inner = (value for value in told.values() if isinstance(value, str | Mapping | list))
            return next((point for value in inner if (point := self._point(value)) is not None), None)
        named.pop(None, None)
        return self._decided(named) if named else None

    def _of_string(self, text: str) -> Params | None:
        text = text.strip()
        space = self.domain.space
        for tried in dict.fromkeys((text, text.strip(_MARKS))):
            if space is not None and tried:
                try:
                    return self._allowed(dict(space.parse(tried).decisions))
                except (_NotAllowed, Infeasible):
                    raise
                except WorkbenchError:
                    pass  # most words of an answer are no architecture
        return self._of_list(text.split(","), strict=True)

    def _of_list(self, items: list[Any], strict: bool = False) -> Params | None:
        if len(items) != len(self.domain.names) or (strict and len(items) < 2):
            return None
        items = [item.strip(_MARKS + "[]()") if isinstance(item, str) else item for item in items]
        try:
            return self._decided(dict(zip(self.domain.names, items, strict=True)))
        except WorkbenchError:
            if strict:  # a sentence with as many commas as there are questions
                return None
            raise

    def _decided(self, told: Mapping[Any, Any]) -> Params:
        space = self.domain.space
        if space is not None:
            return self._allowed(dict(space.answered_by(_Told(told)).decisions))
        return {name: self._value(told, name, distribution) for name, distribution in self.domain.distributions.items()}

    def _value(self, told: Mapping[Any, Any], name: str, distribution: BaseDistribution) -> Any:
        if isinstance(distribution, IntDistribution | FloatDistribution):
            number = _number(told.get(name))
            if number is not None and contains(distribution, number):
                free = isinstance(distribution, FloatDistribution) and distribution.step is None
                return number if free else from_unit(distribution, to_unit(distribution, number))
        return _Told(told).suggest_categorical(name, self.domain.answers[name])

    def _allowed(self, decisions: Params) -> Params:
        """The decisions, where a search that was narrowed while it ran still allows them."""
        for name, answer in decisions.items():
            allowed = self.domain.answers.get(name, (answer,))
            if answer not in allowed:
                raise _NotAllowed(f"{_json(answer)} is not allowed for {name!r} now. Allowed: {_json(allowed)}.")
        return decisions


class _NotAllowed(InvalidInput):
    """An architecture of the space that the search must not try."""


class _Told:
    """Choices that are read from what was told, spelled more or less as they are."""

    def __init__(self, told: Mapping[Any, Any]) -> None:
        self._told = told

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The choice that was told; raises `InvalidInput` where it is none, or nothing was told."""
        if name not in self._told:
            raise InvalidInput(f"The question {name!r} is not answered. Its answers: {_json(choices)}.")
        given = self._told[name]
        for same in (_json, _spelled, _number):
            alike = [choice for choice in choices if same(choice) == same(given) and same(given) is not None]
            if len(alike) == 1:
                return alike[0]
        raise UnknownName(f"{_json(given)} is no answer to {name!r}. {nearest(given, map(str, choices))}")


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _spelled(value: Any) -> str:
    return str(value).strip(_MARKS).casefold().replace("-", "_").replace(" ", "_")


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return value if isinstance(value, int) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _outermost(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """Start and end of the brackets in a part of a text that close and are in no other ones."""
    waiting: list[tuple[int, str]] = []
    found: list[tuple[int, int]] = []
    for at in range(start, stop):
        if text[at] in _PAIRS:
            waiting.append((at, _PAIRS[text[at]]))
        elif waiting and text[at] == waiting[-1][1]:
            opened = waiting.pop()[0]
            while found and found[-1][0] > opened:
                found.pop()
            found.append((opened, at + 1))
    return found


def _literal(text: str) -> Any:
    """The JSON or Python literal that a text is, or a list of its bare words; None where it is neither."""
    if text[0] == "(":
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text[1:-1].split(",") if text[0] == "[" else None


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."
