"""DARTS: a normal and a reduction cell of four nodes with two inputs each (Liu, Simonyan & Yang, ICLR 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, nearest
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.genotypes import Value, read_genotype
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.networks.elastic.network import ElasticNetwork
    from workbench.tasks.task import Task

# Weightless first, then by weights.
OPERATIONS = (
    "skip_connect",
    "max_pool_3x3",
    "avg_pool_3x3",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "sep_conv_3x3",
    "sep_conv_5x5",
)
CELLS = ("normal", "reduce")
NODES = (2, 3, 4, 5)  # 0 and 1 are the outputs of the two cells before
PAIRS = {node: tuple(f"{a},{b}" for a, b in combinations(range(node), 2)) for node in NODES}
# Where NAS-Bench-301 begins to number the edges into a node.
_FIRST_EDGE = {2: 0, 3: 2, 4: 5, 5: 9}
_PREFIX = "NetworkSelectorDatasetInfo:darts:"
_Node = tuple[tuple[int, str], tuple[int, str]]  # (input, operation), the lower input first
N_CELLS, CHANNELS = 8, 16


class DARTS(SearchSpace):
    """The pairs of cells of DARTS and of NAS-Bench-301 (Zela et al., ICLR 2022), about 10^18.

    `n_cells` and `channels` are those of the network: by default the 8 and 16 of the paper's search, with 20 and 36
    its evaluation network on CIFAR-10, with 14 and 48 that on ImageNet. Another network is another space, named
    after its size; its architectures have the same strings.
    """

    name = "darts"
    flat = True

    def __init__(self, n_cells: int = N_CELLS, channels: int = CHANNELS) -> None:
        if (n_cells, channels) != (N_CELLS, CHANNELS):
            self.name = f"darts_{n_cells}x{channels}"
        self.n_cells = n_cells
        self.channels = channels

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """For every node its two inputs, such as "0,2", and the operation on each; node 2 has inputs 0 and 1."""
        graph = nx.DiGraph(layout="layered")
        for cell in CELLS:
            graph.add_node(f"{cell}.0", label="c_{k-2}", role="input", cell=cell)
            graph.add_node(f"{cell}.1", label="c_{k-1}", role="input", cell=cell)
            for node in NODES:
                _suggest_node(choices, graph, cell, node)
            graph.add_node(f"{cell}.out", label=cell, role="output", cell=cell)
            graph.add_edges_from((f"{cell}.{node}", f"{cell}.out") for node in NODES)
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official evaluation network without auxiliary head; images from 64 pixels on get the ImageNet stem."""
        from workbench.networks.darts import Network

        return Network(graph, task.shape, task.n_classes, n_cells=self.n_cells, channels=self.channels)

    def gates(self) -> dict[str, tuple[Answer, ...]]:
        """One for every edge of both cells, such as "normal.0->2": "none" or an operation."""
        return {
            f"{cell}.{source}->{node}": ("none", *OPERATIONS)
            for cell in CELLS
            for node in NODES
            for source in range(node)
        }

    def elastic(self, options: Mapping[str, Sequence[Answer]], task: Task, **settings: Any) -> ElasticNetwork:
        """The search network, of 3 cells and 8 channels by default; `partial` channels as in PC-DARTS."""
        from workbench.networks.elastic.darts import Network

        return Network(options, task.shape, task.n_classes, **settings)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic; networks of operations beyond the paper's are built."""
        from workbench.networks.darts_counts import KNOWN, counts
        from workbench.tasks import task as find_task

        graph = self.graph(arch)
        if not {op for _, _, op in graph.edges(data="op") if op} <= KNOWN:
            return super().counts(arch, task, live)
        task = find_task(task)
        return counts(graph, task.shape, task.n_classes, n_cells=self.n_cells, channels=self.channels)

    def parse(self, text: str) -> Architecture:
        """The architecture of a printed `Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), ...)`.

        A node's inputs may stand in either order, and the concatenated nodes as a list.
        """
        found = read_genotype(text, ("normal", "normal_concat", "reduce", "reduce_concat"), self.name)
        decisions: dict[str, Answer] = {}
        for cell in CELLS:
            joined = found[f"{cell}_concat"]
            if joined != list(NODES):
                raise InvalidInput(f"{cell}_concat is {joined!r}: in {self.name} every cell joins {list(NODES)}.")
            for node, inputs in zip(NODES, _nodes(found[cell], cell), strict=True):
                decisions |= _decisions(cell, node, inputs)
        return Architecture(self, decisions)

    def format(self, arch: Architecture) -> str:
        """The genotype as the official search prints it, each node's lower input first."""
        ops = self._own(arch).decisions
        lists = {cell: [(op, source) for node in NODES for source, op in _inputs(ops, cell, node)] for cell in CELLS}
        return (
            f"Genotype(normal={lists['normal']!r}, normal_concat=range(2, 6), "
            f"reduce={lists['reduce']!r}, reduce_concat=range(2, 6))"
        )

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """Equal for pairs of cells that differ by the numbering of their nodes, and for no others.

        Concatenation in another order is the same up to the order of channels, which every next layer mixes. No
        operation is zero and every node is used: both rules say the same.
        """
        self._check_rule(rule)
        ops = self._own(arch).decisions
        return repr([_least([_inputs(ops, cell, node) for node in NODES]) for cell in CELLS])


