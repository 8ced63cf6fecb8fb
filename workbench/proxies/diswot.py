"""diswot: how like a teacher an untrained student sees a batch (Dong, Li & Wei, CVPR 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.running import run
from workbench.proxies.blocks import blocks
from workbench.proxies.passes import undisturbed
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import Proxy
from workbench.proxies.tailored import Tailored
from workbench.proxies.unscored import Unscored


class View(NamedTuple):
    """What a network makes of a batch: its last features (n, D), its classifier's gradient (classes, width)."""

    features: torch.Tensor
    gradient: torch.Tensor


@dataclass(frozen=True)
class _Distance:
    """Minus the two distances between the teacher and what a probe looks at."""

    teacher: nn.Module

    def __call__(self, probe: Probe) -> float:
        teacher = view(Probe(self.teacher, probe.batch, probe.seed))
        student = view(probe)
        if isinstance(teacher, Unscored):
            return Unscored(f"the teacher {teacher.reason}")
        if isinstance(student, Unscored):
            return Unscored(f"the network {student.reason}")
        if teacher.gradient.shape != student.gradient.shape:
            return Unscored(
                f"the classifiers differ in (classes, width): {tuple(teacher.gradient.shape)} of the teacher, "
                f"{tuple(student.gradient.shape)} of the network"
            )
        relation = relation_distance(teacher.features, student.features)
        return -(relation + semantic_distance(teacher.gradient, student.gradient))


def diswot(teacher: nn.Module) -> Proxy:
    """The proxy of students of `teacher`, a network for the same images and classes, used as it is; higher is better.

    Score = -(relation distance + semantic distance). The last features are the outputs of the last block; the
    classifier is the last `nn.Linear`, and must be as wide in both networks, as in the authors' code. Their search on
    NAS-Bench-201 takes an untrained ResNet-56 for the teacher and, of the two terms, the second alone.
    """
    if not isinstance(teacher, nn.Module):
        raise InvalidInput(f"A teacher is a torch.nn.Module; got a {type(teacher).__name__}.")
    return Tailored(
        "diswot",
        better="higher",
        needs="labels",
        cost="backward",
        paper="Dong, Li & Wei, DisWOT: Student Architecture Search for Distillation WithOut Training, CVPR 2023",
        equation="-(|N(F F')_t - N(F F')_s|^2 / n^2 + mean over classes of |N(g g')_t - N(g g')_s|^2 / width)",
        function=_Distance(teacher),
    )


def view(probe: Probe) -> View | Unscored:
    """The last features and the classifier's gradient of the mean cross-entropy, in training mode.

    Raises `InvalidInput` where the network returns no row of logits for each label.
    """
    model, batch = probe.model, probe.batch
    linear = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        return Unscored("has no linear layer to classify with")
    last: list[torch.Tensor] = []

    def keep(_block: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim > 1 and len(output) == len(batch.x):
            last[:] = [output.detach().flatten(1).to(torch.float64)]

    with undisturbed(model, probe.seed, batch.x.device, differentiable=False):
        handles = [m.register_forward_hook(keep) for name, m in blocks(model).items() if name != linear[-1]]
        try:
            run(model, batch.x)
        finally:
            for handle in handles:
                handle.remove()
    gradient = probe.gradients[linear[-1]].to(torch.float64)
    if not last:
        return Unscored("has no block before its classifier")
    if not (gradient.isfinite().all() and last[0].isfinite().all()):
        return Unscored("has features or gradients that are not finite")
    if not gradient.any():
        return Unscored("has a classifier without a gradient")
    return View(last[0], gradient)


def relation_distance(teacher: torch.Tensor, student: torch.Tensor) -> float:
    """How differently two sets of features (n, D) relate n inputs: squared difference of normalised Gram matrices.

    The rows of F F' are brought to length 1 (Tung & Mori, ICCV 2019), and the sum is divided by n^2.
    """
    gram_t, gram_s = (nn.functional.normalize(f @ f.t(), dim=1) for f in (teacher, student))
    return float(((gram_t - gram_s) ** 2).mean())


def semantic_distance(teacher: torch.Tensor, student: torch.Tensor) -> float:
    """How differently two gradients (classes, width) relate the channels of a class.

    For each class the rows of g g' are brought to length 1 (Liu et al., ICCV 2021); the squared differences are summed
    and divided by classes times width.
    """
    total = 0.0
    for g_t, g_s in zip(teacher, student, strict=True):
        outer_t, outer_s = (nn.functional.normalize(torch.outer(g, g), dim=1) for g in (g_t, g_s))
        total += float(((outer_t - outer_s) ** 2).sum())
    return total / teacher.numel()
