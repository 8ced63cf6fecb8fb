"""plain: the signed effect of removing each weight on the loss (Mozer & Smolensky, NeurIPS 1988)."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="lower",
    needs="labels",
    cost="backward",
    of="function",
    paper="Mozer & Smolensky, Skeletonization, NeurIPS 1988; as a proxy Abdelfattah et al., ICLR 2021",
    equation="sum over weights of w dL/dw",
    reads=("gradients",),
    published=reported(
        "NAS-Bench-Suite-Zero's values of 724 cells against test accuracy",
        "nasbench201",
        cifar10=-0.250,
        cifar100=-0.267,
        imagenet16_120=-0.259,
    )
    | suite_zero(nasbench101=0.06, darts=-0.298),
)
def plain(probe: Probe) -> dict[str, float]:
    """By layer, the sum of w dL/dw: the first-order change of the mean cross-entropy L as the weights grow.

    A layer followed by batch normalisation contributes zero up to rounding, so that the total is what the few
    others leave: a small difference of large numbers, to be compared on the scale of `snip`. Accuracy falls as
    it rises in NAS-Bench-201 and in the DARTS space, so lower is better here; in NAS-Bench-101 it says nothing.
    """
    return {
        layer: float((probe.weights[layer].detach() * gradient).sum()) for layer, gradient in probe.gradients.items()
    }
