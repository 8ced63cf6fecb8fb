"""Context-free grammars: productions as questions, derivations as text, and how many derivations there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, prod
from typing import NamedTuple

from workbench.errors import InvalidInput, nearest
from workbench.networks.copies import COPY
from workbench.spaces.choices import Choices, Question

_LONGEST = 1_000_000  # characters of a derivation
_DEEPEST = 200
_TOKEN = re.compile(r"[()]|[^\s()]+")
_ITEM = re.compile(r'"([^"\s]+)"|([^\s"|]+)')
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"  # places of children in the name of a question


class Tree(NamedTuple):
    """A derivation: a symbol, the answer that chose its production, and what it became; a word has no children."""

    symbol: str
    answer: str
    children: tuple[Tree, ...]
    question: str = ""  # empty where there was nothing to choose

    def words(self) -> Iterator[Tree]:
        """The words of the derivation, in order."""
        if not self.answer:
            yield self
        for child in self.children:
            yield from child.words()


@dataclass(frozen=True)
class Production:
    """What a symbol may become: words and symbols in order. `answer` is its text, numbered where it is repeated."""

    items: tuple[str, ...]
    answer: str
    copy: str = ""  # "#2" for the second time the same production is written


# Answer -> its items in order: the digit of the place, the name, and the leaf of the derivation where it is a word.
_Plan = dict[str, list[tuple[str, str, Tree | None]]]


class Grammar:
    """Productions `S -> "word" A B | A`, one symbol a line; words are quoted, the first line's symbol is the start.

    `depth` bounds how many productions lie on a path from the start (needed where a symbol can contain itself):
    productions that cannot end in time are not offered. A production that is written twice is offered twice, the
    second as a copy ("A#2"), so that it is as likely as its author wanted. Raises `InvalidInput` with what is wrong.
    """

    def __init__(self, text: str, depth: int | None = None) -> None:
        if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
            raise InvalidInput(f"depth is a whole number, 1 or more; got {depth!r}.")
        self.productions = _read(text)
        self.start = next(iter(self.productions))
        self.depth = depth
        self._lowest = self._least_depths()
        self._plans: dict[tuple[str, int | None], _Plan] = {}  # made when first used: a derivation visits each often
        if depth is None and self._is_recursive():
            raise InvalidInput("A symbol of this grammar contains itself: give depth=, the most productions on a path.")
        if self._lowest[self.start] > (inf if depth is None else depth):
            raise InvalidInput(f"No derivation ends within depth={depth}: {self._lowest[self.start]:g} are needed.")

    # -- derivations as answers ----------------------------------------------------------------------------------

    def derive(self, choices: Choices) -> Tree:
        """The derivation that `choices` answers.

        The question of a symbol is named by the symbol and its place, "C@02" for one below the start's first child's
        third; it is asked only where there are several productions.
        """
        return self._derive(choices, self.start, "", self.depth)

    def options(self, symbol: str, left: int | None) -> tuple[Production, ...]:
        """The productions of `symbol` that can end when `left` more are allowed on a path."""
        if left is None:
            return self.productions[symbol]
        return tuple(p for p in self.productions[symbol] if self._needed(p) <= left)

    def questions(self) -> Iterator[Question]:
        """Every question that some derivation asks, each once."""
        waiting: list[tuple[str, str, int | None]] = [(self.start, "", self.depth)]
        seen: set[tuple[str, str, int | None]] = set()
        while waiting:
            symbol, place, left = waiting.pop()
            options = self.options(symbol, left)
            if len(options) > 1:
                yield Question(_named(symbol, place), tuple(p.answer for p in options))
            below = {
                (item, place + _DIGITS[i], None if left is None else left - 1)
                for production in options
                for i, item in enumerate(production.items)
                if item in self.productions
            }
            waiting += sorted(below - seen, reverse=True)
            seen |= below

    def _derive(self, choices: Choices, symbol: str, place: str, left: int | None) -> Tree:
        plan = self._plans.get((symbol, left))
        if plan is None:
            plan = self._plans[symbol, left] = self._plan(symbol, left)
        answers = tuple(plan)
        question = _named(symbol, place) if len(answers) > 1 else ""
        answer = str(choices.suggest_categorical(question, answers)) if question else answers[0]
        below = None if left is None else left - 1
        children = [word or self._derive(choices, item, place + digit, below) for digit, item, word in plan[answer]]
        return Tree(symbol, answer, tuple(children), question)

    def _plan(self, symbol: str, left: int | None) -> _Plan:
        return {
            p.answer: [
                (digit, item, None if item in self.productions else Tree(item, "", ()))
                for digit, item in zip(_DIGITS, p.items, strict=False)
            ]
            for p in self.options(symbol, left)
        }

    # -- derivations as text -------------------------------------------------------------------------------------

    def write(self, tree: Tree) -> str:
        """The derivation as a nested expression, `(S word (A other))`: the string tree of the literature."""
        if not tree.answer:
            return tree.symbol
        copy = tree.answer.partition(COPY)[1:]
        return f"({tree.symbol}{''.join(copy)} {' '.join(map(self.write, tree.children))})"

    def read(self, text: str) -> dict[str, str]:
        """The answers (question -> answer) that make the derivation `text`; raises `InvalidInput`."""
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise InvalidInput(f"A derivation is a text of at most {_LONGEST:,} characters; got {str(text)[:80]!r}.")
        answers: dict[str, str] = {}
        tokens = _Tokens(_TOKEN.findall(text))
        self._read(tokens, self.start, "", self.depth, answers)
        tokens.end()
        return answers

    def _read(self, tokens: _Tokens, symbol: str, place: str, left: int | None, answers: dict[str, str]) -> None:
        """One `(symbol ...)`: the production is known only when all of it is read, its answers are by then in place."""
        if len(place) > _DEEPEST:
            raise InvalidInput(f"This derivation is nested more than {_DEEPEST} deep.")
        tokens.take("(")
        name, mark, number = tokens.take().partition(COPY)
        if name != symbol:
            raise InvalidInput(f"A derivation has {symbol!r} here, not {name!r}: {tokens.around()}.")
        options = [p for p in self.options(symbol, left) if p.copy == mark + number]
        i = 0
        while tokens.ahead() != ")":
            item = tokens.ahead() if tokens.ahead() != "(" else tokens.ahead(1).partition(COPY)[0]
            options = [p for p in options if len(p.items) > i and p.items[i] == item]
            if not options:
                known = nearest(item[:40], [p.answer for p in self.productions[symbol]])
                raise InvalidInput(f"No production of {symbol!r} fits {item[:40]!r}: {tokens.around()}. {known}")
            if tokens.ahead() == "(":
                self._read(tokens, item, place + _DIGITS[i], None if left is None else left - 1, answers)
            else:
                tokens.take()
            i += 1
        tokens.take(")")
        chosen = next((p for p in options if len(p.items) == i), None)
        if chosen is None:
            raise InvalidInput(f"{symbol!r} is cut short: {tokens.around()}.")
        if len(self.options(symbol, left)) > 1:
            answers[_named(symbol, place)] = chosen.answer

    # -- how many there are --------------------------------------------------------------------------------------

    def size(self, known: Mapping[str, int] | None = None) -> int:
        """The number of derivations, exactly, by the sum and product rules (Schrodi et al., 2023, section 3).

        `known` gives the number for symbols below which not every derivation counts. Repeated productions count each.
        """
        found: dict[tuple[str, int | None], int] = {}

        def below(symbol: str, left: int | None) -> int:
            if known and symbol in known:
                return known[symbol]
            if (symbol, left) not in found:
                rest = None if left is None else left - 1
                found[symbol, left] = sum(
                    prod(below(item, rest) for item in p.items if item in self.productions)
                    for p in self.options(symbol, left)
                )
            return found[symbol, left]

        return below(self.start, self.depth)

    def _needed(self, production: Production) -> float:
        return 1 + max((self._lowest[i] for i in production.items if i in self.productions), default=0)

    def _least_depths(self) -> dict[str, float]:
        """The fewest productions on the longest path below each symbol: infinite where it never ends."""
        lowest: dict[str, float] = dict.fromkeys(self.productions, inf)
        for _ in self.productions:
            self._lowest = lowest
            lowest = {symbol: min(map(self._needed, options)) for symbol, options in self.productions.items()}
        return lowest

    def _is_recursive(self) -> bool:
        """Whether a symbol can be reached from itself: symbols that reach none but done ones are taken away."""
        open_ = {symbol: {item for p in options for item in p.items} for symbol, options in self.productions.items()}
        while done := [symbol for symbol, reached in open_.items() if not reached & open_.keys()]:
            for symbol in done:
                del open_[symbol]
        return bool(open_)


class _Tokens:
    """The words and brackets of a derivation, read from left to right."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def ahead(self, by: int = 0) -> str:
        """A token to come, without taking it."""
        if self._at + by >= len(self._tokens):
            raise InvalidInput(f"The derivation ends too early: {self.around()}.")
        return self._tokens[self._at + by]

    def take(self, expected: str = "") -> str:
        """The next token."""
        token = self.ahead()
        if expected and token != expected:
            raise InvalidInput(f"A derivation has {expected!r} here, not {token[:40]!r}: {self.around()}.")
        self._at += 1
        return token

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens):
            raise InvalidInput(f"Something follows the derivation: {self.around()}.")

    def around(self) -> str:
        """Where the reader is, in words."""
        return f"after {' '.join(self._tokens[max(0, self._at - 6) : self._at])[-80:]!r}"


