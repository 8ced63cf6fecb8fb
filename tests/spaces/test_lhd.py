"""LHD's cells as the official discretisation counts, writes and builds them."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import islice
from math import comb, isqrt

import pytest
import torch

from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.spaces import search_space
from workbench.spaces.graphs import live_part
from workbench.spaces.lhd import LHD, OPERATIONS, POLICIES
from workbench.spaces.space import SearchSpace
from workbench.testing import space_contract

SPACE = search_space("lhd")
TEXT = (
    "Genotype(normal=[('avg_pool_3x3', 1, 0), ('sep_conv_3x3', 1, 0), ('skip_connect', 1, 1), ('sep_conv_5x5', 1, 1), "
    "('skip_connect', 0, 2), ('skip_connect', 3, 2), ('skip_connect', 0, 3), ('dil_conv_5x5', 0, 3), "
    "('dil_conv_5x5', 3, 4), ('sep_conv_5x5', 5, 4)], normal_output={'sum': [0, 1, 3, 4], 'concat': [0, 1, 2, 4]}, "
    "reduce=[('dil_conv_3x3', 1, 0), ('dil_conv_5x5', 1, 0), ('avg_pool_3x3', 1, 1), ('dil_conv_3x3', 1, 1), "
    "('sep_conv_5x5', 1, 2), ('max_pool_3x3', 2, 2), ('avg_pool_3x3', 3, 3), ('sep_conv_5x5', 3, 3), "
    "('max_pool_3x3', 0, 4), ('dil_conv_5x5', 0, 4)], reduce_output={'sum': [3], 'concat': [0, 1]})"
)


def test_the_size_is_that_of_the_discretisation_rules() -> None:
    # gen_trans.py: the 2 (or 3) strongest of 7 operations on each of k inputs for k = 2 ... 6; an output takes the
    # nodes above the mean weight, some but not all of 5, or under "4out" the 4 strongest.
    pairs = [comb(7 * k, 2) for k in (2, 3, 4, 5, 6)]
    assert pairs == [91, 210, 378, 595, 861]
    assert SPACE.size == (91 * 210 * 378 * 595 * 861 * 30 * 30) ** 2
    assert LHD("4out").size == (91 * 210 * 378 * 595 * 861 * 5 * 5) ** 2
    assert LHD("3ops").size == (comb(14, 3) * comb(21, 3) * comb(28, 3) * comb(35, 3) * comb(42, 3) * 900) ** 2
    assert LHD("1M").size == SPACE.size
    assert 1e31 < SPACE.size < 1.2e31


@pytest.mark.parametrize(
    ("policy", "operations"),
    [("base", 1), ("base", 2), ("3ops", 2), ("4out", 2)],
)
def test_a_small_cell_has_as_many_forms_as_the_formula_says(policy: str, operations: int) -> None:
    small = LHD(policy, steps=2, operations=OPERATIONS[:operations])
    forms = isqrt(small.size)
    # The second cell's answers change fastest: the first so many architectures share their first cell.
    some = list(islice(small.enumerate(), forms + 1))
    assert len(set(map(str, some))) == forms + 1
    first = [[answer for name, answer in arch.decisions.items() if "normal" in name] for arch in some]
    assert all(cell == first[0] for cell in first[:-1])
    assert first[-1] != first[0]
    if forms < 20:
        assert len(list(small.enumerate())) == small.size


def test_samples_of_every_policy_are_read_back() -> None:
    for policy in POLICIES:
        space = LHD(policy)
        archs = space.sample(150, seed=0)
        assert [space.parse(str(arch)) for arch in archs] == archs


def test_a_printed_genotype_is_read_entry_by_entry() -> None:
    arch = SPACE.parse(TEXT)
    assert str(arch) == TEXT
    assert arch.decisions["normal.2.inputs"] == "1,1"
    assert arch.decisions["normal.1->2.2"] == "avg_pool_3x3+sep_conv_3x3"
    assert arch.decisions["normal.5->6"] == "sep_conv_5x5"
    assert [arch.decisions[f"reduce.{node}.out"] for node in (2, 3, 4, 5, 6)] == [
        "concat",
        "concat",
        "inner",
        "sum",
        "inner",
    ]
    entries = "('avg_pool_3x3', 1, 0), ('sep_conv_3x3', 1, 0)"
    assert SPACE.parse(TEXT.replace(entries, "('sep_conv_3x3', 1, 0), ('avg_pool_3x3', 1, 0)")) == arch


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("'sep_conv_3x3', 1, 0", "'sep_conv_3x4', 1, 0"), "Did you mean 'sep_conv_3x3'"),
        (TEXT.replace("('sep_conv_3x3', 1, 0)", "('avg_pool_3x3', 1, 0)"), "stands twice in cell 'normal'"),
        (TEXT.replace("('sep_conv_3x3', 1, 0)", "('sep_conv_3x3', 2, 0)"), "does not lead from an input to a later"),
        (TEXT.replace("('sep_conv_3x3', 1, 0)", "('sep_conv_3x3', 1)"), "is no triple such as"),
        (TEXT.replace("('sep_conv_3x3', 1, 0), ", ""), "Node 0 of cell 'normal' has 1 operations: in lhd it has 2"),
        (TEXT.replace("'sum': [3]", "'sum': []"), "The sum of cell 'reduce' takes 0 nodes: 1 to 4 do"),
        (TEXT.replace("'sum': [3]", "'sum': [0, 1, 2, 3, 4]"), "takes 5 nodes: 1 to 4 do"),
        (TEXT.replace("'sum': [3]", "'sum': [3, 3]"), "different nodes are expected"),
        (TEXT.replace("'sum': [3]", "'sum': 3"), "different nodes are expected"),
        (TEXT.replace("'sum': [3]", "'all': [3]"), "lists of nodes named 'sum' and 'concat' are expected"),
        ("", "'Genotype' is expected where 'its end' stands"),
        (None, "is written as a Genotype"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        SPACE.parse(text)


def test_another_policys_string_is_refused() -> None:
    with pytest.raises(InvalidInput, match="The sum of cell 'reduce' leaves out 4 nodes: in lhd_4out it is one"):
        LHD("4out").parse(TEXT)
    with pytest.raises(InvalidInput, match="in lhd_3ops it has 3"):
        LHD("3ops").parse(TEXT)
    with pytest.raises(UnknownName, match="no discretisation policy of LHD named '4outs'. Did you mean '4out'"):
        LHD("4outs")
    with pytest.raises(InvalidInput, match="2 steps are the least"):
        LHD(steps=1)


def test_damaged_genotypes_are_read_or_refused_and_nothing_else() -> None:
    rng = random.Random(0)
    for _ in range(500):
        place = rng.randrange(len(TEXT))
        text = TEXT[:place] + rng.choice("()[]{},:='0129ax\x00") * rng.randrange(3) + TEXT[place + rng.randrange(3) :]
        try:
            arch = SPACE.parse(text)
        except InvalidInput:
            continue
        assert SPACE.parse(str(arch)) == arch


def test_nodes_that_reach_no_output_are_dead_and_never_built() -> None:
    arch = SPACE.parse(TEXT)
    live = live_part(arch.graph)
    # Node 4 of the reduction cell ("6" in the graph) is in no output; nodes 0, 1 and 3 are, and 3 uses 1.
    assert "reduce.6" not in live
    assert "reduce.4" not in live
    assert {"reduce.2", "reduce.3", "reduce.5"} <= set(live)
    assert SPACE.counts(arch, live=True) == SPACE.counts(arch) == SearchSpace.counts(SPACE, arch)


def test_the_operations_are_lighter_than_those_of_darts() -> None:
    # operations_five_dr.py: one depthwise convolution and no pointwise one.
    arch = SPACE.parse(TEXT)
    other = SPACE.parse(TEXT.replace("('sep_conv_3x3', 1, 0)", "('sep_conv_5x5', 1, 0)"))
    widths = [16, 16, 32, 32, 64, 64]  # of the six normal cells among eight
    assert SPACE.counts(other).params - SPACE.counts(arch).params == (25 - 9) * sum(widths)


def test_the_policy_of_a_least_size_widens_the_network() -> None:
    wide = LHD("1M", n_cells=25, channels=36)
    arch = wide.sample(1, seed=3)[0]
    assert 1_500_000 <= wide.counts(arch).params < 1_700_000
    assert wide.name == "lhd_1m_25x36"
    assert SearchSpace.counts(wide, arch) == wide.counts(arch)


def test_canonical_strings_tell_cells_inputs_and_outputs_apart() -> None:
    arch = SPACE.parse(TEXT)
    others = [
        TEXT.replace("('skip_connect', 0, 2)", "('skip_connect', 1, 2)"),
        TEXT.replace("'sum': [3], 'concat': [0, 1]", "'sum': [0, 1], 'concat': [3]"),
    ]
    assert len({SPACE.canonical(SPACE.parse(text)) for text in [*others, TEXT]}) == 3
    dead = SPACE.parse(TEXT.replace("('max_pool_3x3', 0, 4)", "('avg_pool_3x3', 0, 4)"))
    assert SPACE.canonical(dead) != SPACE.canonical(arch)
    assert SPACE.canonical(dead, "functional") == SPACE.canonical(arch, "functional")


def test_outputs_of_all_nodes_or_none_are_infeasible() -> None:
    answers = dict(SPACE.parse(TEXT).decisions)
    with pytest.raises(Infeasible, match="The sum of cell 'normal' takes 5 nodes: 1 to 4 do"):
        SPACE.architecture(answers | {f"normal.{node}.out": "sum" for node in (2, 3, 4, 5, 6)})


def test_every_question_is_found_without_an_architecture() -> None:
    # For each cell and node: inputs, outputs, and one or two operations from each input.
    assert len(SPACE.questions()) == 2 * sum(2 + 2 * node for node in (2, 3, 4, 5, 6))


@pytest.mark.parametrize("check", space_contract, ids=lambda check: check.__name__)
def test_the_other_policies_pass_the_contract(check: Callable[[SearchSpace], None]) -> None:
    for policy in ("3ops", "4out"):
        check(LHD(policy, n_cells=3, channels=4))


def test_networks_run_on_large_images() -> None:
    small = LHD(n_cells=3, channels=4)
    logits = small.build(small.parse(TEXT), "imagenet_noise")(torch.randn(2, 3, 224, 224))
    assert logits.shape == (2, 1000)
    assert torch.isfinite(logits).all()


def test_operations_from_the_catalogue_can_be_added() -> None:
    name = "normal.0->3"
    more = SPACE.extend({name: ["sep_conv_7x7"]})
    arch = next(a for a in more.sample(400, seed=2) if a.decisions.get(name) == "sep_conv_7x7")
    assert more.counts(arch, "digits").params > 0
