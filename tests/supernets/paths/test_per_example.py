"""Per-example paths: several architectures in one pass, each example as if its own had run alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.step import Run, Step
from workbench.tasks.task import Splits


@pytest.fixture(scope="module")
def data() -> Splits:
    return wb.task("digits").split(0)


def planned(net: wb.Supernet, data: Splits, paths: sn.PerExample, seed: int = 0, n: int = 24) -> Run:
    batch = type(data.train)(data.train.x[:n], data.train.y[:n])
    rng = np.random.default_rng(seed)
    (run,) = paths.plan(Step(net, data, None, 0, 0, 1, rng, batch, batch, np.arange(n), None, None))
    return run


def path_of(run: Run, example: int) -> dict[str, int]:
    return {name: int(gate[example].argmax()) for name, gate in run.gates.items()}


@pytest.mark.parametrize("permuted", [False, True])
def test_an_example_gets_what_its_own_sub_network_gives_it_alone(permuted: bool, data: Splits) -> None:
    net = wb.Supernet(wb.search_space("autoformer_digits"), "digits", 0).eval()
    run = planned(net, data, sn.PerExample(4, permuted=permuted))
    x = data.train.x[:24]
    with torch.no_grad():
        together = net(x, run.gates)
        alone = torch.cat([net(x[i : i + 1], path_of(run, i)) for i in range(24)])
    assert torch.allclose(together, alone, atol=1e-5)
    assert not torch.allclose(together, net(x, net.largest()), atol=1e-2)


def test_gradients_are_those_of_the_sub_networks_too(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("autoformer_digits"), "digits", 0)
    run = planned(net, data, sn.PerExample(3, permuted=False))
    x, y = data.train.x[:24], data.train.y[:24]
    parameters = list(net.parameters())
    entropy = torch.nn.functional.cross_entropy
    together = torch.autograd.grad(entropy(net(x, run.gates), y), parameters)
    parts = [entropy(net(x[i : i + 8], path_of(run, i)), y[i : i + 8]) / 3 for i in (0, 8, 16)]
    apart = torch.autograd.grad(sum(parts), parameters, allow_unused=True)
    for ours, theirs in zip(together, apart, strict=True):
        assert torch.allclose(ours, torch.zeros_like(ours) if theirs is None else theirs, atol=1e-5)


def test_every_architecture_gets_its_share_of_the_examples(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("autoformer_digits"), "digits", 0)
    run = planned(net, data, sn.PerExample(4, permuted=False))
    paths = [tuple(path_of(run, i).items()) for i in range(24)]
    assert [paths.count(path) for path in dict.fromkeys(paths)] == [6, 6, 6, 6]
    assert all(torch.equal(gate.sum(1), torch.ones(24)) and gate.max() == 1 for gate in run.gates.values())


def test_permuted_gates_deal_the_same_options_to_other_examples(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("autoformer_digits"), "digits", 0)
    plain, permuted = (planned(net, data, sn.PerExample(4, permuted=yes)) for yes in (False, True))
    for name, gate in plain.gates.items():
        assert torch.equal(gate.sum(0), permuted.gates[name].sum(0))
    assert len({tuple(path_of(permuted, i).items()) for i in range(24)}) > 4


def test_one_architecture_for_all_examples_is_the_uniform_path(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("autoformer_digits"), "digits", 0).eval()
    run = planned(net, data, sn.PerExample(1), seed=3)
    (arch,) = net.sample(1, np.random.default_rng(3))
    with torch.no_grad():
        assert torch.allclose(net(data.train.x[:24], run.gates), net(data.train.x[:24], arch), atol=1e-5)


def test_with_batch_statistics_examples_depend_on_their_neighbours(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("mbconv"), "digits", 0)
    run = planned(net, data, sn.PerExample(4))
    x = data.train.x[:24]
    with torch.no_grad():
        net.eval()  # statistics that are given leave every example by itself
        alone = torch.cat([net(x[i : i + 1], path_of(run, i)) for i in range(24)])
        assert torch.allclose(net(x, run.gates), alone, atol=1e-4)
        net.train()
        alone = torch.cat([net(x, path_of(run, i))[i : i + 1] for i in range(24)])
        assert not torch.allclose(net(x, run.gates), alone, atol=1e-2)


def test_it_trains_and_says_what_it_cannot(data: Splits) -> None:
    net = wb.Supernet(wb.search_space("autoformer_digits"), "digits", 0)
    recipe = sn.Recipe(epochs=2, batch_size=128, optimiser="adam", lr=0.003)
    training = sn.train(net, data, sn.PerExample(4), recipe=recipe, show=False)
    assert training.history[1]["loss"] < training.history[0]["loss"]
    with pytest.raises(InvalidInput, match="n architectures at once, 1 or more; got 0"):
        sn.PerExample(0)
