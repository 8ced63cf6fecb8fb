"""nwot: how well the ReLUs of an untrained network tell inputs apart (Mellor et al., ICML 2021)."""

from __future__ import annotations

import torch

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="inputs",
    cost="forward",
    paper="Mellor et al., Neural Architecture Search without Training, ICML 2021",
    equation="log |det K|, K = sum over ReLUs of x x' + (1 - x)(1 - x)', x = 1[output > 0]",
    reads=("relu_kernel",),
    published=reported(
        "NAS-Bench-Suite-Zero's values of 724 cells against test accuracy",
        "nasbench201",
        cifar10=0.798,
        cifar100=0.813,
        imagenet16_120=0.796,
    )
    | suite_zero(darts=0.555),
)
def nwot(probe: Probe) -> float:
    """The log-determinant of the ReLUs' kernel; it grows with the batch: compare only equal batch sizes."""
    kernel = probe.relu_kernel
    if not kernel.n_units:
        return Unscored("the network has no nn.ReLU module (calls of the function relu are not seen)")
    # K is symmetric and never indefinite: a smallest eigenvalue within rounding of 0 means that det K is 0.
    spectrum = torch.linalg.eigvalsh(kernel.matrix)
    if spectrum[0] <= spectrum[-1] * len(spectrum) * torch.finfo(spectrum.dtype).eps:
        return Unscored("the ReLUs do not tell the inputs apart: the kernel is singular")
    return float(spectrum.log().sum())
