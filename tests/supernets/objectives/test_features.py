"""Features are to be like the teacher's, whatever the widths, depths and heads of the sub-network."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.spaces.autoformer import AutoFormer
from workbench.supernets.objectives.features import matched, relation_loss
from workbench.supernets.step import Outputs

OBJECTIVES = [sn.BlockwiseDistillation(), sn.RelationDistillation(2), sn.ConfigurationInvariant()]
LABELS = torch.arange(4)


def outputs(*features: torch.Tensor) -> Outputs:
    return Outputs(torch.zeros(4, 10), features)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
@pytest.mark.parametrize("shape", [(4, 8, 5, 5), (4, 17, 8)])
def test_identical_features_lose_nothing_and_others_do(objective: sn.FeatureObjective, shape: tuple[int, ...]) -> None:
    features, by_labels = torch.randn(*shape), torch.log(torch.tensor(10.0))
    same = objective(outputs(features), LABELS, outputs(features.clone()))
    assert float(same - by_labels) == pytest.approx(0, abs=1e-6)
    assert objective(outputs(features), LABELS, outputs(torch.randn(*shape))) > by_labels + 1e-3
    assert objective(outputs(features), LABELS, None) == by_labels
    assert objective.reads_features


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_the_gradient_goes_to_the_student_alone_and_brings_it_nearer(objective: sn.FeatureObjective) -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 9, 8, requires_grad=True), torch.randn(4, 9, 8, requires_grad=True)
    before = objective(outputs(student), LABELS, outputs(teacher))
    before.backward()
    assert teacher.grad is None
    moved = (student - 0.1 * student.grad / student.grad.abs().max()).detach()
    assert objective(outputs(moved), LABELS, outputs(teacher)) < before


def test_relations_do_not_ask_how_many_heads_or_features_there_are() -> None:
    torch.manual_seed(0)
    queries = torch.randn(4, 9, 24)
    turned = queries @ torch.linalg.qr(torch.randn(24, 24))[0]  # other features, the same products
    assert float(relation_loss(turned, queries)) == pytest.approx(0, abs=1e-6)
    by_heads = queries.unflatten(-1, (6, 4)).flip(2).flatten(2)  # six heads in another order
    assert float(relation_loss(by_heads, queries)) == pytest.approx(0, abs=1e-6)
    doubled = torch.cat([queries, queries], dim=-1) * 2**-0.25  # twice as wide: F F^T grows by sqrt(2), as sqrt(d) does
    assert float(relation_loss(doubled, queries)) == pytest.approx(0, abs=1e-6)
    assert relation_loss(queries[..., :12], queries) > 0
    with pytest.raises(InvalidInput, match="the same places"):
        relation_loss(queries[:, :5], queries)
    with pytest.raises(InvalidInput, match="24 features cannot be split into 25"):
        relation_loss(queries, queries, 25)
    with pytest.raises(InvalidInput, match="got 0"):
        sn.RelationDistillation(0)


def test_the_relation_is_the_softmax_of_scaled_products() -> None:
    student, teacher = torch.randn(4, 5, 6), torch.randn(4, 5, 8)
    p = (teacher @ teacher.transpose(1, 2) / 8**0.5).softmax(-1)
    q = (student @ student.transpose(1, 2) / 6**0.5).softmax(-1)
    torch.testing.assert_close(relation_loss(student, teacher), (p * (p / q).log()).sum(-1).mean())


def test_a_block_that_gives_the_mean_is_one_apart() -> None:
    teacher = torch.randn(4, 3, 8, 8)
    lost = sn.BlockwiseDistillation(labels=0)(outputs(teacher.mean().expand_as(teacher)), LABELS, outputs(teacher))
    assert float(lost) == pytest.approx(1, rel=0.01)


def test_widths_are_cut_and_depths_matched() -> None:
    teacher = tuple(torch.full((4, 8, 2, 2), float(number)) for number in range(4))
    assert [int(t.mean()) for _, t in matched(teacher[:2], teacher)] == [1, 3]
    assert [int(t.mean()) for _, t in matched(teacher, teacher)] == [0, 1, 2, 3]
    assert [int(t.mean()) for _, t in matched(teacher, teacher[:2])][-1] == 1
    wide = torch.randn(4, 8, 2, 2)
    for objective in (OBJECTIVES[0], OBJECTIVES[2]):
        lost = objective(outputs(wide[:, :5]), LABELS, outputs(wide))
        assert float(lost) == pytest.approx(float(torch.log(torch.tensor(10.0))), abs=1e-5)
        with pytest.raises(InvalidInput, match="only their widths may differ"):
            objective(outputs(wide[..., :1]), LABELS, outputs(wide))
    with pytest.raises(InvalidInput, match="its teacher 0"):
        matched((wide,), ())


def test_only_the_direction_counts_for_invariance() -> None:
    features = torch.randn(4, 9, 8)
    lost = sn.ConfigurationInvariant(labels=0)(outputs(3 * features), LABELS, outputs(features))
    assert float(lost) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("space", "objective"),
    [("mbconv", OBJECTIVES[0]), ("autoformer", OBJECTIVES[1]), ("mbconv", OBJECTIVES[2])],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_all_widths_depths_and_heads_of_a_supernet_learn_from_its_largest(
    objective: sn.FeatureObjective, space: str
) -> None:
    whole = wb.task("digits").split(0)
    data = whole._replace(train=whole.train._replace(x=whole.train.x[:64], y=whole.train.y[:64]))
    net = wb.Supernet(AutoFormer.digits() if space == "autoformer" else wb.search_space(space), "digits", 0)
    before = {name: parameter.clone() for name, parameter in net.named_parameters()}
    recipe = sn.Recipe(epochs=1, batch_size=32)
    sn.train(net, data, sn.Sandwich(1), objective=objective, teacher=sn.InPlace(), recipe=recipe, show=False)
    assert any(not torch.equal(parameter, before[name]) for name, parameter in net.named_parameters())
