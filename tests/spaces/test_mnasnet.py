"""The MnasNet space as Accel-NASBench defines and counts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.architecture import Architecture
from workbench.errors import InvalidInput
from workbench.networks.counting import count_module
from workbench.networks.counts import Counts
from workbench.spaces import search_space
from workbench.tasks import task

SPACE = search_space("mnasnet")
EFFICIENTNET_B0 = "e1k3l1se|e6k3l2se|e6k5l2se|e6k3l3se|e6k5l3se|e6k5l4se|e6k3l1se"


@pytest.fixture(scope="module")
def table(shared_data: Callable[[str], Path]) -> dict[str, np.ndarray]:
    with np.load(shared_data("accel_nasbench.npz")) as columns:
        return {name: columns[name] for name in columns.files}


def official(table: dict[str, np.ndarray], row: int) -> Architecture:
    """The architecture of a row, through the official configuration."""
    config: dict[str, Any] = {
        f"block{i}_{short}": int(table[f"block{i}_{short}"][row]) for i in range(7) for short in "ekl"
    }
    return SPACE.architecture(config | {f"block{i}_se": bool(table[f"block{i}_se"][row]) for i in range(7)})


def test_there_are_about_ten_to_the_eleventh_architectures() -> None:
    # configuration_space_writer.py: expansions 1, 4, 6; kernels 3, 5; up to 3 layers, in the sixth stage 4.
    assert SPACE.size == 3**7 * 2**7 * (3**6 * 4) * 2**7 == 104_485_552_128


def test_answers_are_those_of_the_official_files(table: dict[str, np.ndarray]) -> None:
    for question in SPACE.questions():
        assert list(question.answers) == sorted(np.unique(table[question.name]).tolist()), question.name


def test_efficientnet_b0_is_an_architecture_of_it() -> None:
    # Tan & Le (ICML 2019); 5,288,548 parameters in torchvision's network.
    counts = SPACE.counts(SPACE.parse(EFFICIENTNET_B0), "imagenet_noise")
    assert counts.params == 5_288_548
    assert counts.macs / 1e6 == pytest.approx(390, rel=0.02)


def test_parameters_equal_the_official_ones(table: dict[str, np.ndarray]) -> None:
    for row in range(0, len(table["params"]), 10):
        counts = SPACE.counts(official(table, row), "imagenet_noise")
        assert np.float32(counts.params / 1e6) == table["params"][row]


def test_multiply_adds_equal_the_official_ones_when_normalisations_and_poolings_are_counted(
    table: dict[str, np.ndarray],
) -> None:
    # The package thop, with which the authors counted, adds to our multiply-adds 4 for each value that a normalisation
    # gives, and for a pooling its inputs and its outputs.
    rows = np.random.default_rng(0).choice(len(table["macs"]), 10, replace=False)
    assert sum(bool(table[f"block{i}_se"][row]) for row in rows for i in range(7)) > 10
    for row in rows:
        counts, others = counted(official(table, row))
        assert np.float32((counts.macs + others) / 1e6) == table["macs"][row]


def counted(arch: Architecture) -> tuple[Counts, int]:
    """Our counts, and what thop adds to the multiply-adds."""
    others = [0]

    def add(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if isinstance(layer, nn.BatchNorm2d):
            others[0] += 4 * output.numel()
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            others[0] += inputs[0].numel() + output.numel()

    with torch.device("meta"):
        model = SPACE.network(SPACE.graph(arch), task("imagenet_noise"))
        for layer in model.modules():
            layer.register_forward_hook(add)
        return count_module(model, (3, 224, 224)), others[0]


def test_stages_share_their_answers_and_layers_follow_one_another() -> None:
    graph = SPACE.graph(SPACE.parse(EFFICIENTNET_B0))
    ops = {name: data for name, data in graph.nodes(data=True) if data["role"] == "op"}
    assert [name for name in ops if name.startswith("block5.")] == [f"block5.{i}" for i in range(1, 5)]
    assert [ops[f"block5.{i}"]["stride"] for i in range(1, 5)] == [2, 1, 1, 1]
    assert {ops[f"block5.{i}"]["op"] for i in range(1, 5)} == {"mbconv_k5_e6_se"}
    # Squeeze-and-excitation is a quarter of what the layer takes, not of what it is expanded to.
    assert [ops[f"block5.{i}"]["squeeze"] for i in range(1, 5)] == [28, 48, 48, 48]
    assert ops["block0.1"]["questions"] == ("block0_e", "block0_k", "block0_l", "block0_se")


def test_texts_round_trip() -> None:
    archs = SPACE.sample(5_000, seed=0)
    assert len({str(arch) for arch in archs}) == len(archs)
    for arch in archs:
        assert SPACE.parse(str(arch)) == arch


@pytest.mark.parametrize(
    "text",
    [
        EFFICIENTNET_B0 + "|e1k3l1",
        EFFICIENTNET_B0.replace("|e6k3l1se", ""),
        EFFICIENTNET_B0.replace("|", ","),
        EFFICIENTNET_B0.replace("e1k3l1se", "e1k3l1se,e1k3l1se"),
        EFFICIENTNET_B0 + " ",
        "e1" * 10**7,
        None,
        3,
    ],
)
def test_other_texts_are_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="is no architecture of mnasnet: seven stages"):
        SPACE.parse(text)  # type: ignore[arg-type]


def test_an_answer_that_is_not_allowed_is_named() -> None:
    with pytest.raises(InvalidInput, match="4 is no answer to question 'block0_l'. Allowed: 1, 2, 3"):
        SPACE.parse(EFFICIENTNET_B0.replace("e1k3l1se", "e1k3l4se"))


@given(st.text(alphabet="ekls|,0123456", max_size=60))
def test_any_text_is_an_architecture_or_our_error(text: str) -> None:
    try:
        arch = SPACE.parse(text)
    except InvalidInput:
        return
    assert str(arch) == text
