"""An evolution that asks predictors alone: rows of codes in, every row that it looked at out (Deb et al., 2002)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.samplers.history import Floats
from workbench.samplers.nsga2 import survivors

Codes = NDArray[np.int64]  # one row a point, one column a name: numbers of its answers, -1 where there is none
Predict = Callable[[Codes], tuple[Floats, Floats]]  # -> objectives (n, k), higher being better, and violations (n,)


def evolved(
    start: Codes,
    sizes: Codes,
    predict: Predict,
    rng: np.random.Generator,
    *,
    population: int,
    generations: int,
    crossover: float = 0.9,
) -> Codes:
    """Every different row of codes that NSGA-II looks at from `start` and `population` random rows.

    `sizes` says how many answers each column has. A generation has `population` children, all made and predicted at
    once; those that were looked at before are left out.
    """
    drawn = (rng.random((population, len(sizes))) * sizes).astype(np.int64)
    alive = np.unique(np.concatenate([start, drawn]), axis=0)
    seen = alive
    objectives, violations = predict(alive)
    for _ in range(generations):
        children = np.unique(_children(alive, sizes, rng, population, crossover), axis=0)
        children = children[~among(children, seen)]
        if len(children):
            seen = np.concatenate([seen, children])
            alive = np.concatenate([alive, children])
            more, broken = predict(children)
            objectives, violations = np.concatenate([objectives, more]), np.concatenate([violations, broken])
        best = survivors(objectives, violations, population)
        alive, objectives, violations = alive[best], objectives[best], violations[best]
    return seen


def ones(codes: Codes, sizes: Codes) -> NDArray[np.float32]:
    """One-hot rows: a column for each answer of each name."""
    columns = [codes[:, [i]] == np.arange(size) for i, size in enumerate(sizes)]
    return np.concatenate(columns, axis=1).astype(np.float32) if columns else np.zeros((len(codes), 0), np.float32)


def among(rows: Codes, others: Codes) -> NDArray[np.bool_]:
    """Which rows are among the others, (n,)."""
    numbers = np.unique(np.concatenate([others, rows]), axis=0, return_inverse=True)[1].reshape(-1)
    return np.isin(numbers[len(others) :], numbers[: len(others)])


def _children(alive: Codes, sizes: Codes, rng: np.random.Generator, n: int, crossover: float) -> Codes:
    """Uniform crossovers of winners of binary tournaments, one answer in each redrawn on average."""
    # The survivors are ordered: of two, the first place wins.
    first, second = (rng.integers(len(alive), size=(n, 2)).min(axis=1) for _ in range(2))
    swap = (rng.random((n, len(sizes))) < 0.5) & (rng.random((n, 1)) < crossover)
    children = np.where(swap, alive[second], alive[first])
    redraw = rng.random(children.shape) < 1 / max(len(sizes), 1)
    found: Codes = np.where(redraw, (rng.random(children.shape) * sizes).astype(np.int64), children)
    return found
