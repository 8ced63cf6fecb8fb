"""What relaxations make of their alphas."""

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.supernets.relaxations import gumbel, one_hot_through

KINDS = [
    sn.Softmax,
    sn.Sigmoid,
    sn.MaxW,
    sn.GumbelSoftmax,
    lambda net, **settings: sn.GumbelSoftmax(net, hard=True, **settings),
]


@pytest.fixture(scope="module")
def net():
    return wb.Supernet(wb.search_space("nasbench201"), "digits", 0, channels=4)


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_an_alpha_for_every_gate_with_several_options(net, kind):
    child = net.narrowed({"0->1": ["skip_connect"]})
    relaxation = kind(child)
    assert {name: len(alpha) for name, alpha in relaxation.alphas.items()} == {
        name: 5 for name in net.options if name != "0->1"
    }
    gates = relaxation.gates()
    assert list(gates) == list(net.options)
    assert gates["0->1"] == 0
    assert all(gate.shape == (5,) and gate.requires_grad for name, gate in gates.items() if name != "0->1")


@pytest.mark.parametrize("kind", KINDS)
def test_alphas_are_drawn_from_the_seed_alone_and_kept_out_of_the_net(net, kind):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, second, other = kind(net, seed=3), kind(net, seed=3), kind(net, seed=4)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    assert not {id(alpha) for alpha in first.parameters()} & {id(weight) for weight in net.parameters()}


def test_softmax_gates_sum_to_one_at_every_temperature(net):
    for temperature in (0.1, 1.0, 5.0):
        relaxation = sn.Softmax(net, scale=1.0, temperature=temperature)
        for name, gate in relaxation.gates().items():
            assert float(gate.detach().sum()) == pytest.approx(1.0, abs=1e-6)
            assert torch.allclose(gate, torch.softmax(relaxation.alphas[name] / temperature, 0))


def test_a_temperature_may_depend_on_the_progress_of_the_training(net):
    asked = []
    relaxation = sn.Softmax(net, scale=1.0, temperature=lambda progress: asked.append(progress) or 2.0 - progress)
    sharp = relaxation.gates()["0->1"]
    assert asked == [0.0]
    assert torch.allclose(sharp, torch.softmax(relaxation.alphas["0->1"] / 2, 0))


def test_the_largest_weight_of_max_w_is_exactly_one(net):
    relaxation = sn.MaxW(net, scale=1.0)
    for name, gate in relaxation.gates().items():
        assert float(gate.detach().max()) == 1.0
        soft = torch.softmax(relaxation.alphas[name], 0)
        assert torch.allclose(gate, 1 - soft.max() + soft)
        assert int(gate.argmax()) == int(relaxation.alphas[name].argmax())


def test_sigmoids_do_not_compete(net):
    relaxation = sn.Sigmoid(net, scale=1.0)
    before = relaxation.gates()["0->1"].detach()
    with torch.no_grad():
        relaxation.alphas["0->1"][2] += 1.0
    after = relaxation.gates()["0->1"].detach()
    changed = before != after
    assert changed.tolist() == [False, False, True, False, False]
    assert torch.allclose(after, torch.sigmoid(relaxation.alphas["0->1"].detach()))


def test_hard_gumbel_gates_are_one_hot_and_as_frequent_as_the_softmax_says(net):
    relaxation = sn.GumbelSoftmax(net, hard=True, temperature=0.7)
    with torch.no_grad():
        relaxation.alphas["0->1"].copy_(torch.tensor([0.0, 1.0, 0.5, -1.0, 0.0]))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = torch.stack([relaxation.gates()["0->1"].detach() for _ in range(3000)])
    assert torch.equal(drawn.max(1).values, torch.ones(3000))
    assert torch.equal(drawn.sum(1), torch.ones(3000))
    expected = torch.softmax(relaxation.alphas["0->1"].detach(), 0)
    assert torch.allclose(drawn.mean(0), expected, atol=0.03)


