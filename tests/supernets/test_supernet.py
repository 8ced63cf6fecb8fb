"""The supernet: what it refuses, what it remembers, how it is split, and which weights a path touches."""

from __future__ import annotations

import networkx as nx
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.spaces.chains import chain
from workbench.spaces.choices import Choices
from workbench.spaces.mbconv import MBConv
from workbench.spaces.space import SearchSpace
from workbench.tasks.task import Splits, Task

CELL = {"n_cells": 1, "channels": 4}


@pytest.fixture(scope="module")
def data() -> Splits:
    return wb.task("digits").split(0)


def mbconv(seed: int = 0, **settings: object) -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits", seed, **settings)


# -- bad input ---------------------------------------------------------------------------------------------------


def test_a_space_without_an_elastic_form_says_what_is_missing() -> None:
    class Plain(SearchSpace):
        name = "plain"

        def suggest(self, choices: Choices) -> nx.DiGraph:
            return chain({"only": {"op": choices.suggest_categorical("op", ("skip_connect", "none"))}})

        def network(self, graph: nx.DiGraph, task: Task) -> torch.nn.Module:
            return torch.nn.Identity()

    with pytest.raises(InvalidInput, match=r"plain has no elastic form.*lacks the method elastic\(.*that have.*mbconv"):
        wb.Supernet(Plain(), "digits")


def test_an_unknown_gate_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no gate of mbconv named 's1.widht'. Did you mean 's1.width'"):
        mbconv(options={"s1.widht": (12,)})
    net = mbconv()
    for ask in (net.gates, net.costs, lambda gates: net.narrowed(dict.fromkeys(gates, (12,)))):
        with pytest.raises(UnknownName, match=r"no gate named 's1.widht'. Did you mean 's1.width'"):
            ask({"s1.widht": 0})
    with pytest.raises(UnknownName, match="no gate named 's9.width'"):
        net.split("s9.width", [(12,), (16,)])


def test_an_option_that_a_gate_has_not_is_refused() -> None:
    net = mbconv()
    with pytest.raises(InvalidInput, match=r"13 to 's1.width' is not in this supernet. It has: 12, 16"):
        net.narrowed({"s1.width": (13,)})
    narrow = net.narrowed({"s1.width": (12,)})
    wide = net.architecture(net.largest())
    with pytest.raises(InvalidInput, match=r"16 to 's1.width' is not in this supernet. It has: 12"):
        narrow.gates(wide)
    assert net.holds(wide)
    assert not narrow.holds(wide)
    with pytest.raises(InvalidInput, match="keeps at least one option"):
        net.narrowed({"s1.width": ()})


def test_an_architecture_of_another_space_is_refused() -> None:
    other = wb.search_space("nasbench201").sample(1, seed=0)[0]
    with pytest.raises(InvalidInput, match="is an architecture of 'nasbench201', not of 'mbconv'"):
        mbconv().gates(other)


