"""Objectives: cross entropy, distillation and the adaptive alpha-divergence against their formulas."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.objectives import kl
from workbench.supernets.step import Outputs


def logits(seed: int, scale: float = 1.0, n: int = 8) -> torch.Tensor:
    return scale * torch.randn(n, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient(divergence, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    leaf = student.clone().requires_grad_()
    (found,) = torch.autograd.grad(divergence(leaf, teacher), leaf)
    return found


def test_kl_is_that_of_torch_and_its_gradient_is_q_minus_p() -> None:
    student, teacher = logits(0), logits(1)
    q, p = student.softmax(-1), teacher.softmax(-1)
    assert torch.allclose(kl(student, teacher), F.kl_div(q.log(), p, reduction="batchmean"))
    assert torch.allclose(gradient(kl, student, teacher), (q - p) / len(q))


def test_at_alpha_1_value_and_gradient_are_those_of_kl() -> None:
    student, teacher = logits(0), logits(1)
    alone = sn.alpha_divergence(1.0, 1.0)
    assert torch.allclose(alone(student, teacher), kl(student, teacher))
    assert torch.allclose(gradient(alone, student, teacher), gradient(kl, student, teacher), atol=1e-12)


def test_at_alpha_0_it_is_the_other_kl() -> None:
    student, teacher = logits(0), logits(1)
    alone = sn.alpha_divergence(0.0, 0.0)

    def reverse(q: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        return (q.softmax(-1) * (q.log_softmax(-1) - p.log_softmax(-1))).sum(-1).mean()

    assert torch.allclose(alone(student, teacher), reverse(student, teacher))
    assert torch.allclose(gradient(alone, student, teacher), gradient(reverse, student, teacher), atol=1e-12)


@pytest.mark.parametrize("alpha", [-1.0, -0.5, 0.5, 2.0])
def test_unclipped_the_gradient_is_that_of_the_divergence_itself(alpha: float) -> None:
    student, teacher = logits(0), logits(1)

    def formula(q_logits: torch.Tensor, p_logits: torch.Tensor) -> torch.Tensor:
        q, p = q_logits.softmax(-1), p_logits.softmax(-1)
        return (((q ** (1 - alpha) * p**alpha).sum(-1) - 1) / (alpha * (alpha - 1))).mean()

    ours = sn.alpha_divergence(alpha, alpha, clip=1e9)
    assert torch.allclose(ours(student, teacher), formula(student, teacher))
    assert torch.allclose(gradient(ours, student, teacher), gradient(formula, student, teacher), atol=1e-10)


def test_the_larger_side_is_taken_for_each_example_and_ratios_are_clipped_to_5() -> None:
    # Written out in numbers, example by example: equations 6 to 8 with a = -1 and 1.
    student, teacher = logits(2, 2.0), logits(3, 2.0)
    q, p = student.softmax(-1).numpy(), teacher.softmax(-1).numpy()
    left = (q * (np.minimum(q / p, 5) / 2 - 0.5)).sum(1)
    right = (p * np.log(p / q)).sum(1)
    assert (left > right).any()
    assert (left < right).any()
    ours = sn.alpha_divergence()(student, teacher)
    assert float(ours) == pytest.approx(np.maximum(left, right).mean())
    # The surrogate -sum q rho log q has the gradient -(v - q sum v), v = q rho.
    rho = np.where((left > right)[:, None], -np.minimum(q / p, 5) + 0.5, p / q)
    v = q * rho
    expected = -(v - q * v.sum(1, keepdims=True)) / len(q)
    assert np.allclose(gradient(sn.alpha_divergence(), student, teacher).numpy(), expected)


@pytest.mark.parametrize("divergence", [kl, sn.alpha_divergence(), sn.alpha_divergence(0.0, 0.5)])
def test_nothing_is_to_be_learned_from_an_equal(divergence) -> None:
    same = logits(0)
    assert float(divergence(same, same + 3.0)) == pytest.approx(0, abs=1e-9)
    assert gradient(divergence, same, same + 3.0).abs().max() < 1e-9


@pytest.mark.parametrize("scale", [50.0, 1e4])
@pytest.mark.parametrize("divergence", [kl, sn.alpha_divergence(), sn.alpha_divergence(-1.0, 2.0)])
def test_extreme_logits_stay_finite(divergence, scale: float) -> None:
    student, teacher = logits(0, scale).float(), logits(1, scale).float()
    assert torch.isfinite(divergence(student, teacher))
    assert torch.isfinite(gradient(divergence, student, teacher)).all()


def test_the_teacher_gets_no_gradient() -> None:
    for divergence in (kl, sn.alpha_divergence()):
        teacher = logits(1).requires_grad_()
        divergence(logits(0).requires_grad_(), teacher).backward()
        assert teacher.grad is None


def test_distillation_mixes_as_it_is_told_and_learns_from_labels_where_nobody_teaches() -> None:
    labels = torch.arange(8)
    student, teacher = Outputs(logits(0)), Outputs(logits(1))
    entropy = F.cross_entropy(student.logits, labels)
    both = sn.Distillation(ratio=2.0, labels=0.5)(student, labels, teacher)
    assert torch.allclose(both, 2 * kl(student.logits, teacher.logits) + 0.5 * entropy)
    assert torch.equal(sn.Distillation()(student, labels, teacher), kl(student.logits, teacher.logits))
    assert torch.equal(sn.Distillation(ratio=2.0)(student, labels, None), entropy)
    assert torch.equal(sn.CrossEntropy()(student, labels, teacher), entropy)
    smoothed = F.cross_entropy(student.logits, labels, label_smoothing=0.1)
    assert torch.equal(sn.CrossEntropy(0.1)(student, labels), smoothed)


def test_a_teacher_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"outputs of shape \(8, 7\) where the sub-network gives \(8, 10\)"):
        sn.Distillation()(Outputs(logits(0)), torch.arange(8), Outputs(logits(1)[:, :7]))


def test_the_divergence_grows_with_the_distance() -> None:
    teacher = logits(1)
    values = [float(sn.alpha_divergence()(teacher + step * logits(0), teacher)) for step in (0, 0.5, 1, 2)]
    assert all(a < b for a, b in pairwise(values))
