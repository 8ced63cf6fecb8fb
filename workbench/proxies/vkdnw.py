"""vkdnw: how evenly an untrained network's weights can be known from data (Tybl & Neumann, CVPR 2025)."""

from __future__ import annotations

import torch

from workbench.proxies.per_sample import predictive_fisher
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    paper="Tybl & Neumann, Training-free NAS through Variance of Knowledge of Deep Network Weights, CVPR 2025",
    equation=(
        "-sum of d_k log d_k, d = the 9 inner deciles of the eigenvalues of F over their sum, F = Fisher "
        "information of 1 value of each of the first 128 tensors, first 16 inputs"
    ),
)
def vkdnw(probe: Probe) -> float:
    """The entropy of the deciles, at most log 9; it does not count size: the authors rank by size + vkdnw.

    F is the mean over inputs of J' (diag(s) - s s') J with the network's own softmax s, in evaluation mode, and the
    value taken of a tensor is its first. Its rank is at most inputs x (classes - 1), which is why as many as 16 are
    taken, where the authors take 64; each costs a backward pass by class: 2 to 7 seconds of one core for a
    NAS-Bench-201 network and ten classes. Their code smooths s and multiplies J by a Cholesky factor L of the middle
    matrix where the formula asks for L'; here it is the formula.
    """
    fisher = probe.once(predictive_fisher)
    if isinstance(fisher, Unscored):
        return fisher
    if len(fisher) < 2:
        return Unscored("deciles need more than one parameter tensor")
    if not fisher.isfinite().all():
        return Unscored("the derivatives of the logits are not finite")
    spectrum = torch.linalg.eigvalsh(fisher)
    spectrum[spectrum <= spectrum[-1] * len(spectrum) * torch.finfo(spectrum.dtype).eps] = 0  # zero but for rounding
    deciles = torch.quantile(spectrum, torch.arange(1, 10, dtype=torch.float64) / 10)
    total = deciles.sum()
    if total <= 0:
        return Unscored("nine tenths of the Fisher information's eigenvalues are zero: it has no deciles")
    return float(torch.special.entr(deciles / total).sum())
