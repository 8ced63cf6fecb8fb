"""Distances between architectures of one space, for maps, diversity and kernels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput
from workbench.spaces.encodings.wl import wl_features

if TYPE_CHECKING:
    import networkx as nx

Distance = Callable[[Sequence[Architecture]], NDArray[np.float64]]

catalogue: Catalogue[Distance] = Catalogue("distance")


def distance(a: Architecture, b: Architecture, kind: str = "hamming") -> float:
    """The distance between two architectures of one space; `kind` is a name in the catalogue of distances."""
    return float(distances([a, b], kind)[0, 1])


def distances(archs: Sequence[Architecture], kind: str = "hamming") -> NDArray[np.float64]:
    """The distance between each two of `archs`: float64 (n, n), symmetric, 0 on the diagonal.

    Raises `InvalidInput` for architectures of different spaces and `UnknownName` for an unknown `kind`.
    """
    measure = catalogue.find(kind)
    names = sorted({arch.space.name for arch in archs})
    if len(names) > 1:
        raise InvalidInput(f"Distances are between architectures of one space; got {', '.join(map(repr, names))}.")
    return measure(archs)


@catalogue.entering("hamming")
def hamming(archs: Sequence[Architecture]) -> NDArray[np.float64]:
    """The number of questions answered differently; a question that only one of the two is asked counts as well."""
    rows = [dict(arch.decisions) for arch in archs]
    found = np.zeros((len(rows), len(rows)), dtype=np.int32)
    for name in dict.fromkeys(name for row in rows for name in row):
        numbers: dict[Hashable, int] = {}
        given = [(type(row[name]), row[name]) if name in row else None for row in rows]
        column = np.array([numbers.setdefault(answer, len(numbers)) for answer in given])
        found += column[:, None] != column[None, :]
    return found.astype(np.float64)


@catalogue.entering("wl")
def wl(archs: Sequence[Architecture], h: int = 2) -> NDArray[np.float64]:
    """The distance that the normalised Weisfeiler-Lehman kernel induces: sqrt(2 - 2k), at most sqrt(2).

    k is the cosine of the counts of motifs up to depth `h` in the live graphs (Ru et al., ICLR 2021, section 3):
    0 for isomorphic graphs, and for those that colour refinement cannot tell apart.
    """
    column: dict[str, int] = {}
    counts = [wl_features(arch.space.live(arch.graph), h) for arch in archs]
    for features in counts:
        for motif in features:
            column.setdefault(motif, len(column))
    table = np.zeros((len(archs), len(column)), dtype=np.float64)
    for row, features in zip(table, counts, strict=True):
        row[[column[motif] for motif in features]] = list(features.values())
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-300)
    found: NDArray[np.float64] = np.sqrt(np.clip(2.0 - 2.0 * (table @ table.T), 0.0, None))
    found[found < 1e-6] = 0.0  # what rounding leaves of equal counts
    return found


@catalogue.entering("edit")
def edit(archs: Sequence[Architecture]) -> NDArray[np.float64]:
    """Nodes and edges that only one of two graphs has, or that have another operation in each.

    Nodes correspond by name. The edit distance of Ying et al. (ICML 2019) takes the cheapest of all correspondences;
    this is the cost of one of them: never less, found without a search, and 0 only for equal graphs.
    """
    parts = [_parts(arch.graph) for arch in archs]
    found = np.zeros((len(archs), len(archs)), dtype=np.int32)
    for place in dict.fromkeys(place for part in parts for place in part):
        numbers: dict[str | None, int] = {None: 0}
        column = np.array([numbers.setdefault(part.get(place), len(numbers)) for part in parts])
        found += column[:, None] != column[None, :]
    return found.astype(np.float64)


def _parts(graph: nx.DiGraph) -> dict[Hashable, str]:
    """Each node and edge with its operation, an empty one where it has none."""
    parts: dict[Hashable, str] = {("node", node): str(data.get("op", "")) for node, data in graph.nodes(data=True)}
    parts.update({("edge", a, b): str(data.get("op", "")) for a, b, data in graph.edges(data=True)})
    return parts
