"""Path encoding: which sequences of operations lead from an input to an output."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.encodings.landmarks import landmarks, union
from workbench.spaces.encodings.wiring import Wiring, wiring

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

Ends = tuple[Hashable, Hashable]
Path = tuple[Ends, tuple[str, ...]]

_EXACT = 16_384  # columns up to which every possible path has its own
_HASHED = 1_024  # columns that the paths of larger spaces share
_WORDS = 4_096  # unfinished paths of one length that are followed


def path(
    space: SearchSpace,
    archs: Sequence[Architecture],
    *,
    length: int | None = None,
    n_paths: int | None = None,
    live: bool = False,
) -> NDArray[np.float32]:
    """1 for every sequence of operations on some way from an input to an output: float32 (n, d).

    The path encoding of White, Neiswanger & Savani (AAAI 2021, section 4): 5 + 25 + 125 = 155 columns for
    NAS-Bench-201, 364 for NAS-Bench-101. Shorter paths stand first, so that `n_paths`, the number of columns, keeps
    the likelier ones (section 5: truncation); `length` keeps the paths of at most that many operations. Where more
    than 16,384 paths are possible and `n_paths` is not given, they share 1,024 columns by their hash. Cells with
    several inputs or outputs tell the paths between different ends apart. Every operation counts, also one that passes
    nothing; with `live` only what carries something does, which makes isomorphic cells alike. Of an architecture
    with more than 4,096 unfinished paths of one length, longer paths are left out.
    """
    for name, value in (("length", length), ("n_paths", n_paths)):
        if value is not None and value < 1:
            raise InvalidInput(f"{name} must be at least 1; got {value!r}.")
    columns = _columns(space)
    if length is not None:
        columns = columns._replace(longest=min(length, columns.longest))
    width = columns.total() if n_paths is None else min(n_paths, columns.total())
    hashed = n_paths is None and width > _EXACT
    codes = np.zeros((len(archs), _HASHED if hashed else width), dtype=np.float32)
    for row, arch in enumerate(archs):
        graph = space.graph(arch)
        for way in paths(wiring(space.live(graph) if live else graph), columns.longest):
            column = _bucket(way) if hashed else columns.find(way)
            if column is not None and column < codes.shape[1]:
                codes[row, column] = 1.0
    return codes


def paths(wires: Wiring, longest: int) -> Iterable[Path]:
    """The different paths of at most `longest` operations: their ends, and the operations between."""
    targets: list[list[int]] = [[] for _ in wires.slots]
    for source, target in wires.edges():
        targets[source].append(target)
    useful = _reaching_an_output(wires)
    level = {i: {(slot, ())} for i, slot in enumerate(wires.slots) if wires.roles[i] == "input" and useful[i]}
    for _ in range(longest + 1):
        beyond: dict[int, set[tuple[Hashable, tuple[str, ...]]]] = {}
        for node, words in level.items():
            for target in targets[node]:
                if wires.roles[target] == "output":
                    yield from (((start, wires.slots[target]), word) for start, word in words)
                elif useful[target]:
                    longer = {(start, (*word, wires.labels[target])) for start, word in words}
                    beyond.setdefault(target, set()).update(longer)
        if sum(map(len, beyond.values())) > _WORDS:
            return
        level = beyond  # type: ignore[assignment]  # the empty words of the start are tuples too


def _reaching_an_output(wires: Wiring) -> list[bool]:
    reaching = [role == "output" for role in wires.roles]
    for target in reversed(range(len(reaching))):
        if reaching[target]:
            for source in wires.sources[target]:
                reaching[source] = True
    return reaching


class _Columns(NamedTuple):
    """Which column a path has: by its length, then its ends, then its operations, the first changing quickest."""

    ends: dict[Ends, int]
    letters: dict[str, int]
    shortest: int
    longest: int

    def total(self) -> int:
        """The number of possible paths."""
        return self._before(self.longest + 1)

    def find(self, way: Path) -> int | None:
        """The column, or None for a path that no landmark of the space is like."""
        ends, word = way
        if ends not in self.ends or not self.shortest <= len(word) <= self.longest:
            return None
        value = 0
        for letter in reversed(word):
            if letter not in self.letters:
                return None
            value = value * len(self.letters) + self.letters[letter]
        return self._before(len(word)) + self.ends[ends] * self._words(len(word)) + value

    def _before(self, length: int) -> int:
        return len(self.ends) * sum(map(self._words, range(self.shortest, length)))

    def _words(self, length: int) -> int:
        return int(len(self.letters) ** length)


@lru_cache(maxsize=64)
def _columns(space: SearchSpace) -> _Columns:
    """Operations of the space's landmarks; ends and lengths of the paths along all their wires together."""
    letters: set[str] = set()
    for _, wires in landmarks(space):
        letters.update(label for label, role in zip(wires.labels, wires.roles, strict=True) if role not in _ENDS)
    together = union(space)
    ends: dict[Ends, int] = {}
    lengths: set[int] = set()
    for wires in [wires for _, wires in landmarks(space)] if together is None else [together]:
        for pair, reached in _lengths(wires).items():
            ends.setdefault(pair, len(ends))
            lengths |= reached
    if not lengths:
        return _Columns({}, {}, 0, 0)
    return _Columns(ends, {letter: i for i, letter in enumerate(sorted(letters))}, min(lengths), max(lengths))


_ENDS = ("input", "output")


def _lengths(wires: Wiring) -> dict[Ends, set[int]]:
    """The numbers of operations on the ways between each two ends."""
    steps: list[dict[Hashable, set[int]]] = []
    found: dict[Ends, set[int]] = {}
    for slot, role, sources in zip(wires.slots, wires.roles, wires.sources, strict=True):
        here: dict[Hashable, set[int]] = {slot: {0}} if role == "input" else {}
        for source in sources:
            for start, counts in steps[source].items():
                more = counts if role == "output" else {count + 1 for count in counts}
                here.setdefault(start, set()).update(more)
        steps.append(here)
        if role == "output":
            found.update({(start, slot): counts for start, counts in here.items()})
    return found


def _bucket(way: Path) -> int:
    return int.from_bytes(blake2b(repr(way).encode(), digest_size=8).digest(), "big") % _HASHED
