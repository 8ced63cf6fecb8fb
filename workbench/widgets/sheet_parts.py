"""The parts that a sheet is made of: architectures go in one by one, columns of numbers come out, kept on disk."""

from __future__ import annotations

import json
import pickle
import pickletools
import zlib
from collections.abc import Iterator
from functools import lru_cache
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from workbench.benchmarks.files.table_cache import cache_folder, checksum, load, store
from workbench.errors import WorkbenchError
from workbench.spaces.space import SearchSpace
from workbench.spaces.trained import RECIPE
from workbench.widgets import facts
from workbench.widgets.facts import Counted, Figure, Recorded, Source, Twins, named_counts, written

if TYPE_CHECKING:
    from workbench.architecture import Architecture

FUNCTION = "function"  # the column that is equal for architectures with the same function
_TOGETHER = 500  # numbers that are checked in one step


class Part(Protocol):
    """Some columns of a sheet. `tag` names its file; an empty one says that it is not kept on disk."""

    tag: str

    def stored(self) -> dict[str, Any]:
        """The columns from the disk; empty where they are not there."""
        ...

    def begin(self, space: SearchSpace) -> None:
        """Make room for the architectures of a space."""
        ...

    def add(self, row: int, arch: Architecture) -> None:
        """Work out one architecture."""
        ...

    def end(self, arrays: dict[str, Any]) -> Iterator[None]:
        """Put the columns into `arrays`, step by step."""
        ...

    def store(self, arrays: dict[str, Any]) -> None:
        """Keep the columns on disk."""
        ...


class _Kept:
    """The half of a part that reads and writes its file in the folder of cached tables."""

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def stored(self) -> dict[str, Any]:
        return dict(load(self._path, _code())[0] or {}) if self.tag else {}

    def store(self, arrays: dict[str, Any]) -> None:
        if self.tag:
            store(self._path, _code(), arrays)

    @property
    def _path(self) -> Path:
        return cache_folder() / "tables" / f"sheet-{checksum(self.tag.encode())[:24]}.npz"


@final
class Names(_Kept):
    """The architectures' strings."""

    def __init__(self, settings: str) -> None:
        super().__init__(settings and f"{settings} names")
        self._names: list[str] = []

    def begin(self, space: SearchSpace) -> None:
        """Forget what was begun before."""
        self._names = []

    def add(self, row: int, arch: Architecture) -> None:
        """Write one down."""
        self._names.append(str(arch))

    def end(self, arrays: dict[str, Any]) -> Iterator[None]:
        """All of them as deflated JSON."""
        arrays["names"] = np.frombuffer(zlib.compress(json.dumps(self._names).encode(), 6), np.uint8)
        self._names = []
        yield


class _Numbers(_Kept):
    """The numbers of a source, asked one architecture at a time."""

    def __init__(self, source: Source, tag: str) -> None:
        super().__init__(tag)
        self._source = source
        self._columns: dict[str, NDArray[np.float64]] = {}

    def begin(self, space: SearchSpace) -> None:
        self._columns = {quantity.name: np.full(space.size, nan) for quantity in self._source.quantities}

    def add(self, row: int, arch: Architecture) -> None:
        try:
            numbers = self.numbers(arch)
        except WorkbenchError:
            return  # absent, not zero
        for name, value in numbers.items():
            self._columns[name][row] = value

    def numbers(self, arch: Architecture) -> dict[str, float]:
        return self._source.numbers(arch)

    def end(self, arrays: dict[str, Any]) -> Iterator[None]:
        figures = [figure for template in self._source.template for figure in template.figures]
        for name, values in self._columns.items():
            arrays[name] = values.astype(np.float32)
            for figure in figures:
                if figure.column == name:
                    yield from _as_written(values, arrays[name], figure)
        self._columns = {}


@final
class _Counts(_Numbers):
    """Counts of networks, each once: live ones for each function, whole ones for each graph where they are built."""

    def __init__(self, source: Counted, tag: str) -> None:
        super().__init__(source, tag)
        self._task = source.task
        self._known: dict[str, tuple[float, float]] = {}

    def begin(self, space: SearchSpace) -> None:
        super().begin(space)
        self._known = {}

    def numbers(self, arch: Architecture) -> dict[str, float]:
        space = arch.space
        if type(space).counts is SearchSpace.counts:
            graph = arch.graph
            whole = self._once(_content(graph), arch, live=False)
            live = self._once(_content(space.live(graph)), arch, live=True)
        else:  # a formula: quicker than telling graphs apart
            whole = space.counts(arch, self._task)
            live = self._once(space.function(arch), arch, live=True)
        return named_counts(whole) | {f"live_{name}": value for name, value in named_counts(live).items()}

    def end(self, arrays: dict[str, Any]) -> Iterator[None]:
        self._known = {}
        yield from super().end(arrays)

    def _once(self, key: str, arch: Architecture, live: bool) -> tuple[float, float]:
        if key not in self._known:
            self._known[key] = arch.space.counts(arch, self._task, live=live)
        return self._known[key]


