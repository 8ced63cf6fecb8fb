"""Objectives on features: what a sub-network's blocks give is to be like what its teacher's blocks give."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch.nn import functional as F

from workbench.errors import InvalidInput
from workbench.supernets.objectives import Objective
from workbench.supernets.step import Outputs


class FeatureObjective(Objective):
    """`ratio` x the mean over blocks of `apart` + `labels` x the cross entropy; labels alone where nobody teaches.

    A sub-network of fewer blocks than its teacher is compared at the same depths in proportion, the last with the last.
    """

    reads_features = True

    def __init__(self, *, ratio: float = 1.0, labels: float = 1.0) -> None:
        self.ratio, self.labels = ratio, labels

    @abstractmethod
    def apart(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """How much a block's output differs from the teacher's, a scalar."""

    def __call__(self, outputs: Outputs, labels: torch.Tensor, taught: Outputs | None = None) -> torch.Tensor:
        """The mean over the batch."""
        by_labels = F.cross_entropy(outputs.logits, labels)
        if taught is None:
            return by_labels
        pairs = matched(outputs.features, taught.features)
        total = torch.stack([self.apart(student, teacher.detach()) for student, teacher in pairs]).mean()
        return self.ratio * total + self.labels * by_labels


class BlockwiseDistillation(FeatureObjective):
    """Every block's output is to be the teacher's: mean squared error / variance of the teacher's.

    The distance of Li et al., DNA, CVPR 2020, equation 5, for all blocks in one pass. Of wider features the leading
    ones are compared: those are the weights that the two share. Features of other places raise `InvalidInput`.
    """

    def apart(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """0 where equal, 1 for a student that gives the mean."""
        ours, theirs = leading_features(student, teacher)
        return F.mse_loss(ours, theirs) / theirs.var().clamp_min(1e-12)


class ConfigurationInvariant(FeatureObjective):
    """Features of every width point where those of the full width point, example by example: 1 - cosine.

    Configuration-invariant distillation (Aich et al., Efficient Controllable Multi-Task Architectures, ICCV 2023): what
    reads the features finds the same whatever configuration made them. Their size is left free, as a normalisation
    follows. Of wider features the leading ones are compared.
    """

    def apart(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """0 where they point alike, 2 where opposite."""
        ours, theirs = (features.flatten(1) for features in leading_features(student, teacher))
        return (1 - F.cosine_similarity(ours, theirs, dim=1)).mean()


class RelationDistillation(FeatureObjective):
    """Places are to be related as in the teacher: KL of the softmax of scaled products, `heads` relation heads.

    Wang et al., MiniLMv2, ACL Findings 2021, equation 2, as AutoDistil (Xu et al., NeurIPS 2022) trains supernets. The
    features are split into relation heads of their own, so that neither their width nor the number of attention heads
    has to be the teacher's. Places are a sequence's, or an image's.
    """

    def __init__(self, heads: int = 1, *, ratio: float = 1.0, labels: float = 1.0) -> None:
        super().__init__(ratio=ratio, labels=labels)
        if heads < 1:
            raise InvalidInput(f"RelationDistillation takes one relation head or more; got {heads}.")
        self.heads = heads

    def apart(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """In nats, the mean over examples, heads and places."""
        return relation_loss(student, teacher, self.heads)


def relation_loss(student: torch.Tensor, teacher: torch.Tensor, heads: int = 1) -> torch.Tensor:
    """KL(teacher || student) of the relations of features (n, L, d), or (n, C, H, W), of any widths, in nats.

    For queries, keys or values of attention, all heads side by side, it is their Q-Q, K-K or V-V relation.
    """
    ours, theirs = (relations(features, heads) for features in (student, teacher))
    if ours.shape != theirs.shape:
        raise InvalidInput(
            f"Relations need the same places on both sides: the student's features are {tuple(student.shape)}, the "
            f"teacher's {tuple(teacher.shape)}."
        )
    return (theirs.exp() * (theirs - ours)).sum(-1).mean()


def relations(features: torch.Tensor, heads: int = 1) -> torch.Tensor:
    """The relations log softmax(F F^T / sqrt(d)) over places, (n, heads, L, L); features left over do not count."""
    places = features.flatten(2).transpose(1, 2) if features.ndim == 4 else features
    d = places.shape[-1] // heads
    if d == 0:
        raise InvalidInput(f"{places.shape[-1]} features cannot be split into {heads} relation heads.")
    apart = places[..., : d * heads].reshape(*places.shape[:2], heads, d).transpose(1, 2)
    related: torch.Tensor = apart @ apart.transpose(-1, -2) / d**0.5
    return related.log_softmax(-1)


def matched(
    student: tuple[torch.Tensor, ...], teacher: tuple[torch.Tensor, ...]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Each of the student's features with the teacher's at the same depth in proportion, the last with the last."""
    if not student or not teacher:
        raise InvalidInput(
            f"The student gives {len(student)} features, its teacher {len(teacher)}: a teacher that is a supernet "
            "gives its blocks' outputs."
        )
    n, m = len(student), len(teacher)
    return [(feature, teacher[(number + 1) * m // n - 1 if m >= n else min(number, m - 1)])
            for number, feature in enumerate(student)]  # fmt: skip


def leading_features(student: torch.Tensor, teacher: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both cut to the features of the narrower: channels of images (n, C, H, W), features of sequences (n, L, d)."""
    axis = 1 if student.ndim == 4 else -1
    common = min(student.shape[axis], teacher.shape[axis])
    ours, theirs = (features.narrow(axis, 0, common) for features in (student, teacher))
    if ours.shape != theirs.shape:
        raise InvalidInput(
            f"Features of {tuple(student.shape)} cannot be compared with a teacher's of {tuple(teacher.shape)}: only "
            "their widths may differ."
        )
    return ours, theirs
