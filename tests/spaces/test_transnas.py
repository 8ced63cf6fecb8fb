"""TransNAS-Bench-101's two spaces as their authors write, count and build them."""

from __future__ import annotations

import random
from itertools import product

import pytest
import torch

from workbench.errors import Infeasible, InvalidInput
from workbench.spaces import search_space
from workbench.spaces.graphs import is_connected
from workbench.spaces.space import SearchSpace

MICRO = search_space("transnas_micro")
MACRO = search_space("transnas_macro")
# Parameters of MacroNet(string, structure="full", num_classes=10), lib/models/net_infer of yawen-d/TransNASBench.
OFFICIAL = {
    "64-41414-1_02_333": 22_525_738,
    "64-41414-3_33_333": 41_416_746,
    "64-41414-0_00_000": 24_618,
    "64-41414-2_11_013": 8_556_330,
    "64-1234-basic": 3_402_794,
    "64-4111-basic": 2_318_890,
    "64-43243-basic": 21_355_562,
    "64-111144-basic": 3_239_210,
}


def test_there_are_4096_cells_and_every_string_is_read_back() -> None:
    # Duan et al. (2021), section 3.1; the strings of the official file's `micro`.
    every = list(MICRO.enumerate())
    assert MICRO.size == len(set(every)) == 4_096
    digits = ["".join(d) for d in product("0123", repeat=6)]
    assert [str(arch) for arch in every] == [f"64-41414-{d[0]}_{d[1:3]}_{d[3:]}" for d in digits]
    assert [MICRO.parse(str(arch)) for arch in every] == every


def test_there_are_3256_macro_networks_by_the_official_limits() -> None:
    # Section 3.1: four to six modules, of which one to three double the channels and one to four halve the size.
    allowed = {
        "".join(modules)
        for depth in (4, 5, 6)
        for modules in product("1234", repeat=depth)
        if 1 <= sum(m in "24" for m in modules) <= 3 and 1 <= sum(m in "34" for m in modules) <= 4
    }
    every = list(MACRO.enumerate())
    assert len(allowed) == MACRO.size == len(set(every)) == 3_256
    assert {str(arch) for arch in every} == {f"64-{modules}-basic" for modules in allowed}
    assert [MACRO.parse(str(arch)) for arch in every] == every


@pytest.mark.parametrize(
    "modules", ["43243", "41443", "23443", "43432", "43414", "43144", "1234", "4111", "2311", "23344"]
)
def test_networks_of_the_official_file_are_in_the_macro_space(modules: str) -> None:
    assert str(MACRO.parse(f"64-{modules}-basic")) == f"64-{modules}-basic"


def test_the_readmes_cell_is_read_edge_by_edge() -> None:
    # README: node 1 skips the input; node 2 is nothing of the input and a 1x1 of node 1; node 3 three 3x3.
    arch = MICRO.parse("64-41414-1_02_333")
    assert dict(arch.decisions) == {
        "0->1": "skip_connect",
        "0->2": "none",
        "1->2": "nor_conv_1x1",
        "0->3": "nor_conv_3x3",
        "1->3": "nor_conv_3x3",
        "2->3": "nor_conv_3x3",
    }


def test_the_readmes_macro_network_is_read_module_by_module() -> None:
    arch = MACRO.parse("64-1234-basic")
    assert list(arch.decisions.values()) == [4, "normal", "double", "halve", "double_halve"]


