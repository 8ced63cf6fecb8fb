"""n_layers: the number of trainable layers, a free baseline."""

from __future__ import annotations

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported


@proxy(
    better="higher",
    needs="none",
    cost="free",
    paper="a baseline; reported by Tybl & Neumann, VKDNW, CVPR 2025",
    equation="number of convolutions and linear layers that are trained",
    published=reported(
        "Tybl & Neumann, VKDNW, CVPR 2025, table 1, 9,445 unique cells",
        "nasbench201",
        cifar10=0.767,
        cifar100=0.787,
        imagenet16_120=0.764,
    ),
)
def n_layers(probe: Probe) -> float:
    """Convolutions and linear layers whose weight is trained, dead edges included; frozen layers do not count."""
    return float(sum(weight.requires_grad for weight in probe.weights.values()))
