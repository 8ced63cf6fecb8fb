"""Adjacent banks: costs move slowly, banks keep the best and only so many, a resumed training goes on alike."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import workbench as wb
from workbench import supernets as sn
from workbench.errors import InvalidInput
from workbench.supernets.step import Step
from workbench.tasks.task import Batch, Splits

RECIPE = sn.Recipe(epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def data() -> Splits:
    parts = wb.task("digits").split(0)
    return Splits(*(Batch(part.x[:128], part.y[:128], part.source) for part in parts))


def mbconv() -> wb.Supernet:
    # Few gates are left, whose costs are spread widely.
    few = {"s1.depth": (1,), "s2.depth": (2,), "s1.width": (16,), "s2.width": (32,)}
    return wb.Supernet(wb.search_space("mbconv"), "digits", 0, options=few)


class Watched(sn.AdjacentBanks):
    """Keeps what it saw."""

    def learned(self, step: Step) -> None:
        super().learned(step)
        costs = [float(step.net.costs(run.gates)["macs"]) for run in step.runs]
        self.__dict__.setdefault("seen", []).append((self.bank, costs, [dict(run.gates) for run in step.runs]))


def test_consecutive_steps_lie_in_neighbouring_banks_and_sub_networks_within_theirs(data: Splits) -> None:
    net = mbconv()
    paths = Watched(2, banks=4, kept=3)
    sn.train(net, data, paths, recipe=RECIPE, teacher=sn.InPlace(), objective=sn.Distillation(), show=False)
    edges = paths.edges(net)
    width = float(edges[1] - edges[0])
    assert len(paths.seen) == 16
    assert {a[0] - b[0] for a, b in pairwise(paths.seen)} == {-1, 0, 1}
    inside = [edges[bank] <= cost <= edges[bank + 1] for bank, costs, _ in paths.seen for cost in costs[1:-1]]
    assert np.mean(inside) > 0.9  # else the nearest that was drawn
    kept = [(costs[1], ok) for (_, costs, _), ok in zip(paths.seen, inside[::2], strict=True)]
    for (before, ok), (after, also) in pairwise(kept):
        assert abs(after - before) <= 2 * width or not (ok and also)
    for _, _, runs in paths.seen:
        assert (runs[0], runs[-1]) == (net.largest(), net.smallest())


def test_a_bank_keeps_the_paths_of_least_loss_and_only_so_many(data: Splits) -> None:
    paths = Watched(2, banks=2, kept=3)
    sn.train(mbconv(), data, paths, recipe=RECIPE, show=False)
    assert any(len(bank) == 3 for bank in paths.memory)
    for bank in paths.memory:
        losses = [kept.loss for kept in bank]
        assert len(losses) <= 3
        assert losses == sorted(losses)
        assert len({tuple(kept.path.items()) for kept in bank}) == len(bank)


def test_what_was_kept_comes_back(data: Splits) -> None:
    paths = Watched(1, banks=1, kept=2, back=1.0)
    sn.train(mbconv(), data, paths, recipe=RECIPE, show=False)
    # From the second step on only the first path is in the memory.
    assert len({tuple(runs[1].items()) for _, _, runs in paths.seen}) == 1
    never = Watched(1, banks=1, kept=2, back=0.0)
    sn.train(mbconv(), data, never, recipe=RECIPE, show=False)
    assert len({tuple(runs[1].items()) for _, _, runs in never.seen}) > 10


def test_each_bank_has_the_largest_of_the_smallest_that_it_can_afford(data: Splits) -> None:
    net = mbconv()
    ranked = sorted(net.sample(30, seed=0), key=lambda arch: net.costs(arch)["macs"])
    several = [net.architecture(net.smallest()), ranked[8], ranked[20]]
    limits = [net.costs(arch)["macs"] for arch in several]
    paths = Watched(1, banks=4, smallest=several)
    sn.train(net, data, paths, recipe=RECIPE, show=False)
    low = paths.edges(net)
    for bank, costs, _ in paths.seen:
        expected = max([limit for limit in limits if limit <= low[bank]], default=limits[0])
        assert costs[-1] == expected


def test_a_training_that_is_taken_up_goes_on_as_an_undisturbed_one(data: Splits, tmp_path: Path) -> None:
    file = tmp_path / "kept.pt"

    class Stopped(sn.AdjacentBanks):
        def plan(self, step: Step) -> list[sn.paths.Run]:
            if step.index == 12:
                raise KeyboardInterrupt
            return super().plan(step)

    Stopped.__name__ = "AdjacentBanks"
    few = {"banks": 3, "patience": 10}
    begun, resumed, whole = mbconv(), mbconv(), mbconv()
    sn.train(begun, data, Stopped(**few), recipe=RECIPE, checkpoint=file, show=False)
    sn.train(resumed, data, sn.AdjacentBanks(**few), recipe=RECIPE, checkpoint=file, show=False)
    sn.train(whole, data, sn.AdjacentBanks(**few), recipe=RECIPE, show=False)
    theirs = whole.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in resumed.state_dict().items())


@pytest.mark.parametrize("settings", [{"banks": 0}, {"kept": 0}, {"back": 1.5}])
def test_settings_that_make_no_banks_are_refused(settings: dict) -> None:
    with pytest.raises(InvalidInput, match="banks and kept from 1 and back from 0 to 1; got"):
        sn.AdjacentBanks(**settings)
