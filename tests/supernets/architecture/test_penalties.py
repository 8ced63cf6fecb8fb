"""Penalties: each is the formula of its paper, and steers an architecture."""

from __future__ import annotations

import math

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.tasks.task import Batch, Splits

LOSS = torch.tensor(2.0)


def at(penalty, macs: float) -> float:
    return float(penalty(LOSS, {"macs": torch.tensor(macs)}))


def test_each_is_its_formula() -> None:
    assert at(sn.hinge(100.0), 100.0) == 2.0
    assert at(sn.hinge(100.0), 50.0) == 2.0
    assert at(sn.hinge(100.0, strength=3.0), 200.0) == pytest.approx(2 + 3 * math.log(2))
    assert at(sn.linear(100.0, strength=0.5), 150.0) == pytest.approx(2 + 0.5 * 0.5)
    assert at(sn.linear(100.0, strength=0.5), 50.0) == pytest.approx(2 - 0.5 * 0.5)
    assert at(sn.logarithmic(strength=0.1), 1000.0) == pytest.approx(2 + 0.1 * math.log(1000))
    assert at(sn.multiplied(), 1000.0) == pytest.approx(2 * 0.2 * math.log(1000) ** 0.6)
    assert at(sn.multiplied(alpha=1.0, reference=1000.0), 1000.0) == pytest.approx(2.0)
    assert at(sn.multiplied(), 0.0) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("penalty", [sn.hinge, sn.linear])
def test_a_reference_is_a_cost(penalty) -> None:
    with pytest.raises(InvalidInput, match="of a penalty is a cost above 0; got 0"):
        penalty(0)
    with pytest.raises(InvalidInput, match="The reference of a penalty is a cost above 1; got 1"):
        sn.multiplied(reference=1)


@pytest.mark.parametrize("relaxation", [sn.Softmax, sn.GumbelSoftmax])
def test_expected_costs_of_decided_gates_are_those_of_the_path(relaxation) -> None:
    net = wb.Supernet(wb.search_space("mbconv"), "digits", 0)
    found = relaxation(net)
    for arch in net.sample(5, 0):
        path = net.gates(arch)
        one_hot = {
            n: torch.nn.functional.one_hot(torch.tensor(k), len(net.options[n])).float() for n, k in path.items()
        }
        for cost, value in net.costs(arch).items():
            assert float(net.costs(one_hot)[cost]) == pytest.approx(float(value), rel=1e-6)
    for name in found.alphas:
        found.decide(name, 1)
    assert float(found.expected_costs()["macs"]) == float(net.costs(dict.fromkeys(net.options, 1))["macs"])


def test_a_strong_penalty_makes_the_expected_cost_fall() -> None:
    parts = wb.task("digits").split(0)
    data = Splits(*(Batch(part.x[:32], part.y[:32], part.source) for part in parts))
    ends = []
    for penalty in (None, sn.multiplied(alpha=5.0, beta=5.0)):
        net = wb.Supernet(wb.search_space("fbnet_small"), "digits", 0)
        relaxation = sn.GumbelSoftmax(net, temperature=lambda done: 5.0 * 0.1**done)
        optimiser = sn.FirstOrder(relaxation, lr=0.2, penalty=penalty)
        sn.train(
            net,
            data,
            sn.Mixture(relaxation),
            architecture=optimiser,
            recipe=sn.Recipe(epochs=4, batch_size=32),
            show=False,
        )
        ends.append(float(relaxation.expected_costs()["macs"].detach()))
    assert ends[1] < 0.8 * ends[0]
