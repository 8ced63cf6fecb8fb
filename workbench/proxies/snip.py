"""snip: how much the loss would feel each weight's removal (Lee et al., ICLR 2019)."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Lee et al., SNIP: Single-shot Network Pruning based on Connection Sensitivity, ICLR 2019",
    equation="sum over weights of |w dL/dw|",
    reads=("gradients",),
    published=reported(
        "Abdelfattah et al. 2021, all 15,625 cells",
        "nasbench201",
        cifar10=0.596,
        cifar100=0.637,
        imagenet16_120=0.578,
    )
    | suite_zero(nasbench101=0.454, darts=-0.035),
)
def snip(probe: Probe) -> dict[str, float]:
    """By layer, the sum of |w dL/dw| for the mean cross-entropy L; weights are those of `Probe.weights`."""
    return {
        layer: float((probe.weights[layer].detach() * gradient).abs().sum())
        for layer, gradient in probe.gradients.items()
    }
