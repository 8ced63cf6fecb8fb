"""Single-Path NAS: thresholds on norms decide, and there is one kernel a layer."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.networks.elastic.layers import ElasticConv
from workbench.tasks.task import Batch, Splits


def few(n: int = 96) -> Splits:
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in wb.task("digits").split(0)))


@pytest.fixture
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits", 0).train()


@pytest.mark.parametrize(("threshold", "end"), [(-torch.inf, "largest"), (torch.inf, "smallest")])
def test_thresholds_at_the_ends_are_the_full_kernel_and_the_skip(net: wb.Supernet, threshold: float, end: str) -> None:
    relaxation, x = sn.NormThreshold(net, start=threshold), few(16).train.x
    path = getattr(net, end)()
    assert {name: int(gate.argmax()) for name, gate in relaxation.gates().items()} == path
    assert torch.allclose(net(x, relaxation.gates()), net(x, path), atol=1e-5)
    assert float(relaxation.expected_costs()["macs"].detach()) == net.costs(path)["macs"]


def test_a_threshold_between_two_norms_cuts_between_them(net: wb.Supernet) -> None:
    relaxation, name = sn.NormThreshold(net), "s1.b1.expand"
    with torch.no_grad():
        relaxation.alphas[name][1:] = relaxation.norms(name) + torch.tensor([-0.1, 0.1])
    assert relaxation.gates()[name].tolist() == [0.0, 1.0, 0.0]
    with torch.no_grad():
        relaxation.alphas[name][1:] = relaxation.norms(name) + torch.tensor([0.1, -0.1])
    assert relaxation.gates()[name].tolist() == [1.0, 0.0, 0.0], "what is beyond a part that is out is out"


def test_the_kernel_gate_is_the_formula_of_the_superkernel(net: wb.Supernet) -> None:
    (conv,) = (m for m in net.modules() if isinstance(m, ElasticConv) and m.kernel.questions == ("s1.b1.kernel",))
    relaxation = sn.NormThreshold(net)
    weight = conv.weight.detach()
    inner = torch.zeros_like(weight)
    inner[..., 1:4, 1:4] = weight[..., 1:4, 1:4]
    ring = weight - inner
    n = weight[0].numel() - 9
    norm = (ring.square().sum() / (n * len(weight))).sqrt() / weight.square().mean().sqrt()
    assert float(relaxation.norms("s1.b1.kernel").detach()) == pytest.approx(float(norm), rel=1e-5)
    for used in (0.0, 1.0):
        with torch.no_grad():
            relaxation.alphas["s1.b1.kernel"][1] = norm + (1 - 2 * used) * 0.1
        x = torch.randn(2, len(weight), 8, 8)
        expected = torch.nn.functional.conv2d(x, inner + used * ring, padding=2, groups=len(weight))
        assert torch.allclose(conv(x, net.gates(relaxation.gates())), expected, atol=1e-5)


def test_backward_is_the_slope_of_the_sigmoid_for_thresholds_and_weights(net: wb.Supernet) -> None:
    name, temperature = "s2.b1.kernel", 0.3
    relaxation = sn.NormThreshold(net, temperature=temperature, start=0.6)
    (conv,) = (m for m in net.modules() if isinstance(m, ElasticConv) and m.kernel.questions == (name,))
    gate = relaxation.gates()[name]
    slope, weight_slope = torch.autograd.grad(gate[1], [relaxation.alphas[name], conv.weight])
    s = torch.sigmoid((relaxation.norms(name).detach() - 0.6) / temperature)
    assert float(slope[1]) == pytest.approx(-float(s * (1 - s)) / temperature, rel=1e-5)
    assert float(slope[0]) == 0.0
    assert float(weight_slope.abs().max()) > 0


def test_one_kernel_a_layer_has_the_parameters_of_the_largest_network(net: wb.Supernet) -> None:
    kernels = [m for m in net.modules() if isinstance(m, ElasticConv) and m.kernel.questions]
    assert len(kernels) == 4
    assert all(m.weight.shape[-1] == 5 and not m.matrices for m in kernels)
    largest = net.extract(net.architecture(net.largest()))
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for p in largest.parameters())


def test_weights_and_thresholds_are_trained_at_once_and_the_cost_falls(net: wb.Supernet) -> None:
    relaxation = sn.NormThreshold(net)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimiser = sn.OneLevel(relaxation, lr=0.3, weight_decay=0.0, penalty=sn.logarithmic(strength=2.0))
    recipe = sn.Recipe(epochs=3, batch_size=32)
    training = sn.train(net, few(), sn.Mixture(relaxation), architecture=optimiser, recipe=recipe, show=False)
    assert training.history[-1]["macs"] < training.history[0]["macs"]
    assert any(not torch.equal(p, before[name]) for name, p in net.named_parameters())
    assert float(relaxation.expected_costs()["macs"].detach()) == net.costs(relaxation.argmax())["macs"]


def test_a_decided_gate_stays(net: wb.Supernet) -> None:
    relaxation = sn.NormThreshold(net)
    relaxation.decide("s1.b1.kernel", 0)
    assert relaxation.probabilities()["s1.b1.kernel"].tolist() == [1.0, 0.0]
    assert dict(relaxation.argmax().decisions)["s1.b1.kernel"] == 3


def test_what_it_refuses(net: wb.Supernet) -> None:
    with pytest.raises(InvalidInput, match="'s1.b1.kernel' is part of all larger ones: decide the gate instead"):
        sn.NormThreshold(net).drop("s1.b1.kernel", 0)
    cells = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, n_cells=1, channels=4)
    with pytest.raises(InvalidInput, match="No weight has parts that '0->1' adds to it"):
        sn.NormThreshold(cells)
