"""Paths and data are drawn by the size of their gradients, and no option dies out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.paths.importance import sample_norms
from workbench.supernets.step import Outputs, Step
from workbench.tasks.task import Splits

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
OPTIONS = dict.fromkeys(("0->1", "0->2", "1->2"), OPERATIONS) | dict.fromkeys(("0->3", "1->3"), ("none",))
OPTIONS |= {"2->3": ("skip_connect",)}
RECIPE = sn.Recipe(epochs=3, batch_size=64)


@pytest.fixture(scope="module")
def data() -> Splits:
    whole = wb.task("digits").split(0)
    return whole._replace(train=whole.train._replace(x=whole.train.x[:256], y=whole.train.y[:256]))


def fresh(seed: int = 0) -> wb.Supernet:
    return wb.Supernet(wb.search_space("nasbench201"), "digits", seed, options=OPTIONS, n_cells=1, channels=4)


@pytest.fixture(scope="module")
def trained(data: Splits) -> tuple[wb.Supernet, sn.Importance]:
    net, paths = fresh(), sn.Importance()
    sn.train(net, data, paths, recipe=RECIPE, show=False)
    paths.order(len(data.train.x), 2, 3, np.random.default_rng(0))  # what the last epoch has shown
    return net, paths


def test_the_norm_of_an_example_is_that_of_the_gradient_by_its_logits() -> None:
    logits = torch.randn(9, 10, requires_grad=True)
    labels = torch.arange(9)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"), logits)
    torch.testing.assert_close(sample_norms(Outputs(logits), labels), gradient.norm(dim=-1))


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0])
def test_probabilities_add_up_to_one_and_no_tau_is_uniform(
    trained: tuple[wb.Supernet, sn.Importance], tau: float
) -> None:
    net, paths = trained
    probabilities = [*paths.probabilities(net, tau).values(), paths.example_probabilities(256, tau)]
    for p in probabilities:
        assert p.sum() == pytest.approx(1)
        if tau == 0:
            np.testing.assert_allclose(p, 1 / len(p))
    drawn = paths.probabilities(net, 1.0)["0->1"]
    assert drawn.min() >= 0.2 / 4 - 1e-12  # the floor: options without weights live on
    assert drawn[2:].min() > drawn[:2].max()  # those with weights have gradients
    assert np.ptp(paths.example_probabilities(256, 1.0)) > 0


def test_without_importance_the_training_is_that_of_uniform_paths_bit_for_bit(data: Splits) -> None:
    nets = [fresh(1), fresh(1), fresh(1)]
    one = sn.Recipe(epochs=1, batch_size=64)
    for net, paths in zip(nets, (sn.Uniform(), sn.Importance()), strict=False):  # the first epoch has tau 0
        sn.train(net, data, paths, recipe=one, seed=2, show=False)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
    for net, paths in ((nets[0], sn.Uniform()), (nets[2], sn.Importance(paths=False, data=False))):
        again = fresh(1)
        sn.train(again, data, paths, recipe=RECIPE, seed=2, show=False)
        net.load_state_dict(again.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[2].parameters(), strict=True))


def test_examples_with_larger_gradients_are_drawn_more_often(trained: tuple[wb.Supernet, sn.Importance]) -> None:
    _, paths = trained
    p = paths.example_probabilities(256, 0.9)
    counts = np.zeros(256)
    for seed in range(40):
        counts += np.bincount(paths.order(256, 9, 10, np.random.default_rng(seed)), minlength=256)
    large, small = p > np.quantile(p, 0.75), p < np.quantile(p, 0.25)
    assert counts[large].mean() / counts[small].mean() == pytest.approx(p[large].mean() / p[small].mean(), rel=0.1)


def test_an_option_counts_the_norm_of_its_own_gradients(data: Splits) -> None:
    seen: dict[int, float] = {}

    class Watching(sn.Importance):
        def learned(self, step: Step) -> None:
            super().learned(step)
            number = step.runs[0].gates["0->1"]
            edges = [cell.edges["0->1"] for cell in step.net.network.cells if hasattr(cell, "edges")]
            weights = [p for edge in edges for p in list(edge.operations.values())[number].parameters() if p.ndim > 1]
            if weights:
                seen[number] = seen.get(number, 0) + float(torch.cat([w.grad.flatten() for w in weights]).norm())

    paths = Watching(data=False)
    sn.train(fresh(), data, paths, recipe=sn.Recipe(epochs=1, batch_size=64), seed=3, show=False)
    assert seen
    found = paths.state_dict()["found"]["0->1"]
    assert found[:2].tolist() == [0, 0]
    for number, norm in seen.items():
        assert float(found[number]) == pytest.approx(norm, rel=1e-4)


def test_a_training_taken_up_again_draws_as_an_undisturbed_one(data: Splits, tmp_path: Path) -> None:
    whole, halves = fresh(), fresh()
    sn.train(whole, data, sn.Importance(), recipe=RECIPE, show=False)
    file = tmp_path / "kept.pt"
    sn.train(
        halves,
        data,
        sn.Importance(),
        recipe=RECIPE,
        checkpoint=file,
        stop=lambda h: "now" if len(h) == 2 else None,
        show=False,
    )
    again = fresh(5)
    sn.train(again, data, sn.Importance(), recipe=RECIPE, checkpoint=file, show=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_the_variance_of_gradients_leaves_the_net_alone_and_falls_with_more_paths(data: Splits) -> None:
    net = fresh()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    one = sn.gradient_variance(net, data, sn.Uniform(), draws=12, recipe=RECIPE)
    four = sn.gradient_variance(net, data, sn.Uniform(8), draws=12, recipe=RECIPE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert one == sn.gradient_variance(net, data, sn.Uniform(), draws=12, recipe=RECIPE)
    assert four["variance"] < one["variance"] / 3
    assert one["relative"] == pytest.approx(one["variance"] / one["mean"])


def test_a_floor_is_a_share() -> None:
    with pytest.raises(InvalidInput, match="a floor from 0 to 1; got 1 and 2"):
        sn.Importance(floor=2)
