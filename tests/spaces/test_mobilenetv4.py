"""MobileNetV4's universal inverted bottlenecks: the four kinds of block, and the published networks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidInput
from workbench.networks.counting import count_module
from workbench.networks.mobile import UniversalBottleneck
from workbench.spaces import search_space
from workbench.spaces.mobilenetv4 import CONV_MEDIUM, MobileNetV4UIB, operation_name

SPACE = search_space("mobilenetv4_uib")
MEDIUM = MobileNetV4UIB(CONV_MEDIUM)
# The paper's block tables, as d-li14/mobilenetv4.pytorch spells them out.
CONV_S = "s5m5e3,s0m3e2,s0m3e2,s0m3e2,s0m3e2,s3m0e4|s3m3e6,s5m5e4,s0m5e4,s0m5e3,s0m3e4,s0m3e4"
CONV_M = (
    "s3m5e4,s3m3e2"
    "|s3m5e6,s3m3e4,s3m3e4,s3m5e4,s3m3e4,s3m0e4,s0m0e2,s3m0e4"
    "|s5m5e6,s5m5e4,s3m5e4,s3m5e4,s0m0e4,s3m0e4,s3m5e2,s5m5e4,s0m0e4,s0m0e4,s5m0e2"
)


def test_mnv4_conv_s_is_an_architecture_of_it() -> None:
    # Qin et al. (2024): 3.8 M parameters, 0.2 G multiply-adds at 224 pixels.
    counts = SPACE.counts(SPACE.parse(CONV_S), "imagenet_noise")
    assert counts.params == 3_774_024
    assert round(counts.macs / 1e9, 1) == 0.2


def test_mnv4_conv_m_is_an_architecture_of_the_medium_space() -> None:
    # 9.7 M parameters in the paper.
    assert MEDIUM.counts(MEDIUM.parse(CONV_M), "imagenet_noise").params == 9_715_512
    assert MEDIUM.name != SPACE.name


@pytest.mark.parametrize(
    ("start", "middle", "depthwise"),
    [
        (0, 3, 9 * 128),  # inverted bottleneck
        (5, 0, 25 * 32),  # ConvNeXt-like
        (0, 0, 0),  # feed-forward
        (3, 5, 9 * 32 + 25 * 128),  # extra depthwise
    ],
)
def test_the_four_kinds_have_their_multiply_adds(start: int, middle: int, depthwise: int) -> None:
    c, hidden, side = 32, 128, 14
    counts = count_module(UniversalBottleneck(c, c, hidden, start, middle), (c, side, side))
    assert counts.macs == (2 * c * hidden + depthwise) * side**2
    norms = 2 * (hidden + c + (c if start else 0) + (hidden if middle else 0))
    assert counts.params == 2 * c * hidden + depthwise + norms


@pytest.mark.parametrize(
    ("start", "middle", "pixels"),
    [(0, 3, 14**2), (3, 3, 14**2), (3, 0, 7**2)],
)
def test_the_stride_is_the_middle_convolutions_if_there_is_one(start: int, middle: int, pixels: int) -> None:
    c, hidden = 32, 64
    counts = count_module(UniversalBottleneck(c, c, hidden, start, middle, stride=2), (c, 14, 14))
    first = start**2 * c * pixels
    assert counts.macs == first + c * hidden * pixels + (middle**2 + c) * hidden * 7**2


def test_blocks_are_named_by_their_kind() -> None:
    assert operation_name(0, 3, 2) == "ib_k3_e2"
    assert operation_name(5, 0, 4) == "convnext_k5_e4"
    assert operation_name(0, 0, 6) == "ffn_e6"
    assert operation_name(3, 5, 3) == "extradw_k3_k5_e3"
    graph = SPACE.graph(SPACE.parse(CONV_S))
    assert graph.nodes["s1.b6"]["op"] == "convnext_k3_e4"
    assert graph.nodes["s1.b6"]["questions"] == ("s1.depth", "s1.b6.start", "s1.b6.middle", "s1.b6.expand")


def test_the_first_block_of_a_stage_has_a_middle_convolution() -> None:
    answers = {q.name: q.answers for q in SPACE.questions()}
    assert answers["s1.b1.middle"] == (3, 5)
    assert answers["s1.b2.middle"] == (0, 3, 5)
    with pytest.raises(InvalidInput, match="0 is no answer to question 's1.b1.middle'. Allowed: 3, 5"):
        SPACE.parse(CONV_S.replace("s5m5e3", "s5m0e3"))


def test_the_size_is_a_product_over_stages() -> None:
    # 24 first blocks, 36 later ones, three to six blocks in each of two stages.
    assert SPACE.size == (24 * (36**2 + 36**3 + 36**4 + 36**5)) ** 2


def test_size_counts_what_is_enumerated() -> None:
    space = MobileNetV4UIB(CONV_MEDIUM._replace(name="small", stages=(CONV_MEDIUM.stages[0]._replace(depths=(1, 2)),)))
    archs = set(space.enumerate())
    assert len(archs) == space.size == 24 + 24 * 36


def test_texts_round_trip() -> None:
    archs = SPACE.sample(2_000, seed=0)
    assert len({str(arch) for arch in archs}) == len(archs)
    for arch in archs:
        assert SPACE.parse(str(arch)) == arch


@pytest.mark.parametrize(
    "text", [CONV_S + "|s0m3e2", CONV_S.partition("|")[0], CONV_S + ",", "s0m3e2 " + CONV_S, "s" * 10**7, None, 4]
)
def test_other_texts_are_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="is no architecture of mobilenetv4_uib: stages of blocks"):
        SPACE.parse(text)  # type: ignore[arg-type]


@given(st.text(alphabet="s0m345e26,|", max_size=80))
def test_any_text_is_an_architecture_or_our_error(text: str) -> None:
    try:
        arch = SPACE.parse(text)
    except InvalidInput:
        return
    assert str(arch) == text
