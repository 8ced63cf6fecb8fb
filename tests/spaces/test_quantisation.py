"""Precision beside an architecture: fake-quantised weights, groups of layers, bytes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.counting import weighted_layers
from workbench.networks.quantised import model_bytes as bytes_of
from workbench.networks.quantised import quantise
from workbench.spaces import search_space
from workbench.spaces.combined.quantisation import model_bytes, quantisation
from workbench.spaces.combined.recipes import recipe
from workbench.tasks import task

SPACE = search_space("nasbench201")
CELL = SPACE.parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.ConvTranspose2d(6, 4, 3), nn.Flatten(), nn.Linear(256, 5))


def joint(**settings: object):  # type: ignore[no-untyped-def]
    side = quantisation(SPACE, **settings)  # type: ignore[arg-type]
    return SPACE + side, side


def test_32_bits_everywhere_is_the_plain_network_bit_for_bit() -> None:
    space, side = joint(per=3)
    arch = space.join(CELL, side.architecture(dict.fromkeys(side.answers, 32)))
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    plain, same = SPACE.build(CELL, "digits", seed=3).eval(), space.build(arch, "digits", seed=3).eval()
    assert list(plain.state_dict()) == list(same.state_dict())
    assert torch.equal(plain(x), same(x))


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_k_bits_give_at_most_two_to_the_k_values_a_channel(bits: int) -> None:
    network = quantise(small(), [bits] * 3)
    for layer in weighted_layers(network).values():
        weight = layer.weight.detach().movedim(1 if isinstance(layer, nn.ConvTranspose2d) else 0, 0)
        values = [len(set(channel.flatten().tolist())) for channel in weight]
        assert max(values) <= 2**bits
        assert bits > 4 or max(values) > 2 ** (bits - 1)  # and the levels are used


def test_one_bit_is_the_sign_times_the_mean_size() -> None:
    plain = small()[0].weight.detach().clone()
    binary = quantise(small(), [1, 32, 32])[0].weight
    expected = plain.sign() * plain.abs().mean(dim=(1, 2, 3), keepdim=True)
    assert torch.allclose(binary, expected)


def test_more_bits_are_closer_to_the_real_weights() -> None:
    plain = small()[0].weight.detach().clone()
    rounded = [quantise(small(), [bits, 32, 32])[0].weight.detach() for bits in (2, 4, 8, 16)]
    errors = [float((weight - plain).abs().max()) for weight in rounded]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4
    # Symmetric rounding is at most half a step away: half the largest weight over 2^(bits-1) - 1.
    assert errors[1] <= float(plain.abs().max()) / (2**3 - 1) / 2 + 1e-7


def test_a_channel_of_zeros_stays_zero() -> None:
    network = small()
    with torch.no_grad():
        network[0].weight[0] = 0.0
    assert torch.equal(quantise(network, [4, 4, 4])[0].weight[0], torch.zeros(3, 3, 3))


@pytest.mark.parametrize("bits", [1, 4])
def test_gradients_pass_straight_through_and_training_moves_the_weights(bits: int) -> None:
    network = quantise(small(), [bits] * 3)
    before = network(torch.ones(2, 3, 8, 8)).sum()
    before.backward()
    real = network[0].parametrizations.weight.original
    plain = small()
    with torch.no_grad():
        for quantised, layer in zip(weighted_layers(network).values(), weighted_layers(plain).values(), strict=True):
            layer.weight.copy_(quantised.weight)
    plain(torch.ones(2, 3, 8, 8)).sum().backward()
    assert torch.allclose(real.grad, plain[0].weight.grad)  # the gradient of the quantised weights, unchanged
    assert bool((real.grad != 0).any())


def test_bits_are_counted_in_bytes() -> None:
    # 6*3*9 and 6*4*9 and 256*5 weights, 6 + 4 + 5 channels, as many biases.
    weights, channels = 162 + 216 + 1280, 15
    assert bytes_of(small()) == 4 * (weights + channels)
    assert bytes_of(quantise(small(), [4, 4, 4])) == weights // 2 + 4 * channels + 4 * channels
    assert bytes_of(quantise(small(), [32, 32, 2])) == 4 * (162 + 216) + 1280 // 4 + 4 * 5 + 4 * channels


def test_bytes_of_an_architecture_need_no_weights() -> None:
    space, side = joint(per="network", bits=(4, 32))
    heavy, light = (space.join(CELL, side.architecture({"bits.all": bits})) for bits in (32, 4))
    assert model_bytes(heavy) == model_bytes(CELL) == bytes_of(SPACE.build(CELL))
    assert model_bytes(light) == bytes_of(space.build(light)) < model_bytes(heavy) / 5
    assert space.counts(light) == SPACE.counts(CELL)


def test_groups_are_runs_of_layers_in_the_networks_order() -> None:
    assert quantisation(SPACE, per="network").group_of_layers(3) == ["all"] * 3
    assert quantisation(SPACE, per="ends").group_of_layers(5) == ["first", "middle", "middle", "middle", "last"]
    assert [quantisation(SPACE, per="ends").group_of_layers(n) for n in (1, 2)] == [["first"], ["first", "last"]]
    assert quantisation(SPACE, per=3).group_of_layers(7) == ["0", "0", "0", "1", "1", "2", "2"]
    per_layer = quantisation(SPACE, per="layer")
    n = len(weighted_layers(SPACE.build(CELL, "digits")))
    assert len(per_layer.groups) > n
    assert len(set(per_layer.group_of_layers(n))) == n


def test_each_group_gets_its_bits() -> None:
    space, side = joint(per="ends", bits=(2, 8, 32))
    arch = space.join(CELL, side.architecture({"bits.first": 8, "bits.middle": 2, "bits.last": 32}))
    layers = list(weighted_layers(space.build(arch, "digits")).values())
    assert [layers[0].parametrizations.weight[0].bits, layers[1].parametrizations.weight[0].bits] == [8, 2]
    assert not hasattr(layers[-1], "parametrizations")


def test_it_stands_beside_a_recipe_too() -> None:
    space = SPACE + quantisation(SPACE) + recipe(lr=0.1, batch_size=64)
    arch = space.sample(1, seed=0)[0]
    assert space.build(arch, "digits")(torch.zeros(2, *task("digits").shape)).shape == (2, 10)
    assert space.graph(arch).graph["bits"] == {"all": arch.decisions["bits.all"]}


@pytest.mark.parametrize("bits", [(0,), (33,), (2.5,), (True,)])
def test_impossible_bits_are_refused(bits: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="A weight has 1 to 32 bits, 32 meaning untouched; got"):
        quantisation(SPACE, bits=bits)


@pytest.mark.parametrize("per", ["channel", 0, -1, 2.5, True, None])
def test_impossible_groups_are_refused(per: str) -> None:
    with pytest.raises(InvalidInput, match="per must be 'network', 'ends', 'layer' or a number of groups; got"):
        quantisation(SPACE, per=per)


def test_bits_for_another_number_of_layers_are_refused() -> None:
    with pytest.raises(InvalidInput, match="The network has 3 layers with weights; bits for 2 were given"):
        quantise(small(), [4, 4])
