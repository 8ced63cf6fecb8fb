"""vkdnw: how evenly an untrained network's weights can be known from data (Tybl & Neumann, CVPR 2025)."""

from __future__ import annotations

import torch

from workbench.proxies.per_sample import predictive_fisher
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.unscored import Unscored

_PAPER = "Tybl & Neumann, Training-free NAS through Variance of Knowledge of Deep Network Weights, CVPR 2025"


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    paper=_PAPER,
    equation=(
        "-sum of d_k log d_k, d = the 9 inner deciles of the eigenvalues of F over their sum, F = Fisher "
        "information of 1 value of each of the first 128 tensors, first 16 inputs"
    ),
)
def vkdnw(probe: Probe) -> float:
    """The entropy of the deciles, at most log 9; it does not count size, which `vkdnw_single` does.

    F is the mean over inputs of J' (diag(s) - s s') J with the network's own softmax s, in evaluation mode, and the
    value taken of a tensor is its first. Its rank is at most inputs x (classes - 1), which is why as many as 16 are
    taken, where the authors take 64; each costs a backward pass by class: 2 to 7 seconds of one core for a
    NAS-Bench-201 network and ten classes. Their code smooths s and multiplies J by a Cholesky factor L of the middle
    matrix where the formula asks for L'; here it is the formula.
    """
    return probe.once(entropy_of_deciles)


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    paper=_PAPER,
    equation="number of convolutions and linear layers + vkdnw",
    published=reported(
        "Tybl & Neumann, VKDNW, CVPR 2025, table 1, 9,445 unique cells",
        "nasbench201",
        cifar10=0.815,
        cifar100=0.829,
        imagenet16_120=0.814,
    ),
)
def vkdnw_single(probe: Probe) -> float:
    """The score by which the authors rank when it stands alone: the number of layers, and `vkdnw` between equal ones.

    Theirs counts tensors of parameters, which in NAS-Bench-201 is the same order; between networks whose numbers of
    layers differ by one or two, the sum may prefer the smaller one where theirs, a pair, does not.
    """
    found = probe.once(entropy_of_deciles)
    return found if isinstance(found, Unscored) else len(probe.weights) + found


def entropy_of_deciles(probe: Probe) -> float:
    """Of the eigenvalues of the Fisher information of a sample of the weights, in nats."""
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
