"""DiffKendall: the smoothed coefficient against a naive sum, its sharp limit against scipy, and its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from workbench.errors import InvalidInput
from workbench.predictors import diff_kendall


def naive(x: list[float], y: list[float], alpha: float) -> float:
    """The paper's sum, pair by pair, with its two sigmoids."""

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    total, pairs = 0.0, 0
    for i in range(len(x)):
        for j in range(i):
            sides = [sigmoid(alpha * d) - sigmoid(-alpha * d) for d in (x[i] - x[j], y[i] - y[j])]
            total, pairs = total + sides[0] * sides[1], pairs + 1
    return total / pairs


@pytest.mark.parametrize("alpha", [0.1, 0.5, 3.0])
def test_it_is_the_mean_over_pairs_of_smoothed_signs(alpha: float) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 12)) * 2
    found = diff_kendall(torch.tensor(x), torch.tensor(y), alpha)
    assert float(found) == pytest.approx(naive(x.tolist(), y.tolist(), alpha), rel=1e-12)


def test_its_sharp_limit_is_kendalls_tau() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        x, y = rng.permutation(30).astype(float), rng.normal(size=30)
        y = np.argsort(np.argsort(y)).astype(float)
        sharp = diff_kendall(torch.tensor(x), torch.tensor(y), alpha=100.0)
        assert float(sharp) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-9)


def test_following_its_gradient_puts_numbers_in_order() -> None:
    truth = torch.arange(15.0)
    guess = torch.randn(15, generator=torch.Generator().manual_seed(0)).requires_grad_()
    optimiser = torch.optim.Adam([guess], lr=0.3)
    for _ in range(150):
        optimiser.zero_grad()
        (1 - diff_kendall(guess, truth)).backward()
        optimiser.step()
    assert stats.kendalltau(guess.detach().numpy(), truth.numpy()).statistic == pytest.approx(1.0)


def test_lists_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"n at least 2; got \(3,\) and \(4,\)"):
        diff_kendall(torch.ones(3), torch.ones(4))
    with pytest.raises(InvalidInput, match="n at least 2"):
        diff_kendall(torch.ones(1), torch.ones(1))
    with pytest.raises(InvalidInput, match="n at least 2"):
        diff_kendall(torch.ones(2, 2), torch.ones(2, 2))
