"""Path samplers: what a step runs, with what weights, and how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.step import Step
from workbench.tasks.task import Batch, Splits

Path = tuple[tuple[str, int], ...]


@pytest.fixture(scope="module")
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits", 0)


@pytest.fixture(scope="module")
def data() -> Splits:
    return wb.task("digits").split(0)


def step_of(net: wb.Supernet, data: Splits, index: int = 0) -> Step:
    batch = Batch(data.train.x[:32], data.train.y[:32])
    numbers, rng = np.arange(32), np.random.default_rng([7, index])
    optimiser = torch.optim.SGD(net.parameters(), 0.1)

    def loss(batch: Batch, gates: object) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(net(batch.x, gates), batch.y)

    return Step(net, data, sn.Recipe(), 0, index, 100, rng, batch, batch, numbers, optimiser, loss)


def planned(paths: sn.Uniform, net: wb.Supernet, data: Splits, steps: int) -> list[list[dict[str, int]]]:
    return [[dict(run.gates) for run in paths.plan(step_of(net, data, i))] for i in range(steps)]


@pytest.mark.parametrize(
    "paths",
    [sn.Uniform(), sn.Uniform(3), sn.CostBins(), sn.Fair(), sn.Fixed({"s1.width": 1})],
    ids=lambda p: type(p).__name__,
)
def test_the_weights_of_a_step_add_up_to_one_and_equal_steps_plan_the_same(
    paths: sn.Uniform, net: wb.Supernet, data: Splits
) -> None:
    for index in range(4):
        runs = paths.plan(step_of(net, data, index))
        assert sum(run.weight for run in runs) == pytest.approx(1)
        again = paths.plan(step_of(net, data, index))
        assert [dict(run.gates) for run in runs] == [dict(run.gates) for run in again]
        assert all(set(run.gates) <= set(net.options) for run in runs)


def test_uniform_draws_every_option_alike(net: wb.Supernet, data: Splits) -> None:
    drawn = planned(sn.Uniform(), net, data, 300)
    # The gates of the first blocks are asked of every architecture.
    for gate in ("s1.width", "s1.b1.expand", "s2.b1.kernel"):
        counts = np.bincount([path[gate] for (path,) in drawn], minlength=len(net.options[gate]))
        assert chisquare(counts).pvalue > 0.001, gate


def test_fair_runs_every_option_once_a_step(net: wb.Supernet, data: Splits) -> None:
    for runs in planned(sn.Fair(), net, data, 10):
        assert len(runs) == 3
        for gate, allowed in net.options.items():
            counts = Counter(path[gate] for path in runs)
            assert len(counts) == len(allowed)
            assert max(counts.values()) - min(counts.values()) <= 1


def test_a_sandwich_lies_between_the_largest_and_the_smallest(net: wb.Supernet, data: Splits) -> None:
    for runs in planned(sn.Sandwich(2), net, data, 5):
        assert len(runs) == 4
        assert runs[0] == net.largest()
        assert runs[-1] == net.smallest()
        costs = [net.costs(path)["macs"] for path in runs]
        assert costs[0] == max(costs)
        assert costs[-1] == min(costs)


def test_the_gradient_of_a_step_is_the_sum_over_its_sub_networks(net: wb.Supernet, data: Splits) -> None:
    step = step_of(net, data)
    runs = sn.Sandwich(2).plan(step)
    net.train()
    parameters = list(net.parameters())

    def gradient(loss: torch.Tensor) -> list[torch.Tensor]:
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]

    each = [gradient(step.loss(step.train, run.gates)) for run in runs]
    seen: list[list[torch.Tensor]] = []

    class Looking(sn.Sandwich):
        def plan(self, step: Step) -> list[sn.paths.Run]:
            return runs

        def learned(self, step: Step) -> None:
            seen.append([torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters])

    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    part = Splits(step.train, data.valid, data.test)
    recipe = sn.Recipe(epochs=1, batch_size=32)
    sn.train(net, part, Looking(), recipe=recipe, show=False)
    net.load_state_dict(before)
    for found, *parts in zip(seen[0], *each, strict=True):
        # The order of the 32 examples is another one.
        assert torch.allclose(found, torch.stack(parts).sum(0), atol=1e-4)


def test_restricted_never_leaves_its_architectures(net: wb.Supernet, data: Splits) -> None:
    allowed = net.sample(3, seed=0)
    kept = [dict(net.gates(arch)) for arch in allowed]
    drawn = [path for runs in planned(sn.Restricted(allowed, 2), net, data, 60) for path in runs]
    assert all(path in kept for path in drawn)
    assert chisquare([drawn.count(path) for path in kept]).pvalue > 0.001
    with pytest.raises(InvalidInput, match="at least one architecture"):
        sn.Restricted([])


def test_weights_that_no_restricted_architecture_has_stay_as_they_are(net: wb.Supernet, data: Splits) -> None:
    fresh = wb.Supernet(net.space, "digits", 0)
    before = {name: p.clone() for name, p in fresh.named_parameters()}
    small = fresh.architecture(fresh.smallest())
    recipe = sn.Recipe(epochs=1, weight_decay=0.0)
    sn.train(fresh, data, sn.Restricted([small]), recipe=recipe, show=False)
    alone = fresh.extract(small)
    touched = sum(int((p != before[name]).sum()) for name, p in fresh.named_parameters())
    assert 0 < touched <= sum(p.numel() for p in alone.parameters())


def test_cost_bins_are_drawn_alike_and_uniform_paths_crowd_the_middle(net: wb.Supernet, data: Splits) -> None:
    binned, uniform = sn.CostBins(bins=3, patience=100), sn.Uniform()
    low, high = binned.limits(net)
    counts = []
    for paths in (binned, uniform):
        costs = [net.costs(path)["macs"] for (path,) in planned(paths, net, data, 50)]
        counts.append(np.histogram(costs, bins=3, range=(low, high))[0])
    assert chisquare(counts[0]).pvalue > 0.001
    assert chisquare(counts[1]).pvalue < 1e-6
    assert (low, high) == (net.costs(net.smallest())["macs"], net.costs(net.largest())["macs"])


def test_an_architecture_of_cost_bins_lies_in_the_bin_or_nearest_to_it(net: wb.Supernet) -> None:
    rng = np.random.default_rng(0)
    edges = np.linspace(*sn.CostBins().limits(net), 6)
    for low, high in pairwise(edges):
        arch = sn.paths.nearest_cost(net, "macs", low, high, rng, 200)
        assert low <= net.costs(arch)["macs"] <= high
    beyond = sn.paths.nearest_cost(net, "macs", 1e9, 2e9, rng, 5)
    assert net.holds(beyond)


def test_sampled_paths_follow_the_probabilities_and_mixtures_are_those_of_the_relaxation(
    net: wb.Supernet, data: Splits
) -> None:
    relaxation = sn.Softmax(net)
    with torch.no_grad():
        relaxation.alphas["s1.b1.expand"].copy_(torch.tensor([0.0, 1.0, 2.0]))
    drawn = [path["s1.b1.expand"] for (path,) in planned(sn.Sampled(relaxation), net, data, 400)]
    expected = relaxation.probabilities()["s1.b1.expand"].double().numpy() * 400
    assert chisquare(np.bincount(drawn, minlength=3), expected * 400 / expected.sum()).pvalue > 0.001
    (run,) = sn.Mixture(relaxation).plan(step_of(net, data))
    assert all(torch.equal(run.gates[name], p) for name, p in relaxation.probabilities().items())
    assert replace(run, weight=0.5).weight == 0.5
