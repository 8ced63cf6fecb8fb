"""DiffKendall: Kendall's rank correlation with its signs smoothed, so that it can be learned from."""

from __future__ import annotations

import torch

from workbench.errors import InvalidInput


def diff_kendall(x: torch.Tensor, y: torch.Tensor, alpha: float = 0.5) -> torch.Tensor:
    """The mean over all pairs i < j of s(x_i - x_j) s(y_i - y_j), s(d) = sigmoid(alpha d) - sigmoid(-alpha d).

    `x` and `y` are of shape (n,), n at least 2; the result is a scalar between -1 and 1 with a gradient, 1 - it a loss.
    Since s(d) = tanh(alpha d / 2) tends to the sign of d, it tends to Kendall's tau as `alpha` grows (tau a, where
    there are ties). From Zheng, Zhang & Huang, DiffKendall, NeurIPS 2023, who smooth the sign of the product of the
    differences, in the form of Dong et al., ParZC, AAAI 2025, who smooth each; `alpha` is theirs. Raises
    `InvalidInput` for other shapes.
    """
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise InvalidInput(
            f"diff_kendall compares two lists of n numbers, n at least 2; got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    i, j = torch.triu_indices(len(x), len(x), 1)
    return (torch.tanh(alpha / 2 * (x[i] - x[j])) * torch.tanh(alpha / 2 * (y[i] - y[j]))).mean()
