"""Grammars, and the hierarchical NAS-Bench-201 space (Schrodi et al., NeurIPS 2023)."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import Infeasible, InvalidInput
from workbench.spaces import search_space
from workbench.spaces.choices import Walk
from workbench.spaces.combined.grammar import Grammar, Tree
from workbench.spaces.combined.grammar_space import GrammarSpace
from workbench.spaces.graphs import is_connected
from workbench.spaces.hierarchical_nasbench201 import CELL_WIRES, HierarchicalNASBench201, passes
from workbench.testing import space_contract

SPACE = HierarchicalNASBench201()
FLAT = search_space("nasbench201")
EXPRESSION = """
S -> "add" S S | "neg" S | "x" | "1" | "x"
"""
OPS = {"none": "zero", "skip_connect": "id", "avg_pool_3x3": "avg_pool"}
BLOCKS = {"nor_conv_3x3": "conv3x3o", "nor_conv_1x1": "conv1x1o"}


class Expressions(GrammarSpace):
    """Arithmetic, as small a recursive grammar as there is; a linear layer for every word."""

    name = "expressions"
    grammar = Grammar(EXPRESSION, depth=3)

    def picture(self, tree: Tree) -> nx.DiGraph:
        graph = nx.DiGraph([("in", "out")])
        nx.set_node_attributes(
            graph, {"in": {"role": "input", "label": "in"}, "out": {"role": "output", "label": "out"}}
        )
        for i, word in enumerate(tree.words()):
            graph.add_node(i, role="op", op=word.symbol)
            graph.add_edges_from([("in", i), (i, "out")])
        return graph

    def network(self, graph: nx.DiGraph, task) -> torch.nn.Module:  # type: ignore[no-untyped-def]
        size = math.prod(task.shape)
        layers = [torch.nn.Linear(size, size) for _ in range(graph.number_of_nodes() - 2)]
        return torch.nn.Sequential(torch.nn.Flatten(), *layers, torch.nn.Linear(size, task.n_classes))


@pytest.mark.parametrize("check", space_contract, ids=lambda check: check.__name__)
def test_a_recursive_grammar_passes_the_contract(check) -> None:  # type: ignore[no-untyped-def]
    if check.__name__ == "counts_equal_the_built_network":
        pytest.skip("its networks have layers of 3,072 x 3,072 on CIFAR-10")
    check(Expressions())


def test_the_number_of_derivations_is_exact() -> None:
    for depth, expected in ((1, 3), (2, 3 + 3 + 9), (3, 3 + 15 + 15**2)):
        grammar = Grammar(EXPRESSION, depth=depth)
        assert grammar.size() == expected
    every = list(Expressions().enumerate())
    assert len(set(map(str, every))) == len(every) == Expressions().size == 243


def test_a_production_that_is_written_twice_is_offered_twice() -> None:
    assert [p.answer for p in Grammar(EXPRESSION, depth=2).productions["S"]] == ["add S S", "neg S", "x", "1", "x#2"]
    space = Expressions()
    assert str(space.parse("(S add (S x) (S#2 x))")) == "(S add (S x) (S#2 x))"


def test_symbols_that_cannot_end_in_time_are_not_offered() -> None:
    space = Expressions()
    asked = {q.name: q.answers for q in space.questions()}
    assert asked["S"] == asked["S@1"] == ("add S S", "neg S", "x", "1", "x#2")
    assert asked["S@11"] == ("x", "1", "x#2")
    assert set(asked) == {"S", "S@1", "S@2", "S@11", "S@12", "S@21", "S@22"}


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_every_derivation_of_every_grammar_is_read_back(seed: int, depth: int) -> None:
    grammar = Grammar('A -> B "w" C | "v" A | C\nB -> "b" | "b" | A\nC -> "c" B | "c" | "d"', depth=depth + 2)
    rng = np.random.default_rng(seed)
    walk = Walk(lambda q: q.answers[rng.integers(len(q.answers))])
    text = grammar.write(grammar.derive(walk))
    answers = grammar.read(text)
    assert answers == walk.decisions
    assert set(answers) <= {q.name for q in grammar.questions()}
    again = Walk(lambda q: answers[q.name])
    assert grammar.write(grammar.derive(again)) == text


@pytest.mark.parametrize(
    ("text", "depth", "words"),
    [
        ('S -> "a" S', None, "contains itself: give depth="),
        ('S -> "a" S', 5, "No derivation ends within depth=5: inf are needed"),
        ('S -> "a" A\nA -> "b"', 1, "No derivation ends within depth=1: 2 are needed"),
        ('S -> "a" B', None, "'B' in the productions of 'S' is neither a quoted word nor a symbol"),
        ('S -> "A" A\nA -> "a"', None, "'A' in the productions of 'S' is both a word and a symbol"),
        ("S: a", None, "'S: a' is no line of a grammar"),
        ('S -> "a" |', None, "is no line of a grammar"),
        ("", None, "A grammar needs at least one line"),
        ('S -> "a"', 0, "depth is a whole number, 1 or more; got 0"),
        ('S -> "a#2"', None, "A production has at most 36 items, none with '#'"),
    ],
)
def test_a_grammar_that_is_none_is_refused(text: str, depth: int | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Grammar(text, depth)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(S", "The derivation ends too early"),
        ("(T x)", "A derivation has 'S' here, not 'T'"),
        ("(S y)", "No production of 'S' fits 'y'"),
        ("(S add (S x))", "'S' is cut short"),
        ("(S x) x", "Something follows the derivation"),
        ("(S#3 x)", "No production of 'S' fits 'x'"),
        ("(S neg (S neg (S neg (S x))))", "No production of 'S' fits 'neg'"),
        ("((((", "A derivation has 'S' here, not '.'"),
        ("(S neg " * 100_000, "No production of 'S' fits 'neg'"),
        ("x" * 10_000_000, "at most 1,000,000 characters"),
        (None, "A derivation is a text"),
    ],
)
def test_a_text_that_is_no_derivation_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Expressions().parse(text)


# -- hierarchical NAS-Bench-201 --------------------------------------------------------------------------------


def test_there_are_ten_to_the_446_derivations() -> None:
    # Schrodi et al. (2023), section 4: more than 10^446 architectures.
    assert math.log10(SPACE.grammar.size()) == pytest.approx(446.09, abs=0.01)
    assert SPACE.size < SPACE.grammar.size()
    assert math.log10(SPACE.size) == pytest.approx(446.09, abs=0.01)


def test_the_size_without_the_macro_level_is_counted_by_hand() -> None:
    # One cell: 57 operations an edge (identity, zero, pooling and twice 27 convolution blocks), in 57^6 ways; of the
    # 2^6 patterns of zeros some cut the cell.
    open_ = [pattern for pattern in np.ndindex(*[2] * 6) if passes([bool(p) for p in pattern])]
    connected = [p for p in np.ndindex(*[2] * 6) if nx.has_path(_pattern(p), 1, 4)]
    assert open_ == connected
    assert SPACE.grammar.size({"D2": 57**6}) == 57**6
    assert 5**6 - sum(4 ** sum(p) for p in open_) == 341  # as in NAS-Bench-201, with five operations an edge


def _pattern(pattern: tuple[int, ...]) -> nx.DiGraph:
    graph = nx.DiGraph([wire for wire, open_ in zip(CELL_WIRES, pattern, strict=True) if open_])
    graph.add_nodes_from([1, 4])
    return graph


def official(cell: str) -> str:
    """The derivation whose network is that of a NAS-Bench-201 cell: five cells in each of three stages."""
    arch = FLAT.parse(cell)
    order = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")

    def operation(op: str) -> str:
        if op in OPS:
            return f"(OPS {OPS[op]})"
        return f"(OPS Linear1 (CONVBLOCK Linear3 (ACT relu) (CONV {BLOCKS[op]}) (NORM batch)))"

    one = f"(CELL Cell {' '.join(operation(str(arch.decisions[edge])) for edge in order)})"
    pair = f"(C Linear2 {one} {one})"
    stage = f"(D1 Linear3 {pair} {pair} (DOWN Linear2 {one} resBlock))"
    return f"(D2 Linear3 {stage} {stage} (D0 Linear3 {pair} {pair} {one}))"


@pytest.mark.parametrize("seed", range(4))
def test_a_derivation_of_five_equal_cells_a_stage_is_the_network_of_nasbench201(seed: int) -> None:
    cell = next(a for a in FLAT.sample(20, seed=seed) if is_connected(FLAT.graph(a)))
    arch = SPACE.parse(official(str(cell)))
    assert str(arch) == official(str(cell))
    assert SPACE.counts(arch, "cifar10") == FLAT.counts(cell, "cifar10")


def test_a_cell_that_zeros_cut_in_two_is_infeasible() -> None:
    cut = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|"
    with pytest.raises(Infeasible, match="The zeros of a cell .* let nothing through"):
        SPACE.parse(official(cut))


def test_every_sample_is_a_connected_graph_numbered_from_input_to_output() -> None:
    for arch in SPACE.sample(10, seed=0):
        graph = SPACE.graph(arch)
        assert is_connected(graph)
        assert list(graph) == list(range(len(graph)))
        assert all(a < b for a, b in graph.edges)
        assert graph.nodes[0]["role"] == "input"
        assert graph.nodes[len(graph) - 1]["role"] == "output"


def test_copies_of_the_convolution_block_are_the_same_architecture() -> None:
    first = official("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|")
    second = SPACE.parse(first.replace("(OPS Linear1", "(OPS#2 Linear1", 1))
    assert second != SPACE.parse(first)
    for rule in SPACE.canonical_rules:
        assert SPACE.canonical(second, rule) == SPACE.canonical(SPACE.parse(first), rule)


def test_canonical_strings_follow_what_networks_compute() -> None:
    def canonical(cell: str, rule: str) -> str:
        return SPACE.canonical(SPACE.parse(official(cell)), rule)

    through_1 = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"
    through_2 = "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|"
    direct = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
    other = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    assert len({canonical(cell, "functional") for cell in (through_1, through_2, direct)}) == 1
    assert canonical(direct, "functional") != canonical(other, "functional")
    assert canonical(through_1, "isomorphic") != canonical(direct, "isomorphic")


def test_relabelling_the_inner_nodes_of_cells_changes_no_canonical_string() -> None:
    # Node 2 and 3 of a cell are exchangeable where no operation lies between them.
    one = "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|none~0|skip_connect~1|nor_conv_1x1~2|"
    other = "|avg_pool_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"
    a, b = SPACE.parse(official(one)), SPACE.parse(official(other))
    assert a != b
    assert SPACE.canonical(a, "functional") == SPACE.canonical(b, "functional")


def test_every_kind_of_convolution_block_learns() -> None:
    torch.manual_seed(0)
    text = official("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|")
    for act, conv, norm in (("mish", "dconv3x3o", "layer"), ("hardswish", "conv1x1o", "instance")):
        changed = text.replace("(ACT relu) (CONV conv3x3o) (NORM batch)", f"(ACT {act}) (CONV {conv}) (NORM {norm})")
        arch = SPACE.parse(changed)
        network = SPACE.build(arch, "digits")
        network(torch.randn(2, 1, 8, 8)).sum().backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
        assert f"{act}-{conv}-{norm}" in {op for *_, op in SPACE.graph(arch).edges(data="op")}
