"""Distances between architectures of one space, for maps, diversity and kernels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput
from workbench.spaces.encodings.wl import wl_features

if TYPE_CHECKING:
    import networkx as nx

# Called with architectures and with others, both of one space: float64 (n, m), from each of these to each of those.
Distance = Callable[[Sequence[Architecture], Sequence[Architecture]], NDArray[np.float64]]

catalogue: Catalogue[Distance] = Catalogue("distance")


def distance(a: Architecture, b: Architecture, kind: str = "hamming") -> float:
    """The distance between two architectures of one space; `kind` is a name in the catalogue of distances."""
    return float(distances([a, b], kind)[0, 1])


def distances(
    archs: Sequence[Architecture], kind: str = "hamming", others: Sequence[Architecture] | None = None
) -> NDArray[np.float64]:
    """The distance from each of `archs` to each of `others`, float64 (n, m); to each other, (n, n), without `others`.

    Raises `InvalidInput` for architectures of different spaces and `UnknownName` for an unknown `kind`.
    """
    measure = catalogue.find(kind)
    names = sorted({arch.space.name for arch in [*archs, *(others or ())]})
    if len(names) > 1:
        raise InvalidInput(f"Distances are between architectures of one space; got {', '.join(map(repr, names))}.")
    return measure(archs, archs if others is None else others)


@catalogue.entering("hamming")
def hamming(archs: Sequence[Architecture], others: Sequence[Architecture]) -> NDArray[np.float64]:
    """The number of questions answered differently; a question that only one of the two is asked counts as well."""
    rows = [_answers(arch) for arch in archs]
    return _unlike(rows, rows if archs is others else [_answers(arch) for arch in others])


@catalogue.entering("wl")
def wl(archs: Sequence[Architecture], others: Sequence[Architecture], h: int = 2) -> NDArray[np.float64]:
    """The distance that the normalised Weisfeiler-Lehman kernel induces: sqrt(2 - 2k), at most sqrt(2).

    k is the cosine of the counts of motifs up to depth `h` in the live graphs (Ru et al., ICLR 2021, section 3):
    0 for isomorphic graphs, and for those that colour refinement cannot tell apart.
    """
    there = [wl_features(arch.space.live(arch.graph), h) for arch in others]
    here = there if archs is others else [wl_features(arch.space.live(arch.graph), h) for arch in archs]
    # What none of the others has counts for the length of a row alone, and needs no column.
    column = {motif: i for i, motif in enumerate(dict.fromkeys(motif for counts in there for motif in counts))}
    cosine = _directions(here, column) @ _directions(there, column).T
    found: NDArray[np.float64] = np.sqrt(np.clip(2.0 - 2.0 * cosine, 0.0, None))
    found[found < 1e-6] = 0.0  # what rounding leaves of equal counts
    return found


@catalogue.entering("edit")
def edit(archs: Sequence[Architecture], others: Sequence[Architecture]) -> NDArray[np.float64]:
    """Nodes and edges that only one of two graphs has, or that have another operation in each.

    Nodes correspond by name. The edit distance of Ying et al. (ICML 2019) takes the cheapest of all correspondences;
    this is the cost of one of them: never less, found without a search, and 0 only for equal graphs.
    """
    rows = [_parts(arch.graph) for arch in archs]
    return _unlike(rows, rows if archs is others else [_parts(arch.graph) for arch in others])


def _directions(rows: Sequence[Mapping[str, int]], column: Mapping[str, int]) -> NDArray[np.float64]:
    """Each row of counts divided by its length, those in `column` alone: float64 (n, d)."""
    table = np.zeros((len(rows), len(column)), dtype=np.float64)
    for row, counts in zip(table, rows, strict=True):
        length = max(sum(count * count for count in counts.values()) ** 0.5, 1e-300)
        known = [motif for motif in counts if motif in column]
        row[[column[motif] for motif in known]] = [counts[motif] / length for motif in known]
    return table


def _unlike(rows: list[dict[Hashable, Hashable]], others: list[dict[Hashable, Hashable]]) -> NDArray[np.float64]:
    """In how many places each of `rows` differs from each of `others`: float64 (n, m)."""
    found = np.zeros((len(rows), len(others)), dtype=np.int32)
    for place in dict.fromkeys(place for row in [*rows, *others] for place in row):
        numbers: dict[Hashable, int] = {None: 0}
        column, other = (
            np.array([numbers.setdefault(row.get(place), len(numbers)) for row in group], dtype=np.int32)
            for group in (rows, others)
        )
        found += column[:, None] != other[None, :]
    return found.astype(np.float64)


def _answers(arch: Architecture) -> dict[Hashable, Hashable]:
    """Each question with its answer and the answer's type: True is not 1."""
    return {name: (type(answer), answer) for name, answer in arch.decisions.items()}


def _parts(graph: nx.DiGraph) -> dict[Hashable, Hashable]:
    """Each node and edge with its operation, an empty one where it has none."""
    parts: dict[Hashable, Hashable] = {("node", node): str(data.get("op", "")) for node, data in graph.nodes(data=True)}
    parts.update({("edge", a, b): str(data.get("op", "")) for a, b, data in graph.edges(data=True)})
    return parts
