"""FBNet as its authors, HW-NAS-Bench and HELP write and count it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.layers import ChannelShuffle
from workbench.spaces import search_space
from workbench.spaces.fbnet import LAYERS, OPERATIONS, FBNet

SPACE = search_space("fbnet")
# The released networks (facebookresearch/mobile-vision, fbnet_modeldef_cls_fbnet.py) and the paper's multiply-adds in
# millions.
PUBLISHED = {
    "A": (
        "skip k3_e3 k3_e1 skip skip k5_e6 k3_e3 k5_e1 k3_e3 k5_e6 k5_e3 k5_e1_g2 k5_e6 k3_e6 k5_e1_g2 k5_e3 k3_e1_g2 "
        "k5_e6 k5_e6 k5_e3 k5_e6 k5_e6",
        249,
    ),
    "B": (
        "k3_e1 k3_e6 k5_e1 k3_e1 k3_e1 k5_e6 k5_e3 k3_e6 k5_e6 k5_e6 k5_e6 skip k5_e3 k5_e6 k3_e1 k5_e1 k5_e3 "
        "k5_e6 k5_e1 k5_e6 k5_e6 k3_e6",
        295,
    ),
    "C": (
        "k3_e1 k3_e6 skip k3_e1 k3_e1 k5_e6 k5_e3 k5_e6 k3_e6 k5_e6 k5_e3 k5_e6 k5_e6 k5_e6 k5_e6 k5_e6 k5_e3 "
        "k5_e6 k5_e6 k5_e6 k5_e6 k3_e6",
        375,
    ),
}


def digits_of(blocks: str) -> str:
    return "".join(str(OPERATIONS.index(block)) for block in blocks.split())


def outputs(model: nn.Module, x: torch.Tensor) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every block's name with the channels, height and width that it gives."""
    for name, block in model.blocks.named_children():  # type: ignore[union-attr, operator]
        x = block(x)
        yield name, tuple(x.shape[1:])


def test_there_are_nine_to_the_twenty_second_architectures() -> None:
    assert SPACE.size == 9**22 == 984_770_902_183_611_232_881
    assert len(SPACE.questions()) == 22


@pytest.mark.parametrize("name", PUBLISHED)
def test_released_networks_have_the_published_multiply_adds(name: str) -> None:
    blocks, macs = PUBLISHED[name]
    counts = SPACE.counts(SPACE.parse(digits_of(blocks)), "imagenet_noise")
    assert counts.macs / 1e6 == pytest.approx(macs, rel=0.01)


def test_fbnet_a_has_4_3_and_fbnet_c_5_5_million_parameters() -> None:
    # The paper's numbers; FBNet-C's head has 1,984 channels.
    a = SPACE.counts(SPACE.parse(digits_of(PUBLISHED["A"][0])), "imagenet_noise")
    wide = FBNet(head=1984)
    c = wide.counts(wide.parse(digits_of(PUBLISHED["C"][0])), "imagenet_noise")
    assert a.params / 1e6 == pytest.approx(4.3, abs=0.05)
    assert c.params == 5_572_200


def test_a_wider_head_is_another_space() -> None:
    wide = FBNet(head=1984)
    assert wide.name != SPACE.name
    assert wide.parse("0" * 22) != SPACE.parse("0" * 22)


def test_channels_and_sizes_are_those_of_table_1() -> None:
    model = SPACE.build(SPACE.parse("0" * 22), "imagenet_noise").eval()
    with torch.no_grad():
        shapes = dict(outputs(model, torch.zeros(1, 3, 224, 224)))
    assert shapes["stem"] == (16, 112, 112)
    assert shapes["layer1"] == (16, 112, 112)
    assert shapes["layer5"] == (24, 56, 56)
    assert shapes["layer9"] == (32, 28, 28)
    assert shapes["layer13"] == (64, 14, 14)
    assert shapes["layer17"] == (112, 14, 14)
    assert shapes["layer21"] == (184, 7, 7)
    assert shapes["layer22"] == (352, 7, 7)
    assert shapes["head"] == (1504, 7, 7)


def test_small_images_keep_their_size_in_the_stem_and_the_second_stage() -> None:
    # HW-NAS-Bench's networks for CIFAR: strides 1 | 1, 1, 2, 2, 1, 2, 1.
    model = SPACE.build(SPACE.parse("2" * 22), "cifar10").eval()
    with torch.no_grad():
        sizes = {name: shape[1] for name, shape in outputs(model, torch.zeros(1, 3, 32, 32))}
    assert [sizes[name] for name in ("stem", "layer1", "layer2", "layer6", "layer10", "layer14", "layer18")] == [
        *(32, 32, 32, 16, 8, 8, 4)
    ]


