"""flops: the multiply-adds of one input, a baseline."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="higher",
    needs="none",
    cost="free",
    paper="a baseline; reported by Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022",
    equation="sum over convolutions, linear layers and matrix products of outputs x inputs of each output",
    published=reported(
        "NAS-Bench-Suite-Zero's values of 724 cells against test accuracy",
        "nasbench201",
        cifar10=0.748,
        cifar100=0.722,
        imagenet16_120=0.694,
    )
    | suite_zero(nasbench101=0.72, darts=0.482),
)
def flops(probe: Probe) -> float:
    """Multiply-adds of convolutions, linear layers and matrix products, in units; NAS-Bench-201's own "FLOPs".

    NASLib's column of this name (tensorwatch) adds 3 operations per value for each activation with normalisation
    and 9 for each pooling.
    """
    return float(probe.counts.macs)
