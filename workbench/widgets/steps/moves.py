"""Every single edit of an architecture: the questions it can change, and what each other answer makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, WorkbenchError
from workbench.palette import look
from workbench.spaces.choices import Answer, Question

MANY = 40  # questions beyond which those that matter come first


class Row(NamedTuple):
    """A question, in words, and whether it stands where something flows."""

    question: Question
    label: str
    matters: bool


class Move(NamedTuple):
    """What one changed answer makes: an architecture, or the reason why it makes none; and whether it changes nothing.

    `same` says that the network computes what it did before.
    """

    arch: Architecture | None
    reason: str = ""
    same: bool = False


@final
class Moves:
    """All single edits of `arch`, each worked out when it is first asked for.

    Questions that an edit newly asks take their first answer, as in `space.neighbors`.
    """

    def __init__(self, arch: Architecture) -> None:
        self.arch = arch
        self.rows = _rows(arch)
        self._known: dict[tuple[str, int], Move] = {}

    @property
    def cells(self) -> list[tuple[str, int]]:
        """Question and answer's number of every edit."""
        present = self.arch.decisions
        return [
            (row.question.name, number)
            for row in self.rows
            for number, answer in enumerate(row.question.answers)
            if not _equal(answer, present[row.question.name])
        ]

    def move(self, question: str, number: int) -> Move:
        """What the edit makes; raises `InvalidInput` for a question or an answer that there is not."""
        if (question, number) not in self._known:
            self._known[question, number] = self._made(question, number)
        return self._known[question, number]

    def known(self, question: str, number: int) -> Move | None:
        """What the edit makes where that has been asked before."""
        return self._known.get((question, number))

    def _made(self, question: str, number: int) -> Move:
        row = next((row for row in self.rows if row.question.name == question), None)
        if row is None or not 0 <= number < len(row.question.answers):
            raise InvalidInput(f"{self.arch} has no answer number {number!r} to a question {question!r}.")
        space = self.arch.space
        try:
            arch = space.answered_by(_Changed(dict(self.arch.decisions) | {question: row.question.answers[number]}))
        except Infeasible as error:
            return Move(None, str(error))
        try:
            same = space.canonical(arch, "functional") == space.canonical(self.arch, "functional")
        except WorkbenchError:
            same = arch == self.arch  # the space does not tell functions apart
        return Move(arch, same=same)

    def state(self) -> dict[str, Any]:
        """The architecture and its questions for the browser."""
        rows = [
            {"question": row.question.name, "label": row.label, "options": list(map(_option, row.question.answers))}
            for row in self.rows
        ]
        return {"name": str(self.arch), "decisions": dict(self.arch.decisions), "rows": rows}


class _Changed:
    """Answers as given, and the first one to a question that is newly asked or now has other answers."""

    def __init__(self, decisions: Mapping[str, Answer]) -> None:
        self._decisions = decisions

    def suggest_categorical(self, name: str, choices: Sequence[Answer]) -> Answer:
        """One of `choices`."""
        wanted = self._decisions.get(name)
        return next((c for c in choices if name in self._decisions and _equal(c, wanted)), choices[0])


def _equal(a: Answer, b: Answer) -> bool:
    return a == b and type(a) is type(b)


def _option(answer: Answer) -> dict[str, Any]:
    shown = look(answer)
    dot = isinstance(answer, str)  # a number is no operation and has no colour
    return {"answer": answer, "label": shown.label, "colour": shown.colour if dot else "", "dark": shown.dark}


def _rows(arch: Architecture) -> list[Row]:
    """The questions in the order asked; of many, those that matter first."""
    graph = arch.graph
    live = set(arch.space.live(graph).nodes)
    labels: dict[str, str] = {}
    matters: dict[str, bool] = {}
    for a, b, data in graph.edges(data=True):
        if name := data.get("question"):
            labels[name] = f"{graph.nodes[a].get('label', a)}→{graph.nodes[b].get('label', b)}"
            matters[name] = not live or (a in live and b in live)  # a zero edge between live nodes matters too
    for node, data in graph.nodes(data=True):
        for name in data.get("questions") or filter(None, [data.get("question")]):
            matters[name] = matters.get(name, False) or not live or node in live
    asked = [question for question in arch.space.questions(arch) if len(question.answers) > 1]
    # Ends of edges say more than a question's name, where they tell all questions apart.
    told = labels if {q.name for q in asked} <= labels.keys() and len(set(labels.values())) == len(labels) else {}
    rows = [Row(q, told.get(q.name, q.name), matters.get(q.name, True)) for q in asked]
    return sorted(rows, key=lambda row: not row.matters) if len(rows) > MANY else rows
