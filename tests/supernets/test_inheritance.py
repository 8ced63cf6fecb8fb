"""What an architecture inherits is compared with what it reaches by itself, and that is a training of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.spaces.mbconv import MBConv, Stage
from workbench.tasks.task import Splits

SMALL = MBConv("small", stages=(Stage((8, 12), (1, 2), (3,), (1, 2)),))
RECIPE = sn.Recipe(epochs=1, batch_size=128)


@pytest.fixture(scope="module")
def data() -> Splits:
    return wb.task("digits").split(0)


@pytest.fixture(scope="module")
def net(data: Splits) -> wb.Supernet:
    made = wb.Supernet(SMALL, "digits", 0)
    sn.train(made, data, sn.Uniform(), recipe=RECIPE, show=False)
    return made


def agreement(inherited: list[float], alone: list[float]) -> sn.Inheritance:
    archs = sn.architectures_of(wb.Supernet(SMALL, "digits", 0))[: len(alone)]
    return sn.Inheritance(tuple(archs), np.array(inherited), np.array(alone))


# -- the numbers ---------------------------------------------------------------------------------------------------


def test_tau_counts_pairs_in_the_same_order() -> None:
    assert agreement([0.1, 0.2, 0.3], [0.5, 0.6, 0.7]).tau == pytest.approx(1)
    assert agreement([0.3, 0.2, 0.1], [0.5, 0.6, 0.7]).tau == pytest.approx(-1)
    # Five pairs of six agree.
    assert agreement([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.8, 0.7]).tau == pytest.approx((5 - 1) / 6)
    assert agreement([0.2, 0.2, 0.2], [0.5, 0.6, 0.7]).tau == 0.0


def test_a_sparse_tau_takes_differences_below_a_thousandth_for_none() -> None:
    found = agreement([0.1, 0.3, 0.2, 0.4], [0.5, 0.6001, 0.6003, 0.7])
    assert found.tau == pytest.approx(4 / 6)
    assert found.sparse_tau == pytest.approx(5 / np.sqrt(6 * 5))  # tau-b: one pair is tied on one side


def test_the_gap_is_what_training_alone_adds_in_the_mean() -> None:
    assert agreement([0.5, 0.7], [0.9, 0.8]).gap == pytest.approx((0.4 + 0.1) / 2)


def test_the_pick_beats_the_others_it_is_better_than_and_half_of_its_equals() -> None:
    assert agreement([0.1, 0.9, 0.2, 0.3, 0.4], [0.5, 0.6, 0.6, 0.7, 0.2]).beats_random == (1 + 0.5 + 0 + 1) / 4
    assert agreement([0.9, 0.1], [0.8, 0.2]).beats_random == 1
    assert agreement([0.9, 0.1], [0.2, 0.8]).beats_random == 0


def test_the_frame_has_a_row_for_each_architecture() -> None:
    found = agreement([0.5, 0.7], [0.9, 0.8])
    assert found.frame.columns.tolist() == ["inherited", "alone"]
    assert found.frame.index.tolist() == [str(arch) for arch in found.architectures]
    assert found.frame["alone"].tolist() == [0.9, 0.8]


# -- measured ------------------------------------------------------------------------------------------------------


def test_inherited_and_alone_are_what_evaluating_and_training_alone_give(net: wb.Supernet, data: Splits) -> None:
    archs = net.sample(2, 3)
    found = sn.inheritance(net, data, archs, recipe=RECIPE, seed=4, part="valid", show=False)
    assert found.inherited.tolist() == [net.evaluate(data, arch, "valid")["accuracy"] for arch in archs]
    assert found.alone.tolist() == [sn.train_alone(net, arch, data, RECIPE, 4, "valid") for arch in archs]
    again = sn.inheritance(net, data, archs, alone=[0.25, 0.75])
    assert again.alone.tolist() == [0.25, 0.75]
    assert again.inherited.tolist() == [net.evaluate(data, arch, "test")["accuracy"] for arch in archs]


def test_alone_is_a_network_of_the_same_size_with_weights_of_its_own(net: wb.Supernet, data: Splits) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    generator = torch.random.get_rng_state()
    for arch in net.sample(3, 5):
        made = sn.alone(net, arch)
        assert made.costs() == pytest.approx(net.costs(arch))
        assert {len(options) for options in made.options.values()} == {1}
        again = wb.Supernet(SMALL, "digits", net.seed, options=made.options)
        assert all(torch.equal(a, b) for a, b in zip(made.parameters(), again.parameters(), strict=True))
        inherited = net.extract(arch)
        assert not torch.equal(next(made.parameters()), next(inherited.parameters()))
    sn.train_alone(net, arch, data, RECIPE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(generator, torch.random.get_rng_state())


def test_every_architecture_of_a_small_supernet_is_listed_once(net: wb.Supernet) -> None:
    listed = sn.architectures_of(net)
    assert len(listed) == len(set(map(str, listed))) == SMALL.size
    part = net.narrowed({"s1.width": (8,), "s1.depth": (1,)})
    assert [arch.decisions for arch in sn.architectures_of(part)] == [
        {"s1.width": 8, "s1.depth": 1, "s1.b1.kernel": 3, "s1.b1.expand": expand} for expand in (1, 2)
    ]


def test_an_agreement_takes_two_architectures_and_as_many_accuracies(net: wb.Supernet, data: Splits) -> None:
    with pytest.raises(InvalidInput, match="two architectures or more; got 1"):
        sn.inheritance(net, data, net.sample(1))
    with pytest.raises(InvalidInput, match="2 architectures, and 3 accuracies by themselves"):
        sn.inheritance(net, data, net.sample(2), alone=[0.1, 0.2, 0.3])
