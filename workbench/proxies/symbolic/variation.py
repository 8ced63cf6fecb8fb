"""Variation: new expressions at random, changed ones, and those crossed from two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from workbench.proxies.symbolic.expressions import BINARY, REDUCTIONS, UNARY, Expression, Kind, Path, constant
from workbench.proxies.symbolic.statistics import OTHERS, SUMMARIES, TENSORS

T = TypeVar("T")
CONSTANTS = (0.1, 0.5, 2.0, 10.0)
_DEPTH = 4  # of a tree made at random
_BRANCH = 2  # depth of what a mutation puts in
_SIGNATURES = (tuple(UNARY), tuple(BINARY), tuple(REDUCTIONS))


def grown(rng: np.random.Generator, kind: Kind = "number", depth: int = _DEPTH) -> Expression:
    """An expression of a kind at random, about `depth` operations deep."""
    if kind == "layers":
        return _by_layer(rng, depth)
    choice = rng.random()
    if depth <= 1 or choice < 0.6:
        return Expression(_one(rng, tuple(REDUCTIONS)), (_by_layer(rng, depth - 1),))
    if choice < 0.75:
        return Expression(_one(rng, tuple(UNARY)), (grown(rng, "number", depth - 1),))
    other = constant(_one(rng, CONSTANTS)) if choice > 0.95 else grown(rng, "number", depth - 1)
    return Expression(_one(rng, tuple(BINARY)), (grown(rng, "number", depth - 1), other))


def mutated(rng: np.random.Generator, parent: Expression) -> Expression:
    """The parent with one change: a new branch, another operation, a branch cut short, or one more operation."""
    path, node = _one(rng, list(parent.walk()))
    return parent.replaced(path, _one(rng, _CHANGES)(rng, node))


def crossed(rng: np.random.Generator, parent: Expression, other: Expression) -> Expression:
    """The parent with one branch in the place of which a branch of the same kind of the other stands."""
    path, node = _one(rng, list(parent.walk()))
    donors = [branch for _, branch in other.walk() if branch.kind == node.kind]
    return parent.replaced(path, _one(rng, donors)) if donors else parent


def negated(expression: Expression) -> Expression:
    """Minus the expression, without a second minus."""
    return expression.parts[0] if expression.head == "neg" else Expression("neg", (expression,))


def _by_layer(rng: np.random.Generator, depth: int) -> Expression:
    if depth <= 0 or rng.random() < 0.3:
        return _statistic(rng)
    if rng.random() < 0.5:
        return Expression(_one(rng, tuple(UNARY)), (_by_layer(rng, depth - 1),))
    other = grown(rng, "number", 1) if rng.random() < 0.25 else _by_layer(rng, depth - 1)
    parts = (_by_layer(rng, depth - 1), other)
    return Expression(_one(rng, tuple(BINARY)), parts if rng.random() < 0.5 else parts[::-1])


def _statistic(rng: np.random.Generator) -> Expression:
    if rng.random() < 0.15:
        return Expression(_one(rng, tuple(OTHERS)))
    return Expression(f"{_one(rng, tuple(TENSORS))}.{_one(rng, tuple(SUMMARIES))}")


def _new_branch(rng: np.random.Generator, node: Expression) -> Expression:
    return grown(rng, node.kind, _BRANCH)


def _other_head(rng: np.random.Generator, node: Expression) -> Expression:
    """Another operation of the same parts, another statistic or another constant."""
    if not node.parts:
        return _statistic(rng) if node.head else constant(_one(rng, CONSTANTS))
    heads = next(known for known in _SIGNATURES if node.head in known)
    return Expression(_one(rng, heads), node.parts)


def _cut_short(rng: np.random.Generator, node: Expression) -> Expression:
    inside: list[tuple[Path, Expression]] = [each for each in node.walk() if each[1].kind == node.kind]
    return _one(rng, inside)[1]


def _one_more(rng: np.random.Generator, node: Expression) -> Expression:
    if rng.random() < 0.5:
        return Expression(_one(rng, tuple(UNARY)), (node,))
    return Expression(_one(rng, tuple(BINARY)), (node, grown(rng, node.kind, _BRANCH)))


_CHANGES: tuple[Callable[[np.random.Generator, Expression], Expression], ...] = (
    _new_branch,
    _other_head,
    _cut_short,
    _one_more,
)


def _one(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]
