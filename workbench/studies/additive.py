"""Additive scores: what each answer is worth by itself, made from measurements for an exact selection."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, MissingData, WorkbenchError
from workbench.executors import Executor, Here
from workbench.ledger import Entry, Ledger
from workbench.measure import Better, Measure
from workbench.spaces.choices import Answer
from workbench.spaces.space import SearchSpace
from workbench.studies.evaluation import Evaluation, Known


@dataclass(frozen=True)
class Additive:
    """`base` plus what every answer adds: question -> answer -> number; called on an architecture it is the estimate.

    `better` says which direction is wanted. `unscored` says of each (question, answer) that could not be measured why;
    what is not in `terms` has no estimate, so a selection never takes it.
    """

    base: float
    terms: dict[str, dict[Answer, float]] = field(repr=False)
    better: Better = "higher"
    unscored: dict[tuple[str, Answer], str] = field(default_factory=dict, repr=False)

    def __call__(self, arch: Architecture) -> float:
        """The estimate for `arch`; raises `MissingData` for an answer that was not measured."""
        try:
            return math.fsum([self.base, *(self.terms[name][answer] for name, answer in arch.decisions.items())])
        except KeyError as error:
            raise MissingData(f"{arch} has no estimate: {error.args[0]!r} was not among what was measured.") from None


def replace_one(
    space: SearchSpace,
    parent: Architecture,
    measure: Measure,
    *,
    executor: Executor | None = None,
    ledger: Ledger | None = None,
    progress: bool = True,
) -> Additive:
    """What each answer changes when it alone is put into `parent`, from 1 + sum of (answers - 1) measurements.

    The replace-one-block score of Puzzle (Bercovich et al., 2024, section 3): `base` is the parent's value, the
    parent's own answers add 0. Changes that make no architecture, or ask other questions, are left out, and so are
    those that could not be measured, with their reasons in `unscored`. Dear measures are looked up in the `ledger` and
    kept there. Raises `WorkbenchError` where the parent itself cannot be measured.
    """
    changes = dict(_changes(space, parent))
    archs = [parent, *changes.values()]
    first, *others = _measured(archs, measure, executor or Here(), ledger, progress)
    if first.reason is not None:
        raise WorkbenchError(f"The parent {parent} cannot be measured: {first.reason}.")
    terms: dict[str, dict[Answer, float]] = {name: {} for name in parent.decisions}
    unscored: dict[tuple[str, Answer], str] = {}
    scored = dict(zip(changes, others, strict=True))
    for question in space.questions(parent):
        for answer in question.answers:
            entry = scored.get((question.name, answer))
            if answer == parent.decisions[question.name]:
                terms[question.name][answer] = 0.0
            elif entry is not None and entry.reason is None:
                terms[question.name][answer] = entry.value - first.value
            elif entry is not None:
                unscored[question.name, answer] = str(entry.reason)
    return Additive(first.value, terms, measure.better, unscored)


def fit_additive(
    archs: Sequence[Architecture], values: Iterable[float], better: Better = "higher", ridge: float = 0.0
) -> Additive:
    """The additive score nearest to measured `values` of `archs`: least squares, each question's terms of mean 0.

    With `ridge` > 0 the squared terms count that much beside the squared errors, which few or noisy values need. Only
    answers that occur in `archs` get a term. Raises `InvalidInput` for no values, values that are not finite, and
    architectures that answer different questions.
    """
    y = np.array(list(values), dtype=float)
    if not archs or len(y) != len(archs) or not np.isfinite(y).all():
        raise InvalidInput(f"fit_additive needs one finite value for each architecture; got {len(archs)} and {len(y)}.")
    names = tuple(archs[0].decisions)
    if any(tuple(arch.decisions) != names for arch in archs):
        raise InvalidInput("fit_additive takes architectures that all answer the same questions.")
    columns = list(dict.fromkeys(pair for arch in archs for pair in arch.decisions.items()))
    number = {pair: i for i, pair in enumerate(columns)}
    x = np.zeros((len(archs), len(columns)))
    for row, arch in enumerate(archs):
        x[row, [number[pair] for pair in arch.decisions.items()]] = 1.0
    middle = x.mean(0)
    damped = np.vstack([x - middle, math.sqrt(ridge) * np.eye(len(columns))]) if ridge > 0 else x - middle
    target = np.concatenate([y - y.mean(), np.zeros(len(damped) - len(y))])
    weights = np.linalg.lstsq(damped, target, rcond=None)[0]
    terms: dict[str, dict[Answer, float]] = {name: {} for name in names}
    for (name, answer), i in number.items():
        terms[name][answer] = float(weights[i])
    base = float(y.mean() - middle @ weights)
    for name, worth in terms.items():
        mean = math.fsum(worth.values()) / len(worth)
        terms[name] = {answer: value - mean for answer, value in worth.items()}
        base += mean
    return Additive(base, terms, better)


def _changes(space: SearchSpace, parent: Architecture) -> Iterator[tuple[tuple[str, Answer], Architecture]]:
    """(question, answer) -> the parent with that one answer, where this is an architecture."""
    own = dict(parent.decisions)
    for near in space.neighbors(parent):
        if near.decisions.keys() == own.keys():
            changed = [(name, answer) for name, answer in near.decisions.items() if answer != own[name]]
            if len(changed) == 1:
                yield changed[0], near


def _measured(
    archs: list[Architecture], measure: Measure, executor: Executor, ledger: Ledger | None, progress: bool
) -> list[Entry]:
    """The entry of each architecture; what the ledger has is not measured again."""
    known = Known([measure], ledger)
    entries: dict[Architecture, Entry] = {}
    for arch in archs:
        (entry,) = known.find(arch)
        if entry is not None:
            entries[arch] = entry
    todo = [arch for arch in archs if arch not in entries]
    names = [str(arch) for arch in todo]
    for outcome in executor.map(Evaluation((measure,)), todo, names=names, label=measure.name, show=progress):
        failed = outcome.error is not None
        entry = Entry(math.nan, outcome.error) if failed else outcome.value[0]
        entries[todo[outcome.index]] = entry
        if not failed:
            known.keep(todo[outcome.index], [entry])
    known.close()
    return [entries[arch] for arch in archs]
