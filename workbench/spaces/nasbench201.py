"""NAS-Bench-201: a cell of four nodes whose six edges choose one of five operations (Dong & Yang, ICLR 2020)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, nearest
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_WEIGHTLESS = ("none", "skip_connect", "avg_pool_3x3")
# The order of the official string: node 1's input, node 2's two, node 3's three.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
LABELS = ("in", "1", "2", "out")
ROLES = ("input", "state", "state", "output")
# NASLib, GRAF and the analog tables write six digits, edges by source node, operations in their own order.
NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_EXAMPLE = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


class NASBench201(SearchSpace):
    """The 15,625 cells of NAS-Bench-201, and the network the benchmark stacks them into."""

    name = "nasbench201"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """Six questions, one operation for every edge."""
        return suggest_cell(choices, OPERATIONS)

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official network: stem of 16 channels, three stages of five cells, two residual reduction blocks."""
        from workbench.networks.nasbench201 import Network

        return Network(graph, task.shape, task.n_classes)

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """A mixed operation on every edge, of `n_cells` a stage and `channels`; `partial` channels as in PC-DARTS."""
        from workbench.networks.elastic.nasbench201 import Network

        return Network(options, task.shape, task.n_classes, **settings)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic, without building the network."""
        from workbench.networks.nasbench201_counts import counts
        from workbench.tasks import task as find_task

        task = find_task(task)
        graph = self.graph(arch)
        return counts(self.live(graph) if live else graph, task.shape, task.n_classes)

    def parse(self, text: str) -> Architecture:
        """The architecture of an official string such as `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
        if not isinstance(text, str):
            raise InvalidInput(f"An architecture of nasbench201 is written as a string like {_EXAMPLE}; got {text!r}.")
        decisions: dict[str, Answer] = {}
        groups = text.strip().split("+")
        if len(groups) != 3:
            raise InvalidInput(f"{text!r} has {len(groups)} nodes between '+'; nasbench201 has 3, as in {_EXAMPLE}")
        for target, group in enumerate(groups, start=1):
            for source, op in enumerate(_operations(group, target, text)):
                decisions[question(source, target)] = op
        return Architecture(self, decisions)

    def format(self, arch: Architecture) -> str:
        """The official string."""
        ops = dict(self._own(arch).decisions)
        return "+".join(
            "|" + "".join(f"{ops[question(source, target)]}~{source}|" for source in range(target))
            for target in (1, 2, 3)
        )

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The expression of the output node, terms sorted: the benchmark's own rule, 6,466 classes.

        "functional" drops zero terms, and with them every edge that carries nothing: 5,390 classes of cells
        that compute the same function (Dong & Yang, 2020, section 2.1, count the first).
        """
        self._check_rule(rule)
        ops = self._own(arch).decisions
        return _expressions(ops, keep_zero=rule == "isomorphic")[-1]

    def function(self, arch: Architecture) -> str:
        """The functional rule's string and what each live convolution is applied to: 5,731 classes.

        The rule's string alone is the same for the sum of one convolution's output with itself and for the sum of two
        convolutions with weights of their own, which are different functions.
        """
        ops = self._own(arch).decisions
        nodes, used = _expressions(ops, keep_zero=False), {3}
        convolved = []
        for source, target in reversed(EDGES):
            op = str(ops[question(source, target)])
            if target in used and op != "none" and nodes[source] != "#":
                used.add(source)
                if op not in _WEIGHTLESS:
                    convolved.append(f"({nodes[source]})@{op}")
        return "; ".join([nodes[3], *sorted(convolved)])


def suggest_cell(choices: Choices, operations: Sequence[str]) -> nx.DiGraph:
    """A cell of four nodes, each of whose six edges is asked for one of the operations."""
    graph = nx.DiGraph(layout="arc")
    graph.add_nodes_from((n, {"label": LABELS[n], "role": ROLES[n]}) for n in range(4))
    for source, target in EDGES:
        name = question(source, target)
        op = choices.suggest_categorical(name, operations)
        graph.add_edge(source, target, op=op, question=name, zero=op == "none")
    return graph


def question(source: int, target: int) -> str:
    """The name of the question that an edge asks."""
    return f"{source}->{target}"


def from_naslib(space: SearchSpace, digits: str) -> Architecture:
    """The architecture of a NASLib digit tuple such as "331342" (edges by source node, NASLib's operation order)."""
    if not re.fullmatch(r"[0-4]{6}", str(digits)):
        raise InvalidInput(f"{digits!r} is no NASLib tuple: six digits from 0 to 4 are expected, such as '331342'.")
    return space.architecture(
        {question(*edge): NASLIB_OPERATIONS[int(d)] for edge, d in zip(NASLIB_EDGES, str(digits), strict=True)}
    )


def to_naslib(arch: Architecture) -> str:
    """The NASLib digit tuple of a NAS-Bench-201 architecture."""
    if set(arch.decisions) != {question(*edge) for edge in EDGES}:
        raise InvalidInput(f"{arch} is an architecture of {arch.space.name!r}: NASLib's digits are for nasbench201.")
    return "".join(str(NASLIB_OPERATIONS.index(str(arch.decisions[question(*edge)]))) for edge in NASLIB_EDGES)


def _operations(group: str, target: int, text: str) -> list[str]:
    """The operations of one node's group `|op~0|op~1|`, in order of their source node."""
    if not (group.startswith("|") and group.endswith("|") and len(group) > 1):
        raise InvalidInput(f"Node {target} of {text!r} must stand between bars, as in {_EXAMPLE}; got {group!r}.")
    parts = group[1:-1].split("|")
    if len(parts) != target:
        raise InvalidInput(f"Node {target} of {text!r} has {len(parts)} inputs; it takes {target}, as in {_EXAMPLE}")
    ops = []
    for source, part in enumerate(parts):
        op, tilde, node = part.partition("~")
        if not tilde or node != str(source):
            raise InvalidInput(f"Input {source} of node {target} in {text!r} must end in '~{source}'; got {part!r}.")
        if op not in OPERATIONS:
            raise InvalidInput(f"Unknown operation {op!r} in {text!r}. {nearest(op, OPERATIONS)}")
        ops.append(op)
    return ops


def _expressions(ops: Mapping[str, Answer], keep_zero: bool) -> list[str]:
    """The expression of each node: the sorted terms of its inputs, an identity standing for its source's own.

    A zero term is written "#": kept under the benchmark's rule (where two of them do not collapse into one), dropped
    under the functional rule, so that a node without terms is itself zero.
    """
    nodes = ["x"]
    for target in (1, 2, 3):
        terms = []
        for source in range(target):
            op, value = ops[question(source, target)], nodes[source]
            if op == "none" or value == "#":
                terms.append("#")
            else:
                terms.append(value if op == "skip_connect" else f"({value})@{op}")
        nodes.append("+".join(sorted(t for t in terms if keep_zero or t != "#")) or "#")
    return nodes
