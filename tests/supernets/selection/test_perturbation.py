"""DARTS-PT: what removing an option changes, what it leaves, and the architecture it ends in."""

from __future__ import annotations

import sys

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.supernets.selection.perturbation import without
from workbench.tasks.task import Batch, Splits


def few(n: int = 64) -> Splits:
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in wb.task("digits").split(0)))


@pytest.fixture
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("nasbench201"), "digits", 0, n_cells=1, channels=4)


def test_the_removed_weight_is_exactly_zero_and_no_other_is_touched(net: wb.Supernet) -> None:
    gates = sn.Softmax(net, scale=1.0).mean()
    changed = without(gates, "1->3", 2)
    for name, gate in gates.items():
        others = torch.arange(len(gate)) != 2 if name == "1->3" else torch.ones(len(gate), dtype=torch.bool)
        assert torch.equal(changed[name][others], gate[others])
    assert float(changed["1->3"][2]) == 0.0
    assert float(changed["1->3"].sum().detach()) < 0.999, "not renormalised"


@pytest.mark.parametrize("training", [True, False])
def test_judging_changes_nothing(net: wb.Supernet, training: bool) -> None:
    net.train(training)
    relaxation = sn.Softmax(net, scale=1.0)
    weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    alphas = {name: alpha.detach().clone() for name, alpha in relaxation.alphas.items()}
    random = torch.get_rng_state()
    first = sn.removal(relaxation, "0->3", few().valid)
    assert torch.equal(first, sn.removal(relaxation, "0->3", few().valid))
    assert all(torch.equal(tensor, weights[name]) for name, tensor in net.state_dict().items())
    assert all(torch.equal(alpha, alphas[name]) for name, alpha in relaxation.alphas.items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(part.training == training for part in net.modules())


def test_removal_is_the_loss_with_batch_statistics(net: wb.Supernet) -> None:
    relaxation, batch = sn.Softmax(net, scale=1.0), few().valid
    found = sn.removal(relaxation, "0->1", batch)
    wrong = sn.removal(relaxation, "0->1", batch, by="accuracy")
    net.train()
    for k in range(5):
        with torch.no_grad():
            logits = net(batch.x, without(relaxation.mean(), "0->1", k))
        assert float(found[k]) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, batch.y)), rel=1e-5)
        assert float(wrong[k]) == pytest.approx(float((logits.argmax(1) != batch.y).double().mean()))


def test_the_gate_becomes_the_option_whose_removal_costs_most(net: wb.Supernet) -> None:
    data = few()
    relaxation = sn.Softmax(net, scale=1.0)
    sn.train(net, data, sn.Mixture(relaxation), recipe=sn.Recipe(epochs=4, batch_size=32), show=False)
    for name in list(relaxation.alphas)[:-1]:
        relaxation.decide(name, 3)
    (last,) = (name for name in relaxation.alphas if name not in relaxation.decided)
    expected = int(sn.removal(relaxation, last, data.valid).argmax())
    arch = sn.perturbation(relaxation, data, by="loss", show=False)
    assert relaxation.decided[last] == expected == net.gates(arch)[last]
    assert all(net.gates(arch)[name] == 3 for name in relaxation.alphas if name != last)


def test_strong_alphas_do_not_decide(net: wb.Supernet) -> None:
    """A weight of 0.9 on "none" is no reason to choose it: removing it costs nothing."""
    relaxation, data = sn.Softmax(net), few()
    none = net.options["0->3"].index("none")
    with torch.no_grad():
        for alpha in relaxation.parameters():
            alpha[none] = 2.0
    sn.train(net, data, sn.Mixture(relaxation), recipe=sn.Recipe(epochs=8, batch_size=32), show=False)
    assert set(net.gates(relaxation.argmax()).values()) == {none}
    chosen = sn.perturbation(relaxation, data, by="loss", show=False)
    assert none not in net.gates(chosen).values()


def test_the_supernet_is_tuned_between_decisions_by_a_recipe(net: wb.Supernet) -> None:
    relaxation, before = sn.Softmax(net), {name: p.clone() for name, p in net.named_parameters()}
    sn.perturbation(relaxation, few(), show=False)
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters())
    again = sn.Softmax(net)
    sn.perturbation(again, few(32), tune=sn.Recipe(epochs=1, batch_size=32, lr=0.005), show=False)
    assert not all(torch.equal(p, before[name]) for name, p in net.named_parameters())


def test_two_edges_into_each_node_of_darts_remain() -> None:
    space = wb.search_space("darts")
    options = dict.fromkeys(space.gates(), ("none", "skip_connect"))
    net = wb.Supernet(space, "digits", 0, options=options, n_cells=3, channels=4)
    relaxation = sn.Softmax(net)
    arch = sn.perturbation(relaxation, few(8), keep=2, by="loss", show=False)
    gates = net.gates(arch)
    assert sum(number != 0 for number in gates.values()) == 2 * 4 * 2
    assert arch == relaxation.argmax()


def test_every_relaxation_has_something_to_remove(net: wb.Supernet) -> None:
    for kind in (sn.Softmax, sn.Sigmoid, sn.MaxW, sn.GumbelSoftmax, sn.GroupedDrop, sn.TwoPath):
        assert len(sn.removal(kind(net), "0->1", few(16).valid)) == 5


def test_what_it_refuses(net: wb.Supernet) -> None:
    relaxation = sn.Softmax(net)
    with pytest.raises(UnknownName, match="measure of a perturbation"):
        sn.perturbation(relaxation, few(16), by="f1")  # type: ignore[arg-type]
    relaxation.decide("0->1", 0)
    with pytest.raises(InvalidInput, match="'0->1' is decided: there is no mixture to remove an option from"):
        sn.removal(relaxation, "0->1", few(16).valid)
    mobile = sn.Softmax(wb.Supernet(wb.search_space("mbconv"), "digits", 0))
    with pytest.raises(InvalidInput, match="Edges are chosen where every gate is an edge"):
        sn.perturbation(mobile, few(16), keep=2)


def test_a_node_gives_up_the_edges_whose_removal_costs_least(monkeypatch: pytest.MonkeyPatch) -> None:
    space = wb.search_space("darts")
    options = dict.fromkeys(space.gates(), ("none", "skip_connect"))
    net = wb.Supernet(space, "digits", 0, options=options, n_cells=3, channels=4)
    relaxation = sn.Softmax(net)
    for name in relaxation.alphas:
        relaxation.decide(name, 1)

    def judged(relaxation: sn.Softmax, gates: dict, batch: Batch, by: str) -> float:
        """An edge from a later node is worth more."""
        return sum(int(name.partition(".")[2].partition("->")[0]) for name, gate in gates.items() if gate == 0)

    # By its name the package has the function, not the module.
    monkeypatch.setattr(sys.modules["workbench.supernets.selection.perturbation"], "_judged", judged)
    arch = sn.perturbation(relaxation, few(8), keep=2, show=False)
    kept = {name for name, number in net.gates(arch).items() if number}
    assert kept == {f"{cell}.{s}->{t}" for cell in ("normal", "reduce") for t in range(2, 6) for s in (t - 2, t - 1)}
