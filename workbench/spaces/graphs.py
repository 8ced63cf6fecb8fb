"""What every architecture graph has in common: its live part, and a hash equal for isomorphic graphs."""

from __future__ import annotations

from hashlib import blake2b

import networkx as nx


def live_part(graph: nx.DiGraph) -> nx.DiGraph:
    """A copy of `graph` without zero edges and without nodes and edges off every input-output path.

    Inputs and outputs (`role`) always stay, so that a disconnected architecture is a graph without edges.
    """
    passing = nx.DiGraph(**graph.graph)
    passing.add_nodes_from(graph.nodes(data=True))
    passing.add_edges_from((a, b, d) for a, b, d in graph.edges(data=True) if not d.get("zero"))
    sources = [n for n, role in graph.nodes(data="role") if role == "input"]
    sinks = [n for n, role in graph.nodes(data="role") if role == "output"]
    reached = set(sources).union(*(nx.descendants(passing, n) for n in sources))
    reaching = set(sinks).union(*(nx.ancestors(passing, n) for n in sinks))
    passing.remove_nodes_from([n for n in graph if n not in reached & reaching and n not in {*sources, *sinks}])
    return passing


def is_connected(graph: nx.DiGraph) -> bool:
    """Whether anything of the input reaches the output."""
    return bool(live_part(graph).number_of_edges())


def graph_hash(graph: nx.DiGraph) -> str:
    """A Weisfeiler-Lehman hash over operations, roles and the names of inputs and outputs, in and out told apart.

    Equal for isomorphic graphs; in rare cases also for graphs that colour refinement cannot tell apart.
    """
    ends = {"input", "output"}  # two inputs are not the same input, nor two outputs
    labels = {
        n: _digest(d.get("role"), d.get("op"), d.get("label") if d.get("role") in ends else None)
        for n, d in graph.nodes(data=True)
    }
    kinds = 0
    for _ in range(graph.number_of_nodes()):
        if len(set(labels.values())) == kinds:
            break  # a round that told no two nodes apart is followed by others like it
        kinds = len(set(labels.values()))
        labels = {
            n: _digest(
                labels[n],
                sorted((graph.edges[p, n].get("op") or "", labels[p]) for p in graph.predecessors(n)),
                sorted((graph.edges[n, s].get("op") or "", labels[s]) for s in graph.successors(n)),
            )
            for n in graph
        }
    return _digest(sorted(labels.values()))


def _digest(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=12).hexdigest()
