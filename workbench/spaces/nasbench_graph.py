"""NAS-Bench-Graph: four operations on graphs, joined in one of nine ways (Qin et al., NeurIPS 2022 D&B)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import networkx as nx

from workbench.architecture import Architecture
from workbench.errors import InvalidInput, nearest
from workbench.spaces.choices import Choices
from workbench.spaces.nasbench_graph_trees import canonical_form, in_order
from workbench.spaces.space import SearchSpace

if TYPE_CHECKING:
    import torch

    from workbench.tasks.task import Task

# The order of the official hash: digit i of a link list is the node that node i + 1 takes its input from, 0 the input.
LINKS = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
NODES = ("op1", "op2", "op3", "op4")
SKIP = OPERATIONS.index("skip")
_PLACE = {name: number for number, name in enumerate(OPERATIONS)}
_EXAMPLE = "([0,0,1,3],['gcn','gin','fc','cheb'])"
_DIGIT, _NAME = r"\s*([0-3])\s*", r"""\s*['"](\w{1,9})['"]\s*"""
_TEXT = re.compile(
    rf"\s*(?:Arch)?\(\s*\[{','.join([_DIGIT] * 4)}\]\s*,\s*\[{','.join([_NAME] * 4)}\]\s*\)\s*", re.ASCII
)
_LONGEST = 200  # letters of a string that is still read


class NASBenchGraph(SearchSpace):
    """The 59,049 encodings of NAS-Bench-Graph; 26,206 different architectures, and one of skips alone.

    The question "links" says from which node each of the four takes its input; nodes that feed no other are the
    output. A skip straight from the input that stands beside other nodes passes nothing on: its width is another.
    """

    name = "nasbench_graph"
    flat = True

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """One question about the links, then four about operations."""
        links = str(choices.suggest_categorical("links", LINKS))
        graph = nx.DiGraph()
        graph.add_node("in", label="in", role="input", questions=("links",))
        for name in NODES:
            op = choices.suggest_categorical(name, OPERATIONS)
            graph.add_node(name, label=name, role="op", op=op, question=name)
        graph.add_node("out", label="out", role="output")
        sources = ("in", *NODES)
        for name, link in zip(NODES, links, strict=True):
            graph.add_edge(sources[int(link)], name)
        for name in NODES:
            if not graph.out_degree(name):
                graph.add_edge(name, "out", zero=_is_the_input(graph, name))
        return graph

    def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
        """The benchmark's network: every example of a batch is a node of the batch's nearest-neighbour graph."""
        from workbench.networks.graph_network import GraphNetwork

        return GraphNetwork(graph, task.shape, task.n_classes)

    def parse(self, text: str) -> Architecture:
        """The architecture of the official arguments, such as `([0,0,1,3],['gcn','gin','fc','cheb'])`.

        As officially, link lists other than the nine are read too; their nodes are put in the order of one of those.
        """
        found = _TEXT.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
        if found is None:
            raise InvalidInput(
                f"{_shown(text)} is no architecture of {self.name}: the links of four nodes and their operations are "
                f"expected, as in {_EXAMPLE}."
            )
        links, ops = [int(digit) for digit in found.groups()[:4]], found.groups()[4:]
        for op in ops:
            if op not in _PLACE:
                raise InvalidInput(f"Unknown operation {op!r} in {_shown(text)}. {nearest(op, OPERATIONS)}")
        if any(link > i for i, link in enumerate(links)):
            raise InvalidInput(f"In {_shown(text)} a node takes its input from itself or a later one: see {_EXAMPLE}.")
        order, links = in_order(links)
        return self._architecture("".join(map(str, links)), [ops[i] for i in order])

    def format(self, arch: Architecture) -> str:
        """The official arguments: the link list and the list of operations."""
        links, *ops = self._own(arch).decisions.values()
        return f"([{','.join(str(links))}],[{','.join(map(repr, ops))}])"

    def canonical(self, arch: Architecture, rule: str = "isomorphic") -> str:
        """The official hash as a decimal number, under both rules: 26,207 classes with that of skips alone.

        Its authors count architectures as equal that compute the same, skips dropped and branches exchanged
        (Qin et al., 2022).
        """
        self._check_rule(rule)
        links, *ops = self._own(arch).decisions.values()
        return str(hash_number(str(links), [_PLACE[str(op)] for op in ops]))

    def classes(self, rule: str = "isomorphic") -> Mapping[str, tuple[Architecture, ...]]:
        """Canonical string -> the architectures that share it, which are the same under both rules."""
        self._check_rule(rule)
        return super().classes("isomorphic")

    def from_hash(self, number: int) -> Architecture:
        """The architecture that the official hash `number` stands for."""
        digits = f"{number:05d}" if isinstance(number, int) and 0 <= number < 100_000 else "9"
        if len(digits) != 5 or "9" in digits:
            raise InvalidInput(f"{number!r} is no hash of {self.name}: five digits from 0 to 8 are expected.")
        return self._architecture(LINKS[int(digits[0])], [OPERATIONS[int(digit)] for digit in digits[1:]])

    def _architecture(self, links: str, ops: Sequence[str]) -> Architecture:
        return Architecture(self, {"links": links, **dict(zip(NODES, ops, strict=True))})


def hash_number(links: str, ops: Sequence[int]) -> int:
    """The official hash of a link list and four operations, given by their places in `OPERATIONS`.

    The place of the canonical link list, then a digit for each operation.
    """
    canonical_links, canonical_ops = canonical_form([int(link) for link in links], ops, SKIP)
    number = LINKS.index("".join(map(str, canonical_links)))
    for op in canonical_ops:
        number = 10 * number + op
    return number


def _is_the_input(graph: nx.DiGraph, name: str) -> bool:
    """Whether nothing but skips lies between the input and a node."""
    while name != "in":
        if graph.nodes[name]["op"] != OPERATIONS[SKIP]:
            return False
        (name,) = graph.predecessors(name)
    return True


def _shown(text: object) -> str:
    shown = repr(text[:_LONGEST] if isinstance(text, str) else text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
