"""Counting any module, and running it without a trace."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import InvalidInput
from workbench.networks.counting import count_module, weighted_layers
from workbench.networks.counts import Counts
from workbench.networks.preserved import preserved, seeded


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), (3, 6, 5), 8 * 6 * 5 * 3 * 9),
        (nn.Conv2d(4, 8, 3, stride=2, groups=2, bias=False), (4, 9, 9), 8 * 4 * 4 * 2 * 9),
        (nn.Conv1d(2, 5, 4), (2, 10), 5 * 7 * 2 * 4),
        (nn.ConvTranspose2d(3, 2, 2, stride=2), (3, 4, 4), 3 * 4 * 4 * 2 * 4),
        (nn.Linear(7, 3), (7,), 21),
        (nn.Linear(7, 3), (5, 7), 105),
        (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.AvgPool2d(2)), (3, 4, 4), 0),
    ],
)
def test_multiply_adds_follow_from_the_shapes(layer: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    params = sum(p.numel() for p in layer.parameters())
    assert count_module(layer, shape) == Counts(params, macs)


def test_a_layer_used_twice_computes_twice_and_is_stored_once() -> None:
    layer = nn.Linear(4, 4, bias=False)
    assert count_module(nn.Sequential(layer, nn.ReLU(), layer), (4,)) == Counts(16, 32)


def test_inputs_can_be_class_numbers() -> None:
    model = nn.Sequential(nn.Embedding(11, 4), nn.Flatten(), nn.Linear(12, 2))
    assert count_module(model, (3,), torch.int64) == Counts(44 + 26, 24)


def test_a_shape_that_does_not_fit_is_refused_with_the_shape() -> None:
    with pytest.raises(InvalidInput, match=r"cannot run on a batch of shape \(1, 5\)"):
        count_module(nn.Linear(4, 2), (5,))


def test_counting_leaves_no_trace() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.random.get_rng_state()
    count_module(model, (1, 5, 5))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == [True, True, True, False]
    assert not any(m._forward_hooks for m in model.modules())
    assert torch.equal(generator, torch.random.get_rng_state())


def test_weighted_layers_are_convolutions_and_linear_layers_by_name() -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Sequential(nn.Linear(2, 2)))
    assert list(weighted_layers(model)) == ["0", "2.0"]


def test_what_is_preserved_comes_back_even_after_an_error() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    model.eval()
    model[1].weight.requires_grad_(False)

    def interrupted() -> None:
        with preserved(model):
            model.train()
            model.requires_grad_(True)
            model(torch.randn(4, 2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not model[0].training
    assert not model[1].weight.requires_grad
    assert torch.equal(model[0].running_mean, torch.zeros(2))
    assert int(model[0].num_batches_tracked) == 0


def test_a_seed_decides_inside_and_disturbs_nothing_outside() -> None:
    def drawn() -> tuple[float, float, float]:
        return float(torch.rand(())), random.random(), float(np.random.rand())  # noqa: NPY002

    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = drawn()
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    with seeded(5):
        first = drawn()
    with seeded(5):
        assert drawn() == first
    with seeded(6):
        assert drawn() != first
    assert drawn() == expected
