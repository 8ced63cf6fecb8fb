"""Kemeny's consensus: the order of systems that disagrees least with the tasks, exact by mixed-integer programming."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import InvalidInput

_MOST = 60  # systems; the constraints grow with the third power


def kemeny_order(table: pd.DataFrame, weights: pd.Series) -> list[Any]:
    """The rows of `table` (systems x tasks, higher is better) in the order of the least weighted disagreement.

    Minimises the sum over tasks of their weight times the pairs that a task sees the other way round (Kemeny, 1959);
    pairs that a task ties or does not have count nothing. With x_ij = 1 where i stands before j, the order is a point
    of the linear-ordering polytope, 0 <= x_ij + x_jk - x_ik <= 1 for all triples (Conitzer, Davenport & Kalagnanam,
    AAAI 2006), solved by HiGHS. Some 20 systems take a second at most where tasks agree at all. Raises `InvalidInput`
    for more than 60.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    n = len(table)
    if n > _MOST:
        raise InvalidInput(f"Kemeny's consensus of {n} systems is out of reach; {_MOST} at most, or use 'borda'.")
    wins = preferences(table.to_numpy(dtype=float), weights[list(table.columns)].to_numpy())
    pairs = list(combinations(range(n), 2))
    place = {pair: number for number, pair in enumerate(pairs)}
    cost = np.array([wins[j, i] - wins[i, j] for i, j in pairs])
    triples = list(combinations(range(n), 3))
    columns = [(place[i, j], place[j, k], place[i, k]) for i, j, k in triples]
    rows = np.repeat(np.arange(len(triples)), 3)
    signs = np.tile([1.0, 1.0, -1.0], len(triples))
    matrix = csr_array((signs, (rows, np.ravel(columns).astype(int))), shape=(len(triples), len(pairs)))
    constraints = [LinearConstraint(matrix, 0, 1)] if triples else []
    solved = milp(
        cost, integrality=np.ones(len(pairs)), bounds=Bounds(0, 1), constraints=constraints, options={"mip_rel_gap": 0}
    )
    if solved.x is None:
        raise InvalidInput(f"Kemeny's consensus could not be found ({solved.message}); use 'borda'.")
    before = np.zeros(n)
    for (i, j), first in zip(pairs, np.round(solved.x), strict=True):
        before[j] += first
        before[i] += 1 - first
    return [table.index[place] for place in np.argsort(before, kind="stable")]


def preferences(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of the tasks that put i above j, (n, n), from (n, tasks) values, NaN where one is missing."""
    above = np.zeros((len(values), len(values)))
    for column, weight in zip(values.T, weights, strict=True):
        above += weight * (column[:, None] > column[None, :])
    return above


def disagreements(table: pd.DataFrame, weights: pd.Series, score: pd.Series) -> float:
    """The weighted pairs on which the tasks contradict the order of `score`; a pair that it ties counts half."""
    wins = preferences(table.to_numpy(dtype=float), weights[list(table.columns)].to_numpy())
    given = score.reindex(table.index).to_numpy()
    below = (given[:, None] < given[None, :]) + 0.5 * (given[:, None] == given[None, :])
    return float((wins * below).sum())
