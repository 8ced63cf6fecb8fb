"""What becomes of weights: quantised, of low rank, sparse and of experts, in a supernet and taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.networks.elastic.gates import Gates, Size
from workbench.networks.elastic.layers import ElasticConv, ElasticLinear, Weighted
from workbench.networks.elastic.transforms import Experts, FakeQuantise, LowRank, Sparse, WeightTransform
from workbench.spaces.autoformer import AutoFormer
from workbench.spaces.mbconv import MBConv, Stage

SMALL = MBConv("small", stages=(Stage((8, 12), (1, 2)), Stage((12, 16), (1,), stride=2)))
BITS = (1, 4, 32)


def images(n: int = 16) -> torch.Tensor:
    return wb.task("digits").split(0).train.x[:n]


def used(full: torch.Tensor) -> torch.Tensor:
    return full


def randomised(transform: WeightTransform) -> WeightTransform:
    with torch.no_grad():
        for parameter in transform.parameters():
            parameter.normal_()
    return transform


def adapted(space: Any, make: Callable[[Weighted, Any], WeightTransform | None], seed: int = 0) -> wb.Supernet:
    """A supernet each of whose elastic layers has this transform."""

    def adapt(network: Any, gates: Mapping[str, Sequence[Any]]) -> None:
        for layer in network.modules():
            if isinstance(layer, Weighted):
                transform = make(layer, network)
                if transform is not None:
                    layer.transforms.append(randomised(transform))

    return wb.Supernet(space, "digits", seed, adapt=adapt)


# -- fake quantisation ---------------------------------------------------------------------------------------------


def test_one_bit_takes_exactly_two_values_for_every_output_channel() -> None:
    weight = torch.randn(6, 4, 3, 3)
    quantised = FakeQuantise(1)(weight, Gates({}), used)
    for before, after in zip(weight, quantised, strict=True):
        values = after.unique()
        assert len(values) == 2
        assert values.abs().unique().numel() == 1
        torch.testing.assert_close(values.abs().max(), before.abs().mean())


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 32])
def test_the_gradient_passes_straight_through_a_quantiser(bits: int) -> None:
    weight = torch.randn(5, 7, requires_grad=True)
    upstream = torch.randn(5, 7)
    FakeQuantise(bits)(weight, Gates({}), used).backward(upstream)
    assert torch.equal(weight.grad, upstream)


def test_bits_take_the_values_they_have_and_a_mixture_mixes_quantised_weights() -> None:
    weight = torch.randn(3, 50)
    transform = FakeQuantise(Size(BITS, "bits"))
    paths = [transform(weight, Gates({"bits": number}), used) for number in range(3)]
    assert torch.equal(paths[2], weight)
    assert all(len(row.unique()) <= 2**4 - 1 for row in paths[1])
    mixed = transform(weight, Gates({"bits": torch.tensor([0.5, 0.3, 0.2])}), used)
    torch.testing.assert_close(mixed, 0.5 * paths[0] + 0.3 * paths[1] + 0.2 * paths[2])
    with pytest.raises(InvalidInput, match="1 to 32 bits"):
        FakeQuantise(Size((0, 4), "bits"))


# -- low rank ------------------------------------------------------------------------------------------------------


def test_rank_zero_is_the_base_weight_and_nothing_changes_at_first() -> None:
    weight = torch.randn(6, 5)
    fresh = LowRank((6, 5), Size((0, 2, 4), "rank"))
    assert all(torch.equal(fresh(weight, Gates({"rank": number}), used), weight) for number in range(3))
    assert torch.equal(randomised(fresh)(weight, Gates({"rank": 0}), used), weight)


def test_a_rank_uses_the_leading_rows_and_columns() -> None:
    weight = torch.randn(6, 5)
    transform = randomised(LowRank((6, 5), Size((0, 2, 4), "rank")))
    a, b = transform.factors()
    for number, rank in enumerate((0, 2, 4)):
        torch.testing.assert_close(transform(weight, Gates({"rank": number}), used), weight + b[:, :rank] @ a[:rank])
        torch.testing.assert_close(
            transform(weight, Gates({"rank": torch.eye(3)[number]}), used), weight + b[:, :rank] @ a[:rank]
        )


def test_the_adapter_taken_out_is_the_leading_part_of_the_parents() -> None:
    large = ElasticLinear(5, 6, transforms=[randomised(LowRank((6, 5), Size((0, 2, 4), "rank")))])
    small = ElasticLinear(5, 6, transforms=[LowRank((6, 5), Size((2,), "rank"))])
    small.transforms[0].inherit(large.transforms[0])
    (a, b), (ours_a, ours_b) = large.transforms[0].factors(), small.transforms[0].factors()
    assert torch.equal(ours_a, a[:2])
    assert torch.equal(ours_b, b[:, :2])


def test_options_with_factors_of_their_own_do_not_share_and_keep_theirs_when_taken_out() -> None:
    weight, ranks = torch.randn(6, 5), Size((2, 2, 4), "bits")
    whole = randomised(LowRank((6, 5), ranks, per_option=BITS))
    paths = [whole(weight, Gates({"bits": number}), used) for number in range(3)]
    for number, bits in enumerate(BITS):
        a, b = whole.factors(str(bits))
        torch.testing.assert_close(paths[number], weight + b[:, : (2, 2, 4)[number]] @ a[: (2, 2, 4)[number]])
        part = LowRank((6, 5), Size(((2, 2, 4)[number],), "bits"), per_option=(bits,))
        part.inherit(whole)
        assert torch.equal(part(weight, Gates({"bits": 0}), used), paths[number])
    shares = torch.tensor([0.2, 0.5, 0.3])
    torch.testing.assert_close(
        whole(weight, Gates({"bits": shares}), used), sum(s * path for s, path in zip(shares, paths, strict=True))
    )
    with pytest.raises(InvalidInput, match="2 options"):
        LowRank((6, 5), ranks, per_option=(1, 4))


# -- sparsity ------------------------------------------------------------------------------------------------------


def test_zeros_stay_zero_through_training_slicing_and_taking_out() -> None:
    torch.manual_seed(0)
    kernel = Size((3, 5), "kernel")
    mask = (torch.rand(8, 4, 5, 5) > 0.5).float()
    layer = ElasticConv(4, 8, kernel, transforms=[Sparse(mask)])
    optimiser = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for step in range(4):
        optimiser.zero_grad()
        layer(torch.randn(2, 4, 6, 6), Gates({"kernel": step % 2})).square().sum().backward()
        optimiser.step()
    whole = layer.transformed(layer.weight, Gates({"kernel": 1}))
    assert torch.equal(whole == 0, mask == 0)
    small = ElasticConv(4, 6, Size((3,), "kernel"), transforms=[Sparse(torch.ones(6, 4, 3, 3))])
    small.inherit(layer)
    small.transforms[0].inherit(layer.transforms[0])
    assert torch.equal(small.transforms[0].mask, mask[:6, :, 1:4, 1:4])
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(small(x, Gates({"kernel": 0})), layer(x, Gates({"kernel": 0}))[:, :6])


# -- experts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_neuron", [False, True])
def test_experts_are_the_sum_that_their_shares_say(per_neuron: bool) -> None:
    questions = {"a": (1, 2), "b": (3, 4, 5)}
    transform = randomised(Experts((6, 5), 3, questions, per_neuron=per_neuron))
    weight, gates = torch.randn(6, 5), Gates({"a": 1, "b": 2})
    shares = transform.shares(gates)
    assert shares.shape == ((3, 6) if per_neuron else (3,))
    torch.testing.assert_close(shares.sum(0), torch.ones_like(shares.sum(0)))
    rows = shares[..., None, None] if not per_neuron else shares[..., None]
    expected = (rows * torch.stack([weight, *transform.experts])).sum(0)
    torch.testing.assert_close(transform(weight, gates, used), expected)
    soft = Gates({"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([0.0, 0.0, 1.0])})
    assert torch.equal(transform.shares(soft), shares)
    assert not torch.allclose(transform.shares(Gates({"a": 0, "b": 2})), shares)


def test_one_expert_is_the_plain_supernet_bit_for_bit_also_after_training() -> None:
    data = wb.task("digits").split(0)
    recipe = sn.Recipe(epochs=1)
    plain = wb.Supernet(SMALL, "digits", 3)
    routed = sn.with_experts(plain, 1)
    for net in (plain, routed):
        sn.train(net, data, sn.Uniform(), recipe=recipe, seed=1, show=False)
    weights = dict(routed.named_parameters())
    assert all(torch.equal(weights[name], parameter) for name, parameter in plain.named_parameters())


@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("space", [SMALL, AutoFormer.digits()], ids=["mbconv", "autoformer"])
def test_a_collapsed_network_is_the_routed_one(space: Any, per_neuron: bool) -> None:
    data, x = wb.task("digits").split(0), images()
    net = sn.with_experts(wb.Supernet(space, "digits", 0), 3, per_neuron=per_neuron)
    sn.train(net, data, sn.Uniform(), recipe=sn.Recipe(epochs=1, batch_size=256), show=False)
    net.eval()
    for arch in net.sample(3, 2):
        routed, plain = net(x, arch), sn.collapsed(net, arch)
        torch.testing.assert_close(net.extract(arch).eval()(x), routed, atol=1e-5, rtol=0)
        torch.testing.assert_close(plain.eval()(x), routed, atol=1e-5, rtol=0)
        assert not any(isinstance(part, WeightTransform) for part in plain.modules())
        assert net.costs(arch) == plain.costs() == wb.Supernet(space, "digits", 0).costs(arch)


def test_a_part_of_a_supernet_is_routed_as_in_the_whole_whatever_its_gates_are_numbered() -> None:
    net = sn.with_experts(wb.Supernet(SMALL, "digits", 0), 2)
    part = net.narrowed({"s1.b1.expand": (4,), "s2.width": (16,), "s2.b1.kernel": (5,)})
    part.eval()
    net.eval()
    for arch in part.sample(4, 0):
        assert torch.equal(part(images(), arch), net(images(), arch))


def test_experts_need_layers_and_a_number() -> None:
    with pytest.raises(InvalidInput, match="no elastic linear or convolutional layer"):
        sn.with_experts(wb.Supernet(wb.search_space("nasbench201"), "digits", 0), 2)
    with pytest.raises(InvalidInput, match="at least one expert"):
        sn.with_experts(wb.Supernet(SMALL, "digits", 0), 0)


# -- all of them, taken out ----------------------------------------------------------------------------------------


def rank(network: Any) -> Size:
    """A rank by the width of the first stage, and one by the only width once it is taken out."""
    return Size([2 if width == 8 else 4 for width in network.options["s1.width"]], "s1.width")


TRANSFORMS: dict[str, Callable[[Weighted, Any], WeightTransform]] = {
    "quantised": lambda layer, network: FakeQuantise(
        Size([1 if width == 8 else 4 for width in network.options["s1.width"]], "s1.width")
    ),
    "low rank": lambda layer, network: LowRank(layer.weight.shape, rank(network)),
    "low rank by option": lambda layer, network: LowRank(
        layer.weight.shape, rank(network), per_option=network.options["s1.width"]
    ),
    "sparse": lambda layer, network: Sparse((torch.rand(layer.weight.shape) > 0.3).float()),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_network_taken_out_gives_what_it_gave_inside(name: str) -> None:
    net = adapted(SMALL, TRANSFORMS[name])
    x = images()
    batch = wb.task("digits").split(0).train._replace(x=images(64))
    plain = wb.Supernet(SMALL, "digits", 0)
    for arch in net.sample(3, 4):
        taken = net.extract(arch)
        for one, gates in ((net, arch), (taken, None)):
            one.calibrate(batch, gates)
        assert torch.equal(net.predict(x, arch), taken.predict(x))
        collapsed = sn.collapsed(net, arch)
        collapsed.calibrate(batch)
        torch.testing.assert_close(collapsed.predict(x), taken.predict(x))
        plain.calibrate(batch, arch)
        assert not torch.allclose(plain.predict(x, arch), taken.predict(x))
