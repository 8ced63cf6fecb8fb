"""NAS-Bench-201 as its authors and the literature count it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidInput, UnknownName
from workbench.spaces import search_space
from workbench.spaces.graphs import is_connected
from workbench.spaces.nasbench201 import OPERATIONS, from_naslib, to_naslib

SPACE = search_space("nasbench201")
TEXT = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


def test_there_are_15625_cells_in_6466_classes_and_5390_functions() -> None:
    # Dong & Yang (2020), section 2.1: 15,625 cells, 6,466 of them unique.
    assert SPACE.size == len(set(SPACE.enumerate())) == 15_625
    assert len(SPACE.classes()) == 6_466
    assert len(SPACE.classes("functional")) == 5_390


def test_341_cells_connect_nothing() -> None:
    assert sum(not is_connected(SPACE.graph(arch)) for arch in SPACE.enumerate()) == 341
    assert len(SPACE.twins(SPACE.architecture(dict.fromkeys(_questions(), "none")), "functional")) == 341


def test_every_cell_has_24_neighbors() -> None:
    for arch in SPACE.sample(20, seed=0):
        assert len(SPACE.neighbors(arch)) == 24


def test_twins_under_the_functional_rule_include_those_under_the_benchmarks() -> None:
    for arch in SPACE.sample(200, seed=1):
        assert arch in SPACE.twins(arch)
        assert set(SPACE.twins(arch)) <= set(SPACE.twins(arch, "functional"))


def test_a_skip_between_nodes_makes_isomorphs() -> None:
    a = SPACE.parse("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|")
    b = SPACE.parse("|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|")
    assert SPACE.canonical(a) == SPACE.canonical(b)
    assert a != b


def test_the_official_string_is_read_edge_by_edge() -> None:
    arch = SPACE.parse(TEXT)
    assert str(arch) == TEXT
    assert arch.decisions["0->3"] == "avg_pool_3x3"
    assert arch.graph.edges[2, 3]["op"] == "nor_conv_1x1"


def test_our_order_holds_every_official_string(shared_data: Callable[[str], Path]) -> None:
    official = np.load(shared_data("nb201_core.npz"))["arch_str"].tolist()
    assert {str(arch) for arch in SPACE.enumerate()} == set(official)


def test_naslib_digits_convert_both_ways(shared_data: Callable[[str], Path]) -> None:
    table = np.load(shared_data("nb201_core.npz"))
    for text, digits in zip(table["arch_str"].tolist(), table["naslib_tuple"].tolist(), strict=True):
        assert str(from_naslib(SPACE, digits)) == text
        assert to_naslib(SPACE.parse(text)) == digits


@pytest.mark.parametrize("digits", ["12345", "1234567", "912345", "", None])
def test_malformed_naslib_digits_are_refused(digits: str) -> None:
    with pytest.raises(InvalidInput, match="six digits from 0 to 4 are expected"):
        from_naslib(SPACE, digits)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("nor_conv_3x3", "nor_conv_3x4"), "Unknown operation 'nor_conv_3x4'.*Did you mean 'nor_conv_3x3'"),
        (TEXT.replace("|skip_connect~1|", "|"), "Node 2 of .* has 1 inputs; it takes 2"),
        (TEXT.replace("none~1|nor", "none~2|nor"), r"Input 1 of node 3 in .* must end in '~1'; got 'none~2'"),
        (TEXT.replace("+|none~0|skip_connect~1|", ""), "has 2 nodes between"),
        (TEXT.replace("|nor_conv_3x3~0|", "nor_conv_3x3~0"), "Node 1 of .* must stand between bars"),
        (7, "is written as a string like"),
    ],
)
def test_a_malformed_string_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        SPACE.parse(text)


@given(st.text(alphabet="|+~0123 nor_conv_3x3skip_connectavgpool", max_size=120))
def test_any_text_is_an_architecture_or_our_error(text: str) -> None:
    try:
        arch = SPACE.parse(text)
    except InvalidInput:
        return
    assert str(arch) == text.strip()


@given(st.lists(st.sampled_from(OPERATIONS), min_size=6, max_size=6))
def test_every_list_of_operations_is_an_architecture(ops: list[str]) -> None:
    arch = SPACE.architecture(dict(zip(_questions(), ops, strict=True)))
    assert list(arch.decisions.values()) == ops
    assert SPACE.parse(str(arch)) == arch


def test_an_unknown_space_encoding_or_rule_shows_the_nearest_names() -> None:
    with pytest.raises(UnknownName, match="There is no search space named 'nasbench21'. Did you mean 'nasbench201'"):
        search_space("nasbench21")
    with pytest.raises(UnknownName, match="There is no encoding named 'onehot'. Did you mean 'one_hot'"):
        SPACE.encode(SPACE.sample(1), "onehot")
    with pytest.raises(UnknownName, match="There is no canonical rule named 'function'. Did you mean 'functional'"):
        SPACE.canonical(SPACE.sample(1)[0], "function")


def test_a_restriction_is_a_smaller_space_of_the_same_architectures() -> None:
    smaller = SPACE.restrict({"0->1": ["skip_connect", "nor_conv_3x3"], "2->3": ["nor_conv_1x1"]})
    assert smaller.size == 2 * 5**4
    every = set(smaller.enumerate())
    assert len(every) == smaller.size
    assert every <= set(SPACE.enumerate())
    with pytest.raises(InvalidInput, match="is no answer to question '2->3'. Allowed: 'nor_conv_1x1'"):
        smaller.parse(TEXT.replace("nor_conv_1x1~2", "none~2"))


def test_one_restriction_can_narrow_another() -> None:
    twice = SPACE.restrict({"0->1": ["none", "skip_connect"]}).restrict({"0->1": ["none"]})
    assert twice.size == 5**5


def test_an_architecture_in_a_notebook_is_drawn() -> None:
    html = SPACE.parse(TEXT)._repr_html_()
    assert "<svg" in html
    assert TEXT in html


def _questions() -> list[str]:
    return [q.name for q in SPACE.questions()]
