"""Weisfeiler-Lehman encoding: how often each motif, an operation with what feeds it, occurs in a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.spaces.encodings.wiring import wiring

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_WRITTEN_OUT = 400  # letters up to which a motif's name shows all of it


def wl(
    space: SearchSpace, archs: Sequence[Architecture], *, h: int = 2, width: int = 1024, live: bool = True
) -> NDArray[np.float32]:
    """Counts of motifs up to depth `h`, hashed into `width` columns: float32 (n, width).

    The features of NAS-BOWL (Ru, Wan, Dong & Osborne, ICLR 2021, section 3). A motif has the same column in every
    call and every space; different motifs may share one. Operations that carry nothing are left out unless `live` is
    false. `wl_features` gives the motifs by name.
    """
    if width < 1:
        raise InvalidInput(f"width must be at least 1; got {width!r}.")
    codes = np.zeros((len(archs), width), dtype=np.float32)
    column: dict[str, int] = {}
    for row, arch in enumerate(archs):
        graph = space.graph(arch)
        for motif, count in wl_features(space.live(graph) if live else graph, h).items():
            if motif not in column:
                column[motif] = _hash(motif) % width
            codes[row, column[motif]] += count
    return codes


def wl_features(graph: nx.DiGraph, h: int = 2) -> Counter[str]:
    """How often each motif of depth 0 to `h` occurs in an architecture's graph.

    A motif of depth 0 is an operation, such as "conv"; one of depth 1 also what feeds it, "conv(input, pool)"; and so
    on. These are the labels of the Weisfeiler-Lehman subtree kernel (Shervashidze et al., JMLR 2011) along the
    direction of the data; the kernel of two graphs is the dot product of their counts. The parts of a very long
    name are written as hashes.
    """
    return wl_by_depth(graph, h)[-1]


def wl_by_depth(graph: nx.DiGraph, h: int = 2) -> list[Counter[str]]:
    """The `wl_features` up to depth 0, 1, ... `h`."""
    if h < 0:
        raise InvalidInput(f"h must be 0 or more; got {h!r}.")
    wires = wiring(graph)
    names = list(wires.labels)
    found = [Counter(names)]
    for _ in range(h):
        names = [
            _name(label, sorted(names[source] for source in sources))
            for label, sources in zip(wires.labels, wires.sources, strict=True)
        ]
        found.append(found[-1] + Counter(names))
    return found


def _name(label: str, parts: Sequence[str]) -> str:
    name = f"{label}({', '.join(parts)})"
    return name if len(name) <= _WRITTEN_OUT else f"{label}({', '.join(f'#{_hash(part):016x}' for part in parts)})"


def _hash(motif: str) -> int:
    return int.from_bytes(blake2b(motif.encode(), digest_size=8).digest(), "big")
