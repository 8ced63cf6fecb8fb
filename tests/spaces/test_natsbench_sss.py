"""NATS-Bench's size search space as its authors count and build it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.errors import InvalidInput
from workbench.networks.counting import count_module
from workbench.networks.natsbench_sss import Cell, Network
from workbench.networks.natsbench_sss_counts import counts as formula
from workbench.spaces import search_space
from workbench.tasks import task

SPACE = search_space("natsbench_sss")
OFFICIAL_RUNS = {"cifar10": "cifar10|777", "cifar100": "cifar100|777", "imagenet16_120": "ImageNet16-120|777"}


@pytest.fixture(scope="module")
def records(shared_data: Callable[[str], Path]) -> list[dict[str, Any]]:
    """The real records of three networks after 90 epochs."""
    with gzip.open(shared_data("nats_curves_sample.json.gz")) as file:
        sample = json.load(file)
    return [sample[f"sss-{number}"]["90"] for number in (0, 11, 284)]


def test_there_are_32768_networks_in_the_order_of_the_official_list() -> None:
    assert SPACE.size == 8**5 == 32_768
    widths = product(range(8, 65, 8), repeat=5)
    every = [str(arch) for arch in SPACE.enumerate()]
    assert every == [":".join(map(str, each)) for each in widths]
    assert (every[0], every[11], every[284]) == ("8:8:8:8:8", "8:8:8:16:32", "8:8:40:32:40")


def test_ten_thousand_official_strings_are_read_and_written_back() -> None:
    for arch in SPACE.sample(10_000, seed=0):
        assert SPACE.parse(str(arch)) == arch


def test_a_number_is_the_width_of_its_layer() -> None:
    assert dict(SPACE.parse("8:64:16:24:56").decisions) == {
        "cell1": 8,
        "reduction1": 64,
        "cell2": 16,
        "reduction2": 24,
        "cell3": 56,
    }


@pytest.mark.parametrize("dataset", OFFICIAL_RUNS)
def test_counts_are_the_recorded_ones(dataset: str, records: list[dict[str, Any]]) -> None:
    for record in records:
        arch, run = SPACE.parse(record["arch_str"]), record["all_results"][OFFICIAL_RUNS[dataset]]
        params, macs = SPACE.counts(arch, dataset)
        assert params == round(run["params"] * 1e6)
        # The benchmark counts the classifier's bias among the FLOPs, one for every class.
        assert macs + task(dataset).n_classes == round(run["flop"] * 1e6)
        assert count_module(SPACE.build(arch, dataset), task(dataset).shape) == (params, macs)


def test_records_are_about_the_cell_that_the_network_has(records: list[dict[str, Any]]) -> None:
    (cell,) = {run["arch_config"]["genotype"] for record in records for run in record["all_results"].values()}
    official = search_space("nasbench201").parse(cell)
    edges = Cell(8, 8).edges
    assert list(edges) == list(official.decisions)
    for edge, op in official.decisions.items():
        expected = {"nor_conv_3x3": ["ReLU", "Conv2d", "BatchNorm2d"], "skip_connect": []}[str(op)]
        assert [type(layer).__name__ for layer in edges[edge].children()] == expected


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (2, 11, 7)])
def test_the_formula_is_the_built_network(shape: tuple[int, int, int]) -> None:
    for text in ("8:8:8:8:8", "8:16:24:32:40", "64:56:56:8:64", "24:24:8:48:48"):
        widths = list(map(int, text.split(":")))
        assert formula(widths, shape, 7) == count_module(Network(widths, shape, 7), shape)


def test_the_cell_adds_its_edges_as_nas_bench_201_does() -> None:
    cell = Cell(8, 16).eval()
    x = torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    edge = cell.edges
    one = edge["0->1"](x)
    two = edge["0->2"](x) + edge["1->2"](one)
    assert torch.equal(cell(x), edge["0->3"](x) + edge["1->3"](one) + edge["2->3"](two))
    skip = edge["0->3"]
    assert [type(layer).__name__ for layer in skip] == ["Conv2d", "BatchNorm2d"]
    assert skip[0].kernel_size == (1, 1)
    assert torch.equal(Cell(8, 8).edges["0->3"](x), x)


def test_no_two_networks_are_the_same() -> None:
    near = SPACE.parse("8:8:8:8:8")
    assert SPACE.twins(near) == (near,)
    assert SPACE.canonical(near, "functional") == "8:8:8:8:8"


@pytest.mark.parametrize(
    "thing",
    [
        *("64:64:64:64", "64:64:64:64:64:64", "64:64:64:64:65", "64:64:64:64:0", "64:64:64:64:", "08:8:8:8:8"),
        *(
            "8:8:8:8:8\n",
            " 8:8:8:8:8",
            "8:8:8:8:٨",
            "8.0:8:8:8:8",
            "-8:8:8:8:8",
            8,
            None,
            b"8:8:8:8:8",
            "8:" * 5_000_000,
        ),
    ],
    ids=lambda thing: repr(thing)[:20],
)
def test_other_things_are_refused_in_few_words(thing: Any) -> None:
    words = "is no architecture of natsbench_sss: a string of 5 widths of 8, 16, 24, 32, 40, 48, 56, 64, separated by"
    with pytest.raises(InvalidInput, match=words) as refusal:
        SPACE.parse(thing)
    assert len(str(refusal.value)) < 250


def test_a_network_runs_on_large_images() -> None:
    images = task("imagenet_noise")
    model = SPACE.build(SPACE.parse("8:8:8:8:8"), images)
    assert model(torch.zeros(1, *images.shape)).shape == (1, images.n_classes)


def test_an_extension_adds_widths_that_the_benchmark_lacks() -> None:
    wider = SPACE.extend({"cell3": [96]})
    arch = wider.architecture({**SPACE.parse("8:8:8:8:8").decisions, "cell3": 96})
    assert count_module(wider.build(arch, "digits"), (1, 8, 8)) == wider.counts(arch, "digits")
