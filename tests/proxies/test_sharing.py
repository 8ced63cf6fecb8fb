"""One network for all architectures that compute the same function: which proxies may, and what a table then holds."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from workbench.executors import Here
from workbench.ledger import Ledger
from workbench.networks.nasbench201 import Cell, Network
from workbench.proxies import Probe, catalogue, measure
from workbench.proxies.score import score
from workbench.spaces import search_space
from workbench.tasks import task

SPACE = search_space("nasbench201")
SMALL: dict[str, Any] = {"task": "digits", "batch_size": 6, "progress": False}
# Cells of the same function: which of the weights a, b, c, d an edge has; all other convolutions are dead.
FAMILIES = {
    "dead edges": [
        ("|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|", {"0->3": "a"}),
        ("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|", {"0->3": "a"}),
        ("|none~0|+|none~0|none~1|+|nor_conv_1x1~0|nor_conv_3x3~1|none~2|", {"0->3": "a"}),
        ("|nor_conv_1x1~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|none~2|", {"0->3": "a"}),
    ],
    "another numbering": [
        (
            "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
            {"0->1": "a", "0->2": "b", "1->3": "c", "2->3": "d"},
        ),
        (
            "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
            {"0->2": "a", "0->1": "b", "2->3": "c", "1->3": "d"},
        ),
    ],
    "an identity between": [
        ("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|", {"0->1": "a", "1->3": "b"}),
        ("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|", {"0->1": "a", "2->3": "b"}),
        ("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|", {"1->2": "a", "2->3": "b"}),
    ],
}


def network(text: str, names: dict[str, str]) -> Network:
    """The network of a cell, where weights of one name are the same in every cell."""
    net = SPACE.build(SPACE.parse(text), "digits")
    assert isinstance(net, Network)
    layers: dict[str, nn.Module] = {"stem": net.stem[0], "classifier": net.classifier}
    for place, block in enumerate(net.cells):
        if isinstance(block, Cell):
            edges = {edge: m[1] for edge, m in block.edges.items() if isinstance(m, nn.Sequential)}
            layers |= {f"{place}{names.get(edge, edge)}": layer for edge, layer in edges.items()}
        else:
            layers |= {f"{place}A": block.conv_a[1], f"{place}B": block.conv_b[1], f"{place}S": block.shortcut[1]}
    with torch.no_grad():
        for name, layer in layers.items():
            rng = np.random.default_rng(list(name.encode()))
            weight = layer.weight
            assert isinstance(weight, torch.Tensor)
            drawn = rng.standard_normal(tuple(weight.shape)) * math.sqrt(2 / weight[0].numel())
            weight.copy_(torch.from_numpy(drawn))
        net.classifier.bias.zero_()
    return net


@cache
def values(name: str, family: str) -> list[float]:
    """A proxy's value of each member of a family."""
    # Of 8 inputs, networks of any size show all patterns.
    batch = task("digits").batch(16 if catalogue.find(name).cost == "forward" else 8)
    return [
        catalogue.find(name)(Probe(network(text, names), batch, architecture=SPACE.parse(text), task="digits"))
        for text, names in FAMILIES[family]
    ]


@pytest.mark.parametrize("name", [proxy.name for proxy in catalogue if proxy.of == "function"])
def test_a_proxy_of_the_function_does_not_see_what_does_not_matter(name: str) -> None:
    for family in FAMILIES:
        first, *others = values(name, family)
        assert math.isfinite(first), family
        # Plain is a small difference of large numbers; zico divides by differences that may be rounding.
        scale = values("snip", family)[0] if name == "plain" else 10 * first if name == "zico" else first
        for value in others:
            assert value == pytest.approx(first, rel=0, abs=1e-3 * abs(scale)), family


@pytest.mark.parametrize("name", [proxy.name for proxy in catalogue if proxy.of == "writing"])
def test_a_proxy_of_the_writing_does(name: str) -> None:
    def differs(family: str) -> bool:
        first, *others = values(name, family)
        return any(abs(value - first) > 1e-3 * abs(first) for value in others)

    assert any(differs(family) for family in FAMILIES)