def question(cell: str, node: int, part: str) -> str:
    """The name of a question: `part` is "inputs", "op1" for the lower input's operation or "op2" for the other's."""
    return f"{cell}.{node}.{part}"


def from_configspace(space: SearchSpace, config: Mapping[str, object]) -> Architecture:
    """The architecture in a NAS-Bench-301 configuration, whose keys end in `edge_normal_0`, `inputs_node_normal_3` ...

    Other keys, those of the training, are passed over; an edge that the inputs do not have is refused.
    """
    if not isinstance(config, Mapping):
        raise InvalidInput(f"A NAS-Bench-301 configuration is a dictionary; got {config!r}.")
    given = {str(key).removeprefix(_PREFIX): value for key, value in config.items()}
    decisions: dict[str, Answer] = {}
    used = set()
    for cell in CELLS:
        for node in NODES:
            key = f"inputs_node_{cell}_{node}"
            pair = str(_of(given, key)).replace("_", ",") if node > 2 else "0,1"
            if pair not in PAIRS[node]:
                raise InvalidInput(f"{given[key]!r} are no inputs for {key}: {', '.join(PAIRS[node])} are, with '_'.")
            edges = [f"edge_{cell}_{_FIRST_EDGE[node] + int(source)}" for source in pair.split(",")]
            first, second = (_operation(_of(given, edge), edge) for edge in edges)
            lower, higher = map(int, pair.split(","))
            decisions |= _decisions(cell, node, ((lower, first), (higher, second)))
            used |= {key, *edges}
    for key in given:
        if key.startswith(("edge_", "inputs_node_")) and key not in used:
            raise InvalidInput(f"{key} is given, and no node of the configuration has that input.")
    return space.architecture(decisions)


def to_configspace(arch: Architecture) -> dict[str, str]:
    """The architecture's part of a NAS-Bench-301 configuration."""
    config = {}
    for cell in CELLS:
        for node in NODES:
            inputs = _inputs(arch.decisions, cell, node)
            for source, op in inputs:
                config[f"{_PREFIX}edge_{cell}_{_FIRST_EDGE[node] + source}"] = op
            if node > 2:
                config[f"{_PREFIX}inputs_node_{cell}_{node}"] = f"{inputs[0][0]}_{inputs[1][0]}"
    return config


