"""Evolution of search spaces: the individual is a restriction of a space, scored by what can be found in it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.progress import progress as bar
from workbench.spaces.choices import Answer, Question
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

Kept = dict[str, tuple[int, ...]]  # question -> the numbers of the answers kept, rising
_REDRAWS = 100


@dataclass(frozen=True)
class Tried:
    """One space of an evolution: what it keeps, its score, and what it was made from."""

    number: int
    kept: dict[str, tuple[Answer, ...]] = field(repr=False)
    size: int
    score: float
    parent: int | None = None
    operator: str = "random"


@dataclass(frozen=True)
class SpaceEvolution:
    """The best `space` found with its `score`, and the `history` of all that were tried."""

    space: SearchSpace
    score: float
    history: tuple[Tried, ...] = field(repr=False)

    def table(self) -> pd.DataFrame:
        """One row for each space in the order tried: size, score, best score so far, parent, operator, and its answers.

        The answers kept stand in one column a question, as "a|b".
        """
        import pandas as pd

        rows = [
            {"size": t.size, "score": t.score, "parent": t.parent, "operator": t.operator}
            | {name: "|".join(map(str, answers)) for name, answers in t.kept.items()}
            for t in self.history
        ]
        frame = pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="space"))
        frame.insert(2, "best", frame["score"].cummax())
        frame["parent"] = frame["parent"].astype("Int64")
        return frame


def evolve_space(
    space: SearchSpace,
    score: Callable[[SearchSpace], float],
    *,
    size: int,
    n_spaces: int = 1000,
    population: int = 100,
    tournament: int = 25,
    ordered: Collection[str] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> SpaceEvolution:
    """Search for a part of `space` with a high `score`, such as `qt_score`: the individual is a search space.

    An individual says which answers each question keeps; the combinations number `size` or up to twice as many, and no
    answer can be left out without falling below. Questions whose answers are numbers (or those named in `ordered`) keep
    a window of neighbouring answers. Aging evolution as in SpaceEvo (Wang et al., ICCV 2023): the best of `tournament`
    members of the `population`, drawn without replacement, has one child by each mutation: "swap" an answer for one
    left out, "add" an answer (others go for it), and "shift" a window; each child replaces the oldest member. The
    authors' run has a population of 500, tournaments of 125 and 5,000 spaces. No space is scored twice; one without an
    architecture is passed over. An interrupt returns what was found so far. Raises `InvalidInput` for settings out of
    range and for a score that is no finite number.
    """
    moves = _Moves(space, size, ordered)
    if not 1 <= tournament <= population or n_spaces < 1:
        raise InvalidInput(
            "evolve_space needs n_spaces from 1 and a tournament of 1 to population members; "
            f"got n_spaces={n_spaces!r}, tournament={tournament!r}, population={population!r}."
        )
    rng = np.random.default_rng(seed)
    history: list[Tried] = []
    try:
        found = _evolution(moves, score, population, tournament, rng)
        for tried in bar(islice(found, n_spaces), n_spaces, "spaces", show=progress):
            history.append(tried)
    except KeyboardInterrupt:
        if not history:
            raise
    if not history:
        raise InvalidInput(
            f"No space of {size:,} combinations could be drawn from {space.name} that has architectures."
        )
    best = max(history, key=lambda tried: tried.score)
    return SpaceEvolution(space.restrict(best.kept), best.score, tuple(history))


def _evolution(
    moves: _Moves, score: Callable[[SearchSpace], float], population: int, tournament: int, rng: np.random.Generator
) -> Iterator[Tried]:
    alive: deque[tuple[Tried, Kept]] = deque(maxlen=population)
    seen: set[tuple[tuple[int, ...], ...]] = set()
    misses = number = 0
    while misses < _REDRAWS:
        parent = None
        if number < population:
            children = [("random", moves.random(rng))]
        else:
            rivals = [alive[i] for i in rng.permutation(len(alive))[:tournament]]
            parent, own = max(rivals, key=lambda rival: rival[0].score)
            children = [(name, moves.mutated(own, name, rng)) for name in moves.kinds]
        misses += 1
        for operator, kept in children:
            tried = None
            if tuple(kept.values()) not in seen:
                seen.add(tuple(kept.values()))
                tried = _tried(moves, score, kept, number, None if parent is None else parent.number, operator)
            if tried is not None:
                misses, number = 0, number + 1
                alive.append((tried, kept))
                yield tried


def _tried(
    moves: _Moves, score: Callable[[SearchSpace], float], kept: Kept, number: int, parent: int | None, operator: str
) -> Tried | None:
    """The space scored; None where it has no architecture."""
    answers = moves.answers(kept)
    try:
        value = float(score(moves.space.restrict(answers)))
    except Infeasible:
        return None
    if not math.isfinite(value):
        raise InvalidInput(f"The score of a space must be a finite number; got {value} for {answers}.")
    return Tried(number, answers, _size(kept), value, parent, operator)


class _Moves:
    """The spaces of about `size` combinations, and how one is made from another."""

    def __init__(self, space: SearchSpace, size: int, ordered: Collection[str] | None) -> None:
        self.space = space
        self.size = size
        self._asked = {question.name: question for question in space.questions()}
        if isinstance(ordered, str):
            raise InvalidInput(f"ordered must be a list of questions; got {ordered!r}.")
        for name in ordered or ():
            if name not in self._asked:
                raise UnknownName.of(f"question of {space.name}", name, self._asked)
        named = [q.name for q in self._asked.values() if _numerical(q)] if ordered is None else ordered
        self._ordered = frozenset(named)
        whole = math.prod(len(question.answers) for question in self._asked.values())
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= whole:
            raise InvalidInput(f"size must be a number of combinations from 1 to {whole:,}; got {size!r}.")
        several = [name for name, question in self._asked.items() if len(question.answers) > 1]
        allowed = {
            "swap": any(name not in self._ordered for name in several),
            "add": len(several) > 1,
            "shift": any(name in self._ordered for name in several),
        }
        self.kinds = tuple(name for name, possible in allowed.items() if possible)

    def answers(self, kept: Kept) -> dict[str, tuple[Answer, ...]]:
        """The answers that a space keeps."""
        return {name: tuple(self._asked[name].answers[i] for i in numbers) for name, numbers in kept.items()}

    def random(self, rng: np.random.Generator) -> Kept:
        """A space grown from one architecture's answers, answer by answer."""
        kept: Kept = {name: (int(rng.integers(len(question.answers))),) for name, question in self._asked.items()}
        while _size(kept) < self.size:
            self._add(kept, rng)
        return self._trimmed(kept, None, rng)

    def mutated(self, kept: Kept, kind: str, rng: np.random.Generator) -> Kept:
        """A copy with one mutation; the same again where there is none of that kind."""
        child = dict(kept)
        if kind == "add":
            return self._trimmed(child, self._add(child, rng), rng)
        open_ = [q for q in child if (q in self._ordered) == (kind == "shift") and self._left_out(child, q)]
        if open_:
            name = open_[int(rng.integers(len(open_)))]
            own = child[name]
            if kind == "shift":
                starts = [s for s in range(len(self._asked[name].answers) - len(own) + 1) if s != own[0]]
                start = int(rng.choice(starts))
                child[name] = tuple(range(start, start + len(own)))
            else:
                gone, come = rng.choice(own), rng.choice(self._left_out(child, name))
                child[name] = tuple(sorted({*own, int(come)} - {int(gone)}))
        return child

    def _add(self, kept: Kept, rng: np.random.Generator) -> tuple[str, int] | None:
        """Put one more answer into `kept`, and say which."""
        addable = [(name, i) for name in kept for i in self._left_out(kept, name) if self._fits(kept[name], name, i)]
        if not addable:
            return None
        name, i = addable[int(rng.integers(len(addable)))]
        kept[name] = tuple(sorted((*kept[name], i)))
        return name, i

    def _trimmed(self, kept: Kept, spared: tuple[str, int] | None, rng: np.random.Generator) -> Kept:
        """`kept` without answers that it can do without; `spared` stays, and others go for it before its question's."""
        while True:
            size = _size(kept)
            loose = [
                (name, i)
                for name, own in kept.items()
                if len(own) > 1 and size // len(own) * (len(own) - 1) >= self.size
                for i in ((own[0], own[-1]) if name in self._ordered else own)
                if (name, i) != spared
            ]
            if spared is not None:
                loose = [pair for pair in loose if pair[0] != spared[0]] or loose
            if not loose:
                return kept
            name, gone = loose[int(rng.integers(len(loose)))]
            kept[name] = tuple(i for i in kept[name] if i != gone)

    def _left_out(self, kept: Kept, name: str) -> list[int]:
        return [i for i in range(len(self._asked[name].answers)) if i not in kept[name]]

    def _fits(self, own: tuple[int, ...], name: str, i: int) -> bool:
        return name not in self._ordered or i in (own[0] - 1, own[-1] + 1)


def _size(kept: Kept) -> int:
    return math.prod(len(numbers) for numbers in kept.values())


def _numerical(question: Question) -> bool:
    return all(isinstance(a, int | float) and not isinstance(a, bool) for a in question.answers)
