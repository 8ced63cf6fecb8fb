"""ntk_cond: how unevenly an untrained network learns its inputs (TE-NAS, Chen et al., ICLR 2021)."""

from __future__ import annotations

import torch

from workbench.proxies.per_sample import logit_sum_kernel
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored


@proxy(
    better="lower",
    needs="inputs",
    cost="backward",
    of="function",
    paper="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), ICLR 2021",
    equation="largest / smallest eigenvalue of K, K_nm = dz_n/dw . dz_m/dw, z = sum of logits, first 16 inputs",
)
def ntk_cond(probe: Probe) -> float:
    """The condition number of the neural tangent kernel over the tensors called weights, by training-mode forward.

    It grows with the batch, of which the first 16 inputs are taken, as many as the authors do: each costs a
    backward pass through the graph of all of them, together 1.5 to 3 seconds of one core for a NAS-Bench-201
    network. The network keeps its own initialisation; the authors draw theirs anew (Kaiming, fan out).
    A relative error of the gradients is magnified by about the root of the number.
    """
    kernel = probe.once(logit_sum_kernel)
    if isinstance(kernel, Unscored):
        return kernel
    if len(kernel) < 2:
        return Unscored("a condition number says something of two inputs and more")
    if not kernel.isfinite().all():
        return Unscored("the gradients by input are not finite")
    spectrum = torch.linalg.eigvalsh(kernel)
    # Rounding of the gradients moves the root of an eigenvalue by this share of the largest root.
    rounding = len(spectrum) * torch.finfo(torch.float32).eps
    if spectrum[0] <= spectrum[-1] * rounding**2:
        return Unscored("the gradients of the inputs are not independent: the kernel is singular")
    return float(spectrum[-1] / spectrum[0])
