"""HardCoRe-NAS: the limit holds at every step, for any limit, and so it does at the end."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.tasks.task import Batch, Splits


def few(n: int = 64) -> Splits:
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in wb.task("digits").split(0)))


@pytest.fixture(scope="module")
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("mbconv"), "digits", 0)


LIMITS = [*np.random.default_rng(0).uniform(54_256, 1_366_848, 8).round().tolist(), 54_256.0, 54_257.0]


@pytest.mark.parametrize("limit", LIMITS)
def test_no_step_exceeds_any_limit_and_neither_does_the_architecture(net: wb.Supernet, limit: float) -> None:
    optimiser = sn.FrankWolfe(sn.Simplex(net), limit, rate=1.0)
    assert optimiser.violation() == 0.0
    rng = np.random.default_rng(1)
    spent = []
    for _ in range(12):
        block = optimiser.blocks[optimiser.steps % len(optimiser.blocks)]
        # Slopes that push towards the largest: the limit is what holds it.
        slopes = {name: -rng.random(len(net.options[name])) * np.arange(len(net.options[name])) for name in block}
        optimiser.go(optimiser.program(block, slopes), 0.7)
        optimiser.steps += 1
        for probability in optimiser.relaxation.probabilities().values():
            assert float(probability.sum()) == pytest.approx(1, abs=1e-6)
            assert float(probability.min()) >= 0
        spent.append(float(optimiser.relaxation.expected_costs()["macs"].detach()))
    assert max(spent) <= limit * (1 + 1e-6)
    assert max(spent) > 0.5 * limit, "the limit is used"
    arch = optimiser.sparsify()
    assert net.costs(arch)["macs"] <= limit


def test_training_keeps_the_limit_and_moves_the_probabilities(net: wb.Supernet) -> None:
    optimiser = sn.FrankWolfe(sn.Simplex(net), 4e5)
    before = optimiser.relaxation.probabilities()
    recipe = sn.Recipe(epochs=2, batch_size=16)
    sn.train(net, few(), sn.Sampled(optimiser.relaxation), architecture=optimiser, recipe=recipe, show=False)
    assert optimiser.violations == [0.0] * 8
    assert any(not torch.allclose(before[name], p) for name, p in optimiser.relaxation.probabilities().items())


def test_within_a_block_the_cost_is_linear(net: wb.Supernet) -> None:
    optimiser, graph = sn.FrankWolfe(sn.Simplex(net), 6e5), sn.interactions(net)
    assert sorted(name for block in optimiser.blocks for name in block) == sorted(optimiser.relaxation.alphas)
    assert not any(graph.has_edge(*pair) for block in optimiser.blocks for pair in combinations(block, 2))


def test_the_share_of_the_way_falls_as_in_the_paper(net: wb.Supernet) -> None:
    optimiser = sn.FrankWolfe(sn.Simplex(net), 6e5, rate=0.5)
    shares, go = [], optimiser.go
    optimiser.go = lambda vertices, share: shares.append(share) or go(vertices, share)  # type: ignore[assignment,func-returns-value]
    recipe = sn.Recipe(epochs=1, batch_size=16)
    sn.train(net, few(), sn.Uniform(), architecture=optimiser, recipe=recipe, show=False)
    n = len(optimiser.blocks)
    assert shares == [0.5 * 2 * n / (k + 2 * n) for k in range(4)]


def test_where_the_limit_does_not_bind_every_gate_goes_to_its_best_option(net: wb.Supernet) -> None:
    optimiser = sn.FrankWolfe(sn.Simplex(net), 2e6)
    for block in optimiser.blocks:
        slopes = {name: np.eye(len(net.options[name]))[0] - np.eye(len(net.options[name]))[-1] for name in block}
        for vertex in optimiser.program(block, slopes).values():
            assert vertex == pytest.approx(np.eye(len(vertex))[-1], abs=1e-6)


def test_the_whole_point_is_the_most_probable_one_within_the_limit() -> None:
    net = wb.Supernet(wb.search_space("nasbench201"), "digits", 0, n_cells=1, channels=4)
    optimiser = sn.FrankWolfe(sn.Simplex(net), 200_000)
    rng = np.random.default_rng(0)
    block = optimiser.blocks[0]
    assert len(optimiser.blocks) == 1, "edges do not multiply each other: one block, one exact program"
    optimiser.go({name: rng.dirichlet(np.ones(5)) for name in block}, 0.3)
    expected = sn.constrained(net, optimiser.relaxation.probabilities(), {"macs": 200_000}).architecture
    assert optimiser.sparsify() == expected


def test_the_state_goes_on_where_it_was(net: wb.Supernet) -> None:
    first = sn.FrankWolfe(sn.Simplex(net), 4e5)
    sn.train(net, few(), sn.Uniform(), architecture=first, recipe=sn.Recipe(epochs=1, batch_size=16), show=False)
    second = sn.FrankWolfe(sn.Simplex(net), 4e5)
    second.load_state_dict(first.state_dict())
    assert (second.steps, second.violations) == (first.steps, first.violations)
    assert all(
        torch.equal(a, b) for a, b in zip(first.relaxation.parameters(), second.relaxation.parameters(), strict=True)
    )


def test_a_limit_below_the_smallest_names_the_smallest(net: wb.Supernet) -> None:
    with pytest.raises(InvalidInput, match="within macs <= 1000: the smallest has 54256. Raise the limit to that"):
        sn.FrankWolfe(sn.Simplex(net), 1000)
