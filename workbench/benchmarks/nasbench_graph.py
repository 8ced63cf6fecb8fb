"""The NAS-Bench-Graph tables that the package nas-bench-graph carries: node classification on nine graphs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.benchmarks.files.packages import NAS_BENCH_GRAPH
from workbench.benchmarks.files.plain_pickle import NUMPY_NUMBERS, read_plain
from workbench.benchmarks.files.table_cache import Arrays, cached, checksum
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.records import Column, ColumnTable
from workbench.errors import InvalidInput
from workbench.spaces.nasbench_graph import NASBenchGraph

# Data set -> its architectures: all different ones, or for the largest graph those of five operations.
ROWS = dict.fromkeys(("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv"), 26_206) | {
    "proteins": 2_021
}
_ADVICE = NAS_BENCH_GRAPH.advice
# The package's name of each column, and what it has to be multiplied with to get our unit.
_SOURCES = {
    "valid_accuracy": ("valid_perf", 100.0),
    "test_accuracy": ("perf", 100.0),
    "latency_ms": ("latency", 1000.0),
    "params_m": ("para", 1.0),
}
COLUMNS = (
    Column("valid_accuracy", "higher", "%", "accuracy on the validation nodes, mean over three runs"),
    Column("test_accuracy", "higher", "%", "accuracy on the test nodes, mean over three runs"),
    Column("latency_ms", "lower", "ms", "latency of the network on the whole graph"),
    Column("params_m", "lower", "M", "parameters, mean over three runs"),
)
_AREAS = tuple(
    replace(c, meaning=c.meaning.replace("accuracy", "area under the ROC curve, mean over the labels,"))
    for c in COLUMNS
)


def columns_of(dataset: str) -> tuple[Column, ...]:
    """The columns of a data set; the proteins have 112 labels each, and areas under curves for accuracies."""
    return _AREAS if ROWS[dataset] < max(ROWS.values()) else COLUMNS


def load(dataset: str, folder: str) -> ColumnTable:
    """The table of one data set, from the cache where it has been converted before."""
    path = Path(folder) / f"{dataset}.bench"
    raw = NAS_BENCH_GRAPH.read(path)
    arrays = cached(f"nasbench_graph-{dataset}", checksum(raw), lambda: convert(raw, str(path), ROWS[dataset]))
    numbers = {column.name: np.asarray(arrays[column.name], dtype=np.float64) for column in COLUMNS}
    strings, keys = arrays["architecture"].tolist(), list(map(str, arrays["hash"].tolist()))
    return ColumnTable("nasbench_graph", columns_of(dataset), numbers, strings, keys)


def convert(raw: bytes, what: str, rows: int) -> Arrays:
    """The official hashes of a file's architectures, in their order, their strings, and an array for each column.

    All have shape (rows,). Raises `InvalidInput` for anything else than what the package's files hold.
    """
    space = NASBenchGraph()
    found = read_plain(raw, what, _ADVICE, NUMPY_NUMBERS)
    if not isinstance(found, dict) or len(found) != rows:
        raise InvalidInput(f"{what} does not hold the {rows:,} architectures of NAS-Bench-Graph. {_ADVICE}")
    try:
        hashes = sorted(found)
        archs = [space.from_hash(number) for number in hashes]
        for number, arch in zip(hashes, archs, strict=True):
            if space.canonical(arch) != str(number):
                raise ValueError(f"{number!r} is the hash of no architecture")
        arrays = {
            name: np.array([found[number][source] for number in hashes], dtype=np.float64) * factor
            for name, (source, factor) in _SOURCES.items()
        }
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise InvalidInput(f"{what} holds a malformed architecture: {str(error)[:200]}. {_ADVICE}") from None
    if any(array.shape != (rows,) or not np.isfinite(array).all() for array in arrays.values()):
        raise InvalidInput(f"{what} lacks some numbers of its architectures. {_ADVICE}")
    return {"hash": np.array(hashes, dtype=np.int64), "architecture": np.array([str(arch) for arch in archs]), **arrays}


LOADER = Loader(
    space="nasbench_graph",
    datasets=tuple(ROWS),
    settle=lambda: {"folder": str(NAS_BENCH_GRAPH.folder("NAS-Bench-Graph", "light"))},
    load=load,
    title="NAS-Bench-Graph: validation and test accuracy, latency, parameters",
    paper="Qin et al., NAS-Bench-Graph, NeurIPS Datasets and Benchmarks 2022",
    licence="Apache-2.0",
    rule="isomorphic",
)