def _read(text: str) -> dict[str, tuple[Production, ...]]:
    rules: dict[str, list[list[str]]] = {}
    quoted: set[str] = set()
    for line in filter(str.strip, text.splitlines()):
        symbol, arrow, right = (part.strip() for part in line.partition("->"))
        alternatives = [[m[1] or m[2] for m in _ITEM.finditer(part)] for part in right.split("|")]
        if not arrow or not symbol.isidentifier() or not all(alternatives):
            raise InvalidInput(f"{line!r} is no line of a grammar: write 'S -> \"word\" A B | A'.")
        quoted |= {m[1] for m in _ITEM.finditer(right) if m[1]}
        rules.setdefault(symbol, []).extend(alternatives)
    if not rules:
        raise InvalidInput("A grammar needs at least one line such as 'S -> \"word\" A B | A'.")
    for symbol, alternatives in rules.items():
        for item in (item for items in alternatives for item in items):
            if (item in rules) == (item in quoted):
                kind = "both a word and a symbol" if item in rules else "neither a quoted word nor a symbol"
                raise InvalidInput(f"{item!r} in the productions of {symbol!r} is {kind}. {nearest(item, rules)}")
    return {symbol: tuple(_numbered(alternatives)) for symbol, alternatives in rules.items()}


def _numbered(alternatives: list[list[str]]) -> Iterator[Production]:
    """The productions; the second that reads like another is its copy."""
    times: dict[str, int] = {}
    for items in alternatives:
        if len(items) > len(_DIGITS) or any(COPY in item for item in items):
            words = f"A production has at most {len(_DIGITS)} items, none with {COPY!r}; got {' '.join(items)[:80]}."
            raise InvalidInput(words)
        text = " ".join(items)
        times[text] = times.get(text, 0) + 1
        copy = f"{COPY}{times[text]}" if times[text] > 1 else ""
        yield Production(tuple(items), text + copy, copy)


def _named(symbol: str, place: str) -> str:
    return f"{symbol}@{place}" if place else symbol
