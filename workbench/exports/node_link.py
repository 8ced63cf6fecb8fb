"""Graphs as networkx writes them: node-link JSON, which other graph libraries read too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.exports.records import architecture, is_record, record, space_of

if TYPE_CHECKING:
    from workbench.spaces.space import SearchSpace

_RECORD = "architecture"  # where the record stands among the graph's attributes


def write_node_link(arch: Architecture) -> str:
    """The architecture's graph with all its attributes, and its record among the graph's own, as node-link JSON."""
    graph = arch.graph
    graph.graph[_RECORD] = record(arch)
    return json.dumps(nx.node_link_data(graph, edges="edges"), indent=1, ensure_ascii=False) + "\n"


def is_node_link(data: object) -> bool:
    """Whether `data` looks like a graph that networkx wrote ("links" are the edges of its older versions)."""
    return isinstance(data, dict) and "nodes" in data and ("edges" in data or "links" in data)


def read_node_link(data: dict[str, Any], space: SearchSpace | None = None) -> Architecture:
    """The architecture of a graph in node-link form.

    Where the graph carries no record, `space` must be given, and each question be answered by the operation of a node
    or an edge that names it. Raises `InvalidInput` where the graph is not the one that the answers make.
    """
    given = graph_of(data)
    kept = given.graph.get(_RECORD)
    if is_record(kept):
        arch = architecture(kept, space)
    else:
        arch = space_of(given.graph.get("space"), space).architecture(_answers(given))
    difference = _difference(_plain(arch.graph), _plain(given))
    if difference:
        raise InvalidInput(f"The graph is not the one that its answers make: {difference}. Change the answers instead.")
    return arch


def graph_of(data: dict[str, Any]) -> nx.DiGraph:
    """The directed graph of node-link data; raises `InvalidInput`."""
    edges = "edges" if "edges" in data else "links"
    try:
        graph = nx.node_link_graph(data, directed=True, multigraph=False, edges=edges)
    except (nx.NetworkXException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"The JSON is no graph in networkx's node-link form: {error!r}.") from None
    if not isinstance(graph.graph, dict):
        raise InvalidInput(f"A graph's own attributes are an object in JSON; got a {type(graph.graph).__name__}.")
    if not isinstance(graph, nx.DiGraph) or graph.is_multigraph():
        raise InvalidInput(f"An architecture is a directed graph; got {graph}.")
    return graph


def _answers(graph: nx.DiGraph) -> dict[str, Any]:
    parts = [data for _, data in graph.nodes(data=True)] + [data for _, _, data in graph.edges(data=True)]
    return {str(data["question"]): data.get("op") for data in parts if "question" in data}


def _plain(graph: nx.DiGraph) -> dict[str, str]:
    """Each node and edge in words, with its operation, as they are after a journey through JSON."""
    parts = {f"node {_word(node)}": data for node, data in graph.nodes(data=True)}
    parts |= {f"edge {_word(a)} -> {_word(b)}": data for a, b, data in graph.edges(data=True)}
    return {name: str(data.get("op", "")) for name, data in parts.items()}


def _word(node: object) -> str:
    return json.dumps(node, default=str)


def _difference(wanted: dict[str, str], given: dict[str, str]) -> str:
    for name, op in wanted.items():
        if name not in given:
            return f"{name} is missing"
        if given[name] != op:
            return f"{name} has the operation {given[name][:100]!r} instead of {op!r}"
    return next((f"{name[:100]} is too much" for name in given if name not in wanted), "")
