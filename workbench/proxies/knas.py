"""knas: how much the inputs' gradients pull together (Xu et al., ICML 2021)."""

from __future__ import annotations

from workbench.proxies.per_sample import mean_output_gradients
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    of="function",
    paper="Xu et al., KNAS: Green Neural Architecture Search, ICML 2021",
    equation="mean over pairs of inputs of dz_n/dw . dz_m/dw = ||mean over inputs of dz_n/dw||^2, z = sum of logits",
)
def knas(probe: Probe) -> float | dict[str, float]:
    """By layer, the mean of the Gram matrix of the outputs' gradients; the total is their sum, the paper's MGM.

    The mean over all pairs is the squared norm of the mean gradient, so that one backward pass gives it for the
    whole batch, without a gradient by input. The authors' code computes something else: gradients of the LOSS at 50
    steps of batches, the first 100 values of about eleven tensors of at least 50, 50 of these values centred
    over steps, and the first 25 steps multiplied with the last 25.
    """
    gradients = probe.once(mean_output_gradients)
    if isinstance(gradients, Unscored):
        return gradients
    return {layer: float(gradient.double().square().sum()) for layer, gradient in gradients.items()}