def test_cells_of_one_function_have_one_representative_and_it_has_no_dead_edge() -> None:
    for members in FAMILIES.values():
        archs = [SPACE.parse(text) for text, _ in members]
        (first,) = {SPACE.representative(arch) for arch in archs}
        assert SPACE.counts(first).params == SPACE.counts(first, live=True).params
        assert {SPACE.restrict({}).representative(arch) for arch in archs} == {first}


def test_there_are_5731_representatives_and_each_stands_for_itself() -> None:
    found = {SPACE.representative(arch) for arch in SPACE.enumerate()}
    assert len(found) == 5_731
    assert all(SPACE.representative(arch) == arch for arch in found)


def test_one_convolution_twice_and_two_convolutions_are_no_twins() -> None:
    once = SPACE.parse("|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|")
    two = SPACE.parse("|none~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|none~1|nor_conv_1x1~2|")
    assert SPACE.canonical(once, "functional") == SPACE.canonical(two, "functional")
    assert SPACE.representative(once) != SPACE.representative(two)


@pytest.mark.parametrize("seed", range(3))
def test_twins_have_the_same_live_counts(seed: int) -> None:
    for arch in SPACE.sample(60, seed=seed):
        assert SPACE.counts(SPACE.representative(arch), live=True) == SPACE.counts(arch, live=True), str(arch)


def test_a_space_too_large_to_list_shares_nothing() -> None:
    space = search_space("darts")
    (arch,) = space.sample(1)
    assert space.representative(arch) == arch


class Watched(Here):
    """Runs here and remembers what it was given."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def map(self, function: Any, items: Any, *args: Any, **options: Any) -> Any:
        self.items += items
        return super().map(function, items, *args, **options)


ARCHS = [SPACE.parse(text) for text, _ in FAMILIES["dead edges"]]
FIRST = SPACE.representative(ARCHS[0])


def test_a_shared_score_is_the_representatives_own_and_that_of_the_writing_is_not_shared() -> None:
    watched = Watched()
    frame = score(ARCHS[1:], ["synflow", "grad_norm", "params"], ledger=False, share=True, executor=watched, **SMALL)
    alone = score([FIRST], ["synflow", "grad_norm"], ledger=False, **SMALL)
    for name in ("synflow", "grad_norm"):
        assert frame[name].tolist() == [alone[name].iloc[0]] * 3
    assert frame["params"].tolist() == [SPACE.counts(arch, "digits").params for arch in ARCHS[1:]]
    assert frame.attrs["shared"] == ["synflow", "grad_norm"]
    assert [(job.arch, [p.name for p in job.proxies]) for job in watched.items] == [
        (FIRST, ["synflow", "grad_norm"]),
        *((arch, ["params"]) for arch in ARCHS[1:]),
    ]


def test_without_a_word_every_row_is_its_own_network() -> None:
    frame = score(ARCHS, ["grad_norm", "synflow"], ledger=False, **SMALL)
    assert frame.attrs["shared"] == []
    own = measure("grad_norm", SMALL["task"], SMALL["batch_size"])
    assert frame["grad_norm"].tolist() == [own(arch) for arch in ARCHS]
    assert frame["synflow"].nunique() > 1


def test_the_ledger_holds_a_shared_score_as_the_representatives(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "scores.sqlite3")
    shared = score(ARCHS[1:], ["synflow", "nwot"], ledger=ledger, share=True, **SMALL)
    assert ledger.size == 1 + 3
    own = score(ARCHS[1:], ["synflow", "nwot"], ledger=ledger, **SMALL)
    assert ledger.size == 1 + 3 + 3
    pd.testing.assert_series_equal(own["nwot"], shared["nwot"], check_exact=True)
    assert (own["synflow"] != shared["synflow"]).all()
    watched = Watched()
    again = score(ARCHS[1:], ["synflow", "nwot"], ledger=ledger, share=True, executor=watched, **SMALL)
    assert watched.items == []
    pd.testing.assert_frame_equal(again, shared, check_exact=True)
    assert again.attrs == shared.attrs


def test_reasons_are_given_for_every_row_that_shares_one() -> None:
    archs = [SPACE.parse(f"|{op}~0|+|none~0|none~1|+|none~0|none~1|none~2|") for op in ("nor_conv_3x3", "skip_connect")]
    frame = score(archs, ["synflow"], ledger=False, share=True, **SMALL)
    assert list(frame.attrs["reasons"]) == [(str(arch), "synflow") for arch in archs]
