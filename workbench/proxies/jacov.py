"""jacov: how differently an untrained network answers to its inputs (Mellor et al., 2020, first version)."""

from __future__ import annotations

import torch

from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero
from workbench.proxies.unscored import Unscored

_K = 1e-5


def correlations(jacobian: torch.Tensor) -> torch.Tensor | Unscored:
    """The correlation coefficients (n, n) of the rows of a Jacobian (n, values), in float64."""
    if not bool(jacobian.isfinite().all()):
        return Unscored("the gradient with respect to the inputs is not finite")
    found = torch.corrcoef(jacobian.to("cpu", torch.float64)).reshape(len(jacobian), len(jacobian))
    if not bool(found.isfinite().all()):
        return Unscored("the output does not depend on every input, and no dependence has no correlation")
    return found


@proxy(
    better="higher",
    needs="inputs",
    cost="backward",
    of="function",
    paper="Mellor et al., Neural Architecture Search without Training, arXiv:2006.04647v1, 2020",
    equation="-sum over eigenvalues v of corr(J) of log(v + k) + 1 / (v + k), J = d(sum of logits)/dx, k = 1e-5",
    reads=("input_jacobian",),
    published=reported(
        "Abdelfattah et al. 2021 (as jacob_cov), all 15,625 cells",
        "nasbench201",
        cifar10=0.731,
        cifar100=0.704,
        imagenet16_120=0.701,
    )
    | suite_zero(nasbench101=-0.499, darts=-0.041),
)
def jacov(probe: Probe) -> float:
    """At most minus the number of inputs, where no two are answered alike; compare only equal batch sizes."""
    jacobian = probe.input_jacobian
    if jacobian is None:
        return Unscored("the inputs are no real numbers: there is no gradient with respect to them")
    if len(jacobian.matrix) < 2:
        return Unscored("jacov compares inputs with each other: it takes a batch of at least two")
    alike = correlations(jacobian.matrix)
    if isinstance(alike, Unscored):
        return alike
    # corr(J) is never indefinite: eigenvalues below zero are rounding.
    spectrum = torch.linalg.eigvalsh(alike).clamp(min=0) + _K
    return -float((spectrum.log() + 1 / spectrum).sum())
