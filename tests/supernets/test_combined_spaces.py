"""Spaces made of others have the elastic form of what they are made of."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Size
from workbench.networks.elastic.layers import Weighted
from workbench.networks.elastic.transforms import FakeQuantise

X = wb.task("digits").batch(8, seed=0).x


def test_bits_beside_a_space_quantise_its_elastic_layers() -> None:
    mbconv = wb.search_space("mbconv")
    space = mbconv + wb.quantisation(mbconv, bits=(1, 32), per="ends")
    net = wb.Supernet(space)
    plain = wb.Supernet(mbconv).inherit(net)
    whole = space.sample(1, seed=3)[0].decisions | {"bits.first": 32, "bits.middle": 32, "bits.last": 32}
    arch = space.architecture(whole)
    assert torch.equal(net(X, arch), plain(X, space.part(arch, "mbconv")))
    binary = space.architecture(whole | {"bits.first": 1})
    assert not torch.equal(net(X, binary), net(X, arch))
    alone = net.extract(binary)
    assert torch.equal(alone(X), net(X, binary))
    stem = next(layer for layer in alone.network.modules() if isinstance(layer, Weighted))
    used = stem.transformed(stem.weight, alone.gates())
    assert {len(torch.unique(kernel)) for kernel in used} == {2}


def test_a_recipe_beside_a_space_is_a_gate_that_the_network_does_not_read() -> None:
    space = wb.search_space("nasbench201") + wb.recipe(lr=(0.1, 0.01))
    net = wb.Supernet(space, channels=4)
    slow, fast = (space.architecture(space.sample(1)[0].decisions | {"recipe.lr": lr}) for lr in (0.1, 0.01))
    assert torch.equal(net(X, slow), net(X, fast))
    assert net.architecture(net.gates(slow)) == slow


def test_an_operation_that_a_space_was_extended_with_is_an_option() -> None:
    space = wb.search_space("nasbench201").extend({"0->1": ["sep_conv_3x3"]})
    net = wb.Supernet(space, channels=4)
    assert net.options["0->1"][-1] == "sep_conv_3x3"
    arch = space.architecture(space.sample(1)[0].decisions | {"0->1": "sep_conv_3x3"})
    assert torch.equal(net.extract(arch)(X), net(X, arch))


def test_a_restricted_space_holds_its_architectures_only() -> None:
    whole = wb.search_space("mbconv")
    space = whole.restrict({"s1.depth": [1], "s2.b1.kernel": [5]})
    net = wb.Supernet(space)
    assert net.options["s1.depth"] == (1,)
    assert "s1.b2.kernel" not in net.options
    inside = space.sample(1)[0]
    outside = whole.architecture(inside.decisions | {"s2.b1.kernel": 3})
    assert net.holds(inside)
    assert not net.holds(outside)
    with pytest.raises(InvalidInput, match=r"3 to 's2.b1.kernel' is not in this supernet. It has: 5."):
        net(X, outside)


def test_bits_of_whole_modules_cannot_be_chosen() -> None:
    cells = wb.search_space("nasbench201")
    with pytest.raises(InvalidInput, match="no elastic layer whose bits could be chosen"):
        wb.Supernet(cells + wb.quantisation(cells, bits=(1, 32)))


def test_a_darts_supernet_is_restricted_by_its_gates() -> None:
    space = wb.search_space("darts")
    with pytest.raises(InvalidInput, match="restrict a supernet by its gates"):
        wb.Supernet(space.restrict({"normal.2.op1": ["skip_connect"]}))


def test_bits_are_whole_numbers_from_1_to_32() -> None:
    with pytest.raises(InvalidInput, match="1 to 32 bits"):
        FakeQuantise(Size([0, 4], "bits"))
