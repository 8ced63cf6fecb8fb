"""What architectures can have in common, in plain words: answers where they stand, operations, motifs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import networkx as nx

from workbench.architecture import Architecture
from workbench.palette import Look, look
from workbench.spaces.choices import Answer
from workbench.spaces.encodings.wl import wl_features

Kind = Literal["answer", "operation", "motif"]

_EXAMPLES = 100  # architectures whose graphs are searched for where questions stand
_ROLES = {"input": "in", "output": "out"}


class Feature(NamedTuple):
    """Something that an architecture has or has not."""

    kind: Kind
    name: str


class Word(NamedTuple):
    """A feature as a person reads it: its words, and the operation that gives it a colour ("" for none)."""

    words: str
    operation: str


def features_of(arch: Architecture, depth: int) -> set[Feature]:
    """Everything that `arch` has, motifs to that depth; operations and motifs are those of the live graph."""
    space = arch.space
    found = {Feature("answer", f"{question} = {answer}") for question, answer in arch.decisions.items()}
    for motif, count in wl_features(space.live(space.graph(arch)), depth).items():
        name = motif.replace("input()", "input")  # nothing feeds an input: going further back adds nothing
        if "(" in name:
            found.add(Feature("motif", name))
        else:
            found |= {Feature("operation", f"{least} or more {name}") for least in range(1, count + 1)}
    return found


class Wording:
    """Puts the features of a population into words, with the names that its drawings give to nodes.

    "0->3 = skip_connect" is "skip on in→out", "nor_conv_3x3(skip_connect)" is "conv 3×3 after skip". A question that
    stands somewhere else in every architecture is called by its name.
    """

    def __init__(self, archs: Iterable[Architecture]) -> None:
        found: dict[str, set[str]] = {}
        self._answers: dict[str, tuple[str, Answer]] = {}
        for number, arch in enumerate(archs):
            self._answers |= {f"{q} = {answer}": (q, answer) for q, answer in arch.decisions.items()}
            if number < _EXAMPLES:
                for question, place in _places(arch.graph).items():
                    found.setdefault(question, set()).add(place)
        self._places: Mapping[str, str] = {q: next(iter(places)) for q, places in found.items() if len(places) == 1}

    def of(self, feature: Feature) -> Word:
        """The words of one of the population's features."""
        if feature.kind == "answer":
            return self._answer(*self._answers[feature.name])
        if feature.kind == "operation":
            least, _, name = feature.name.partition(" or more ")
            return Word(f"at least {least} {_shown(name)}", "" if name in _ROLES else name)
        label, parts = parsed(feature.name)
        return Word(_motif(label, parts), "" if label in _ROLES else label)

    def _answer(self, question: str, answer: Answer) -> Word:
        place = self._places.get(question)
        if isinstance(answer, bool):
            there = f"edge {place}" if place and "→" in place else place or _plain(question)
            return Word(there if answer else f"no {there}", "")
        shown = look(answer).label if isinstance(answer, str) else f"{answer:g}" if answer is not None else "nothing"
        if place is None:
            return Word(f"{_plain(question)}: {shown}", str(answer))
        return Word(f"{shown} {'on' if '→' in place else 'at'} {place}", str(answer))


def colours(word: Word) -> Look | None:
    """The look of the word's operation, the same as in every drawing."""
    return look(word.operation) if word.operation else None


def _places(graph: nx.DiGraph) -> dict[str, str]:
    """Question -> the edge or node it stands on, as it is written in a drawing."""
    names = {node: str(data.get("label", node)) for node, data in graph.nodes(data=True)}
    cells = {str(data["cell"]) for _, data in graph.nodes(data=True) if "cell" in data}
    often = Counter((data.get("cell"), names[node]) for node, data in graph.nodes(data=True))
    found = {}
    for node, data in graph.nodes(data=True):
        if often[data.get("cell"), names[node]] > 1:
            names[node] = str(node)
    for a, b, data in graph.edges(data=True):
        if "question" in data:
            cell = f"{graph.nodes[b].get('cell')} " if len(cells) > 1 else ""
            found[str(data["question"])] = f"{cell}{names[a]}→{names[b]}"
    for node, data in graph.nodes(data=True):
        if "question" in data:
            cell = f"{data.get('cell')} " if len(cells) > 1 else ""
            found[str(data["question"])] = cell + names[node]
    return found


Tree = tuple[str, "list[Tree]"]


def parsed(motif: str) -> Tree:
    """A motif's name as an operation and the motifs that feed it; what is no such name is an operation itself."""
    if not motif.endswith(")"):
        return motif, []
    parts: list[Tree] = []
    opening = motif.index("(")
    level, start = 0, opening + 1
    for at in range(opening, len(motif)):
        level += (motif[at] == "(") - (motif[at] == ")")
        if (level == 1 and motif.startswith(", ", at)) or level == 0:
            parts += [parsed(motif[start:at])] if motif[start:at] else []
            start = at + 2
            if level == 0 and at != len(motif) - 1:
                return motif, []
    return motif[:opening], parts


def _motif(label: str, parts: list[Tree]) -> str:
    if not parts:
        return _shown(label)
    fed = Counter(f"({_motif(*part)})" if part[1] else _shown(part[0]) for part in parts)
    listed = " + ".join(f"{count} × {words}" if count > 1 else words for words, count in fed.items())
    return f"{_shown(label)} after {listed[1:-1] if len(fed) == 1 and listed.startswith('(') else listed}"


def _shown(label: str) -> str:
    return "…" if label.startswith("#") else _ROLES.get(label) or look(label).label


def _plain(question: str) -> str:
    return question.replace("_", " ").replace(".", " ").replace("->", "→")
