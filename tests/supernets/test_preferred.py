"""Preferred architectures: an architecture's score is that of its slice of the supernet's saliency."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput


def net_of(space: str, **settings: object) -> wb.Supernet:
    return wb.Supernet(wb.search_space(space), "digits", 0, **settings)


def saliency_by_hand(net: wb.Supernet) -> dict[str, torch.Tensor]:
    """|w dz/dw| of every weight, under the inputs that the class draws."""
    x = torch.randn((64, *net.task.shape), generator=torch.Generator().manual_seed(0))
    net.train()
    names, parameters = zip(*net.network.named_parameters(), strict=True)
    found = torch.autograd.grad(net(x, net.largest()).sum(), parameters)
    return {name: (p * g).abs().detach() for name, p, g in zip(names, parameters, found, strict=True)}


@pytest.mark.parametrize("space", ["mbconv", "autoformer_digits"])
def test_the_largest_architecture_scores_what_the_whole_supernet_does(space: str) -> None:
    net = net_of(space)
    expected = sum(float(part.double().sum()) for part in saliency_by_hand(net).values())
    saliency = sn.Saliency(net)
    assert saliency.of(net.largest()) == pytest.approx(expected, rel=1e-6)
    assert saliency.of(net.architecture(net.largest())) == pytest.approx(expected, rel=1e-6)


def test_a_smaller_one_scores_the_slices_that_it_keeps() -> None:
    net = net_of("mbconv")
    by_hand = saliency_by_hand(net)
    narrow, crop = {**net.largest(), "s2.b2.expand": 0}, {**net.largest(), "s2.b2.kernel": 0}
    block = "stages.1.blocks.1."
    # 32 of 128 hidden channels: the first ones of every tensor that they belong to.
    lost = sum(
        float(tensor[32:].double().sum())
        for name, tensor in by_hand.items()
        if name.startswith((f"{block}expand", f"{block}middle"))
    ) + float(by_hand[f"{block}project.conv.weight"][:, 32:].double().sum())
    saliency = sn.Saliency(net)
    largest = saliency.of(net.largest())
    assert lost > 0
    assert saliency.of(narrow) == pytest.approx(largest - lost, rel=1e-6)
    (kernel,) = [tensor for name, tensor in by_hand.items() if name.startswith(f"{block}middle") and tensor.ndim == 4]
    edge = float(kernel.double().sum() - kernel[..., 1:4, 1:4].double().sum())
    assert saliency.of(crop) == pytest.approx(largest - edge, rel=1e-6)


def test_kernel_matrices_count_for_nothing() -> None:
    plain, learned = net_of("mbconv"), net_of("mbconv", kernel_matrices=True)
    learned.inherit(plain)
    for gates in (plain.largest(), plain.smallest()):
        assert sn.Saliency(learned).of(gates) == pytest.approx(sn.Saliency(plain).of(gates), rel=1e-6)


def test_the_score_looks_at_neither_data_nor_chance_and_leaves_the_net() -> None:
    net = net_of("mbconv")
    before = {name: p.clone() for name, p in net.named_parameters()}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    (arch,) = net.sample(1, seed=5)
    scores = {sn.Saliency(net).of(arch) for _ in range(2)}
    assert len(scores) == 1
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters())
    assert all(p.grad is None for p in net.parameters())
    assert sn.Saliency(net, seed=1).of(arch) not in scores


def test_selected_are_the_best_of_each_interval_of_the_cost() -> None:
    net = net_of("autoformer_digits")
    saliency = sn.Saliency(net)
    limits = (8_000, 14_000, 20_000)
    chosen = saliency.select(limits, 2, candidates=60, seed=1)
    drawn = net.sample(60, seed=1)
    assert len(chosen) == 4
    for (low, high), pair in zip([(8_000, 14_000), (14_000, 20_000)], [chosen[:2], chosen[2:]], strict=True):
        between = [arch for arch in drawn if low <= net.costs(arch)["params"] < high]
        assert set(pair) <= set(between)
        best = sorted((saliency.of(arch) for arch in between), reverse=True)[:2]
        assert [saliency.of(arch) for arch in pair] == best


def test_what_cannot_be_selected_is_refused() -> None:
    saliency = sn.Saliency(net_of("mbconv"))
    for limits in ([5], [7, 5]):
        with pytest.raises(InvalidInput, match="two rising limits or more"):
            saliency.select(limits)
    with pytest.raises(InvalidInput, match=r"No candidate lies between \[1, 2\]: they have .* params"):
        saliency.select([1, 2], candidates=10)
    with pytest.raises(InvalidInput, match="A mixture is no architecture"):
        saliency.of({"s1.width": torch.tensor([0.5, 0.5])})
