"""l2_norm: the size of the weights, which knows little but the network's depth and width (Abdelfattah et al., 2021)."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero


@proxy(
    better="higher",
    needs="none",
    # No pass is run, but the weights depend on the seed, which scores that are free do not.
    cost="forward",
    paper="a baseline; Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021",
    equation="sum over layers of ||w||",
    published=reported(
        "NAS-Bench-Suite-Zero's values of 724 cells against test accuracy",
        "nasbench201",
        cifar10=0.736,
        cifar100=0.747,
        imagenet16_120=0.740,
    )
    | suite_zero(nasbench101=0.547, darts=0.524),
)
def l2_norm(probe: Probe) -> dict[str, float]:
    """By layer, the Euclidean norm of its weight; the total is the norms' sum, not the norm of all weights."""
    return {layer: float(weight.detach().norm()) for layer, weight in probe.weights.items()}
