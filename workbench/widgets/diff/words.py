"""What differs between two architectures, in words."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.palette import look
from workbench.spaces.alignment import Alignment
from workbench.spaces.encodings.landmarks import settings


def differences(a: Architecture, b: Architecture, found: Alignment) -> list[str]:
    """What leads from `a` to `b`: operations changed, nodes and edges added or removed, and answers given otherwise.

    Nodes have the names they have in `a`. An answer is told by its question where no edit of the graph tells it:
    what the graph does not show, and what it shows without the operation's name telling it.
    """
    first, second = found.first, found.second
    here = {node: node_name(first, node) for node in first}
    there = {node: f"new {_new(second, node)}" for node in second}
    there |= {node: here[twin] for twin, node in found.matched.items()}
    said = [f"{_place(first, here, x)}: {_op(first, x)} → {_op(second, y)}" for x, y in _changed(found)]
    said += [f"+ {_part(second, there, part)}" for part in [*found.nodes.added, *found.edges.added]]
    said += [f"− {_part(first, here, part)}" for part in [*found.nodes.removed, *found.edges.removed]]
    return said + _answers(a, b, found)


def node_name(graph: nx.DiGraph, node: Hashable) -> str:
    """What a node is called: its label, or its own name where the label is the operation."""
    data = graph.nodes[node]
    label = str(data.get("label") or node)
    return str(node) if label == str(data.get("op")) else label


def _changed(found: Alignment) -> list[tuple[Hashable, Hashable]]:
    return found.nodes.changed + found.edges.changed


def _answers(a: Architecture, b: Architecture, found: Alignment) -> list[str]:
    one, other = dict(a.decisions), dict(b.decisions)
    differing = [name for name in dict.fromkeys([*one, *other]) if _said(one, name) != _said(other, name)]
    silent = {name for x, y in found.nodes.kept + found.edges.kept for name in _shared(found, x, y)}
    shown = {name for arch in (a, b) for name in _all_asked(arch.graph)}
    if not shown.issuperset(differing):
        silent.update(settings(a.space))
    return [f"{name}: {_said(one, name)} → {_said(other, name)}" for name in differing if name in silent]


def _shared(found: Alignment, x: Hashable, y: Hashable) -> tuple[str, ...]:
    """The questions of two parts that stand for each other, where they are the same."""
    asked = _asked(found.first, x)
    return asked if asked == _asked(found.second, y) else ()


def _all_asked(graph: nx.DiGraph) -> set[str]:
    return {name for part in [*graph.nodes, *graph.edges] for name in _asked(graph, part)}


def _said(answers: Mapping[str, Any], name: str) -> str:
    return str(answers[name]) if name in answers else "not asked"


def _asked(graph: nx.DiGraph, part: Hashable) -> tuple[str, ...]:
    """The questions that a node or an edge answers."""
    data = _data(graph, part)
    return tuple(data.get("questions") or ((data["question"],) if data.get("question") else ()))


def _data(graph: nx.DiGraph, part: Hashable) -> dict[str, Any]:
    data: dict[str, Any] = graph.nodes[part] if part in graph.nodes else graph.edges[part]
    return data


def _op(graph: nx.DiGraph, part: Hashable) -> str:
    op = _data(graph, part).get("op")
    return look(op).label if op is not None else "nothing"


def _new(graph: nx.DiGraph, node: Hashable) -> str:
    return _op(graph, node) if graph.nodes[node].get("op") is not None else node_name(graph, node)


def _place(graph: nx.DiGraph, names: Mapping[Hashable, str], part: Any) -> str:
    """Where a part is: a node by its name, an edge by its ends; with the cell, where that is not in the name."""
    node = part if part in graph.nodes else part[1]
    place = names[part] if part in graph.nodes else f"{names[part[0]]}→{names[part[1]]}"
    cell = str(graph.nodes[node].get("cell", ""))
    return place if cell in place else f"{cell} {place}"


def _part(graph: nx.DiGraph, names: Mapping[Hashable, str], part: Hashable) -> str:
    op = _data(graph, part).get("op")
    place = _place(graph, names, part)
    if part in graph.nodes and names[part].startswith("new "):
        return place
    kind = "node" if part in graph.nodes else "edge"
    return f"{kind} {place}" + (f", {look(op).label}" if op is not None else "")
