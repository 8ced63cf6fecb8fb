"""params: the number of trainable values, the first baseline of every comparison."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="higher",
    needs="none",
    cost="free",
    paper="a baseline; reported by Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022",
    equation="sum over tensors of their number of values",
    published=reported(
        "NAS-Bench-Suite-Zero's values of 724 cells against test accuracy",
        "nasbench201",
        cifar10=0.769,
        cifar100=0.745,
        imagenet16_120=0.715,
    )
    | suite_zero(nasbench101=0.716, darts=0.523)
    | reported("LPZero (EMNLP 2024), its values of 500 networks", "flexibert", glue=0.652),
)
def params(probe: Probe) -> float:
    """Parameters in units, dead edges and batch normalisation included."""
    return float(probe.counts.params)
