"""ProxylessNAS: two paths, what they leave alone, their gradient, and REINFORCE without bias."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.networks.elastic.mixed import MixedOp
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=1, batch_size=32)
# Without "none", behind which no gate has a gradient.
OPERATIONS = ("skip_connect", "nor_conv_1x1", "avg_pool_3x3", "nor_conv_3x3")


def few(n: int = 96) -> Splits:
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in wb.task("digits").split(0)))


@pytest.fixture
def net() -> wb.Supernet:
    space = wb.search_space("nasbench201")
    return wb.Supernet(space, "digits", 0, options=dict.fromkeys(space.gates(), OPERATIONS), n_cells=1, channels=4)


@pytest.mark.parametrize("space", ["nasbench201", "mbconv"])
def test_two_options_of_each_gate_run_and_the_output_is_the_active_ones(space: str) -> None:
    net = wb.Supernet(wb.search_space(space), "digits", 0).train()
    relaxation, x = sn.TwoPath(net), few(16).train.x
    torch.manual_seed(1)
    for _ in range(3):
        gates = relaxation.gates()
        for name, gate in gates.items():
            assert int(relaxation.kept[name].sum()) == 2
            assert torch.equal(gate != 0, relaxation.kept[name])
            assert float(gate.detach().max()) == 1.0
        active = {name: int(gate.argmax()) for name, gate in gates.items()}
        assert torch.allclose(net(x, gates), net(x, active), atol=1e-5)


def test_a_step_leaves_the_probabilities_of_undrawn_options(net: wb.Supernet) -> None:
    relaxation = sn.TwoPath(net, scale=1.0)
    moved = []

    class Watched(sn.TwoPathStep):
        def before(self, step) -> None:
            before = relaxation.probabilities()
            super().before(step)
            after = relaxation.probabilities()
            for name, kept in relaxation.kept.items():
                assert torch.allclose(before[name][~kept], after[name][~kept], atol=1e-6)
                moved.append(float((before[name] - after[name])[kept].abs().max()))

    sn.train(net, few(), sn.Sampled(relaxation), architecture=Watched(relaxation), recipe=RECIPE, show=False)
    assert len(moved) == 3 * 6
    assert np.median(moved) > 1e-5


def test_the_gradient_is_that_of_the_formula(net: wb.Supernet) -> None:
    relaxation, batch = sn.TwoPath(net, scale=0.5), few(32).valid
    net.train()
    torch.manual_seed(0)
    gates = relaxation.gates()
    got = torch.autograd.grad(F.cross_entropy(net(batch.x, gates), batch.y), relaxation.parameters())
    leaves = {name: gate.detach().clone().requires_grad_() for name, gate in gates.items()}
    slopes = torch.autograd.grad(F.cross_entropy(net(batch.x, leaves), batch.y), list(leaves.values()))
    for name, alpha_slope, slope in zip(leaves, got, slopes, strict=True):
        kept = relaxation.kept[name]
        p = F.softmax(relaxation.alphas[name][kept], dim=0)
        expected = torch.zeros_like(slope)
        expected[kept] = (slope[kept][None] * p[None] * (torch.eye(2) - p[:, None])).sum(1)
        assert torch.allclose(alpha_slope, expected, atol=1e-7)
        assert float(slope[kept].abs().min()) > 0, "the idle path has a gradient too"


def test_the_gates_gradient_is_that_of_the_soft_sum_of_the_two_paths() -> None:
    torch.manual_seed(0)
    mixed = MixedOp("op", {name: torch.nn.Linear(6, 6) for name in "abcd"})
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, n_cells=1, channels=4)
    x, slope = torch.randn(5, 6), torch.randn(5, 6)
    found = []
    for binary in (True, False):
        relaxation = sn.TwoPath(net, binary=binary)
        alpha = torch.nn.Parameter(torch.tensor([0.3, -0.2, 0.1, 0.6]))
        torch.manual_seed(3)
        gate = relaxation.weights("op", alpha, 1.0)
        found.append(torch.autograd.grad((mixed(x, {"op": gate} | _NotCounting()) * slope).sum(), alpha)[0])
    assert torch.allclose(*found, atol=1e-6)
    assert int((found[0] != 0).sum()) == 2


class _NotCounting(dict):
    counting = False

    def __ror__(self, other: dict) -> _NotCounting:
        return _NotCounting(other)

    def share(self, weight: object):
        from contextlib import nullcontext

        return nullcontext()


@pytest.fixture
def toy() -> tuple[wb.Supernet, dict[tuple[int, int], float]]:
    """Two gates of two options, and a reward for each of the four paths."""
    free = {"0->1": ("skip_connect", "nor_conv_1x1"), "2->3": ("none", "nor_conv_3x3")}
    space = wb.search_space("nasbench201")
    options = {name: free.get(name, ("skip_connect",)) for name in space.gates()}
    net = wb.Supernet(space, "digits", 0, options=options, n_cells=1, channels=4)
    return net, {(0, 0): 1.0, (0, 1): -0.5, (1, 0): 0.2, (1, 1): 2.0}


def exact(relaxation: sn.Softmax, rewards: dict[tuple[int, int], float]) -> list[torch.Tensor]:
    p, q = (F.softmax(alpha, 0) for alpha in relaxation.parameters())
    expected = sum(p[i] * q[j] * reward for (i, j), reward in rewards.items())
    return list(torch.autograd.grad(-expected, relaxation.parameters()))


def test_reinforce_is_unbiased_whatever_its_baseline(toy) -> None:
    net, rewards = toy
    relaxation = sn.Softmax(net, scale=1.0)
    p, q = (probability.double() for probability in relaxation.probabilities().values())
    truth, optimiser = exact(relaxation, rewards), sn.Reinforce(relaxation)
    for baseline in (0.0, 0.7):
        mean = [torch.zeros(2), torch.zeros(2)]
        for i, j in product((0, 1), (0, 1)):
            found = optimiser.gradients([{"0->1": i, "2->3": j}], [rewards[i, j]], baseline)
            mean = [total + float(p[i] * q[j]) * one for total, one in zip(mean, found, strict=True)]
        for total, one in zip(mean, truth, strict=True):
            assert torch.allclose(total, one, atol=1e-6)


def test_reinforce_draws_from_the_probabilities(toy) -> None:
    net, rewards = toy
    relaxation, rng = sn.Softmax(net, scale=1.0), np.random.default_rng(0)
    paths = [relaxation.path(rng) for _ in range(6000)]
    found = sn.Reinforce(relaxation).gradients(paths, [rewards[p["0->1"], p["2->3"]] for p in paths])
    for one, true in zip(found, exact(relaxation, rewards), strict=True):
        assert torch.allclose(one, true, atol=3e-2)


def test_reinforce_finds_the_best_path(toy) -> None:
    net, rewards = toy
    relaxation = sn.Softmax(net)
    optimiser = sn.Reinforce(relaxation, lr=0.1, n=4, reward=lambda step, path: rewards[path["0->1"], path["2->3"]])
    recipe = sn.Recipe(epochs=15, batch_size=32, lr=0.01)
    sn.train(net, few(), sn.Sampled(relaxation), architecture=optimiser, recipe=recipe, show=False)
    assert net.gates(relaxation.argmax())["0->1"] == 1
    assert net.gates(relaxation.argmax())["2->3"] == 1


def test_reinforce_learns_from_the_loss_and_the_cost_of_paths(net: wb.Supernet) -> None:
    relaxation = sn.Softmax(net)
    optimiser = sn.Reinforce(relaxation, lr=0.05, n=2, penalty=sn.linear(2e5, strength=20.0))
    before = float(relaxation.expected_costs()["macs"].detach())
    recipe = sn.Recipe(epochs=8, batch_size=32)
    sn.train(net, few(), sn.Sampled(relaxation), architecture=optimiser, recipe=recipe, show=False)
    assert float(relaxation.expected_costs()["macs"].detach()) < 0.9 * before


def test_what_it_refuses(net: wb.Supernet) -> None:
    with pytest.raises(InvalidInput, match=r"n from 1 and a baseline of 0 to below 1; got 0 and 0.9"):
        sn.Reinforce(sn.Softmax(net), n=0)
