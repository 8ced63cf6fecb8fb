"""NAS-Bench-Macro as its authors count and build it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.errors import InvalidInput
from workbench.networks.counting import count_module
from workbench.networks.layers import InvertedBottleneck
from workbench.networks.nasbench_macro_counts import counts as formula
from workbench.spaces import search_space

SPACE = search_space("nasbench_macro")
BEST = "22212220"


@pytest.fixture(scope="module")
def table(shared_data: Callable[[str], Path]) -> pd.DataFrame:
    """The published table, indexed by official string."""
    with np.load(shared_data("nb_macro.npz")) as columns:
        return pd.DataFrame({name: columns[name] for name in columns.files}).set_index("arch")


def test_there_are_6561_architectures_in_the_order_of_their_strings() -> None:
    assert SPACE.size == 3**8 == 6_561
    assert [str(arch) for arch in SPACE.enumerate()] == ["".join(digits) for digits in product("012", repeat=8)]


def test_every_official_string_is_read_and_written_back(table: pd.DataFrame) -> None:
    assert [str(SPACE.parse(text)) for text in table.index] == table.index.tolist()


def test_a_digit_is_the_block_of_its_layer() -> None:
    assert dict(SPACE.parse("01202120").decisions) == {
        "layer1": "identity",
        "layer2": "mb3_k3",
        "layer3": "mb6_k5",
        "layer4": "identity",
        "layer5": "mb6_k5",
        "layer6": "mb3_k3",
        "layer7": "mb6_k5",
        "layer8": "identity",
    }


def test_every_architecture_has_the_published_parameters_and_flops(table: pd.DataFrame) -> None:
    counted = [SPACE.counts(SPACE.parse(text)) for text in table.index]
    assert [c.params for c in counted] == table["params"].tolist()
    assert [c.macs for c in counted] == table["flops"].tolist()


@pytest.mark.parametrize("text", [BEST, "00000000", "11111111", "22222222", "02101202", "10020110"])
def test_built_networks_have_the_published_parameters_and_flops(text: str, table: pd.DataFrame) -> None:
    built = count_module(SPACE.build(SPACE.parse(text), "cifar10"), (3, 32, 32))
    assert tuple(built) == (table.loc[text, "params"], table.loc[text, "flops"])


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (2, 17, 13)])
def test_the_formula_holds_for_other_images(shape: tuple[int, int, int]) -> None:
    from workbench.networks.nasbench_macro import Network

    for arch in SPACE.sample(3, seed=2):
        assert formula(SPACE.graph(arch), shape, 7) == count_module(Network(SPACE.graph(arch), shape, 7), shape)


def test_the_first_layer_of_a_stage_halves_the_size_and_doubles_the_channels() -> None:
    shapes = [(d["channels"], d["stride"]) for _, d in SPACE.graph(SPACE.parse(BEST)).nodes(data=True) if "op" in d]
    assert shapes == [(64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1)]


def test_the_blocks_are_the_published_ones() -> None:
    blocks = SPACE.build(SPACE.parse("10200000"), "cifar10").blocks
    assert [type(b).__name__ for b in blocks[1:]] == [
        "Identity",
        "InvertedBottleneck",
        *("Identity", "Identity"),
        "Sequential",  # between stages the identity is a 1x1 convolution and a normalisation
        *("Identity", "Identity"),
    ]
    assert [type(layer).__name__ for layer in blocks[5]] == ["Conv2d", "BatchNorm2d"]
    for block, hidden, kernel in ((blocks[0], 3 * 32, 3), (blocks[2], 6 * 64, 5)):
        assert isinstance(block, InvertedBottleneck)
        assert not block.residual
        depthwise = block.body[1][0]
        assert (depthwise.out_channels, depthwise.kernel_size) == (hidden, (kernel, kernel))
    assert isinstance(SPACE.build(SPACE.parse(BEST)).blocks[1].body[0][2], torch.nn.ReLU)


def test_identities_within_a_stage_can_stand_anywhere() -> None:
    # train_benchmark.py trains one network of each class and writes its result down for the others.
    assert len(SPACE.classes()) == len(SPACE.classes("functional")) == 9 * 21 * 21 == 3_969
    assert SPACE.canonical(SPACE.parse("22102202")) == "22120220"
    assert SPACE.canonical(SPACE.parse("01002001")) == "01020010"


def test_equal_architectures_have_equal_records(table: pd.DataFrame) -> None:
    for twins in SPACE.classes().values():
        assert len(table.loc[[str(arch) for arch in twins]].drop_duplicates()) == 1


def test_equal_architectures_compute_the_same() -> None:
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    first, second = (SPACE.build(SPACE.parse(text), "digits", seed=4).eval()(x) for text in ("20201102", "20210120"))
    assert torch.equal(first, second)


@pytest.mark.parametrize("text", ["2221222", "222122200", "22212223", " 2212220", "²2212220", "٢٢٢١٢٢٢٠", "22212220\n"])
def test_other_strings_are_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"is no architecture of nasbench_macro: a string of 8 digits 0 \(identity\)"
    ):
        SPACE.parse(text)


@pytest.mark.parametrize("thing", [22212220, None, b"22212220", [], "2" * 10_000_000])
def test_other_things_are_refused_in_few_words(thing: object) -> None:
    with pytest.raises(InvalidInput, match="such as '22212220'") as refusal:
        SPACE.parse(thing)  # type: ignore[arg-type]
    assert len(str(refusal.value)) < 250


def test_a_network_runs_on_large_images() -> None:
    from workbench.tasks import task

    images = task("imagenet_noise")
    model = SPACE.build(SPACE.parse("00000000"), images)
    assert model(torch.zeros(1, *images.shape)).shape == (1, images.n_classes)


def test_an_extension_puts_operations_of_the_catalogue_into_the_chain() -> None:
    wider = SPACE.extend({"layer1": ["sep_conv_3x3"], "layer2": ["max_pool_3x3"]})
    arch = wider.architecture({**SPACE.parse(BEST).decisions, "layer1": "sep_conv_3x3", "layer2": "max_pool_3x3"})
    model = wider.build(arch, "digits")
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert count_module(model, (1, 8, 8)) == wider.counts(arch, "digits")
    with pytest.raises(InvalidInput, match="has no operation 'sep_conv_3x3' whose size is known"):
        formula(wider.graph(arch), (1, 8, 8), 10)


@pytest.mark.parametrize("name", ["nasbench_macro", "natsbench_sss", "channel_bench_resnet", "channel_bench_mobilenet"])
def test_counting_needs_no_torch(name: str) -> None:
    code = (
        "import sys; import workbench as wb; space = wb.search_space(sys.argv[1]); "
        "space.counts(space.sample(1)[0]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
