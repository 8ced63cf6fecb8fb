"""grad_norm: the size of the first gradient (Abdelfattah et al., ICLR 2021)."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
    equation="sum over layers of ||dL/dw||",
    reads=("gradients",),
    published=reported(
        "Abdelfattah et al. 2021, all 15,625 cells",
        "nasbench201",
        cifar10=0.594,
        cifar100=0.637,
        imagenet16_120=0.578,
    )
    | suite_zero(nasbench101=0.383, darts=-0.016),
)
def grad_norm(probe: Probe) -> dict[str, float]:
    """By layer, the Euclidean norm of the gradient of the mean cross-entropy; the total is the norms' sum."""
    return {layer: float(gradient.norm()) for layer, gradient in probe.gradients.items()}