def test_a_hard_gate_passes_the_gradient_of_the_soft_one(net):
    alpha = torch.tensor([0.2, -0.3, 1.0], requires_grad=True)
    soft = torch.softmax(alpha, 0)
    weights = torch.tensor([1.0, 2.0, 3.0])
    (expected,) = torch.autograd.grad((soft * weights).sum(), alpha, retain_graph=True)
    (found,) = torch.autograd.grad((one_hot_through(soft, 1) * weights).sum(), alpha)
    assert torch.equal(found, expected)


def test_gumbel_noise_has_its_mean_and_variance():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        noise = gumbel(torch.empty(200_000))
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.01)
    assert float(noise.var()) == pytest.approx(np.pi**2 / 6, abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_decided_is_that_option_and_learns_no_more(net, kind):
    relaxation = kind(net, scale=1.0)
    relaxation.decide("1->3", 2)
    assert relaxation.gates()["1->3"] == 2
    assert relaxation.mean()["1->3"] == 2
    assert relaxation.probabilities()["1->3"].tolist() == [0, 0, 1, 0, 0]
    assert relaxation.path(np.random.default_rng(0))["1->3"] == 2
    assert relaxation.argmax().decisions["1->3"] == net.options["1->3"][2]
    with pytest.raises(UnknownName, match="1->4"):
        relaxation.decide("1->4", 0)


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_dropped_option_has_weight_exactly_zero_and_no_gradient(net, kind):
    relaxation = kind(net, scale=1.0)
    relaxation.drop("0->1", 3)
    gate = relaxation.gates()["0->1"]
    assert float(gate[3].detach()) == 0.0
    assert float(relaxation.probabilities()["0->1"][3]) == 0.0
    (gradient,) = torch.autograd.grad((gate * torch.arange(5.0)).sum(), relaxation.alphas["0->1"])
    assert float(gradient[3]) == 0.0
    assert torch.isfinite(gradient).all()


def test_the_last_option_of_a_gate_stays(net):
    relaxation = sn.Softmax(net)
    for number in range(4):
        relaxation.drop("0->1", number)
    with pytest.raises(InvalidInput, match="Option 4 of '0->1' is the last one left"):
        relaxation.drop("0->1", 4)


def test_paths_are_as_frequent_as_the_probabilities(net):
    relaxation = sn.Softmax(net, scale=1.0)
    rng = np.random.default_rng(0)
    drawn = [relaxation.path(rng)["0->2"] for _ in range(3000)]
    found = np.bincount(drawn, minlength=5) / 3000
    assert np.allclose(found, relaxation.probabilities()["0->2"].numpy(), atol=0.03)


def test_argmax_is_the_most_probable_option_of_every_gate(net):
    relaxation = sn.Softmax(net, scale=1.0)
    found = relaxation.argmax()
    for name, alpha in relaxation.alphas.items():
        assert found.decisions[name] == net.options[name][int(alpha.argmax())]


def test_expected_costs_are_the_mean_over_paths_and_their_slope_points_to_dearer_options(net):
    relaxation = sn.Softmax(net, scale=1.0)
    costs = relaxation.expected_costs()
    rng = np.random.default_rng(0)
    sampled = np.mean([float(net.costs(relaxation.path(rng))["macs"]) for _ in range(150)])
    assert float(costs["macs"].detach()) == pytest.approx(sampled, rel=0.1)
    (slope,) = torch.autograd.grad(costs["macs"], relaxation.alphas["0->3"])
    dearest = net.options["0->3"].index("nor_conv_3x3")
    assert int(slope.argmax()) == dearest
    assert float(slope[net.options["0->3"].index("none")]) < 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_taken_back_whole(net, kind):
    relaxation = kind(net, scale=1.0, seed=1)
    relaxation.decide("0->1", 2)
    relaxation.drop("0->2", 1)
    other = kind(net, seed=2)
    other.load_state_dict(relaxation.state_dict())
    assert other.decided == {"0->1": 2}
    for name, probability in relaxation.probabilities().items():
        assert torch.equal(probability, other.probabilities()[name])
