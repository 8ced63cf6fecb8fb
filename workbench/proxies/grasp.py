"""grasp: what removing each weight would do to the gradient's flow (Wang et al., ICLR 2020)."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Wang et al., Picking Winning Tickets Before Training by Preserving Gradient Flow, ICLR 2020",
    equation="sum over weights of -w (H g), H and g the Hessian and the gradient of L",
    reads=("curvature",),
    published=reported(
        "Abdelfattah et al. 2021, all 15,625 cells",
        "nasbench201",
        cifar10=0.514,
        cifar100=0.547,
        imagenet16_120=0.549,
    )
    | suite_zero(nasbench101=-0.025, darts=0.296),
)
def grasp(probe: Probe) -> dict[str, float] | Unscored:
    """By layer, the sum of -w (H g) for the mean cross-entropy L; the sign is Abdelfattah et al.'s.

    The dearest of the proxies of one batch: it differentiates the backward pass once more.
    """
    return probe.curvature
