"""Once-for-All's MobileNetV3 space as its repository configures and counts it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidInput
from workbench.spaces import search_space
from workbench.spaces.once_for_all import OnceForAll, from_ofa, to_ofa

SPACE = OnceForAll()
LARGEST = {"ks": 7, "e": 6, "d": 4, "r": 224}
# note8_lat@31ms_top1@72.8_finetune@25 as open-mmlab/mmrazor spells it out (OFA_SUBNET_NOTE8_LAT31.yaml).
NOTE8_31MS = {
    "ks": [5, 3, 3, 3, 5, 5, 3, 3, 3, 3, 5, 3, 3, 5, 7, 3, 3, 3, 5, 5],
    "e": [3, 3, 3, 3, 4, 3, 3, 3, 4, 4, 4, 4, 4, 3, 4, 3, 6, 3, 3, 3],
    "d": [2, 2, 3, 3, 4],
    "r": 152,
}
TEXT = "r152:k5e3,k3e3|k5e4,k5e3|k3e4,k3e4,k5e4|k3e4,k5e3,k7e4|k3e6,k3e3,k5e3,k5e3"


def test_the_catalogue_holds_the_space_of_width_one() -> None:
    assert search_space("ofa_mobilenetv3").name == SPACE.name


def test_there_are_about_2e19_networks_for_each_resolution() -> None:
    # Cai et al. (2020): ((3 x 3)^2 + (3 x 3)^3 + (3 x 3)^4)^5, about 2 x 10^19; 25 resolutions.
    assert OnceForAll(resolutions=(224,)).size == (9**2 + 9**3 + 9**4) ** 5 == 21_758_655_492_572_485_851
    assert SPACE.size == 25 * 21_758_655_492_572_485_851


def test_size_counts_what_is_enumerated() -> None:
    smaller = OnceForAll(resolutions=(128, 224)).restrict(
        {f"s{s}.depth": [2] for s in range(2, 6)}
        | {f"s{s}.b{b}.kernel": [3] for s in range(2, 6) for b in (1, 2)}
        | {f"s{s}.b{b}.expand": [3] for s in range(2, 6) for b in (1, 2)}
        | {f"s1.b{b}.kernel": [3] for b in range(1, 5)}
    )
    assert sum(1 for _ in smaller.enumerate()) == 2 * (3**2 + 3**3 + 3**4)


def test_layers_beyond_the_depth_are_not_asked_about() -> None:
    questions = {q.name for q in SPACE.questions(SPACE.parse(TEXT))}
    assert {"resolution", "s1.depth", "s1.b2.kernel", "s5.b4.expand"} <= questions
    assert not {"s1.b3.kernel", "s2.b3.expand", "s4.b4.kernel"} & questions
    assert len(SPACE.questions()) == 1 + 5 + 40


def test_a_published_subnet_has_the_published_size() -> None:
    # README of mit-han-lab/once-for-all: ofa-note8-31 has 4.6 M parameters and 101 M multiply-adds.
    counts = SPACE.counts(from_ofa(SPACE, NOTE8_31MS), "imagenet_noise")
    assert round(counts.params / 1e6, 1) == 4.6
    assert round(counts.macs / 1e6) == 101


def test_the_largest_network_has_the_supernets_parameters() -> None:
    # 7.6 M in mmrazor's README, for d4 e6 k7 at width 1.0.
    counts = SPACE.counts(from_ofa(SPACE, LARGEST), "imagenet_noise")
    assert counts.params == 7_664_760
    assert counts.macs == 566_170_656


def test_the_wider_space_has_channels_of_the_official_rounding() -> None:
    wide = OnceForAll(width=1.2)
    graph = wide.graph(from_ofa(wide, LARGEST))
    channels = [graph.nodes[name]["channels"] for name in ("stem", *(f"s{s}.b1" for s in range(1, 6)), "expand", "mix")]
    # make_divisible(1.2 * base, 8) of 16, 24, 40, 80, 112, 160, 960, 1280.
    assert channels == [24, 32, 48, 96, 136, 192, 1152, 1536]
    assert wide.name != SPACE.name


def test_stages_have_the_official_strides_activations_and_squeezes() -> None:
    graph = SPACE.graph(from_ofa(SPACE, LARGEST))
    first = [graph.nodes[f"s{s}.b1"] for s in range(1, 6)]
    assert [node["stride"] for node in first] == [2, 2, 2, 1, 2]
    assert [node["activation"] for node in first] == ["relu", "relu", "hswish", "hswish", "hswish"]
    # make_divisible(hidden // 4, 8) where the stage has squeeze-and-excitation.
    assert [node["squeeze"] for node in first] == [0, 40, 0, 120, 168]
    assert [node["hidden"] for node in first] == [96, 144, 240, 480, 672]


def test_official_configurations_convert_both_ways() -> None:
    arch = from_ofa(SPACE, NOTE8_31MS)
    assert str(arch) == TEXT
    assert SPACE.parse(TEXT) == arch
    padded = to_ofa(arch)
    assert [len(padded[key]) for key in ("ks", "e", "d")] == [20, 20, 5]
    assert padded["r"] == 152
    assert padded["e"][11] == 3  # of a layer that is not there
    for sampled in SPACE.sample(200, seed=1):
        assert from_ofa(SPACE, to_ofa(sampled)) == sampled


def test_a_configuration_without_resolution_has_the_largest() -> None:
    assert from_ofa(SPACE, {"ks": 3, "e": 3, "d": 2}).decisions["resolution"] == 224


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ks": [3] * 19}, "20 whole numbers, or one for all, under 'ks'"),
        ({"e": None}, "20 whole numbers, or one for all, under 'e'; got None"),
        ({"d": "44444"}, "5 whole numbers, or one for all, under 'd'"),
        ({"d": [2, 2, 2, 2, 5]}, "5 is no answer to question 's5.depth'. Allowed: 2, 3, 4"),
        ({"ks": 9}, "9 is no answer to question 's1.b1.kernel'. Allowed: 3, 5, 7"),
        ({"r": 225}, "225 is no answer to question 'resolution'"),
    ],
)
def test_malformed_configurations_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        from_ofa(SPACE, {**NOTE8_31MS, **change})


def test_only_its_architectures_have_an_ofa_configuration() -> None:
    with pytest.raises(InvalidInput, match="OFA's configurations are of OnceForAll"):
        to_ofa(search_space("fbnet").sample()[0])


def test_large_images_are_resized_and_small_ones_are_not() -> None:
    small, large = from_ofa(SPACE, {**LARGEST, "r": 128}), from_ofa(SPACE, LARGEST)
    assert SPACE.counts(small, "cifar10") == SPACE.counts(large, "cifar10")
    assert SPACE.counts(small, "imagenet_noise").macs < 0.4 * SPACE.counts(large, "imagenet_noise").macs
    seen: list[tuple[int, ...]] = []
    model = SPACE.build(from_ofa(SPACE, {"ks": 3, "e": 3, "d": 2, "r": 128}), "imagenet_noise").eval()
    model.blocks[0].register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))  # type: ignore[index]
    with torch.no_grad():
        model(torch.zeros(1, 3, 224, 224))
    assert seen == [(1, 3, 128, 128)]


@pytest.mark.parametrize("arguments", [{"width": 1.1}, {"resolutions": ()}])
def test_other_widths_and_no_resolutions_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="width of 1.0 or 1.2 and at least one resolution"):
        OnceForAll(**arguments)


def test_texts_round_trip() -> None:
    archs = SPACE.sample(2_000, seed=0)
    assert len({str(arch) for arch in archs}) == len(archs)
    for arch in archs:
        assert SPACE.parse(str(arch)) == arch


@pytest.mark.parametrize(
    "text", [TEXT[1:], TEXT + "|k3e3,k3e3", TEXT.replace("k5e3", "k5e٣"), "r152:", "r1" * 10**6, None, TEXT + "\n"]
)
def test_other_texts_are_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="is no architecture of ofa_mobilenetv3: a resolution and five stages"):
        SPACE.parse(text)  # type: ignore[arg-type]


def test_a_depth_that_is_not_allowed_is_named() -> None:
    with pytest.raises(InvalidInput, match="1 is no answer to question 's1.depth'. Allowed: 2, 3, 4"):
        SPACE.parse(TEXT.replace("k5e3,k3e3|k5e4", "k5e3|k5e4"))


@given(st.text(alphabet="r0123456k7e,|:8", max_size=90))
def test_any_text_is_an_architecture_or_our_error(text: str) -> None:
    try:
        arch = SPACE.parse(text)
    except InvalidInput:
        return
    assert str(arch) == text
