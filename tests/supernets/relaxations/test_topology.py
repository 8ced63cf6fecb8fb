"""ROME: edges chosen apart from operations; and the derivation of DARTS."""

from collections import Counter

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.networks.elastic.mixed import MixedOp
from workbench.supernets.relaxations.topology import inclusion, top_two
from workbench.supernets.selection import incoming

OPS = ("none", "skip_connect", "avg_pool_3x3", "sep_conv_3x3")


@pytest.fixture(scope="module")
def net():
    space = wb.search_space("darts")
    return wb.Supernet(space, "digits", 0, options=dict.fromkeys(space.gates(), OPS), channels=2, n_cells=3)


def active(net, gates):
    """How many edges into every node are there."""
    found = {}
    for node, edges in incoming(net).items():
        found[node] = sum(
            gates[name] != 0 if isinstance(gates[name], int) else bool((gates[name] != 0).any()) for name in edges
        )
    return found


def test_every_draw_has_exactly_two_edges_into_every_node_and_one_operation_on_each(net):
    relaxation = sn.Topology(net, scale=2.0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(50):
            gates = relaxation.gates()
            assert set(active(net, gates).values()) == {2}
            for gate in gates.values():
                if not isinstance(gate, int):
                    assert sorted(gate.tolist()) == [0, 0, 0, 1]
                    assert gate[0] == 0
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert set(active(net, relaxation.path(rng)).values()) == {2}


def test_no_more_operations_run_than_in_the_network_of_one_architecture(net):
    ran = Counter()
    handles = [
        operation.register_forward_hook(lambda module, *_: ran.update([type(module).__name__ != "Zero"]))
        for module in net.network.modules()
        if isinstance(module, MixedOp)
        for operation in module.operations.values()
    ]
    x = torch.zeros(2, 1, 8, 8)
    net(x, sn.Topology(net).gates())
    drawn = ran[True]
    ran.clear()
    net(x, sn.top_edges(sn.Softmax(net)))
    for handle in handles:
        handle.remove()
    assert drawn == ran[True] == 2 * 4 * 3


def test_edges_and_operations_both_get_gradients_and_only_where_they_ran(net):
    relaxation = sn.Topology(net)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        gates = relaxation.gates()
        loss = net(torch.randn(8, 1, 8, 8), gates).square().sum()
    slopes = torch.autograd.grad(loss, relaxation.parameters(), allow_unused=True)
    alphas = dict(zip(relaxation.alphas, slopes, strict=False))
    for name, gate in gates.items():
        assert (alphas[name] is None) == isinstance(gate, int)
    betas = slopes[len(relaxation.alphas) :]
    assert all(slope is not None and torch.isfinite(slope).all() for slope in betas)
    assert any(float(slope.abs().max()) > 0 for slope in betas)


def test_two_are_drawn_as_often_as_their_probability_says():
    logits = torch.tensor([0.5, -1.0, 1.5, 0.0])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        noise = -torch.empty(20_000, 4).exponential_().log()
    drawn = torch.stack([top_two(row) for row in logits + noise])
    assert torch.equal(drawn.sum(1), torch.full((20_000,), 2.0))
    assert torch.allclose(drawn.mean(0), inclusion(logits), atol=0.012)
    assert float(inclusion(logits).sum()) == pytest.approx(2.0, abs=1e-5)


def test_expected_costs_are_the_mean_over_draws(net):
    relaxation = sn.Topology(net, scale=1.0)
    rng = np.random.default_rng(0)
    sampled = np.mean([float(net.costs(relaxation.path(rng))["params"]) for _ in range(150)])
    assert float(relaxation.expected_costs()["params"].detach()) == pytest.approx(sampled, rel=0.05)


def test_the_derivation_follows_the_rule_of_the_search(net):
    relaxation = sn.Topology(net, scale=1.0)
    arch = relaxation.argmax()
    chosen = {name: gate for name, gate in net.gates(arch).items() if gate}
    for node, edges in relaxation.nodes.items():
        best = sorted(edges, key=lambda name: -float(relaxation.betas[node].detach()[edges.index(name)]))[:2]
        assert {name for name in edges if name in chosen} == set(best)
        for name in best:
            assert chosen[name] == 1 + int(relaxation.alphas[name][1:].argmax())


def test_a_state_is_taken_back_with_its_betas(net):
    first, second = sn.Topology(net, scale=1.0, seed=1), sn.Topology(net, scale=1.0, seed=2)
    assert first.argmax() != second.argmax()
    second.load_state_dict(first.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_where_there_are_no_edges_to_choose_it_is_said(net):
    with pytest.raises(InvalidInput, match="may be 'none'.*Use the relaxation's argmax"):
        sn.Topology(wb.Supernet(wb.search_space("mbconv")))
    with pytest.raises(InvalidInput, match="a node of nasbench201 does not leave the choice"):
        sn.Topology(wb.Supernet(wb.search_space("nasbench201"), channels=2))
    with pytest.raises(InvalidInput, match="normal.0->2 does not leave the choice"):
        sn.Topology(net.narrowed({"normal.0->2": ["none"]}))
    with pytest.raises(InvalidInput, match="chosen among the edges of its node"):
        sn.Topology(net).decide("normal.0->2", 1)


def test_the_two_edges_of_the_strongest_operations_are_kept_and_none_is_not_an_operation(net):
    relaxation = sn.Softmax(net)
    with torch.no_grad():
        for alpha in relaxation.parameters():
            alpha.copy_(torch.tensor([9.0, 0.0, 0.0, 0.0]))
        for name, number in {"normal.0->4": 3, "normal.3->4": 2, "normal.1->4": 1}.items():
            relaxation.alphas[name][number] = {3: 6.0, 2: 5.0, 1: 4.0}[number]
    arch = sn.top_edges(relaxation)
    assert arch.decisions["normal.4.inputs"] == "0,3"
    assert arch.decisions["normal.4.op1"] == "sep_conv_3x3"
    assert arch.decisions["normal.4.op2"] == "avg_pool_3x3"


def test_random_alphas_derive_architectures_uniformly(net):
    pairs = Counter(sn.top_edges(sn.Softmax(net, scale=1.0, seed=s)).decisions["normal.4.inputs"] for s in range(600))
    assert len(pairs) == 6
    assert max(pairs.values()) < 150
    assert min(pairs.values()) > 60


def test_edges_are_chosen_in_spaces_of_edges_only():
    with pytest.raises(InvalidInput, match="Use the relaxation's argmax"):
        sn.top_edges(sn.Softmax(wb.Supernet(wb.search_space("mbconv"))))


def test_the_first_order_averages_the_losses_of_its_draws(net):
    relaxation = sn.Topology(net, scale=1.0)
    slopes, stepped = [], []

    class Now:
        warm, valid, progress = True, None, 0.0

        @staticmethod
        def loss(batch, gates):
            numbers = torch.arange(4.0)
            loss = sum((gate * numbers).sum() for gate in gates.values() if not isinstance(gate, int))
            grads = torch.autograd.grad(loss, relaxation.parameters(), retain_graph=True, materialize_grads=True)
            slopes.append(torch.cat(grads))
            return loss

    optimiser = sn.FirstOrder(relaxation, draws=3)
    optimiser.update = stepped.extend
    with torch.random.fork_rng():
        torch.manual_seed(0)
        optimiser.before(Now)
    assert len(slopes) == 3
    assert not torch.equal(slopes[0], slopes[1])
    whole = [torch.zeros_like(p) if s is None else s for p, s in zip(relaxation.parameters(), stepped, strict=True)]
    assert torch.allclose(torch.cat(whole), torch.stack(slopes).mean(0), atol=1e-5)
