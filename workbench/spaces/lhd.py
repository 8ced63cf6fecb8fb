"""LHD: a larger and harder DARTS space, of operation-input pairs and chosen outputs (Zhang & Ding, ICML 2023)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from math import comb, prod
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput, UnknownName, nearest
from workbench.spaces.choices import Answer, Choices
from workbench.spaces.darts import CELLS, OPERATIONS
from workbench.spaces.genotypes import Value, read_genotype
from workbench.spaces.graphs import graph_hash
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.networks.counts import Counts
    from workbench.tasks.task import Task

OUTPUTS = ("sum", "concat")
STEPS = 5
# What a node contributes to, with the outputs that take it.
_ROLES: dict[str, tuple[str, ...]] = {"inner": (), "sum": ("sum",), "concat": ("concat",), "both": OUTPUTS}


@dataclass(frozen=True)
class Policy:
    """A way of making a network of a search's weights: one of the four of the paper's benchmark.

    `operations` operation-input pairs enter every node; `all_but_one` says that each output takes all nodes but one
    instead of some; channels grow until the network has `least_params` parameters.
    """

    operations: int = 2
    all_but_one: bool = False
    least_params: int = 0


# "1M" is the paper's name; its scripts ask for 1.5 million parameters and 25 cells.
POLICIES = {
    "base": Policy(),
    "1M": Policy(least_params=1_500_000),
    "3ops": Policy(operations=3),
    "4out": Policy(all_but_one=True),
}


class LHD(SearchSpace):
    """Pairs of cells whose nodes take any `policy.operations` different (input, operation) pairs.

    A cell has two outputs: a sum and a concatenation, each of some of its five nodes, but not of all. Nodes from
    which no output is reached are no part of the network. `n_cells` and `channels` are those of the network: by
    default the 8 and 16 of the paper's search, with 20 and 36 (25 and 36 under "1M") those of its evaluation.
    Another policy or network is another space, named after it. `steps` and `operations` make smaller spaces.
    """

    name = "lhd"

    def __init__(
        self,
        policy: str = "base",
        *,
        n_cells: int = 8,
        channels: int = 16,
        steps: int = STEPS,
        operations: tuple[str, ...] = OPERATIONS,
    ) -> None:
        if policy not in POLICIES:
            raise UnknownName.of("discretisation policy of LHD", policy, POLICIES)
        if steps < 2 or not set(operations) <= set(OPERATIONS):
            raise InvalidInput(
                f"steps={steps!r}, operations={operations!r}: 2 steps are the least, {OPERATIONS} known."
            )
        self.policy = POLICIES[policy]
        self.n_cells = n_cells
        self.channels = channels
        self.nodes = tuple(range(2, 2 + steps))
        self.operations = operations
        given = (policy.lower(), f"{n_cells}x{channels}", f"{steps}steps", "_".join(operations))
        usual = ("base", "8x16", f"{STEPS}steps", "_".join(OPERATIONS))
        self.name = "_".join(["lhd", *(part for part, default in zip(given, usual, strict=True) if part != default)])

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """For every node its inputs, the operations on each of them, and the outputs that take it."""
        graph = nx.DiGraph(layout="layered")
        for cell in CELLS:
            for place, label in ((0, "sum before"), (1, "concat before")):
                graph.add_node(f"{cell}.{place}", label=label, role="input", cell=cell, place=place)
            for node in self.nodes:
                self._suggest_node(choices, graph, cell, node)
            for output in OUTPUTS:
                graph.add_node(f"{cell}.{output}", label=f"{cell} {output}", role="output", cell=cell)
            taken = self._suggest_outputs(choices, cell)
            graph.add_edges_from((f"{cell}.{node}", f"{cell}.{output}") for output in OUTPUTS for node in taken[output])
        return graph

    @property
    def size(self) -> int:
        """The square of one cell's number: of pairs for every node, times that of the sets of nodes for two outputs."""
        n_ops, n_nodes = len(self.operations), len(self.nodes)
        sets = n_nodes if self.policy.all_but_one else 2**n_nodes - 2
        return (prod(comb(n_ops * node, self.policy.operations) for node in self.nodes) * sets**2) ** 2

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The official evaluation network without auxiliary head; images from 64 pixels on get the ImageNet stem."""
        from workbench.networks.lhd import Network

        graph, channels = self._sized(graph, task)
        return Network(graph, task.shape, task.n_classes, n_cells=self.n_cells, channels=channels)

    def counts(self, arch: Architecture, task: str | Task = "cifar10", live: bool = False) -> Counts:
        """Parameters and multiply-adds by arithmetic; dead operations are never part of the network.

        Networks of operations beyond the paper's are built.
        """
        from workbench.networks.lhd_counts import KERNELS, counts
        from workbench.tasks import task as find_task

        graph = self.graph(arch)
        if not {op for _, op in graph.nodes(data="op") if op} <= set(KERNELS):
            return super().counts(arch, task, live)
        task = find_task(task)
        graph, channels = self._sized(graph, task)
        return counts(graph, task.shape, task.n_classes, n_cells=self.n_cells, channels=channels)

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The hash of the graph ("functional": of its live part), with inputs, outputs and cells told apart."""
        self._check_rule(rule)
        graph = self.graph(arch)
        marked = graph if rule == "isomorphic" else self.live(graph)
        for node, data in marked.nodes(data=True):
            if data["role"] in ("input", "output"):
                data["op"] = node
        return graph_hash(marked)

    def parse(self, text: str) -> Architecture:
        """The architecture of `Genotype(normal=[('sep_conv_3x3', 0, 0), ...], normal_output={'sum': [0], ...}, ...)`.

        An entry is an operation, its input and its node, counted from 0 without the inputs; outputs list nodes.
        """
        found = read_genotype(text, ("normal", "normal_output", "reduce", "reduce_output"), self.name)
        decisions: dict[str, Answer] = {}
        for cell in CELLS:
            decisions |= self._inputs_read(found[cell], cell) | self._outputs_read(found[f"{cell}_output"], cell)
        try:
            return self.architecture(decisions)
        except Infeasible as error:
            raise InvalidInput(f"{text!r} is no architecture of {self.name}: {error}") from None

    def format(self, arch: Architecture) -> str:
        """The genotype as the official discretisation prints it, dead operations included, everything in order."""
        graph = self.graph(arch)
        parts = []
        for cell in CELLS:
            ops = [
                (data["op"], data["source"], data["target"] - 2)
                for _, data in graph.nodes(data=True)
                if data["role"] == "op" and data["cell"] == cell
            ]
            taken = {
                output: sorted(graph.nodes[node]["place"] - 2 for node in graph.predecessors(f"{cell}.{output}"))
                for output in OUTPUTS
            }
            parts.append(f"{cell}={ops!r}, {cell}_output={taken!r}")
        return f"Genotype({', '.join(parts)})"

    def _sized(self, graph: nx.DiGraph, task: Task) -> tuple[nx.DiGraph, int]:
        """The graph without dead operations, and the channels that its network starts with."""
        from workbench.networks.lhd_counts import counts

        live = self.live(graph)
        channels = self.channels
        if self.policy.least_params:
            while counts(live, task.shape, task.n_classes, n_cells=self.n_cells, channels=channels).params < (
                self.policy.least_params
            ):
                channels += 2
        return live, channels

    def _suggest_node(self, choices: Choices, graph: nx.DiGraph, cell: str, node: int) -> None:
        state = f"{cell}.{node}"
        graph.add_node(state, label=str(node), role="state", cell=cell, place=node)
        inputs = choices.suggest_categorical(f"{state}.inputs", self._input_sets(node))
        for source, times in Counter(str(inputs).split(",")).items():
            asked = question(cell, int(source), node, times)
            answers = ["+".join(ops) for ops in combinations(self.operations, times)]
            for op in str(choices.suggest_categorical(asked, answers)).split("+"):
                chosen = {"question": asked} if times == 1 else {"questions": (asked,)}
                name = f"{asked}.{op}"
                graph.add_node(name, label=op, role="op", op=op, cell=cell, source=int(source), target=node, **chosen)
                graph.add_edge(f"{cell}.{source}", name)
                graph.add_edge(name, state)

    def _input_sets(self, node: int) -> list[str]:
        """The inputs that a node can have, "0,0,1" where two operations take input 0 and one takes input 1."""
        sets = combinations_with_replacement(range(node), self.policy.operations)
        most = len(self.operations)
        return [",".join(map(str, chosen)) for chosen in sets if max(Counter(chosen).values()) <= most]

    def _suggest_outputs(self, choices: Choices, cell: str) -> dict[str, list[int]]:
        """The nodes that each output takes."""
        if self.policy.all_but_one:
            left = {output: choices.suggest_categorical(f"{cell}.{output}.without", self.nodes) for output in OUTPUTS}
            return {output: [node for node in self.nodes if node != left[output]] for output in OUTPUTS}
        role = {node: choices.suggest_categorical(f"{cell}.{node}.out", tuple(_ROLES)) for node in self.nodes}
        taken = {output: [node for node in self.nodes if output in _ROLES[str(role[node])]] for output in OUTPUTS}
        for output, nodes in taken.items():
            if len(nodes) in (0, len(self.nodes)):
                raise Infeasible(
                    f"The {output} of cell {cell!r} takes {len(nodes)} nodes: 1 to {len(self.nodes) - 1} do."
                )
        return taken

    def _inputs_read(self, listed: Value, cell: str) -> dict[str, Answer]:
        pairs: dict[int, set[tuple[int, str]]] = {node: set() for node in self.nodes}
        for entry in listed if isinstance(listed, list) else [listed]:
            op, source, node = self._entry(entry, cell)
            if (source, op) in pairs[node]:
                raise InvalidInput(f"{entry!r} stands twice in cell {cell!r}.")
            pairs[node].add((source, op))
        decisions: dict[str, Answer] = {}
        for node, chosen in pairs.items():
            if len(chosen) != self.policy.operations:
                raise InvalidInput(
                    f"Node {node - 2} of cell {cell!r} has {len(chosen)} operations: "
                    f"in {self.name} it has {self.policy.operations}."
                )
            sources = sorted(source for source, _ in chosen)
            decisions[f"{cell}.{node}.inputs"] = ",".join(map(str, sources))
            for source, times in Counter(sources).items():
                ops = [op for op in self.operations if (source, op) in chosen]
                decisions[question(cell, source, node, times)] = "+".join(ops)
        return decisions

    def _entry(self, entry: Value, cell: str) -> tuple[str, int, int]:
        """Operation, input and node, the node counted from 2 as inputs are."""
        if not (isinstance(entry, list) and len(entry) == 3):
            raise InvalidInput(f"{entry!r} in cell {cell!r} is no triple such as ('sep_conv_3x3', 0, 1).")
        op, source, step = entry
        if not isinstance(op, str) or op not in self.operations:
            raise InvalidInput(f"There is no operation {op!r} in {self.name}. {nearest(op, self.operations)}")
        if not isinstance(source, int) or not isinstance(step, int) or step + 2 not in self.nodes or source >= step + 2:
            raise InvalidInput(f"{entry!r} in cell {cell!r} does not lead from an input to a later node.")
        return op, source, step + 2

    def _outputs_read(self, taken: Value, cell: str) -> dict[str, Answer]:
        if not isinstance(taken, dict) or set(taken) != set(OUTPUTS):
            raise InvalidInput(f"{cell}_output is {taken!r}: lists of nodes named 'sum' and 'concat' are expected.")
        read = {}
        for output, nodes in taken.items():
            places = [node + 2 for node in nodes if isinstance(node, int)] if isinstance(nodes, list) else []
            known = len(places) == len(set(places)) and set(places) <= set(self.nodes)
            if not isinstance(nodes, list) or len(places) != len(nodes) or not known:
                raise InvalidInput(f"The {output} of cell {cell!r} takes {nodes!r}: different nodes are expected.")
            read[output] = places
        if self.policy.all_but_one:
            return {f"{cell}.{output}.without": self._left_out(read[output], output, cell) for output in OUTPUTS}
        roles = {outputs: role for role, outputs in _ROLES.items()}
        return {
            f"{cell}.{node}.out": roles[tuple(output for output in OUTPUTS if node in read[output])]
            for node in self.nodes
        }

    def _left_out(self, places: list[int], output: str, cell: str) -> int:
        left = [node for node in self.nodes if node not in places]
        if len(left) != 1:
            raise InvalidInput(f"The {output} of cell {cell!r} leaves out {len(left)} nodes: in {self.name} it is one.")
        return left[0]


def question(cell: str, source: int, node: int, times: int) -> str:
    """The name of the question for the operations from `source` to `node`, of which there are `times`."""
    return f"{cell}.{source}->{node}" + (f".{times}" if times > 1 else "")
