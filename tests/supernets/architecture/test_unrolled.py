"""The second order of DARTS: its gradient against automatic differentiation through one step of SGD."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.step import Step
from workbench.tasks.task import Batch

OPS = ("none", "skip_connect", "avg_pool_3x3", "nor_conv_3x3")
XI = 0.05


@pytest.fixture(scope="module")
def data():
    return wb.task("digits").split(0)


@pytest.fixture
def step(data):
    """A step in float64, of a small net whose weights already have a momentum.

    Its activations are smooth: a difference over a kink of ReLU is no derivative.
    """
    space = wb.search_space("nasbench201")
    options = {name: OPS if name in ("0->1", "1->3") else ("nor_conv_1x1",) for name in space.gates()}
    net = wb.Supernet(space, "digits", 0, options=options, channels=2).double()
    for module in list(net.modules()):
        for name, part in module.named_children():
            if isinstance(part, torch.nn.ReLU):
                setattr(module, name, torch.nn.Softplus())
    batches = [Batch(data.train.x[i : i + 24].double(), data.train.y[i : i + 24]) for i in (0, 24, 48)]
    recipe = sn.Recipe(lr=XI, weight_decay=0.01)
    optimiser = recipe.optimiser_of(list(net.parameters()))

    def loss(batch, gates):
        return torch.nn.functional.cross_entropy(net(batch.x, gates), batch.y)

    loss(batches[2], dict.fromkeys(options, 0) | {"0->1": 3, "1->3": 3}).backward()
    optimiser.step()
    optimiser.zero_grad()
    rng = np.random.default_rng(0)
    return Step(net, data, recipe, 0, 1, 10, rng, batches[0], batches[1], np.arange(24), optimiser, loss)


def double(relaxation):
    relaxation.alphas = {name: torch.nn.Parameter(alpha.double()) for name, alpha in relaxation.alphas.items()}
    return relaxation


def exact(step, relaxation):
    """The derivative of L_val(w - xi (momentum + dL_train/dw + decay w), alpha) with respect to alpha."""
    net, alphas = step.net, relaxation.parameters()
    weights = dict(net.named_parameters())
    gates = relaxation.gates(step)

    def loss(values, batch):
        return torch.nn.functional.cross_entropy(functional_call(net, values, (batch.x, gates)), batch.y)

    slopes = torch.autograd.grad(
        loss(weights, step.train), list(weights.values()), create_graph=True, allow_unused=True, materialize_grads=True
    )
    ahead = {}
    for (name, weight), slope in zip(weights.items(), slopes, strict=True):
        momentum = step.optimiser.state[weight].get("momentum_buffer") if weight in step.optimiser.state else None
        change = slope + 0.01 * weight + (0.0 if momentum is None else 0.9 * momentum)
        ahead[name] = weight - XI * change
    return torch.autograd.grad(loss(ahead, step.valid), alphas)


def test_the_gradient_is_that_of_differentiating_through_the_step(step):
    relaxation = double(sn.Softmax(step.net, scale=0.5))
    optimiser = sn.Unrolled(relaxation, radius=1e-4)
    found, expected = torch.cat(optimiser.gradient(step)), torch.cat(exact(step, relaxation))
    first = torch.cat(torch.autograd.grad(step.loss(step.valid, relaxation.gates(step)), relaxation.parameters()))
    assert float((found - expected).norm() / expected.norm()) < 1e-6
    assert float((first - expected).norm() / expected.norm()) > 0.01


def test_the_papers_radius_agrees_within_a_thousandth(step):
    relaxation = double(sn.Softmax(step.net, scale=0.5))
    found, expected = torch.cat(sn.Unrolled(relaxation).gradient(step)), torch.cat(exact(step, relaxation))
    assert float((found - expected).norm() / expected.norm()) < 1e-3


def test_the_weights_are_bit_for_bit_what_they_were(step):
    relaxation = double(sn.Softmax(step.net))
    before = [weight.detach().clone() for weight in step.net.parameters()]
    sn.Unrolled(relaxation).gradient(step)
    assert all(torch.equal(a, b) for a, b in zip(before, step.net.parameters(), strict=True))
    assert all(weight.grad is None for weight in step.net.parameters())


def test_one_draw_of_random_gates_serves_every_pass(step):
    relaxation = double(sn.GumbelSoftmax(step.net, temperature=0.5))
    drawn = []
    gates = relaxation.gates
    relaxation.gates = lambda step=None: drawn.append(0) or gates(step)
    sn.Unrolled(relaxation).before(step)
    assert len(drawn) == 1


def test_a_training_by_the_second_order_moves_alphas_and_repeats(data):
    space = wb.search_space("nasbench201")
    small = type(data)(
        *(Batch(part.x[:128], part.y[:128], part.source) for part in (data.train, data.valid, data.test))
    )
    ends = []
    for _ in range(2):
        net = wb.Supernet(space, "digits", 0, channels=2, affine=False)
        relaxation = sn.Softmax(net)
        optimiser = sn.Unrolled(relaxation, lr=0.01)
        sn.train(net, small, sn.Mixture(relaxation), architecture=optimiser, recipe=sn.Recipe(epochs=1), show=False)
        ends.append(torch.cat([alpha.detach() for alpha in relaxation.parameters()]))
    assert torch.equal(*ends)
    assert float(ends[0].abs().max()) > 0.01


def test_it_looks_ahead_a_step_of_sgd_only(step):
    step.optimiser = torch.optim.Adam(step.net.parameters())
    with pytest.raises(InvalidInput, match="give the recipe optimiser='sgd'"):
        sn.Unrolled(double(sn.Softmax(step.net))).gradient(step)
