"""RC-DARTS: the projection of alphas into limits of the expected cost."""

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.architecture.projection import extremes


@pytest.fixture(scope="module")
def data():
    splits = wb.task("digits").split(0)
    parts = (splits.train, splits.valid, splits.test)
    return type(splits)(*(type(part)(part.x[:192], part.y[:192], part.source) for part in parts))


@pytest.fixture(scope="module")
def net():
    return wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2, affine=False)


def cost(relaxation, name="params"):
    return float(relaxation.expected_costs()[name].detach())


@pytest.mark.parametrize("name", ["params", "macs"])
def test_after_every_projection_the_expected_cost_is_within_its_limits(net, name):
    least, most = extremes(net, name)
    for seed, shares in enumerate([(0.1, 0.2), (0.4, 0.4), (0.6, 0.9), (0.0, 0.05)]):
        relaxation = sn.Softmax(net, scale=1.0, seed=seed)
        low, high = (least + share * (most - least) for share in shares)
        optimiser = sn.Projected(relaxation, low, high, cost=name)
        optimiser.project()
        assert low * 0.99 <= cost(relaxation, name) <= high * 1.01
        assert optimiser.violation() <= 0.01


def test_alphas_within_the_limits_stay_bit_for_bit(net):
    relaxation = sn.Softmax(net, scale=1.0)
    before = [alpha.detach().clone() for alpha in relaxation.parameters()]
    sn.Projected(relaxation, 0.9 * cost(relaxation), 1.1 * cost(relaxation)).project()
    assert all(torch.equal(a, b) for a, b in zip(before, relaxation.parameters(), strict=True))


def test_the_projection_is_the_nearest_point_of_the_limit(net):
    relaxation = sn.Softmax(net, scale=1.0)
    start = torch.cat([alpha.detach().clone() for alpha in relaxation.parameters()])
    sn.Projected(relaxation, 0.0, 0.8 * cost(relaxation)).project()
    slope = torch.cat(torch.autograd.grad(relaxation.expected_costs()["params"], relaxation.parameters()))
    moved = torch.cat([alpha.detach() for alpha in relaxation.parameters()]) - start
    # At the nearest point of {E[cost] = high} the way back is along the gradient of the expected cost.
    assert float(torch.cosine_similarity(moved, -slope, dim=0)) > 0.99


def test_limits_that_bind_nothing_give_first_order_darts_bit_for_bit(data):
    ends = []
    for projected in (False, True):
        net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2, affine=False)
        relaxation = sn.Softmax(net)
        optimiser = sn.Projected(relaxation, 0.0, 1e12) if projected else sn.FirstOrder(relaxation)
        sn.train(net, data, sn.Mixture(relaxation), architecture=optimiser, recipe=sn.Recipe(epochs=1), show=False)
        ends.append([*relaxation.parameters(), *net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_a_training_is_projected_every_so_many_steps_and_ends_within_the_limits(data):
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=2, affine=False)
    relaxation = sn.Softmax(net)
    optimiser = sn.Projected(relaxation, 0.0, 0.7 * cost(relaxation), every=3, lr=0.05)
    seen = []
    project = optimiser.project
    optimiser.project = lambda: seen.append(project()) or seen
    sn.train(net, data, sn.Mixture(relaxation), architecture=optimiser, recipe=sn.Recipe(epochs=2), show=False)
    assert len(seen) == 2
    assert optimiser.violation() <= 0.01


def test_limits_that_nothing_keeps_are_refused_and_the_nearest_is_said(net):
    relaxation = sn.Softmax(net)
    least, most = extremes(net, "params")
    all_3x3 = {name: options.index("nor_conv_3x3") for name, options in net.options.items()}
    assert most == net.costs(all_3x3)["params"] > least == net.costs(net.smallest())["params"]
    with pytest.raises(InvalidInput, match=f"The cheapest options have {least:,.0f} params: high must be above"):
        sn.Projected(relaxation, 0, least - 1)
    with pytest.raises(InvalidInput, match=f"The dearest options have {most:,.0f} params: low must be below"):
        sn.Projected(relaxation, most + 1, most + 2)
    with pytest.raises(InvalidInput, match="0 <= low <= high and every from 1; got 5, 4 and 1"):
        sn.Projected(relaxation, 5, 4)
    with pytest.raises(InvalidInput, match="widen the limits, or raise inner"):
        sn.Projected(relaxation, 0, 1.01 * least, inner=1).project()
