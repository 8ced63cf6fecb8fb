"""The drawings of many architectures as little data: each topology is laid out once, the operations are numbers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Hashable, Iterable
from itertools import islice
from typing import Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.alignment import align_graphs, compared
from workbench.widgets.diff.common_layout import Looks, common_layout

_MOST_LAYOUTS, _MOST = 60, 1_000  # different topologies, and architectures, that are drawn


def drawings(archs: Iterable[Architecture]) -> dict[str, Any]:
    """`looks`, `layouts`, and `of`: an architecture's string -> its layout's number and its seats there.

    Of very many architectures the first 1,000 are drawn, of very many topologies the first 60.
    """
    groups: dict[Hashable, list[tuple[Architecture, nx.DiGraph]]] = {}
    for arch in islice(archs, _MOST):
        graph = compared(arch)
        key = (tuple(graph.nodes), tuple(graph.edges))
        if key in groups or len(groups) < _MOST_LAYOUTS:
            groups.setdefault(key, []).append((arch, graph))
    looks = Looks()
    layouts, of = [], {}
    for number, members in enumerate(groups.values()):
        graphs = [graph for _, graph in members]
        found = [align_graphs(graphs[0], graph, named=True) for graph in graphs]
        layout = common_layout([arch for arch, _ in members], found, looks)
        for (arch, _), seats in zip(members, layout.pop("seats"), strict=True):
            of[str(arch)] = [number, seats]
        layouts.append(layout)
    return {"looks": looks.all, "layouts": layouts, "of": of}


def deflated(value: Any) -> bytes:
    """A value as deflated JSON, which the browser inflates."""
    return zlib.compress(json.dumps(value).encode(), 6)
