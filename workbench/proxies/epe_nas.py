"""epe_nas: how alike an untrained network answers to the inputs of one class (Lopes et al., ICANN 2021)."""

from __future__ import annotations

from math import fsum

from workbench.proxies.jacov import correlations
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy, reported
from workbench.proxies.suite_zero import suite_zero
from workbench.proxies.unscored import Unscored

_K = 1e-5
_MANY = 100


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    of="function",
    paper="Lopes et al., EPE-NAS: Efficient Performance Estimation Without Training for NAS, ICANN 2021",
    equation="sum over classes of |s|, s = sum of log(|corr(J of the class)| + k), J = d(sum of logits)/dx, k = 1e-5",
    reads=("input_jacobian",),
    published=reported(
        "NAS-Bench-Suite-Zero's values of 724 cells against test accuracy",
        "nasbench201",
        cifar10=0.639,
        cifar100=0.422,
        imagenet16_120=0.104,
    )
    | suite_zero(nasbench101=-0.025, darts=-0.019),
)
def epe_nas(probe: Probe) -> float:
    """It needs several inputs of a class in the batch: with many classes it sees next to nothing.

    For more than 100 logits, each class's s is divided by its number of inputs, classes with a single input are
    left out, and the score is the sum of |s - s'| over pairs of classes, divided by their number.
    """
    jacobian = probe.input_jacobian
    if jacobian is None:
        return Unscored("the inputs are no real numbers: there is no gradient with respect to them")
    labels, many = probe.batch.y.cpu(), jacobian.n_logits > _MANY
    classes: list[float] = []
    for label in sorted(set(labels.tolist())):
        members = jacobian.matrix[(labels == label).to(jacobian.matrix.device)]
        if many and len(members) == 1:
            continue
        alike = correlations(members)
        if isinstance(alike, Unscored):
            return alike
        total = float((alike.abs() + _K).log().sum())
        classes.append(total / len(members) if many else total)
    if not many:
        return fsum(abs(s) for s in classes)
    if not classes:
        return Unscored("no class has two inputs in the batch")
    return fsum(abs(s - other) for s in classes for other in classes) / len(classes)
