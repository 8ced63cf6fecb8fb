"""Exact selection: the best choice of one answer per question under budgets, as an integer program."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName, WorkbenchError
from workbench.spaces.choices import Answer
from workbench.spaces.space import SearchSpace
from workbench.studies.additive import Additive

Terms = Mapping[Any, Mapping[Any, float]]  # question -> answer -> number, or questions -> answers -> number
Choice = dict[str, Answer]
_EXCEEDED = 1e-9  # share of a budget by which a sum may exceed it: what adding floats costs
_LARGEST = 1e3  # what the largest coefficient is scaled to: the solver stops at an absolute gap of 1e-6


@dataclass(frozen=True)
class Selection:
    """An answer for every question, what it is worth and what it costs.

    `gap` is the relative distance to what the solver could not rule out: 0 where the choice is proved the best.
    `others` are the next best ones. `slack` is what is left of each budget and `violation` the largest excess over
    one, always 0. `architecture` is there where the selection was made in a space.
    """

    answers: Choice
    objective: float
    costs: dict[str, float]
    budgets: dict[str, float]
    gap: float = 0.0
    architecture: Architecture | None = None
    others: tuple[Selection, ...] = field(default=(), repr=False)

    @property
    def slack(self) -> dict[str, float]:
        """Budget less cost, by name."""
        return {name: budget - self.costs[name] for name, budget in self.budgets.items()}

    @property
    def violation(self) -> float:
        """By how much the worst budget is exceeded, as a share of it; 0.0 where all are met."""
        return max((_excess(self.costs[name], budget) for name, budget in self.budgets.items()), default=0.0)

    def __str__(self) -> str:
        lines = [f"{name}: {answer}" for name, answer in self.answers.items()]
        lines.append(
            f"objective {self.objective:.6g}" + (f", at most {self.gap:.2%} from the best" if self.gap else "")
        )
        for name, cost in self.costs.items():
            budget = self.budgets.get(name)
            lines.append(
                f"{name} {cost:.6g}" + ("" if budget is None else f" of {budget:.6g}, {budget - cost:.6g} left")
            )
        return "\n".join([*lines, f"violation {self.violation:g}"])


def select(
    scores: Terms | Additive,
    costs: Mapping[str, Terms | Additive] | None = None,
    budgets: Mapping[str, float] | None = None,
    *,
    better: str | None = None,
    space: SearchSpace | None = None,
    k: int = 1,
    gap: float = 0.0,
    seconds: float | None = None,
) -> Selection:
    """The best choice of exactly one answer per question whose costs stay within the budgets, by integer programming.

    `scores` gives a number for every answer: `{"layer 0": {"attention": 0.1, "no-op": -0.4}, ...}`, or what
    `replace_one` and `fit_additive` return (of which an answer without a number is never chosen). Their sum is to be as
    high as possible, or low with `better="lower"`. Each of the `costs` is such a table too: its sum is bounded by the
    budget of the same name, or only reported where there is none. A question that a table does not name adds nothing to
    it. A table may also be about several questions at once, `{("op 0", "hw.rows"): {("conv", 16): 3.0, ...}}` with
    every combination: what an operation costs on an accelerator that is chosen beside it. One binary for each variant
    of a block: Bercovich et al., Puzzle, 2024; with hardware and bits: Dong et al., HAO, FCCM 2021.

    With `space` the result carries its architecture, and choices that make none are passed over. `k` asks for the k
    best choices, the second to last in `others` (fewer where there are no more). `gap` and `seconds` let a large
    program stop before the proof: the result then says what its gap is. Raises `InvalidInput` for tables with holes and
    for budgets that cannot be met, naming the smallest cost within reach of each.
    """
    worth, prices, limits, answers = _checked(scores, costs or {}, budgets or {}, k)
    sense = better or (scores.better if isinstance(scores, Additive) else "higher")
    if sense not in ("higher", "lower"):
        raise InvalidInput(f"better must be 'higher' or 'lower'; got {better!r}.")
    program = _Program(answers, [worth, *prices.values()])
    rows = {name: (prices[name], limit) for name, limit in limits.items()}
    found: list[Selection] = []
    for chosen, left in program.best(worth, rows, -1 if sense == "higher" else 1, gap, seconds):
        spent = {name: price(chosen) for name, price in prices.items()}
        selection = Selection(chosen, worth(chosen), spent, dict(limits), left)
        if selection.violation > 0:
            continue  # the solver's tolerance let it through
        if space is not None:
            try:
                selection = replace(selection, architecture=space.architecture(chosen))
            except Infeasible:
                continue
        found.append(selection)
        if len(found) == k:
            break
    if not found:
        raise InvalidInput(_unreachable(program, rows, space))
    return replace(found[0], others=tuple(found[1:]))


@dataclass(frozen=True)
class _Sum:
    """A sum of terms: tuple of questions -> tuple of answers -> number."""

    name: str
    base: float
    terms: dict[tuple[str, ...], dict[tuple[Answer, ...], float]]

    def __call__(self, answers: Mapping[str, Answer]) -> float:
        """The sum for a whole choice, rounded once."""
        chosen = (table[tuple(answers[q] for q in asked)] for asked, table in self.terms.items())
        return math.fsum([self.base, *chosen])


class _Program:
    """The integer program: a binary for every answer, and a share for every combination that a term is about.

    The shares of a term's combinations add up, for each answer in them, to that answer's binary; so they are those of
    the one combination that was chosen.
    """

    def __init__(self, answers: Mapping[str, Sequence[Answer]], sums: Sequence[_Sum]) -> None:
        self.answers = answers
        self._columns: dict[tuple[tuple[str, ...], tuple[Answer, ...]], int] = {}
        for name, allowed in answers.items():
            for answer in allowed:
                self._columns[(name,), (answer,)] = len(self._columns)
        self._binaries = len(self._columns)
        rows: list[dict[int, float]] = [
            {self._columns[(name,), (answer,)]: 1.0 for answer in allowed} for name, allowed in answers.items()
        ]
        rights = [1.0] * len(rows)
        for asked in dict.fromkeys(asked for s in sums for asked in s.terms if len(asked) > 1):
            ties: dict[int, dict[int, float]] = {}
            for chosen in product(*(answers[name] for name in asked)):
                share = self._columns.setdefault((asked, chosen), len(self._columns))
                for name, answer in zip(asked, chosen, strict=True):
                    own = self._columns[(name,), (answer,)]
                    ties.setdefault(own, {own: -1.0})[share] = 1.0
            rows += ties.values()
            rights += [0.0] * len(ties)
        self._ties = LinearConstraint(self._matrix(rows), rights, rights)

    def best(
        self,
        worth: _Sum,
        budgets: Mapping[str, tuple[_Sum, float]],
        sign: int,
        gap: float = 0.0,
        seconds: float | None = None,
    ) -> Iterator[tuple[Choice, float]]:
        """Choices with their gaps, the smallest of sign * worth first; each is cut off before the next is sought."""
        weights = self._weights(worth)
        weights *= sign * _LARGEST / (np.abs(weights).max() or 1.0)
        limits = [self._ties]
        for cost, budget in budgets.values():
            row = self._weights(cost)
            scale = max(np.abs(row).max(), abs(budget - cost.base)) or 1.0
            limits.append(LinearConstraint(row[None] / scale, ub=(budget - cost.base) / scale))
        options = {"mip_rel_gap": gap} | ({} if seconds is None else {"time_limit": seconds})
        integer = np.arange(len(self._columns)) < self._binaries
        while True:
            solved = milp(weights, integrality=integer, bounds=Bounds(0, 1), constraints=limits, options=options)
            if solved.x is None:
                if solved.status != 2:
                    raise WorkbenchError(f"No selection was found: {solved.message} Give more seconds, or a wider gap.")
                return
            answers = self._read(solved.x)
            yield answers, float(solved.mip_gap or 0.0)
            chosen = {self._columns[(name,), (answer,)]: 1.0 for name, answer in answers.items()}
            limits.append(LinearConstraint(self._matrix([chosen]), ub=len(answers) - 1))

    def _read(self, x: np.ndarray) -> Choice:
        best = {name: [x[self._columns[(name,), (a,)]] for a in allowed] for name, allowed in self.answers.items()}
        return {name: self.answers[name][int(np.argmax(values))] for name, values in best.items()}

    def _weights(self, total: _Sum) -> np.ndarray:
        row = np.zeros(len(self._columns))
        for asked, table in total.terms.items():
            for chosen, number in table.items():
                if (asked, chosen) in self._columns:  # else it cannot be chosen
                    row[self._columns[asked, chosen]] += number
        return row

    def _matrix(self, rows: Sequence[Mapping[int, float]]) -> sparse.csr_matrix:
        places = [(i, column, value) for i, row in enumerate(rows) for column, value in row.items()]
        i, columns, values = (np.array(each) for each in zip(*places, strict=True))
        return sparse.csr_matrix((values, (i, columns)), shape=(len(rows), len(self._columns)))


def _checked(
    scores: Terms | Additive, costs: Mapping[str, Terms | Additive], budgets: Mapping[str, float], k: int
) -> tuple[_Sum, dict[str, _Sum], dict[str, float], dict[str, list[Answer]]]:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InvalidInput(f"k is the number of choices asked for, 1 or more; got {k!r}.")
    for name, limit in budgets.items():
        if name not in costs:
            raise UnknownName.of("cost", name, costs)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
            raise InvalidInput(f"The budget of {name!r} must be a finite number; got {limit!r}.")
    tables = {"scores": scores, **costs}
    sums = {name: _sum(name, table) for name, table in tables.items()}
    answers = _answers(list(sums.values()))
    for table in tables.values():
        if isinstance(table, Additive):
            answers |= {q: [a for a in answers[q] if a in worth] for q, worth in table.terms.items()}
    if not answers or not all(answers.values()):
        raise InvalidInput(f"select needs an answer to choose for every question; got {str(answers)[:200]}.")
    for total in sums.values():
        for asked, numbers in total.terms.items():
            for chosen in product(*(answers[name] for name in asked)):
                if chosen not in numbers:
                    words = " and ".join(f"{a!r} to {q!r}" for q, a in zip(asked, chosen, strict=True))
                    raise InvalidInput(f"{total.name} has no number for {words}, which another table offers.")
    worth = sums.pop("scores")
    return worth, sums, {name: float(limit) for name, limit in budgets.items()}, answers


def _sum(name: str, given: Terms | Additive) -> _Sum:
    base, tables = (given.base, given.terms) if isinstance(given, Additive) else (0.0, given)
    if not isinstance(tables, Mapping) or not all(isinstance(t, Mapping) and t for t in tables.values()):
        raise InvalidInput(f"{name} must be a table, question -> answer -> number; got {str(given)[:200]}.")
    terms: dict[tuple[str, ...], dict[tuple[Answer, ...], float]] = {}
    for asked, table in tables.items():
        joint = isinstance(asked, tuple)
        scope: Any = asked if joint else (asked,)
        terms[scope] = {}
        for chosen, number in table.items():
            key: Any = chosen if joint else (chosen,)
            if not isinstance(key, tuple) or len(key) != len(scope):
                raise InvalidInput(f"{name} gives {chosen!r} for {asked!r}: one answer is needed for each question.")
            if isinstance(number, str | None) or not math.isfinite(number):
                raise InvalidInput(f"{name} of {chosen!r} for {asked!r} must be a finite number; got {number!r}.")
            terms[scope][key] = float(number)
    return _Sum(name, base, terms)


def _answers(sums: Sequence[_Sum]) -> dict[str, list[Answer]]:
    """Question -> the answers that any table has for it."""
    found: dict[str, dict[Answer, None]] = {}
    for total in sums:
        for asked, table in total.terms.items():
            for chosen in table:
                for name, answer in zip(asked, chosen, strict=True):
                    found.setdefault(name, {})[answer] = None
    return {name: list(answers) for name, answers in found.items()}


def _excess(cost: float, budget: float) -> float:
    over = (cost - budget) / (abs(budget) or 1.0)
    return over if over > _EXCEEDED else 0.0


def _unreachable(program: _Program, budgets: Mapping[str, tuple[_Sum, float]], space: SearchSpace | None) -> str:
    least = {name: cost(next(program.best(cost, {}, 1))[0]) for name, (cost, _) in budgets.items()}
    beyond = [name for name, (_, limit) in budgets.items() if _excess(least[name], limit) > 0]
    listed = ", ".join(f"{name} <= {limit:g} (smallest {least[name]:g})" for name, (_, limit) in budgets.items())
    if beyond:
        return f"No choice of answers meets the budgets {listed}. Raise that of {' and of '.join(beyond)}."
    if budgets:
        which = "" if space is None else f" with an architecture of {space.name}"
        return f"Each budget can be met, but not all at once{which}: {listed}. Raise one of them."
    return f"No choice of these answers is an architecture of {space and space.name}."
