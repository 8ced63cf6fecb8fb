"""TransNAS-Bench-101: seven vision tasks, every epoch, of its cells and its macro networks, from the user's file."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

from workbench.benchmarks.curve_table import CurveTable
from workbench.benchmarks.files.table_cache import Arrays, cache_folder, cached, checksum, store
from workbench.benchmarks.files.torch_file import read_torch_file
from workbench.benchmarks.files.user_files import find_file, read_file
from workbench.benchmarks.loader import Loader
from workbench.benchmarks.transnas_columns import TASKS, columns_of, table_of
from workbench.errors import InvalidInput, MissingData
from workbench.spaces.space import SearchSpace
from workbench.spaces.transnas_macro import TransNASMacro
from workbench.spaces.transnas_micro import TransNASMicro

FILES = ("transnas-bench_v10141024.pth", "transnas-bench_v10141024.json")
# The official name of each search space in the file.
SPACES: dict[str, SearchSpace] = {"micro": TransNASMicro(), "macro": TransNASMacro()}
_LARGEST = 2 * 2**30  # bytes
_END = 2**16  # bytes at either end that tell one version of the file from another
_ORIGIN = "github.com/yawen-d/TransNASBench (README, link to the data file)"
_AGAIN = f"Get it from {_ORIGIN}, or write its content as JSON (see datasets/transnasbench101.md)."


def settle(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """The absolute path of the official file, or of its JSON extract; raises `MissingData` where there is neither."""
    advice = (
        f"download it from {_ORIGIN} to $WORKBENCH_DATA/{FILES[0]} or ./data/{FILES[0]}, or pass its path as path=."
    )
    return {"path": str(find_file("file of TransNAS-Bench-101", FILES, advice, path))}


def load(space: str, dataset: str, path: str) -> CurveTable:
    """The table of one search space and task; the file is read once, for all of them, and remembered."""
    arrays = cached(_name(space, dataset), _mark(Path(path)), lambda: _converted(space, dataset, Path(path)))
    columns = tuple(column for column in columns_of(dataset) if column.name in arrays)
    architectures = [text.decode() for text in arrays["architectures"].tolist()]
    numbers = {column.name: arrays[column.name].astype(float) for column in columns}
    return CurveTable(_name(space, dataset), columns, numbers, arrays["epochs"].astype(float), architectures)


def read_database(path: Path) -> Any:
    """The dictionary in the official file or in its JSON extract; raises `InvalidInput`."""
    if path.suffix != ".json":
        return read_torch_file(path, _LARGEST, _AGAIN)
    try:
        return json.loads(read_file(path, _LARGEST, _AGAIN))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no JSON: {error}. {_AGAIN}") from None


def convert(database: Any, what: str) -> dict[tuple[str, str], Arrays]:
    """(search space, task) -> arrays of everything the official dictionary records.

    Its `data` maps space, architecture and task to `metrics`, lists with one number for each epoch, and `model_info`.
    """
    tables: dict[tuple[str, str], Arrays] = {}
    try:
        for space, records in database["data"].items():
            known = SPACES[space]
            for text in records:
                known.parse(text)
            for task in TASKS:
                rows = {text: record[task] for text, record in records.items() if task in record}
                if rows:
                    tables[space, task] = table_of(task, rows)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInput(f"{what} is no file of TransNAS-Bench-101: {str(error)[:300]}. {_AGAIN}") from None
    return tables


def _converted(space: str, task: str, path: Path) -> Arrays:
    """One table of the file; the others, read with it, are put into the cache too."""
    tables = convert(read_database(path), str(path))
    if (space, task) not in tables:
        found = ", ".join(sorted(f"{s} {t}" for s, t in tables)) or "nothing"
        raise InvalidInput(f"{path} records nothing of the {space} space on {task}; it records {found}.")
    for (other, another), arrays in tables.items():
        if (other, another) != (space, task):
            store(cache_folder() / "tables" / f"{_name(other, another)}.npz", _mark(path), arrays)
    return tables[space, task]


def _mark(path: Path) -> str:
    """A checksum of the file's size and of both its ends: the whole would take seconds each time."""
    try:
        facts = path.stat()
        with path.open("rb") as file:
            head = file.read(_END)
            file.seek(max(0, facts.st_size - _END))
            return checksum(f"{facts.st_size} {facts.st_mtime_ns}".encode(), head, file.read(_END))
    except OSError as error:
        raise MissingData(f"{path} cannot be read ({error.strerror}). {_AGAIN}") from None


def _name(space: str, task: str) -> str:
    return f"transnasbench101_{space}-{task}"


def _loader(space: str, what: str) -> Loader:
    return Loader(
        space=SPACES[space].name,
        datasets=TASKS,
        settle=settle,
        load=partial(load, space),
        title=f"TransNAS-Bench-101: seven Taskonomy tasks, every epoch, for {what}",
        paper="Duan et al., TransNAS-Bench-101, CVPR 2021",
        licence="MIT (code); the data file is distributed by its authors",
        keywords=("path",),
    )


MICRO_LOADER = _loader("micro", "the 4,096 cells")
MACRO_LOADER = _loader("macro", "the 3,256 macro networks")