def test_a_supernet_of_many_networks_asks_which() -> None:
    net = mbconv()
    with pytest.raises(InvalidInput, match="holds many networks: say which"):
        net(torch.zeros(2, 1, 8, 8))
    alone = net.extract(net.sample(1)[0])
    assert alone(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_an_unknown_measure_is_refused(data: Splits) -> None:
    with pytest.raises(UnknownName, match="no measure of a supernet named 'accurcy'. Did you mean 'accuracy'"):
        mbconv().measure(data, "accurcy")


# -- judging -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["mbconv", "nasbench201"])
def test_calibrating_twice_gives_the_same_statistics(space: str, data: Splits) -> None:
    net = wb.Supernet(wb.search_space(space), "digits", 0, **(CELL if space == "nasbench201" else {}))
    a, b = net.sample(2, seed=1)
    first = calibrated(net, data, a)
    between = calibrated(net, data, b)
    assert all(torch.equal(x, y) for x, y in zip(first, calibrated(net, data, a), strict=True))
    net.forget()
    assert all(torch.equal(x, y) for x, y in zip(first, calibrated(net, data, a), strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(first, between, strict=True))


def calibrated(net: wb.Supernet, data: Splits, arch: wb.Architecture) -> list[torch.Tensor]:
    net.calibrate(data.train, arch)
    return [tensor.clone() for name, tensor in net.named_buffers() if "running" in name]


def test_statistics_are_remembered_until_weights_change(data: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    net = mbconv()
    (arch,) = net.sample(1)
    runs: list[int] = []
    net.network.register_forward_pre_hook(lambda *_: runs.append(1))
    net.calibrate(data.train, arch)
    measured = len(runs)
    assert measured == 4  # batches of 256 of the 988
    net.calibrate(data.train, arch)
    assert len(runs) == measured
    net.inherit(mbconv(1))
    net.calibrate(data.train, arch)
    assert len(runs) == 2 * measured
    sn.train(net, data, sn.Uniform(), recipe=sn.Recipe(epochs=1, batch_size=256), show=False)
    runs.clear()
    net.calibrate(data.train, arch)
    assert len(runs) == measured


def test_judging_leaves_the_weights_and_the_mode(data: Splits) -> None:
    net = mbconv()
    before = {name: p.clone() for name, p in net.named_parameters()}
    modes = [part.training for part in net.modules()]
    assert net.evaluate(data, net.sample(1)[0]) == net.evaluate(data, net.sample(1)[0])
    assert modes == [part.training for part in net.modules()]
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters())


# -- splitting ---------------------------------------------------------------------------------------------------


def test_the_parts_of_a_split_hold_every_architecture_once_and_give_what_the_parent_gives(data: Splits) -> None:
    net = mbconv()
    x = data.train.x[:16]
    parts = net.split("s1.b1.expand", [(1,), (2, 4)])
    for arch in net.sample(12, seed=0):
        (holder,) = [part for part in parts if part.holds(arch)]
        assert torch.equal(holder(x, arch), net(x, arch))
    sizes = [part.options["s1.b1.expand"] for part in parts]
    assert sizes == [(1,), (2, 4)]


@pytest.mark.parametrize("groups", [[(1,), (2,)], [(1, 2), (2, 4)], [(1, 2, 4), ()], [(1, 2), (4, 8)]])
def test_groups_that_are_no_partition_are_refused(groups: list[tuple[int, ...]]) -> None:
    with pytest.raises(InvalidInput, match=r"must hold each option of 's1.b1.expand' once, 1, 2, 4; got"):
        mbconv().split("s1.b1.expand", groups)


# -- what a path touches -----------------------------------------------------------------------------------------


def test_only_sampled_operations_get_gradients(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, **CELL)
    (arch,) = net.sample(1, seed=3)
    net.train()
    net(data.train.x[:32], arch).square().sum().backward()
    chosen = net.gates(arch)
    for name, module in net.named_modules():
        if getattr(module, "question", None) in net.options:
            for number, operation in enumerate(module.operations.values()):
                grads = [p.grad for p in operation.parameters()]
                if number == chosen[module.question]:
                    assert all(grad is not None for grad in grads), name
                else:
                    assert all(grad is None for grad in grads), name


def test_only_the_slice_of_a_path_gets_gradients(data: Splits) -> None:
    net = mbconv()
    net.train()
    net(data.train.x[:32], net.smallest()).square().sum().backward()
    first, second = net.network.blocks[:2]
    assert second.project.conv.weight.grad is None  # the depth is 1
    grad = first.project.conv.weight.grad
    narrow = first.project.conv.weight[:12, :8]  # 12 channels of 8 x 1 hidden ones
    assert grad is not None
    assert bool((grad[:12, :8] != 0).any())
    assert int((grad != 0).sum()) <= narrow.numel()
    assert not bool(grad[12:].any())
    assert not bool(grad[:, 8:].any())
    kernel = first.middle.body.conv.weight.grad
    assert not bool(kernel[..., 0, :].any())
    assert bool(kernel[:8, :, 1:4, 1:4].any())


def test_the_weights_come_from_the_seed_alone() -> None:
    torch.manual_seed(0)
    a = mbconv(5)
    torch.manual_seed(1)
    b = mbconv(5)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), mbconv(6).parameters(), strict=True))


def test_sampling_from_a_narrowed_supernet_stays_within_it() -> None:
    net = wb.Supernet(MBConv(bits=(1, 32)), "digits", 0).narrowed({"s1.b1.bits": (32,), "s2.width": (24,)})
    for arch in net.sample(20, seed=0):
        assert (arch.decisions["s1.b1.bits"], arch.decisions["s2.width"]) == (32, 24)
        assert net.architecture(net.gates(arch)) == arch
    for arch in (net.architecture(net.smallest()), net.architecture(net.largest())):
        assert net.holds(arch)
