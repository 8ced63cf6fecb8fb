"""Objectives: what the output of a sub-network is to be, by labels or by a teacher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.supernets.step import Outputs

Divergence = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Objective(ABC):
    """The loss of a sub-network's outputs; `taught` are those of its teacher, where it has one."""

    reads_features = False

    @abstractmethod
    def __call__(self, outputs: Outputs, labels: torch.Tensor, taught: Outputs | None) -> torch.Tensor:
        """A scalar; lower is better."""


class CrossEntropy(Objective):
    """The cross entropy with the labels, smoothed by `smoothing`; a teacher is not listened to."""

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def __call__(self, outputs: Outputs, labels: torch.Tensor, taught: Outputs | None = None) -> torch.Tensor:
        """The mean over the batch, in nats."""
        return F.cross_entropy(outputs.logits, labels, label_smoothing=self.smoothing)


class Distillation(Objective):
    """`ratio` x the divergence from the teacher + `labels` x the cross entropy; labels alone where nobody teaches.

    In-place distillation (Yu et al., BigNAS, ECCV 2020) is `Distillation()`: soft labels only. Once-for-All's loss is
    `Distillation(labels=1.0)`, SD-DARTS' too, with other teachers.
    """

    def __init__(self, divergence: Divergence | None = None, *, ratio: float = 1.0, labels: float = 0.0) -> None:
        self.divergence = divergence or kl
        self.ratio, self.labels = ratio, labels

    def __call__(self, outputs: Outputs, labels: torch.Tensor, taught: Outputs | None = None) -> torch.Tensor:
        """The mean over the batch, in nats."""
        if taught is None:
            return F.cross_entropy(outputs.logits, labels)
        check_shapes(outputs.logits, taught.logits)
        total = self.ratio * self.divergence(outputs.logits, taught.logits)
        return total + self.labels * F.cross_entropy(outputs.logits, labels) if self.labels else total


def kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """KL(p || q) of the teacher's p and the student's q, both given as logits (n, classes); the mean over n."""
    log_p = F.log_softmax(teacher.detach(), dim=-1)
    return (log_p.exp() * (log_p - F.log_softmax(student, dim=-1))).sum(-1).mean()


def alpha_divergence(low: float = -1.0, high: float = 1.0, clip: float = 5.0) -> Divergence:
    """The adaptive alpha-divergence of AlphaNet (Wang et al., ICML 2021, equations 6 to 8), for `Distillation`.

    D_a(p || q) = E_q[f(p / q)], f(r) = r^a / (a (a - 1)); of the `low` and the `high` a the larger for each example:
    over- and underestimation are both punished. r^a is clipped to `clip`, and its gradient is the surrogate
    -sum q rho log q with rho = r^a / a, so that it stays finite.
    """

    def divergence(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        sides = [_alpha(student, teacher.detach(), alpha, clip) for alpha in (low, high)]
        values = torch.stack([value for value, _ in sides])
        surrogates = torch.stack([surrogate for _, surrogate in sides])
        chosen = values.argmax(0, keepdim=True)
        value, surrogate = values.gather(0, chosen).mean(), surrogates.gather(0, chosen).mean()
        return value + (surrogate - surrogate.detach())

    return divergence


def _alpha(
    student: torch.Tensor, teacher: torch.Tensor, alpha: float, clip: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The divergence (n,) without a gradient, and a surrogate (n,) with its gradient."""
    log_q, log_p = F.log_softmax(student, dim=-1), F.log_softmax(teacher, dim=-1)
    q, p = log_q.detach().exp(), log_p.exp()
    log_ratio = log_p - log_q.detach()
    if abs(alpha) < 1e-6:  # the limit KL(q || p)
        return (-q * log_ratio).sum(-1), -(q * (log_ratio - 1) * log_q).sum(-1)
    if abs(alpha - 1) < 1e-6:  # the limit KL(p || q)
        return (p * log_ratio).sum(-1), -(p * log_q).sum(-1)
    power = (alpha * log_ratio).exp().clamp(max=clip)
    value = (q * (power - 1) / (alpha * (alpha - 1))).sum(-1)
    return value, -(q * (power / alpha + 1 / (alpha * (alpha - 1))) * log_q).sum(-1)


def check_shapes(student: torch.Tensor, teacher: torch.Tensor) -> None:
    """Raises `InvalidInput` where the teacher gives something of another shape."""
    if student.shape != teacher.shape:
        raise InvalidInput(
            f"The teacher gives outputs of shape {tuple(teacher.shape)} where the sub-network gives "
            f"{tuple(student.shape)}: a teacher must be trained for the same classes."
        )
