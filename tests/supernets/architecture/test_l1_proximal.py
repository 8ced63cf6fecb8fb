"""Sparse coefficients: the proximal step is the soft threshold, and solves the lasso."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=2, batch_size=32)


def few(n: int = 96) -> Splits:
    return Splits(*(Batch(part.x[:n], part.y[:n], part.source) for part in wb.task("digits").split(0)))


@pytest.fixture
def net() -> wb.Supernet:
    return wb.Supernet(wb.search_space("nasbench201"), "digits", 0, n_cells=1, channels=4)


def test_small_coefficients_become_exactly_zero_and_large_ones_shrink(net: wb.Supernet) -> None:
    relaxation = sn.Raw(net)
    alpha = relaxation.alphas["0->1"]
    with torch.no_grad():
        alpha.copy_(torch.tensor([0.5, -0.5, 0.05, -0.05, 0.0]))
    sn.L1Proximal(relaxation, lr=0.5, rho=0.2).shrink()
    assert alpha.tolist() == pytest.approx([0.4, -0.4, 0.0, 0.0, 0.0])
    assert relaxation.gates()["0->1"] is alpha or torch.equal(relaxation.gates()["0->1"], alpha)
    assert relaxation.probabilities()["0->1"].tolist() == pytest.approx([0.5, 0.5, 0, 0, 0])


def test_it_solves_the_lasso_of_orthogonal_features(net: wb.Supernet) -> None:
    """Min 1/2 |y - X a|^2 + rho |a|_1 with X'X = I has the solution soft(X'y, rho)."""
    torch.manual_seed(0)
    features = torch.linalg.qr(torch.randn(12, 5)).Q
    y, rho = torch.randn(12), 0.3
    relaxation = sn.Raw(net)
    alpha = relaxation.alphas["0->1"]
    optimiser = sn.L1Proximal(relaxation, lr=0.5, rho=rho)
    for _ in range(60):
        optimiser.optimiser.zero_grad(set_to_none=True)
        (0.5 * (y - features @ alpha).square().sum()).backward()
        optimiser.optimiser.step()
        optimiser.shrink()
    correlation = features.T @ y
    assert torch.allclose(alpha, correlation.sign() * (correlation.abs() - rho).clamp_min(0), atol=1e-5)


def test_without_a_penalty_it_is_gradient_descent(net: wb.Supernet) -> None:
    found = []
    for plain in (True, False):
        same = wb.Supernet(net.space, "digits", 0, n_cells=1, channels=4)
        relaxation = sn.Raw(same, scale=0.5)
        optimiser = sn.L1Proximal(relaxation, lr=0.05, rho=0.0)
        if plain:
            optimiser.shrink = lambda: None  # type: ignore[method-assign]
        sn.train(same, few(), sn.Mixture(relaxation), architecture=optimiser, recipe=RECIPE, show=False)
        found.append(relaxation)
    assert all(torch.equal(a, b) for a, b in zip(found[0].parameters(), found[1].parameters(), strict=True))


def test_a_stronger_penalty_leaves_fewer_options_and_they_alone_run(net: wb.Supernet) -> None:
    alive = []
    for rho in (0.0, 3.0):
        same = wb.Supernet(net.space, "digits", 0, n_cells=1, channels=4)
        relaxation = sn.Raw(same, scale=0.5)
        optimiser = sn.L1Proximal(relaxation, lr=0.02, rho=rho)
        sn.train(same, few(), sn.Mixture(relaxation), architecture=optimiser, recipe=RECIPE, show=False)
        alive.append(sum(int((alpha != 0).sum()) for alpha in relaxation.parameters()))
    assert alive[1] < 0.8 * alive[0]


def test_options_that_are_gone_weigh_nothing(net: wb.Supernet) -> None:
    relaxation = sn.Raw(net, scale=1.0)
    relaxation.drop("0->1", 3)
    assert float(relaxation.gates()["0->1"][3].detach()) == 0.0
    assert float(relaxation.probabilities()["0->1"][3]) == 0.0
    assert float(relaxation.probabilities()["0->1"].sum()) == pytest.approx(1)


def test_what_it_refuses(net: wb.Supernet) -> None:
    with pytest.raises(InvalidInput, match="lr above 0 and rho from 0; got 0.1 and -1"):
        sn.L1Proximal(sn.Raw(net), rho=-1)
