"""gradsign: how far the losses of single inputs agree on where each weight should go (Zhang & Jia, ICLR 2022)."""

from __future__ import annotations

from workbench.proxies.per_sample import lone_sign_sums
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Zhang & Jia, GradSign: Model Performance Inference with Theoretical Insights, ICLR 2022",
    equation="sum over weights of |sum over inputs of sign(dl_n/dw)|, l_n = loss of input n alone, first 16 inputs",
    published=reported(
        "GradSign's paper, as printed in VKDNW's (CVPR 2025), Table 1",
        "nasbench201",
        cifar10=0.765,
        cifar100=0.793,
        imagenet16_120=0.783,
    ),
)
def gradsign(probe: Probe) -> float | dict[str, float]:
    """By layer, the agreement of the signs; the total is their SUM over all weights, not their mean.

    The authors' code has both. In their one-shot network, whose vector of weights has one length for all
    architectures, the two rank alike; divided by a network's own number of weights the ranking is lost. The
    authors take 64 to 128 inputs; each is a forward and backward of a batch of one, so the first 16 are taken here:
    about half a second of one core for a NAS-Bench-201 network.
    """
    sums = probe.once(lone_sign_sums)
    if isinstance(sums, Unscored):
        return sums
    return {layer: float(total.abs().double().sum()) for layer, total in sums.items()}
