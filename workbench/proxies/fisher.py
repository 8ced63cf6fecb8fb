"""fisher: how much the loss would feel each channel's removal (Theis et al., 2018; Turner et al., ICLR 2020)."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Turner et al., BlockSwap: Fisher-guided Block Substitution for Network Compression on a Budget, ICLR 2020",
    equation="sum over channels c of (weights of c) x mean over inputs of (sum over places of a dL/da)^2 / 2",
    reads=("fisher",),
    published=reported(
        "Abdelfattah et al. 2021, all 15,625 cells",
        "nasbench201",
        cifar10=0.360,
        cifar100=0.385,
        imagenet16_120=0.327,
    )
    | suite_zero(nasbench101=0.383, darts=-0.303),
)
def fisher(probe: Probe) -> dict[str, float]:
    """By layer, the Fisher information of its outputs a, each channel counted once for each of its weights.

    L is the mean cross-entropy. Counting a channel for each weight is Abdelfattah et al.'s, whose scores are by
    weight; it is part of the published values.
    """
    return probe.fisher