def test_a_skip_is_nothing_inside_a_stage_and_a_convolution_between_stages() -> None:
    model = SPACE.build(SPACE.parse("8" * 22), "imagenet_noise")
    blocks = dict(model.blocks.named_children())  # type: ignore[union-attr, operator]
    convolved = {name for name in LAYERS if not isinstance(blocks[name], nn.Identity)}
    assert convolved == {"layer2", "layer6", "layer10", "layer14", "layer18", "layer22"}
    assert [type(layer) for layer in blocks["layer2"].children()] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert blocks["layer2"][0].kernel_size == (1, 1)
    assert blocks["layer2"][0].stride == (2, 2)


@pytest.mark.parametrize("op", OPERATIONS[:-1])
def test_a_block_has_the_weights_of_its_name(op: str) -> None:
    kernel, expansion, *groups = (int(part[1:]) for part in op.split("_"))
    arch = SPACE.parse("8" * 6 + str(OPERATIONS.index(op)) + "8" * 15)
    plain = SPACE.counts(SPACE.parse("8" * 22), "imagenet_noise")
    counts = SPACE.counts(arch, "imagenet_noise")
    c, hidden, pixels = 32, 32 * expansion, 28**2
    pointwise = 2 * c * hidden // (groups or [1])[0]
    assert counts.params - plain.params == pointwise + kernel**2 * hidden + 4 * hidden + 2 * c
    assert counts.macs - plain.macs == (pointwise + kernel**2 * hidden) * pixels


def test_a_shuffle_deals_each_groups_channels_out() -> None:
    x = torch.arange(6.0).view(1, 6, 1, 1)
    assert ChannelShuffle(2)(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_helps_digits_are_read_and_written(shared_data: Callable[[str], Path]) -> None:
    with np.load(shared_data("fbnet_latency_help.npz")) as table:
        official = table["arch"].tolist()
    assert [str(SPACE.parse(text)) for text in official] == official
    # The first entry of HELP's metainfo.pt, which gives the blocks' names beside the numbers.
    first = list(SPACE.parse("7818488874147327324245").decisions.values())
    assert first[:8] == ["k5_e6", "skip", "k3_e1_g2", "skip", "k5_e1", "skip", "skip", "skip"]


def test_digits_round_trip() -> None:
    for arch in SPACE.sample(10_000, seed=0):
        assert SPACE.parse(str(arch)) == arch


def test_stages_have_585_functions_for_each_first_block() -> None:
    # Three layers of eight blocks or nothing: 1 + 8 + 64 + 512 sequences; the first layer's skip is a convolution.
    texts = ("0" + "1" * 4 + "1" + "".join(rest) + "0" * 13 for rest in product("012345678", repeat=3))
    functions = {SPACE.canonical(SPACE.parse(text), "functional") for text in texts}
    assert len(functions) == 585
    a, b = SPACE.parse("0" * 5 + "0812" + "0" * 13), SPACE.parse("0" * 5 + "0182" + "0" * 13)
    assert SPACE.canonical(a, "functional") == SPACE.canonical(b, "functional")
    assert SPACE.canonical(a) != SPACE.canonical(b)


def test_architectures_of_one_function_compute_the_same() -> None:
    a, b = SPACE.parse("0" * 5 + "0812" + "8" * 13), SPACE.parse("0" * 5 + "0182" + "8" * 13)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs_of_both = [SPACE.build(arch, "digits", seed=1).eval()(x) for arch in (a, b)]
    assert torch.equal(*outputs_of_both)


@pytest.mark.parametrize("text", ["0" * 21, "0" * 23, "9" + "0" * 21, "0" * 22 + "\n", "٠" * 22, None, 0, "0" * 10**7])
def test_other_strings_are_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"22 digits from 0 \(k3_e1\) to 8 \(skip\)"):
        SPACE.parse(text)  # type: ignore[arg-type]


@given(st.text(max_size=40))
def test_any_text_is_an_architecture_or_our_error(text: str) -> None:
    try:
        arch = SPACE.parse(text)
    except InvalidInput:
        return
    assert str(arch) == text