def _suggest_node(choices: Choices, graph: nx.DiGraph, cell: str, node: int) -> None:
    pair = "0,1"
    if node > 2:
        pair = str(choices.suggest_categorical(question(cell, node, "inputs"), PAIRS[node]))
    graph.add_node(f"{cell}.{node}", label=str(node), role="state", cell=cell)
    for source, part in zip(pair.split(","), ("op1", "op2"), strict=True):
        asked = question(cell, node, part)
        op = choices.suggest_categorical(asked, OPERATIONS)
        graph.add_edge(f"{cell}.{source}", f"{cell}.{node}", op=op, question=asked)


def _inputs(decisions: Mapping[str, Answer], cell: str, node: int) -> _Node:
    try:
        pair = str(decisions[question(cell, node, "inputs")]) if node > 2 else "0,1"
        first, second = (str(decisions[question(cell, node, part)]) for part in ("op1", "op2"))
    except KeyError as error:
        raise InvalidInput(f"This is no architecture of DARTS: it does not answer {error.args[0]!r}.") from None
    lower, higher = map(int, pair.split(","))
    return (lower, first), (higher, second)


def _decisions(cell: str, node: int, inputs: _Node) -> dict[str, Answer]:
    """The answers of one node, in the order in which they are asked."""
    (lower, first), (higher, second) = inputs
    pair: dict[str, Answer] = {question(cell, node, "inputs"): f"{lower},{higher}"} if node > 2 else {}
    return {**pair, question(cell, node, "op1"): first, question(cell, node, "op2"): second}


def _nodes(listed: Value, cell: str) -> list[_Node]:
    """The nodes of a genotype's list of (operation, input), two for each node."""
    if not isinstance(listed, list) or len(listed) != 2 * len(NODES):
        n = len(listed) if isinstance(listed, list) else 0
        raise InvalidInput(f"Cell {cell!r} has {n} operations in its list: {2 * len(NODES)} are two for each node.")
    return [_node(listed[2 * i], listed[2 * i + 1], cell, node) for i, node in enumerate(NODES)]


def _node(first: Value, second: Value, cell: str, node: int) -> _Node:
    read = []
    for given in (first, second):
        if not (isinstance(given, list) and len(given) == 2 and isinstance(given[1], int)):
            raise InvalidInput(f"{given!r} in cell {cell!r} is no pair such as ('sep_conv_3x3', 0).")
        if given[1] >= node:
            raise InvalidInput(
                f"Node {node} of cell {cell!r} takes input {given[1]}: only 0 to {node - 1} come before."
            )
        read.append((given[1], _operation(given[0], f"cell {cell!r}")))
    lower, higher = sorted(read)
    if lower[0] == higher[0]:
        raise InvalidInput(f"Node {node} of cell {cell!r} takes input {lower[0]} twice: its inputs are different.")
    return lower, higher


def _operation(op: object, where: str) -> str:
    if not isinstance(op, str) or op not in OPERATIONS:
        raise InvalidInput(f"There is no operation {op!r} in DARTS ({where}). {nearest(op, OPERATIONS)}")
    return op


def _of(given: Mapping[str, object], key: str) -> object:
    if key not in given:
        raise InvalidInput(f"The configuration does not say {_PREFIX}{key}. {nearest(key, given)}")
    return given[key]


def _least(nodes: list[_Node]) -> list[_Node]:
    """The first in order of all numberings of a cell's nodes in which inputs come before."""
    found = []
    for numbers in permutations(NODES):
        new = {0: 0, 1: 1} | dict(zip(NODES, numbers, strict=True))
        if all(new[source] < new[node] for node, inputs in zip(NODES, nodes, strict=True) for source, _ in inputs):
            moved = {new[node]: _renumbered(inputs, new) for node, inputs in zip(NODES, nodes, strict=True)}
            found.append([moved[node] for node in NODES])
    return min(found)


def _renumbered(inputs: _Node, new: Mapping[int, int]) -> _Node:
    first, second = sorted((new[source], op) for source, op in inputs)
    return first, second
