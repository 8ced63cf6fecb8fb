"""Channel-Bench-Macro's two spaces of widths as their authors count and build them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.errors import InvalidInput
from workbench.networks.channel_bench import BasicBlock, MobileNet, ResNet
from workbench.networks.channel_bench_counts import mobilenet_counts, resnet_counts
from workbench.networks.counting import count_module
from workbench.spaces import search_space
from workbench.tasks import task

BASES = ("resnet", "mobilenet")


@pytest.fixture(scope="module")
def table(shared_data: Callable[[str], Path]) -> dict[str, Any]:
    """The published columns of both spaces."""
    with np.load(shared_data("channel_bench_macro.npz")) as columns:
        return {name: columns[name].tolist() for name in columns.files}


@pytest.mark.parametrize("base", BASES)
def test_there_are_16384_widths_and_each_is_in_the_table(base: str, table: dict[str, Any]) -> None:
    space = search_space(f"channel_bench_{base}")
    assert space.size == 4**7 == 16_384
    assert [str(arch) for arch in space.enumerate()] == sorted(table[f"{base}_widths"])


@pytest.mark.parametrize("base", BASES)
def test_every_width_has_the_published_parameters_and_flops(base: str, table: dict[str, Any]) -> None:
    space = search_space(f"channel_bench_{base}")
    counted = [space.counts(space.parse(text)) for text in table[f"{base}_widths"]]
    assert [c.params for c in counted] == table[f"{base}_params"]
    assert [c.macs for c in counted] == table[f"{base}_flops"]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("text", ["1111111", "1234123", "4321432"])
def test_built_networks_have_the_published_parameters_and_flops(base: str, text: str, table: dict[str, Any]) -> None:
    space, row = search_space(f"channel_bench_{base}"), table[f"{base}_widths"].index(text)
    built = count_module(space.build(space.parse(text), "cifar10"), (3, 32, 32))
    assert tuple(built) == (table[f"{base}_params"][row], table[f"{base}_flops"][row])


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 11, 7)])
def test_the_formulas_are_the_built_networks(shape: tuple[int, int, int]) -> None:
    resnet, mobilenet = [64, 128, 192, 256, 384, 128, 512], [32, 384, 576, 192, 256, 768, 1024]
    assert resnet_counts(resnet, shape, 7) == count_module(ResNet(resnet, shape, 7), shape)
    assert mobilenet_counts(mobilenet, shape, 7) == count_module(MobileNet(mobilenet, shape, 7), shape)


def test_a_digit_is_the_number_of_quarters() -> None:
    # The widths as GENIUS (Zheng et al., 2023) lists them, for the first and the last digit.
    resnet, mobilenet = (search_space(f"channel_bench_{base}") for base in BASES)
    assert list(resnet.parse("1111111").decisions.values()) == [64, 64, 64, 128, 128, 128, 128]
    assert list(resnet.parse("4444444").decisions.values()) == [256, 256, 256, 512, 512, 512, 512]
    assert list(mobilenet.parse("1111111").decisions.values()) == [32, 192, 192, 192, 64, 384, 256]
    assert list(mobilenet.parse("4444444").decisions.values()) == [128, 768, 768, 768, 256, 1536, 1024]
    assert list(resnet.parse("1234123").decisions.values()) == [64, 128, 192, 512, 128, 256, 384]


def test_the_third_block_halves_the_size_and_has_no_shortcut() -> None:
    resnet, mobilenet = (search_space(f"channel_bench_{base}") for base in BASES)
    assert [block.residual for block in resnet.build(resnet.parse("2222222")).blocks] == [True, True, False, True, True]
    blocks = mobilenet.build(mobilenet.parse("2222222")).blocks[:4]
    assert [block.residual for block in blocks] == [True, True, False, True]
    assert [block.body[1][0].stride[0] for block in blocks] == [1, 1, 2, 1]
    assert all(isinstance(block.body[0][2], torch.nn.ReLU) for block in blocks)


def test_a_block_is_rectified_after_the_sum() -> None:
    x = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    whole, strided = BasicBlock(4, 6, 4).eval(), BasicBlock(4, 6, 4, stride=2).eval()
    assert torch.equal(whole(x), torch.relu(x + whole.body(x)))
    assert torch.equal(strided(x), torch.relu(strided.body(x)))


@pytest.mark.parametrize("base", BASES)
def test_ten_thousand_official_strings_are_read_and_written_back(base: str) -> None:
    space = search_space(f"channel_bench_{base}")
    for arch in space.sample(10_000, seed=0):
        assert space.parse(str(arch)) == arch


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "thing",
    [
        "111111",
        "11111111",
        "1111110",
        "1111115",
        "1111111\n",
        " 1111111",
        "١١١١١١١",
        "",
        1111111,
        None,
        "1" * 10_000_000,
    ],
    ids=lambda thing: repr(thing)[:20],
)
def test_other_things_are_refused_in_few_words(base: str, thing: Any) -> None:
    words = f"is no architecture of channel_bench_{base}: a string of 7 digits from 1 to 4, quarters of the width"
    with pytest.raises(InvalidInput, match=words) as refusal:
        search_space(f"channel_bench_{base}").parse(thing)
    assert len(str(refusal.value)) < 250


def test_strings_of_the_two_spaces_are_different_architectures() -> None:
    resnet, mobilenet = (search_space(f"channel_bench_{base}") for base in BASES)
    assert resnet.parse("1111111") != mobilenet.parse("1111111")
    with pytest.raises(InvalidInput, match="1111111 is an architecture of 'channel_bench_resnet', not of"):
        mobilenet.counts(resnet.parse("1111111"))


@pytest.mark.parametrize("base", BASES)
def test_a_network_runs_on_large_images(base: str) -> None:
    space, images = search_space(f"channel_bench_{base}"), task("imagenet_noise")
    model = space.build(space.parse("1111111"), images)
    assert model(torch.zeros(1, *images.shape)).shape == (1, images.n_classes)
