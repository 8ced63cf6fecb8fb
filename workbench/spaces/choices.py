"""Answering a search space's questions: a question, and the walk that asks and remembers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.errors import InvalidInput
from workbench.networks.copies import original

Answer = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Question:
    """One choice a space asks for: its name and the answers allowed."""

    name: str
    answers: tuple[Answer, ...]

    def check(self, answer: Answer) -> Answer:
        """`answer` itself if it is allowed; raises `InvalidInput` otherwise."""
        # 1 == True and 1 == 1.0 in Python: the kind must match too, or two answers would be one.
        for allowed in self.answers:
            if allowed == answer and type(allowed) is type(answer):
                return allowed
        raise InvalidInput(
            f"{answer!r} is no answer to question {self.name!r}. Allowed: {', '.join(map(repr, self.answers))}."
        )


class Choices(Protocol):
    """Whatever can answer: an `optuna.Trial`, a replay of given answers, a recorder, an editor."""

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """One of `choices`, the answer to the question `name`."""
        ...


class Walk:
    """One walk through a space's questions: answers each with a function, and remembers what was asked."""

    def __init__(self, answer: Callable[[Question], Answer]) -> None:
        self._answer = answer
        self.asked: dict[str, Question] = {}
        self.decisions: dict[str, Answer] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """The function's answer; a question asked twice is answered as before."""
        if name in self.decisions:
            return self.decisions[name]
        question = Question(name, tuple(choices))
        self.asked[name] = question
        self.decisions[name] = question.check(self._answer(question))
        return self.decisions[name]


class Narrowed:
    """Passes questions on with fewer answers: the choices behind a restricted space."""

    def __init__(self, choices: Choices, allowed: dict[str, tuple[Answer, ...]]) -> None:
        self._choices = choices
        self._allowed = allowed

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """The answer of the choices behind, among those still allowed."""
        kept = self._allowed.get(name)
        return self._choices.suggest_categorical(name, choices if kept is None else [c for c in choices if c in kept])


class Widened:
    """Passes questions on with more answers: the choices behind an extended space.

    A copy ("none#2") comes back as its original: the space behind need not know that there are copies.
    """

    def __init__(self, choices: Choices, added: Mapping[str, tuple[Answer, ...]]) -> None:
        self._choices = choices
        self._added = added

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """The answer of the choices behind, among the space's own and those added."""
        added = self._added.get(name, ())
        answer = self._choices.suggest_categorical(name, [*choices, *added])
        return original(answer) if isinstance(answer, str) and answer in added else answer
