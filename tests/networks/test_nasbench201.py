"""The NAS-Bench-201 network against its description and the release's own parameter counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.networks.counting import count_module
from workbench.networks.counts import Counts
from workbench.networks.nasbench201 import Network, Reduction
from workbench.networks.nasbench201_counts import counts
from workbench.networks.operations import operation
from workbench.spaces import search_space
from workbench.tasks import task

CIFAR10 = ((3, 32, 32), 10)
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
DISCONNECTED = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"
SharedData = Callable[[str], Path]


def cell(text: str) -> nx.DiGraph:
    space = search_space("nasbench201")
    return space.graph(space.parse(text))


def written_out(net: Network, ops: dict[tuple[int, int], str], x: torch.Tensor) -> torch.Tensor:
    """The network of Dong & Yang (2020), figure 1, in functional calls that only borrow the weights."""

    def relu_conv_bn(part: nn.Module, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight, norm = part[1].weight, part[2]
        out = F.conv2d(F.relu(x), weight, stride=stride, padding=weight.shape[-1] // 2)
        return F.batch_norm(out, None, None, norm.weight, norm.bias, training=True)

    def edge(part: nn.Module | None, op: str, x: torch.Tensor) -> torch.Tensor:
        if op == "none":
            return x * 0
        if op == "skip_connect":
            return x
        if op == "avg_pool_3x3":
            inside = F.conv2d(torch.ones_like(x[:, :1]), torch.ones(1, 1, 3, 3), padding=1)
            channels = x.shape[1]
            return F.conv2d(x, torch.ones(channels, 1, 3, 3), padding=1, groups=channels) / inside
        assert part is not None
        return relu_conv_bn(part, x)

    x = F.conv2d(x, net.stem[0].weight, padding=1)
    x = F.batch_norm(x, None, None, net.stem[1].weight, net.stem[1].bias, training=True)
    for block in net.cells:
        if isinstance(block, Reduction):
            main = relu_conv_bn(block.conv_b, relu_conv_bn(block.conv_a, x, stride=2))
            x = main + F.conv2d(F.avg_pool2d(x, 2), block.shortcut[1].weight)
            continue
        nodes = [x]
        for target in (1, 2, 3):
            terms = [
                edge(block.edges[name] if (name := f"{source}->{target}") in block.edges else None, op, nodes[source])
                for source in range(target)
                for op in [ops[source, target]]
            ]
            nodes.append(torch.stack(terms).sum(0))
        x = nodes[3]
    x = F.relu(F.batch_norm(x, None, None, net.head[0].weight, net.head[0].bias, training=True))
    return F.linear(x.mean((2, 3)), net.classifier.weight, net.classifier.bias)


@pytest.mark.parametrize("index", range(6))
def test_the_network_computes_what_the_paper_draws(index: int) -> None:
    space = search_space("nasbench201")
    arch = [*space.sample(4, seed=7), space.parse(BEST), space.parse(DISCONNECTED)][index]
    net = space.build(arch, "cifar10_noise", seed=index)
    x = task("cifar10_noise").batch(4).x
    ops = {(int(name[0]), int(name[3])): str(op) for name, op in arch.decisions.items()}
    torch.testing.assert_close(net(x), written_out(net, ops, x), rtol=1e-4, atol=1e-4)


def test_a_disconnected_cell_makes_the_same_logits_for_every_image() -> None:
    net = Network(cell(DISCONNECTED), *CIFAR10)
    logits = net(torch.randn(3, 3, 32, 32))
    assert torch.equal(logits[0], logits[1])
    torch.testing.assert_close(logits[0], net.classifier.bias)


def test_a_dead_edge_runs_as_it_does_in_the_benchmark() -> None:
    seen = []
    net = Network(cell(DISCONNECTED), *CIFAR10, n_cells=1)
    for module in net.cells[0].modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *_: seen.append(1))
    net(torch.randn(2, 3, 32, 32))
    assert len(seen) == 3


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 16, 16), (3, 15, 9)])
def test_any_image_size_runs_and_is_counted_as_it_runs(shape: tuple[int, int, int]) -> None:
    net = Network(cell(BEST), shape, 7)
    assert net(torch.randn(2, *shape)).shape == (2, 7)
    assert count_module(net, shape) == counts(cell(BEST), shape, 7)


def test_a_smaller_network_has_the_cells_and_channels_asked_for() -> None:
    small = {"n_cells": 2, "channels": 4}
    net = Network(cell(BEST), *CIFAR10, **small)
    assert len(net.cells) == 3 * 2 + 2
    assert net.classifier.in_features == 16
    assert count_module(net, (3, 32, 32)) == counts(cell(BEST), *CIFAR10, **small)
    assert Network(cell(BEST), *CIFAR10, n_cells=0)(torch.randn(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("wrong", [{"n_cells": -1}, {"channels": 0}])
def test_an_impossible_size_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="n_cells of at least 0 and channels of at least 1"):
        Network(cell(BEST), *CIFAR10, **wrong)
    with pytest.raises(InvalidInput, match="n_cells of at least 0 and channels of at least 1"):
        counts(cell(BEST), *CIFAR10, **wrong)


def test_an_unknown_operation_shows_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match=r"no operation 'nor_conv_5x5' to build .*Did you mean 'nor_conv_"):
        operation("nor_conv_5x5", 16, 16)
    graph = cell(BEST)
    graph.edges[0, 1]["op"] = "max_pool"
    with pytest.raises(InvalidInput, match="no operation 'max_pool'"):
        counts(graph, *CIFAR10)


def test_equal_seeds_give_equal_weights_and_leave_the_generator_alone() -> None:
    space = search_space("nasbench201")
    arch = space.parse(BEST)
    before = torch.random.get_rng_state()
    first, again, other = (space.build(arch, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["stem.0.weight"], other["stem.0.weight"])


def test_the_second_cell_of_the_release_has_its_published_counts() -> None:
    second = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    assert counts(cell(second), *CIFAR10) == Counts(params=802_426, macs=113_951_360)


def test_arithmetic_and_hooks_agree_on_a_sample() -> None:
    space = search_space("nasbench201")
    for arch in space.sample(25, seed=5):
        for name in ("cifar10", "digits"):
            net = space.build(arch, name)
            assert count_module(net, task(name).shape) == space.counts(arch, name), str(arch)


def test_all_counts_are_the_published_ones(shared_data: SharedData) -> None:
    space = search_space("nasbench201")
    known = np.load(shared_data("nb201_analytic.npz"))
    official = np.load(shared_data("nb201_core.npz"))
    archs = [space.parse(str(text)) for text in official["arch_str"]]
    found = np.array([counts(space.graph(arch), *CIFAR10) for arch in archs])
    np.testing.assert_array_equal(found[:, 0], known["params"])
    np.testing.assert_array_equal(found[:, 1], known["flops_conv_linear"])
    assert found[3558, 1] == 121_815_680

    # For 150 cells the first recorded run has the size of an isomorphic twin, which computes a convolution once
    # where the cell computes it twice, or the other way round; for all others it is the cell's own.
    recorded = np.round(official["cifar10_params_M"] * 1e6).astype(int)
    copied = np.flatnonzero(recorded != found[:, 0])
    assert len(copied) == 150
    by_text = {str(arch): int(params) for arch, params in zip(archs, found[:, 0], strict=True)}
    for index in copied:
        assert recorded[index] in {by_text[str(twin)] for twin in space.twins(archs[index])}


def test_all_live_counts_are_the_published_ones(shared_data: SharedData) -> None:
    space = search_space("nasbench201")
    known = np.load(shared_data("nb201_analytic.npz"))
    texts = np.load(shared_data("nb201_core.npz"))["arch_str"]
    found = np.array([space.counts(space.parse(str(text)), live=True) for text in texts])
    np.testing.assert_array_equal(found[:, 0], known["live_params"])
    np.testing.assert_array_equal(found[:, 1], known["live_flops"])


def test_counting_takes_under_a_millisecond() -> None:
    space = search_space("nasbench201")
    graphs = [space.graph(arch) for arch in space.sample(50)]
    seconds = min(_timed(lambda: [counts(graph, *CIFAR10) for graph in graphs]) for _ in range(5))
    assert seconds / len(graphs) < 1e-3


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    assert call()
    return time.perf_counter() - start


def test_the_classes_of_the_data_set_change_only_the_classifier(shared_data: SharedData) -> None:
    known = np.load(shared_data("nb201_core.npz"))
    space = search_space("nasbench201")
    arch = space.parse(str(known["arch_str"][1]))
    for name in ("cifar10", "cifar100", "imagenet16_120"):
        assert math.isclose(space.counts(arch, name).params / 1e6, known[f"{name}_params_M"][1], abs_tol=1e-9)
