"""Learning rates over a training."""

import math
from itertools import pairwise

import pytest
import torch

from workbench import supernets as sn
from workbench.errors import InvalidInput, UnknownName
from workbench.supernets.recipe import SCHEDULES


@pytest.mark.parametrize("power", [1.0, 2.0, 10.0])
@pytest.mark.parametrize("schedule", ["cosine", "cosine_power"])
def test_cosines_begin_at_lr_end_at_min_lr_and_fall_between(schedule, power):
    recipe = sn.Recipe(lr=0.3, min_lr=0.02, schedule=schedule, power=power)
    assert recipe.rate(0.0) == pytest.approx(0.3, abs=1e-12)
    assert recipe.rate(1.0) == pytest.approx(0.02, abs=1e-12)
    rates = [recipe.rate(step / 50) for step in range(51)]
    assert all(a > b for a, b in pairwise(rates))


@pytest.mark.parametrize("schedule", ["cosine", "cosine_power"])
def test_a_power_of_one_is_torchs_cosine_annealing(schedule):
    recipe = sn.Recipe(lr=0.1, min_lr=0.004, schedule=schedule, power=1.0)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], 0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40, eta_min=0.004)
    for step in range(41):
        assert recipe.rate(step / 40) == pytest.approx(optimiser.param_groups[0]["lr"], abs=1e-12)
        optimiser.step()
        theirs.step()


def test_cosine_power_annealing_is_the_papers_formula():
    recipe = sn.Recipe(lr=0.025, min_lr=1e-4, schedule="cosine_power", power=10.0)
    for progress in (0.1, 0.5, 0.9):
        raised = 10 ** ((1 + math.cos(math.pi * progress)) / 2 + 1)
        assert recipe.rate(progress) == pytest.approx(1e-4 + (0.025 - 1e-4) * (raised - 10) / 90, rel=1e-12)


def test_a_larger_power_falls_earlier():
    halves = [sn.Recipe(schedule="cosine_power", power=power).rate(0.5) for power in (1, 2, 10, 100)]
    assert all(a > b for a, b in pairwise(halves))


def test_the_exponential_schedule_stays_at_a_twentieth():
    recipe = sn.Recipe(lr=1.0, schedule="exponential")
    assert recipe.rate(0.0) == 1.0
    assert recipe.rate(0.8) == pytest.approx(0.05)
    assert recipe.rate(1.0) == 0.05


def test_the_constant_schedule_is_constant():
    assert {sn.Recipe(lr=0.2, schedule="constant").rate(p) for p in (0.0, 0.4, 1.0)} == {0.2}


def test_the_optimiser_is_made_as_the_recipe_says():
    weights = [torch.nn.Parameter(torch.zeros(2))]
    sgd = sn.Recipe(lr=0.2, momentum=0.8, weight_decay=0.01).optimiser_of(weights)
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["lr"], sgd.defaults["momentum"], sgd.defaults["weight_decay"]) == (0.2, 0.8, 0.01)
    assert isinstance(sn.Recipe(optimiser="adam").optimiser_of(weights), torch.optim.Adam)


def test_what_a_recipe_cannot_be_is_said():
    with pytest.raises(UnknownName, match="cosine_powr") as unknown:
        sn.Recipe(schedule="cosine_powr")
    assert "cosine_power" in str(unknown.value)
    assert set(SCHEDULES) == {"cosine", "constant", "exponential", "cosine_power"}
    with pytest.raises(UnknownName, match="optimiser"):
        sn.Recipe(optimiser="sdg")
    for wrong in ({"epochs": 0}, {"batch_size": 1}, {"lr": 0}, {"min_lr": 0.1, "lr": 0.05}):
        with pytest.raises(InvalidInput, match="A recipe takes epochs from 1"):
            sn.Recipe(**wrong)
