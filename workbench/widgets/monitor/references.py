"""What a search is compared with: the best there is in a table, and what random search would find in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.benchmarks import Benchmark

_LENGTH = 2_000  # trials to which the curve of random search reaches
_POINTS = 160


def optimum_of(name: str, benchmark: Benchmark | None) -> float | None:
    """The best value that a benchmark records of the measure of that name, where it has it."""
    if benchmark is None or name not in benchmark.measures():
        return None
    return benchmark.measure(name).optimum


def random_search(objectives: Sequence[dict[str, Any]], benchmark: Benchmark | None) -> list[dict[str, Any]]:
    """The best of n uniform draws from the table, its median and quartiles, for n from 1 to 2,000.

    Exact: the best of n draws with replacement is at most the k-th worst of N values with probability (k/N)^n.
    """
    if benchmark is None or len(objectives) != 1 or objectives[0]["name"] not in benchmark.measures():
        return []
    sign = objectives[0]["sign"]
    values = sign * benchmark.table()[objectives[0]["name"]].to_numpy(dtype=float)
    values = np.sort(values[np.isfinite(values)])
    at = np.unique(np.geomspace(1, _LENGTH, _POINTS).round().astype(int))
    curves = {q: sign * values[_places(q, at, len(values))] for q in (0.25, 0.5, 0.75)}
    return [
        {
            "name": "random search",
            "at": at.tolist(),
            "middle": curves[0.5].tolist(),
            "low": curves[0.25].tolist(),
            "high": curves[0.75].tolist(),
        }
    ]


def _places(quantile: float, draws: np.ndarray, n: int) -> np.ndarray:
    """The place, among n sorted values, of a quantile of the best of some draws."""
    places: np.ndarray = np.clip(np.ceil(n * quantile ** (1 / draws)).astype(int) - 1, 0, n - 1)
    return places
