"""The rows of tables of NAS-Bench-201's cells, whatever order a source has them in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.benchmarks.records import Floats
from workbench.spaces.nasbench201 import EDGES, OPERATIONS, NASBench201, question

CELLS = 5**6
Rows = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def rows_of(strings: Sequence[str]) -> Rows:
    """The row of each official string, shape (n,); raises `ValueError` unless every cell is there exactly once."""
    places = {str(arch): row for row, arch in enumerate(NASBench201().enumerate())}
    if len(strings) != CELLS or set(strings) != set(places):
        raise ValueError(f"{len(strings):,} cells, of which the benchmark's {CELLS:,} are not each there once")
    return np.array([places[text] for text in strings])


def in_rows(values: Floats, rows: Rows) -> Floats:
    """The values of a source in the order of the rows."""
    ordered = np.empty(CELLS)
    ordered[rows] = values
    return ordered


def passes_nothing() -> Mask:
    """Whether a cell has no path from its input to its output, row by row: 341 cells."""
    space = NASBench201()
    nothing = space.architecture({question(*edge): OPERATIONS[0] for edge in EDGES})
    zero = space.canonical(nothing, "functional")
    return np.array([space.canonical(arch, "functional") == zero for arch in space.enumerate()])


def without_removed(latencies: Floats, nothing: Mask) -> Floats:
    """The latencies with NaN for networks that the compiler has removed.

    The output of a cell that passes nothing is constant, and some compilers leave nothing of its network: what is then
    measured is below every time of a network that computes something, down to microseconds, and no latency of it.
    """
    floor = latencies[~nothing].min()
    return np.where(nothing & (latencies < floor), np.nan, latencies)