@pytest.mark.parametrize(
    ("space", "text", "words"),
    [
        (MICRO, "64-41414-1_02_334", "it is written like 64-41414-1_02_333, the last six digits from 0 to 3"),
        (MICRO, "64-41414-1_02_33", "no architecture of transnas_micro"),
        (MICRO, "64-1234-basic", "no architecture of transnas_micro"),
        (MICRO, "64-41414-１_02_333", "no architecture of transnas_micro"),
        (MICRO, "6" * 10_000_000, "66' is no architecture"),
        (MICRO, None, "None is no architecture"),
        (MACRO, "64-123-basic", "with four to six digits from 1 to 4"),
        (MACRO, "64-1235-basic", "with four to six digits from 1 to 4"),
        (MACRO, "64-1234", "no architecture of transnas_macro"),
        (MACRO, "64-1111-basic", "is no architecture of transnas_macro: 0 modules double: 1 to 3 do"),
        (MACRO, "64-222411-basic", "4 modules double: 1 to 3 do"),
        (MACRO, "64-2111-basic", "0 modules halve: 1 to 4 do"),
        (MACRO, "64-333433-basic", "6 modules halve: 1 to 4 do"),
        (MACRO, 64, "64 is no architecture"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(space: SearchSpace, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        space.parse(text)


def test_damaged_strings_are_read_or_refused_and_nothing_else() -> None:
    rng = random.Random(0)
    for space in (MICRO, MACRO):
        for arch in space.sample(300, seed=1):
            text = str(arch)
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice("0123456-_ basic\x00") * rng.randrange(3) + text[place + 1 :]
            try:
                again = space.parse(text)
            except InvalidInput:
                continue
            assert str(again) == text.strip()


def test_modules_that_the_benchmark_does_not_have_are_infeasible() -> None:
    answers = {"depth": 4} | {f"module{n}": "normal" for n in (1, 2, 3, 4)}
    with pytest.raises(Infeasible, match="0 modules double: 1 to 3 do"):
        MACRO.architecture(answers)


def test_functional_classes_join_cells_that_compute_the_same() -> None:
    def same(a: str, b: str) -> bool:
        one, other = (MICRO.parse(f"64-41414-{cell}") for cell in (a, b))
        return MICRO.canonical(one, "functional") == MICRO.canonical(other, "functional")

    assert same("3_00_020", "3_12_020")  # node 2 leads nowhere
    assert same("3_00_020", "0_30_002")  # nodes 1 and 2 change places
    assert same("3_01_002", "3_00_020")  # node 2 is node 1
    assert same("3_00_010", "0_00_300")  # the output is node 1
    assert not same("1_00_030", "0_00_300")  # a skip from the input halves, and has weights
    assert not same("3_01_011", "3_00_010")  # node 1 is added to itself
    assert not same("2_20_033", "2_01_033")  # one 1x1 convolution used twice is not two
    assert len(MICRO.classes("isomorphic")) == 4_096
    assert len(MICRO.classes("functional")) == 1_840
    zero = [arch for arch in MICRO.enumerate() if not is_connected(arch.graph)]
    assert {MICRO.canonical(arch, "functional") for arch in zero} == {"zero"}
    assert len(MICRO.twins(zero[0], "functional")) == len(zero)


def test_functional_twins_give_the_same_numbers_when_they_share_weights() -> None:
    one, other = MICRO.parse("64-41414-3_01_002"), MICRO.parse("64-41414-3_00_020")
    a, b = MICRO.build(one, "digits", seed=0).eval(), MICRO.build(other, "digits", seed=1).eval()
    with torch.no_grad():
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            q.copy_(p)
        x = torch.randn(3, 1, 8, 8)
        assert torch.equal(a(x), b(x))


def test_every_macro_network_is_a_class_of_its_own() -> None:
    assert len(MACRO.classes()) == len(MACRO.classes("functional")) == 3_256


def test_sizes_are_those_of_the_official_code() -> None:
    for text, params in OFFICIAL.items():
        space = MACRO if text.endswith("basic") else MICRO
        assert space.counts(space.parse(text)).params == params


def test_all_counts_are_quick_and_equal_the_built_networks() -> None:
    for space in (MICRO, MACRO):
        assert all(space.counts(arch).params > 0 for arch in space.enumerate())
        for arch in space.sample(3, seed=2):
            for live in (False, True):
                assert space.counts(arch, "imagenet_noise", live) == SearchSpace.counts(
                    space, arch, "imagenet_noise", live
                )


def test_a_live_cell_is_never_larger() -> None:
    assert all(
        MICRO.counts(arch, "digits", live=True).params <= MICRO.counts(arch, "digits").params
        for arch in MICRO.sample(200, seed=3)
    )


def test_shortcuts_of_the_macro_blocks_are_normalised_as_officially() -> None:
    # The official block passes its flags (affine=True, track=True) as BatchNorm's eps and momentum.
    model = MACRO.build(MACRO.parse("64-4111-basic"), "digits")
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d) and m.eps == 1.0]
    assert [(m.momentum, m.num_features) for m in norms] == [(1.0, 128)]


@pytest.mark.parametrize("text", ["64-41414-0_00_000", "64-41414-0_03_003", "64-333412-basic", "64-4441-basic"])
def test_every_network_runs_also_where_nothing_reaches_the_output(text: str) -> None:
    space = MACRO if text.endswith("basic") else MICRO
    model = space.build(space.parse(text), "digits")
    assert model(torch.randn(2, 1, 8, 8)).shape == (2, 10)