@final
class _TwinNumbers(_Kept):
    """How many others share an architecture's canonical string, under both rules, and a number for each function."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self._rules = dict(zip(("twins", "functional_twins"), ("isomorphic", "functional"), strict=True))
        self._classes: dict[str, dict[str, int]] = {}
        self._codes: dict[str, NDArray[np.intp]] = {}

    def begin(self, space: SearchSpace) -> None:
        self._classes = {name: {} for name in self._rules}
        self._codes = {name: np.full(space.size, -1) for name in self._rules}

    def add(self, row: int, arch: Architecture) -> None:
        for name, rule in self._rules.items():
            classes = self._classes[name]
            try:
                self._codes[name][row] = classes.setdefault(arch.space.canonical(arch, rule), len(classes))
            except WorkbenchError:
                continue  # the space does not know the rule, or not this architecture under it

    def end(self, arrays: dict[str, Any]) -> Iterator[None]:
        for name, codes in self._codes.items():
            members = np.bincount(codes[codes >= 0], minlength=1)
            arrays[name] = np.where(codes >= 0, members[codes] - 1.0, nan).astype(np.float32)
            yield
        codes = self._codes["functional_twins"]
        arrays[FUNCTION] = np.where(codes >= 0, codes, nan).astype(np.float32)
        self._classes, self._codes = {}, {}


def part_of(source: Source, settings: str) -> Part:
    """The part that holds a source's numbers; with empty `settings` of the space it is not kept on disk."""
    if isinstance(source, Counted):
        return _Counts(source, settings and f"{settings} counts {source.task}")
    if isinstance(source, Recorded):
        table = source.benchmark.fingerprint() if settings else ""
        return _Numbers(source, table and f"{settings} {source.prefix} {table}")
    if isinstance(source, Twins):
        return _TwinNumbers(settings and f"{settings} twins")
    return _Numbers(source, "")


def _as_written(exact: NDArray[np.float64], rounded: NDArray[np.float32], figure: Figure) -> Iterator[None]:
    """Move rounded numbers by one place of float32 where they would be written otherwise than the exact ones.

    0.1249999999 is written "0.12" and its float32, which is 0.125, "0.13": the next smaller float32 is taken.
    """
    changed = np.flatnonzero(~np.isnan(exact) & (rounded != exact))
    for first in range(0, len(changed), _TOGETHER):
        for row in changed[first : first + _TOGETHER]:
            value, near = float(exact[row]), float(rounded[row])
            if written(figure, near) != written(figure, value):
                rounded[row] = np.nextafter(rounded[row], np.float32(np.copysign(np.inf, value - near)))
        yield


def _content(graph: nx.DiGraph) -> str:
    """All that a network is made of, equal for equal graphs only; a recipe says how it is trained."""
    about = {name: value for name, value in graph.graph.items() if name != RECIPE}
    return repr((list(graph.nodes(data=True)), list(graph.edges(data=True)), about))


def identity(space: SearchSpace) -> tuple[bool, str]:
    """Whether only this package's code decides on the space, and what tells it from others in this process."""
    try:
        pickled = pickle.dumps(space, protocol=4)
    except (pickle.PicklingError, TypeError, AttributeError):
        return False, str(id(space))
    modules = _modules(pickled)
    own = all(module.partition(".")[0] in {"workbench", "builtins", "copyreg", "collections"} for module in modules)
    # A class that the user has written may be written anew under the same name: only the same object is the same space.
    return own, checksum(pickled) if own else str(id(space))


def _modules(pickled: bytes) -> set[str]:
    """The modules that a pickle of protocol 4 names: its classes are two strings on the stack, in their order."""
    words = [""]
    modules: set[str] = set()
    memo: list[str] = []
    for opcode, argument, _ in pickletools.genops(pickled):
        if "UNICODE" in opcode.name:
            words.append(str(argument))
        elif opcode.name == "MEMOIZE":
            memo.append(words[-1])
        elif opcode.name.endswith("BINGET"):
            words.append(memo[int(argument or 0)])
        elif opcode.name == "STACK_GLOBAL":
            modules.add(words[-2])
    return modules


@lru_cache(maxsize=1)
def _code() -> str:
    """A checksum of the code that numbers come from: with it a stored sheet is known to be out of date."""
    package = Path(__file__).resolve().parents[1]
    floors = ("spaces", "networks", "tasks", "benchmarks")
    below = [path for floor in floors for path in (package / floor).rglob("*.py")]
    files = [*sorted(below), Path(facts.__file__), Path(__file__)]
    stats = [(path.relative_to(package).as_posix(), path.stat()) for path in files]
    return checksum(repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]).encode())
