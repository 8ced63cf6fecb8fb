"""Supernets are split where their options disagree, and what they are split into is the whole, once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.proxies.naslid import local_intrinsic_dimension
from workbench.spaces.mbconv import MBConv, Stage
from workbench.supernets.partition import _groupings
from workbench.tasks.task import Splits

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
OPTIONS = dict.fromkeys(("0->1", "1->2"), OPERATIONS) | dict.fromkeys(("0->3", "1->3"), ("none",))
OPTIONS |= {"2->3": ("skip_connect",), "0->2": ("none", "skip_connect")}
CRITERIA = {
    "gradients": sn.gradient_matching(batches=2),
    "lid": sn.lid_distance(n_examples=64),
    "cost": sn.cost_distance(),
    "random": sn.random_distance(),
}


@pytest.fixture(scope="module")
def data() -> Splits:
    whole = wb.task("digits").split(0)
    return whole._replace(train=whole.train._replace(x=whole.train.x[:256], y=whole.train.y[:256]))


@pytest.fixture(scope="module")
def net(data: Splits) -> wb.Supernet:
    made = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, options=OPTIONS, n_cells=1, channels=4)
    sn.train(made, data, sn.Uniform(), recipe=sn.Recipe(epochs=2, batch_size=64), show=False)
    return made


@pytest.mark.parametrize("n", [2, None])
@pytest.mark.parametrize("name", CRITERIA)
def test_the_leaves_hold_every_architecture_once_with_the_parents_output(
    net: wb.Supernet, data: Splits, name: str, n: int | None
) -> None:
    found = sn.partition(net, data, CRITERIA[name], n)
    assert len(found.groups) == (n or len(net.options[found.gate]))
    leaves = [set(map(str, sn.architectures_of(leaf))) for leaf in net.split(found.gate, found.groups)]
    whole = set(map(str, sn.architectures_of(net)))
    assert set().union(*leaves) == whole
    assert sum(map(len, leaves)) == len(whole) == 32
    tree, x = sn.few_shot(net, data, CRITERIA[name], n=n), data.valid.x[:32]
    for arch in tree.sample(4, 1):  # by the statistics of the batch
        assert torch.equal(tree.leaf_of(arch).train()(x, arch), net.train()(x, arch))
        assert tree.costs(arch) == net.costs(arch)


def test_a_tree_measures_what_one_supernet_measures(net: wb.Supernet, data: Splits) -> None:
    tree = sn.few_shot(net, data, sn.random_distance())
    (arch,) = tree.sample(1, 2)
    for quantity in ("accuracy", "loss", "macs"):
        ours, theirs = tree.measure(data, quantity), net.measure(data, quantity)
        assert (ours.better, ours(arch)) == (theirs.better, theirs(arch))


def test_two_levels_make_four_leaves_that_are_judged_like_one_supernet(net: wb.Supernet, data: Splits) -> None:
    tree = sn.few_shot(net, data, sn.random_distance(3), levels=2)
    assert len(tree.leaves) == 4
    assert len(tree.partitions) == 3
    assert sum(len(sn.architectures_of(leaf)) for leaf in tree.leaves) == 32
    leaf = tree.leaves[0]
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    sn.train(leaf, data, sn.Uniform(), recipe=sn.Recipe(epochs=1, batch_size=128), show=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    agreement = sn.inheritance(tree, data, sn.architectures_of(leaf)[:3], recipe=sn.Recipe(epochs=1))
    assert len(agreement.alone) == 3


def test_gradient_matching_is_the_cosine_of_the_shared_weights_gradients(net: wb.Supernet, data: Splits) -> None:
    found = sn.gradient_matching(batches=1, batch_size=64, seed=5)(net, data, "0->1")
    numbers = np.random.default_rng(5).permutation(len(data.train.x))[:64]
    mixed = {q: torch.full((len(o),), 1 / len(o)) if len(o) > 1 else 0 for q, o in net.options.items()}
    shared = [p for name, p in net.named_parameters() if "0->1" not in name]
    assert len(shared) < len(list(net.parameters()))
    gradients = []
    net.train()
    for number in range(4):
        loss = torch.nn.functional.cross_entropy(
            net(data.train.x[numbers], {**mixed, "0->1": number}), data.train.y[numbers]
        )
        parts = torch.autograd.grad(loss, shared, allow_unused=True)
        gradients.append(torch.cat([torch.zeros_like(p).flatten() if g is None else g.flatten()
                                    for p, g in zip(shared, parts, strict=True)]))  # fmt: skip
    expected = 1 - torch.nn.functional.cosine_similarity(gradients[0], gradients[3], dim=0)
    assert found[0, 3] == pytest.approx(float(expected), abs=1e-4)
    assert np.array_equal(found, found.T)
    assert found.diagonal().tolist() == [0] * 4


def test_criteria_leave_the_net_as_it_was(net: wb.Supernet, data: Splits) -> None:
    net.train()
    weights = {name: parameter.clone() for name, parameter in net.named_parameters()}
    for criterion in CRITERIA.values():
        criterion(net, data, "0->1")
    assert net.training
    assert all(torch.equal(parameter, weights[name]) for name, parameter in net.named_parameters())


def test_equal_options_are_at_no_distance(data: Splits) -> None:
    one = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, options=OPTIONS, n_cells=1, channels=4)
    for name, parameter in one.named_parameters():
        if "nor_conv" in name:
            torch.nn.init.zeros_(parameter)
    for criterion in (CRITERIA["gradients"], CRITERIA["lid"]):
        distances = criterion(one, data, "0->1")
        assert distances[2, 3] == pytest.approx(0, abs=1e-5)  # both convolutions give nothing now
        assert distances[1, 2] > 1e-3


@pytest.mark.parametrize("m", [2, 4, 8])
def test_the_local_dimension_of_points_is_theirs_in_whatever_space_they_lie(m: int) -> None:
    generator = torch.Generator().manual_seed(m)
    points = torch.randn(2000, m, generator=generator) @ torch.linalg.qr(torch.randn(64, m, generator=generator))[0].T
    assert float(local_intrinsic_dimension(points)) == pytest.approx(m, rel=0.2)


def test_groups_have_two_options_each_where_there_are_enough() -> None:
    assert list(_groupings((0, 1), 2)) == [((0,), (1,))]
    assert set(_groupings((0, 1, 2, 3), 2)) == {((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))}
    assert len(list(_groupings(range(5), 2))) == 10  # the subsets of two of five
    assert list(_groupings((0, 1, 2), 3)) == [((0,), (1,), (2,))]


def test_size_buckets_are_neighbours_in_cost(data: Splits) -> None:
    space = MBConv("wide", stages=(Stage((8, 10, 30, 32), (1,), (3,), (2,)),))
    found = sn.partition(wb.Supernet(space, "digits", 0), data, sn.cost_distance())
    assert (found.gate, found.groups) == ("s1.width", ((8, 10), (30, 32)))


def test_what_a_partition_takes(net: wb.Supernet, data: Splits) -> None:
    with pytest.raises(InvalidInput, match="as many options; got 7"):
        sn.partition(net, data, sn.random_distance(), 7)
    with pytest.raises(InvalidInput, match="one leaf or more"):
        sn.FewShot([])
    half = net.split("0->1", [OPERATIONS[:2], OPERATIONS[2:]])[0]
    outside = next(arch for arch in sn.architectures_of(net) if not half.holds(arch))
    with pytest.raises(InvalidInput, match="None of the 1 leaves"):
        sn.FewShot([half]).leaf_of(outside)
    with pytest.raises(UnknownName, match="latency"):
        sn.FewShot([half]).measure(data, "latency")
