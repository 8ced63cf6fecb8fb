"""synflow: how much of a constant signal the weights carry through (Tanaka et al., NeurIPS 2020)."""

from __future__ import annotations

from math import fsum, log

from workbench.errors import InvalidInput
from workbench.proxies import passes
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Layers, proxy, reported
from workbench.proxies.suite_zero import suite_zero
from workbench.proxies.unscored import Unscored


def log_of_sum(layers: Layers) -> float:
    """The natural logarithm of the sum, as NASLib reports it: the sum itself spans a hundred decades."""
    total = fsum(layers.values())
    if total == 0:
        return Unscored("no weight carries anything from the input to the output, and 0 has no logarithm")
    return log(total)


@proxy(
    better="higher",
    needs="none",
    cost="backward",
    of="function",
    paper="Tanaka et al., Pruning neural networks without any data, NeurIPS 2020",
    equation="log of the sum over weights of |w dR/dw|, R = sum of outputs for |w| and an input of ones",
    reads=("synaptic_flow",),
    published=reported(
        "Abdelfattah et al. 2021, all 15,625 cells",
        "nasbench201",
        cifar10=0.737,
        cifar100=0.763,
        imagenet16_120=0.751,
    )
    | suite_zero(nasbench101=0.648, darts=0.217),
    total=log_of_sum,
)
def synflow(probe: Probe) -> dict[str, float]:
    """By layer, the flow itself (not its logarithm), every batch normalisation bypassed, in float64.

    The code of Abdelfattah et al. keeps batch normalisation in the two reduction blocks; NASLib's, like this,
    in none.
    """
    return probe.synaptic_flow


@proxy(
    better="higher",
    needs="none",
    cost="backward",
    of="function",
    paper="Tanaka et al., NeurIPS 2020; with batch normalisation in the code of Abdelfattah et al., ICLR 2021",
    equation="synflow's, with batch normalisation in training mode on the one input of ones",
    total=log_of_sum,
)
def synflow_bn(probe: Probe) -> dict[str, float] | Unscored:
    """By layer, the flow itself (not its logarithm), every batch normalisation kept, in float64.

    Normalisation undoes the size of what comes before it, so that this tells other things than `synflow`.
    """
    try:
        return probe.once(_normalised_flow)
    except InvalidInput as error:
        if "Expected more than 1 value per channel" in str(error):
            return Unscored("batch normalisation needs more than the one value a channel that a single input has")
        raise


def _normalised_flow(probe: Probe) -> dict[str, float]:
    return passes.synaptic_flow(probe.model, probe.weights, probe.shape, probe.seed, normalised=True)
